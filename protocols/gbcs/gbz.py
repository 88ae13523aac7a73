"""GBZ payloads: ZigBee commands inside GBCS messages, for the GSME and the Gas Proxy Function.

The wrapper is big-endian, the ZCL payload inside little-endian as in ZigBee. Commands and responses carry
components, alerts an alert code and a time first. Encrypted components keep their ciphered block as it is;
``decrypted`` opens one.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from protocols.dlms.lazy_layout import lazy_layouts
from protocols.errors import DecodeError, EncodeError
from protocols.fixed_layout import Numbers
from protocols.gbcs.header import BLOCK_HEADER

if TYPE_CHECKING:
    from protocols.dlms.layout import Layout

PROFILE_ID = 0x0109  # ZigBee Smart Energy
LAST_COMPONENT = 0x01
ENCRYPTED = 0x02
FROM_DATE_TIME = 0x10
_KNOWN_BITS = LAST_COMPONENT | ENCRYPTED | FROM_DATE_TIME
# Security control octet and invocation counter of a ciphered block (messages with the same key and IV).
SECURITY_HEADER = BLOCK_HEADER
_TAG_OCTETS = 12
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

_PAYLOAD_HEAD = Numbers(profile_id=2, number_of_components=1)
_ALERT_HEAD = Numbers(alert_code=2, time=4)
_COMPONENT_HEAD = Numbers(control=1, cluster=2, command_length=2)
_FROM_DATE_TIME = Numbers(from_date_time=4)
_ADDITIONAL_HEADER = Numbers(additional_header_control=1, frame_counter=1)
_ZCL_HEADER = Numbers(frame_control=1, sequence=1, command=1)
# Component head and ZCL header of a component that is neither dated nor encrypted.
_PLAIN_COMPONENT = struct.Struct(">BHHBBB")
_CIPHERED_LENGTH = Numbers(ciphered_length=2)


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
    profile_id, count = _PAYLOAD_HEAD.read(data, offset, len(data), "gbz")
    if profile_id != PROFILE_ID:
        problem = f"profile {profile_id:04X} instead of {PROFILE_ID:04X}"
        raise DecodeError(problem, offset=offset, path="gbz.profile_id")
    return count


def _read_components(data: bytes, offset: int) -> tuple[GbzPayload, int]:
    count = _read_head(data, offset)
    if not count:
        raise DecodeError("no components", offset=offset + 2, path="gbz.number_of_components")
    return _component_list(data, offset + 3, count)


def _component_list(data: bytes, at: int, count: int) -> tuple[GbzPayload, int]:
    components: list[Component] = []
    try:
        for index in range(count):
            component, at = _read_component(data, at, last=index == count - 1)
            components.append(component)
    except DecodeError as error:
        raise error.moved(0, f"gbz.components[{len(components)}]") from None
    return GbzPayload(components), at


def _read_component(data: bytes, start: int, *, last: bool) -> tuple[Component, int]:
    """One component and the offset after it; paths in errors start inside the component."""
    control, cluster, octets = _COMPONENT_HEAD.read(data, start, len(data))
    at = start + _COMPONENT_HEAD.size
    end = at + octets
    if control & ~_KNOWN_BITS:
        raise DecodeError(f"unknown bits in control {control:02X}", offset=start, path="control")
    if (control & LAST_COMPONENT != 0) != last:
        problem = f"control {control:02X} {'lacks' if last else 'has'} the mark of the last component"
        raise DecodeError(problem, offset=start, path="control")
    if end > len(data):
        problem = f"{octets} octets announced, {len(data) - at} left"
        raise DecodeError(problem, offset=at - 2, path="command_length")
    component = Component(cluster, 0, offset=start)
    # No reference message has both bits; Wireshark's dissector reads the date first, and so does this.
    if control & FROM_DATE_TIME:
        (component.from_date_time,) = _FROM_DATE_TIME.read(data, at, end)
        at += _FROM_DATE_TIME.size
    if control & ENCRYPTED:
        component.additional_header_control, component.frame_counter = _ADDITIONAL_HEADER.read(data, at, end)
        at += _ADDITIONAL_HEADER.size
    component.frame_control, component.sequence, component.command = _ZCL_HEADER.read(data, at, end)
    at += _ZCL_HEADER.size
    if control & ENCRYPTED:
        component.ciphered = _read_ciphered(data, at, end)
        at += _CIPHERED_LENGTH.size
    else:
        component.payload = data[at:end]
    component.payload_offset = at
    return component, end


def _read_ciphered(data: bytes, at: int, end: int) -> bytes:
    (announced,) = _CIPHERED_LENGTH.read(data, at, end, "ciphered")
    block = data[at + 2 : end]
    if announced != len(block):
        problem = f"{announced} octets announced, {len(block)} in the component"
        raise DecodeError(problem, offset=at, path="ciphered")
    problem = _block_problem(block)
    if problem:
        raise DecodeError(problem, offset=at + 2, path="ciphered")
    return block


def _block_problem(block: bytes) -> str:
    if not block.startswith(SECURITY_HEADER):
        return f"starts with {block[:5].hex().upper()} instead of the security header 3100000000"
    if len(block) < len(SECURITY_HEADER) + _TAG_OCTETS:
        return f"{len(block)} octets are too few for security header and tag"
    return ""


def _read_alert(data: bytes, offset: int) -> tuple[GbzPayload, int]:
    count = _read_head(data, offset)
    at = offset + _PAYLOAD_HEAD.size
    alert_code, time = _ALERT_HEAD.read(data, at, len(data), "gbz.alert")
    at += _ALERT_HEAD.size
    alert = AlertHead(alert_code, time, count, content_offset=at)
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
    return len(content) >= _COMPONENT_HEAD.size + _ZCL_HEADER.size and not content[0] & ~_KNOWN_BITS


def _write_head(count: int) -> bytes:
    return _PAYLOAD_HEAD.write("gbz", PROFILE_ID, count)


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
    if component.ciphered is None and component.from_date_time is None:
        payload = component.payload
        try:
            head = _PLAIN_COMPONENT.pack(
                control,
                component.cluster,
                _ZCL_HEADER.size + len(payload),
                component.frame_control,
                component.sequence,
                component.command,
            )
        except struct.error:  # a number that does not fit: said below
            pass
        else:
            return head + payload
    body = b""
    if component.from_date_time is not None:
        control |= FROM_DATE_TIME
        body = _FROM_DATE_TIME.write(path, component.from_date_time)
    if component.ciphered is not None:
        control |= ENCRYPTED
        body += _ADDITIONAL_HEADER.write(path, component.additional_header_control, component.frame_counter)
    body += _ZCL_HEADER.write(path, component.frame_control, component.sequence, component.command)
    body += _write_content(component, path)
    return _COMPONENT_HEAD.write(path, control, component.cluster, len(body)) + body


def _write_content(component: Component, path: str) -> bytes:
    if component.ciphered is None:
        return component.payload
    problem = "beside a ciphered block" if component.payload else _block_problem(component.ciphered)
    if problem:
        raise EncodeError(problem, element=f"{path}.{'payload' if component.payload else 'ciphered'}")
    return _CIPHERED_LENGTH.write(path, len(component.ciphered)) + component.ciphered


def _write_alert(payload: GbzPayload) -> bytes:
    alert = payload.alert
    if alert is None:
        raise EncodeError("no alert to write", element="gbz.alert")
    count = len(payload.components) or alert.number_of_components
    if payload.components and alert.content:
        raise EncodeError("beside components", element="gbz.alert.content")
    if alert.content and (not count or _looks_like_components(alert.content)):
        raise EncodeError("would be read back as something else", element="gbz.alert.content")
    head = _ALERT_HEAD.write("gbz.alert", alert.alert_code, alert.time)
    return _write_head(count) + head + _write_component_list(payload.components) + alert.content


GBZ_PAYLOAD: Layout
GBZ_ALERT: Layout
if not TYPE_CHECKING:
    __getattr__ = lazy_layouts(
        GBZ_PAYLOAD=(_read_components, _write_components), GBZ_ALERT=(_read_alert, _write_alert)
    )
