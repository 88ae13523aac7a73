"""The check for uncontrolled gas flow when supply is enabled (SMETS 4.6.4.33, SMETS-UGFR-01).

With the valve open the meter lets the flow settle for the stabilisation period, then measures for the
measurement period. A flow above the threshold closes the valve and arms it (0x81BF). The threshold is in
whole m3/h by GCS24, in ten-thousandths by GCS24a (SECMP0023): multiplier and divisor tell which.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rigs.emulated.metering.engine import MeterPart
from rigs.emulated.objects.zse import AttributePlace
from rigs.emulated.supply import Reason, SupplyState

if TYPE_CHECKING:
    from rigs.emulated.device import Device
    from rigs.emulated.metering.engine import Interval
    from rigs.emulated.supply import Supply

_METERING = 0x0702
THRESHOLD = AttributePlace(_METERING, 0x0B10)
MULTIPLIER, DIVISOR = AttributePlace(_METERING, 0x0B12), AttributePlace(_METERING, 0x0B13)
STABILISATION, MEASUREMENT = AttributePlace(_METERING, 0x0B14), AttributePlace(_METERING, 0x0B15)
# The stabilisation period counts tenths of a second, the measurement period seconds (ZSE 1.4 D.3.2.2.12).
_TENTH, _SECOND = timedelta(milliseconds=100), timedelta(seconds=1)
_LITRES, _HOUR_S = 1000, 3600
_SECTION, _CHECK = "gas", "flow check"


class FlowCheck(MeterPart):
    """Part of the metering that watches the flow after the valve was opened; it wakes the meter for that."""

    wakes = True

    def __init__(self, device: Device, supply: Supply) -> None:
        self._device = device
        self._supply = supply
        supply.heard.append(self._heard)

    def _heard(self, state: SupplyState) -> None:
        zcl, storage = self._device.zcl, self._device.storage
        storage.delete(_SECTION, _CHECK)
        if state is not SupplyState.ENABLED or not zcl.number(THRESHOLD):
            return
        start = self._device.device_clock.now() + zcl.number(STABILISATION) * _TENTH
        end = start + zcl.number(MEASUREMENT) * _SECOND
        if end > start:
            storage.put_json(_SECTION, _CHECK, [start.isoformat(), end.isoformat(), 0])

    def next_boundary(self, after: datetime) -> datetime | None:
        """When the measurement begins, then when it ends."""
        check = self._check()
        return next((moment for moment in check[:2] if moment > after), None) if check else None

    def consumed(self, interval: Interval) -> None:
        """Count what passes while it is measured."""
        check = self._check()
        if interval.gas and check and check[0] <= interval.start and interval.end <= check[1]:
            self._keep(check[0], check[1], check[2] + interval.gas)

    def reached(self, at: datetime) -> None:
        """The measurement is over."""
        check = self._check()
        if check is None or at < check[1]:
            return
        self._device.storage.delete(_SECTION, _CHECK)
        if self._is_above(check[2], round((check[1] - check[0]) / _SECOND)):
            self._supply.cut_and_arm(Reason.GAS_FLOW)

    def skipped(self, before: datetime, after: datetime) -> None:
        """The check goes on by its own measure of time when the clock is set or the battery was out."""
        check = self._check()
        if check is not None:
            self._keep(check[0] + (after - before), check[1] + (after - before), check[2])

    def _is_above(self, litres: int, seconds: int) -> bool:
        zcl = self._device.zcl
        threshold = zcl.number(THRESHOLD) * (zcl.number(MULTIPLIER) or 1) * _LITRES * seconds
        return litres * _HOUR_S * (zcl.number(DIVISOR) or 1) > threshold

    def _check(self) -> tuple[datetime, datetime, int] | None:
        kept = self._device.storage.get_json(_SECTION, _CHECK)
        if kept is None:
            return None
        return datetime.fromisoformat(kept[0]), datetime.fromisoformat(kept[1]), kept[2]

    def _keep(self, start: datetime, end: datetime, litres: int) -> None:
        self._device.storage.put_json(_SECTION, _CHECK, [start.isoformat(), end.isoformat(), litres])
