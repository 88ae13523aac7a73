"""What a gas meter keeps by itself, at their boundaries: half hours, days, network samples (SMETS 4.6.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rigs.emulated.gas.samples import SAMPLES, NetworkLog, ProfileLog, half_hour
from rigs.emulated.gas.snapshots import DAILY, METERING, PREPAYMENT, Cause, Snapshots
from rigs.emulated.metering.engine import MeterPart

if TYPE_CHECKING:
    from datetime import datetime

    from rigs.emulated.device import Device
    from rigs.emulated.gas.registers import GasRegisters
    from rigs.emulated.metering.engine import Interval

_SECTION, _KEY = "gas", "since"
_HALF_HOUR, _SAMPLE = "half hour", "sample"


class GasLogs(MeterPart):
    """Part of the metering after the registers: profile data log, daily read log, network data log."""

    def __init__(self, device: Device, registers: GasRegisters) -> None:
        self._device = device
        self._registers = registers
        self._since: dict[str, int] | None = None
        self.profile = ProfileLog(device.storage)
        self.network = NetworkLog(device.storage)
        self.snapshots = Snapshots(device.storage)
        records = device.records
        records.source(METERING, lambda: self.snapshots.all(METERING))
        records.source(PREPAYMENT, lambda: self.snapshots.all(PREPAYMENT))
        records.source(SAMPLES, self._samples)

    def _samples(self) -> list[dict[str, Any]]:
        return [each for each in (self.profile.record(), self.network.record()) if each is not None]

    # ------------------------------------------------------------------ as a part

    def open(self) -> None:
        """Take what passed since the last boundaries into memory."""
        self._since = self._device.storage.get_json(_SECTION, _KEY, default={})
        self.profile.open()

    def close(self) -> None:
        """Write it."""
        self.profile.close()
        self._device.storage.put_json(_SECTION, _KEY, self._since)
        self._since = None

    def next_boundary(self, after: datetime) -> datetime | None:
        """The next half hour, or a network sample before it."""
        # What lies back was missed for want of supply: it is made up for at the next occasion.
        others = [each for each in (self.network.next_sample(), self.network.planned()) if each is not None]
        return min([half_hour(after), *(each for each in others if each > after)])

    def consumed(self, interval: Interval) -> None:
        """Count towards the samples under way."""
        since = self._counts
        for name in (_HALF_HOUR, _SAMPLE):
            since[name] = since.get(name, 0) + interval.gas

    def reached(self, at: datetime) -> None:
        """A half hour is over, or a network sample is due; at midnight also the day."""
        sample = self.network.next_sample()
        if sample is not None and at >= sample:
            self.network.add(self._counts.pop(_SAMPLE, 0))
        planned = self.network.planned()
        if planned is not None and at >= planned:
            self._counts.pop(_SAMPLE, None)
            self.network.begin(at)
        if at.minute % 30 or at.second or at.microsecond:
            return
        self.profile.add(at, self._counts.pop(_HALF_HOUR, 0))
        if not (at.hour or at.minute):
            self.snapshots.take(self._device, DAILY, Cause.DAILY, at, self._registers.volumes)

    def start_sampling(self, at: datetime, interval_s: int, most: int) -> None:
        """GCS31: begin a set of network samples (inside a piece of work, which has settled everything)."""
        if at > self._device.device_clock.now():
            self.network.plan(at, interval_s, most)
            return
        self.network.start(at, interval_s, most)
        held = self._device.storage.get_json(_SECTION, _KEY, default={})
        held.pop(_SAMPLE, None)
        self._device.storage.put_json(_SECTION, _KEY, held)

    @property
    def _counts(self) -> dict[str, int]:
        assert self._since is not None, "a settlement is under way"
        return self._since
