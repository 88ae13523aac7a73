"""The CHF's device log as COSEM objects: CCS01 to CCS07 (class 104, ZigBee Network Control; dlms.md 7).

Object 0-0:30.3.0.255 is the device log, 0-0:30.3.1.255 the historic one.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from protocols.dlms.access import (
    AccessResponse,
    AccessResult,
    SpecKind,
    build_access_response,
    parse_access_request,
)
from protocols.dlms.axdr import (
    Data,
    Tag,
    array,
    bit_string,
    integer,
    null_data,
    octet_string,
    structure,
    unsigned,
)
from protocols.dlms.date_time import encode_date_time
from protocols.errors import DecodeError
from protocols.eui64 import Eui64
from protocols.parties import DEVICE_LOG_TYPES
from rigs.emulated.device_log import LogEntry
from rigs.emulated.event_rules import EventCode

if TYPE_CHECKING:
    from rigs.emulated.chf import Chf
    from rigs.emulated.command import Command
    from rigs.emulated.device import Device

_CLASS, _LOG, _HISTORIC = 104, "00001E0300FF", "00001E0301FF"
_ACTIVE_DEVICES = 4
_UNREGISTER, _BACK_UP, _RESTORE = 2, 4, 5
_TYPE_NAMES = {code: name for name, code in DEVICE_LOG_TYPES.items()}
_INSTALL_CODE = 1
_DONE = AccessResult.SUCCESS, null_data()
_FAILED = AccessResult.OTHER_REASON, null_data()


def register(chf: Chf) -> None:
    """The objects; CCS01 is one act in three items, so it has a handler of its own."""
    cosem = chf.cosem
    cosem.attribute(_CLASS, _LOG, _ACTIVE_DEVICES, read=partial(_active_devices, chf))
    cosem.method(_CLASS, _LOG, _UNREGISTER, partial(_remove, chf))
    cosem.method(_CLASS, _LOG, _RESTORE, partial(_restore, chf))
    cosem.method(_CLASS, _LOG, _BACK_UP, partial(_back_up, chf, False))
    cosem.method(_CLASS, _HISTORIC, _BACK_UP, partial(_back_up, chf, True))
    chf.handlers["CCS01"] = partial(_add, chf)


def _add(chf: Chf, _device: Device, command: Command) -> bytes:
    """CCS01. A listed device is answered success and keeps its key; a seventeenth is refused."""
    request = parse_access_request(command.payload)
    if request.invoke_id != command.counter & 0xFFFFFF:
        raise DecodeError("not the low 24 bits of the counter", offset=1, path="long_invoke_id")
    asked = [
        (each.kind, each.class_id, each.obis.hex().upper(), each.member) for each in request.specifications
    ]
    if asked != [
        (SpecKind.ACTION, _CLASS, _LOG, 1),
        (SpecKind.SET, _CLASS, _LOG, 3),
        (SpecKind.SET, _CLASS, _LOG, 2),
    ]:
        raise DecodeError("not the three items of CCS01", offset=0, path="specifications")
    entry = _entry(chf, *request.data)
    broken = _broken(chf)
    results: list[int] = broken or [int(_register(chf, entry))] * 3
    kinds = [each.kind for each in request.specifications]
    data = [null_data() for _ in kinds]
    return build_access_response(
        AccessResponse(request.invoke_id, data, list(zip(kinds, results, strict=True)))
    )


def _broken(chf: Chf) -> list[int]:
    """Results when one of the three elements is broken: nothing is added; empty when all work."""
    for at, element in enumerate((f"{_CLASS}/{_LOG}/m1", f"{_CLASS}/{_LOG}/3", f"{_CLASS}/{_LOG}/2")):
        fault = chf.fault(element)
        if fault is not None:
            return [int(AccessResult.SUCCESS)] * at + [fault] + [int(AccessResult.OTHER_REASON)] * (2 - at)
    return []


def _entry(chf: Chf, added: Data, join_time: Data, joining: Data) -> LogEntry:
    members = added.value if added.tag == Tag.STRUCTURE else []
    tags = [each.tag for each in members]
    if tags != [Tag.OCTET_STRING, Tag.ENUM, Tag.OCTET_STRING, Tag.ENUM]:
        raise DecodeError("not a device to add", offset=added.offset, path="data.0")
    device_id, key_type, code, kind = (each.value for each in members)
    if key_type not in {_INSTALL_CODE, 0xFF} or len(device_id) != 8 or len(code) != 16:
        raise DecodeError("not an EUI-64 with an install code", offset=added.offset, path="data.0")
    if kind not in _TYPE_NAMES:
        raise DecodeError(f"{kind} is no device type", offset=added.offset, path="data.0.3")
    if join_time.tag != Tag.LONG_UNSIGNED:
        raise DecodeError("not a join time", offset=join_time.offset, path="data.1")
    if joining.tag != Tag.BOOLEAN or not joining.value:
        raise DecodeError("joining is not allowed", offset=joining.offset, path="data.2")
    return LogEntry(Eui64(device_id), _TYPE_NAMES[kind], code, chf.clock.now(), join_time.value)


def _register(chf: Chf, entry: LogEntry) -> AccessResult:
    device_id = entry.device_id
    if device_id in chf.log.entries:
        chf.note(f"{device_id} is in the device log already")
        return AccessResult.SUCCESS
    if chf.log.is_full:
        chf.events.record(EventCode.JOINING_FAILED, f"{device_id}: the device log is full", other=device_id)
        return AccessResult.OTHER_REASON
    with chf.changing_log(device_id, "added") as log:
        log.joining_enabled, log.join_time_s = True, entry.join_time_s
        log.entries[device_id] = entry
    return AccessResult.SUCCESS


def _remove(chf: Chf, _command: Command, parameter: Data) -> tuple[AccessResult, Data]:
    """CCS02. The device's link key goes to the historic log; from then on nothing reaches it."""
    if parameter.tag != Tag.OCTET_STRING or len(parameter.value) != 8:
        raise DecodeError("not an EUI-64", offset=parameter.offset, path="data.0")
    device_id = Eui64(parameter.value)
    if device_id not in chf.log.entries:
        return _FAILED
    with chf.changing_log(device_id, "removed") as log:
        log.remove(device_id)
    return _DONE


