"""The Communications Hub Function: the HAN's coordinator as messages see it, and keeper of its whitelist.

Object 0-0:30.3.0.255 (class 104) is the device log, 0-0:30.3.1.255 the historic one. Every change of the
device log is sent to the Access Control Broker at once as CS14 (devices.md 2).
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from protocols.dlms.access import (
    AccessResponse,
    AccessResult,
    SpecKind,
    build_access_response,
    parse_access_request,
)
from protocols.dlms.axdr import array, octet_string, structure
from protocols.dlms.date_time import encode_date_time
from protocols.errors import DecodeError
from protocols.gbcs.asn1.types import RemotePartyRole
from protocols.gbcs.use_cases import decode_command, encode_response
from protocols.ota import parse_ota
from rigs.emulated.asn1_server import credentials
from rigs.emulated.clock import ClockStatus
from rigs.emulated.device import Device
from rigs.emulated.device_log import HubDeviceLog, LogEntry
from rigs.emulated.event_rules import EventCode
from rigs.emulated.firmware import ImageOutcome
from rigs.emulated.link_keys import stand_in_link_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from protocols.dlms.axdr import Data
    from protocols.eui64 import Eui64
    from protocols.gbcs.header import GroupingHeader
    from rigs.emulated.command import Command

_BACKUP_ALERT = 0x0018  # CS14
_UNDELIVERED_ALERT = 0x00D5
_TRANSFER_ALERT = 0x0128  # CCS08
_FIRMWARE_OBIS = "0000000201FF"
_LOG_OBIS = bytes.fromhex("00001E0300FF")
_HISTORIC_OBIS = bytes.fromhex("00001E0301FF")
# Response codes of CCS08 (asn1.md 11); without an outcome the file never arrived.
_TRANSFERRED, _DISCARDED, _WRONG_HARDWARE, _NOT_TRANSFERRED = 0, 1, 2, 3
_TRANSFER_CODES = {
    ImageOutcome.STORED: _TRANSFERRED,
    ImageOutcome.ACTIVATED: _TRANSFERRED,
    ImageOutcome.DISCARDED: _DISCARDED,
    ImageOutcome.MISMATCH: _WRONG_HARDWARE,
    None: _NOT_TRANSFERRED,
}


def _nobody_listens(_device_id: Eui64) -> None:
    """A CHF outside a hub has nobody to tell."""


class Chf(Device):
    """Communications Hub Function.

    ``log`` is the device log as it is kept; the hub reads it to route. ``han_id`` is the extended PAN id, 8
    octets; ``on_log_change`` is told which entry changed, once the change is kept. The hub sets both.
    """

    log: HubDeviceLog
    han_id: bytes
    on_log_change: Callable[[Eui64], None]

    def register(self) -> None:
        """Credentials and firmware version as every device; device log use cases of its own."""
        super().register()
        self.log = HubDeviceLog.from_json(self.storage.get_json("hub", "device_log", {}))
        self.han_id = self.eui64
        self.on_log_change = _nobody_listens
        credentials.register(self)
        self.handlers |= {
            "CCS01": _add,
            "CCS02": _remove,
            "CCS05CCS04": _read,
            "CCS06": _read,
            "CCS07": _back_up,
        }
        self.cosem.attribute(1, _FIRMWARE_OBIS, 2, read=lambda: octet_string(self.firmware.version))
        self.cosem.serve("ECS52")

    def boot(self) -> None:
        """Start with the time that the hub has from the WAN."""
        super().boot()
        self.device_clock.set_status(ClockStatus.RELIABLE)

    @contextmanager
    def changing_log(self, device_id: Eui64, change: str) -> Iterator[HubDeviceLog]:
        """Change a copy of the log; it is sent as CS14, and becomes the log once the present work is kept."""
        changed = HubDeviceLog.from_json(self.log.to_json())
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

    def record_join(self, device_id: Eui64, link_key: bytes | None) -> None:
        """A device has joined: with its historic ``link_key`` or, when None, with a new one."""
        now = self.clock.now()
        with self.work(), self.changing_log(device_id, "joined") as log:
            entry = log.entries[device_id]
            entry.link_key = link_key or stand_in_link_key(entry.install_code, device_id, now.isoformat())
            entry.last_communication = now

    def note_failed_join(self, device_id: Eui64) -> None:
        """A device tried to join with an install code that is not the one in the log."""
        with self.work():
            self.events.record(
                EventCode.JOINING_FAILED, f"{device_id} has another install code", other=device_id
            )

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

    def report_transfer(self, device_id: Eui64, image: bytes, outcome: ImageOutcome | None) -> None:
        """Tell the Access Control Broker what became of an image (CCS08); outcome None: it never arrived."""
        response = _TRANSFER_CODES[outcome]
        done = response == _TRANSFERRED
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


def _chf(device: Device) -> Chf:
    assert isinstance(device, Chf)
    return device


# Handlers -------------------------------------------------------------------------------------------------


def _checked(command: Command) -> bytes:
    """The payload, once its invoke id is seen to be the low 24 bits of the counter (dlms.md 1)."""
    if parse_access_request(command.payload).invoke_id != command.counter & 0xFFFFFF:
        raise DecodeError("not the low 24 bits of the counter", offset=1, path="long_invoke_id")
    return command.payload


def _add(device: Device, command: Command) -> bytes:
    """CCS01. A listed device is answered success and keeps its key; a seventeenth is refused."""
    chf = _chf(device)
    asked = decode_command("CCS01", _checked(command))
    device_id: Eui64 = asked["device_id"]
    results = [AccessResult.SUCCESS] * 3
    if device_id in chf.log.entries:
        chf.note(f"{device_id} is in the device log already")
    elif chf.log.is_full:
        chf.events.record(EventCode.JOINING_FAILED, f"{device_id}: the device log is full", other=device_id)
        results = [AccessResult.OTHER_REASON] * 3
    else:
        with chf.changing_log(device_id, "added") as log:
            log.joining_enabled, log.join_time_s = True, asked["join_time_s"]
            log.entries[device_id] = LogEntry(
                device_id=device_id,
                device_type=asked["device_type"],
                install_code=asked["install_code"],
                added_at=chf.clock.now(),
                join_time_s=asked["join_time_s"],
            )
    return encode_response("CCS01", command.context, {"results": [int(result) for result in results]})


def _remove(device: Device, command: Command) -> bytes:
    """CCS02. The device's link key goes to the historic log; from then on nothing reaches it."""
    chf = _chf(device)
    device_id: Eui64 = decode_command("CCS02", _checked(command))["device_id"]
    result = AccessResult.SUCCESS
    if device_id in chf.log.entries:
        with chf.changing_log(device_id, "removed") as log:
            log.remove(device_id)
    else:
        result = AccessResult.OTHER_REASON
    return encode_response("CCS02", command.context, {"results": [int(result)]})


