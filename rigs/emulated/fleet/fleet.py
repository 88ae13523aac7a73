"""A fleet of households in one process, most of them asleep.

A device that has nothing to do is octets in a table (`parking`). A message for it wakes it, and so does its
own next due time, which stands in a heap. Some households that were used last stay awake.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING

from rigs.emulated.alone import unheard
from rigs.emulated.fleet.household import Household, header_of
from rigs.emulated.fleet.model import KINDS
from rigs.emulated.fleet.parking import Presses
from rigs.emulated.kinds import KINDS as CLASSES
from rigs.emulated.memory_storage import MemoryStorage

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from protocols.ports import Clock
    from rigs.emulated.fleet.model import Model
    from rigs.emulated.memory_storage import Contents

# Parties whose certificates are likely to stand in a device's cells once it is in service.
_PARTIES = ("supplier", "second_supplier", "network_operator")


class Fleet:
    """Households by number; ``send(number, octets)`` takes what leaves a household for the WAN.

    At most ``awake`` households are more than octets, apart from those that cannot be parked. A household
    that nobody has ever asked for takes no room at all.
    """

    def __init__(
        self, model: Model, clock: Clock, send: Callable[[int, bytes], None], *, awake: int = 16
    ) -> None:
        self.model = model
        self.presses = Presses(self._sample)
        self._clock = clock
        self._send = send
        self._limit = awake
        self._awake: OrderedDict[int, Household] = OrderedDict()
        # A device's octets by household times the number of kinds plus the kind's place; its next due time
        # likewise, as of when it was parked. An item of the heap counts only while it is what that says.
        self._parked: dict[int, bytes] = {}
        self._due: dict[int, datetime] = {}
        self._heap: list[tuple[datetime, int]] = []

    # Who is where -----------------------------------------------------------------------------------------

    @property
    def parked_devices(self) -> int:
        """How many devices are octets."""
        return len(self._parked)

    @property
    def parked_octets(self) -> int:
        """How many octets that is."""
        return sum(map(len, self._parked.values()))

    def household(self, number: int) -> Household:
        """A household to be talked to; good until the next call of anything here."""
        household = self._awake.get(number)
        if household is None:
            household = self._awake[number] = self._wake(number)
            self._make_room()
        self._awake.move_to_end(number)
        return household

    def _wake(self, number: int) -> Household:
        first = number * len(KINDS)
        parked = {
            kind: octets
            for at, kind in enumerate(KINDS)
            if (octets := self._parked.pop(first + at, None)) is not None
        }
        send = partial(self._send, number)
        return Household(self.model, number, self._clock, send, presses=self.presses, parked=parked)

    def _make_room(self) -> None:
        """Park who was not used for longest; the newest is about to be used."""
        surplus = len(self._awake) - self._limit
        for number in list(self._awake)[:-1]:
            if surplus <= 0:
                return
            surplus -= self.park(number)

    def park(self, number: int) -> bool:
        """Make octets of a household; False where something would be forgotten by it."""
        household = self._awake[number]
        if not household.idle:
            return False
        first = number * len(KINDS)
        for kind, due in household.due_times().items():
            self._remember(first + KINDS.index(kind), due)
        for kind, octets in household.park().items():
            self._parked[first + KINDS.index(kind)] = octets
        del self._awake[number]
        return True

    def _remember(self, device: int, due: datetime | None) -> None:
        if due is None:
            self._due.pop(device, None)
        elif self._due.get(device) != due:
            self._due[device] = due
            heapq.heappush(self._heap, (due, device))

    def park_all(self) -> None:
        """Make octets of everybody who can be."""
        for number in list(self._awake):
            self.park(number)

    def _sample(self, kind: str) -> Contents:
        """What devices of a kind have in common: one from the factory, and who will be in its cells."""
        model, storage = self.model, MemoryStorage()
        CLASSES[kind](model.describe(0, kind), storage, self._clock, unheard, catalogue=model.catalogue)
        identities = [each for name in _PARTIES for each in model.hierarchy.organisation(name)]
        certificates = {("certificate", f"{each.eui64}/{each.use}"): each.certificate for each in identities}
        return certificates | storage.dump()

    # Messages and time ------------------------------------------------------------------------------------

    def receive(self, octets: bytes) -> bool:
        """Take one message from the WAN; False where it is for nobody of a fleet."""
        header = header_of(octets)
        found = None if header is None else self.model.locate(header.business_target_id)
        if found is None:
            return False
        self.household(found[0]).receive(octets)
        return True

    def next_due(self) -> datetime | None:
        """When somebody has something to do; None for never."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        times = [household.next_due() for household in self._awake.values()]
        times += [self._heap[0][0]] if self._heap else []
        return min((time for time in times if time is not None), default=None)

    def run_due(self) -> None:
        """Do what has become due, whoever it is of."""
        now = self._clock.now()
        for household in list(self._awake.values()):
            household.run_due()
        while self._heap and self._heap[0][0] <= now:
            due, device = heapq.heappop(self._heap)
            if self._due.get(device) == due:
                del self._due[device]
                number, place = divmod(device, len(KINDS))
                self.household(number).device(KINDS[place]).run_due()
