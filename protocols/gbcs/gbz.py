"""GBZ payloads: ZigBee commands inside GBCS messages, for the GSME and the Gas Proxy Function.

The wrapper is big-endian, the ZCL payload inside little-endian as in ZigBee. Commands and responses carry
components, alerts an alert code and a time first. Encrypted components keep their ciphered block as it is;
``decrypted`` opens one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from construct import Int8ub, Int16ub, Int32ub, Struct

from protocols.dlms.layout import Layout
from protocols.errors import DecodeError, EncodeError
from protocols.fixed_layout import build_fixed, parse_fixed

PROFILE_ID = 0x0109  # ZigBee Smart Energy
LAST_COMPONENT = 0x01
ENCRYPTED = 0x02
FROM_DATE_TIME = 0x10
_KNOWN_BITS = LAST_COMPONENT | ENCRYPTED | FROM_DATE_TIME
# Security control octet and invocation counter of a ciphered block (messages with the same key and IV).
SECURITY_HEADER = bytes.fromhex("3100000000")
_TAG_OCTETS = 12
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

_PAYLOAD_HEAD = Struct("profile_id" / Int16ub, "number_of_components" / Int8ub)
_ALERT_HEAD = Struct("alert_code" / Int16ub, "time" / Int32ub)
_COMPONENT_HEAD = Struct("control" / Int8ub, "cluster" / Int16ub, "command_length" / Int16ub)
_FROM_DATE_TIME = Struct("from_date_time" / Int32ub)
_ADDITIONAL_HEADER = Struct("additional_header_control" / Int8ub, "frame_counter" / Int8ub)
_ZCL_HEADER = Struct("frame_control" / Int8ub, "sequence" / Int8ub, "command" / Int8ub)
_CIPHERED_LENGTH = Struct("ciphered_length" / Int16ub)


@dataclass(slots=True)
class Component:
    """One ZigBee command.

    ``payload`` is the ZCL payload (empty while encrypted), ``ciphered`` the block of an encrypted component:
    31 00000000, ciphertext, tag. ``from_date_time`` counts seconds since 2000-01-01 UTC. ``frame_counter``
    numbers encrypted components from 0. ``payload_offset`` is where ZCL payload or block stood.
    """

    cluster: int
    command: int
    payload: bytes = b""
    frame_control: int = 0
    sequence: int = 0
    from_date_time: int | None = None
    ciphered: bytes | None = None
    frame_counter: int = 0
    additional_header_control: int = 0
    offset: int = field(default=0, compare=False)
    payload_offset: int = field(default=0, compare=False)

    @property
    def encrypted(self) -> bool:
        """Whether the ZCL payload is in a ciphered block."""
        return self.ciphered is not None


@dataclass(slots=True)
class AlertHead:
    """What an alert says first; ``time`` counts seconds since 2000-01-01 UTC.

    ``number_of_components`` stands on the wire (0 for plain alerts, else 1). ``content`` is what follows
    unless that is a component.
    """

    alert_code: int
    time: int
    number_of_components: int = 0
    content: bytes = b""
    content_offset: int = field(default=9, compare=False)


@dataclass(slots=True)
class GbzPayload:
    """A whole payload; ``alert`` only for alerts."""

    components: list[Component] = field(default_factory=list)
    alert: AlertHead | None = None


def to_datetime(seconds: int) -> datetime:
    """Time from seconds since 2000-01-01 UTC."""
    return _EPOCH + timedelta(seconds=seconds)


def from_datetime(moment: datetime, element: str = "time") -> int:
    """Seconds since 2000-01-01 UTC; EncodeError outside 32 bits or without a time zone."""
    if moment.tzinfo is None:
        raise EncodeError(f"{moment!r} is no time with a time zone", element=element)
    seconds = (moment - _EPOCH) // timedelta(seconds=1)
    if not 0 <= seconds <= 0xFFFF_FFFF:
        raise EncodeError(f"{moment.isoformat()} is outside 2000 to 2136", element=element)
    return seconds


def parse_gbz(data: bytes, *, alert: bool = False) -> GbzPayload:
    """Parse a whole payload; an alert has its code and time after the number of components."""
    payload, end = _read_alert(data, 0) if alert else _read_components(data, 0)
    if end != len(data):
        raise DecodeError(f"{len(data) - end} octets after the last component", offset=end, path="gbz")
    return payload


def build_gbz(payload: GbzPayload) -> bytes:
    """The payload's octets; EncodeError names the field that cannot be carried."""
    return _write_alert(payload) if payload.alert else _write_components(payload)


