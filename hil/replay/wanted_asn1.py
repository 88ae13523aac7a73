"""What an ASN.1 reference reply has that the device's answer lacks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from protocols.gbcs.asn1 import credentials, firmware, joining
from protocols.gbcs.asn1.registry import COMMANDS_AND_RESPONSES
from protocols.gbcs.asn1.schema import decode
from protocols.gbcs.asn1.types import StatusCode
from protocols.gbcs.der import parse_der
from rigs.emulated import clock_setting
from rigs.emulated.asn1_server.device_certificates import generate_next
from rigs.emulated.join_log import JoinLogEntry
from rigs.emulated.trust_anchors import Cell

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.replay.parties import Parties
    from hil.replay.wanted import Wanted
    from protocols.eui64 import Eui64
    from protocols.gbcs.message import Message
    from rigs.emulated.device import Device

_UPDATES = frozenset(("CS02b", "CS02g"))
_PROVIDES = frozenset(("CS02a", "CS02f"))


def wanted_asn1(
    wanted: Wanted, code: str, parties: Parties, *, command: Message, ours: Message | None, theirs: Message
) -> None:
    """By what kind of reply it is."""
    asked, answered = COMMANDS_AND_RESPONSES[theirs.header.message_code]
    request, said = decode(asked, command.payload), decode(answered, theirs.payload)
    mine = decode(answered, ours.payload) if ours is not None else None
    if code in _PROVIDES:
        _cells(wanted, code, parties, mine, said)
    elif code in _UPDATES:
        if said.outcome is not None:
            _replacements(wanted, parties, mine.outcome if mine is not None else None, said.outcome)
    elif code in _SINGLE:
        _SINGLE[code](wanted, request, said)
    else:
        wanted.why.append(f"nothing is known that changes the answer to {code}")


def _cells(wanted: Wanted, code: str, parties: Parties, mine: Any, said: Any) -> None:
    for at, details in enumerate(said):
        if mine is not None and at < len(mine) and mine[at] == details:
            continue
        if details.status != StatusCode.SUCCESS:
            wanted.refuse(f"{code}/{details.role}", details.status)
            continue
        if details.current_seq_number:
            number = details.current_seq_number
            wanted.give(f"counter/{details.role}", number, partial(_put_floor, details.role, number))
        for cell in details.cells or ():
            where = Cell.of(details.role, cell.key_usage, cell.cell_usage)
            _install(wanted, parties, where, cell.subject_unique_id, cell.subject_key_identifier)
        wanted.give(
            f"cells/{details.role}",
            len(details.cells or ()),
            partial(_only_cells, details.role, details.cells),
        )


def _replacements(wanted: Wanted, parties: Parties, mine: Any, said: Any) -> None:
    own = {tuple(each.affected_cell): each for each in (mine.replacement_outcomes if mine else ())}
    for each in said.replacement_outcomes:
        where = Cell.of(*each.affected_cell)
        held = own.get(tuple(each.affected_cell))
        existing = (each.existing_subject_unique_id, each.existing_subject_key_identifier)
        if held is None or existing != (
            held.existing_subject_unique_id,
            held.existing_subject_key_identifier,
        ):
            _install(wanted, parties, where, *existing)
        if (held is None or held.status != each.status) and each.status != StatusCode.SUCCESS:
            wanted.refuse(f"credentials/{where.key}", each.status)


def _install(wanted: Wanted, parties: Parties, where: Cell, subject: Eui64, key_id: bytes) -> None:
    certificate = parties.certificate_with(key_id) or parties.stand_in(subject, where, key_id)
    wanted.give(f"cell/{where.key}", key_id, partial(_put_cell, where, certificate))


def _put_cell(where: Cell, certificate: bytes, device: Device) -> None:
    device.trust_anchors.install(where, certificate)


def _put_floor(role: int, number: int, device: Device) -> None:
    device.trust_anchors.set_floor(role, number)


def _only_cells(role: int, cells: list[credentials.CellDetails], device: Device) -> None:
    kept = {Cell.of(role, each.key_usage, each.cell_usage) for each in cells}
    for cell in device.trust_anchors.cells():
        if cell.role == role and cell not in kept:
            device.trust_anchors.remove(cell)


def _certificate(code: str, wanted: Wanted, request: Any, said: Any) -> None:
    if isinstance(said, int):
        _code(code, wanted, request, said)
    elif code == "CS02c":
        point = parse_der(said).children[0].children[2].children[1].value[-65:]
        usage = int(request.key_usage)
        wanted.give("key pair generated next", point, lambda device: generate_next(device, usage, point))
    else:
        name = f"device_certificate/certificate.{int(request.key_usage)}"
        section, key = name.split("/")
        wanted.give(name, said, lambda device: device.storage.put(section, key, said))


def _code(element: str, wanted: Wanted, _request: Any, said: int) -> None:
    if said:
        wanted.refuse(element, said)


def _activation(wanted: Wanted, request: Any, said: Any) -> None:
    if not isinstance(said, firmware.ActivationOutcome):
        return
    version = said.firmware_version
    if said.response_code == firmware.ActivateImageResponseCode.SUCCESS:
        digest = request.manufacturer_image_hash
        wanted.give("firmware waiting", version, lambda device: device.firmware.put_waiting(version, digest))
        return
    wanted.give("firmware running", version, lambda device: device.firmware.put_running(version))
    if said.response_code != firmware.ActivateImageResponseCode.NO_IMAGE_HELD:
        wanted.refuse("activation", said.response_code)


def _version(wanted: Wanted, _request: Any, said: firmware.FirmwareVersionResponse) -> None:
    if said.response_code:
        wanted.refuse("firmware version", said.response_code)
        return
    version = said.firmware_version
    wanted.give("firmware running", version, lambda device: device.firmware.put_running(version))


def _device_log(wanted: Wanted, _request: Any, said: joining.JoinDetailsResponse) -> None:
    if said.device_log is None:
        wanted.refuse("device log", said.response_code)
        return
    for each in said.device_log:
        entry = JoinLogEntry(each.device_id, each.device_type)
        wanted.give(f"device log/{each.device_id}", each.device_type, partial(_put_entry, entry))


def _put_entry(entry: JoinLogEntry, device: Device) -> None:
    device.join_log.put(entry)


def _clock(wanted: Wanted, _request: Any, said: Any) -> None:
    time, status = said.device_time, said.device_time_status
    what = f"{time:%Y-%m-%dT%H:%M:%SZ}, status {status}"
    wanted.give("clock", what, lambda device: clock_setting.show(device, time, status))


def _restored(wanted: Wanted, _request: Any, said: Any) -> None:
    for each in said.outcomes:
        if each.join_response_code:
            wanted.refuse(f"device log/{each.entry.device_id}", each.join_response_code)


_SINGLE: dict[str, Callable[[Wanted, Any, Any], None]] = {
    **{code: partial(_certificate, code) for code in ("CS02c", "CS02d", "CS02e")},
    **dict.fromkeys(("CS03A1", "CS03A2", "CS03B", "CS03C"), partial(_code, "join")),
    **dict.fromkeys(("CS04AC", "CS04B"), partial(_code, "unjoin")),
    "CS06": _activation,
    "CS07": _device_log,
    "CS08": _version,
    "GCS28": _clock,
    "GCS59": _restored,
}
