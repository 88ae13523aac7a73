"""What leaves a device: responses once, alerts so that no outage loses one.

Whoever waits for a response asks again, so one that was just leaving when supply failed is gone. Nobody
asks again for an alert: its event is logged and its counter used by then. So an alert, octets and all, is
written down with these in one piece of work, and forgotten once it is with whoever carries it on; after an
outage the same octets go again, under the counter that they have. Supply that fails between the two makes a
copy, which a receiver knows by its counter, and never a loss. What a device without supply remembers is said
by no source at hand but SMETS-NV-01, which counts logs and counters; that alerts go with them is our choice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rigs.emulated.device import Device

SECTION = "outbox"
# As many as a log has entries; what is older is given up.
CAPACITY = 100


class Outbox:
    """Messages of one device. Whoever takes one may ``hold`` it and say later that it has ``arrived``."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._storage = device.storage
        self._leaving: list[bytes] = []
        self._held: set[bytes] = set()

    # ------------------------------------------------------------------ inside a piece of work

    def put(self, message: bytes, alert: int | None) -> None:
        """Have a message leave after the present work; of an alert the Originator Counter."""
        self._leaving.append(message)
        if alert is None:
            return
        self._storage.put(SECTION, f"{alert:016x}", message)
        waiting = self._storage.items(SECTION)
        for key, _octets in waiting[:-CAPACITY]:
            self._storage.delete(SECTION, key)

    def again(self) -> None:
        """The device starts: what an outage kept from leaving goes first, in its order."""
        self._leaving += self.waiting()

    @property
    def mark(self) -> int:
        """How many messages are to leave after the present work."""
        return len(self._leaving)

    def back_to(self, mark: int) -> None:
        """What was put in since is not said; the memory of it is undone by whoever calls."""
        del self._leaving[mark:]

    # ------------------------------------------------------------------ between pieces of work

    def take(self) -> list[bytes]:
        """What is to leave now; nothing of it is to leave any more."""
        leaving, self._leaving = self._leaving, []
        return leaving

    def let_out(self, messages: list[bytes]) -> None:
        """Send messages. Each has arrived, unless whoever took it holds it."""
        for message in messages:
            if self._device.supply_failed:  # when one of them was noted as gone
                return
            self._held.discard(message)
            too_early = self._device.send(message)
            if not too_early and message not in self._held:
                self.arrived(message)

    def hold(self, message: bytes) -> None:
        """A message was taken, but its way is not over."""
        self._held.add(message)

    def arrived(self, message: bytes) -> None:
        """The way of a message is over; supply that has failed keeps the device from noting it."""
        self._held.discard(message)
        self._forget([message])

    def clear(self) -> None:
        """There is nobody left to whom anything could be sent."""
        self._held.clear()
        self._forget(self.waiting())

    def waiting(self) -> list[bytes]:
        """Alerts that have not arrived, oldest first."""
        return [octets for _key, octets in self._storage.items(SECTION)]

    def _forget(self, messages: list[bytes]) -> None:
        keys = [key for key, octets in self._storage.items(SECTION) if octets in messages]
        if not keys or self._device.supply_failed:
            return
        if self._storage.in_transaction:
            self._delete(keys)
        else:
            with self._storage.transaction():
                self._delete(keys)

    def _delete(self, keys: list[str]) -> None:
        for key in keys:
            self._storage.delete(SECTION, key)
