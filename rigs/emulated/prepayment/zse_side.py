"""Prepayment of a GSME: its registers and terms as ZSE attributes (SMETS 4.6.4.8 to 4.6.4.32; gbz.md 5, 6).

The meter has two balances: one for prepayment mode (0705/0001) and one for credit mode, which the attribute
"bill to date" (0702/0A00) shows with the other sign: it grows as the balance falls (GCS40c).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rigs.emulated.objects.zse import AttributePlace
from rigs.emulated.prepayment.logs import CreditLogs
from rigs.emulated.prepayment.side import WIDEST, Charge, Rate, Register, Terms

if TYPE_CHECKING:
    from datetime import datetime

    from rigs.emulated.device import Device
    from rigs.emulated.metering.engine import Interval
    from rigs.emulated.supply import Supply

_PREPAYMENT, _METERING, _PRICE = 0x0705, 0x0702, 0x0700


def _at(number: int) -> AttributePlace:
    return AttributePlace(_PREPAYMENT, number)


CONTROL, CUT_OFF, CAP = _at(0x0000), _at(0x0040), _at(0x0006)
LIMIT, THRESHOLD, LOW_CREDIT = _at(0x0010), _at(0x0011), _at(0x0031)
MAX_BALANCE, MAX_CREDIT = _at(0x0021), _at(0x0022)
CREDIT, BILL = _at(0x0001), AttributePlace(_METERING, 0x0A00)
_STANDING = AttributePlace(_PRICE, 0x0301)
BALANCES = {
    Register.METER: CREDIT,
    Register.EMERGENCY: _at(0x0002),
    Register.ACCUMULATED: _at(0x0005),
    Register.TIME_1: _at(0x0211),
    Register.TIME_2: _at(0x0221),
    Register.PAYMENT: _at(0x0231),
}
# Frequency and amount of recovery.
RATES = {Charge.TIME_1: (_at(0x0216), _at(0x0217)), Charge.TIME_2: (_at(0x0226), _at(0x0227))}
PERCENTAGE = _at(0x0239)
# Bits of the payment control configuration. With 0x0497 debt is suspended in emergency and while disabled;
# that bit 10 stands for the one and a missing bit 11 for the other is inferred.
PREPAYMENT_BIT, _SUSPENDED_WHEN_DISABLED, _IN_EMERGENCY = 0x0002, 0x0400, 0x0800
CREDIT_MODE, PREPAYMENT_MODE = 0x0C94, 0x0897
_DAY_S = 86_400
# Seconds of recovery frequencies; months and quarters are taken as of 30 and 91 days.
_PERIODS_S = {0: 3600, 1: _DAY_S, 2: 7 * _DAY_S, 3: 30 * _DAY_S, 4: 91 * _DAY_S}
_CAP_PERIOD_S = 7 * _DAY_S  # the overall debt cap has no period of its own: a week is a choice of ours
_SECTION, _BALANCE = "prepayment", "credit mode balance"
# More than flows through any gas meter, in kWh an hour; for planning alone.
_MOST_KW = 100


class GasSide:
    """A GSME as its ledger sees it; what the gas rooms know is brought by functions.

    ``cost_of`` gives the cost of the interval consumed last in ``1 / PARTS`` of a thousandth of a penny,
    ``dearest`` the highest price of a kWh, ``friendly`` whether a non-disablement period is in force at a
    moment, ``next_friendly`` when that changes next.
    """

    def __init__(
        self,
        device: Device,
        supply: Supply,
        cost_of: Callable[[Interval], int],
        dearest: Callable[[], int],
        *,
        friendly: Callable[[datetime], bool],
        next_friendly: Callable[[datetime], datetime | None],
    ) -> None:
        self.device = device
        self.supply = supply
        self.logs = CreditLogs(device.storage)
        self.cost = cost_of
        self.is_protected = friendly
        self.next_protection = next_friendly
        self._dearest = dearest
        zcl = device.zcl
        zcl.attribute(*CONTROL, lambda: CREDIT_MODE)
        for place in (MAX_BALANCE, MAX_CREDIT):
            zcl.attribute(*place, lambda: WIDEST)
        zcl.attribute(*BILL, lambda: max(0, -self.credit_mode_balance))

    # ------------------------------------------------------------------ registers

    @property
    def prepayment(self) -> bool:
        """Whether prepayment mode is in force."""
        return bool(self.device.zcl.number(CONTROL) & PREPAYMENT_BIT)

    @property
    def credit_mode_balance(self) -> int:
        """The balance of credit mode; "bill to date" is what is owed by it."""
        return int(self.device.storage.get_json(_SECTION, _BALANCE, default=0))

    @credit_mode_balance.setter
    def credit_mode_balance(self, amount: int) -> None:
        self.device.storage.put_json(_SECTION, _BALANCE, amount)

    def balance(self, register: Register) -> int:
        """As `Side`."""
        if register is Register.METER and not self.prepayment:
            return self.credit_mode_balance
        return self.device.zcl.number(BALANCES[register])

    def set_balance(self, register: Register, amount: int) -> None:
        """As `Side`; debt amounts have no sign."""
        if register is Register.METER and not self.prepayment:
            self.credit_mode_balance = amount
            return
        lowest = 0 if register in {Register.TIME_1, Register.TIME_2, Register.PAYMENT} else -WIDEST - 1
        self.device.zcl.put(BALANCES[register], max(lowest, min(amount, WIDEST)))

    def change_credit(self, amount: int | None) -> None:
        """The balance of prepayment mode while it is not in force: by an amount, or to zero (None)."""
        zcl = self.device.zcl
        zcl.put(CREDIT, 0 if amount is None else max(-WIDEST - 1, min(zcl.number(CREDIT) + amount, WIDEST)))
        if amount is None:
            for register in (Register.EMERGENCY, Register.ACCUMULATED):
                zcl.put(BALANCES[register], 0)

    # ------------------------------------------------------------------ terms

    def terms(self) -> Terms:
        """As `Side`."""
        number = self.device.zcl.number
        return Terms(
            prepayment=self.prepayment,
            low_credit=number(LOW_CREDIT),
            emergency_limit=number(LIMIT),
            emergency_threshold=number(THRESHOLD),
            disablement=number(CUT_OFF),
            max_balance=number(MAX_BALANCE),
            max_credit=number(MAX_CREDIT),
            percentage=number(PERCENTAGE),
            cap=max(0, number(CAP)),
            cap_period_s=_CAP_PERIOD_S,
            rates={
                charge: Rate(number(amount), _PERIODS_S.get(number(frequency), 0))
                for charge, (frequency, amount) in RATES.items()
            },
            standing_charge=number(_STANDING),
        )

    def collects(self, credit: Register, charge: Charge, *, disabled: bool, protected: bool) -> bool:
        """As `Side`: by two settings for all charges alike; ``protected`` plays no part for gas."""
        del charge, protected
        control = self.device.zcl.number(CONTROL)
        if disabled and control & _SUSPENDED_WHEN_DISABLED:
            return False
        return credit is not Register.EMERGENCY or bool(control & _IN_EMERGENCY)

    def most(self) -> int:
        """As `Side`."""
        return self._dearest() * _MOST_KW

    def credited(self, at: datetime, amount: int) -> None:
        """As `Side`."""
        self.logs.top_ups.append(at, amount)

    def debt_paid(self, at: datetime, amount: int, left: int) -> None:
        """As `Side`."""
        self.logs.payments.append(at, amount, left)

    def offer(self, limit: int, threshold: int) -> None:
        """As `Side`."""
        put = self.device.zcl.put
        put(CONTROL, PREPAYMENT_MODE)
        put(LIMIT, limit)
        put(THRESHOLD, threshold)
