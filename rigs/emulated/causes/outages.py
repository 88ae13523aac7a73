"""Loss and return of supply at an ESME, as a whole and by phase (SMETS-OUT-01, SMETS-OUT-02, GBCS-OUT-03)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from protocols.dlms.axdr import octet_string
from protocols.dlms.date_time import encode_date_time
from rigs.emulated import knobs
from rigs.emulated.event_rules import EventCode as Code

if TYPE_CHECKING:
    from rigs.emulated.device import Device

_SECTION = "outage"
_WHOLE = 0
_STEP = 2  # between the codes of one phase's restoration and the next's


class Outages:
    """Remembers since when supply or a phase is away. A meter of one phase has no knob for phases."""

    def __init__(self, device: Device, *, phases: list[int]) -> None:
        self._device = device
        self._phases = phases
        if phases != [_WHOLE]:
            device.knobs["phase"] = self._phase

    def lost(self, phase: int = _WHOLE) -> None:
        """Supply has gone: the last thing that a meter without supply writes down."""
        device = self._device
        device.events.record(Code.SUPPLY_INTERRUPTED + phase)
        device.storage.put_json(_SECTION, f"{phase}", device.device_clock.now().isoformat())

    def restored(self, phase: int = _WHOLE) -> None:
        """Supply is back: tell the network operator how long it was away (ECS80)."""
        storage = self._device.storage
        lost_at = storage.get_json(_SECTION, f"{phase}")
        if lost_at is None:
            return
        storage.delete(_SECTION, f"{phase}")
        lost, back = datetime.fromisoformat(lost_at), self._device.device_clock.now()
        # A11: an outage of exactly this length is a long one.
        long_one = back - lost >= timedelta(seconds=int(self._device.description.assumes("A11")))
        code = (Code.LONG_OUTAGE_RESTORED if long_one else Code.OUTAGE_RESTORED) + _STEP * phase
        seconds = max(0, int((back - lost).total_seconds()))
        self._device.events.record(
            code,
            f"out for {seconds} s",
            # What the number beside a power event is no source says; here it is the seconds without supply.
            other=seconds.to_bytes(4, "big"),
            values={"further": [octet_string(encode_date_time(moment)) for moment in (lost, back)]},
        )

    def _phase(self, text: str) -> knobs.Answer:
        """``phase=2:off`` and ``phase=2:on``."""
        number, _, state = text.partition(":")
        phase = int(number)
        if phase not in self._phases or state not in {"on", "off"}:
            raise ValueError(f"a phase of {self._phases}, a colon, on or off")
        away = self._device.storage.get_json(_SECTION, f"{phase}") is not None
        if state == "off" and not away:
            self.lost(phase)
        if state == "on":
            self.restored(phase)
        return knobs.done(text)