def _read(device: Device, command: Command) -> bytes:
    """CCS06, and CCS05/04 which reads the same attribute; every entry is a structure of 14."""
    decode_command("CCS06", _checked(command))
    devices = [
        {
            "device_id": entry.device_id,
            "last_communication": entry.last_communication,
            "number_of_hops": 1 if entry.joined else 0,
            "transmission_failures": min(entry.transmission_failures, 255),
            "transmission_successes": min(entry.transmission_successes, 255),
        }
        for entry in _chf(device).log.entries.values()
    ]
    return encode_response("CCS06", command.context, {"devices": devices})


def _back_up(device: Device, command: Command) -> bytes:
    """CCS07: method 4 of both objects, each giving time, extended PAN id and hashed link keys."""
    chf = _chf(device)
    request = parse_access_request(_checked(command))
    asked = [(item.kind, item.class_id, item.obis, item.member) for item in request.specifications]
    if asked != [(SpecKind.ACTION, 104, obis, 4) for obis in (_LOG_OBIS, _HISTORIC_OBIS)]:
        raise DecodeError("not the two backup methods of CCS07", offset=0, path="specifications")
    now = encode_date_time(chf.device_clock.now().replace(microsecond=0))
    data = [
        _backup_structure(now, chf.han_id, backup) for backup in (chf.log.backup(), chf.log.historic_backup())
    ]
    success = [(SpecKind.ACTION, int(AccessResult.SUCCESS))] * 2
    return build_access_response(AccessResponse(request.invoke_id, data, success))


def _backup_structure(now: bytes, han_id: bytes, backup: list[dict[str, Any]]) -> Data:
    devices = [
        structure(octet_string(device["device_id"]), octet_string(device["hashed_link_key"]))
        for device in backup
    ]
    return structure(octet_string(now), octet_string(han_id), array(devices))
