"""The emulated prepayment interface device (PPMID)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from protocols.gbcs.asn1.firmware import (
    FIRMWARE_ACTIVATION_ALERT,
    ActivateImageResponseCode,
    FirmwareActivationAlert,
)
from protocols.gbcs.asn1.types import DeviceType, RemotePartyRole
from protocols.ports import StimulusKind, StimulusOutcome
from rigs.emulated import gas_wishes
from rigs.emulated.asn1_server import credentials, device_certificates, firmware_commands, joining
from rigs.emulated.causes import box
from rigs.emulated.device import Device
from rigs.emulated.event_rules import EventCode
from rigs.emulated.information.screen import Screen

if TYPE_CHECKING:
    from protocols.eui64 import Eui64
    from protocols.gbcs.message import Message
    from rigs.emulated.command import Command
    from rigs.emulated.knobs import Answer

_ACTIVATION_ALERT = 0x012B
# User interface commands, other information of 0x8161 and 0x8162 (alerts.json).
_ADD_CREDIT, _ACTIVATE_EMERGENCY_CREDIT = bytes.fromhex("0005"), bytes.fromhex("0002")
_ENABLE_SUPPLY = bytes.fromhex("000E")
_IN_HOME_DISPLAY = 2  # originating device


class Ppmid(Device):
    """A prepayment interface: joins with meters, passes the consumer's wishes on, activates its own firmware.

    ``ask`` sends a plain ZSE command to a meter, by name with its values, and says what came of it; None
    without a HAN.
    """

    payload_kind = "gbz"
    ask: Callable[[Eui64, str, dict[str, Any], Callable[[str], None]], None] | None = None

    def register(self) -> None:
        """Credentials, joining, its version; a keypad and buttons."""
        super().register()
        credentials.register(self)
        device_certificates.register(self)
        joining.register(self)
        box.register(self)
        firmware_commands.register_version(self)
        self.stimuli[StimulusKind.KEYPAD] = self._keypad
        self.knobs |= {"emergency-credit": self._emergency_credit, "enable": self._supply}
        self.screen = Screen(self)
        gas_wishes.register(self)

    def handle(self, message: bytes, parsed: Message | None = None) -> None:
        """A gas meter's answer is for whoever asked; everything else is a command."""
        if not gas_wishes.take_response(self, message, parsed):
            super().handle(message, parsed)

    def partner_needed(self, command: Command) -> Eui64 | None:
        """Method A needs a link key with the partner."""
        return joining.partner_needed(self, command)

    def network_joined(self) -> None:
        """Kept locally; only meters report being there to the WAN."""
        self.note("ready to be joined with meters")

    def display(self) -> str:
        """Whether it has meters to talk to, what these told it last, and the firmware version."""
        self.screen.ask()
        state = "CONNECTED" if self.join_log.entries() else "NO METER"
        answer = self.storage.get_json("ppmid", "answer")
        answered = [f"METER {answer.upper()}"] if answer else []
        return "\n".join([state, *answered, *self.screen.lines(), f"FIRMWARE {self.firmware.version.hex()}"])

    def upgrade_due(self) -> None:
        """Activate the image that waits: a PPMID needs no command (GBCS 11.9)."""
        if self.powered and self.firmware.pending_hash is not None:
            with self.work():
                self._activate()

    def _activate(self) -> None:
        done = self.firmware.activate_by_itself() == ActivateImageResponseCode.SUCCESS
        broker = self.trust_anchors.subject(RemotePartyRole.ACCESS_CONTROL_BROKER)
        if broker is not None:
            now = self.device_clock.now().replace(microsecond=0)
            code, version = EventCode.PPMID_FIRMWARE_ACTIVATED, self.firmware.version
            alert = FirmwareActivationAlert(code, now, version, 0 if done else 1)
            self.events.record(code)
            self.events.send_payload(broker, _ACTIVATION_ALERT, FIRMWARE_ACTIVATION_ALERT.encode(alert))

    # ------------------------------------------------------------------ what the consumer does

    def _keypad(self, argument: str) -> Answer:
        """A UTRN for the electricity meter (PECS01)."""
        values = {"Originating Device": _IN_HOME_DISPLAY, "Top Up Code": argument.encode()}
        return self._wish("Consumer Top Up", values, _ADD_CREDIT)

    def _emergency_credit(self, _value: str) -> Answer:
        """Emergency credit of the electricity meter (PECS02)."""
        values = {"Command Issue Date/Time": 0, "Originating Device": _IN_HOME_DISPLAY}
        return self._wish("Select Available Emergency Credit", values, _ACTIVATE_EMERGENCY_CREDIT)

    def _supply(self, value: str) -> Answer:
        """Supply of the electricity meter (PECS03); 2 asks for it, other numbers are for tests."""
        return self._wish(
            "Local Change Supply", {"Proposed Supply Status": int(value or "2")}, _ENABLE_SUPPLY
        )

    def _wish(self, name: str, values: dict[str, Any], command: bytes) -> Answer:
        """Pass a wish on to the meter; what came of it stands on the display and in the log."""
        if not self.powered:
            return StimulusOutcome.REFUSED, "no supply"
        meters = (each for each in self.join_log.entries() if each.device_type == DeviceType.ESME)
        meter = next(meters, None)
        if meter is None or self.ask is None:
            reason = "no meter in prepayment mode to add credit to"
            self.events.record(EventCode.USER_COMMAND_FAILED, reason, other=command)
            return StimulusOutcome.REFUSED, reason
        self.storage.put_json("ppmid", "answer", "asked")
        self.after_work(partial(self.ask, meter.device_id, name, values, partial(self._heard, name, command)))
        return StimulusOutcome.DONE, "passed on to the meter"

    def _heard(self, name: str, command: bytes, word: str) -> None:
        if not self.powered:
            return
        with self.work():
            self.storage.put_json("ppmid", "answer", word)
            code = EventCode.USER_COMMAND_DONE if word == "done" else EventCode.USER_COMMAND_FAILED
            self.events.record(code, f"{name}: {word}", other=command)
