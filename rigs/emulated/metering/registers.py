"""The cumulative registers of an electricity meter: import, export, reactive, second element."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rigs.emulated.metering.engine import Interval, MeterPart
from rigs.emulated.metering.store import Counters

if TYPE_CHECKING:
    from rigs.emulated.storage import Storage

IMPORT, EXPORT, REACTIVE_IMPORT, REACTIVE_EXPORT, SECONDARY = range(5)
# Registers show 32 bits and then begin again at zero.
ROLLOVER = 1 << 32


class Registers(MeterPart):
    """Everything that ever passed, in Wh and varh. ``total`` holds it while a settlement runs.

    A load on a twin element meter's second element moves the secondary register alone (SMETS-TAR-05).
    """

    def __init__(self, storage: Storage) -> None:
        self._counters = Counters(storage, "metering", "registers", 5)
        self.keepers = (self._counters,)

    @property
    def total(self) -> list[int]:
        """The five registers by their numbers, during a settlement."""
        return [value % ROLLOVER for value in self._counters.values]

    def read(self, register: int) -> int:
        """One register, outside of a settlement."""
        return self.read_all()[register]

    def read_all(self) -> list[int]:
        """All five, outside of a settlement."""
        return [value % ROLLOVER for value in self._counters.read()]

    def consumed(self, interval: Interval) -> None:
        """See `Part`."""
        values = self._counters.values
        values[IMPORT] += interval.import_wh
        values[EXPORT] += interval.export_wh
        values[REACTIVE_IMPORT] += interval.import_varh
        values[REACTIVE_EXPORT] += interval.export_varh
        values[SECONDARY] += interval.secondary_wh
