"""Samples of consumption: the profile data log, the daily consumption log and the network data log.

A sample is what was consumed in an interval, in thousandths of a cubic metre, and its time is the interval's
end (a choice of ours: what was read says only that samples have equal distances). FFFFFF stands for an
interval of which nothing is known: no supply, or a clock that jumped over it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from protocols.gbcs.zcl_values import time_text
from rigs.emulated.events import EPOCH, seconds_since_2000
from rigs.emulated.objects.zse import CommandPlace

if TYPE_CHECKING:
    from rigs.emulated.storage import Storage

Record = dict[str, Any]
SAMPLES = CommandPlace(0x0702, True, 0x07)
PROFILE, DAILY_CONSUMPTION, NETWORK = 0, 1, 2
_OCTETS, _UNKNOWN = 3, 0xFFFFFF
_HALF_HOUR_S, _DAY_S = 1800, 86_400
_PER_DAY = _DAY_S // _HALF_HOUR_S
_DAY_MARK = 0xFFFF  # GCS61 says so where a sample is a day's
PROFILE_DAYS = 397  # 13 months (CHTS 4.6.3.10: 19,056 entries)
CONSUMPTION_DAYS = 731  # as many as GCS61 can ask for
_PROFILE, _DAILY, _NETWORK = "gas.profile", "gas.daily", "gas.network"


class ProfileLog:
    """Half-hourly consumption of 13 months, a day's samples together, and the sums of two years' days."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._days: dict[str, bytearray] | None = None

    def open(self) -> None:
        """Keep days in memory from now on."""
        self._days = {}

    def close(self) -> None:
        """Write the days that changed."""
        days, self._days = self._days or {}, None
        for key, octets in days.items():
            self._storage.put(_PROFILE, key, bytes(octets))

    def add(self, end: datetime, amount: int) -> None:
        """What passed in the half hour that ends now; one that came before, on another clock, is added to."""
        at = seconds_since_2000(end) - _HALF_HOUR_S
        day, half = divmod(at, _DAY_S)
        octets, where = self._day(day), half // _HALF_HOUR_S * _OCTETS
        known = int.from_bytes(octets[where : where + _OCTETS])
        total = amount if known == _UNKNOWN else known + amount
        octets[where : where + _OCTETS] = min(total, _UNKNOWN - 1).to_bytes(_OCTETS)
        if self._days is None:
            self._storage.put(_PROFILE, _key(day), bytes(octets))
        if not half:
            self._storage.delete(_PROFILE, _key(day - PROFILE_DAYS))

    def put(self, end: datetime, amount: int) -> None:
        """What somebody else counted in the half hour that ends now, in place of what was known of it."""
        day, half = divmod(seconds_since_2000(end) - _HALF_HOUR_S, _DAY_S)
        octets, where = self._day(day), half // _HALF_HOUR_S * _OCTETS
        octets[where : where + _OCTETS] = amount.to_bytes(_OCTETS)
        if self._days is None:
            self._storage.put(_PROFILE, _key(day), bytes(octets))
        self._storage.delete(_PROFILE, _key(day - PROFILE_DAYS))

    def day_total(self, end: datetime) -> int | None:
        """What passed in the day that ends now; None where a half hour of it is not known."""
        found = _numbers(self._day(seconds_since_2000(end) // _DAY_S - 1))
        return None if _UNKNOWN in found else sum(found)

    def record(self) -> Record | None:
        """All samples, as Get Sampled Data Response carries them; None where there are none."""
        held = self._storage.items(_PROFILE)
        if not held:
            return None
        first, last = int(held[0][0]), int(held[-1][0])
        days = dict(held)
        nothing = b"\xff" * _OCTETS * _PER_DAY
        numbers = [
            each
            for day in range(max(first, last - PROFILE_DAYS + 1), last + 1)
            for each in _numbers(days.get(_key(day), nothing))
        ]
        first_day = max(first, last - PROFILE_DAYS + 1)
        return _record(PROFILE, _HALF_HOUR_S, first_day * _DAY_S, numbers, _HALF_HOUR_S)

    def _day(self, day: int) -> bytearray:
        key = _key(day)
        if self._days is not None and key in self._days:
            return self._days[key]
        octets = bytearray(self._storage.get(_PROFILE, key) or b"\xff" * _OCTETS * _PER_DAY)
        if self._days is not None:
            self._days[key] = octets
        return octets


class DailyConsumption:
    """What each day of two years consumed (CHTS 4.6.3: the daily consumption log)."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def add(self, end: datetime, amount: int) -> None:
        """What passed in the day that ends now."""
        day = seconds_since_2000(end) // _DAY_S - 1
        self._storage.put(_DAILY, _key(day), min(amount, _UNKNOWN - 1).to_bytes(_OCTETS))
        self._storage.delete(_DAILY, _key(day - CONSUMPTION_DAYS))

    def record(self) -> Record | None:
        """All days, as Get Sampled Data Response carries them; None where there are none."""
        held = {int(key): int.from_bytes(value) for key, value in self._storage.items(_DAILY)}
        if not held:
            return None
        last = max(held)
        first = max(min(held), last - CONSUMPTION_DAYS + 1)
        numbers = [held.get(day, _UNKNOWN) for day in range(first, last + 1)]
        return _record(DAILY_CONSUMPTION, _DAY_MARK, first * _DAY_S, numbers, _DAY_S)


class NetworkLog:
    """A set of samples that GCS31 starts: every so many seconds, until it is full (SMETS 4.6.5.12)."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def start(self, at: datetime, interval_s: int, most: int) -> None:
        """Begin anew; a set that waits does not begin any more."""
        state = {"start": seconds_since_2000(at), "interval": interval_s, "most": most, "samples": []}
        self._storage.put_json(_NETWORK, "log", state)
        self.cancel()

    def plan(self, at: datetime, interval_s: int, most: int) -> None:
        """Begin at a time to come; until then the present set goes on."""
        state = {"start": seconds_since_2000(at), "interval": interval_s, "most": most}
        self._storage.put_json(_NETWORK, "planned", state)

    def cancel(self) -> None:
        """A set that waits does not begin."""
        self._storage.delete(_NETWORK, "planned")

    def planned(self) -> datetime | None:
        """When a set that waits is to begin."""
        state = self._storage.get_json(_NETWORK, "planned")
        return None if state is None else EPOCH + timedelta(seconds=state["start"])

    def begin(self, at: datetime) -> None:
        """The set that waits begins, late where the meter had no supply at its time."""
        state = self._storage.get_json(_NETWORK, "planned")
        self.start(at, state["interval"], state["most"])

    def next_sample(self) -> datetime | None:
        """When the next sample is due; None where none is."""
        state = self._storage.get_json(_NETWORK, "log")
        if state is None or len(state["samples"]) >= state["most"]:
            return None
        seconds = state["start"] + state["interval"] * (len(state["samples"]) + 1)
        return EPOCH + timedelta(seconds=seconds)

    def add(self, amount: int) -> None:
        """Keep what passed since the last sample."""
        state = self._storage.get_json(_NETWORK, "log")
        state["samples"].append(min(amount, _UNKNOWN - 1))
        self._storage.put_json(_NETWORK, "log", state)

    def record(self) -> Record | None:
        """The samples so far, as Get Sampled Data Response carries them."""
        state = self._storage.get_json(_NETWORK, "log")
        if state is None or not state["samples"]:
            return None
        return _record(NETWORK, state["interval"], state["start"], state["samples"], state["interval"])


def _key(day: int) -> str:
    return f"{day:06}"


def _numbers(octets: bytes | bytearray) -> list[int]:
    return [int.from_bytes(octets[at : at + _OCTETS]) for at in range(0, len(octets), _OCTETS)]


def _record(sample_id: int, shown_interval: int, start: int, numbers: list[int], step: int) -> Record | None:
    """Samples without the unknown ones at either end; ``start`` is where the first interval begins."""
    known = [index for index, each in enumerate(numbers) if each != _UNKNOWN]
    if not known:
        return None
    kept = numbers[known[0] : known[-1] + 1]
    return {
        "Sample ID": sample_id,
        "Sample Start Time": time_text(start + (known[0] + 1) * step),
        "Sample Type": 0,
        "Sample Request Interval": shown_interval,
        "Number of Samples": len(kept),
        "Samples": kept,
    }


def midnight(moment: datetime) -> datetime:
    """The next beginning of a day (UTC), later than a moment."""
    return datetime(moment.year, moment.month, moment.day, tzinfo=UTC) + timedelta(days=1)


def half_hour(moment: datetime) -> datetime:
    """The next whole or half hour, later than a moment."""
    start = moment.replace(minute=moment.minute // 30 * 30, second=0, microsecond=0)
    return start + timedelta(seconds=_HALF_HOUR_S)
