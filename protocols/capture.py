"""What a recorder of a HAN is told, and how radio frames and GBCS messages stand in a capture file.

Whoever runs nodes on a HAN hands a `HanRecorder` each frame, each message and each key; what becomes of them
is the recorder's. `CapturingRadio` does it for any `FrameRadio`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from protocols.errors import DecodeError
from protocols.eui64 import Eui64
from protocols.pcapng import Direction
from protocols.radio import FrameRadio, RadioListener, RadioSettings, ReceivedFrame, TransmitResult
from protocols.radio_frames import with_fcs

GBCS_DISSECTOR = "gbcs_message"
HOSTILE = "hostile:"  # how the comment of a frame begins that is hostile on purpose
_TAP_FCS, _TAP_RSSI, _TAP_CHANNEL, _TAP_LQI = 0, 1, 3, 10
_TAP_SIZES = {_TAP_FCS: 1, _TAP_RSSI: 4, _TAP_CHANNEL: 3, _TAP_LQI: 1}
_FCS_16 = 1
_TAG_DISSECTOR, _TAG_END = 12, 0


@dataclass(slots=True)
class CapturedFrame:
    """A frame as it was on the air: ``psdu`` with FCS, begun at ``time_s`` of the bench's monotonic clock.

    ``sender`` names a node or radio where known, ``comment`` is what its sender said of it.
    """

    time_s: float
    psdu: bytes
    channel: int
    sender: str = ""
    rssi_dbm: int | None = None
    lqi: int | None = None
    direction: Direction = Direction.UNKNOWN
    comment: str = ""


class HanRecorder(Protocol):
    """Who keeps what happens on a HAN."""

    def frame(self, frame: CapturedFrame) -> None:
        """Keep a frame."""

    def message(self, octets: bytes, *, node: str, outbound: bool) -> None:
        """Keep a GBCS message that goes into (or with ``outbound`` comes out of) the HAN at a node, now."""

    def expect_hostile(self, octets: bytes, why: str) -> None:
        """A GBCS message that is malformed on purpose is about to come, on its own and in frames."""

    def key(self, key: bytes, label: str) -> None:
        """Take a key that frames may be under; the same one again is no news."""


class CaptureDesk(Protocol):
    """Where recordings are kept, for whoever runs the HAN and is told when to record."""

    def begin(self, folder: str) -> HanRecorder:
        """A recorder into that folder, in place of the one before."""

    def note(self, test: str) -> None:
        """The test that runs from now on."""

    def hostile(self, octets: bytes, why: str) -> None:
        """This message, which is about to come, is malformed on purpose."""

    def end(self) -> str:
        """Close what was recorded; JSON with what it holds."""


def keys_of_state(state: Mapping[str, Any]) -> Iterator[tuple[bytes, str]]:
    """The network keys and link keys that a stack's kept state holds, with what they are."""
    for entry in state.get("network_keys", ()):
        yield bytes.fromhex(entry["key"]), f"network key {entry['sequence']}"
    for entry in (state.get("preconfigured"), *state.get("link_keys", ())):
        if entry:
            partner = entry.get("partner") or "the trust centre"
            yield bytes.fromhex(entry["key"]), f"link key with {partner} ({entry['source']})"


# Frames of interfaces with link type 283 (IEEE802_15_4_TAP), and exported PDUs (link type 252)


def tap_packet(frame: CapturedFrame) -> bytes:
    """A frame behind its TAP header: FCS type, channel, and RSSI and LQI where known."""
    fields = [
        struct.pack("<HHB3x", _TAP_FCS, 1, _FCS_16),
        struct.pack("<HHHBx", _TAP_CHANNEL, 3, frame.channel, 0),
    ]
    if frame.rssi_dbm is not None:
        fields.append(struct.pack("<HHf", _TAP_RSSI, 4, float(frame.rssi_dbm)))
    if frame.lqi is not None:
        fields.append(struct.pack("<HHB3x", _TAP_LQI, 1, frame.lqi))
    head = b"".join(fields)
    return struct.pack("<BBH", 0, 0, len(head) + 4) + head + frame.psdu


@dataclass(slots=True)
class TapFrame:
    """What a TAP packet holds; ``fcs_octets`` of ``psdu`` are FCS."""

    psdu: bytes
    fcs_octets: int = 0
    channel: int | None = None
    rssi_dbm: float | None = None
    lqi: int | None = None


def parse_tap(octets: bytes) -> TapFrame:
    """Open a packet of link type 283; fields without meaning here are passed over."""
    if len(octets) < 4:
        raise DecodeError("the TAP header ends here", offset=len(octets), path="tap")
    version, _, length = struct.unpack_from("<BBH", octets)
    if version != 0 or not 4 <= length <= len(octets):
        raise DecodeError(f"a TAP header of version {version} and {length} octets", offset=0, path="tap")
    head = _tap_head(octets[:length])
    return TapFrame(octets[length:], head.fcs_octets, head.channel, head.rssi_dbm, head.lqi)


