"""Security credentials: CS02a and CS02f read them, CS02b and CS02g replace them; alerts 00CB and 0124.

Cells are tuples (role, key usage, cell usage) and come back as ``TrustAnchorCell``, which is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from protocols.errors import EncodeError
from protocols.gbcs.asn1 import credentials as asn1
from protocols.gbcs.asn1 import schema
from protocols.gbcs.asn1.credentials import SpecialistSeqNumber, TrustAnchorCell
from protocols.gbcs.asn1.schema import LARGEST_SEQ_NUMBER
from protocols.gbcs.asn1.types import CredentialsReplacementMode as Mode
from protocols.gbcs.asn1.types import KeyUsage, StatusCode
from protocols.gbcs.use_cases import UseCaseCodec
from protocols.gbcs.use_cases import asn1_common as common
from protocols.gbcs.use_cases.asn1_modes import USUAL, Usual
from protocols.gbcs.use_cases.values import Fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocols.gbcs.use_cases import Context, Decrypt, Values

_MESSAGE_CODES = {Mode.LOAD_CONTROLLER_BY_LOAD_CONTROLLER: 0x0125, Mode.LOAD_CONTROLLER_BY_SUPPLIER: 0x0126}


def update_message_code(values: Values) -> int:
    """Message code of CS02b (0x0100 + mode) and CS02g (0125, 0126) from the ``mode``."""
    mode = Fields({"mode": values.get("mode")}).integer("mode", 0, max(Mode))
    return _MESSAGE_CODES.get(Mode(mode), 0x0100 + mode)


def _cell(value: Any, element: str) -> TrustAnchorCell:
    if not isinstance(value, tuple | list) or len(value) not in {2, 3}:
        raise EncodeError(f"{value!r} is no (role, key usage, cell usage)", element=element)
    numbers = list(value[1:])
    if not all(isinstance(each, int) and 0 <= each <= 0xFF for each in numbers):
        raise EncodeError(f"{value!r} has a key usage or cell usage of no octet", element=element)
    return TrustAnchorCell(common.role(value[0], element), *numbers)


def _encode_provide(_context: Context, values: Values) -> bytes:
    """Values: ``authorising_cell``, ``roles`` (numbers or names)."""
    fields = Fields(values)
    cell = _cell(fields.any("authorising_cell"), "authorising_cell")
    roles = fields.any("roles")
    fields.done()
    if not isinstance(roles, list | tuple):
        raise EncodeError(f"{roles!r} is not a list", element="roles")
    numbers = [common.role(each, f"roles.{index}") for index, each in enumerate(roles)]
    return common.encode(asn1.PROVIDE_CREDENTIALS_COMMAND, asn1.ProvideCredentialsCommand(cell, numbers))


def _decode_provide(payload: bytes) -> dict[str, Any]:
    command = asn1.PROVIDE_CREDENTIALS_COMMAND.decode(payload)
    return {"authorising_cell": command.authorising_cell, "roles": command.roles}


def _encode_provided(_context: Context, values: Values) -> bytes:
    """Values: ``parties``, each ``role``, ``status`` and on success ``current_counter`` and ``cells``."""
    fields = Fields(values)
    parties = [_read_party(party) for party in fields.entries("parties")]
    fields.done()
    return common.encode(asn1.PROVIDE_CREDENTIALS_RESPONSE, parties)


def _read_party(party: Fields) -> asn1.RemotePartyDetails:
    details = asn1.RemotePartyDetails(
        common.role(party.any("role"), party.name("role")), party.integer("status", 0, 0xFF, 0)
    )
    if details.status == StatusCode.SUCCESS:
        details.current_seq_number = party.integer("current_counter", 0, LARGEST_SEQ_NUMBER)
        details.cells = [_read_cell_details(each) for each in party.entries("cells")]
    else:
        # Decoded values name them, with nothing in them.
        for name in ("current_counter", "cells"):
            if party.any(name, None):
                raise EncodeError("only with status 0", element=party.name(name))
    party.done()
    return details


def _read_cell_details(cell: Fields) -> asn1.CellDetails:
    details = asn1.CellDetails(
        KeyUsage(cell.integer("key_usage", 1, 0xFF)),
        cell.integer("cell_usage", 0, 0xFF, 0),
        cell.eui64("subject_id"),
        cell.octets("key_id", 8),
    )
    cell.done()
    return details


def _decode_provided(payload: bytes, _decrypt: Decrypt | None) -> dict[str, Any]:
    parties: list[asn1.RemotePartyDetails] = schema.decode(asn1.PROVIDE_CREDENTIALS_RESPONSE, payload)
    return {
        "parties": [
            {
                "role": party.role,
                "status": party.status,
                "current_counter": party.current_seq_number,
                "cells": [
                    {
                        "key_usage": cell.key_usage,
                        "cell_usage": cell.cell_usage,
                        "subject_id": cell.subject_unique_id,
                        "key_id": cell.subject_key_identifier,
                    }
                    for cell in party.cells or ()
                ],
            }
            for party in parties
        ]
    }


def _read_specialist_floors(fields: Fields, name: str, usual: Any = None) -> list[SpecialistSeqNumber] | None:
    value = fields.any(name, usual)
    if value is None:
        return None
    floors = []
    for entry in _entries(value, fields.name(name), _show_specialist_floor):
        usage = entry.integer("usage", 0, 0xFF)
        floors.append(SpecialistSeqNumber(usage, entry.integer("counter", 0, LARGEST_SEQ_NUMBER)))
        entry.done()
    return floors


def _entries(value: Any, name: str, show: Callable[[Any], dict[str, Any]]) -> list[Fields]:
    """Entries of a list given as mappings or as the structures themselves."""
    if isinstance(value, list | tuple):
        value = [each if isinstance(each, Mapping) else show(each) for each in value]
    return Fields({name: value}).entries(name)


def _read_changes(entries: list[Fields]) -> list[asn1.RemotePartySeqNumberChange]:
    changes = []
    for entry in entries:
        change = asn1.RemotePartySeqNumberChange(
            common.role(entry.any("role"), entry.name("role")),
            entry.integer("floor_counter", 0, LARGEST_SEQ_NUMBER),
            _read_specialist_floors(entry, "specialist_floors"),
        )
        entry.done()
        changes.append(change)
    return changes


def _show_specialist_floor(floor: Any) -> dict[str, int]:
    if not isinstance(floor, tuple) or len(floor) != 2:
        raise EncodeError(f"{floor!r} is no usage and counter", element="specialist_floors")
    return {"usage": floor[0], "counter": floor[1]}


def _show_specialist_floors(floors: list[SpecialistSeqNumber] | None) -> list[dict[str, int]] | None:
    return None if floors is None else [_show_specialist_floor(each) for each in floors]


def _show_change(change: Any) -> dict[str, Any]:
    if not isinstance(change, asn1.RemotePartySeqNumberChange):
        raise EncodeError(f"{change!r} is no role with its counters", element="other_changes")
    return {
        "role": change.role,
        "floor_counter": change.floor_seq_number,
        "specialist_floors": _show_specialist_floors(change.specialist),
    }


def _read_control(context: Context, fields: Fields, mode: int) -> asn1.AuthorisingRemotePartyControl:
    usual = USUAL.get(Mode(mode)) or Usual(None, None)
    cell = fields.any("authorising_cell", usual.authorising_cell)
    floor = fields.any("new_floor_counter", usual.new_floor_counter)
    if floor is not None:
        Fields({"new_floor_counter": floor}).integer("new_floor_counter", 0, LARGEST_SEQ_NUMBER)
    changes = fields.any("other_changes", usual.other_changes)
    key = fields.any("plaintext_symmetric_key", None)
    return asn1.AuthorisingRemotePartyControl(
        mode=mode,
        plaintext_symmetric_key=key,
        apply_time_based_cpv_checks=int(
            not fields.flag("apply_time_based_checks", usual.apply_time_based_checks)
        ),
        authorising_cell=None if cell is None else _cell(cell, "authorising_cell"),
        authorising_seq_number=fields.integer(
            "authorising_counter", 0, LARGEST_SEQ_NUMBER, context.originator_counter
        ),
        new_floor_seq_number=floor,
        new_specialist_floors=_read_specialist_floors(
            fields, "new_specialist_floors", usual.new_specialist_floors
        ),
        other_changes=None
        if changes is None
        else _read_changes(_entries(changes, "other_changes", _show_change)),
    )


def _encode_update(context: Context, values: Values) -> bytes:
    """Values: ``mode``, ``replacements`` [(certificate, cell)], ``path`` [certificate], ``execution_time``.

    ``authorising_cell``, ``authorising_counter`` (the Originator Counter), ``new_floor_counter``,
    ``new_specialist_floors`` [{usage, counter}], ``other_changes`` [{role, floor_counter,
    specialist_floors}], ``apply_time_based_checks`` and ``plaintext_symmetric_key`` are filled in as is usual
    for the mode; None leaves an element out.
    """
    fields = Fields(values)
    mode = fields.integer("mode", 0, max(Mode))
    control = _read_control(context, fields, mode)
    replacements = []
    for index, each in enumerate(fields.any("replacements")):
        element = f"replacements.{index}"
        if not isinstance(each, tuple | list) or len(each) != 2:
            raise EncodeError("no pair of certificate and cell", element=element)
        replacements.append(asn1.Replacement(each[0], _cell(each[1], element)))
    path = list(fields.any("path"))
    when = common.take_execution_time(fields)
    fields.done()
    command = asn1.UpdateCredentialsCommand(control, replacements, path, when)
    return common.encode(asn1.UPDATE_CREDENTIALS_COMMAND, command)


def _decode_update(payload: bytes) -> dict[str, Any]:
    command = asn1.UPDATE_CREDENTIALS_COMMAND.decode(payload)
    control = command.control
    return {
        "mode": control.mode,
        "plaintext_symmetric_key": control.plaintext_symmetric_key,
        "apply_time_based_checks": control.apply_time_based_cpv_checks == 0,
        "authorising_cell": control.authorising_cell,
        "authorising_counter": control.authorising_seq_number,
        "new_floor_counter": control.new_floor_seq_number,
        "new_specialist_floors": _show_specialist_floors(control.new_specialist_floors),
        "other_changes": None
        if control.other_changes is None
        else [_show_change(each) for each in control.other_changes],
        "replacements": [(each.certificate, each.cell) for each in command.replacements],
        "path": command.certification_path,
        "execution_time": common.execution_time(command.execution_date_time),
    }


def _read_outcome(fields: Fields, counter: Any) -> asn1.ExecutionOutcome:
    outcome = asn1.ExecutionOutcome(
        fields.integer("authorising_counter", 0, LARGEST_SEQ_NUMBER, counter),
        fields.integer("mode", 0, 0xFF),
        _read_changes(_entries(fields.any("changes", []), fields.name("changes"), _show_change)),
        [_read_replacement_outcome(each) for each in fields.entries("replacements")],
    )
    fields.done()
    return outcome


def _read_replacement_outcome(fields: Fields) -> asn1.ReplacementOutcome:
    outcome = asn1.ReplacementOutcome(
        _cell(fields.any("cell"), fields.name("cell")),
        fields.integer("status", 0, 0xFF, 0),
        fields.eui64("existing_subject_id"),
        fields.octets("existing_key_id", 8),
        fields.eui64("replacing_subject_id"),
        fields.octets("replacing_key_id", 8),
    )
    fields.done()
    return outcome


def _show_outcome(outcome: asn1.ExecutionOutcome) -> dict[str, Any]:
    return {
        "authorising_counter": outcome.authorising_seq_number,
        "mode": outcome.mode,
        "changes": [_show_change(each) for each in outcome.changes],
        "replacements": [
            {
                "cell": each.affected_cell,
                "status": each.status,
                "existing_subject_id": each.existing_subject_unique_id,
                "existing_key_id": each.existing_subject_key_identifier,
                "replacing_subject_id": each.replacing_subject_unique_id,
                "replacing_key_id": each.replacing_subject_key_identifier,
            }
            for each in outcome.replacement_outcomes
        ],
    }


def _encode_updated(context: Context, values: Values) -> bytes:
    """Values: ``outcome`` as decoding gives it, or None (stored or cancelled); ``accepted`` True."""
    fields = Fields(values)
    if not fields.flag("accepted", default=True):
        raise EncodeError("a response can only say that the command was accepted", element="accepted")
    given = fields.any("outcome", None)
    fields.done()
    outcome = None if given is None else _read_outcome(Fields(given, "outcome"), context.originator_counter)
    response = asn1.UpdateCredentialsResponse(command_accepted=True, outcome=outcome)
    return common.encode(asn1.UPDATE_CREDENTIALS_RESPONSE, response)


def _decode_updated(payload: bytes, _decrypt: Decrypt | None) -> dict[str, Any]:
    response = asn1.UPDATE_CREDENTIALS_RESPONSE.decode(payload)
    return {"accepted": True, "outcome": _show_outcome(response.outcome) if response.outcome else None}


def _read_alert(fields: Fields) -> asn1.UpdateCredentialsAlert:
    return asn1.UpdateCredentialsAlert(
        fields.integer("alert_code", 0, common.UINT16),
        fields.moment("time"),
        _read_outcome(Fields(fields.any("outcome"), "outcome"), None),
    )


def _show_alert(alert: asn1.UpdateCredentialsAlert) -> dict[str, Any]:
    return {
        "alert_code": alert.alert_code,
        "time": alert.execution_date_time,
        "outcome": _show_outcome(alert.outcome),
    }


def _provide(use_case: str, message_code: int) -> UseCaseCodec:
    return UseCaseCodec(
        use_case, message_code, _encode_provide, _decode_provide, _encode_provided, _decode_provided
    )


def _update(use_case: str, message_code: int) -> UseCaseCodec:
    return UseCaseCodec(
        use_case,
        message_code,
        _encode_update,
        _decode_update,
        _encode_updated,
        _decode_updated,
        update_message_code,
    )


CODECS = [
    _provide("CS02a", 0x0008),
    _provide("CS02f", 0x011B),
    _update("CS02b", 0x0100),
    _update("CS02g", 0x0125),
]
ALERTS = [
    common.alert(code, asn1.UPDATE_CREDENTIALS_ALERT, _read_alert, _show_alert) for code in (0x00CB, 0x0124)
]
