"""Grouping Header and MAC Header, the outside of every GBCS message (GBCS section 7.2).

All integers are big-endian. The content length that follows the Grouping Header belongs to the payload
and is handled in ``message``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from protocols.dlms.lazy_layout import lazy_layouts
from protocols.dlms.length import encode_length, read_length, take
from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64

if TYPE_CHECKING:
    from protocols.dlms.layout import Layout

GENERAL_SIGNING = 0xDF
GENERAL_CIPHERING = 0xDD
MAC_OCTETS = 12
# Security control octet (authentication only, suite 1) and the invocation counter, which is always zero.
SECURITY_HEADER = bytes.fromhex("1100000000")
# The same of a ciphered block inside a payload (authentication and encryption), which its octets start with.
BLOCK_HEADER = bytes.fromhex("3100000000")
# general-ciphering with its six optional fields absent.
_MAC_HEADER_START = bytes.fromhex("DD000000000000")
# What every Grouping Header starts with: DF 09, CRA flag, counter, 08, originator, 08, target, length of the
# date-time. In most nothing but 02 and the message code follow.
_START = struct.Struct(">2sBQB8sB8sB")
_PLAIN = struct.Struct(_START.format + "BH")
_START_OCTETS = b"\xdf\x09"
# CRA flag and counter.
_TRANSACTION = struct.Struct(">BQ")


class CraFlag(IntEnum):
    """What a message is."""

    COMMAND = 1
    RESPONSE = 2
    ALERT = 3


_CRA_FLAGS = {flag.value: flag for flag in CraFlag}


@dataclass(slots=True)
class GroupingHeader:
    """The Grouping Header's fields.

    ``date_time`` is empty or 12 octets (DLMS date-time, some responses only). The supplementary fields follow
    the message code in other-information: a remote party and its counter where the Access Control Broker asks
    for a party the device does not know, then either the device's own counter (encrypted responses) or the
    party's Key Agreement ``certificate`` (DER, commands for encrypted data).
    """

    cra_flag: CraFlag
    originator_counter: int
    business_originator_id: Eui64
    business_target_id: Eui64
    message_code: int
    date_time: bytes = b""
    supplementary_remote_party_id: Eui64 | None = None
    supplementary_remote_party_counter: int | None = None
    supplementary_originator_counter: int | None = None
    certificate: bytes = b""

    @property
    def reader(self) -> Eui64:
        """For whom ciphered blocks of this response or alert are: supplementary party, else target."""
        return self.supplementary_remote_party_id or self.business_target_id

    @property
    def transaction_id(self) -> bytes:
        """CRA flag and Originator Counter, 9 octets."""
        try:
            return _TRANSACTION.pack(self.cra_flag, self.originator_counter)
        except struct.error:
            return bytes((self.cra_flag,)) + _counter(self.originator_counter, "originator_counter")


def _counter(value: int, element: str) -> bytes:
    try:
        return value.to_bytes(8, "big")
    except OverflowError:
        raise EncodeError(f"{value} does not fit 64 bits", element=element) from None


def _eui64(value: bytes, element: str) -> bytes:
    if len(value) != 8:
        raise EncodeError(f"an EUI-64 has 8 octets, not {len(value)}", element=element)
    return bytes(value)


def _other_information(header: GroupingHeader) -> bytes:
    if not 0 <= header.message_code <= 0xFFFF:
        raise EncodeError(f"{header.message_code} does not fit 16 bits", element="message_code")
    out = header.message_code.to_bytes(2, "big")
    party, counter = header.supplementary_remote_party_id, header.supplementary_remote_party_counter
    own, certificate = header.supplementary_originator_counter, header.certificate
    if party is None:
        if counter is not None or own is not None or certificate:
            raise EncodeError(
                "missing beside other supplementary fields", element="supplementary_remote_party_id"
            )
        return out
    out += _eui64(party, "supplementary_remote_party_id")
    if counter is None:
        if own is not None or certificate:
            raise EncodeError(
                "missing beside a later supplementary field", element="supplementary_remote_party_counter"
            )
        return out
    out += _counter(counter, "supplementary_remote_party_counter")
    if own is not None and certificate:
        raise EncodeError("cannot stand beside supplementary_originator_counter", element="certificate")
    if own is not None:
        out += _counter(own, "supplementary_originator_counter")
    if certificate:
        out += _certificate(certificate)
    return out


def _certificate(certificate: bytes) -> bytes:
    problem = _certificate_problem(certificate)
    if problem:
        raise EncodeError(problem, element="certificate")
    return certificate


def _certificate_problem(certificate: bytes) -> str:
    """Why these octets cannot be one DER SEQUENCE; empty when they can."""
    if certificate[:1] != b"\x30":
        return f"a certificate starts with 0x30, not 0x{certificate[:1].hex()}"
    try:
        length, start = read_length(certificate, 1)
    except DecodeError as error:
        return f"certificate: {error.problem}"
    if start + length != len(certificate):
        return f"certificate says {start + length} octets, {len(certificate)} are there"
    return ""


def encode_grouping_header(header: GroupingHeader) -> bytes:
    """Octets from DF to the end of other-information; EncodeError names the field that does not fit."""
    if (
        header.supplementary_remote_party_id is None
        and not header.date_time
        and header.supplementary_remote_party_counter is None
        and header.supplementary_originator_counter is None
        and not header.certificate
        and (octets := _pack(_PLAIN, header, 0, 2, header.message_code))
    ):
        return octets
    if len(header.date_time) not in {0, 12}:
        raise EncodeError(f"0 or 12 octets, not {len(header.date_time)}", element="date_time")
    other = _other_information(header)
    start = _pack(_START, header, len(header.date_time)) or _start_of_odd_values(header)
    return start + header.date_time + encode_length(len(other), "other_information") + other


def _pack(layout: struct.Struct, header: GroupingHeader, *rest: int) -> bytes:
    """The header's first fields and the rest; nothing where a value does not fit."""
    originator, target = header.business_originator_id, header.business_target_id
    try:
        # struct would pad and cut, so the lengths are looked at here.
        if len(originator) == len(target) == 8:
            return layout.pack(
                _START_OCTETS, header.cra_flag, header.originator_counter, 8, originator, 8, target, *rest
            )
    except (struct.error, TypeError):
        pass
    return b""


