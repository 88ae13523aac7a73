"""The metering of an ESME: its parts in their order, and the COSEM objects that show what they count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.dlms.access import AccessResult
from protocols.dlms.axdr import (
    Data,
    Tag,
    array,
    double_long_unsigned,
    enum,
    integer,
    null_data,
    structure,
)
from rigs.emulated.metering.billing import Billing
from rigs.emulated.metering.costs import Costs
from rigs.emulated.metering.demand import MaximumDemand
from rigs.emulated.metering.engine import Metering
from rigs.emulated.metering.load import make_load
from rigs.emulated.metering.profiles import Days, HalfHours
from rigs.emulated.metering.registers import (
    EXPORT,
    IMPORT,
    REACTIVE_EXPORT,
    REACTIVE_IMPORT,
    SECONDARY,
    Registers,
)
from rigs.emulated.metering.tariff import Tariff

if TYPE_CHECKING:
    from collections.abc import Callable

    from rigs.emulated.command import Command
    from rigs.emulated.device import Device
    from rigs.emulated.objects.definition import Place

_DATA, _REGISTER, _PROFILE, _SCRIPTS = 1, 3, 7, 9
_VALUE, _SCALER = 2, 3
_WATT, _WATT_HOUR, _VAR_HOUR = 27, 30, 32
_RESET_BLOCKS = 99
# Tariff and payment mode, by class: their changes are kept (SMETS-TAR-07, GBCS-ECS02-01).
_KEPT_CHANGES = frozenset((20, 111, 113))


class ElectricityMetering:
    """Parts of an ESME's metering, by name. Who adds others to them calls `complete` afterwards."""

    def __init__(self, device: Device) -> None:
        self._device = device
        storage = device.storage
        self.twin = "twin" in device.description.variant
        self.registers = Registers(storage)
        self.tariff = Tariff(device)
        self.costs = Costs(storage, self.tariff)
        self.half_hours = HalfHours(storage, twin=self.twin)
        self.days = Days(storage, self.registers, self.tariff, twin=self.twin)
        self.demand = MaximumDemand(device)
        self.billing = Billing(device, self.registers, self.tariff, twin=self.twin)
        self.metering = Metering(device, make_load(device.description.load))
        self.metering.parts += [
            self.registers,
            self.tariff,
            self.costs,
            self.demand,
            self.half_hours,
            self.days,
            self.billing,
        ]
        device.cosem.activated.append(self.activated)
        self._show_registers()
        self._show_tariff()
        self._show_logs()

    def complete(self, balances: Callable[[], list[int]]) -> None:
        """All parts are there: billing becomes the last one, with the balances that the others have made."""
        self.billing.balances = balances
        self.metering.parts.remove(self.billing)
        self.metering.parts.append(self.billing)

    # ------------------------------------------------------------------ objects

    def _show(self, class_id: int, obis: str, read: Callable[[], Data]) -> None:
        self._device.cosem.attribute(class_id, obis, _VALUE, read=read)

    def _show_registers(self) -> None:
        self._show(_DATA, "00005E2C220A", self._imported)
        self._show(_DATA, "00005E2C2214", self._power)
        self._show_register("0100020800FF", EXPORT, _WATT_HOUR)
        self._show_register("0100040800FF", REACTIVE_EXPORT, _VAR_HOUR)

    def _show_register(self, obis: str, register: int, unit: int) -> None:
        self._show(_REGISTER, obis, lambda: double_long_unsigned(self.registers.read(register)))
        self._device.cosem.stored(_REGISTER, obis, _SCALER, structure(integer(0), enum(unit)))

    def _show_tariff(self) -> None:
        self._show(_DATA, "00005E2C2201", self._time_of_use)
        self._show(_DATA, "00005E2C2202", self._blocks)
        now = self._device.device_clock.now
        self._show(_REGISTER, "00005E2C0107", lambda: double_long_unsigned(max(self.tariff.price(now()), 0)))
        self._show(
            _REGISTER, "00005E2C0108", lambda: double_long_unsigned(max(self.tariff.second_price(now()), 0))
        )
        self._device.cosem.method(_SCRIPTS, "00000A0064FF", 1, self._reset_blocks)

    def _show_logs(self) -> None:
        for obis, log in (
            ("0000620100FF", self.billing.log),
            ("0000620101FF", self.billing.balance_log),
            ("0000620102FF", self.billing.change_log),
            ("0000620109FF", self.days.read),
            ("000062010AFF", self.days.exported),
            ("0000630100FF", self.half_hours.imported),
            ("0000630101FF", self.half_hours.exported),
            ("0000630102FF", self.half_hours.reactive),
            ("0000630103FF", self.days.consumption),
        ):
            self._show(_PROFILE, obis, log.read)

    def _imported(self) -> Data:
        total = self.registers.read_all()
        second = [double_long_unsigned(total[SECONDARY])] if self.twin else []
        return structure(
            double_long_unsigned(total[IMPORT]),
            structure(integer(0), enum(_WATT_HOUR)),
            double_long_unsigned(total[REACTIVE_IMPORT]),
            structure(integer(0), enum(_VAR_HOUR)),
            *second,
        )

    def _power(self) -> Data:
        """Power of all elements, and of the first."""
        rate = self.metering.rate()
        return structure(
            double_long_unsigned(rate.import_wh + rate.secondary_wh),
            structure(integer(0), enum(_WATT)),
            double_long_unsigned(rate.import_wh),
        )

    def _time_of_use(self) -> Data:
        registers = self.tariff.read()
        second = [_numbers(registers.secondary)] if self.twin else []
        return structure(_numbers(registers.tou), *second)

    def _blocks(self) -> Data:
        """Registers, then counters, each block by block (the order of the 64 is a choice of ours)."""
        registers = self.tariff.read()
        return structure(_numbers([*registers.blocks, *registers.counters]))

    def _reset_blocks(self, _command: Command, script: Data) -> tuple[AccessResult, Data]:
        """ECS05."""
        if script.tag != Tag.LONG_UNSIGNED:
            return AccessResult.TYPE_UNMATCHED, null_data()
        if script.value != _RESET_BLOCKS:
            return AccessResult.OTHER_REASON, null_data()
        self.tariff.reset_counters()
        return AccessResult.SUCCESS, null_data()

    # ------------------------------------------------------------------ changes of tariff

    def activated(self, place: Place) -> None:
        """Passive values have become active."""
        if place.class_id in _KEPT_CHANGES:
            self.billing.changed()


def _numbers(values: list[int]) -> Data:
    return array(double_long_unsigned(value) for value in values)