@lru_cache(maxsize=256)  # a capture has few different ones
def _tap_head(octets: bytes) -> TapFrame:
    """What a TAP header says, as a frame without octets."""
    frame, at = TapFrame(b""), 4
    while at < len(octets):
        if at + 4 > len(octets):
            raise DecodeError("the TAP header ends within a field", offset=at, path="tap.field")
        kind, size = struct.unpack_from("<HH", octets, at)
        value = octets[at + 4 : at + 4 + size]
        if at + 4 + size > len(octets):
            raise DecodeError(f"field {kind} is longer than its header", offset=at, path="tap.field")
        _take_field(frame, kind, value, at)
        at += 4 + size + -size % 4
    return frame


def _take_field(frame: TapFrame, kind: int, value: bytes, at: int) -> None:
    if len(value) != _TAP_SIZES.get(kind, len(value)):
        raise DecodeError(f"field {kind} has {len(value)} octets", offset=at, path="tap.field")
    if kind == _TAP_FCS:
        if value[0] > 2:
            raise DecodeError(f"FCS type {value[0]}", offset=at + 4, path="tap.fcs")
        frame.fcs_octets = 2 * value[0]
    elif kind == _TAP_RSSI:
        (frame.rssi_dbm,) = struct.unpack("<f", value)
    elif kind == _TAP_CHANNEL:
        frame.channel = int.from_bytes(value[:2], "little")
    elif kind == _TAP_LQI:
        frame.lqi = value[0]


def exported_pdu(octets: bytes, dissector: str = GBCS_DISSECTOR) -> bytes:
    """Octets that Wireshark hands to the dissector of that name (link type 252)."""
    name = dissector.encode()
    padded = name + bytes(-len(name) % 4)
    return struct.pack(">HH", _TAG_DISSECTOR, len(padded)) + padded + struct.pack(">HH", _TAG_END, 0) + octets


def parse_exported_pdu(octets: bytes) -> tuple[str, bytes]:
    """The dissector's name (empty where another tag names it) and the octets for it."""
    at, name = 0, ""
    while True:
        if at + 4 > len(octets):
            raise DecodeError("the tags end here", offset=len(octets), path="exported_pdu")
        tag, size = struct.unpack_from(">HH", octets, at)
        at += 4
        if at + size > len(octets):
            raise DecodeError(f"tag {tag} is longer than the packet", offset=at, path="exported_pdu")
        if tag == _TAG_END:
            return name, octets[at + size :]
        if tag == _TAG_DISSECTOR:
            name = octets[at : at + size].rstrip(b"\x00").decode("ascii", "replace")
        at += size


# Radios


class CapturingRadio:
    """A radio whose frames, sent and received, are told to a recorder as well.

    A frame sent counts once, at the moment it is handed over: how often the radio repeats it, and
    acknowledgements, are the firmware's own. ``now`` gives the monotonic seconds that received frames have.
    """

    def __init__(
        self, radio: FrameRadio, recorder: HanRecorder | None, now: Callable[[], float], name: str = ""
    ) -> None:
        self.radio = radio
        self.recorder = recorder
        self._now = now
        self._name = name
        self._channel = 0
        self._listener: RadioListener | None = None

    @property
    def eui64(self) -> Eui64:
        """The radio's own."""
        return self.radio.eui64

    def listen(self, listener: RadioListener | None) -> None:
        """As `FrameRadio`."""
        self._listener = listener
        self.radio.listen(None if listener is None else self)

    def configure(self, settings: RadioSettings) -> None:
        """As `FrameRadio`."""
        self._channel = settings.channel
        self.radio.configure(settings)

    def transmit(self, token: int, frame: bytes, *, clear_channel: bool = True, retries: int = 3) -> None:
        """As `FrameRadio`."""
        if self.recorder is not None:
            sent = CapturedFrame(
                self._now(), with_fcs(frame), self._channel, self._name, direction=Direction.OUTBOUND
            )
            self.recorder.frame(sent)
        self.radio.transmit(token, frame, clear_channel=clear_channel, retries=retries)

    def match_sources(self, *, enabled: bool, short: AbstractSet[int], extended: AbstractSet[Eui64]) -> None:
        """As `FrameRadio`."""
        self.radio.match_sources(enabled=enabled, short=short, extended=extended)

    def measure_energy(self, channel: int, duration_s: float) -> None:
        """As `FrameRadio`."""
        self.radio.measure_energy(channel, duration_s)

    async def close(self) -> None:
        """As `FrameRadio`."""
        self.recorder = None
        await self.radio.close()

    # From the radio

    def frame_received(self, frame: ReceivedFrame) -> None:
        """Tell the recorder, then the listener."""
        if self.recorder is not None:
            self.recorder.frame(captured(frame))
        if self._listener is not None:
            self._listener.frame_received(frame)

    def frame_transmitted(self, token: int, result: TransmitResult) -> None:
        """As `RadioListener`."""
        if self._listener is not None:
            self._listener.frame_transmitted(token, result)

    def energy_measured(self, channel: int, rssi_dbm: int) -> None:
        """As `RadioListener`."""
        if self._listener is not None:
            self._listener.energy_measured(channel, rssi_dbm)

    def radio_reset(self, cause: str) -> None:
        """As `RadioListener`."""
        if self._listener is not None:
            self._listener.radio_reset(cause)


def captured(frame: ReceivedFrame) -> CapturedFrame:
    """A frame that a radio received, for a recorder."""
    return CapturedFrame(
        frame.time_s,
        with_fcs(frame.octets),
        frame.channel,
        "",
        frame.rssi_dbm,
        frame.lqi,
        Direction.INBOUND,
    )
