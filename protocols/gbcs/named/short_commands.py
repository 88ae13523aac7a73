"""Short names of commands, by use case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from protocols.errors import EncodeError
from protocols.gbcs.asn1.types import CredentialsReplacementMode as Mode
from protocols.gbcs.named.asn1_engine import usage_text
from protocols.gbcs.named.short_forms import (
    ASN1_MOMENT,
    DEVICE_TYPE,
    DLMS_MOMENT,
    EUI64,
    EXECUTION_TIME,
    GBZ_SECONDS,
    LEFT_OUT,
    ROLE,
    Form,
    digits,
    each,
    named,
    octets,
)
from protocols.gbcs.named.short_rows import Row
from protocols.gbcs.named.usual_modes import USUAL, Usual
from protocols.parties import DEVICE_LOG_TYPES

if TYPE_CHECKING:
    from protocols.gbcs.header import GroupingHeader

_CONTROL = "authorisingRemotePartyControl"
_UINT32 = 0xFFFF_FFFF
_MODE_CODES = {Mode.LOAD_CONTROLLER_BY_LOAD_CONTROLLER: 0x0125, Mode.LOAD_CONTROLLER_BY_SUPPLIER: 0x0126}


def message_code_of_mode(mode: Any) -> int:
    """Message code of CS02b (0x0100 + mode) and CS02g (0125, 0126)."""
    if isinstance(mode, bool) or not isinstance(mode, int) or not 0 <= mode <= max(Mode):
        raise EncodeError(f"{mode!r} is not an integer from 0 to {max(Mode)}", element="mode")
    return _MODE_CODES.get(Mode(mode), 0x0100 + mode)


# ------------------------------------------------------------------ credentials


def _write_cell(value: Any, element: str) -> dict[str, Any]:
    if not isinstance(value, tuple | list) or len(value) not in {2, 3}:
        raise EncodeError(f"{value!r} is no (role, key usage, cell usage)", element=element)
    role, usage, *more = value
    cell = {
        "trustAnchorCellRemotePartyRole": ROLE.write(role, element),
        "trustAnchorCellKeyUsage": usage_text(usage),
    }
    # Management is the default and left out.
    return cell | {"trustAnchorCellUsage": int(more[0])} if any(more) else cell


def _write_floor(value: Any, element: str) -> dict[str, Any]:
    usage, counter = _members(value, element, "usage", "counter")
    return {"seqNumberUsage": usage, "seqNumber": counter}


def _write_change(value: Any, element: str) -> dict[str, Any]:
    role, floor, special = _members(value, element, "role", "floor_counter", "specialist_floors")
    change = {"otherRemotePartyRole": ROLE.write(role, element), "otherRemotePartyFloorSeqNumber": floor}
    if special is not None:
        change["newRemotePartySpecialistFloorSeqNumber"] = _FLOORS.write(special, element)
    return change


def _members(value: Any, element: str, *names: str) -> list[Any]:
    """Members of an entry that is an object or a tuple."""
    if isinstance(value, Mapping):
        for name in value:
            if name not in names:
                raise EncodeError("no such value here", element=f"{element}.{name}")
        return [value.get(name) for name in names]
    if isinstance(value, tuple | list) and len(value) == len(names):
        return list(value)
    raise EncodeError(f"{value!r} has not {', '.join(names)}", element=element)


def _write_replacement(value: Any, element: str) -> dict[str, Any]:
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise EncodeError("no pair of certificate and cell", element=element)
    certificate = octets().write(value[0], element)
    return {"replacementCertificate": certificate, "targetTrustAnchorCell": _write_cell(value[1], element)}


def _write_checks(value: Any, element: str) -> Any:
    if not isinstance(value, bool):
        raise EncodeError(f"{value!r} is not a boolean", element=element)
    return LEFT_OUT if value else 1


_CELL = Form(write=_write_cell)
_FLOORS = each(Form(write=_write_floor))


def _usual(name: str) -> Any:
    """What is usual for the mode; the message code says which it is."""

    def value(header: GroupingHeader) -> Any:
        code = header.message_code
        found = next((mode for mode, known in _MODE_CODES.items() if known == code), None)
        mode = Mode(code - 0x0100) if found is None else found
        return getattr(USUAL.get(mode) or Usual(None, None), name)

    return value


_UPDATE = [
    Row("mode", f"{_CONTROL}/credentialsReplacementMode"),
    Row("plaintext_symmetric_key", f"{_CONTROL}/plaintextSymmetricKey", default=LEFT_OUT),
    Row(
        "apply_time_based_checks",
        f"{_CONTROL}/applyTimeBasedCPVChecks",
        Form(write=_write_checks),
        _usual("apply_time_based_checks"),
    ),
    Row(
        "authorising_cell",
        f"{_CONTROL}/authorisingRemotePartyTACellIdentifier",
        _CELL,
        _usual("authorising_cell"),
    ),
    Row("authorising_counter", f"{_CONTROL}/authorisingRemotePartySeqNumber", default=LEFT_OUT),
    Row("new_floor_counter", f"{_CONTROL}/newRemotePartyFloorSeqNumber", default=_usual("new_floor_counter")),
    Row(
        "new_specialist_floors",
        f"{_CONTROL}/newRemotePartySpecialistFloorSeqNumber",
        _FLOORS,
        _usual("new_specialist_floors"),
    ),
    Row(
        "other_changes",
        f"{_CONTROL}/otherRemotePartySeqNumberChanges",
        each(Form(write=_write_change)),
        _usual("other_changes"),
    ),
    Row("replacements", "replacements", each(Form(write=_write_replacement))),
    Row("path", "certificationPathCertificates", each(octets())),
    Row("execution_time", "executionDateTime", EXECUTION_TIME, LEFT_OUT),
]
_PROVIDE = [
    Row("authorising_cell", "authorisingRemotePartyTACellIdentifier", _CELL),
    Row("roles", "remotePartyRolesCredentialsRequired", each(ROLE)),
]

# ------------------------------------------------------------------ the rest

_MPAN = "elements/MeterPointAdministrationNumber(combinedMPANS): value"
_MPAN_DIGITS = Form(write=digits(13, shown="13 digits"))
_MPRN_DIGITS = digits(*range(6, 11), shown="6 to 10 digits")


def _write_mprn(value: Any, element: str) -> str:
    return _MPRN_DIGITS(value, element).encode("ascii").hex().upper()


def _write_certificate(value: Any, element: str) -> Any:
    return octets().write(value, element) or LEFT_OUT


_JOIN = [
    Row("method", "joinMethodAndRole", default=LEFT_OUT),
    Row("other_device_id", "otherDeviceEntityIdentifier", EUI64),
    Row("other_device_type", "otherDeviceType", DEVICE_TYPE),
    Row("other_device_certificate", "otherDeviceCertificate", Form(write=_write_certificate), LEFT_OUT),
]
_UNJOIN = [Row("other_device_id", "otherDeviceEntityIdentifier", EUI64)]
_ADD = "elements/DeviceLog(CHF): addEntry"
_WINDOW = "elements/Time: setValidTimeRange"
_SITE = "Components/0"

COMMANDS: dict[str, list[Row]] = {
    "CCS01": [
        Row("device_id", f"{_ADD}/entityIdentifier", EUI64),
        Row("install_code", f"{_ADD}/installationCredentials", octets(16)),
        Row("device_type", f"{_ADD}/deviceType", named(DEVICE_LOG_TYPES)),
        Row("join_time_s", "elements/DeviceLog(CHF): joiningTimePeriod"),
    ],
    "CCS02": [Row("device_id", "elements/DeviceLog(CHF): removeEntry", EUI64)],
    "CS02a": _PROVIDE,
    "CS02f": _PROVIDE,
    "CS02b": _UPDATE,
    "CS02g": _UPDATE,
    **dict.fromkeys(("CS03A1", "CS03A2", "CS03B", "CS03C"), _JOIN),
    **dict.fromkeys(("CS04AC", "CS04B"), _UNJOIN),
    "CS06": [
        Row("image_hash", "manufacturerImageHash", octets(32)),
        Row("originator_counter", "originatorCounter", default=LEFT_OUT),
        Row("execution_time", "executionDateTime", EXECUTION_TIME, LEFT_OUT),
    ],
    "ECS39a": [
        Row("mpan", _MPAN, _MPAN_DIGITS),
        Row("second_mpan", _MPAN, _MPAN_DIGITS, LEFT_OUT),
    ],
    "ECS70": [
        Row("validity_start", f"{_WINDOW}/timeRangeStart", DLMS_MOMENT),
        Row("validity_end", f"{_WINDOW}/timeRangeEnd", DLMS_MOMENT),
    ],
    "GCS28": [
        Row("validity_start", "validityIntervalStart", ASN1_MOMENT),
        Row("validity_end", "validityIntervalEnd", ASN1_MOMENT),
    ],
    "GCS41": [
        Row("mprn", f"{_SITE}/Site ID", Form(write=_write_mprn)),
        Row(
            "issuer_event_id",
            f"{_SITE}/Issuer Event ID",
            default=lambda header: header.originator_counter & _UINT32,
        ),
        Row("site_id_time", f"{_SITE}/Site ID Time", GBZ_SECONDS, LEFT_OUT),
        Row("provider_id", f"{_SITE}/Provider ID", default=LEFT_OUT),
    ],
}
