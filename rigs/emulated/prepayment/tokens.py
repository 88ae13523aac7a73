"""Top-ups: a UTRN is checked, taken once and credited, whichever way it comes (GBCS section 14).

The ways are the WAN (CS01a, CS01b), the meter's keypad and a PPMID. One memory of used counters serves all
three, so that a UTRN counts once. Only entry by hand is locked after too many bad ones (A12): a supplier's
guide for one meter has 5 tries in 10 minutes, then an hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from protocols.errors import EncodeError
from protocols.gbcs.asn1.types import CellUsage, KeyUsage, RemotePartyRole
from protocols.gbcs.prepayment import DuplicateUtrnError, TopUpKey, UtrnError, ValueClass
from protocols.gbcs.prepayment_device import UtrnCounterCache, accept_utrn
from rigs.emulated.event_rules import EventCode
from rigs.emulated.prepayment.side import PENNY
from rigs.emulated.supply import SupplyState
from rigs.emulated.trust_anchors import Cell

if TYPE_CHECKING:
    from rigs.emulated.device import Device
    from rigs.emulated.prepayment.ledger import Ledger

# Within how long bad entries count together, and how long entry is locked then (A12).
WITHIN, PAUSE = timedelta(minutes=10), timedelta(hours=1)
_SECTION, _CACHE, _TRIES, _LOCKED = "prepayment", "cache", "tries", "locked_until"


class Result(StrEnum):
    """What came of a top-up; the values are the names of ZSE's result types (catalogue table 0705)."""

    ACCEPTED = "Accepted"
    ENABLED = "Accepted Supply Enabled"
    DISABLED = "Accepted Supply Disabled"
    ARMED = "Accepted Supply Armed"
    INVALID = "Rejected Invalid Top Up"
    DUPLICATE = "Rejected Duplicate Top Up"
    ERROR = "Rejected Error"
    BALANCE_TOO_HIGH = "Rejected Max Credit Reached"
    KEYPAD_LOCKED = "Rejected Keypad Lock"
    TOO_LARGE = "Rejected Top Up Value Too Large"


RESULT_TYPES = {
    Result.ACCEPTED: 0x00,
    Result.INVALID: 0x01,
    Result.DUPLICATE: 0x02,
    Result.ERROR: 0x03,
    Result.BALANCE_TOO_HIGH: 0x04,
    Result.KEYPAD_LOCKED: 0x05,
    Result.TOO_LARGE: 0x06,
    Result.ENABLED: 0x10,
    Result.DISABLED: 0x11,
    Result.ARMED: 0x12,
}


@dataclass(slots=True)
class Taken:
    """What came of a UTRN; ``amount`` in thousandths of a penny, 0 when it was refused."""

    result: Result
    amount: int = 0
    why: str = ""

    @property
    def accepted(self) -> bool:
        """Whether credit was added."""
        return self.result in {Result.ACCEPTED, Result.ENABLED, Result.DISABLED, Result.ARMED}


