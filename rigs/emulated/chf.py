"""The Communications Hub Function: the HAN's coordinator as messages see it, and keeper of its whitelist.

Its COSEM objects are in ``objects.hub_log``. Every change of the device log is sent to the Access Control
Broker at once as CS14 (devices.md 2).
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from protocols.dlms.axdr import octet_string
from protocols.errors import DecodeError
from protocols.gbcs.asn1.types import RemotePartyRole
from protocols.ota import parse_ota
from rigs.emulated import identity, log_objects
from rigs.emulated.alone import nothing
from rigs.emulated.asn1_server import credentials, device_certificates
from rigs.emulated.causes import box, hub_box
from rigs.emulated.clock import ClockStatus
from rigs.emulated.device import Device
from rigs.emulated.device_log import HubDeviceLog, LogEntry
from rigs.emulated.event_rules import EventCode
from rigs.emulated.objects import hub_log
from rigs.emulated.sub_ghz import SubGhz

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from protocols.eui64 import Eui64
    from protocols.gbcs.header import GroupingHeader

_BACKUP_ALERT = 0x0018  # CS14
_UNDELIVERED_ALERT = 0x00D5
_TRANSFER_ALERT = 0x0128  # CCS08
_FIRMWARE_OBIS = "0000000201FF"
# Response codes of CCS08 (asn1.md 11).
TRANSFERRED, DISCARDED, WRONG_HARDWARE, NOT_TRANSFERRED = range(4)


def _nobody_listens(_device_id: Eui64) -> None:
    """A CHF outside a hub has nobody to tell."""


class Chf(Device):
    """Communications Hub Function.

    ``log`` is the device log as it is kept; the hub reads it to route. ``radio_id`` is the identifier of the
    HAN's radio; ``on_log_change`` is told which entry changed, ``on_restore`` that the log is that of another
    hub, once it is kept. The hub sets them.
    """

    log: HubDeviceLog
    radio_id: bytes
    on_log_change: Callable[[Eui64], None]
    on_restore: Callable[[], None]

    def register(self) -> None:
        """Credentials and firmware version as every device; device log use cases of its own."""
        super().register()
        self.log = HubDeviceLog.from_json(self.storage.get_json("hub", "device_log", {}))
        self.radio_id = self.eui64
        self.on_log_change = _nobody_listens
        self.on_restore = nothing
        credentials.register(self)
        device_certificates.register(self)
        hub_log.register(self)
        log_objects.register(self)
        box.register(self)
        self.sub_ghz = SubGhz(self)
        identity.register(self)
        self.cosem.attribute(1, _FIRMWARE_OBIS, 2, read=lambda: octet_string(self.firmware.version))

    @property
    def han_id(self) -> bytes:
        """The HAN's extended PAN id, 8 octets: that of the radio, or of the HAN that was restored."""
        return self.storage.get("hub", "han_id") or self.radio_id

    def boot(self) -> None:
        """Start with the time that the hub has from the WAN."""
        super().boot()
        self.device_clock.set_status(ClockStatus.RELIABLE)

    def supply_lost(self) -> None:
        """An event of the hub's own."""
        hub_box.supply_lost(self)

    def supply_restored(self) -> None:
        """Whether the WAN provider has heard of the outage."""
        hub_box.supply_restored(self)

    @contextmanager
    def changing_log(self, device_id: Eui64, change: str) -> Iterator[HubDeviceLog]:
        """Change a copy of the log; it is sent as CS14, and becomes the log once the present work is kept."""
        changed = self.log.copy()
        yield changed
        self.storage.put_json("hub", "device_log", changed.to_json())
        self.events.record(EventCode.CHF_DEVICE_LOG_CHANGED, f"{device_id} {change}", other=device_id)
        values = {
            "backup_time": self.device_clock.now().replace(microsecond=0),
            "extended_pan_id": self.han_id,
            "devices": changed.backup(),
        }
        self._tell_broker(EventCode.CHF_DEVICE_LOG_CHANGED, _BACKUP_ALERT, values)
        self.after_work(lambda: self._adopt(changed, device_id))

    def restore_log(self, han_id: bytes, entries: list[LogEntry]) -> None:
        """Take over the device log and the HAN of the hub that stood here before (CCS03)."""
        self.storage.put("hub", "han_id", han_id)
        with self.changing_log(self.eui64, "restored") as log:
            log.entries = {entry.device_id: entry for entry in entries}
        self.after_work(self.on_restore)

    def _adopt(self, changed: HubDeviceLog, device_id: Eui64) -> None:
        self.log = changed
        self.on_log_change(device_id)

    def keep_traffic(self) -> None:
        """Write down who was heard when; done at an orderly end, a sudden one forgets only that."""
        with self.work():
            self.storage.put_json("hub", "device_log", self.log.to_json())

    def _tell_broker(self, code: EventCode, message_code: int, values: dict[str, Any]) -> None:
        self.events.alert(
            code,
            RemotePartyRole.ACCESS_CONTROL_BROKER,
            critical=False,
            message_code=message_code,
            values=values,
        )

    # What the hub sees happen ------------------------------------------------------------------------------

    def record_join(self, device_id: Eui64, link_key: bytes) -> None:
        """A device has joined and shares this link key with the hub."""
        now = self.clock.now()
        with self.work(), self.changing_log(device_id, "joined") as log:
            entry = log.entries[device_id]
            entry.link_key = link_key
            entry.last_communication = now

    def know_type(self, device_id: Eui64, device_type: str) -> None:
        """What a device of a restored log is. The log that is sent does not say it, so nothing is sent."""
        with self.work():
            self.log.entries[device_id].device_type = device_type
            self.storage.put_json("hub", "device_log", self.log.to_json())
            self.note(f"{device_id} is of type {device_type}")

    def note_failed_join(self, device_id: Eui64, reason: str) -> None:
        """A device was not let in (0x8F48)."""
        with self.work():
            self.events.record(EventCode.JOINING_FAILED, f"{device_id}: {reason}", other=device_id)

    def note_refused_frame(self, source: str, reason: str) -> None:
        """A frame on the HAN was replayed, forged, or of somebody who may not say so yet."""
        with self.work():
            self.events.record(EventCode.FAILED_OTHERWISE, f"frame of {source} refused: {reason}")

    def note_unknown_target(self, device_id: Eui64) -> None:
        """A message came for a device that the log does not list; it goes nowhere."""
        with self.work():
            self.events.record(
                EventCode.FAILED_OTHERWISE, f"{device_id} is not in the device log", other=device_id
            )

    def report_undelivered(self, header: GroupingHeader) -> None:
        """A message for an ESME cannot be delivered (alert 0x8F84 in 00D5, register GBCS-16-15)."""
        values = {
            "originator_id": header.business_originator_id,
            "target_id": header.business_target_id,
            "cra_flag": int(header.cra_flag),
            "undelivered_originator_counter": header.originator_counter,
        }
        with self.work():
            self.events.record(EventCode.ESME_NOT_REACHED, f"{header.business_target_id} does not answer")
            # No reference message of 00D5 is public; protected as DBCH10, which tells much the same.
            self._tell_broker(EventCode.ESME_NOT_REACHED, _UNDELIVERED_ALERT, values)

    def report_not_retrieved(self, device_id: Eui64) -> None:
        """A gas meter has not fetched a command while it was held for it (0x819D, register GBCS-16-16)."""
        with self.work():
            self.events.record(EventCode.GAS_COMMAND_NOT_RETRIEVED, str(device_id), other=device_id)

    def report_discarded(self, header: GroupingHeader) -> None:
        """A message for a device that is suspended for the duty cycle's sake (0x8F2C)."""
        with self.work():
            self.sub_ghz.discarded(header)

    def report_transfer(self, device_id: Eui64, image: bytes, response: int) -> None:
        """Tell the Access Control Broker what became of an image (CCS08)."""
        done = response == TRANSFERRED
        code = EventCode.FIRMWARE_TRANSFERRED if done else EventCode.FIRMWARE_TRANSFER_FAILED
        values = {
            "device_id": device_id,
            "firmware_version": _file_version(image),
            "response_code": response,
        }
        with self.work():
            self.events.record(code, f"image for {device_id}", other=device_id)
            self.events.alert(
                code, RemotePartyRole.ACCESS_CONTROL_BROKER, message_code=_TRANSFER_ALERT, values=values
            )


def _file_version(image: bytes) -> bytes:
    try:
        return parse_ota(image, trailer=False).header.file_version.to_bytes(4, "big")
    except DecodeError:
        return bytes(4)
