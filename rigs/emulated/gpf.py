"""The Gas Proxy Function: a mirror of the gas meter that answers reads for it, with credentials of its own.

It lives in the hub's box, so it is always within reach and needs no entry in the CHF's device log. Its own
device log names the devices that may read it; a change goes to the Access Control Broker as GCS62.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from protocols.gbcs.asn1.joining import (
    RESTORE_DEVICE_LOG_COMMAND,
    RESTORE_DEVICE_LOG_RESPONSE,
    JoinResponseCode,
    RestoredEntry,
    RestoreDeviceLogResponse,
)
from protocols.gbcs.asn1.types import RemotePartyRole
from protocols.gbcs.zcl import Cluster, DataType, Status
from rigs.emulated.asn1_server import credentials, device_certificates, joining
from rigs.emulated.clock import ClockStatus
from rigs.emulated.device import Device
from rigs.emulated.event_rules import EventCode
from rigs.emulated.join_log import JoinLogEntry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocols.eui64 import Eui64
    from rigs.emulated.command import Command

_BACKUP_ALERT = 0x00B2  # GCS62
_CAPACITY = 16
# Attributes that the gas meter pushes to its mirror, as far as use cases of this bench read them.
MIRRORED: dict[tuple[int, int], DataType] = {
    (Cluster.METERING, 0x0000): DataType.UINT48,  # current summation delivered
    (Cluster.METERING, 0x0206): DataType.OCTET_STRING,  # firmware version of the meter
    (Cluster.METERING, 0x0300): DataType.ENUM8,  # unit of measure
    (Cluster.METERING, 0x0301): DataType.UINT24,  # multiplier
    (Cluster.METERING, 0x0302): DataType.UINT24,  # divisor
    (Cluster.METERING, 0x0307): DataType.OCTET_STRING,  # site id, the MPRN
}


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
        for cluster, identifier in MIRRORED:
            self.zcl.attribute(cluster, identifier, partial(self._mirrored, cluster, identifier))

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
        held = self._mirror()
        mirror = held | {
            _key(*where): value if isinstance(value, int) else bytes(value).hex()
            for where, value in values.items()
            if where in MIRRORED and isinstance(value, int | bytes)
        }
        if mirror != held:
            with self.work():
                self.storage.put_json("gpf", "mirror", mirror)
                self.note(f"mirror updated by {gsme}")

    def _mirror(self) -> dict[str, Any]:
        held: dict[str, Any] = self.storage.get_json("gpf", "mirror", {})
        return held

    def _mirrored(self, cluster: int, identifier: int) -> int | bytes | Status:
        value: int | str | None = self._mirror().get(_key(cluster, identifier))
        if value is None:
            # Nothing has ever been pushed: for a reader the attribute is not there.
            return Status.UNSUPPORTED_ATTRIBUTE
        return bytes.fromhex(value) if isinstance(value, str) else value


def _key(cluster: int, identifier: int) -> str:
    return f"{cluster:04x}/{identifier:04x}"


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
