"""The engine of a meter: lets the load's energy pass its parts, up to now, whenever somebody looks.

Settling is lazy: nothing happens between two looks, and then everything that lies between them, boundary by
boundary. How often somebody looks changes no number, since the load's energy between two moments is the
difference of two totals.

Two times run here. What passes depends on the bench's time, which nobody sets; where a boundary lies and
what an interval is called depends on the device's clock (UTC). So setting the clock neither loses nor makes
energy.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol, Self

from rigs.emulated.metering.load import NOTHING, Amounts, ConstantLoad, Load

if TYPE_CHECKING:
    from collections.abc import Callable

    from rigs.emulated.device import Device

_SECTION = "metering"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(slots=True)
class Interval:
    """What passed from ``start`` to ``end`` (device UTC), in Wh, varh and thousandths of m3.

    ``secondary_wh`` is a twin element meter's second element. Energy that a knob of the bench lets through
    at a moment has ``start == end``.
    """

    start: datetime
    end: datetime
    import_wh: int = 0
    export_wh: int = 0
    import_varh: int = 0
    export_varh: int = 0
    secondary_wh: int = 0
    gas: int = 0


class Part(Protocol):
    """What takes part in metering. Derive from `MeterPart`, which does nothing at all.

    A settlement calls `open` before and `close` after everything else: a part that keeps numbers in memory
    meanwhile reads them from the device's storage in the one and writes them in the other, and keeps none
    of them afterwards (the work around a settlement may be undone).
    """

    @property
    def wakes(self) -> bool:
        """Whether a boundary must wake the device by itself: something leaves it then (alert, supply cut)."""

    def next_boundary(self, after: datetime) -> datetime | None:
        """The first moment later than ``after`` (device UTC) at which a settlement has to stop."""

    def consumed(self, interval: Interval) -> None:
        """Energy of an interval with no boundary of any part inside."""

    def reached(self, at: datetime) -> None:
        """One of the part's own boundaries is reached; everything before it is consumed."""

    def skipped(self, before: datetime, after: datetime) -> None:
        """The device's time went on from one to the other without the device seeing it.

        Its clock was set (``after`` may be earlier), or it had no supply.
        """

    def open(self) -> None:
        """A settlement begins."""

    def close(self) -> None:
        """A settlement is done."""


class Keeper(Protocol):
    """Numbers or a log that stand in storage between settlements."""

    def open(self) -> None:
        """A settlement begins."""

    def close(self) -> None:
        """A settlement is done."""


class MeterPart:
    """A part without boundaries that heeds nothing: kinds of parts override what they need.

    ``keepers`` hold its numbers and logs; they are opened before a settlement and closed after it.
    """

    wakes = False
    keepers: tuple[Keeper, ...] = ()

    def next_boundary(self, after: datetime) -> datetime | None:  # noqa: ARG002
        """No boundaries."""
        return None

    def consumed(self, interval: Interval) -> None:
        """Not of interest."""

    def reached(self, at: datetime) -> None:
        """Nothing to do."""

    def skipped(self, before: datetime, after: datetime) -> None:
        """Nothing to do."""

    def open(self) -> None:
        """See `Part`."""
        for each in self.keepers:
            each.open()

    def close(self) -> None:
        """See `Part`."""
        for each in self.keepers:
            each.close()


