"""The fault ``cut-power``: supply that fails at a named point and comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rigs.emulated.fault_catalogue.acting import Acting
from rigs.emulated.fault_catalogue.points import POINTS
from rigs.emulated.fault_catalogue.power import CutStorage

if TYPE_CHECKING:
    from rigs.emulated.fault_catalogue.acting import Site


@dataclass(slots=True)
class CutPower(Acting):
    """Once: a device that has come back goes on as any other."""

    _spent: bool = False
    _down: bool = False
    _over: bool = False

    def begin(self, site: Site) -> None:
        """Now, or once the point is reached."""
        if self.values["at"] == "now":
            self._fail(site)
        else:
            storage = _storage(site)
            storage.arm(POINTS[self.values["at"]], self.values["number"], lambda: self._fail(site))

    def restarted(self, site: Site) -> None:
        """What the process forgot is no supply that failed: a point that was waited for still is."""
        if not self._spent:
            self.begin(site)

    def end(self, site: Site) -> None:
        """The point is not waited for; supply comes back."""
        self._over = True
        _storage(site).disarm()
        self._restore(site)

    def _fail(self, site: Site) -> None:
        """Perhaps in the midst of the device's work: let that come to its end unseen."""
        self._spent = True
        for device in site.box:
            device.supply_failed = True
            if isinstance(device.storage, CutStorage):
                device.storage.lost = True
        site.silence()
        site.scheduler.call_at(site.scheduler.time(), self._switch_off, site)

    def _switch_off(self, site: Site) -> None:
        site.leave()
        for device in site.box:
            if isinstance(device.storage, CutStorage):
                device.storage.revive()
            device.supply_failed = False
            with device.storage.transaction():
                device.storage.put_json("device", "powered", value=False)
        self._down = True
        if self._over:
            self._restore(site)
        elif self.values["seconds"]:
            due = site.scheduler.time() + self.values["seconds"]
            site.scheduler.call_at(due, self._restore, site)

    def _restore(self, site: Site) -> None:
        if self._down:
            self._down = False
            site.switch_on()


def _storage(site: Site) -> CutStorage:
    storage = site.device.storage
    assert isinstance(storage, CutStorage), "premises give every device such a memory"
    return storage