def _start_of_odd_values(header: GroupingHeader) -> bytes:
    """The first fields one by one, to say which does not fit."""
    return b"".join(
        (
            _START_OCTETS,
            header.transaction_id,
            b"\x08",
            _eui64(header.business_originator_id, "business_originator_id"),
            b"\x08",
            _eui64(header.business_target_id, "business_target_id"),
            bytes((len(header.date_time),)),
        )
    )


def _fixed(data: bytes, offset: int, expected: int, path: str) -> int:
    if offset >= len(data):
        raise DecodeError(f"data ends where 0x{expected:02X} belongs", offset=offset, path=path)
    if data[offset] != expected:
        raise DecodeError(f"0x{data[offset]:02X} where 0x{expected:02X} belongs", offset=offset, path=path)
    return offset + 1


def parse_grouping_header(data: bytes, offset: int = 0) -> tuple[GroupingHeader, int]:
    """Grouping Header at ``offset`` and the offset of what follows; DecodeError with offset and path."""
    try:
        start, cra, counter, originator_octets, originator, target_octets, target, date_octets = (
            _START.unpack_from(data, offset)
        )
    except struct.error:
        raise _wrong_start(data, offset) from None
    flag = _CRA_FLAGS.get(cra)
    if (
        flag is None
        or start != _START_OCTETS
        or not originator_octets == target_octets == 8
        or date_octets not in {0, 12}
    ):
        raise _wrong_start(data, offset)
    at = offset + _START.size
    # The layout has checked what Eui64's own constructor would.
    header = GroupingHeader(flag, counter, bytes.__new__(Eui64, originator), bytes.__new__(Eui64, target), 0)
    if date_octets:
        header.date_time, at = take(data, at, date_octets, "date_time")
    return header, _read_other_information(header, data, at)


