"""GBZ alerts: generic (1000, 1001), firmware receipt (00CF), integrity (00F2), future dated (00CD)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from protocols.errors import DecodeError
from protocols.fixed_layout import Numbers
from protocols.gbcs.gbz import AlertHead, GbzPayload, build_gbz, from_datetime, parse_gbz, to_datetime
from protocols.gbcs.use_cases import AlertCodec
from protocols.gbcs.use_cases.values import Fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocols.gbcs.use_cases import Context, Decrypt, Values

_OCTET_STRING = 0x09
_HASH_OCTETS = 32
_INSTRUCTION_OCTETS = 14
_INSTRUCTION = Numbers(
    command_message_code=2, command_originator_counter=8, cluster=2, frame_control=1, command=1
)


@dataclass(slots=True)
class _Content:
    """What follows the time: its conversions to and from octets."""

    encode: Callable[[Fields], bytes]
    decode: Callable[[bytes], dict[str, Any]]


def _codec(message_code: int, content: _Content | None) -> AlertCodec:
    def encode(_context: Context, values: Values) -> bytes:
        fields = Fields(values)
        head = AlertHead(
            fields.integer("alert_code", 0, 0xFFFF),
            from_datetime(fields.moment("time")),
            1 if content else 0,
            content.encode(fields) if content else b"",
        )
        fields.done()
        return build_gbz(GbzPayload(alert=head))

    def decode(payload: bytes, _decrypt: Decrypt | None) -> dict[str, Any]:
        alert = parse_gbz(payload, alert=True).alert
        if alert is None or alert.number_of_components != (1 if content else 0):
            problem = f"{payload[2]} components are not those of this alert"
            raise DecodeError(problem, offset=2, path="gbz.number_of_components")
        values = {"alert_code": alert.alert_code, "time": to_datetime(alert.time)}
        if content is None:
            return values
        try:
            return values | content.decode(payload[alert.content_offset :])
        except DecodeError as error:
            raise error.moved(alert.content_offset, "gbz.alert") from None

    return AlertCodec(message_code, "gbz", encode, decode)


def _exact(content: bytes, head: bytes, octets: int, path: str) -> bytes:
    """What follows ``head``, which has to be so many octets."""
    if not content.startswith(head):
        problem = f"{content[: len(head)].hex().upper() or 'nothing'} instead of {head.hex().upper()}"
        raise DecodeError(problem, offset=0, path=path)
    if len(content) != len(head) + octets:
        problem = f"{len(content) - len(head)} octets instead of {octets}"
        raise DecodeError(problem, offset=len(head), path=path)
    return content[len(head) :]


def _hash_head() -> bytes:
    return bytes((_OCTET_STRING, _HASH_OCTETS))


def _encode_instruction(fields: Fields) -> bytes:
    instruction = _INSTRUCTION.write(
        "",
        fields.integer("command_message_code", 0, 0xFFFF),
        fields.integer("command_originator_counter", 0, (1 << 64) - 1),
        fields.integer("cluster", 0, 0xFFFF),
        fields.integer("frame_control", 0, 0xFF),
        fields.integer("command", 0, 0xFF),
    )
    return bytes((_INSTRUCTION_OCTETS,)) + instruction


def _decode_instruction(content: bytes) -> dict[str, int]:
    octets = _exact(content, bytes((_INSTRUCTION_OCTETS,)), _INSTRUCTION_OCTETS, "instruction")
    return _INSTRUCTION.read_named(octets)


_IMAGE_HASH = _Content(
    lambda fields: _hash_head() + fields.octets("image_hash", _HASH_OCTETS),
    lambda content: {"image_hash": _exact(content, _hash_head(), _HASH_OCTETS, "image_hash")},
)
_OTHER_INFORMATION = _Content(
    lambda fields: fields.integer("other_information", 0, 0xFFFF).to_bytes(2, "big"),
    lambda content: {
        "other_information": int.from_bytes(_exact(content, b"", 2, "other_information"), "big")
    },
)

ALERTS = [
    _codec(0x1000, None),
    _codec(0x1001, None),
    _codec(0x00CF, _IMAGE_HASH),
    _codec(0x00F2, _OTHER_INFORMATION),
    _codec(0x00CD, _Content(_encode_instruction, _decode_instruction)),
]
