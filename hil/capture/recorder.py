"""Keeps a HAN's frames and messages in a pcapng file as they happen.

Each frame or message is one whole block, written at once without a buffer, so that the file of a run that was
killed is readable to its last frame.
"""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hil.capture.dissect import Dissector
from protocols.capture import HOSTILE, CapturedFrame, exported_pdu, tap_packet
from protocols.errors import CodecError
from protocols.gbcs.header import CraFlag
from protocols.gbcs.message import parse_message
from protocols.pcapng import Direction, Interface, LinkType, Packet, PcapngWriter, Section
from protocols.ports import BenchError

if TYPE_CHECKING:
    from hil.capture.keys import WiresharkKeys
    from protocols.gbcs.catalogue import Catalogue
    from protocols.ports import Clock

CAPTURE_NAME = "capture.pcapng"
NANOSECONDS = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class PcapngFile:
    """A capture file that grows block by block; once it cannot be written, what follows counts as dropped."""

    def __init__(self, path: Path, section: Section) -> None:
        self.path = path
        self.dropped = 0
        self.problem = ""
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
        except OSError as error:
            raise BenchError(
                f"{path} cannot be written: {error}", next_step="give a folder that can be written"
            ) from error
        self.writer = PcapngWriter(self._write, section)

    def _write(self, block: bytes) -> None:
        if self.problem:
            self.dropped += 1
            return
        try:
            left = memoryview(block)
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError as error:
            self.problem = f"{self.path} could not be written any more: {error}"
            self.dropped += 1

    def close(self, time_ns: int) -> None:
        """Write the counts and close; twice is harmless."""
        if self._descriptor >= 0:
            self.writer.finish(time_ns, self.dropped)
            os.close(self._descriptor)
            self._descriptor = -1


def section(comment: str = "") -> Section:
    """The head of our capture files."""
    return Section(
        (comment,) if comment else (), platform.machine(), f"{platform.system()} {platform.release()}", "hil"
    )


class CaptureRecorder:
    """A `protocols.capture.HanRecorder` on a capture file, with its keys beside it.

    Frames stand on interface 0 (``han``), GBCS messages alone on interface 1 (``gbcs``). Every one has a
    comment with the running test and the use case of the command that went in last, as far as there are any;
    what a frame's sender said of it (``hostile: ...``) comes first.
    """

    def __init__(
        self, path: Path, clock: Clock, keys: WiresharkKeys, catalogue: Catalogue, comment: str = ""
    ) -> None:
        self.path = path
        self.frames = self.messages = self.hostile = 0
        self._clock = clock
        self._keys = keys
        self._catalogue = catalogue
        self._test = self._use_case = ""
        self._comments: tuple[str, ...] = ()
        # Messages of this test that are malformed on purpose; while there are any, frames are looked into.
        self._hostile: dict[bytes, str] = {}
        self._dissector: Dissector | None = None
        # Monotonic seconds count from anywhere: this is where.
        self._zero_ns = self._now_ns() - round(clock.monotonic() * NANOSECONDS)
        self._file = PcapngFile(path, section(comment))
        writer = self._writer = self._file.writer
        self._han = writer.add_interface(
            Interface(LinkType.IEEE802_15_4_TAP, "han", "frames of the home area network")
        )
        self._gbcs = writer.add_interface(
            Interface(LinkType.EXPORTED_PDU, "gbcs", "GBCS messages as they enter and leave the premises")
        )

    def _now_ns(self) -> int:
        since = self._clock.now() - _EPOCH
        return (since.days * 86_400 + since.seconds) * NANOSECONDS + since.microseconds * 1_000

    @property
    def problem(self) -> str:
        """Why the file is not whole; empty when it is."""
        return self._file.problem

    def note(self, test: str, use_case: str = "") -> None:
        """The test that runs from now on; usable from any thread."""
        self._test, self._use_case = test, use_case
        self._hostile.clear()
        self._dissector = None
        self._remark()

    def _remark(self) -> None:
        named = (("test", self._test), ("use case", self._use_case))
        text = "; ".join(f"{name}: {value}" for name, value in named if value)
        self._comments = (text,) if text else ()

    def frame(self, frame: CapturedFrame) -> None:
        """Keep a frame."""
        comments = self._comments
        remark = frame.comment or (self._spoilt(frame) if self._dissector is not None else "")
        if remark:
            comments = (remark, *comments)
            self.hostile += remark.startswith(HOSTILE)
        self.frames += 1
        time_ns = self._zero_ns + round(frame.time_s * NANOSECONDS)
        self._writer.packet(Packet(self._han, time_ns, tap_packet(frame), comments, frame.direction))

    def expect_hostile(self, octets: bytes, why: str) -> None:
        """A message that is malformed on purpose is about to come, on its own and in frames."""
        self._hostile[octets] = f"{HOSTILE} {why}"
        if self._dissector is None:
            self._dissector = Dissector(self._keys.known)

    def _spoilt(self, frame: CapturedFrame) -> str:
        """The remark on a frame that carries (the last of) such a message."""
        assert self._dissector is not None
        carried = self._dissector.open(frame.psdu).gbcs
        return self._hostile.get(carried, "") if carried is not None else ""

    def message(self, octets: bytes, *, node: str, outbound: bool) -> None:
        """Keep a GBCS message."""
        self._look_at(octets)
        self.messages += 1
        direction = Direction.OUTBOUND if outbound else Direction.INBOUND
        way = f"{'from' if outbound else 'to'} {node}"
        remarks = (way, *self._comments)
        if octets in self._hostile:
            remarks = (self._hostile[octets], *remarks)
        packet = Packet(self._gbcs, self._now_ns(), exported_pdu(octets), remarks, direction)
        self._writer.packet(packet)

    def _look_at(self, octets: bytes) -> None:
        """A command says what is going on from now on; alerts and responses come of what went on before."""
        try:
            header = parse_message(octets).header
        except CodecError:
            return
        if header.cra_flag is CraFlag.COMMAND:
            found = self._catalogue.by_message_code(header.message_code, header.cra_flag)
            self._use_case = found.code if found is not None else f"message code {header.message_code:04X}"
            self._remark()

    def key(self, key: bytes, label: str) -> None:
        """Take a key."""
        self._keys.add(key, label)
        if self._dissector is not None:
            self._dissector.learn(key)

    def close(self) -> None:
        """Write the counts and close; twice is harmless."""
        self._file.close(self._now_ns())
