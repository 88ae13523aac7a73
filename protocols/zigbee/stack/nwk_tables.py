"""What a node knows of others: neighbours, short addresses, network keys with their counters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from protocols.eui64 import Eui64
from protocols.zigbee.stack.constants import (
    COUNTER_RESERVE,
    NWK_COUNTER_LIMIT,
    NWK_MAX_ADDRESSES,
    NWK_ROUTER_AGE_LIMIT,
)


class DeviceKind(IntEnum):
    """Device type of a neighbour (NWK table 3-53)."""

    COORDINATOR = 0
    ROUTER = 1
    END_DEVICE = 2


class Relationship(IntEnum):
    """Relationship to a neighbour (NWK table 3-53)."""

    PARENT = 0
    CHILD = 1
    SIBLING = 2
    NONE = 3
    PREVIOUS_CHILD = 4
    UNAUTHENTICATED_CHILD = 5


_CHILDREN = (Relationship.CHILD, Relationship.UNAUTHENTICATED_CHILD)


@dataclass(slots=True, eq=False)
class Neighbour:
    """A device in radio range that matters to us. ``outgoing_cost`` 0: not known (NWK 3.6.1.5)."""

    short: int
    eui64: Eui64
    kind: DeviceKind
    relationship: Relationship
    rx_on: bool = True
    lqi: int = 255
    outgoing_cost: int = 0
    age: int = 0
    failures: int = 0
    heard_at: float = 0.0
    timeout_s: float = 0.0
    capability: int = 0

    @property
    def is_child(self) -> bool:
        """Whether we are its parent, authenticated or not."""
        return self.relationship in _CHILDREN

    @property
    def is_router(self) -> bool:
        """Whether it relays frames."""
        return self.kind is not DeviceKind.END_DEVICE

    @property
    def incoming_cost(self) -> int:
        """Link cost from its link quality, 1 (best) to 7 (NWK 3.6.3.1)."""
        return link_cost(self.lqi)

    @property
    def usable(self) -> bool:
        """Whether it can be a next hop: heard lately, and it takes frames."""
        return self.age < NWK_ROUTER_AGE_LIMIT and self.failures < 2


def link_cost(lqi: int) -> int:
    """Cost of a link of this quality, 1 to 7."""
    for cost, floor in enumerate((180, 140, 110, 80, 50, 25), 1):
        if lqi >= floor:
            return cost
    return 7


class NeighbourTable:
    """Neighbours by both addresses."""

    def __init__(self) -> None:
        self.by_short: dict[int, Neighbour] = {}
        self.by_eui64: dict[Eui64, Neighbour] = {}

    def __iter__(self) -> Iterator[Neighbour]:
        return iter(list(self.by_eui64.values()))

    def add(self, neighbour: Neighbour) -> Neighbour:
        """Put in, in place of what was known of this device or this address."""
        self.remove(self.by_eui64.get(neighbour.eui64))
        self.remove(self.by_short.get(neighbour.short))
        self.by_short[neighbour.short] = neighbour
        self.by_eui64[neighbour.eui64] = neighbour
        return neighbour

    def remove(self, neighbour: Neighbour | None) -> None:
        """Take out; None and strangers are fine."""
        if neighbour is None:
            return
        if self.by_eui64.get(neighbour.eui64) is neighbour:
            del self.by_eui64[neighbour.eui64]
        if self.by_short.get(neighbour.short) is neighbour:
            del self.by_short[neighbour.short]

    def readdress(self, neighbour: Neighbour, short: int) -> None:
        """A device changed its short address."""
        if neighbour.short != short:
            self.remove(neighbour)
            neighbour.short = short
            self.add(neighbour)

    def children(self) -> list[Neighbour]:
        """Devices whose parent we are."""
        return [neighbour for neighbour in self if neighbour.is_child]

    def routers(self) -> list[Neighbour]:
        """Neighbours that relay, heard lately."""
        return [neighbour for neighbour in self if neighbour.is_router and neighbour.usable]

    def clear(self) -> None:
        """Forget all."""
        self.by_short.clear()
        self.by_eui64.clear()


class AddressMap:
    """Which short address belongs to which EUI-64 (nwkAddressMap); the oldest pairs go first."""

    def __init__(self) -> None:
        self._short: dict[Eui64, int] = {}
        self._eui64: dict[int, Eui64] = {}

    def set(self, eui64: Eui64, short: int) -> Eui64 | None:
        """Remember a pair; gives the other device that had this short address so far."""
        if self._short.get(eui64) == short:
            return None
        old = self._short.pop(eui64, None)
        if old is not None:
            self._eui64.pop(old, None)
        other = self._eui64.pop(short, None)
        if other is not None:
            self._short.pop(other, None)
        if len(self._short) >= NWK_MAX_ADDRESSES:
            self._eui64.pop(self._short.pop(next(iter(self._short))), None)
        self._short[eui64] = short
        self._eui64[short] = eui64
        return other

    def forget(self, eui64: Eui64) -> None:
        """Drop a device."""
        short = self._short.pop(eui64, None)
        if short is not None:
            self._eui64.pop(short, None)

    def short(self, eui64: Eui64) -> int | None:
        """The short address of a device."""
        return self._short.get(eui64)

    def eui64(self, short: int) -> Eui64 | None:
        """The device with a short address."""
        return self._eui64.get(short)

    def pairs(self) -> list[tuple[Eui64, int]]:
        """All pairs, oldest first."""
        return list(self._short.items())

    def clear(self) -> None:
        """Forget all."""
        self._short.clear()
        self._eui64.clear()


class OutgoingCounter:
    """A frame counter that never goes back: ``reserved`` is kept over a power cut, ahead of what is used."""

    def __init__(self, keep: Callable[[], None], start: int = 0) -> None:
        self._keep = keep
        self._next = start
        self.reserved = start

    def take(self) -> int:
        """The next value; OverflowError when the key is worn out (NWK 4.3.1.1)."""
        value = self._next
        if value >= self.reserved:
            if value >= NWK_COUNTER_LIMIT:
                raise OverflowError("the frame counter is used up")
            self.reserved = min(value + COUNTER_RESERVE, NWK_COUNTER_LIMIT)
            self._keep()
        self._next = value + 1
        return value

    @property
    def value(self) -> int:
        """What comes next."""
        return self._next

    def restart(self, start: int) -> None:
        """Go on from a kept reservation."""
        self._next = self.reserved = max(start, self._next)


@dataclass(slots=True)
class NetworkKey:
    """A network key, and the lowest counter accepted from each neighbour (nwkSecurityMaterialSet)."""

    key: bytes
    sequence: int
    incoming: dict[Eui64, int] = field(default_factory=dict)

    def accept(self, source: Eui64, counter: int) -> bool:
        """Whether a frame of this source is none heard before; those not heard for longest are forgotten."""
        lowest = self.incoming.get(source, 0)
        if counter < lowest:
            return False
        self.incoming.pop(source, None)
        if len(self.incoming) >= NWK_MAX_ADDRESSES:
            del self.incoming[next(iter(self.incoming))]
        self.incoming[source] = counter + 1
        return True


class NetworkKeys:
    """The network keys held, at most two: the active and the other."""

    def __init__(self) -> None:
        self.by_sequence: dict[int, NetworkKey] = {}
        self.active: NetworkKey | None = None

    def add(self, key: bytes, sequence: int, *, activate: bool) -> NetworkKey:
        """Take a key, in place of the one that is neither active nor new."""
        known = self.by_sequence.get(sequence)
        if known is None or known.key != key:
            known = NetworkKey(key, sequence)
            kept = {} if self.active is None else {self.active.sequence: self.active}
            self.by_sequence = kept | {sequence: known}
        if activate or self.active is None:
            self.active = known
        return known

    def switch(self, sequence: int) -> bool:
        """Make a key the active one; False when it is not held or active already."""
        key = self.by_sequence.get(sequence)
        if key is None or key is self.active:
            return False
        self.active = key
        return True

    def newer(self, sequence: int) -> bool:
        """Whether a key comes after the active one (sequence numbers wrap)."""
        return self.active is not None and 0 < (sequence - self.active.sequence) & 0xFF < 0x80

    def clear(self) -> None:
        """Forget all."""
        self.by_sequence = {}
        self.active = None
