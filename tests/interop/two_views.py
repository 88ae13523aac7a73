"""A capture as tshark shows it beside what the bench's own dissector makes of it, packet by packet.

A full run has some 1.5 million packets, so both are read as streams and of each packet only a verdict is kept.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hil.capture.counts import LayerCounts, count_file
from hil.capture.dissect import Dissected
from protocols.pcapng import Packet
from protocols.zigbee.aps import Fragmentation
from protocols.zigbee.mac import Ack

FIELDS = (
    "frame.protocols", "frame.comment", "frame.interface_name", "wpan.frame_type", "zbee_nwk.frame_type",
    "zbee_aps.type", "zbee_aps.cluster", "gbcs_gbz.alert_code", "gbcs_message.grouping_header.message_code",
    "zbee_sec.encrypted_payload", "_ws.malformed",
)  # fmt: skip
SEVERAL = "\x1f"  # between the values of a field
ADDRESSES = 400  # frames before a transfer that tell tshark who has which short address

Place = tuple[int, int, int]  # NWK source and destination, APS counter


@dataclass(frozen=True, slots=True)
class Shown:
    """What tshark says of a packet; no number where it sees no such layer."""

    layers: tuple[str, ...]
    comments: tuple[str, ...]
    interface: str
    types: tuple[int | None, int | None, int | None, int | None]  # MAC, NWK, APS, cluster
    alert_codes: frozenset[int]
    message_codes: frozenset[int]
    encrypted: bool
    malformed: bool

    @property
    def hostile(self) -> bool:
        """The bench says that this frame is wrong on purpose."""
        return any(comment.startswith("hostile:") for comment in self.comments)

    @property
    def misread_alert(self) -> bool:
        """A GBZ alert 8F1C or 8F72 under message code 1000: tshark goes by the alert code alone, and misses the image
        hash that only the receipt alert of a GSME (message code 00CF) has.
        """
        return self.alert_codes <= {0x8F1C, 0x8F72} and self.message_codes == {0x1000}


def read_shown(line: str) -> Shown:
    """A line of ``tshark -T fields``."""
    values = [value.split(SEVERAL) if value else [] for value in line.rstrip("\n").split("\t")]
    protocols, comments, interface, *types, alerts, codes, encrypted, malformed = values
    mac, nwk, aps, cluster = (int(value[0], 0) if value else None for value in types)
    return Shown(
        layers=tuple(protocols[0].split(":")),
        comments=tuple(comments),
        interface=interface[0] if interface else "",
        types=(mac, nwk, aps, cluster),
        alert_codes=frozenset(int(code, 0) for code in alerts),
        message_codes=frozenset(int(code, 0) for code in codes),
        encrypted=bool(encrypted),
        malformed=bool(malformed),
    )


@contextlib.contextmanager
def tshark_lines(path: Path, keys: Path) -> Iterator[Iterator[str]]:
    """tshark's fields of each packet, a line each, as it comes to them."""
    command = ["tshark", "-r", str(path), "-T", "fields", "-E", "separator=/t", "-E", f"aggregator={SEVERAL}"]
    for name in FIELDS:
        command += ["-e", name]
    environment = {**os.environ, "WIRESHARK_CONFIG_DIR": str(keys)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as tshark:
        assert tshark.stdout is not None
        yield iter(tshark.stdout)
        assert tshark.stdout.read() == "", "tshark shows more packets than there are"
    assert tshark.returncode == 0, f"tshark ended with {tshark.returncode}"


@dataclass(slots=True)
class Fragment:
    """An APS fragment: its packet, its block, and whether the transfer was whole with it."""

    number: int
    block: int
    completes: bool


@dataclass(slots=True)
class Views:
    """Where the two agree (counts) and where not (packet numbers with what was seen)."""

    folder: Path
    counts: LayerCounts = field(default_factory=LayerCounts)
    packets: int = 0
    compared: int = 0
    nwk_secured: int = 0
    aps_secured: int = 0
    tunnelled: int = 0
    alone: int = 0
    hostile: int = 0
    hostile_malformed: int = 0
    hostile_kinds: set[str] = field(default_factory=set)
    comments: set[str] = field(default_factory=set)
    malformed: dict[int, Shown] = field(default_factory=dict)
    closed: dict[int, Shown] = field(default_factory=dict)
    messages_differ: dict[int, Shown] = field(default_factory=dict)
    layers_differ: dict[int, str] = field(default_factory=dict)
    strange_alone: dict[int, Shown] = field(default_factory=dict)
    fragments: dict[Place, list[Fragment]] = field(default_factory=lambda: defaultdict(list))
    confused: list[int] = field(default_factory=list)

    def take(self, number: int, shown: Shown, ours: Dissected | None) -> None:
        """Compare one packet."""
        self.packets = number
        self.comments.update(shown.comments)
        self.alone += ours is None
        if shown.hostile:
            if ours is not None:
                self.hostile += 1
                self.hostile_malformed += shown.malformed
                self.hostile_kinds.add(shown.comments[0])
            return
        if shown.malformed and not shown.misread_alert:
            self.malformed[number] = shown
        if shown.encrypted:
            self.closed[number] = shown
        if ours is not None:
            self._frame(number, shown, ours)
        elif shown.layers[:2] != ("exported_pdu", "gbcs_message") or shown.interface != "gbcs":
            self.strange_alone[number] = shown

    def _frame(self, number: int, shown: Shown, ours: Dissected) -> None:
        if ours.fragment:
            self._fragment(number, ours)
        if ours.nwk is not None and ours.nwk.security is not None:
            self.nwk_secured += 1
            self.aps_secured += ours.aps is not None and ours.aps.security is not None
        self.tunnelled += ours.gbcs is not None
        if ("gbcs_message" in shown.layers) != (ours.gbcs is not None):
            self.messages_differ[number] = shown
        if ours.right_fcs:
            self.compared += 1
            difference = layers_between(shown, ours)
            if difference:
                self.layers_differ[number] = difference

    def _fragment(self, number: int, ours: Dissected) -> None:
        header = None if ours.aps is None else ours.aps.extended
        assert header is not None
        first = header.fragmentation is Fragmentation.FIRST
        block = 0 if first else header.block_number or 0
        whole = ours.zcl is not None or ours.zdp
        self.fragments[place_of(ours)].append(Fragment(number, block, whole))

    def doubted(self) -> set[int]:
        """Packets in which the two do not agree."""
        return {*self.malformed, *self.closed, *self.messages_differ, *self.layers_differ}

    def forget(self, number: int) -> None:
        """Take back what was held against a packet."""
        for doubts in (self.malformed, self.closed, self.messages_differ):
            doubts.pop(number, None)
        self.layers_differ.pop(number, None)


def place_of(ours: Dissected) -> Place:
    """What fragments of one transfer have in common."""
    assert ours.nwk is not None
    assert ours.aps is not None
    return ours.nwk.source, ours.nwk.destination, ours.aps.counter or 0


def layers_between(shown: Shown, ours: Dissected) -> str:
    """In what the layers of a frame differ, or nothing."""
    mac = 2 if isinstance(ours.mac, Ack) else None if ours.mac is None else int(ours.mac.frame_type)
    nwk = None if ours.nwk is None else int(ours.nwk.frame_type)
    aps = None if ours.aps is None else int(ours.aps.frame_type)
    # Clusters of the device profile have a field of their own.
    zdo = ours.aps is None or ours.zdp or ours.aps.profile == 0
    cluster = None if ours.aps is None or zdo else ours.aps.cluster
    expected = ((mac, nwk, aps, cluster), ours.zcl is not None, ours.zdp)
    seen = (shown.types, "zbee_zcl" in shown.layers, "zbee_zdp" in shown.layers)
    return "" if seen == expected else f"tshark {seen}, we {expected}"


def compare(folder: Path) -> Views:
    """Read a run's capture with both; raises AssertionError where one ends before the other."""
    views = Views(folder)
    capture, keys = folder / "capture.pcapng", folder / "wireshark"
    with tshark_lines(capture, keys) as lines:
        number = 0

        def show(_: Packet, ours: Dissected | None, __: str) -> None:
            nonlocal number
            number += 1
            views.take(number, read_shown(next(lines)), ours)

        views.counts = count_file(capture, show=show)
    _settle(views)
    return views


def _settle(views: Views) -> None:
    """Show tshark again, without them, where fragments of another transfer stood in the way.

    APS counters have 8 bits. tshark keeps the fragments of a transfer that never became whole (a power cut), and those
    sent again after it was whole, and puts them together with the next ones of the same counter, hours later. A packet
    is given this second look only where the capture shows such left-over fragments.
    """
    doubted = views.doubted()
    for fragments in list(views.fragments.values()):
        for index, fragment in enumerate(fragments):
            if fragment.number not in doubted:
                continue
            own = _transfer(fragments[: index + 1])
            others = [one for one in fragments[:index] if one.number not in own]
            if _left_over(others, min(own)):
                views.confused.append(fragment.number)
                _look_again(views, own, others)


def _transfer(fragments: list[Fragment]) -> set[int]:
    """Packets of the transfer that the last of these fragments is of: back to its first block."""
    last = fragments[-1]
    numbers: set[int] = set()
    blocks: set[int] = set()
    for fragment in reversed(fragments):
        if fragment.number != last.number and fragment.completes:
            break
        if fragment.block not in blocks:
            blocks.add(fragment.block)
            numbers.add(fragment.number)
        if fragment.block == 0:
            break
    return numbers


def _left_over(others: list[Fragment], start: int) -> bool:
    """Whether fragments before a transfer, of the same addresses and counter, did not go into a whole one."""
    blocks: set[int] = set()
    for one in others:
        if one.number >= start:
            continue
        if one.block in blocks or (one.block == 0 and blocks):
            return True
        blocks.add(one.block)
        if one.completes:
            blocks.clear()
    return bool(blocks)


def _look_again(views: Views, own: set[int], others: list[Fragment]) -> None:
    number, keys = max(own), views.folder / "wireshark"
    start = max(1, min(own) - ADDRESSES)
    part = _extract(views.folder / "capture.pcapng", range(start, number + 1), {one.number for one in others})
    ours: list[Dissected | None] = []
    count_file(part, keys=keys, show=lambda _, frame, __: ours.append(frame))
    with tshark_lines(part, keys) as lines:
        shown = [read_shown(line) for line in lines]
    part.unlink()
    again = Views(views.folder)
    again.take(number, shown[-1], ours[-1])
    if not again.doubted():
        views.forget(number)


def _extract(capture: Path, numbers: range, but: set[int]) -> Path:
    """Some packets of a capture as another."""
    whole, part = (capture.parent.parent / f"{name}-{numbers[-1]}.pcapng" for name in ("whole", "part"))
    command = ["editcap", "-r", str(capture), str(whole), f"{numbers[0]}-{numbers[-1]}"]
    subprocess.run(command, check=True, capture_output=True)
    unwanted = [str(number - numbers[0] + 1) for number in sorted(but & set(numbers))]
    subprocess.run(["editcap", str(whole), str(part), *unwanted], check=True, capture_output=True)
    whole.unlink()
    return part