def decrypted(component: Component, decrypt: Callable[[bytes], bytes]) -> bytes:
    """The ZCL payload of a component, opened if it is encrypted; DecodeError on a bad tag."""
    if component.ciphered is None:
        return component.payload
    try:
        return decrypt(component.ciphered)
    except DecodeError as error:
        raise error.moved(component.payload_offset, "gbz.ciphered") from None


def _read_head(data: bytes, offset: int) -> int:
    head = parse_fixed(_PAYLOAD_HEAD, data, offset, "gbz")
    if head.profile_id != PROFILE_ID:
        problem = f"profile {head.profile_id:04X} instead of {PROFILE_ID:04X}"
        raise DecodeError(problem, offset=offset, path="gbz.profile_id")
    return int(head.number_of_components)


def _read_components(data: bytes, offset: int) -> tuple[GbzPayload, int]:
    count = _read_head(data, offset)
    if not count:
        raise DecodeError("no components", offset=offset + 2, path="gbz.number_of_components")
    return _component_list(data, offset + 3, count)


def _component_list(data: bytes, at: int, count: int) -> tuple[GbzPayload, int]:
    payload = GbzPayload()
    for index in range(count):
        component, at = _read_component(data, at, f"gbz.components[{index}]", last=index == count - 1)
        payload.components.append(component)
    return payload, at


def _read_component(data: bytes, start: int, path: str, *, last: bool) -> tuple[Component, int]:
    head = parse_fixed(_COMPONENT_HEAD, data, start, path)
    control, at = head.control, start + _COMPONENT_HEAD.sizeof()
    end = at + head.command_length
    if control & ~_KNOWN_BITS:
        raise DecodeError(f"unknown bits in control {control:02X}", offset=start, path=f"{path}.control")
    if bool(control & LAST_COMPONENT) != last:
        problem = f"control {control:02X} {'lacks' if last else 'has'} the mark of the last component"
        raise DecodeError(problem, offset=start, path=f"{path}.control")
    if end > len(data):
        problem = f"{head.command_length} octets announced, {len(data) - at} left"
        raise DecodeError(problem, offset=at - 2, path=f"{path}.command_length")
    component = Component(head.cluster, 0, offset=start)
    body = data[:end]
    # No reference message has both bits; Wireshark's dissector reads the date first, and so does this.
    if control & FROM_DATE_TIME:
        component.from_date_time = parse_fixed(_FROM_DATE_TIME, body, at, path).from_date_time
        at += _FROM_DATE_TIME.sizeof()
    if control & ENCRYPTED:
        extra = parse_fixed(_ADDITIONAL_HEADER, body, at, path)
        component.additional_header_control = extra.additional_header_control
        component.frame_counter = extra.frame_counter
        at += _ADDITIONAL_HEADER.sizeof()
    zcl = parse_fixed(_ZCL_HEADER, body, at, path)
    component.frame_control, component.sequence, component.command = (
        zcl.frame_control,
        zcl.sequence,
        zcl.command,
    )
    at += _ZCL_HEADER.sizeof()
    component.payload_offset = at
    if control & ENCRYPTED:
        component.ciphered = _read_ciphered(body, at, path)
        component.payload_offset += _CIPHERED_LENGTH.sizeof()
    else:
        component.payload = body[at:]
    return component, end


def _read_ciphered(body: bytes, at: int, path: str) -> bytes:
    path = f"{path}.ciphered"
    announced = parse_fixed(_CIPHERED_LENGTH, body, at, path).ciphered_length
    block = body[at + 2 :]
    if announced != len(block):
        problem = f"{announced} octets announced, {len(block)} in the component"
        raise DecodeError(problem, offset=at, path=path)
    problem = _block_problem(block)
    if problem:
        raise DecodeError(problem, offset=at + 2, path=path)
    return block


