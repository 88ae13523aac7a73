"""The ledger of a meter: what consumption, time and people do to its credit and debts, in both payment modes.

In credit mode consumption and the standing charge reduce the balance, nothing more. In prepayment mode debts
are recovered too, and what credit allows is looked at each whole minute: a meter that recomputes each second
would tell the same, a little earlier.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rigs.emulated.event_rules import EventCode
from rigs.emulated.metering.engine import MeterPart
from rigs.emulated.prepayment.account import Account, Shares
from rigs.emulated.prepayment.side import Charge, Register, Side, Terms
from rigs.emulated.prepayment.watch import evaluate, give_back, is_offered, margin
from rigs.emulated.supply import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rigs.emulated.metering.engine import Interval

_SECTION, _KEY = "prepayment", "account"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_DAY_S = 86_400
_MOST_DAYS = 366  # that are charged at once after an outage, lest a wrong clock costs a fortune
_LOOK = timedelta(minutes=1)
_REGISTERS = {
    Register.METER: "meter",
    Register.EMERGENCY: "emergency",
    Register.ACCUMULATED: "accumulated",
    Register.TIME_1: "time_1",
    Register.TIME_2: "time_2",
    Register.PAYMENT: "payment",
}
# What a top-up serves before the balance, by A13.
_ORDERS = {
    "debts-emergency-balance": ["payment", "accumulated", "emergency"],
    "emergency-debts-balance": ["emergency", "payment", "accumulated"],
}
_COMPLETED = {
    Charge.TIME_1: EventCode.TIME_DEBT_1_COLLECTED,
    Charge.TIME_2: EventCode.TIME_DEBT_2_COLLECTED,
}


class Ledger(MeterPart):
    """One meter's ledger; a part of its metering.

    ``daily`` are told of each midnight in prepayment mode (logs), ``mode_heard`` when a payment mode is set.

    Outside a settlement nothing is kept in memory: `opened` reads, looks what follows, and writes back.
    """

    def __init__(self, side: Side) -> None:
        self.side = side
        self.daily: list[Callable[[datetime, Account], None]] = []
        self.mode_heard: list[Callable[[datetime], None]] = []
        self._held: tuple[Account, Terms] | None = None
        self._before: Account | None = None
        self._kept: dict[str, Any] = {}
        self._sudden = False

    # ------------------------------------------------------------------ reading and writing

    def account(self) -> Account:
        """The registers as they stand now; a copy."""
        if self._held is not None:
            return self._held[0]
        kept = self.side.device.storage.get_json(_SECTION, _KEY, default={})
        self._kept = {**kept, "told": list(kept.get("told", ()))}  # the account's own list changes
        balances = {name: self.side.balance(register) for register, name in _REGISTERS.items()}
        return Account(**{**kept, **balances})

    def _show(self, account: Account) -> None:
        """Write the registers that changed."""
        before = self._before
        assert before is not None, "an account is open"
        for register, name in _REGISTERS.items():
            amount = getattr(account, name)
            if amount != getattr(before, name):
                self.side.set_balance(register, amount)
                setattr(before, name, amount)

    def _save(self, account: Account) -> None:
        self._show(account)
        kept = {name: value for name, value in asdict(account).items() if name not in _REGISTERS.values()}
        if kept != self._kept:
            self.side.device.storage.put_json(_SECTION, _KEY, kept)

    def open(self) -> None:
        """As `Part`."""
        self._held = (self.account(), self.side.terms())
        self._before = Account(**asdict(self._held[0]))
        self._sudden = False

    def close(self) -> None:
        """As `Part`."""
        assert self._held is not None
        account, terms = self._held
        try:
            if self._sudden:
                evaluate(self.side, account, terms, self._now())
            self._save(account)
        finally:
            self._held = self._before = None

    @contextmanager
    def opened(self) -> Iterator[tuple[Account, Terms]]:
        """The account for changing, in a piece of work; what follows from the change happens at the end."""
        self.open()
        assert self._held is not None
        try:
            yield self._held
            self._sudden = True
            self.close()
        finally:
            self._held = self._before = None

    def look(self) -> None:
        """Something else has changed, such as a setting: see what follows from it."""
        with self.opened():
            pass

    def _now(self) -> datetime:
        return self.side.device.device_clock.now()

    # ------------------------------------------------------------------ as a part of metering

    @property
    def wakes(self) -> bool:  # type: ignore[override]
        """Alerts leave and supply is cut in prepayment mode alone."""
        return self._terms().prepayment

    def _terms(self) -> Terms:
        return self.side.terms() if self._held is None else self._held[1]

    def next_boundary(self, after: datetime) -> datetime | None:
        """As `Part`: midnight and, in prepayment mode, debts, protected periods and looks at the credit."""
        midnight = after.replace(hour=0, minute=0, second=0, microsecond=0) + _DAY
        terms = self._terms()
        if not terms.prepayment:
            return midnight
        moments: list[datetime | None] = [midnight, self._next_look(after, terms)]
        moments += [_next_period(after, rate.period_s) for rate in terms.rates.values() if rate.amount]
        moments.append(self.side.next_protection(after))
        return min(each for each in moments if each is not None)

    def _next_look(self, after: datetime, terms: Terms) -> datetime:
        """The first whole minute in which the credit may cross a threshold."""
        most, spare = self.side.most(), margin(self.account(), terms)
        minutes = _DAY // _LOOK if spare is None or not most else spare * 60 // most
        return after.replace(second=0, microsecond=0) + _LOOK * max(1, min(minutes, _DAY // _LOOK))

    def consumed(self, interval: Interval) -> None:
        """As `Part`."""
        assert self._held is not None
        account, _ = self._held
        parts = self.side.cost(interval)
        if parts:
            account.consume(parts)
            self._show(account)  # parts after this one keep logs of what the registers show
            self._sudden = self._sudden or interval.start == interval.end

    def reached(self, at: datetime) -> None:
        """As `Part`."""
        assert self._held is not None
        account, terms = self._held
        midnight = _is_period(at, _DAY_S)
        if midnight:
            self._charge_days(at, at - _DAY)
        for charge, rate in terms.rates.items():
            if terms.prepayment and rate.amount and _is_period(at, rate.period_s):
                self._collect(charge, rate.amount, at)
        if not terms.prepayment:
            self._show(account)
            return
        evaluate(self.side, account, terms, at)
        self._show(account)
        if midnight:
            for daily in self.daily:
                daily(at, account)

    def skipped(self, before: datetime, after: datetime) -> None:
        """As `Part`: days that a meter missed are charged late, and none twice; time debts wait meanwhile."""
        self._charge_days(after, before)

    def _charge_days(self, at: datetime, charged: datetime) -> None:
        """The standing charge of each day begun up to a moment; at first those after ``charged``."""
        assert self._held is not None
        account, terms = self._held
        latest, today = account.day or (charged - _EPOCH) // _DAY, (at - _EPOCH) // _DAY
        for _ in range(min(today - latest, _MOST_DAYS)):
            self._collect(Charge.STANDING, terms.standing_charge, at)
        account.day = max(latest, today)

    def _collect(self, charge: Charge, amount: int, at: datetime) -> None:
        assert self._held is not None
        account, terms = self._held
        if not amount:
            return
        if not terms.prepayment:
            account.meter -= amount
            return
        disabled = not self.side.supply.connected()
        protected = self.side.is_protected(at)

        def allowed(credit: Register) -> bool:
            return self.side.collects(credit, charge, disabled=disabled, protected=protected)

        taken = account.collect(charge, amount, allowed)
        left = {Charge.TIME_1: account.time_1, Charge.TIME_2: account.time_2}.get(charge)
        if taken and left == 0:
            self.side.device.events.record(_COMPLETED[charge])

    # ------------------------------------------------------------------ what people do

    def activate_emergency_credit(self) -> bool:
        """Activate emergency credit; True when it is active afterwards, however it came to be (ECS09)."""
        with self.opened() as (account, terms):
            if not account.active and is_offered(account, terms):
                account.grant(terms.emergency_limit)
                self.side.device.events.record(EventCode.EMERGENCY_CREDIT_ACTIVATED)
                if account.combined >= terms.disablement:
                    give_back(self.side, Reason.EMERGENCY)
            return account.active

    def balance_after(self, amount: int) -> int:
        """What the balance would be after a top-up."""
        account = self.account()
        self._share(account, self._terms(), amount)
        return account.meter

    def _share(self, account: Account, terms: Terms, amount: int) -> Shares:
        if not terms.prepayment:
            account.meter += amount  # A14: credit mode knows the balance alone
            return Shares(balance=amount)
        assumes = self.side.device.description.assumes
        window = (self._now() - _EPOCH) // timedelta(seconds=terms.cap_period_s or 1)
        round_up = assumes("A13-rounding") == "up"
        return account.top_up(amount, terms, window, _ORDERS[assumes("A13")], round_up=round_up)

    def top_up(self, amount: int) -> Shares:
        """Share out a top-up that was accepted."""
        now = self._now()
        with self.opened() as (account, terms):
            shares = self._share(account, terms, amount)
            self.side.credited(now, amount)
            if shares.payment:
                self.side.debt_paid(now, shares.payment, account.payment)
                if not account.payment:
                    self.side.device.events.record(EventCode.PAYMENT_DEBT_COLLECTED)
        return shares

    def adjust(self, register: Register, amount: int, *, replace: bool = False) -> None:
        """The supplier changes a register by an amount, or sets it; emergency credit set to 0 is repaid."""
        with self.opened() as (account, _):
            name = _REGISTERS[register]
            setattr(account, name, amount if replace else getattr(account, name) + amount)
            if register is Register.EMERGENCY and replace and not amount:
                account.withdraw()

    def reset(self) -> None:
        """Reset Meter Balance: balance, accumulated debt and emergency credit (SMETS 4.5.3.19, 5.6.3.29)."""
        with self.opened() as (account, _):
            account.meter = account.accumulated = 0
            account.withdraw()

    def mode_set(self) -> None:
        """A payment mode was set, the same or another: told to whoever keeps a log of it."""
        now = self._now()
        for heard in self.mode_heard:
            heard(now)

    def to_clear(self) -> int:
        """Debt to clear, for displays."""
        return self.account().to_clear(self._terms())


def _next_period(after: datetime, period_s: int) -> datetime | None:
    """Periods are counted from 2000, so that a day ends at midnight UTC."""
    if not period_s:
        return None
    period = timedelta(seconds=period_s)
    return _EPOCH + ((after - _EPOCH) // period + 1) * period


def _is_period(at: datetime, period_s: int) -> bool:
    return bool(period_s) and not (at - _EPOCH) % timedelta(seconds=period_s)
