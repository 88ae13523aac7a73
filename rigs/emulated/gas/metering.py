"""A gas meter's metering put together: its parts in their order, its attributes, its knobs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from protocols.gbcs.zcl_values import time_number
from protocols.ports import StimulusOutcome
from rigs.emulated.events import EPOCH
from rigs.emulated.gas import energy
from rigs.emulated.gas.battery import Battery
from rigs.emulated.gas.billing import GasBilling
from rigs.emulated.gas.flow import FlowCheck
from rigs.emulated.gas.logs import GasLogs
from rigs.emulated.gas.publishing import Publishing
from rigs.emulated.gas.registers import BLOCKS, TIERS, GasRegisters
from rigs.emulated.gas.tariff import GasTariff
from rigs.emulated.gas.valve import Valve
from rigs.emulated.metering.amounts import Amounts
from rigs.emulated.metering.engine import Metering
from rigs.emulated.metering.load import make_load
from rigs.emulated.objects.zse import AttributePlace, CommandPlace

if TYPE_CHECKING:
    from collections.abc import Callable

    from rigs.emulated.device import Device
    from rigs.emulated.supply import Supply

_METERING = 0x0702
_NEVER = 0xFFFF_FFFF
CURRENT_SUMMATION = AttributePlace(_METERING, 0x0000)
TIER_SUMMATIONS = tuple(AttributePlace(_METERING, 0x0100 + 2 * each) for each in range(TIERS))
BLOCK_SUMMATIONS = tuple(AttributePlace(_METERING, 0x0700 + each) for each in range(BLOCKS))
BATTERY_DAYS = AttributePlace(_METERING, 0x0205)
START_SAMPLING = CommandPlace(_METERING, False, 0x07)
# As manufactured, so that energy can be had of volume before anybody has set GCS23: a choice of ours.
_FACTORY = {
    energy.CONVERSION_FACTOR: 102_264,
    energy.CONVERSION_DIGITS: 0x50,
    energy.CALORIFIC_VALUE: 395,
    energy.CALORIFIC_UNIT: 1,
    energy.CALORIFIC_DIGITS: 0x10,
}
Outcome = tuple[StimulusOutcome, str]


class GasMetering:
    """The parts of one gas meter. ``registers`` count, ``logs`` keep, ``supply`` is the valve's state."""

    def __init__(self, device: Device, supply: Supply) -> None:
        self._device = device
        self.supply = supply
        self.engine = device.metering = Metering(device, make_load(device.description.load))
        self.engine.connected = supply.connected
        self.registers = GasRegisters(device)
        self.logs = GasLogs(device, self.registers)
        self.billing = GasBilling(device, self.registers, self.logs.snapshots)
        self.battery = Battery(device)
        self.flow = FlowCheck(device, supply)
        self.tariff = GasTariff(device, self.registers)
        self.valve = Valve(device, supply)
        self.publishing = Publishing(device)
        # What gas cost has to be counted before a log shows the balances: prepayment goes in between.
        self.engine.parts += [self.registers, self.flow, self.logs, self.billing, self.battery]
        self._attributes()
        device.zcl.taking_over(START_SAMPLING, self._start_sampling)

    def insert(self, *parts: Any) -> None:
        """Take parts in that hear of consumption and cost after the registers and before the logs."""
        self.engine.parts[1:1] = parts

    def _attributes(self) -> None:
        zcl, registers = self._device.zcl, self.registers
        zcl.attribute(*CURRENT_SUMMATION, lambda: registers.volumes.total)
        for number, place in enumerate(TIER_SUMMATIONS):
            zcl.attribute(*place, lambda number=number: registers.volumes.tiers[number])  # type: ignore[misc]
        for number, place in enumerate(BLOCK_SUMMATIONS):
            zcl.attribute(*place, lambda number=number: registers.volumes.blocks[number])  # type: ignore[misc]
        zcl.attribute(*BATTERY_DAYS, lambda: self.battery.days)
        for place, value in _FACTORY.items():
            zcl.attribute(*place, lambda value=value: value)  # type: ignore[misc]

    def _start_sampling(self, values: dict[str, Any]) -> None:
        """GCS31: at once, or at a time to come; "never" calls off what waits (ZSE, Start Sampling)."""
        interval, most = values["Sample Request Interval"], values["Max Number of Samples"]
        start, now = time_number(values["Start Sampling Time"], "start"), self._device.device_clock.now()
        if start == _NEVER:
            self.logs.network.cancel()
        else:
            at = max(now, EPOCH + timedelta(seconds=start))
            self.logs.start_sampling(at, max(interval, 1), most)

    # ------------------------------------------------------------------ knobs of the bench

    def knobs(self) -> dict[str, Callable[[float], Outcome]]:
        """What the world around the meter can do, by name (`Gsme.knob`)."""
        return {
            "consume": self._consume,
            "load": self._hold,
            "battery-days": self._battery,
            "battery-new": self._new_battery,
        }

    def _consume(self, number: float) -> Outcome:
        """Let so many thousandths of a cubic metre through; none while the valve is shut."""
        if self.supply.connected():
            self.engine.let_through(Amounts(gas=round(number)))
        return StimulusOutcome.DONE, str(self.registers.volumes.total)

    def _hold(self, number: float) -> Outcome:
        """Have so many thousandths of a cubic metre flow in an hour, whatever the load was."""
        self.engine.hold(Amounts(gas=max(round(number), 0)))
        return StimulusOutcome.DONE, f"{number:g} l/h"

    def _battery(self, number: float) -> Outcome:
        self.battery.becomes(round(number))
        return StimulusOutcome.DONE, f"{self.battery.days} days"

    def _new_battery(self, _number: float) -> Outcome:
        self.battery.reset()
        return StimulusOutcome.DONE, f"{self.battery.days} days"
