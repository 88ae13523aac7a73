"""The line form of messages on serial, TCP and UDP wires ("segmented processing" of GIT for Industry).

One message is one line::

    GBCS:DATA#0:<octets>:<HEX>CRLF

``0`` numbers the line, ``octets`` counts the octets of the message (half the hexadecimal digits).

Sans-I/O: octets in, frames and errors out, in the order of the stream.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass

from protocols.errors import EncodeError
from protocols.ports import Frame, FrameKind

TAGS = {FrameKind.GBCS: b"GBCS:DATA"}

# The largest GBCS message is bounded by what general block transfer can carry: 255 blocks of 1,200 octets.
DEFAULT_LIMITS = {FrameKind.GBCS: 306_000}

_HEAD = re.compile(rb"(?P<tag>[A-Z-]+:[A-Z]+)#(?P<number>[0-9]{1,10}):(?P<octets>[0-9]{1,10}):")
_KINDS = {tag: kind for kind, tag in TAGS.items()}
_LONGEST_HEAD = max(map(len, _KINDS)) + len("#1234567890:1234567890:") + len("\r\n")
# No tag can stand within a line's digits, so one that does begins the line after a cut one.
_TAG_AGAIN = re.compile(rb"GBCS:DATA#|GBCS:(?:D(?:A(?:TA?)?)?)?\Z")
_RAISE_LIMIT = "raise the limit for this kind of frame or send less"


@dataclass(slots=True)
class LineError:
    """A line that holds no frame.

    ``offset`` is the octet of the stream (0 = the first ever fed) where the trouble is, ``next_step`` what to
    do about it, ``line`` the beginning of the line as evidence.
    """

    problem: str
    offset: int
    next_step: str
    line: bytes = b""

    def __str__(self) -> str:
        return f"octet {self.offset} of the stream: {self.problem}; {self.next_step}"


class _BadLineError(Exception):
    """Carries what is wrong, the octet within the line, and the remedy."""

    def __init__(self, problem: str, position: int, next_step: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.position = position
        self.next_step = next_step


@dataclass(slots=True)
class _Head:
    kind: FrameKind
    octets: int
    length_at: int  # positions in the line
    data_at: int


def encode_line(frame: Frame, number: int = 0) -> bytes:
    """One line, CRLF included; EncodeError when the frame is empty or the number has no decimal form."""
    if not frame.data:
        raise EncodeError("a line carries at least one octet", element="data")
    if not 0 <= number <= 9_999_999_999:
        raise EncodeError(f"{number} is not between 0 and 9999999999", element="number")
    head = b"%b#%d:%d:" % (TAGS[frame.kind], number, len(frame.data))
    return head + binascii.hexlify(frame.data).upper() + b"\r\n"


class LineDecoder:
    """Takes octets in any chunks and gives back whole frames and line errors in stream order.

    Memory is bounded: a line is kept up to the length its own tag allows (``limits``, octets of data by frame
    kind), one without a known tag for as long as a tag can be; the rest is dropped up to the line end.
    After an error decoding goes on at the next line, or at the next tag where a line was cut without an end.
    CRLF and a bare LF both end a line; empty lines are skipped. What comes out does not depend on how the
    stream was cut into chunks.
    """

    def __init__(self, limits: dict[FrameKind, int] | None = None) -> None:
        self._limits = DEFAULT_LIMITS | (limits or {})
        self._line = bytearray()
        self._line_start = 0  # stream offset of the first octet of the line being gathered
        self._position = 0  # octets fed so far
        self._room = _LONGEST_HEAD  # octets this line may take, as far as is known yet
        self._skipping = False

    @property
    def pending(self) -> int:
        """Octets of an unfinished line that are held."""
        return len(self._line)

    def feed(self, octets: bytes) -> list[Frame | LineError]:
        """Everything that these octets complete."""
        results: list[Frame | LineError] = []
        start = 0
        while start < len(octets):
            end = octets.find(b"\n", start) + 1
            stop = end or len(octets)
            self._gather(octets, start, stop, results)
            self._position += stop - start
            if end:
                self._finish_line(results)
            start = stop
        return results

    def close(self) -> list[Frame | LineError]:
        """The stream is over: an unfinished line is an error. The decoder is ready for the next line."""
        results: list[Frame | LineError] = []
        if self._line:
            cut = _BadLineError("the stream ended within a line", len(self._line), "send the line end, CRLF")
            self._report(results, cut)
        self._start_line()
        return results

    def _gather(self, octets: bytes, start: int, stop: int, results: list[Frame | LineError]) -> None:
        while start < stop and not self._skipping:
            taken = min(stop - start, self._room - len(self._line))
            if taken:
                self._line += octets[start : start + taken]
                start += taken
            elif self._room == _LONGEST_HEAD:
                self._judge_head(results)
            else:
                limit = (self._room - _LONGEST_HEAD) // 2
                problem = f"the line runs on beyond a frame of {limit} octets"
                self._give_up(results, _BadLineError(problem, self._room, _RAISE_LIMIT))

    def _judge_head(self, results: list[Frame | LineError]) -> None:
        """So many octets hold the whole head, so the line's kind and limit are known now."""
        try:
            head = self._head()
        except _BadLineError as error:
            if not self._start_at_next_tag(results, error):
                self._give_up(results, error)
        else:
            self._room = _LONGEST_HEAD + 2 * self._limits[head.kind]

    def _give_up(self, results: list[Frame | LineError], error: _BadLineError) -> None:
        self._report(results, error)
        self._skipping = True
        self._line.clear()

    def _finish_line(self, results: list[Frame | LineError]) -> None:
        if not self._skipping:
            del self._line[-2 if self._line.endswith(b"\r\n") else -1 :]
            while self._line:
                try:
                    head = self._head()
                    results.append(Frame(head.kind, _octets(self._line, head)))
                except _BadLineError as error:
                    if self._start_at_next_tag(results, error):
                        continue
                    self._report(results, error)
                break
        self._start_line()

    def _start_at_next_tag(self, results: list[Frame | LineError], error: _BadLineError) -> bool:
        """Whether another line begins within this bad one, which then ends there."""
        again = _TAG_AGAIN.search(self._line, 1)
        if again is None:
            return False
        if error.position >= again.start():
            error = _BadLineError(
                "the line was cut and another follows", again.start(), "send the line end, CRLF"
            )
        self._report(results, error)
        del self._line[: again.start()]
        self._line_start += again.start()
        self._room = _LONGEST_HEAD
        return True

    def _start_line(self) -> None:
        self._line = bytearray()
        self._line_start = self._position
        self._room = _LONGEST_HEAD
        self._skipping = False

    def _report(self, results: list[Frame | LineError], error: _BadLineError) -> None:
        where = self._line_start + error.position
        results.append(LineError(error.problem, where, error.next_step, bytes(self._line[:_LONGEST_HEAD])))

    def _head(self) -> _Head:
        found = _HEAD.match(bytes(self._line[:_LONGEST_HEAD]))
        if found is None:
            raise _BadLineError("not a message line", 0, "write GBCS:DATA#<n>:<octets>:<hexadecimal digits>")
        kind = _KINDS.get(found["tag"])
        if kind is None:
            known = " and ".join(tag.decode() for tag in _KINDS)
            raise _BadLineError(f"unknown tag {found['tag'].decode()}", 0, f"the tags are {known}")
        octets = int(found["octets"])
        length_at = found.start("octets")
        if octets > self._limits[kind]:
            problem = f"{octets} octets announced, at most {self._limits[kind]} are taken"
            raise _BadLineError(problem, length_at, _RAISE_LIMIT)
        return _Head(kind, octets, length_at, found.end())


def _octets(line: bytearray, head: _Head) -> bytes:
    with memoryview(line) as view:
        digits = view[head.data_at :]
        count = len(digits)
        try:
            data = binascii.unhexlify(digits)
        except binascii.Error:
            data = b""
        finally:
            digits.release()
    if data and len(data) == head.octets:
        return data
    wrong = re.search(rb"[^0-9A-Fa-f]", line[head.data_at :])
    if wrong is not None:
        at = head.data_at + wrong.start()
        raise _BadLineError(f"octet {line[at]:02X} is no hexadecimal digit", at, "use the digits 0-9 and A-F")
    if count % 2:
        problem = f"{count} hexadecimal digits, an odd number"
        raise _BadLineError(problem, len(line), "write two digits for every octet")
    if not count:
        raise _BadLineError("a line without data", head.data_at, "leave the line out")
    problem = f"{head.octets} octets announced, {len(data)} found"
    raise _BadLineError(problem, head.length_at, "announce the octets of the message, not its digits")
