"""The emulated prepayment interface device (PPMID)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.gbcs.asn1.firmware import (
    FIRMWARE_ACTIVATION_ALERT,
    ActivateImageResponseCode,
    FirmwareActivationAlert,
)
from protocols.gbcs.asn1.types import RemotePartyRole
from protocols.ports import StimulusKind, StimulusOutcome
from rigs.emulated.asn1_server import credentials, device_certificates, firmware_commands, joining
from rigs.emulated.device import Device
from rigs.emulated.event_rules import EventCode

if TYPE_CHECKING:
    from protocols.eui64 import Eui64
    from rigs.emulated.command import Command

_ACTIVATION_ALERT = 0x012B
_ADD_CREDIT = bytes.fromhex("0005")


class Ppmid(Device):
    """A prepayment interface: joins with meters, shows that it does, activates its own firmware."""

    payload_kind = "gbz"

    def register(self) -> None:
        """Credentials, joining, its version; a keypad that nothing stands behind yet."""
        super().register()
        credentials.register(self)
        device_certificates.register(self)
        joining.register(self)
        firmware_commands.register_version(self)
        self.stimuli[StimulusKind.KEYPAD] = self._keypad

    def partner_needed(self, command: Command) -> Eui64 | None:
        """Method A needs a link key with the partner."""
        return joining.partner_needed(self, command)

    def network_joined(self) -> None:
        """Kept locally; only meters report being there to the WAN."""
        self.note("ready to be joined with meters")

    def display(self) -> str:
        """Whether it has meters to talk to, and the firmware version."""
        state = "CONNECTED" if self.join_log.entries() else "NO METER"
        return f"{state}\nFIRMWARE {self.firmware.version.hex()}"

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

    def _keypad(self, _argument: str) -> tuple[StimulusOutcome, str]:
        if not self.powered:
            return StimulusOutcome.REFUSED, "no supply"
        reason = "no meter in prepayment mode to add credit to"
        self.events.record(EventCode.USER_COMMAND_FAILED, reason, other=_ADD_CREDIT)
        return StimulusOutcome.REFUSED, reason
