"""How many frames a capture holds of each layer, counted with the bench's own codecs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hil.capture.dissect import Dissected, Dissector
from hil.capture.keys import FOLDER_NAME, read_keys
from protocols.capture import GBCS_DISSECTOR, HOSTILE, parse_exported_pdu, parse_tap
from protocols.errors import CodecError, DecodeError
from protocols.gbcs.message import parse_message
from protocols.pcapng import Interface, LinkType, Packet, Section, read_pcapng
from protocols.ports import ConfigError
from protocols.zigbee.zcl import clusters

Shown = Callable[[Packet, "Dissected | None", str], None]  # packet, frame if it is one, GBCS problem


@dataclass(slots=True)
class LayerCounts:
    """Counts by layer; of frames that are hostile on purpose nothing is counted but that they are there.

    ``closed`` are payloads that no key opened, by layer; ``zcl`` are whole ZCL and ZDP frames by cluster.
    ``messages`` are GBCS messages alone (exported PDUs), ``tunnelled`` those that frames carry whole.
    """

    frames: int = 0
    hostile: int = 0
    bad_fcs: int = 0
    malformed: int = 0
    fragments: int = 0
    messages: int = 0
    tunnelled: int = 0
    mac: Counter[str] = field(default_factory=Counter)
    nwk: Counter[str] = field(default_factory=Counter)
    aps: Counter[str] = field(default_factory=Counter)
    closed: Counter[str] = field(default_factory=Counter)
    zcl: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "frames": self.frames,
            "hostile": self.hostile,
            "bad_fcs": self.bad_fcs,
            "malformed": self.malformed,
            "fragments": self.fragments,
            "mac": dict(sorted(self.mac.items())),
            "nwk": dict(sorted(self.nwk.items())),
            "aps": dict(sorted(self.aps.items())),
            "closed": dict(sorted(self.closed.items())),
            "zcl": dict(sorted(self.zcl.items())),
            "gbcs": {"tunnelled": self.tunnelled, "alone": self.messages},
        }

    def take(self, frame: Dissected, *, hostile: bool) -> None:
        """Count one frame."""
        self.frames += 1
        if hostile:
            self.hostile += 1
            return
        self.bad_fcs += not frame.right_fcs
        self.malformed += bool(frame.problem)
        self.fragments += frame.fragment
        if frame.closed:
            self.closed[frame.closed] += 1
        if frame.mac is not None:
            self.mac[frame.mac.frame_type.name.lower()] += 1
        if frame.nwk is not None:
            self.nwk[frame.nwk.frame_type.name.lower()] += 1
        if frame.aps is not None:
            self.aps[frame.aps.frame_type.name.lower()] += 1
        if frame.zdp:
            self.zcl["zdp"] += 1
        if frame.zcl is not None and frame.aps is not None:
            self.zcl[cluster_name(frame.aps.cluster or 0)] += 1
        self.tunnelled += frame.gbcs is not None


def cluster_name(number: int) -> str:
    """A cluster's name in our tables, or its number."""
    known = clusters.load()
    return known[number].name if number in known else f"{number:04X}"


def count_blocks(octets: bytes, keys: Iterable[bytes], show: Shown | None = None) -> LayerCounts:
    """Count a capture (its last block may be cut off); DecodeError where it is none.

    ``show`` sees every packet with what it turned out to be.
    """
    counts, dissector = LayerCounts(), Dissector(keys)
    interfaces: list[Interface] = []
    for block in read_pcapng(octets, whole=False):
        if isinstance(block, Section):
            interfaces = []
        elif isinstance(block, Interface):
            interfaces.append(block)
        elif isinstance(block, Packet):
            _take(block, interfaces[block.interface].link_type, counts, dissector, show)
    return counts


def _take(
    packet: Packet, link_type: int, counts: LayerCounts, dissector: Dissector, show: Shown | None
) -> None:
    hostile = any(comment.startswith(HOSTILE) for comment in packet.comments)
    frame, problem = None, ""
    try:
        if link_type == LinkType.EXPORTED_PDU:
            name, octets = parse_exported_pdu(packet.octets)
            if name == GBCS_DISSECTOR:
                counts.messages += 1
                parse_message(octets)
        elif link_type == LinkType.IEEE802_15_4_TAP:
            tap = parse_tap(packet.octets)
            frame = dissector.open(tap.psdu, tap.fcs_octets)
        elif link_type == LinkType.IEEE802_15_4_WITHFCS:
            frame = dissector.open(packet.octets)
    except CodecError as error:
        problem = str(error)
        counts.malformed += not hostile
    if frame is not None:
        counts.take(frame, hostile=hostile)
    if show is not None:
        show(packet, frame, problem)


def count_file(path: Path, keys: Path | None = None, show: Shown | None = None) -> LayerCounts:
    """Count a capture file with the keys of ``keys`` (default: the folder ``wireshark`` beside it)."""
    folder = keys or path.parent / FOLDER_NAME
    if keys is not None and not keys.is_dir():
        raise ConfigError(f"{keys} is no folder", next_step="name a folder that holds zigbee_pc_keys")
    try:
        octets = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror}",
            next_step="name a capture, such as that of runs/latest",
        ) from error
    try:
        return count_blocks(octets, [key for key, _ in read_keys(folder)], show)
    except DecodeError as error:
        raise ConfigError(
            f"{path} is no pcapng file that can be read: {error}",
            next_step="convert it: editcap -F pcapng IN OUT",
        ) from error
