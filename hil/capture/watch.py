"""The HAN of a run as its capture shows it while the run goes on: what tests of the air itself look at."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hil.capture.dissect import Dissected, Dissector
from hil.capture.keys import FOLDER_NAME, read_keys
from hil.capture.recorder import CAPTURE_NAME
from protocols.capture import HOSTILE, parse_tap
from protocols.pcapng import Interface, LinkType, Packet, read_pcapng
from protocols.pcapng.blocks import BlockType
from protocols.ports import BenchError
from protocols.zigbee.mac import FrameType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from protocols.eui64 import Eui64
    from protocols.zigbee.zcl.frame import ZclFrame

CAPABILITY = "han.watch"
_BLOCK_HEAD = 8


@dataclass(slots=True)
class SeenFrame:
    """A frame as the capture has it. ``number`` counts frames from 1, ``time_s`` is seconds since 1970."""

    number: int
    time_s: float
    frame: Dissected
    psdu: bytes


@dataclass(slots=True)
class SeenZcl:
    """A whole ZCL frame, of fragments that which completed it.

    ``source`` and ``destination`` are None where no frame so far has told who uses the short address.
    ``encrypted`` says whether the APS layer was secured with a link key.
    """

    number: int
    time_s: float
    source: Eui64 | None
    destination: Eui64 | None
    cluster: int
    zcl: ZclFrame
    gbcs: bytes | None
    encrypted: bool


class HanWatch:
    """Frames of the HAN, opened with the keys of this run.

    Frames that are hostile on purpose and octets that arrived damaged are left out. Each frame is opened
    once, in the order of the capture, when somebody asks for what came since.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / CAPTURE_NAME
        self._keys = folder / FOLDER_NAME
        self._dissector = Dissector()
        self._head = b""
        self._at = 0
        self._number = self._forgotten = 0
        self._kept: list[SeenFrame] = []

    def mark(self) -> int:
        """The number of the last frame so far; what is older is forgotten."""
        self._catch_up()
        self._kept.clear()
        self._forgotten = self._number
        return self._number

    def since(self, mark: int) -> list[SeenFrame]:
        """The frames after a mark, oldest first. BenchError for a mark older than the last one."""
        self._catch_up()
        if mark < self._forgotten:
            raise BenchError(
                f"the frames after number {mark} are forgotten", next_step="use the mark that was made last"
            )
        return [seen for seen in self._kept if seen.number > mark]

    def zcl(self, cluster: int, *, since: int) -> list[SeenZcl]:
        """Whole ZCL frames of a cluster after a mark, each once however often it was repeated."""
        found: list[SeenZcl] = []
        known: set[tuple[object, ...]] = set()
        for seen in self.since(since):
            frame = seen.frame
            nwk, aps, zcl = frame.nwk, frame.aps, frame.zcl
            if nwk is None or aps is None or zcl is None or aps.cluster != cluster:
                continue
            # A retry of the APS layer has its counter, one of the MAC layer the sequence number of the NWK.
            key = (nwk.source, nwk.destination, aps.counter, zcl.sequence, zcl.command, zcl.payload)
            if key not in known:
                known.add(key)
                found.append(
                    SeenZcl(
                        seen.number,
                        seen.time_s,
                        self._dissector.eui64(nwk.source),
                        self._dissector.eui64(nwk.destination),
                        cluster,
                        zcl,
                        frame.gbcs,
                        encrypted=aps.security is not None,
                    )
                )
        return found

    # ------------------------------------------------------------------ reading

    def _catch_up(self) -> None:
        for key, _label in read_keys(self._keys):
            self._dissector.learn(key)
        for packet, link_type in self._packets():
            if link_type != LinkType.IEEE802_15_4_TAP:
                continue
            tap = parse_tap(packet.octets)
            frame = self._dissector.open(tap.psdu, tap.fcs_octets)
            if any(comment.startswith(HOSTILE) for comment in packet.comments) or not frame.right_fcs:
                continue
            self._number += 1
            if frame.mac is None or frame.mac.frame_type is not FrameType.ACK:
                self._kept.append(SeenFrame(self._number, packet.time_ns / 1e9, frame, tap.psdu))

    def _packets(self) -> Iterator[tuple[Packet, int]]:
        """Packets that are new in the file, which begins with one section and its interfaces."""
        with self._path.open("rb") as file:
            file.seek(self._at)
            octets = file.read()
        if not self._head:
            self._head = _until_first_packet(octets)
            octets = octets[len(self._head) :]
            self._at = len(self._head)
        self._at += _whole_blocks(octets)
        interfaces: list[Interface] = []
        for block in read_pcapng(self._head + octets, whole=False):
            if isinstance(block, Interface):
                interfaces.append(block)
            elif isinstance(block, Packet):
                yield block, interfaces[block.interface].link_type


def _lengths(octets: bytes) -> Iterator[tuple[int, int]]:
    """Type and length of each block that is there in whole; the recorder writes in little-endian."""
    at = 0
    while at + _BLOCK_HEAD <= len(octets):
        kind, length = struct.unpack_from("<II", octets, at)
        if at + length > len(octets):
            return
        yield kind, length
        at += length


def _whole_blocks(octets: bytes) -> int:
    return sum(length for _kind, length in _lengths(octets))


def _until_first_packet(octets: bytes) -> bytes:
    taken = 0
    for kind, length in _lengths(octets):
        if kind == BlockType.PACKET:
            break
        taken += length
    return octets[:taken]