@dataclass(slots=True)
class _Settled:
    """How far it has come: the bench's time, how far ahead of it the device's clock was, and supply."""

    at: datetime
    offset: timedelta
    away: bool = False

    def as_json(self) -> list[int]:
        return [(self.at - _EPOCH) // _MICROSECOND, self.offset // _MICROSECOND, int(self.away)]

    @classmethod
    def from_json(cls, kept: list[int]) -> Self:
        return cls(_EPOCH + kept[0] * _MICROSECOND, kept[1] * _MICROSECOND, bool(kept[2]))


class Metering:
    """The metering of one device: a load, and the parts that its energy passes, in their order.

    ``connected`` tells whether supply to the premises is on: energy passes only then. It is asked once an
    interval, so a part that switches supply does so at a boundary of its own.
    """

    def __init__(self, device: Device, load: Load) -> None:
        self.load = load
        self.parts: list[Part] = []
        self.connected: Callable[[], bool] = _always
        self._device = device
        self._storage = device.storage
        self._settling = False
        self._read: tuple[bytes, _Settled | None] = b"", None

    # ------------------------------------------------------------------ what the kernel calls

    def settle(self) -> None:
        """Let pass what has passed since the last time, up to now; inside a transaction.

        Without supply nothing does: that it was away is noted, and made up for when it is back.
        """
        if self._settling:
            return
        now, offset = self._bench_now(), self._device.device_clock.offset
        held = self._kept()
        kept = held or _Settled(now, offset)
        if not self._device.powered:
            if not kept.away:
                self._keep(_Settled(kept.at, kept.offset, away=True))
            return
        now = max(now, kept.at)
        if (now, offset) == (kept.at, kept.offset) and held is not None and not kept.away:
            return
        self._settling = True
        try:
            self._pass(kept, now, offset)
        finally:
            self._settling = False
        self._keep(_Settled(now, offset))

    def next_due(self) -> datetime | None:
        """The first boundary (device UTC) at which a part has to wake the device; None for never."""
        kept, offset = self._kept(), self._device.device_clock.offset
        after = (self._bench_now() if kept is None else kept.at) + offset
        if kept is not None and kept.offset != offset and any(part.wakes for part in self.parts):
            return after  # the clock was set just now: parts have to hear of it before they can say
        return min(filter(None, (p.next_boundary(after) for p in self.parts if p.wakes)), default=None)

    def is_due(self) -> bool:
        """Whether such a boundary has come."""
        due = self.next_due()
        return due is not None and due <= self._device.device_clock.now()

    def rate(self) -> Amounts:
        """Power now, in W, var and litres of gas an hour."""
        if not self._device.powered or not self.connected():
            return NOTHING
        return self.present_load.rate(self._bench_now())

    # ------------------------------------------------------------------ what knobs call

    def hold(self, rate: Amounts | None) -> None:
        """From now on this power in place of the load's, or the load again; inside a piece of work."""
        if rate is None:
            self._storage.delete(_SECTION, "held")
        else:
            self._storage.put_json(_SECTION, "held", list(rate))

    @property
    def present_load(self) -> Load:
        """What flows: the load, or the constant one that is held in its place."""
        held = self._storage.get_json(_SECTION, "held")
        return self.load if held is None else ConstantLoad(Amounts(*held))

    def let_through(self, amounts: Amounts) -> None:
        """Let energy pass at this moment; inside a piece of work, which has settled everything before."""
        now = self._device.device_clock.now()
        self._open()
        self._consume(now, now, amounts)
        self._close()

    # ------------------------------------------------------------------ inside

    def _kept(self) -> _Settled | None:
        octets = self._storage.get(_SECTION, "settled")
        if octets is None:
            return None
        if octets != self._read[0]:
            # Every piece of work asks, most of them several times.
            self._read = octets, _Settled.from_json(json.loads(octets))
        return self._read[1]

    def _keep(self, settled: _Settled) -> None:
        self._storage.put_json(_SECTION, "settled", settled.as_json())

    def _pass(self, kept: _Settled, now: datetime, offset: timedelta) -> None:
        self._open()
        if kept.away:
            self._skip(kept.at + kept.offset, now + offset)
        else:
            if kept.offset != offset:
                self._skip(kept.at + kept.offset, kept.at + offset)
            self._walk(kept.at, now, offset)
        self._close()

    def _walk(self, settled: datetime, now: datetime, offset: timedelta) -> None:
        """From boundary to boundary, in bench time."""
        parts, load = self.parts, self.present_load
        nexts = [part.next_boundary(settled + offset) for part in parts]
        while True:
            due = min(filter(None, nexts), default=None)
            if due is None or due - offset > now:
                break
            moment = max(due - offset, settled)
            self._interval(load, settled, moment, offset)
            settled = moment
            for index, part in enumerate(parts):
                if nexts[index] == due:
                    part.reached(due)
            # Asked anew: what one part did may have moved the boundary of another (a tariff newly in force).
            nexts = [part.next_boundary(due) for part in parts]
        self._interval(load, settled, now, offset)

    def _interval(self, load: Load, start: datetime, end: datetime, offset: timedelta) -> None:
        if start < end and self.connected():
            self._consume(start + offset, end + offset, load.between(start, end))
        elif start < end:
            self._consume(start + offset, end + offset, NOTHING)

    def _consume(self, start: datetime, end: datetime, amounts: Amounts) -> None:
        interval = Interval(start, end, *amounts)
        for part in self.parts:
            part.consumed(interval)

    def _skip(self, before: datetime, after: datetime) -> None:
        for part in self.parts:
            part.skipped(before, after)

    def _open(self) -> None:
        for part in self.parts:
            part.open()

    def _close(self) -> None:
        for part in self.parts:
            part.close()

    def _bench_now(self) -> datetime:
        device_clock = self._device.device_clock
        return device_clock.now() - device_clock.offset


def _always() -> bool:
    return True
