"""The emulated prepayment interface device (PPMID)."""

from __future__ import annotations

from protocols.gbcs.asn1.firmware import (
    FIRMWARE_ACTIVATION_ALERT,
    ActivateImageResponseCode,
    FirmwareActivationAlert,
)
from protocols.gbcs.asn1.types import RemotePartyRole
from protocols.ports import StimulusKind, StimulusOutcome
from rigs.emulated.asn1_server import credentials, firmware_commands, joining
from rigs.emulated.device import Device
from rigs.emulated.event_rules import EventCode
from rigs.emulated.firmware import ImageOutcome

_ACTIVATION_ALERT = 0x012B
_ADD_CREDIT = bytes.fromhex("0005")


class Ppmid(Device):
    """A prepayment interface: joins with meters, shows that it does, activates its own firmware."""

    payload_kind = "gbz"

    def register(self) -> None:
        """Credentials, joining, its version; a keypad that nothing stands behind yet."""
        super().register()
        credentials.register(self)
        joining.register(self)
        firmware_commands.register_version(self)
        self.stimuli[StimulusKind.KEYPAD] = self._keypad

    def network_joined(self) -> None:
        """Kept locally; only meters report being there to the WAN."""
        self.note("ready to be joined with meters")

    def display(self) -> str:
        """Whether it has meters to talk to, and the firmware version."""
        state = "CONNECTED" if self.join_log.entries() else "NO METER"
        return f"{state}\nFIRMWARE {self.firmware.version.hex()}"

    def receive_image(self, ota: bytes) -> ImageOutcome | None:
        """As any device, and then activate at once: a PPMID needs no command (GBCS 11.9)."""
        if not self.powered:
            return None
        with self.work():
            outcome = self.firmware.receive(ota)
            return self._activate() if outcome is ImageOutcome.STORED else outcome

    def _activate(self) -> ImageOutcome:
        done = self.firmware.activate_by_itself() == ActivateImageResponseCode.SUCCESS
        broker = self.trust_anchors.subject(RemotePartyRole.ACCESS_CONTROL_BROKER)
        if broker is not None:
            now = self.device_clock.now().replace(microsecond=0)
            code, version = EventCode.PPMID_FIRMWARE_ACTIVATED, self.firmware.version
            alert = FirmwareActivationAlert(code, now, version, 0 if done else 1)
            self.events.record(code)
            self.events.send_payload(broker, _ACTIVATION_ALERT, FIRMWARE_ACTIVATION_ALERT.encode(alert))
        return ImageOutcome.ACTIVATED if done else ImageOutcome.DISCARDED

    def _keypad(self, _argument: str) -> tuple[StimulusOutcome, str]:
        if not self.powered:
            return StimulusOutcome.REFUSED, "no supply"
        reason = "no meter in prepayment mode to add credit to"
        self.events.record(EventCode.USER_COMMAND_FAILED, reason, other=_ADD_CREDIT)
        return StimulusOutcome.REFUSED, reason
