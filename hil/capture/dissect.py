"""Frames of a HAN opened layer by layer, with whatever keys there are."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from protocols.errors import DecodeError
from protocols.eui64 import Eui64
from protocols.radio_frames import has_right_fcs
from protocols.zigbee.aps import ApsFrame, ApsFrameType, Fragmentation, open_aps, parse_aps
from protocols.zigbee.aps_commands import TransportKey, parse_aps_command
from protocols.zigbee.mac import FrameType, MacFrame, parse_mac
from protocols.zigbee.nwk import NwkFrame, NwkFrameType, open_nwk, parse_nwk
from protocols.zigbee.security import KeyIdentifier, SecurityError, load_key, transport_key
from protocols.zigbee.zcl.frame import ZclFrame, parse_zcl

TUNNELLING = 0x0704
ZDP_PROFILE = 0
_TRANSFER_DATA = {False: 0x02, True: 0x01}  # by "from the server"
_GET_RESPONSE, _PUT = 0x02, 0x03
_REASSEMBLING = 64


@dataclass(slots=True)
class Dissected:
    """What one frame turned out to be. ``closed``: the layer whose payload no key opened.

    ``zcl`` is there for whole frames alone: of fragments, with the last of them. ``gbcs`` is a message in a
    tunnel. ``problem`` says what is malformed, and at which layer.
    """

    mac: MacFrame | None = None
    nwk: NwkFrame | None = None
    aps: ApsFrame | None = None
    zcl: ZclFrame | None = None
    zdp: bool = False
    fragment: bool = False
    gbcs: bytes | None = None
    right_fcs: bool = True
    closed: str = ""
    problem: str = ""


@dataclass(slots=True)
class _Blocks:
    total: int | None = None
    blocks: dict[int, bytes] = field(default_factory=dict)

    def whole(self) -> bytes | None:
        if self.total is None or any(number not in self.blocks for number in range(self.total)):
            return None
        return b"".join(self.blocks[number] for number in range(self.total))


class Dissector:
    """Opens frames in order; keys that come by in transport key commands open what follows."""

    def __init__(self, keys: Iterable[bytes] = ()) -> None:
        self._keys: dict[bytes, dict[KeyIdentifier, bytes]] = {}
        self._used: dict[tuple[object, ...], bytes] = {}
        self._addresses: dict[int, Eui64] = {}
        self._fragments: OrderedDict[tuple[int, ...], _Blocks] = OrderedDict()
        for key in keys:
            self.learn(key)

    def learn(self, key: bytes) -> None:
        """Try this key too, from now on."""
        if key not in self._keys:
            self._keys[key] = {
                KeyIdentifier.LINK: key,
                KeyIdentifier.NETWORK: key,
                KeyIdentifier.KEY_TRANSPORT: transport_key(key),
                KeyIdentifier.KEY_LOAD: load_key(key),
            }

    def eui64(self, short: int) -> Eui64 | None:
        """Who has used a short address, as far as frames have told."""
        return self._addresses.get(short)

    def open(self, psdu: bytes, fcs_octets: int = 2) -> Dissected:
        """A frame with so many octets of FCS; never raises."""
        found = Dissected()
        if fcs_octets == 2 and not has_right_fcs(psdu):
            found.right_fcs = False
            return found
        layer = "mac"
        try:
            found.mac = mac = parse_mac(psdu[: len(psdu) - fcs_octets])
            if mac.frame_type is not FrameType.DATA or mac.security_enabled or not mac.payload:
                return found
            layer = "nwk"
            found.nwk = nwk = self._nwk(parse_nwk(mac.payload), found)
            if found.closed or nwk.frame_type is NwkFrameType.COMMAND:
                return found
            layer = "aps"
            found.aps = aps = self._aps(parse_aps(nwk.payload), nwk, found)
            if not found.closed:
                layer = "zcl"
                self._application(aps, nwk, found)
        except DecodeError as error:
            found.problem = f"{layer}: {error}"
        return found

    def _nwk(self, frame: NwkFrame, found: Dissected) -> NwkFrame:
        security = frame.security
        if frame.source_ieee is not None:
            self._addresses[frame.source] = frame.source_ieee
        if security is None or not frame.closed:
            return frame
        place = ("nwk", security.key_sequence)
        for key in self._candidates(place):
            try:
                opened = open_nwk(frame, key, self._addresses.get(frame.source))
            except SecurityError:
                continue
            self._used[place] = key
            return opened
        found.closed = "nwk"
        return frame

    def _aps(self, frame: ApsFrame, nwk: NwkFrame, found: Dissected) -> ApsFrame:
        security = frame.security
        if security is not None and frame.closed:
            source = security.source or self._addresses.get(nwk.source)
            place = ("aps", security.key_identifier, nwk.source, nwk.destination)
            for key in self._candidates(place):
                try:
                    opened = open_aps(frame, self._keys[key][security.key_identifier], source)
                except SecurityError:
                    continue
                self._used[place] = key
                frame = opened
                break
            else:
                found.closed = "aps"
                return frame
        if frame.frame_type is ApsFrameType.COMMAND:
            self._look_for_key(frame)
        return frame

    def _candidates(self, place: tuple[object, ...]) -> list[bytes]:
        used = self._used.get(place)
        return list(self._keys) if used is None else [used, *(key for key in self._keys if key != used)]

    def _look_for_key(self, frame: ApsFrame) -> None:
        command = parse_aps_command(frame.payload)
        if isinstance(command, TransportKey):
            self.learn(command.key)

    def _application(self, frame: ApsFrame, nwk: NwkFrame, found: Dissected) -> None:
        if frame.frame_type is not ApsFrameType.DATA:
            return
        payload: bytes | None = frame.payload
        if frame.extended is not None and frame.extended.fragmentation is not Fragmentation.NONE:
            found.fragment = True
            payload = self._reassemble(frame, nwk)
        if payload is None:
            return
        if frame.profile == ZDP_PROFILE:
            found.zdp = True
            return
        found.zcl = zcl = parse_zcl(payload)
        if frame.cluster == TUNNELLING:
            found.gbcs = tunnelled(zcl)

    def _reassemble(self, frame: ApsFrame, nwk: NwkFrame) -> bytes | None:
        header = frame.extended
        assert header is not None
        place = (nwk.source, nwk.destination, frame.counter or 0, frame.cluster or 0)
        first = header.fragmentation is Fragmentation.FIRST
        entry = self._fragments.get(place)
        if entry is None:
            entry = self._fragments[place] = _Blocks()
            if len(self._fragments) > _REASSEMBLING:
                self._fragments.popitem(last=False)
        if first:
            if entry.total is None or entry.blocks.get(0) != frame.payload:
                # What is left of a transfer before, which had the same (8 bit) counter.
                entry.blocks.clear()
            entry.total = header.block_number
        entry.blocks[0 if first else header.block_number or 0] = frame.payload
        whole = entry.whole()
        if whole is not None:
            del self._fragments[place]
        return whole


def tunnelled(zcl: ZclFrame) -> bytes | None:
    """The GBCS message in a frame of the tunnelling cluster: alone, or after GET-RESPONSE or PUT."""
    if zcl.frame_type != 1 or zcl.command != _TRANSFER_DATA[zcl.from_server]:
        return None
    data = zcl.payload[2:]  # after the tunnel's number
    if data[:1] == bytes((_PUT,)):
        data = data[1:]
    elif data[:1] == bytes((_GET_RESPONSE,)):
        data = data[2:]
    return data if data[:1] in {b"\xdf", b"\xdd"} else None
