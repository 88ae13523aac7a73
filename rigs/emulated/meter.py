"""What electricity and gas meters have in common: tamper switches, joining, user interface."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from protocols.ports import StimulusKind, StimulusOutcome
from rigs.emulated import knobs, privacy
from rigs.emulated.asn1_server import credentials, device_certificates, firmware_commands, joining
from rigs.emulated.causes import happenings, identification, integrity, messages
from rigs.emulated.clock import TOLERANCE, Comparison
from rigs.emulated.device import Device
from rigs.emulated.event_rules import EventCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocols.eui64 import Eui64
    from rigs.emulated.command import Command

# User interface command "Add Credit", two octets of other information of 0x8161 and 0x8162 (alerts.json).
_ADD_CREDIT = bytes.fromhex("0005")
_DONE = StimulusOutcome.DONE
_REFUSED = StimulusOutcome.REFUSED


class Meter(Device):
    """A meter. ``covers``: events on removal and closing by the cover's name; the first is the usual one.

    ``keyed`` takes what is typed in on the keypad, where the meter has prepayment.
    """

    covers: dict[str, tuple[EventCode, EventCode]]
    keyed: Callable[[str], tuple[StimulusOutcome, str]] | None = None

    def register(self) -> None:
        """Credentials, firmware, joining, and the stimuli that every meter knows."""
        super().register()
        for module in (credentials, device_certificates, firmware_commands, joining):
            module.register(self)
        for cause in (happenings, identification, integrity, messages, privacy):
            cause.register(self)
        self.stimuli |= {
            StimulusKind.COVER_OPEN: self._cover_open,
            StimulusKind.COVER_CLOSE: self._cover_close,
            StimulusKind.MAGNET_ON: lambda _argument: self._tamper(EventCode.STRONG_MAGNETIC_FIELD),
            StimulusKind.MAGNET_OFF: lambda _argument: self._noticed(EventCode.MAGNETIC_FIELD_REMOVED),
            StimulusKind.KEYPAD: self._keypad,
            StimulusKind.BUTTON: self._button,
        }

    def partner_needed(self, command: Command) -> Eui64 | None:
        """Method A needs a link key with the partner."""
        return joining.partner_needed(self, command)

    def network_joined(self) -> None:
        """Tell the supplier that the meter is there to be commissioned (GBCS-COM-01)."""
        self.events.record(EventCode.JOINED_HAN)
        self.events.record(EventCode.COMMISSIONED)

    # ------------------------------------------------------------------ stimuli

    def _cover(self, argument: str) -> tuple[EventCode, EventCode] | None:
        return self.covers.get(argument or next(iter(self.covers)))

    def _cover_open(self, argument: str) -> tuple[StimulusOutcome, str]:
        events = self._cover(argument)
        if events is None:
            return _REFUSED, f"the covers are {', '.join(self.covers)}"
        return self._tamper(events[0])

    def _cover_close(self, argument: str) -> tuple[StimulusOutcome, str]:
        events = self._cover(argument)
        if events is None:
            return _REFUSED, f"the covers are {', '.join(self.covers)}"
        return self._noticed(events[1])

    def _tamper(self, code: EventCode) -> tuple[StimulusOutcome, str]:
        """Noted at once or, without supply, at power-on; then one event a kind will do (SMETS-TAMPER-01)."""
        if self.powered:
            self.events.record(code)
            self.tampered()
        else:
            waiting: list[int] = self.storage.get_json("meter", "tampers", default=[])
            if code not in waiting:
                self.storage.put_json("meter", "tampers", [*waiting, int(code)])
        return _DONE, ""

    def tampered(self) -> None:
        """Somebody has tampered with the meter: whether supply goes on is the supplier's to say."""

    def _noticed(self, code: EventCode) -> tuple[StimulusOutcome, str]:
        if self.powered:
            self.events.record(code)
        return _DONE, ""

    def supply_restored(self) -> None:
        """Note what happened to the meter while it had no supply."""
        for code in self.storage.get_json("meter", "tampers", default=[]):
            self.events.record(EventCode(code), "while without supply")
            self.tampered()
        self.storage.delete("meter", "tampers")
        self.compare_clock()

    def _keypad(self, argument: str) -> tuple[StimulusOutcome, str]:
        if not self.powered:
            return _REFUSED, "no supply"
        if not (argument.isascii() and argument.isdigit()):
            reason = "the keypad has digits only"
        elif self.keyed is not None:
            return self.keyed(argument)
        else:
            reason = "this meter has no prepayment"
        self.events.record(EventCode.USER_COMMAND_FAILED, reason, other=_ADD_CREDIT)
        return _REFUSED, reason

    def _button(self, argument: str) -> tuple[StimulusOutcome, str]:
        """Buttons of the bench: ``name=number`` turns a knob of the world around the meter."""
        if argument.partition("=")[0] in self.knobs:
            return knobs.turn(self, argument)
        if not self.powered:
            return _REFUSED, "no supply"
        name, _, text = argument.partition("=")
        try:
            number = float(text or "0")
        except ValueError:
            return _REFUSED, f"{text!r} is no number"
        return self.knob(name, number)

    def knob(self, name: str, number: float) -> tuple[StimulusOutcome, str]:
        """``clock-drift`` lets the clock go wrong by so many seconds and compares it with the hub's."""
        if name != "clock-drift":
            return _REFUSED, f"no button or knob {name!r}"
        self.device_clock.drift(timedelta(seconds=number))
        self.compare_clock()
        return _DONE, f"{self.device_clock.now():%Y-%m-%dT%H:%M:%SZ}"

    def compare_clock(self) -> None:
        """Compare the clock with the hub's; more than 10 s apart is reported, not corrected (SMETS 5.5.1)."""
        if self.hub is None:
            return
        # A10: exactly 10 s are within the tolerance, or not.
        exactly = self.description.assumes("A10") == "corrected"
        tolerance = TOLERANCE if exactly else TOLERANCE - timedelta(microseconds=1)
        if self.device_clock.compare(self.hub_time(), tolerance=tolerance) is Comparison.REFUSED:
            self.events.record(EventCode.CLOCK_NOT_ADJUSTED, "more than 10 s from the hub's time")
