"""Grouping Header and MAC Header, the outside of every GBCS message (GBCS section 7.2).

All integers are big-endian. The content length that follows the Grouping Header belongs to the payload
and is handled in ``message``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from protocols.dlms.layout import Layout
from protocols.dlms.length import encode_length, read_length, take
from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64

GENERAL_SIGNING = 0xDF
GENERAL_CIPHERING = 0xDD
MAC_OCTETS = 12
# Security control octet (authentication only, suite 1) and the invocation counter, which is always zero.
SECURITY_HEADER = bytes.fromhex("1100000000")
# general-ciphering with its six optional fields absent.
_MAC_HEADER_START = bytes.fromhex("DD000000000000")


class CraFlag(IntEnum):
    """What a message is."""

    COMMAND = 1
    RESPONSE = 2
    ALERT = 3


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
    def transaction_id(self) -> bytes:
        """CRA flag and Originator Counter, 9 octets."""
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
    if len(header.date_time) not in {0, 12}:
        raise EncodeError(f"0 or 12 octets, not {len(header.date_time)}", element="date_time")
    other = _other_information(header)
    return b"".join(
        (
            b"\xdf\x09",
            header.transaction_id,
            b"\x08",
            _eui64(header.business_originator_id, "business_originator_id"),
            b"\x08",
            _eui64(header.business_target_id, "business_target_id"),
            bytes((len(header.date_time),)),
            header.date_time,
            encode_length(len(other), "other_information"),
            other,
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
    at = _fixed(data, offset, GENERAL_SIGNING, "tag")
    at = _fixed(data, at, 9, "transaction_id.length")
    transaction, after = take(data, at, 9, "transaction_id")
    if transaction[0] not in {1, 2, 3}:
        raise DecodeError(f"CRA flag 0x{transaction[0]:02X}", offset=at, path="cra_flag")
    at = _fixed(data, after, 8, "business_originator_id.length")
    originator, at = take(data, at, 8, "business_originator_id")
    at = _fixed(data, at, 8, "business_target_id.length")
    target, at = take(data, at, 8, "business_target_id")
    length, after = read_length(data, at, "date_time.length")
    if length not in {0, 12}:
        raise DecodeError(f"{length} octets where 0 or 12 belong", offset=at, path="date_time.length")
    date_time, at = take(data, after, length, "date_time")
    length, at = read_length(data, at, "other_information.length")
    other, end = take(data, at, length, "other_information")
    if length < 2:
        raise DecodeError("no message code", offset=at, path="message_code")
    header = GroupingHeader(
        CraFlag(transaction[0]),
        int.from_bytes(transaction[1:], "big"),
        Eui64(originator),
        Eui64(target),
        int.from_bytes(other[:2], "big"),
        date_time,
    )
    if length > 2:
        _read_supplementary(header, other, at)
    return header, end


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
    for index, expected in enumerate(_MAC_HEADER_START):
        _fixed(data, offset + index, expected, "tag" if index == 0 else "optional_fields")
    at = offset + len(_MAC_HEADER_START)
    length, start = read_length(data, at, "length")
    if length < len(SECURITY_HEADER):
        raise DecodeError(f"{length} octets cannot hold the security header", offset=at, path="length")
    for index, expected in enumerate(SECURITY_HEADER):
        _fixed(data, start + index, expected, "security_control" if index == 0 else "invocation_counter")
    return length - len(SECURITY_HEADER), start + len(SECURITY_HEADER)


GROUPING_HEADER = Layout(parse_grouping_header, encode_grouping_header)
MAC_HEADER = Layout(parse_mac_header, encode_mac_header)
