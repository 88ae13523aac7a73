"""Rules about ASN.1 payloads that go beyond a single element; the strict builder enforces them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from protocols.errors import EncodeError
from protocols.gbcs.asn1.joining import JoinMethodAndRole as Join
from protocols.gbcs.asn1.types import CredentialsReplacementMode as Mode
from protocols.gbcs.header import CraFlag, GroupingHeader

_JOIN_METHODS = {
    0x000D: Join.METHOD_A_INITIATOR,
    0x00AB: Join.METHOD_A_RESPONDER,
    0x000E: Join.METHOD_B,
    0x00AF: Join.METHOD_C,
}
_MODES = {
    **{0x0100 + mode: mode for mode in Mode if mode <= Mode.ANY_BY_CONTINGENCY},
    0x0125: Mode.LOAD_CONTROLLER_BY_LOAD_CONTROLLER,
    0x0126: Mode.LOAD_CONTROLLER_BY_SUPPLIER,
}
_PROVIDE = frozenset((0x0008, 0x011B))
_ACTIVATE_FIRMWARE = 0x0012
_JOIN_DETAILS = 0x0013
_SET_CLOCK = 0x007F


def join_method(message_code: int) -> int | None:
    """Join method and role of a CS03 message code."""
    return _JOIN_METHODS.get(message_code)


def replacement_mode(message_code: int) -> int | None:
    """Replacement mode of a CS02b or CS02g message code."""
    return _MODES.get(message_code)


def check_payload(values: Mapping[str, Any], header: GroupingHeader, clause: str) -> None:
    """EncodeError for the first rule that well-formed values break."""
    code = header.message_code
    found = None
    if code in _MODES and header.cra_flag is not CraFlag.ALERT:
        found = _check_replacement(values, header)
    elif header.cra_flag is CraFlag.RESPONSE:
        found = _check_response(values, code)
    elif header.cra_flag is CraFlag.COMMAND:
        found = _check_command(values, header)
    if found is not None:
        element, problem = found
        raise EncodeError(problem, element=element, clause=clause)


def _check_replacement(values: Mapping[str, Any], header: GroupingHeader) -> tuple[str, str] | None:
    """CS02b and CS02g: the mode is the message code's, the counter the message's."""
    command = header.cra_flag is CraFlag.COMMAND
    name = "authorisingRemotePartyControl" if command else "executionOutcome"
    inner = values.get(name)
    if inner is None:
        return None
    mode, counter = inner["credentialsReplacementMode"], inner["authorisingRemotePartySeqNumber"]
    expected = _MODES[header.message_code]
    if mode != expected:
        problem = f"{mode}, but message code {header.message_code:04X} is for {expected.value}"
        return f"{name}.credentialsReplacementMode", problem
    if counter != header.originator_counter:
        problem = f"{counter}, but the Originator Counter is {header.originator_counter}"
        return f"{name}.authorisingRemotePartySeqNumber", problem
    return None


def _check_command(values: Mapping[str, Any], header: GroupingHeader) -> tuple[str, str] | None:
    code = header.message_code
    if code in _JOIN_METHODS:
        return _check_join(values, _JOIN_METHODS[code], code)
    if code == _ACTIVATE_FIRMWARE and values["originatorCounter"] != header.originator_counter:
        problem = f"{values['originatorCounter']}, but the header has {header.originator_counter}"
        return "originatorCounter", problem
    # Times of this form sort as text.
    if code == _SET_CLOCK and values["validityIntervalEnd"] < values["validityIntervalStart"]:
        return "validityIntervalEnd", "before validityIntervalStart"
    return None


def _check_join(values: Mapping[str, Any], method: Join, code: int) -> tuple[str, str] | None:
    given = values["joinMethodAndRole"]
    if given != method:
        return "joinMethodAndRole", f"{given}, but message code {code:04X} is for {method.value}"
    certificate = "otherDeviceCertificate" in values
    if certificate != (method is Join.METHOD_C):
        problem = "only method C has one" if certificate else "method C needs it"
        return "otherDeviceCertificate", problem
    return None


def _check_response(values: Mapping[str, Any], code: int) -> tuple[str, str] | None:
    if code == _JOIN_DETAILS:
        failed = values["readDeviceLogResponseCode"] != 0
        if failed == ("deviceLog" in values):
            return "deviceLog", "only a successful read has one" if failed else "a successful read needs it"
    if code in _PROVIDE:
        for index, party in enumerate(values["remotePartyDetails"]):
            problem = _party_problem(party)
            if problem:
                return f"remotePartyDetails[{index}].{problem[0]}", problem[1]
    return None


def _party_problem(party: Mapping[str, Any]) -> tuple[str, str] | None:
    """CS02a: counter and cells come with success, and only with it."""
    succeeded = party["statusCode"] == 0
    for name in ("currentSeqNumber", "trustAnchorCellsDetails"):
        if succeeded != (name in party):
            return (
                name,
                "missing where the status is success" if succeeded else "only where the status is success",
            )
    return None