def _read_other_information(header: GroupingHeader, data: bytes, at: int) -> int:
    """Message code and what may follow it, into ``header``; the offset after it."""
    length, at = read_length(data, at, "other_information.length")
    other, end = take(data, at, length, "other_information")
    if length < 2:
        raise DecodeError("no message code", offset=at, path="message_code")
    header.message_code = other[0] << 8 | other[1]
    if length > 2:
        _read_supplementary(header, other, at)
    return end


def _wrong_start(data: bytes, offset: int) -> DecodeError:
    """What is wrong with the octets that a Grouping Header starts with, the first thing first."""
    try:
        at = _fixed(data, offset, GENERAL_SIGNING, "tag")
        at = _fixed(data, at, 9, "transaction_id.length")
        transaction, after = take(data, at, 9, "transaction_id")
        if transaction[0] not in _CRA_FLAGS:
            return DecodeError(f"CRA flag 0x{transaction[0]:02X}", offset=at, path="cra_flag")
        at = _fixed(data, after, 8, "business_originator_id.length")
        _, at = take(data, at, 8, "business_originator_id")
        at = _fixed(data, at, 8, "business_target_id.length")
        _, at = take(data, at, 8, "business_target_id")
        length, _ = read_length(data, at, "date_time.length")
    except DecodeError as error:
        return error
    return DecodeError(f"{length} octets where 0 or 12 belong", offset=at, path="date_time.length")


def _read_supplementary(header: GroupingHeader, other: bytes, offset: int) -> None:
    """The fields after the message code: 8, 16 or 24 octets, or 16 and a certificate."""
    if len(other) in {10, 18, 26} or len(other) > 26:
        header.supplementary_remote_party_id = Eui64(other[2:10])
    else:
        raise DecodeError(f"{len(other)} octets fit no known form", offset=offset, path="other_information")
    if len(other) >= 18:
        header.supplementary_remote_party_counter = int.from_bytes(other[10:18], "big")
    if len(other) == 26:
        header.supplementary_originator_counter = int.from_bytes(other[18:], "big")
    elif len(other) > 26:
        problem = _certificate_problem(other[18:])
        if problem:
            raise DecodeError(problem, offset=offset + 18, path="certificate")
        header.certificate = other[18:]


def encode_mac_header(length: int) -> bytes:
    """MAC Header before ``length`` octets of Grouping Header, payload, signature field and MAC."""
    return (
        _MAC_HEADER_START
        + encode_length(length + len(SECURITY_HEADER), "mac_header.length")
        + SECURITY_HEADER
    )


def parse_mac_header(data: bytes, offset: int = 0) -> tuple[int, int]:
    """How many octets follow the MAC Header at ``offset``, and the offset where they start."""
    at = offset + len(_MAC_HEADER_START)
    if data[offset:at] != _MAC_HEADER_START:
        for index, expected in enumerate(_MAC_HEADER_START):
            _fixed(data, offset + index, expected, "tag" if index == 0 else "optional_fields")
    length, start = read_length(data, at, "length")
    if length < len(SECURITY_HEADER):
        raise DecodeError(f"{length} octets cannot hold the security header", offset=at, path="length")
    end = start + len(SECURITY_HEADER)
    if data[start:end] != SECURITY_HEADER:
        for index, expected in enumerate(SECURITY_HEADER):
            _fixed(data, start + index, expected, "security_control" if index == 0 else "invocation_counter")
    return length - len(SECURITY_HEADER), end


GROUPING_HEADER: Layout
MAC_HEADER: Layout
if not TYPE_CHECKING:
    __getattr__ = lazy_layouts(
        GROUPING_HEADER=(parse_grouping_header, encode_grouping_header),
        MAC_HEADER=(parse_mac_header, encode_mac_header),
    )
