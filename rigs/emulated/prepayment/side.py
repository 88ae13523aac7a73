"""What the ledger of a meter has to know of the meter, COSEM or ZSE: registers, terms, what is collected.

Money is in thousandths of a penny (10^-5 of the currency unit) throughout, as the objects have it: exact
integers, never rounded on the way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from rigs.emulated.device import Device
    from rigs.emulated.metering.engine import Interval
    from rigs.emulated.supply import Supply

PENNY = 1000
WIDEST = (1 << 31) - 1
# Cost comes in these parts of a thousandth of a penny: a price is for a kWh, energy in Wh. Gas is priced by
# the kWh too and metered in litres, which a side converts with parts of its own.
PARTS = 1000


class Register(StrEnum):
    """The six registers of prepayment (SMETS 5.7.5.1, .15, .22, .23, .36)."""

    METER = "meter balance"
    EMERGENCY = "emergency credit balance"
    ACCUMULATED = "accumulated debt"
    TIME_1 = "time debt 1"
    TIME_2 = "time debt 2"
    PAYMENT = "payment debt"


class Charge(StrEnum):
    """What is taken from credit as time goes on."""

    STANDING = "standing charge"
    TIME_1 = "time debt 1"
    TIME_2 = "time debt 2"


@dataclass(slots=True)
class Rate:
    """How a time based debt is recovered: an amount every ``period_s`` seconds; nothing where either is 0."""

    amount: int = 0
    period_s: int = 0


@dataclass(slots=True)
class Terms:
    """The configuration of prepayment, as it is in force (SMETS 5.7.4.11 to 5.7.4.46).

    ``percentage`` is in hundredths of a percent, ``cap`` the most that may go to the payment debt in
    ``cap_period_s`` seconds (0: no cap), ``standing_charge`` for a day.
    """

    prepayment: bool = False
    low_credit: int = 0
    emergency_limit: int = 0
    emergency_threshold: int = 0
    disablement: int = 0
    max_balance: int = WIDEST
    max_credit: int = WIDEST
    percentage: int = 0
    cap: int = 0
    cap_period_s: int = 0
    rates: dict[Charge, Rate] = field(default_factory=dict)
    standing_charge: int = 0


class Side(Protocol):
    """One meter, as its ledger sees it. All moments are device UTC."""

    device: Device
    supply: Supply

    def terms(self) -> Terms:
        """The configuration now."""

    def balance(self, register: Register) -> int:
        """What stands in a register."""

    def set_balance(self, register: Register, amount: int) -> None:
        """Write a register; amounts beyond its 32 bits stay at the end of their range."""

    def collects(self, credit: Register, charge: Charge, *, disabled: bool, protected: bool) -> bool:
        """Whether a charge is taken from a credit: settings to suspend debt (SMETS 5.7.4.45, 5.7.4.46)."""

    def is_protected(self, at: datetime) -> bool:
        """Whether a non-disablement period is in force (SMETS 5.7.4.30)."""

    def next_protection(self, after: datetime) -> datetime | None:
        """When that may be different next."""

    def cost(self, interval: Interval) -> int:
        """What the interval's consumption costs, in ``1 / PARTS`` of a thousandth of a penny."""

    def most(self) -> int:
        """What an hour of supply can cost at most, in thousandths of a penny: for planning when to look."""

    def credited(self, at: datetime, amount: int) -> None:
        """A top-up of this amount was taken: logged (ECS20d, GCS15e)."""

    def debt_paid(self, at: datetime, amount: int, left: int) -> None:
        """So much of a top-up went to the payment debt: logged (ECS20a, GCS15d)."""

    def offer(self, limit: int, threshold: int) -> None:
        """Have prepayment mode in force, with emergency credit of this limit and threshold."""
