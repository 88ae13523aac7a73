"""The ZCL tables made ready for a walk: what each command carries, field by field."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from protocols.gbcs import zcl
from protocols.gbcs.catalogue.zcl import Field, Switch, zcl_tables
from protocols.gbcs.walk.rows import UNNAMED, Row
from protocols.gbcs.zcl_values import SIZES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from protocols.gbcs.walk.rows import Sink

_NO_STRING = 0xFF
_FRAME_TYPE, _CLUSTER_FRAME, _FROM_SERVER = 0x03, 0x01, 0x08
_CLAUSE = "ZigBee Cluster Library"
_DEFAULT_RESPONSE = (Field("Command Identifier", "u8"), Field("Status", "e8"))


class Content(Protocol):
    """What follows a ZCL header."""

    def walk(self, data: bytes, at: int, end: int, sink: Sink) -> int:
        """Add the spans of ``data[at:end]``; the offset where what is known ends."""


class _CutOffError(Exception):
    """The content ends within a field, which starts at ``at``."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


class _Step:
    """One field: its row, and its octets where its type fixes them (else it is a string)."""

    __slots__ = ("counts", "member", "name", "octets", "optional", "row")

    def __init__(self, member: Field, counts: set[str], outer: str) -> None:
        self.member = member
        self.name = member.name
        self.octets = 0 if member.entries is not None else SIZES.get(member.type, 0)
        self.optional = member.optional
        self.counts = member.name in counts
        self.row = Row(member.name or outer, _CLAUSE, member, unit=member.unit, scale=member.scale)


class Fields:
    """Fields of a cluster command, one after another.

    ``outer`` is the list whose entries they are: its name is that of entries which are single values.
    """

    __slots__ = ("_cases", "_entries", "_steps", "_switch")

    def __init__(self, fields: Sequence[Field | Switch], outer: str = "") -> None:
        counts = {each.name if isinstance(each, Switch) else each.count for each in fields}
        self._steps: list[_Step] = []
        self._entries: dict[str, Fields] = {}
        self._switch, self._cases = "", dict[int, Fields]()
        for each in fields:
            if isinstance(each, Switch):  # always the last
                self._switch = each.name
                self._cases = {value: Fields(members, outer) for value, members in each.cases.items()}
                break
            self._steps.append(_Step(each, counts, outer))
            if each.entries is not None:
                self._entries[each.name] = Fields(each.entries, each.name)

    def walk(self, data: bytes, at: int, end: int, sink: Sink) -> int:
        """Stops where a field is cut off."""
        try:
            return self.members(data, at, end, sink, {})
        except _CutOffError as cut:
            return cut.at

    def members(self, data: bytes, at: int, end: int, sink: Sink, numbers: dict[str, int]) -> int:
        """The fields in order; ``numbers`` has those that say how many or what follows."""
        add, bind = sink
        for step in self._steps:
            octets = step.octets
            if octets:
                after = at + octets
                if step.counts:
                    numbers[step.name] = int.from_bytes(data[at:after], "little")
            elif step.name in self._entries:
                at = self._list(step.member, data, at, end, sink, numbers=numbers)
                continue
            elif at < end:
                after = at + 1 + (0 if data[at] == _NO_STRING else data[at])
            else:
                after = at + 1
            if after > end:
                if step.optional and at == end:
                    return at
                raise _CutOffError(at)
            add(at)
            bind(step.row)
            at = after
        case = self._cases.get(numbers[self._switch]) if self._switch else None
        return at if case is None else case.members(data, at, end, sink, numbers)

    def _list(
        self, member: Field, data: bytes, at: int, end: int, sink: Sink, *, numbers: dict[str, int]
    ) -> int:
        entry = self._entries[member.name]
        left = -1 if member.rest else member.announced(numbers[member.count])
        while left and not (left < 0 and at >= end):
            at = entry.members(data, at, end, sink, {})
            left -= 1
        return at


class _Attributes:
    """Attributes of a cluster: those that a Read Attributes asks for, or its answer's records."""

    __slots__ = ("_answer", "_rows")

    def __init__(self, cluster: int, *, answer: bool) -> None:
        self._answer = answer
        self._rows = {
            known.attribute: Row(known.name, _CLAUSE, known, unit=known.unit, scale=known.scale)
            for known in zcl_tables().attributes(cluster)
        }

    def walk(self, data: bytes, at: int, end: int, sink: Sink) -> int:
        """An attribute is one span: its number, and in an answer status, type and value."""
        rows, (add, bind) = self._rows, sink
        while at + 2 <= end:
            after = self._record_end(data, at, end) if self._answer else at + 2
            if after > end:
                return at
            add(at)
            bind(rows.get(data[at] | data[at + 1] << 8, UNNAMED))
            at = after
        return at

    @staticmethod
    def _record_end(data: bytes, at: int, end: int) -> int:
        """Beyond the end where the record is cut off or of a type that nobody knows the octets of."""
        after = at + 3
        if after > end or data[at + 2]:
            return after
        octets = zcl.octets_of_type(data[after]) if after < end else end
        if octets is None:
            return end + 1
        after += 1
        if octets:
            return after + octets
        if after >= end:
            return end + 1
        return after + 1 + (0 if data[after] == _NO_STRING else data[after])


class _Nothing:
    """A command that the tables do not know."""

    __slots__ = ()

    def walk(self, _data: bytes, at: int, _end: int, _sink: Sink) -> int:
        """Nothing of it has a name."""
        return at


@lru_cache(maxsize=1024)
def content_of(cluster: int, direction: int, command: int) -> Content:
    """What a command carries; ``direction`` are the bits of its frame control that choose the table."""
    if not direction & _FRAME_TYPE:
        if command in {zcl.READ_ATTRIBUTES, zcl.READ_ATTRIBUTES_RESPONSE}:
            return _Attributes(cluster, answer=command == zcl.READ_ATTRIBUTES_RESPONSE)
        return Fields(_DEFAULT_RESPONSE) if command == zcl.DEFAULT_RESPONSE else _Nothing()
    if direction & _FRAME_TYPE != _CLUSTER_FRAME:
        return _Nothing()
    known = zcl_tables().command(cluster, command, from_server=bool(direction & _FROM_SERVER))
    return _Nothing() if known is None else Fields(known.fields)
