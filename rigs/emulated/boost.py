"""The boost function of an ESME or SAPC: the consumer has controllers on for a while (SMETS 5.26, 9.14).

The knob ``boost=MINUTES`` starts one for every controller that the supplier has associated with it (ECS62),
or gives the one that runs another length; ``boost=0`` ends it. Over, it stands in the boost log, 25 at most.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from protocols.dlms.axdr import CompactArray, Data, Tag, boolean, double_long_unsigned, structure
from protocols.dlms.description import TypeDescription
from rigs.emulated import knobs
from rigs.emulated.auxiliary import NUMBERS, Auxiliary
from rigs.emulated.events import seconds_since_2000
from rigs.emulated.objects.definition import Place

if TYPE_CHECKING:
    from rigs.emulated.device import Device

_SECTION, _DUE = "boost", "boost"
_DATA, _PROFILE, _VALUE = 1, 7, 2
_AVAILABLE, _LOG = "00005E2C07FF", "0000636214FF"
_ENTRIES = 25


class Boost:
    """What runs of it, its log, and the objects that show them."""

    def __init__(self, device: Device, auxiliary: Auxiliary) -> None:
        self._device, self._auxiliary = device, auxiliary
        device.cosem.attribute(_DATA, _AVAILABLE, _VALUE, read=lambda: boolean(True))
        device.cosem.attribute(_PROFILE, _LOG, _VALUE, read=self._log)
        device.knobs["boost"] = self._turn
        device.due_handlers[_DUE] = lambda _device, _body: self._end(self._now)
        auxiliary.boosts = self.boosts

    @property
    def _now(self) -> datetime:
        return self._device.device_clock.now().replace(microsecond=0)

    def boosts(self, number: int) -> bool:
        """Whether a controller is boosted now."""
        if self._device.storage.get_json(_SECTION, "start") is None:
            return False
        value = self._device.cosem.value(Place(_DATA, bytes.fromhex(f"00005E2C06{number:02X}"), _VALUE))
        return value == boolean(True)

    def _turn(self, text: str) -> knobs.Answer:
        minutes, now, storage = int(text), self._now, self._device.storage
        if minutes <= 0:
            self._end(now)
            return knobs.done("over")
        if storage.get_json(_SECTION, "start") is None:
            with self._auxiliary.changing():
                storage.put_json(_SECTION, "start", seconds_since_2000(now))
        self._device.schedule.put(_DUE, now + timedelta(minutes=minutes), _DUE, {})
        boosted = [str(number) for number in NUMBERS if self.boosts(number)]
        return knobs.done(f"controllers {', '.join(boosted) or 'none'}")

    def _end(self, now: datetime) -> None:
        storage = self._device.storage
        start = storage.get_json(_SECTION, "start")
        if start is None:
            return
        self._device.schedule.cancel(_DUE)
        log: list[list[int]] = storage.get_json(_SECTION, "log", default=[])
        with self._auxiliary.changing():
            storage.delete(_SECTION, "start")
        storage.put_json(_SECTION, "log", [*log, [start, seconds_since_2000(now)]][-_ENTRIES:])

    def _log(self) -> Data:
        log: list[Any] = self._device.storage.get_json(_SECTION, "log", default=[])
        items = [structure(*map(double_long_unsigned, entry)) for entry in log]
        number = TypeDescription(Tag.DOUBLE_LONG_UNSIGNED)
        description = TypeDescription(Tag.STRUCTURE, [number, number])
        return Data(Tag.COMPACT_ARRAY, CompactArray(description, items))
