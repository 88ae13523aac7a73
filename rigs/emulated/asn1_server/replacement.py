"""Carrying out a CS02b: each cell by itself, with its certification path checked up to the held root."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.errors import DecodeError
from protocols.eui64 import Eui64
from protocols.gbcs.asn1.credentials import (
    ExecutionOutcome,
    RemotePartySeqNumberChange,
    ReplacementOutcome,
    SpecialistSeqNumber,
)
from protocols.gbcs.asn1.types import CredentialsReplacementMode, KeyUsage, RemotePartyRole, StatusCode
from protocols.smki import CertificateError, CertificateReason, parse_certificate, verify_certificate
from rigs.emulated.trust_anchors import ROOT_CELL, Cell

if TYPE_CHECKING:
    from protocols.gbcs.asn1.credentials import Replacement, UpdateCredentialsCommand
    from protocols.smki import CertificateInfo
    from rigs.emulated.device import Device

_TIME_CHECKS_DISAPPLIED = 1
_TOP_UP = 0
_NO_SUBJECT = Eui64(bytes(8))


class Replacer:
    """One execution of one command; ``role`` is that of the authorising party."""

    def __init__(self, device: Device, role: int, asked: UpdateCredentialsCommand) -> None:
        self._device = device
        self._anchors = device.trust_anchors
        self._role = role
        self._asked = asked

    def run(self) -> ExecutionOutcome:
        """Replace what can be replaced; a cell whose certificate fails keeps what it holds.

        Counter floors change when at least one cell did, so that a failed replacement locks nobody out.
        """
        control = self._asked.control
        holders = self._holders()
        outcomes = [self._replace(replacement) for replacement in self._asked.replacements]
        changes = self._changes()
        if any(each.status == StatusCode.SUCCESS for each in outcomes):
            for change in changes:
                self._apply(change)
        self._forget_work_of_former(holders)
        return ExecutionOutcome(control.authorising_seq_number, control.mode, changes, outcomes)

    def _holders(self) -> dict[int, Eui64 | None]:
        roles = {replacement.cell.remote_party_role for replacement in self._asked.replacements}
        return {role: self._anchors.subject(role) for role in roles}

    def _forget_work_of_former(self, holders: dict[int, Eui64 | None]) -> None:
        """Who no longer stands in a role has no say in what the device does tomorrow (GBCS-COS-01)."""
        now = self._holders()
        for role, before in holders.items():
            if now[role] != before and (number := self._device.schedule.cancel_of(role)):
                self._device.note(f"{number} dated commands of {before} forgotten")

    def _replace(self, replacement: Replacement) -> ReplacementOutcome:
        asked = replacement.cell
        cell = Cell.of(asked.remote_party_role, asked.key_usage, asked.cell_usage)
        existing = self._identifiers(cell)
        fault = self._device.fault(f"credentials/{cell.key}")
        status = self._judge(cell, replacement.certificate) if fault is None else StatusCode(fault)
        if status == StatusCode.SUCCESS:
            self._anchors.install(cell, replacement.certificate)
        else:
            self._device.note(f"cell {tuple(asked)} keeps its credentials: {status.name}")
        return ReplacementOutcome(replacement.cell, status, *existing, *self._identifiers(cell))

    def _identifiers(self, cell: Cell) -> tuple[Eui64, bytes]:
        info = self._anchors.info(cell)
        if info is None:
            return _NO_SUBJECT, bytes(8)
        return info.subject_eui or _NO_SUBJECT, info.key_id

    def _judge(self, cell: Cell, certificate: bytes) -> StatusCode:
        if self._anchors.certificate(cell) is None:
            return StatusCode.TRUST_ANCHOR_NOT_FOUND
        root = self._anchors.certificate(ROOT_CELL)
        if root is None:
            return StatusCode.NO_TRUST_ANCHOR
        try:
            if not self._fits(parse_certificate(certificate), cell):
                return StatusCode.BAD_CERTIFICATE
            disapplied = self._asked.control.apply_time_based_cpv_checks == _TIME_CHECKS_DISAPPLIED
            at = None if disapplied else self._device.device_clock.now()
            path = self._asked.certification_path
            if self._is_new_root(cell):
                root = certificate
            verify_certificate(certificate, path, at, anchors=[root], usage=KeyUsage(cell.key_usage))
        except CertificateError as error:
            unknown = error.reason is CertificateReason.UNKNOWN_ISSUER
            return StatusCode.NO_TRUST_ANCHOR if unknown else StatusCode.BAD_CERTIFICATE
        except DecodeError:
            return StatusCode.BAD_CERTIFICATE
        return StatusCode.SUCCESS

    def _is_new_root(self, cell: Cell) -> bool:
        """Whether a root comes by the contingency route, where the old one vouches for nothing."""
        by_contingency = self._asked.control.mode == CredentialsReplacementMode.ANY_BY_CONTINGENCY
        return by_contingency and cell.role == RemotePartyRole.ROOT

    def _fits(self, info: CertificateInfo, cell: Cell) -> bool:
        """Whether a certificate is one for this cell: role, key usage, and somebody it belongs to."""
        if cell.role == RemotePartyRole.ROOT:
            return info.role == cell.role
        free = self._device.description.assumes("load-controller-role") == "free"
        any_role = free and cell.role == RemotePartyRole.LOAD_CONTROLLER
        same_role = any_role or info.role == cell.role
        return same_role and info.key_usage == cell.key_usage and info.subject_eui is not None

    def _changes(self) -> list[RemotePartySeqNumberChange]:
        control = self._asked.control
        changes = []
        if control.new_floor_seq_number is not None:
            floors = control.new_specialist_floors
            changes.append(RemotePartySeqNumberChange(self._role, control.new_floor_seq_number, floors))
        return changes + list(control.other_changes or ())

    def _apply(self, change: RemotePartySeqNumberChange) -> None:
        self._anchors.set_floor(change.role, change.floor_seq_number)
        for floor in change.specialist or ():
            if SpecialistSeqNumber(*floor).usage == _TOP_UP:
                self._anchors.set_top_up_floor(change.role, floor.seq_number)
