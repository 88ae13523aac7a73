"""Lengths longer than DER has them, as a value of their own: ``long_lengths``.

Some meters write lengths of 128 to 255 as 82 00 nn, and the reference messages have such payloads. Without
the value every length is as short as it can be; it is one of

- true: all lengths of 128 to 255 are 82 00 nn;
- a list of elements: theirs are 82 00 nn, all others short;
- an object of elements and how many octets their lengths take: any other form, which only a builder that is
  not strict takes.

Elements go by their paths, such as ``executionOutcome.replacementOutcomes[0]``; the whole is ``payload``.
What is inside certificates keeps its own lengths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.errors import EncodeError
from protocols.gbcs import der

if TYPE_CHECKING:
    from collections.abc import Iterable

LONG_LENGTHS = "long_lengths"
_WHOLE = "payload"
_LONG = 3
_MOST = 5
_FORM = "true, a list of elements, or an object of elements and octets"


def lengths_of(nodes: Iterable[tuple[str, der.Node]]) -> dict[str, Any]:
    """The value for nodes and their paths; nothing where all lengths are as short as they can be."""
    long: list[str] = []
    other: dict[str, int] = {}
    middle = 0
    for path, node in nodes:
        size, octets = node.end - node.start - node.header, node.header - 1
        middle += _is_middle(size)
        if octets == _shortest(size):
            continue
        other[path or _WHOLE] = octets
        if _is_middle(size) and octets == _LONG:
            long.append(path or _WHOLE)
    if len(long) < len(other):
        return {LONG_LENGTHS: other}
    if not long:
        return {}
    return {LONG_LENGTHS: True if len(long) == middle else long}


class Lengths:
    """How a writer puts lengths; EncodeError where the value is none, or says what cannot be."""

    __slots__ = ("_all", "_clause", "_left", "_strict", "_used")

    def __init__(self, value: Any = None, clause: str = "", *, strict: bool = True) -> None:
        self._clause, self._strict = clause, strict
        self._all = value is True
        self._used = False
        self._left: dict[str, int] = {}
        if isinstance(value, list):
            self._left = dict.fromkeys(map(str, value), _LONG)
        elif isinstance(value, dict) and not strict:
            self._left = {path: self._checked(octets, path) for path, octets in value.items()}
        elif value not in (None, True, False) or isinstance(value, int) != isinstance(value, bool):
            raise self._error(f"{value!r} is not {_FORM}" + (", which is not DER" if strict else ""))

    def wrap(self, tag: int, content: bytes, path: str) -> bytes:
        """Tag, length and content of an element."""
        size = len(content)
        octets = self._left.pop(path or _WHOLE, 0)
        if self._all and _is_middle(size):
            octets, self._used = _LONG, True
        if not octets:
            return der.encode(tag, content)
        if octets < _shortest(size) or (self._strict and not _is_middle(size)):
            raise self._error(f"the length of {path or _WHOLE} is {size}, not between 128 and 255")
        if octets == 1:
            return der.encode(tag, content)
        return bytes((tag, 0x80 | (octets - 1))) + size.to_bytes(octets - 1, "big") + content

    def wrap_again(self, octets: bytes, path: str) -> bytes:
        """A single value that has been encoded, with the length it is to have."""
        if not self._all and path not in self._left:
            return octets
        header = 2 if octets[1] < 0x80 else 2 + (octets[1] & 0x7F)
        return self.wrap(octets[0], octets[header:], path)

    def check_used(self) -> None:
        """EncodeError for what the payload does not have: an element named, or a length of 128 to 255."""
        if self._all and not self._used:
            raise self._error("no length is between 128 and 255")
        for path in self._left:
            raise self._error(f"there is no {path}")

    def _checked(self, octets: Any, path: str) -> int:
        if not isinstance(octets, int) or isinstance(octets, bool) or not 1 <= octets <= _MOST:
            raise self._error(f"{octets!r} octets for the length of {path}")
        return octets

    def _error(self, problem: str) -> EncodeError:
        return EncodeError(problem, element=LONG_LENGTHS, clause=self._clause)


def _is_middle(size: int) -> bool:
    return 0x80 <= size <= 0xFF


def _shortest(size: int) -> int:
    return 1 if size < 0x80 else 1 + (size.bit_length() + 7) // 8
