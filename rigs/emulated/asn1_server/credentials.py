"""CS02a Provide Security Credential Details and CS02b Update Security Credentials (asn1.md 2, 3; GBCS 13)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.eui64 import Eui64
from protocols.gbcs.asn1.credentials import (
    PROVIDE_CREDENTIALS_COMMAND,
    PROVIDE_CREDENTIALS_RESPONSE,
    UPDATE_CREDENTIALS_ALERT,
    UPDATE_CREDENTIALS_COMMAND,
    UPDATE_CREDENTIALS_RESPONSE,
    CellDetails,
    RemotePartyDetails,
    TrustAnchorCell,
    UpdateCredentialsAlert,
    UpdateCredentialsCommand,
    UpdateCredentialsResponse,
)
from protocols.gbcs.asn1.schema import encode
from protocols.gbcs.asn1.types import CredentialsReplacementMode, RemotePartyRole, StatusCode
from rigs.emulated.asn1_server.dates import is_cancellation
from rigs.emulated.asn1_server.modes import MODES, mode_of
from rigs.emulated.asn1_server.replacement import Replacer
from rigs.emulated.event_rules import EventCode
from rigs.emulated.schedule import work_name
from rigs.emulated.security import RefusedError
from rigs.emulated.trust_anchors import Cell, signing_cell

if TYPE_CHECKING:
    from protocols.gbcs.asn1.credentials import AuthorisingRemotePartyControl
    from rigs.emulated.command import Command
    from rigs.emulated.device import Device

_ALERT = 0x00CB
_LOAD_CONTROLLER, _LOAD_CONTROLLER_ALERT = "CS02g", 0x0124
_DUE = "credentials"
_ROOT_SUBJECT = Eui64(bytes(8))


def register(device: Device) -> None:
    """CS02a, CS02b and the execution of dated CS02b."""
    handlers = {"CS02a": provide, "CS02f": provide, "CS02b": update, "CS02g": update}
    for code, handler in handlers.items():
        # Every device has credentials to be read and replaced, whatever the catalogue names.
        if code in {"CS02a", "CS02b"} or device.description.device_type in device.catalogue[code].devices:
            device.handlers[code] = handler
    device.due_handlers[_DUE] = execute_dated


# ---------------------------------------------------------------------- CS02a


def provide(device: Device, command: Command) -> bytes:
    """Status, counter and cells of each role asked for."""
    asked = PROVIDE_CREDENTIALS_COMMAND.decode(command.payload)
    if _cell(asked.authorising_cell).role != command.role:
        raise _refused("the authorising cell is not the originator's")
    code = command.use_case.code
    return encode(PROVIDE_CREDENTIALS_RESPONSE, [_details(device, code, role) for role in asked.roles])


def _details(device: Device, code: str, role: int) -> RemotePartyDetails:
    fault = device.fault(f"{code}/{role}")
    if fault is not None:
        return RemotePartyDetails(role, fault)
    anchors = device.trust_anchors
    cells = []
    for cell in anchors.cells():
        info = anchors.info(cell) if cell.role == role else None
        if info is not None:
            subject = info.subject_eui or _ROOT_SUBJECT
            cells.append(CellDetails(cell.key_usage, cell.cell_usage, subject, info.key_id))
    if not cells:
        return RemotePartyDetails(role, StatusCode.TRUST_ANCHOR_NOT_FOUND)
    return RemotePartyDetails(role, StatusCode.SUCCESS, anchors.counter(role), cells)


# ---------------------------------------------------------------------- CS02b


def update(device: Device, command: Command) -> bytes:
    """Replace credentials now, or store, replace or cancel a dated replacement."""
    asked = UPDATE_CREDENTIALS_COMMAND.decode(command.payload)
    _check(device, asked, command)
    work = work_name(command.role, _DUE)
    when = asked.execution_date_time
    if when is None:
        outcome = Replacer(device, command.role, asked).run()
        device.events.record(EventCode.CREDENTIALS_UPDATED, _summary(asked))
        return encode(UPDATE_CREDENTIALS_RESPONSE, UpdateCredentialsResponse(True, outcome))
    if is_cancellation(when):
        held = device.schedule.cancel(work)
        device.note("dated replacement cancelled" if held else "no dated replacement to cancel")
    else:
        body = {"payload": command.payload.hex(), "party": str(command.originator), "role": command.role}
        if command.use_case.code == _LOAD_CONTROLLER:
            body["alert"] = _LOAD_CONTROLLER_ALERT
        device.schedule.put(work, when, _DUE, body)
        device.note(f"replacement stored for {when:%Y-%m-%dT%H:%M:%SZ}")
    return encode(UPDATE_CREDENTIALS_RESPONSE, UpdateCredentialsResponse(True))


def execute_dated(device: Device, body: dict[str, Any]) -> None:
    """Carry out a stored replacement; its outcome goes to whoever authorised it, as alert 00CB."""
    asked = UPDATE_CREDENTIALS_COMMAND.decode(bytes.fromhex(body["payload"]))
    outcome = Replacer(device, body["role"], asked).run()
    device.events.record(EventCode.CREDENTIALS_UPDATED, _summary(asked))
    done = all(each.status == StatusCode.SUCCESS for each in outcome.replacement_outcomes)
    code = EventCode.FUTURE_DATED_DONE if done else EventCode.FUTURE_DATED_FAILED
    device.events.record(code, "update of security credentials")
    now = device.device_clock.now().replace(microsecond=0)
    payload = UPDATE_CREDENTIALS_ALERT.encode(UpdateCredentialsAlert(code, now, outcome))
    device.events.send_payload(Eui64(body["party"]), body.get("alert", _ALERT), payload)


def _check(device: Device, asked: UpdateCredentialsCommand, command: Command) -> None:
    """What GBCS asks of a command as a whole; a command that fails changes nothing at all."""
    control = asked.control
    mode = mode_of(command.header.message_code)
    rules = MODES[mode]
    if control.mode != mode:
        raise _refused(f"mode {control.mode} under message code {command.header.message_code:#06x}")
    differs = control.authorising_seq_number != command.counter
    if differs and device.description.assumes("A20") != "accept":
        raise _refused("the counter in the payload is not the header's")
    by_key = mode != CredentialsReplacementMode.ANY_BY_CONTINGENCY
    if (rules.signed and by_key) or control.authorising_cell is not None:
        _check_authorising_cell(control, rules.authority)
    for replacement in asked.replacements:
        if not rules.may_replace(_cell(replacement.cell)):
            raise _refused(f"mode {control.mode} may not replace cell {replacement.cell}")
    roles = {change.role for change in control.other_changes or ()}
    if not roles <= rules.replaces:
        raise _refused(f"mode {control.mode} may not change counters of roles {sorted(roles)}")


def _check_authorising_cell(control: AuthorisingRemotePartyControl, authority: RemotePartyRole) -> None:
    if control.authorising_cell is None or _cell(control.authorising_cell) != signing_cell(authority):
        raise _refused("the authorising cell is not the originator's")


def _cell(cell: TrustAnchorCell) -> Cell:
    return Cell.of(cell.remote_party_role, cell.key_usage, cell.cell_usage)


def _summary(asked: UpdateCredentialsCommand) -> str:
    return f"mode {asked.control.mode}, {len(asked.replacements)} cells"


def _refused(reason: str) -> RefusedError:
    return RefusedError(EventCode.CONTENT_CHECK_FAILED, reason)
