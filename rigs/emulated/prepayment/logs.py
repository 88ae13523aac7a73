"""Logs of credit: top-ups, payments to the payment debt, and the registers at each midnight.

SMETS 5.7.5.10 (the five latest top-ups, the ten latest debt payments) and 5.7.5.26 (31 days). Each log is one
value in the device's storage, rows of whole numbers, the oldest first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.dlms.axdr import CompactArray, Data, Tag, double_long_unsigned, structure
from protocols.dlms.description import TypeDescription
from rigs.emulated.events import seconds_since_2000

if TYPE_CHECKING:
    from datetime import datetime

    from rigs.emulated.prepayment.account import Account
    from rigs.emulated.storage import Storage

_SECTION = "prepayment"


class CreditLog:
    """One log: rows of a time (seconds since 2000) and further numbers, at most ``depth`` of them."""

    def __init__(self, storage: Storage, name: str, depth: int) -> None:
        self._storage = storage
        self._key = f"log {name}"
        self._depth = depth

    def rows(self) -> list[list[int]]:
        """All rows, oldest first."""
        rows: list[list[int]] = self._storage.get_json(_SECTION, self._key, default=[])
        return rows

    def append(self, at: datetime, *numbers: int) -> None:
        """Add a row; a full log loses its oldest."""
        rows = [*self.rows(), [seconds_since_2000(at), *numbers]]
        self._storage.put_json(_SECTION, self._key, rows[-self._depth :])

    def as_cosem(self, tag: Tag) -> Data:
        """A profile buffer; the time is unsigned, the other numbers are of this type."""
        width = len(self.rows()[0]) - 1 if self.rows() else 0
        members = [TypeDescription(Tag.DOUBLE_LONG_UNSIGNED), *[TypeDescription(tag)] * width]
        items = [
            structure(double_long_unsigned(row[0]), *(Data(tag, number) for number in row[1:]))
            for row in self.rows()
        ]
        return Data(Tag.COMPACT_ARRAY, CompactArray(TypeDescription(Tag.STRUCTURE, members), items))


class CreditLogs:
    """The three logs of one meter."""

    def __init__(self, storage: Storage) -> None:
        self.top_ups = CreditLog(storage, "top-ups", 5)
        self.payments = CreditLog(storage, "debt payments", 10)
        self.daily = CreditLog(storage, "daily", 31)

    def midnight(self, at: datetime, account: Account) -> None:
        """The registers as a day begins, in the order of the daily read log."""
        self.daily.append(
            at,
            account.emergency,
            account.meter,
            account.payment,
            account.time_1,
            account.time_2,
            account.accumulated,
        )
