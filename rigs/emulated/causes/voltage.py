"""Voltage quality of an ESME: averages of a period, and extremes that last (SMETS-VOLT-01, SMETS-VOLT-02).

The voltage of each phase is a step function that knobs set. Averages are made for whole measurement periods
as ECS29 sets them, extremes count once they have lasted their own period, on entry and on return. Nothing is
done between two looks; only while an event is on its way does the schedule wake the device for it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from rigs.emulated import knobs
from rigs.emulated.causes.voltage_objects import CAPACITY, NOMINAL, SINGLE, VoltageObjects
from rigs.emulated.event_rules import EventCode as Code
from rigs.emulated.events import EPOCH, seconds_since_2000

if TYPE_CHECKING:
    from rigs.emulated.device import Device

_SECTION, _DUE = "voltage", "voltage"


@dataclass(slots=True)
class Limit:
    """An extreme: number of its limiter object, direction, events of a single phase meter."""

    number: int
    above: bool
    entered: Code
    ended: Code


LIMITS = (
    Limit(1, True, Code.EXTREME_OVER_VOLTAGE, Code.EXTREME_OVER_VOLTAGE_ENDED),
    Limit(2, False, Code.EXTREME_UNDER_VOLTAGE, Code.EXTREME_UNDER_VOLTAGE_ENDED),
    Limit(3, False, Code.VOLTAGE_SAG, Code.VOLTAGE_SAG_ENDED),
    Limit(4, True, Code.VOLTAGE_SWELL, Code.VOLTAGE_SWELL_ENDED),
)


@dataclass(slots=True)
class Phase:
    """What is known of one phase. Times are seconds since 2000, device time; voltages tenths of a volt.

    ``total`` is the sum, in tenths of a volt times seconds, of the period up to ``at``, which began at
    ``start`` and is ``period`` long. ``over`` and ``under`` are what the last average was; ``beyond`` holds
    the numbers of limits that count as exceeded, ``since`` when the voltage went to the other side of one.
    """

    decivolts: int = NOMINAL
    at: int = 0
    start: int = 0
    period: int = 0
    total: int = 0
    over: bool = False
    under: bool = False
    beyond: list[int] = field(default_factory=list)
    since: dict[str, int] = field(default_factory=dict)


class Voltage:
    """The voltage of a meter's phases. Codes of phase n stand n after those of a single phase meter."""

    def __init__(self, device: Device, *, phases: list[int]) -> None:
        self._device = device
        self.phases = phases
        self.objects = VoltageObjects(device)
        self._seen: tuple[int, int, bytes | None] | None = None  # time, settings and state of the last look
        device.due_handlers[_DUE] = self._due
        device.knobs["voltage"] = self._set_average
        device.knobs["rms"] = self._set_rms

    # ------------------------------------------------------------------ state

    def _load(self) -> dict[int, Phase]:
        kept: dict[str, Any] = self._device.storage.get_json(_SECTION, "phases", default={})
        return {number: Phase(**kept.get(str(number), {})) for number in self.phases}

    def _save(self, phases: dict[int, Phase]) -> None:
        self._device.storage.put_json(
            _SECTION, "phases", {str(n): asdict(each) for n, each in phases.items()}
        )
        self._wake(phases)

    @property
    def _now(self) -> int:
        return seconds_since_2000(self._device.device_clock.now())

    # ------------------------------------------------------------------ what people and the world do

    def _set_average(self, text: str) -> knobs.Answer:
        """``voltage=V``: the average of a measurement period that has just ended, whatever the voltage is."""
        decivolts, numbers = self._voltage(text)
        phases = self.look()
        for number in numbers:
            self._averaged(number, phases[number], decivolts)
        self._save(phases)
        return knobs.done(f"{decivolts / 10:.1f} V")

    def _set_rms(self, text: str) -> knobs.Answer:
        """``rms=V``: the voltage from now on."""
        decivolts, numbers = self._voltage(text)
        phases = self.look()
        for number in numbers:
            phases[number].decivolts = decivolts
            self._compare(number, phases[number], self._now)
        self._save(phases)
        return knobs.done(f"{decivolts / 10:.1f} V")

    def _voltage(self, text: str) -> tuple[int, list[int]]:
        """``230.5`` for every phase or ``230.5@2`` for one."""
        volts, _, phase = text.partition("@")
        numbers = [int(phase)] if phase else self.phases
        if not set(numbers) <= set(self.phases):
            raise ValueError(f"not one of the phases {self.phases}")
        return round(float(volts) * 10), numbers

    def lost(self) -> None:
        """Supply goes: what the periods under way have so far is forgotten."""
        phases = self.look()
        for each in phases.values():
            each.at = each.total = 0
            each.since = {}
        self._save(phases)

    # ------------------------------------------------------------------ time

    def glance(self) -> None:
        """``look`` if anything is another than at the last one: every piece of work begins and ends so."""
        if self._seen != self._present():
            self.look()
            self._seen = self._present()

    def _present(self) -> tuple[int, int, bytes | None]:
        device = self._device
        return self._now, device.cosem.changes, device.storage.get(_SECTION, "phases")

    def look(self) -> dict[int, Phase]:
        """The phases as they are now; periods and extremes that have come to their end are dealt with."""
        phases, now = self._load(), self._now
        before = {number: _standing(each) for number, each in phases.items()}
        for number, phase in phases.items():
            self._advance(number, phase, now)
            self._compare(number, phase, now)
        if any(_standing(each) != before[number] for number, each in phases.items()):
            self._save(phases)
        return phases

    def _advance(self, number: int, phase: Phase, now: int) -> None:
        period = self.objects.period(number)
        start = now - now % period
        if not phase.at or phase.at > now or phase.period != period:
            # New, without supply until now, the clock set back or another period: this one is not whole.
            phase.at, phase.period = now, period
            phase.start, phase.total = (start if now == start else start + period), 0
        oldest = start - CAPACITY * period
        if phase.start < oldest:
            # Older averages would be overwritten anyway.
            phase.at, phase.start, phase.total = oldest, oldest, 0
        while phase.start + period <= now:
            end = phase.start + period
            phase.total += phase.decivolts * (end - max(phase.at, phase.start))
            self._finish(number, phase, phase.total // period, end)
            phase.at = phase.start = end
            phase.total = 0
        if now > phase.start:
            phase.total += phase.decivolts * (now - max(phase.at, phase.start))
        phase.at = now

    def _finish(self, number: int, phase: Phase, decivolts: int, end: int) -> None:
        self.objects.keep(number, end, decivolts)
        self._averaged(number, phase, decivolts)

    def _averaged(self, number: int, phase: Phase, decivolts: int) -> None:
        """An average above or below a threshold where the one before it was not, and the way back."""
        over = decivolts > 10 * self.objects.over(number)
        under = decivolts < 10 * self.objects.under(number)
        for was, now, entered, ended in (
            (phase.over, over, Code.AVERAGE_OVER_VOLTAGE, Code.AVERAGE_OVER_VOLTAGE_ENDED),
            (phase.under, under, Code.AVERAGE_UNDER_VOLTAGE, Code.AVERAGE_UNDER_VOLTAGE_ENDED),
        ):
            if was != now:
                if now:
                    self.objects.count(number, over=entered is Code.AVERAGE_OVER_VOLTAGE)
                self._tell(entered if now else ended, number, decivolts)
        phase.over, phase.under = over, under

    def _compare(self, number: int, phase: Phase, now: int) -> None:
        """Extremes: an event once the voltage has been on the other side for the limit's period."""
        for limit in LIMITS:
            threshold, lasting = self.objects.limit(limit.number)
            beyond = phase.decivolts > 10 * threshold if limit.above else phase.decivolts < 10 * threshold
            key = str(limit.number)
            if beyond == (limit.number in phase.beyond):
                phase.since.pop(key, None)
                continue
            since = phase.since.setdefault(key, now)
            # "Longer than": one that lasts exactly its period does not count yet.
            if now - since > lasting:
                del phase.since[key]
                (phase.beyond.append if beyond else phase.beyond.remove)(limit.number)
                self._tell(limit.entered if beyond else limit.ended, number, phase.decivolts)

    def _tell(self, code: Code, number: int, decivolts: int) -> None:
        # No source says what the number beside a power event is; here it is the voltage in volts.
        other = round(decivolts / 10).to_bytes(4, "big")
        self._device.events.record(code + number, f"{decivolts / 10:.1f} V", other=other)

    # ------------------------------------------------------------------ waking

    def _wake(self, phases: dict[int, Phase]) -> None:
        """Have the schedule come back when an event may be due."""
        moments = [moment for number, phase in phases.items() for moment in self._moments(number, phase)]
        if moments:
            self._device.schedule.put(_DUE, EPOCH + timedelta(seconds=min(moments)), _DUE, {})
        else:
            self._device.schedule.cancel(_DUE)

    def _moments(self, number: int, phase: Phase) -> list[int]:
        moments = [
            phase.since[str(limit.number)] + self.objects.limit(limit.number)[1] + 1
            for limit in LIMITS
            if str(limit.number) in phase.since
        ]
        over = phase.decivolts > 10 * self.objects.over(number)
        under = phase.decivolts < 10 * self.objects.under(number)
        if (over, under) != (phase.over, phase.under) and phase.at:
            moments.append(phase.start + self.objects.period(number))
        return moments

    def _due(self, _device: Device, _body: dict[str, Any]) -> None:
        # What waits is taken already, perhaps what the look before this work has put there: put it anew.
        self._save(self.look())


def _standing(phase: Phase) -> tuple[Any, ...]:
    """A phase without what follows from the time: that is made anew at the next look."""
    kept = (phase.decivolts, phase.start, bool(phase.at), phase.over, phase.under)
    return *kept, tuple(phase.beyond), tuple(phase.since.items())


def phases_of(variant: str) -> list[int]:
    """Phase numbers of a meter of this variant: 1 to 3, or the one without a number."""
    return [1, 2, 3] if "poly" in variant else [SINGLE]
