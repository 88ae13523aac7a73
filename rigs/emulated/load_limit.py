"""Load limiting of an ESME (SMETS 5.7.4.19 to 5.7.4.22, 5.7.5.18; ECS27, ECS28a, ECS28b).

Import power that stays above a threshold for longer than the load limit period is an event: counted, and told
as 0x8F01. By the load limit state supply is left alone then, or disabled and armed at once (0x8F33); unless
the consumer restores it earlier, it comes back by itself when the restoration period is over (0x8F34).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from protocols.dlms.access import AccessResult
from protocols.dlms.axdr import Data, boolean, double_long_unsigned, enum, integer, null_data, structure
from rigs.emulated.event_rules import EventCode
from rigs.emulated.metering.engine import MeterPart
from rigs.emulated.supply import Reason, Supply, SupplyState

if TYPE_CHECKING:
    from rigs.emulated.command import Command
    from rigs.emulated.device import Device
    from rigs.emulated.metering.load import Load

_STATE_OBIS, _COUNTER_OBIS, _LIMITER_OBIS = "00005E2C0003", "00005E2C2AFF", "0000110000FF"
_REGISTER, _LIMITER, _EXTENDED_DATA = 3, 71, 0x2328
_COUNT = 255  # unit: none
# As manufactured: a threshold beyond any single-phase supply.
_THRESHOLD_W, _PERIOD_S, _RESTORATION_S = 23_000, 30, 300
# No automatic restoration: a choice of ours for the greatest value that the period can have.
NEVER = 0xFFFF_FFFF
_SECTION, _KEY = "load limit", "state"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_SOON = timedelta(microseconds=1)
_FAR = timedelta(days=1)


@dataclass(slots=True)
class _State:
    """Moments in microseconds since 2000, 0 for none.

    ``over`` since when power is above the threshold, ``acted`` whether that has become an event, ``restore``
    when supply comes back, ``count`` events since the counter was reset, ``offset`` how far the device's
    clock was ahead of the bench's when these moments were noted.
    """

    over: int = 0
    acted: bool = False
    restore: int = 0
    count: int = 0
    offset: int = 0


class LoadLimit(MeterPart):
    """The part that watches import power."""

    wakes = True

    def __init__(self, device: Device, supply: Supply) -> None:
        self._device = device
        self._supply = supply
        cosem = device.cosem
        self._limits_supply = cosem.stored(_EXTENDED_DATA, _STATE_OBIS, 2, boolean(False))
        self._threshold = cosem.stored(_LIMITER, _LIMITER_OBIS, 4, double_long_unsigned(_THRESHOLD_W))
        self._period = cosem.stored(_LIMITER, _LIMITER_OBIS, 6, double_long_unsigned(_PERIOD_S))
        self._restoration = cosem.stored(_LIMITER, _LIMITER_OBIS, 7, double_long_unsigned(_RESTORATION_S))
        cosem.attribute(_REGISTER, _COUNTER_OBIS, 2, read=lambda: double_long_unsigned(self._state().count))
        cosem.stored(_REGISTER, _COUNTER_OBIS, 3, structure(integer(0), enum(_COUNT)))
        cosem.method(_REGISTER, _COUNTER_OBIS, 1, self._reset)
        self._held: _State | None = None
        self._threshold_w = 0
        self._quiet: tuple[tuple[int, bool], datetime, datetime] | None = None

    # ------------------------------------------------------------------ state

    def open(self) -> None:
        """Read what a settlement needs."""
        self._held, self._threshold_w = self._state(), self._limit()

    def close(self) -> None:
        """Forget it; what changed is kept already, but for how far the clock is ahead of the bench's."""
        state, self._held = self._state(), None
        if state.offset != self._offset():
            state.offset = self._offset()
            self._keep(state)

    def _limit(self) -> int:
        return self._threshold_w if self._held is not None else int(self._threshold.read().value)

    def _state(self) -> _State:
        if self._held is not None:
            return self._held
        return _State(**self._device.storage.get_json(_SECTION, _KEY, default={}))

    def _keep(self, state: _State) -> None:
        self._device.storage.put_json(_SECTION, _KEY, asdict(state))

    def _reset(self, _command: Command, _parameter: Data) -> tuple[AccessResult, Data]:
        """ECS28b."""
        state = self._state()
        state.count = 0
        self._keep(state)
        return AccessResult.SUCCESS, null_data()

    # ------------------------------------------------------------------ power

    def _is_over(self, at: datetime) -> bool:
        """Whether import power is above the threshold at a moment; none passes while supply is off."""
        metering = self._device.metering
        if metering is None or not self._supply.connected():
            return False
        return _power(metering.present_load, at - self._device.device_clock.offset) > self._limit()

    # ------------------------------------------------------------------ as a part of metering

    def next_boundary(self, after: datetime) -> datetime | None:
        """The end of a period that runs, or when power may be another."""
        state = self._state()
        if self._is_over(after) != bool(state.over):
            return after + _SOON  # a threshold or the power has changed just now
        moments = []
        if state.over and not state.acted:
            moments.append(_moment(state.over) + timedelta(seconds=int(self._period.read().value)) + _SOON)
        if state.restore:
            moments.append(_moment(state.restore))
        change = self._next_change(state, after)
        if change is not None:
            moments.append(change)
        return min((max(moment, after + _SOON) for moment in moments), default=None)

    def _next_change(self, state: _State, after: datetime) -> datetime | None:
        """When the load goes over the threshold or below it; a day on at the latest, to look further then.

        A load depends on time alone, so what was found holds for as long as nothing else is compared.
        """
        metering = self._device.metering
        if metering is None:
            return None
        offset, load = self._device.device_clock.offset, metering.present_load
        start, compared = after - offset, (self._limit(), bool(state.over))
        if self._quiet is not None and load is metering.load:
            then, since, until = self._quiet
            if then == compared and since <= start < until:
                return until + offset
        change = load.next_change(start)
        while change is not None and change < start + _FAR:
            if (_power(load, change) > compared[0]) != compared[1]:
                break
            change = load.next_change(change)
        if change is None:
            return None
        if load is metering.load:
            self._quiet = (compared, start, change)
        return change + offset

    def reached(self, at: datetime) -> None:
        """See what power does, and end what has come to its end."""
        state = self._state()
        over = self._is_over(at)
        if over and not state.over:
            state.over, state.acted = _us(at), False
        elif not over:
            state.over, state.acted = 0, False
        period = timedelta(seconds=int(self._period.read().value))
        if state.over and not state.acted and at > _moment(state.over) + period:
            self._exceeded(state, at)
        if state.restore and at >= _moment(state.restore):
            self._restore(state)
        self._keep(state)

    def _exceeded(self, state: _State, at: datetime) -> None:
        state.acted = True
        state.count += 1
        self._device.events.record(EventCode.LOAD_LIMIT_EXCEEDED)
        if not self._limits_supply.read().value or not self._supply.cut_and_arm(Reason.LOAD_LIMIT):
            return
        state.over = 0
        seconds = int(self._restoration.read().value)
        state.restore = 0 if seconds == NEVER else _us(at) + seconds * 1_000_000

    def _restore(self, state: _State) -> None:
        """Supply comes back, unless somebody was earlier or disabled it meanwhile."""
        state.restore = 0
        waiting = self._supply.state is SupplyState.ARMED and self._supply.reason is Reason.LOAD_LIMIT
        if waiting and self._supply.enable():
            self._device.events.record(EventCode.ENABLED_AFTER_LOAD_LIMIT)

    def skipped(self, before: datetime, after: datetime) -> None:
        """A clock that was set moves what runs along with it; supply that was away ends what was over."""
        state, offset = self._state(), self._offset()
        shift = offset - state.offset
        state.over += shift if state.over else 0
        state.restore += shift if state.restore else 0
        if _us(after) - _us(before) > shift:
            state.over, state.acted = 0, False
        state.offset = offset
        self._keep(state)

    def _offset(self) -> int:
        return self._device.device_clock.offset // _SOON


def _power(load: Load, at: datetime) -> int:
    """Import power of all elements in W; ``at`` is the bench's time."""
    rate = load.rate(at)
    return rate.import_wh + rate.secondary_wh


def _us(moment: datetime) -> int:
    return (moment - _EPOCH) // _SOON


def _moment(microseconds: int) -> datetime:
    return _EPOCH + microseconds * _SOON


def register(device: Device, supply: Supply) -> LoadLimit:
    """Load limiting on an ESME, a part of its metering if it has one."""
    part = LoadLimit(device, supply)
    if device.metering is not None:
        device.metering.parts.append(part)
    return part
