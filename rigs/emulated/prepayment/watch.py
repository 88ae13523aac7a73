"""What follows from credit running low, out and back: events and the switch (SMETS 5.7.4.15 to 5.7.4.30).

Each condition is told when it begins and again only after it has ended in between. Combined credit is the
balance and what is left of active emergency credit; "below" is less than, so that a threshold itself is
still enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rigs.emulated.event_rules import EventCode
from rigs.emulated.supply import Reason, SupplyState

if TYPE_CHECKING:
    from datetime import datetime

    from rigs.emulated.prepayment.account import Account
    from rigs.emulated.prepayment.side import Side, Terms

_LOW, _OFFERED, _EXHAUSTED, _SUSPENDED = "low", "offered", "exhausted", "suspended"
_EVENTS = {
    _LOW: EventCode.LOW_CREDIT,
    _OFFERED: EventCode.EMERGENCY_CREDIT_AVAILABLE,
    _EXHAUSTED: EventCode.EMERGENCY_CREDIT_EXHAUSTED,
    _SUSPENDED: EventCode.DISABLEMENT_SUSPENDED,
}


def is_offered(account: Account, terms: Terms) -> bool:
    """Whether emergency credit can be activated: prepayment, below its threshold, the last one repaid."""
    return (
        terms.prepayment
        and terms.emergency_limit > 0
        and not account.active
        and account.meter < terms.emergency_threshold
    )


def is_out(account: Account, terms: Terms) -> bool:
    """Whether supply is to be disabled for want of credit."""
    return terms.prepayment and account.combined < terms.disablement


def margin(account: Account, terms: Terms) -> int | None:
    """How much may be charged before any condition can change; None where charging changes nothing more."""
    steps = [account.combined - terms.low_credit, account.combined - terms.disablement]
    if account.active:
        steps += [account.combined] * (account.emergency > 0)
    else:
        steps.append(account.meter - terms.emergency_threshold)
    return min((step for step in steps if step >= 0), default=None)


def evaluate(side: Side, account: Account, terms: Terms, at: datetime) -> None:
    """Tell what began, and switch supply as credit demands."""
    out = is_out(account, terms)
    protected = out and side.is_protected(at)
    cut_off = out and side.supply.connected()
    _tell(side, account, _LOW, terms.prepayment and account.combined < terms.low_credit)
    _tell(side, account, _OFFERED, is_offered(account, terms))
    _tell(side, account, _EXHAUSTED, account.active and not account.emergency)
    _tell(side, account, _SUSPENDED, cut_off and protected)
    if cut_off and not protected:
        side.device.events.record(EventCode.CREDIT_BELOW_DISABLEMENT)
        side.supply.disable(Reason.CREDIT)
    elif out and not protected and side.supply.state is SupplyState.ARMED:
        # Armed by credit that is spent again before anybody pressed the button.
        if side.supply.reason in {Reason.CREDIT, Reason.EMERGENCY}:
            side.supply.disable(Reason.CREDIT)
    elif not out:
        give_back(side, Reason.CREDIT)


def give_back(side: Side, reason: Reason) -> None:
    """Credit is there again: what its want disabled is armed, or enabled at once (A30)."""
    if side.supply.state is not SupplyState.DISABLED or side.supply.reason is not Reason.CREDIT:
        return
    if reason is Reason.EMERGENCY and side.device.description.assumes("A30") == "enabled":
        side.supply.enable()
    else:
        side.supply.arm(reason)


def _tell(side: Side, account: Account, name: str, holds: bool) -> None:
    if holds and name not in account.told:
        account.told.append(name)
        side.device.events.record(_EVENTS[name])
    elif not holds and name in account.told:
        account.told.remove(name)