def _restore(chf: Chf, _command: Command, parameter: Data) -> tuple[AccessResult, Data]:
    """CCS03: identifier of a HAN, its devices with hashed link keys; the hub's own log is replaced."""
    members = parameter.value if parameter.tag == Tag.STRUCTURE else []
    if [each.tag for each in members] != [Tag.OCTET_STRING, Tag.ARRAY] or len(members[0].value) != 8:
        raise DecodeError("not a HAN with its devices", offset=parameter.offset, path="data.0")
    now = chf.clock.now()
    entries = []
    for device in members[1].value:
        fields = [each.value for each in device.value] if device.tag == Tag.STRUCTURE else []
        if [len(each) for each in fields] not in ([8, 16], [8, 0]):
            raise DecodeError("not a device with a hashed key", offset=device.offset, path="data.0.1")
        entries.append(LogEntry(Eui64(fields[0]), "", bytes(16), now, 0, restored_hash=bytes(fields[1])))
    chf.restore_log(bytes(members[0].value), entries)
    return _DONE


def _active_devices(chf: Chf) -> Data:
    """CCS06, and CCS05/04 which reads the same attribute; every entry is a structure of 14."""
    return array(map(_active_device, chf.log.entries.values()))


def _active_device(entry: LogEntry) -> Data:
    heard = encode_date_time(entry.last_communication)
    traffic = (1 if entry.joined else 0, entry.transmission_failures, entry.transmission_successes, 0, 0)
    return structure(
        octet_string(entry.device_id),
        bit_string(bytes(1)),
        *(integer(0) for _ in range(3)),
        *(unsigned(0) for _ in range(3)),
        octet_string(heard),
        *(unsigned(min(each, 255)) for each in traffic),
    )


def _back_up(chf: Chf, historic: bool, _command: Command, _parameter: Data) -> tuple[AccessResult, Data]:
    """CCS07: time, extended PAN id and hashed link keys of a log."""
    now = encode_date_time(chf.device_clock.now().replace(microsecond=0))
    held: list[dict[str, Any]] = chf.log.historic_backup() if historic else chf.log.backup()
    devices = [
        structure(octet_string(each["device_id"]), octet_string(each["hashed_link_key"])) for each in held
    ]
    return AccessResult.SUCCESS, structure(octet_string(now), octet_string(chf.han_id), array(devices))
