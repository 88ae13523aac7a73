"""COSEM objects of voltage quality: thresholds and periods, counters, the log of averages (ECS23, 26, 29)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from protocols.dlms.access import AccessResult
from protocols.dlms.axdr import (
    CompactArray,
    Data,
    Tag,
    double_long_unsigned,
    enum,
    integer,
    null_data,
    structure,
)
from protocols.dlms.description import TypeDescription

if TYPE_CHECKING:
    from rigs.emulated.command import Command
    from rigs.emulated.device import Device
    from rigs.emulated.dlms_server import StoredData

SINGLE = 0  # the phase of a meter that has but one
NOMINAL = 2300  # tenths of a volt
CAPACITY = 4320  # averages in the log
# Octet C of the OBIS codes of a phase's voltage.
_PHASES = {SINGLE: "20", 1: "20", 2: "34", 3: "48"}
_DATA, _REGISTER, _PROFILE, _LIMITER = 1, 3, 7, 71
_VALUE, _UNIT, _BUFFER, _PERIOD, _THRESHOLD, _LASTING = 2, 3, 2, 4, 4, 6
_COUNT = 255
# As manufactured; the statutory limits for averages, and for the rest figures of this bench: no source has
# them. Volts and seconds.
_OVER, _UNDER, _MEASUREMENT = 253, 216, 1800
_LIMITS = {1: (276, 30), 2: (180, 30), 3: (200, 10), 4: (260, 10)}


class VoltageObjects:
    """The objects of a meter's phases; before any work `Voltage.look` brings them up to now."""

    def __init__(self, device: Device) -> None:
        self._device = device
        cosem = device.cosem
        self._limits: dict[int, tuple[StoredData, StoredData]] = {}
        for number, (threshold, lasting) in _LIMITS.items():
            obis = f"00001100{number:02X}FF"
            self._limits[number] = (
                cosem.stored(_LIMITER, obis, _THRESHOLD, double_long_unsigned(threshold)),
                cosem.stored(_LIMITER, obis, _LASTING, double_long_unsigned(lasting)),
            )
        self._thresholds: dict[int, tuple[StoredData, StoredData, StoredData]] = {}
        for phase in (1, 2, 3):
            self._register(phase)

    def _register(self, phase: int) -> None:
        """All three, whatever the meter has: a single phase meter uses the first."""
        cosem, middle = self._device.cosem, _PHASES[phase]
        self._thresholds[phase] = (
            cosem.stored(_DATA, f"0100{middle}230004", _VALUE, double_long_unsigned(_OVER)),
            cosem.stored(_DATA, f"0100{middle}1F0004", _VALUE, double_long_unsigned(_UNDER)),
            cosem.stored(_PROFILE, f"0100{middle}1800FF", _PERIOD, double_long_unsigned(_MEASUREMENT)),
        )
        cosem.attribute(_PROFILE, f"0100{middle}1800FF", _BUFFER, read=partial(self._averages, phase))
        for over, obis in ((True, f"0100{middle}240004"), (False, f"0100{middle}200004")):
            cosem.attribute(_REGISTER, obis, _VALUE, read=partial(self._counter, phase, over=over))
            cosem.stored(_REGISTER, obis, _UNIT, structure(integer(0), enum(_COUNT)))
            cosem.method(_REGISTER, obis, 1, partial(self._reset, phase, over=over))

    # ------------------------------------------------------------------ settings

    def over(self, phase: int) -> int:
        """Threshold of averages, volts."""
        return int(self._thresholds[phase or 1][0].read().value)

    def under(self, phase: int) -> int:
        """Threshold of averages, volts."""
        return int(self._thresholds[phase or 1][1].read().value)

    def period(self, phase: int) -> int:
        """Measurement period, seconds."""
        return max(1, int(self._thresholds[phase or 1][2].read().value))

    def limit(self, number: int) -> tuple[int, int]:
        """Threshold in volts and measurement period in seconds of an extreme."""
        threshold, lasting = self._limits[number]
        return int(threshold.read().value), int(lasting.read().value)

    # ------------------------------------------------------------------ counters

    def count(self, phase: int, *, over: bool) -> None:
        """One more average on the wrong side."""
        self._device.storage.put_json("voltage", _name(phase, over), self._counted(phase, over) + 1)

    def _counted(self, phase: int, over: bool) -> int:
        return int(self._device.storage.get_json("voltage", _name(phase, over), default=0))

    def _counter(self, phase: int, *, over: bool) -> Data:
        return double_long_unsigned(self._counted(phase, over))

    def _reset(
        self, phase: int, _command: Command, _parameter: Data, *, over: bool
    ) -> tuple[AccessResult, Data]:
        self._device.storage.put_json("voltage", _name(phase, over), 0)
        return AccessResult.SUCCESS, null_data()

    # ------------------------------------------------------------------ averages

    def keep(self, phase: int, end: int, decivolts: int) -> None:
        """An entry of the log of averages: the end of the period, and the average in whole volts."""
        storage, section = self._device.storage, _log(phase)
        storage.put(section, f"{end:010}", round(decivolts / 10).to_bytes(4, "big"))
        storage.delete(section, f"{end - CAPACITY * self.period(phase):010}")

    def _averages(self, phase: int) -> Data:
        items = [
            structure(double_long_unsigned(int(end)), double_long_unsigned(int.from_bytes(octets, "big")))
            for end, octets in self._device.storage.items(_log(phase))
        ][-CAPACITY:]
        number = TypeDescription(Tag.DOUBLE_LONG_UNSIGNED)
        description = TypeDescription(Tag.STRUCTURE, [number, number])
        return Data(Tag.COMPACT_ARRAY, CompactArray(description, items))


def _log(phase: int) -> str:
    return f"voltage.{phase or 1}"


def _name(phase: int, over: bool) -> str:
    return f"{'over' if over else 'under'}.{phase or 1}"
