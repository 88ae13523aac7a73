"""Joining and unjoining pairs of devices: CS03A1, CS03A2, CS03B, CS03C, CS04AC, CS04B, CS07 (asn1.md 7)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from protocols.errors import DecodeError
from protocols.gbcs.asn1.joining import (
    JOIN_COMMAND,
    JOIN_DETAILS_RESPONSE,
    JOIN_RESPONSE,
    DeviceLogEntry,
    JoinDetailsResponse,
    JoinMethodAndRole,
    JoinResponseCode,
)
from protocols.gbcs.asn1.schema import EUI64, NULL, SMALL_NUMBER, decode, encode
from protocols.gbcs.asn1.types import DeviceType, KeyUsage
from protocols.smki import CertificateError, parse_certificate, verify_certificate
from rigs.emulated.event_rules import EventCode
from rigs.emulated.join_log import JoinLogEntry

if TYPE_CHECKING:
    from protocols.eui64 import Eui64
    from protocols.gbcs.asn1.joining import JoinCommand
    from rigs.emulated.command import Command
    from rigs.emulated.device import Device

METHODS = {
    "CS03A1": JoinMethodAndRole.METHOD_A_INITIATOR,
    "CS03A2": JoinMethodAndRole.METHOD_A_RESPONDER,
    "CS03B": JoinMethodAndRole.METHOD_B,
    "CS03C": JoinMethodAndRole.METHOD_C,
}

# Which other devices a device is joined with by which method (devices.md 3). The GPF's partners by method B
# beside Type 2 devices are the meter it mirrors and the PPMID that reads it.
_A1, _A2, _B, _C = METHODS.values()
PARTNERS: dict[str, dict[JoinMethodAndRole, frozenset[DeviceType]]] = {
    "esme": {
        _A1: frozenset({DeviceType.HCALCS, DeviceType.PPMID}),
        _B: frozenset({DeviceType.TYPE_2}),
    },
    "gsme": {_B: frozenset({DeviceType.GPF}), _C: frozenset({DeviceType.PPMID})},
    "gpf": {_B: frozenset({DeviceType.GSME, DeviceType.PPMID, DeviceType.TYPE_2})},
    "ppmid": {_A2: frozenset({DeviceType.ESME}), _C: frozenset({DeviceType.GSME})},
    "hcalcs": {_A2: frozenset({DeviceType.ESME})},
}

_UNJOINED, _NOT_IN_LOG = 0, 1


def register(device: Device) -> None:
    """All join, unjoin and device log use cases that the catalogue gives this kind of device."""
    kind = device.description.device_type
    for code, method in METHODS.items():
        if kind in device.catalogue[code].devices:
            device.handlers[code] = partial(join, method=method)
    for code in ("CS04AC", "CS04B"):
        if kind in device.catalogue[code].devices:
            device.handlers[code] = unjoin
    device.handlers["CS07"] = read_log


def join(device: Device, command: Command, *, method: JoinMethodAndRole) -> bytes:
    """Join with one other device by the method of the message code."""
    asked = JOIN_COMMAND.decode(command.payload)
    outcome = _judge(device, asked, method)
    other = f"{asked.other_device_id}: {outcome.name}"
    if outcome == JoinResponseCode.SUCCESS:
        entry = JoinLogEntry(
            asked.other_device_id, asked.other_device_type, asked.other_device_certificate or b""
        )
        device.join_log.put(entry)
        device.events.record(EventCode.JOINING_SUCCEEDED, other, other=asked.other_device_id)
        device.after_work(device.partners_changed)
        device.join_log_changed()
    else:
        device.events.record(EventCode.JOINING_FAILED, other, other=asked.other_device_id)
    return encode(JOIN_RESPONSE, int(outcome))


def partner_needed(device: Device, command: Command) -> Eui64 | None:
    """The partner with which method A needs a link key first; None for everything else."""
    method = METHODS.get(command.use_case.code)
    if method not in {_A1, _A2} or command.use_case.code not in device.handlers:
        return None
    try:
        asked = JOIN_COMMAND.decode(command.payload)
    except DecodeError:
        return None
    return asked.other_device_id if _judge(device, asked, method) == JoinResponseCode.SUCCESS else None


def _judge(device: Device, asked: JoinCommand, method: JoinMethodAndRole) -> JoinResponseCode:
    fault = device.fault("join")
    if fault is not None:
        return JoinResponseCode(fault)
    kind = device.description.device_type
    if asked.join_method_and_role != method:
        return JoinResponseCode.INVALID_MESSAGE_CODE_FOR_JOIN_METHOD_AND_ROLE
    if asked.other_device_type not in PARTNERS.get(kind, {}).get(method, ()):
        return JoinResponseCode.INVALID_JOIN_METHOD_AND_ROLE
    if not _certificate_fits(device, asked, method):
        return JoinResponseCode.INVALID_OR_MISSING_CERTIFICATE
    return _judge_entry(device, asked, method)


def _judge_entry(device: Device, asked: JoinCommand, method: JoinMethodAndRole) -> JoinResponseCode:
    held = device.join_log.get(asked.other_device_id)
    if held is not None and held.device_type != asked.other_device_type:
        return JoinResponseCode.INCOMPATIBLE_WITH_EXISTING_ENTRY
    if held is None and len(device.join_log.entries()) >= int(device.description.assumes("A22")):
        return JoinResponseCode.DEVICE_LOG_FULL
    if method in {_A1, _A2} and not device.partner_found.pop(asked.other_device_id, True):
        waiting = method == _A2
        return JoinResponseCode.NO_PARTNER_LINK_KEY_RECEIVED if waiting else JoinResponseCode.NO_CBKE_RESPONSE
    return JoinResponseCode.SUCCESS


def _certificate_fits(device: Device, asked: JoinCommand, method: JoinMethodAndRole) -> bool:
    """Method C needs the other device's key agreement certificate; no other method may bring one."""
    certificate = asked.other_device_certificate
    if method != _C or certificate is None:
        return method != _C and certificate is None
    try:
        info = parse_certificate(certificate)
        issuers = device.description.issuing_certificates
        if issuers:
            verify_certificate(certificate, issuers, None)
    except (DecodeError, CertificateError):
        return False
    return (
        info.is_device
        and (
            info.subject_eui == asked.other_device_id
            or device.description.assumes("partner-subject") == "free"
        )
        and info.key_usage == KeyUsage.KEY_AGREEMENT
    )


def unjoin(device: Device, command: Command) -> bytes:
    """Forget one other device: 0 done, 1 it was not in the log."""
    other = decode(EUI64, command.payload)
    fault = device.fault("unjoin")
    removed = fault is None and device.join_log.remove(other)
    code = EventCode.UNJOINING_SUCCEEDED if removed else EventCode.UNJOINING_FAILED
    device.events.record(code, str(other), other=other)
    if removed:
        device.after_work(device.partners_changed)
        device.join_log_changed()
    return encode(SMALL_NUMBER, _UNJOINED if removed else fault or _NOT_IN_LOG)


def read_log(device: Device, command: Command) -> bytes:
    """The devices that this one is joined with."""
    decode(NULL, command.payload)
    fault = device.fault("device log")
    if fault is not None:
        return JOIN_DETAILS_RESPONSE.encode(JoinDetailsResponse(fault))
    entries = [DeviceLogEntry(entry.device_id, entry.device_type) for entry in device.join_log.entries()]
    return JOIN_DETAILS_RESPONSE.encode(JoinDetailsResponse(0, entries))
