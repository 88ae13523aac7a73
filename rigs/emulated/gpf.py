"""The Gas Proxy Function: a mirror of the gas meter that answers reads for it, with credentials of its own.

It lives in the hub's box, so it is always within reach and needs no entry in the CHF's device log. Its own
device log names the devices that may read it; a change goes to the Access Control Broker as GCS62.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.gbcs.asn1.joining import (
    RESTORE_DEVICE_LOG_COMMAND,
    RESTORE_DEVICE_LOG_RESPONSE,
    JoinResponseCode,
    RestoredEntry,
    RestoreDeviceLogResponse,
)
from protocols.gbcs.asn1.types import RemotePartyRole
from protocols.gbcs.zcl import Status
from rigs.emulated.asn1_server import credentials, device_certificates, joining
from rigs.emulated.clock import ClockStatus
from rigs.emulated.device import Device
from rigs.emulated.event_rules import EventCode
from rigs.emulated.gas.household import Household
from rigs.emulated.gas.proxy import Proxy, mirrored
from rigs.emulated.gas.tap_off import TapOff
from rigs.emulated.join_log import JoinLogEntry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocols.eui64 import Eui64
    from protocols.gbcs.message import Message
    from rigs.emulated.command import Command

_BACKUP_ALERT = 0x00B2  # GCS62
_CAPACITY = 16
MIRRORED = mirrored()
"""Attributes that the gas meter reports to its mirror: (cluster, attribute) and data type."""


class Gpf(Device):
    """Gas Proxy Function. The hub calls ``take_report`` when the gas meter reports to its mirror."""

    payload_kind = "gbz"

    def register(self) -> None:
        """Credentials and device log as every device; gas reads from the mirror."""
        super().register()
        credentials.register(self)
        device_certificates.register(self)
        joining.register(self)
        self.handlers["GCS59"] = _restore_log
        self.proxy = Proxy(self)
        self.tap_off = TapOff(self)
        self.household = Household(self)

    def boot(self) -> None:
        """Start with the time that the hub has from the WAN."""
        super().boot()
        self.device_clock.set_status(ClockStatus.RELIABLE)

    def join_log_changed(self) -> None:
        """Tell the Access Control Broker what the device log holds now (GCS62)."""
        code = EventCode.GPF_DEVICE_LOG_CHANGED
        self.events.record(code)
        devices = [
            {"device_id": entry.device_id, "device_type": entry.device_type}
            for entry in self.join_log.entries()
        ]
        self.events.alert(
            code,
            RemotePartyRole.ACCESS_CONTROL_BROKER,
            critical=False,
            message_code=_BACKUP_ALERT,
            values={"devices": devices},
        )

    # Mirror -----------------------------------------------------------------------------------------------

    def take_report(self, gsme: Eui64, values: Mapping[tuple[int, int], Any]) -> None:
        """Take what a gas meter reported, by (cluster, attribute); one gives nothing before it is paired."""
        if not self.powered:
            return
        with self.work():
            if self.proxy.take_report(values):
                self.note(f"mirror updated by {gsme}")

    def take_published(self, gsme: Eui64, cluster: int, command: int, payload: bytes) -> None:
        """Take what a gas meter published from its logs."""
        if self.powered:
            with self.work():
                self.proxy.take_published(cluster, command, payload)
                self.note(f"{gsme} published {cluster:04X}<{command:02X}")

    def may_read(self, reader: Eui64) -> bool:
        """Whether a device on the HAN is in this function's device log."""
        return self.join_log.get(reader) is not None

    def history(self, cluster: int, command: int, payload: bytes) -> tuple[int, bytes] | int:
        """Answer a device on the HAN that asks for snapshots or samples; a status where there is nothing."""
        found = self.household.answer(cluster, command, payload)
        return int(found) if isinstance(found, Status) else (found[0].number, found[1])

    def tap_command(self, message: Message) -> None:
        """A command passes on its way to a gas meter."""
        if self.powered and self.tap_off.is_for_both(message):
            with self.work():
                self.tap_off.command(message)

    def tap_response(self, message: Message) -> None:
        """A response of a gas meter passes."""
        if self.powered and self.tap_off.awaits(message):
            with self.work():
                self.tap_off.response(message)


def _restore_log(device: Device, command: Command) -> bytes:
    """GCS59: take the entries of a backup, each with an outcome of its own."""
    asked = RESTORE_DEVICE_LOG_COMMAND.decode(command.payload)
    outcomes = []
    for entry in asked.device_log:
        code = JoinResponseCode.SUCCESS
        if len(device.join_log.entries()) >= _CAPACITY and device.join_log.get(entry.device_id) is None:
            code = JoinResponseCode.DEVICE_LOG_FULL
        else:
            device.join_log.put(JoinLogEntry(entry.device_id, entry.device_type))
        outcomes.append(RestoredEntry(entry, int(code)))
    device.join_log_changed()
    return RESTORE_DEVICE_LOG_RESPONSE.encode(RestoreDeviceLogResponse(outcomes))