class Tokens:
    """The token gateway of one meter."""

    def __init__(self, device: Device, ledger: Ledger) -> None:
        self._device = device
        self._ledger = ledger
        self._storage = device.storage

    # ------------------------------------------------------------------ the ways in

    def take(self, utrn: str | bytes, originator_counter: int | None) -> Taken:
        """Take a UTRN that a message brought under this counter, or one without a counter (None)."""
        try:
            key = self._key()
            cache = self._cache(key)
            found = accept_utrn(utrn, key, cache, originator_counter=originator_counter)
        except (UtrnError, EncodeError) as error:
            return self._refused(error)
        amount = found.value * (100 if found.value_class == ValueClass.POUNDS else 1) * PENNY
        refusal = self._too_much(amount)
        if refusal is not None:
            return refusal
        kept = {"of": self._of(key), "floor": cache.floor, "counters": cache.counters}
        self._storage.put_json(_SECTION, _CACHE, kept)
        before = self._ledger.side.supply.state
        self._ledger.top_up(amount)
        return Taken(self._accepted(before), amount)

    def enter(self, utrn: str) -> Taken:
        """Take a UTRN that somebody typed in, here or at a PPMID; EncodeError never leaves."""
        until = self._storage.get_json(_SECTION, _LOCKED)
        now = self._device.device_clock.now()
        if until is not None and now < datetime.fromisoformat(until):
            return Taken(Result.KEYPAD_LOCKED, why=f"entry is suspended until {until}")
        taken = self.take(utrn, None)
        if taken.accepted:
            self._storage.put_json(_SECTION, _TRIES, [])
            self._device.events.record(EventCode.CREDIT_ADDED_LOCALLY)
        else:
            self._count_try(now)
        return taken

    # ------------------------------------------------------------------ checks

    def _key(self) -> TopUpKey:
        """The key of the present supplier's top-ups for this meter; UtrnError where there is none."""
        if self._device.description.assumes("A14") == "refused" and not self._ledger.side.terms().prepayment:
            raise UtrnError("credit mode")
        cell = Cell(RemotePartyRole.SUPPLIER, KeyUsage.KEY_AGREEMENT, CellUsage.PREPAYMENT_TOP_UP)
        info = self._device.trust_anchors.info(cell)
        if info is None or info.subject_eui is None:
            raise UtrnError("no prepayment key of a supplier")
        return TopUpKey(self._device.agree(info.public_key), info.subject_eui, self._device.eui64)

    def _of(self, key: TopUpKey) -> list[str | int]:
        return [str(key.supplier), self._device.trust_anchors.top_up_floor(RemotePartyRole.SUPPLIER)]

    def _cache(self, key: TopUpKey) -> UtrnCounterCache:
        """The counters used; with a new supplier or a new floor they begin anew (GBCS 13.3)."""
        of = self._of(key)
        cache = UtrnCounterCache.from_floor(int(of[1]), int(self._device.description.assumes("A15")))
        kept = self._storage.get_json(_SECTION, _CACHE)
        if kept is not None and kept["of"] == of:
            cache.floor, cache.counters = kept["floor"], kept["counters"]
        return cache

    def _too_much(self, amount: int) -> Taken | None:
        """SMETS 4.5.3.3, 5.6.3.3: more than one top-up may bring, or than the meter may hold."""
        terms = self._ledger.side.terms()
        if amount > terms.max_credit:
            self._device.events.record(EventCode.TOKEN_ABOVE_MAXIMUM_CREDIT)
            return Taken(Result.TOO_LARGE, why="above the maximum credit threshold")
        if self._ledger.balance_after(amount) > terms.max_balance:
            self._device.events.record(EventCode.BALANCE_WOULD_EXCEED_MAXIMUM)
            return Taken(Result.BALANCE_TOO_HIGH, why="above the maximum meter balance")
        return None

    def _refused(self, error: Exception) -> Taken:
        event = error.event if isinstance(error, UtrnError) else None
        self._device.note(f"top-up refused: {error}")
        if event is not None:
            self._device.events.record(EventCode(event), str(error))
        duplicate = isinstance(error, DuplicateUtrnError)
        return Taken(Result.DUPLICATE if duplicate else Result.INVALID, why=str(error))

    def _accepted(self, before: SupplyState) -> Result:
        """Accepted, and what the supply is now where that is not simply on."""
        state = self._ledger.side.supply.state
        if state is SupplyState.ENABLED:
            return Result.ACCEPTED if before is SupplyState.ENABLED else Result.ENABLED
        return Result.ARMED if state is SupplyState.ARMED else Result.DISABLED

    # ------------------------------------------------------------------ too many bad ones

    def _count_try(self, now: datetime) -> None:
        tries = self._device.description.assumes("A12")
        if tries == "unlimited":
            return
        held = [datetime.fromisoformat(each) for each in self._storage.get_json(_SECTION, _TRIES, default=[])]
        recent = [each for each in held if each > now - WITHIN] + [now]
        if len(recent) < int(tries):
            self._storage.put_json(_SECTION, _TRIES, [each.isoformat() for each in recent])
            return
        self._storage.put_json(_SECTION, _TRIES, [])
        until = now + PAUSE
        self._storage.put_json(_SECTION, _LOCKED, until.isoformat())
        self._device.events.record(EventCode.MANUAL_ENTRY_SUSPENDED, f"until {until:%H:%M:%S}")
