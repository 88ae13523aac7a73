"""The sums of prepayment: what is charged to which register, and how a top-up is shared out.

Nothing here knows a device or a time. The order in which a top-up serves debts is an assumption (A13):
payment debt, accumulated debt, emergency credit, and the rest to the balance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rigs.emulated.prepayment.side import PARTS, Charge, Register, Terms

Allowed = Callable[[Register], bool]
_HUNDRED_PERCENT = 10_000


@dataclass(slots=True)
class Shares:
    """Where a top-up went."""

    payment: int = 0
    accumulated: int = 0
    emergency: int = 0
    balance: int = 0


@dataclass(slots=True)
class Account:
    """Registers, and what goes with them.

    ``emergency`` is what is left of ``granted`` while emergency credit is active; both are 0 otherwise.
    ``carry`` are parts of a thousandth of a penny not charged yet. ``window`` numbers the period of the debt
    recovery cap in which ``recovered`` went to the payment debt, ``day`` the latest day (from 2000) whose
    standing charge was taken. ``told`` are conditions that were reported
    and still hold.
    """

    meter: int = 0
    emergency: int = 0
    accumulated: int = 0
    time_1: int = 0
    time_2: int = 0
    payment: int = 0
    granted: int = 0
    active: bool = False
    carry: int = 0
    window: int = 0
    recovered: int = 0
    day: int = 0
    told: list[str] = field(default_factory=list)

    # ------------------------------------------------------------------ what it is

    @property
    def combined(self) -> int:
        """Combined credit: the balance and what is left of active emergency credit."""
        return self.meter + (self.emergency if self.active else 0)

    @property
    def borrowed(self) -> int:
        """Emergency credit used and not repaid."""
        return self.granted - self.emergency if self.active else 0

    def to_clear(self, terms: Terms) -> int:
        """What a top-up has to bring for supply to come back (SMETS: debt to clear).

        Negative balance, accumulated debt, emergency credit used, and the share that goes to payment debt
        before any of these; the cap is left out of account.
        """
        owed = max(0, terms.disablement - self.meter) + self.accumulated + self.borrowed
        share = terms.percentage if self.payment else 0
        if not owed or share >= _HUNDRED_PERCENT:
            return owed + (self.payment if owed else 0)
        gross = -(-owed * _HUNDRED_PERCENT // (_HUNDRED_PERCENT - share))
        return min(gross, owed + self.payment)

    # ------------------------------------------------------------------ what time takes

    def consume(self, parts: int) -> None:
        """Charge consumption, in parts of a thousandth of a penny: the balance first, then emergency credit.

        Energy that passes with both spent, as in a non-disablement period, makes the balance negative.
        """
        amount, self.carry = divmod(self.carry + parts, PARTS)
        if not self.active:
            self.meter -= amount
            return
        amount -= self._from_meter(amount)
        amount -= self._from_emergency(amount)
        self.meter -= amount

    def collect(self, charge: Charge, amount: int, allowed: Allowed) -> int:
        """Take a charge from the credits that it may be taken from; what was taken.

        What credit does not reach goes to the accumulated debt; if it may not, the balance becomes negative.
        """
        if charge is Charge.TIME_1:
            amount = min(amount, max(0, self.time_1))
        elif charge is Charge.TIME_2:
            amount = min(amount, max(0, self.time_2))
        rest = amount
        if allowed(Register.METER):
            rest -= self._from_meter(rest)
        if self.active and allowed(Register.EMERGENCY):
            rest -= self._from_emergency(rest)
        if allowed(Register.ACCUMULATED):
            self.accumulated += rest
            rest = 0
        elif allowed(Register.METER):
            self.meter -= rest
            rest = 0
        taken = amount - rest
        if charge is Charge.TIME_1:
            self.time_1 -= taken
        elif charge is Charge.TIME_2:
            self.time_2 -= taken
        return taken

    def _from_meter(self, amount: int) -> int:
        taken = max(0, min(amount, self.meter))
        self.meter -= taken
        return taken

    def _from_emergency(self, amount: int) -> int:
        taken = max(0, min(amount, self.emergency))
        self.emergency -= taken
        return taken

    # ------------------------------------------------------------------ what people bring

    def top_up(self, amount: int, terms: Terms, window: int, order: list[str], *, round_up: bool) -> Shares:
        """Share out a top-up; ``order`` names the debts that it serves, see the module.

        ``window`` is the number of the present period of the debt recovery cap.
        """
        shares = Shares()
        rest = amount
        for name in order:
            if name == "payment":
                share = self._share(amount, terms, round_up)
                shares.payment = self._pay_debt(min(share, rest), terms, window)
                rest -= shares.payment
            elif name == "accumulated":
                shares.accumulated = max(0, min(rest, self.accumulated))
                self.accumulated -= shares.accumulated
                rest -= shares.accumulated
            elif name == "emergency":
                shares.emergency = self._repay(rest)
                rest -= shares.emergency
        self.meter += rest
        shares.balance = rest
        return shares

    @staticmethod
    def _share(amount: int, terms: Terms, round_up: bool) -> int:
        product = amount * terms.percentage
        return -(-product // _HUNDRED_PERCENT) if round_up else product // _HUNDRED_PERCENT

    def _pay_debt(self, share: int, terms: Terms, window: int) -> int:
        if window != self.window:
            self.window, self.recovered = window, 0
        paid = max(0, min(share, self.payment))
        if terms.cap and terms.cap_period_s:
            paid = min(paid, max(0, terms.cap - self.recovered))
        self.payment -= paid
        self.recovered += paid
        return paid

    def _repay(self, amount: int) -> int:
        """Give emergency credit back; all of it given back, it is no longer active."""
        paid = min(amount, self.borrowed)
        self.emergency += paid
        if self.active and not self.borrowed:
            self.withdraw()
        return paid

    def grant(self, limit: int) -> None:
        """Activate emergency credit."""
        self.active, self.granted, self.emergency = True, limit, limit

    def withdraw(self) -> None:
        """End emergency credit; what was left of it is gone."""
        self.active, self.granted, self.emergency = False, 0, 0