def _block_problem(block: bytes) -> str:
    if not block.startswith(SECURITY_HEADER):
        return f"starts with {block[:5].hex().upper()} instead of the security header 3100000000"
    if len(block) < len(SECURITY_HEADER) + _TAG_OCTETS:
        return f"{len(block)} octets are too few for security header and tag"
    return ""


def _read_alert(data: bytes, offset: int) -> tuple[GbzPayload, int]:
    count = _read_head(data, offset)
    at = offset + _PAYLOAD_HEAD.sizeof()
    head = parse_fixed(_ALERT_HEAD, data, at, "gbz.alert")
    at += _ALERT_HEAD.sizeof()
    alert = AlertHead(head.alert_code, head.time, count, content_offset=at)
    content = data[at:]
    if count and _looks_like_components(content):
        payload, at = _component_list(data, at, count)
        payload.alert = alert
        return payload, at
    if content and not count:
        raise DecodeError("content in an alert of no components", offset=at, path="gbz.alert.content")
    alert.content = content
    return GbzPayload(alert=alert), len(data)


def _looks_like_components(content: bytes) -> bool:
    """Contents that are no component start with 09 (hash), 0E (instruction) or have two octets."""
    return len(content) >= _COMPONENT_HEAD.sizeof() + _ZCL_HEADER.sizeof() and not content[0] & ~_KNOWN_BITS


def _write_head(count: int) -> bytes:
    return build_fixed(_PAYLOAD_HEAD, {"profile_id": PROFILE_ID, "number_of_components": count}, "gbz")


def _write_components(payload: GbzPayload) -> bytes:
    if not payload.components:
        raise EncodeError("at least one component is needed", element="gbz.components")
    return _write_head(len(payload.components)) + _write_component_list(payload.components)


def _write_component_list(components: list[Component]) -> bytes:
    last = len(components) - 1
    return b"".join(
        _write_component(component, f"gbz.components[{index}]", last=index == last)
        for index, component in enumerate(components)
    )


def _write_component(component: Component, path: str, *, last: bool) -> bytes:
    control = LAST_COMPONENT if last else 0
    body = b""
    if component.from_date_time is not None:
        control |= FROM_DATE_TIME
        body += build_fixed(_FROM_DATE_TIME, {"from_date_time": component.from_date_time}, path)
    if component.ciphered is not None:
        control |= ENCRYPTED
        body += build_fixed(
            _ADDITIONAL_HEADER,
            {
                "additional_header_control": component.additional_header_control,
                "frame_counter": component.frame_counter,
            },
            path,
        )
    zcl = {
        "frame_control": component.frame_control,
        "sequence": component.sequence,
        "command": component.command,
    }
    body += build_fixed(_ZCL_HEADER, zcl, path) + _write_content(component, path)
    head = {"control": control, "cluster": component.cluster, "command_length": len(body)}
    return build_fixed(_COMPONENT_HEAD, head, path) + body


def _write_content(component: Component, path: str) -> bytes:
    if component.ciphered is None:
        return component.payload
    problem = "beside a ciphered block" if component.payload else _block_problem(component.ciphered)
    if problem:
        raise EncodeError(problem, element=f"{path}.{'payload' if component.payload else 'ciphered'}")
    length = {"ciphered_length": len(component.ciphered)}
    return build_fixed(_CIPHERED_LENGTH, length, path) + component.ciphered


def _write_alert(payload: GbzPayload) -> bytes:
    alert = payload.alert
    if alert is None:
        raise EncodeError("no alert to write", element="gbz.alert")
    count = len(payload.components) or alert.number_of_components
    if payload.components and alert.content:
        raise EncodeError("beside components", element="gbz.alert.content")
    if alert.content and (not count or _looks_like_components(alert.content)):
        raise EncodeError("would be read back as something else", element="gbz.alert.content")
    head = build_fixed(_ALERT_HEAD, {"alert_code": alert.alert_code, "time": alert.time}, "gbz.alert")
    return _write_head(count) + head + _write_component_list(payload.components) + alert.content


GBZ_PAYLOAD = Layout(_read_components, _write_components)
GBZ_ALERT = Layout(_read_alert, _write_alert)
