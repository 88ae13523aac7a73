"""One whole GBCS message: headers, payload, signature and MAC (GBCS section 7.2)."""

from __future__ import annotations

from dataclasses import dataclass, field

from protocols.dlms.length import encode_length, read_length, take
from protocols.errors import DecodeError, EncodeError
from protocols.gbcs.header import (
    GENERAL_CIPHERING,
    MAC_OCTETS,
    SECURITY_HEADER,
    CraFlag,
    GroupingHeader,
    encode_grouping_header,
    encode_mac_header,
    parse_grouping_header,
    parse_mac_header,
)

SIGNATURE_OCTETS = 64
# First of what a MAC covers.
MAC_START = SECURITY_HEADER + b"\x00"
_KINDS = {CraFlag.COMMAND: "command", CraFlag.RESPONSE: "response", CraFlag.ALERT: "alert"}


@dataclass(slots=True)
class Message:
    """A message as its parts.

    ``signature`` has 64 octets; ``b""`` is a signature field of length 0, None no field at all (a
    pre-command). ``mac`` has 12 octets where there is a MAC Header, else None. ``payload_offset`` is where
    the payload stands in the octets the message was parsed from, ``content_offset`` the Grouping Header.
    """

    header: GroupingHeader
    payload: bytes
    signature: bytes | None = None
    mac: bytes | None = None
    payload_offset: int = field(default=0, compare=False)
    content_offset: int = field(default=0, compare=False)

    def signed_octets(self) -> bytes:
        """What the signature covers: the Grouping Header without its tag, and the payload."""
        return self.content_octets()[1:]

    def authenticated_octets(self) -> bytes:
        """What the MAC covers: security header, zero octet, Grouping Header, payload, signature field."""
        return authenticated_octets(self.content_octets(), self.signature or b"")

    @property
    def kind(self) -> str:
        """``"command"``, ``"response"``, ``"alert"``, ``"precommand"`` (an unprotected command)."""
        if self.header.cra_flag is CraFlag.COMMAND and self.mac is None and not self.signature:
            return "precommand"
        return _KINDS[self.header.cra_flag]

    def content_octets(self) -> bytes:
        """Grouping Header, payload length and payload: what signature and MAC share."""
        payload = self.payload
        return encode_grouping_header(self.header) + encode_length(len(payload), "payload") + payload


def authenticated_octets(content: bytes, signature: bytes) -> bytes:
    """What the MAC covers, from a message's ``content_octets`` and its signature (empty or 64 octets)."""
    return b"".join((MAC_START, content, signature_field(signature)))


def covered_octets(data: bytes, message: Message) -> tuple[bytes, bytes]:
    """What signature and MAC of a message cover, out of the octets that it was parsed from.

    The same as `Message.signed_octets` and `Message.authenticated_octets`, which build them anew.
    """
    start, content_end = message.content_offset, message.payload_offset + len(message.payload)
    end = len(data) - MAC_OCTETS if message.mac is not None else len(data)
    return data[start + 1 : content_end], MAC_START + data[start:end]


def signature_field(signature: bytes) -> bytes:
    """Length and signature (empty or 64 octets), as they follow the payload."""
    if not signature:
        return b"\x00"
    if len(signature) != SIGNATURE_OCTETS:
        raise EncodeError(f"0 or 64 octets, not {len(signature)}", element="signature")
    return bytes((len(signature),)) + signature


def parse_message(data: bytes) -> Message:
    """Parse one message; every octet has to belong to it.

    DecodeError with offset and path otherwise, also for a block of a general block transfer, which has to be
    reassembled first.
    """
    if data[:1] != bytes((GENERAL_CIPHERING,)):
        return _parse_content(data, 0, len(data), has_mac=False)
    if data[1:2] == b"\x09":
        problem = "a general block transfer block, not a whole message; reassemble the blocks first"
        raise DecodeError(problem, offset=0, path="message")
    try:
        length, start = parse_mac_header(data)
    except DecodeError as error:
        raise error.moved(0, "message.mac_header") from None
    end = start + length
    if end > len(data):
        raise DecodeError(f"{end - len(data)} octets missing", offset=len(data), path="message")
    if end < len(data):
        raise DecodeError(f"{len(data) - end} octets left over", offset=end, path="message")
    if length < MAC_OCTETS:
        raise DecodeError("no room for the MAC", offset=start, path="message.mac")
    return _parse_content(data, start, end - MAC_OCTETS, has_mac=True)


def _parse_content(data: bytes, start: int, end: int, *, has_mac: bool) -> Message:
    content = data[:end]
    try:
        header, at = parse_grouping_header(content, start)
    except DecodeError as error:
        raise error.moved(0, "message.grouping_header") from None
    length, offset = read_length(content, at, "message.content_length")
    payload, at = take(content, offset, length, "message.payload")
    signature: bytes | None = None
    if has_mac or at < end:
        length, after = read_length(content, at, "message.signature.length")
        if length not in {0, SIGNATURE_OCTETS}:
            problem = f"{length} octets where 0 or 64 belong"
            raise DecodeError(problem, offset=at, path="message.signature.length")
        signature, at = take(content, after, length, "message.signature")
        if at < end:
            raise DecodeError(f"{end - at} octets left over", offset=at, path="message")
    elif header.cra_flag is not CraFlag.COMMAND:
        # Only a pre-command may end with its payload; anything else that does has been cut.
        raise DecodeError("the signature field is missing", offset=at, path="message.signature")
    return Message(header, payload, signature, data[end:] if has_mac else None, offset, start)


def build_message(message: Message) -> bytes:
    """Octets of a message; EncodeError names the part that does not fit."""
    return assemble(message.content_octets(), message.signature, message.mac)


def assemble(content: bytes, signature: bytes | None, mac: bytes | None) -> bytes:
    """Octets of a message from its content (`Message.content_octets`) and its protection."""
    if mac is None:
        return content if signature is None else content + signature_field(signature)
    if len(mac) != MAC_OCTETS:
        raise EncodeError(f"12 octets, not {len(mac)}", element="mac")
    field_ = signature_field(signature or b"")
    return b"".join((encode_mac_header(len(content) + len(field_) + MAC_OCTETS), content, field_, mac))
