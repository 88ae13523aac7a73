"""With which other devices a device shares link keys: those of its own log, got through the trust centre."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from protocols.gbcs.asn1.types import DeviceType

if TYPE_CHECKING:
    from protocols.eui64 import Eui64
    from protocols.zigbee.smart_energy.device import SmartEnergyDevice
    from rigs.emulated.air import Scheduler
    from rigs.emulated.device import Device

# Before whoever asked for the joining stops waiting for its answer.
_SEEK_LIMIT_S = 8.0


class Partners:
    """Keeps the application's partners those of the device's log, and seeks new ones.

    ``application`` gives the running one, None without power.
    """

    def __init__(
        self, device: Device, scheduler: Scheduler, application: Callable[[], SmartEnergyDevice | None]
    ) -> None:
        self._device = device
        self._scheduler = scheduler
        self._application = application
        self._known: set[Eui64] = set()
        self._seeking: dict[Eui64, list[Callable[[bool], None]]] = {}

    def started(self, *, restored: bool) -> None:
        """A new application runs; a restored one knows the partners already."""
        self._known = self._wanted() if restored else set()

    def stop(self) -> None:
        """A power cut."""
        self._seeking.clear()

    def seek(self, partner: Eui64, done: Callable[[bool], None]) -> None:
        """Get a link key with another device; ``done`` hears whether there is one, in time."""
        application = self._application()
        if application is None:
            done(False)
            return
        first = partner not in self._seeking
        self._seeking.setdefault(partner, []).append(done)
        if first:
            self._known.add(partner)
            application.add_partner(partner)
            due = self._scheduler.time() + _SEEK_LIMIT_S
            self._scheduler.call_at(due, self.sought, partner)

    def sought(self, partner: Eui64, found: bool = False) -> None:
        """Seeking is over, by what the application says or by time."""
        waiting = self._seeking.pop(partner, [])
        if waiting and not found:
            self._known.discard(partner)
        for done in waiting:
            done(found)

    def changed(self) -> None:
        """The device's log changed: the application has the same."""
        application = self._application()
        if application is None:
            return
        wanted = self._wanted()
        # One that has left a HAN and come back to it has forgotten them, whatever it is restored from.
        for partner in sorted(wanted - (self._known & application.partners)):
            application.add_partner(partner)
        for partner in sorted(self._known - wanted):
            application.remove_partner(partner)
        self._known = wanted

    def _wanted(self) -> set[Eui64]:
        """A gas meter shares a key with its proxy alone, and nobody else with either (devices.md 3)."""
        entries = self._device.join_log.entries()
        if self._device.description.device_type == "gsme":
            return {entry.device_id for entry in entries if entry.device_type == DeviceType.GPF}
        apart = (DeviceType.GSME, DeviceType.GPF)
        return {entry.device_id for entry in entries if entry.device_type not in apart}
