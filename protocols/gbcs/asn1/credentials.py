"""Security credentials on a device: CS02a (0008), CS02f (011B), CS02b (0100-0109, alert 00CB), CS02g.

The names follow the ASN.1 of the use cases in snake case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from protocols.gbcs import der
from protocols.gbcs.asn1.schema import (
    ALERT_CODE,
    CERTIFICATE,
    EUI64,
    KEY_IDENTIFIER,
    KEY_USAGE,
    NULL,
    SEQ_NUMBER,
    SMALL_NUMBER,
    TIME,
    AnyOctets,
    Element,
    Integer,
    Record,
    SequenceOf,
)
from protocols.gbcs.asn1.types import CellUsage, KeyUsage

if TYPE_CHECKING:
    from datetime import datetime

    from protocols.eui64 import Eui64

_STATUS = Integer(0, 255, der.ENUMERATED)


class TrustAnchorCell(NamedTuple):
    """Which cell of a device's trust anchors: role, key usage, and management or prepayment top-up."""

    remote_party_role: int
    key_usage: int
    cell_usage: int = CellUsage.MANAGEMENT


class SpecialistSeqNumber(NamedTuple):
    """A counter for one special purpose; usage 0 is prepayment top-up."""

    usage: int
    seq_number: int


@dataclass(slots=True)
class RemotePartySeqNumberChange:
    """New floor of the originator counters taken from a role."""

    role: int
    floor_seq_number: int
    specialist: list[SpecialistSeqNumber] | None = None


@dataclass(slots=True)
class ProvideCredentialsCommand:
    """CS02a and CS02f command."""

    authorising_cell: TrustAnchorCell
    roles: list[int]


@dataclass(slots=True)
class CellDetails:
    """What one trust anchor cell holds."""

    key_usage: KeyUsage
    cell_usage: int
    subject_unique_id: Eui64
    subject_key_identifier: bytes


@dataclass(slots=True)
class RemotePartyDetails:
    """CS02a answer for one role; counter and cells only where the status is success."""

    role: int
    status: int
    current_seq_number: int | None = None
    cells: list[CellDetails] | None = None


@dataclass(slots=True)
class AuthorisingRemotePartyControl:
    """Who asks for the replacement, and the counters that go with it."""

    mode: int
    plaintext_symmetric_key: bytes | None
    apply_time_based_cpv_checks: int
    authorising_cell: TrustAnchorCell | None
    authorising_seq_number: int
    new_floor_seq_number: int | None
    new_specialist_floors: list[SpecialistSeqNumber] | None
    other_changes: list[RemotePartySeqNumberChange] | None


@dataclass(slots=True)
class Replacement:
    """A certificate (DER) and the cell it goes into."""

    certificate: bytes
    cell: TrustAnchorCell


@dataclass(slots=True)
class UpdateCredentialsCommand:
    """CS02b and CS02g command."""

    control: AuthorisingRemotePartyControl
    replacements: list[Replacement]
    certification_path: list[bytes]
    execution_date_time: datetime | None = None


@dataclass(slots=True)
class ReplacementOutcome:
    """What became of one cell; where nothing was replaced the replacing ids repeat the existing ones."""

    affected_cell: TrustAnchorCell
    status: int
    existing_subject_unique_id: Eui64
    existing_subject_key_identifier: bytes
    replacing_subject_unique_id: Eui64
    replacing_subject_key_identifier: bytes


@dataclass(slots=True)
class ExecutionOutcome:
    """What became of a whole replacement."""

    authorising_seq_number: int
    mode: int
    changes: list[RemotePartySeqNumberChange]
    replacement_outcomes: list[ReplacementOutcome]


@dataclass(slots=True)
class UpdateCredentialsResponse:
    """CS02b response; without outcome the command was stored or cancelled."""

    command_accepted: bool
    outcome: ExecutionOutcome | None = None


@dataclass(slots=True)
class UpdateCredentialsAlert:
    """Alert 00CB (CS02b) or 0124 (CS02g) once a stored command was carried out."""

    alert_code: int
    execution_date_time: datetime
    outcome: ExecutionOutcome


TRUST_ANCHOR_CELL = Record(
    TrustAnchorCell,
    Element("remote_party_role", SMALL_NUMBER),
    Element("key_usage", KEY_USAGE),
    Element("cell_usage", SMALL_NUMBER, default=0),
)
SPECIALIST_SEQ_NUMBER = Record(
    SpecialistSeqNumber, Element("usage", SMALL_NUMBER), Element("seq_number", SEQ_NUMBER)
)
SEQ_NUMBER_CHANGE = Record(
    RemotePartySeqNumberChange,
    Element("role", SMALL_NUMBER),
    Element("floor_seq_number", SEQ_NUMBER),
    Element("specialist", SequenceOf(SPECIALIST_SEQ_NUMBER), optional=True),
)
PROVIDE_CREDENTIALS_COMMAND = Record(
    ProvideCredentialsCommand,
    Element("authorising_cell", TRUST_ANCHOR_CELL),
    Element("roles", SequenceOf(SMALL_NUMBER)),
)
CELL_DETAILS = Record(
    CellDetails,
    Element("key_usage", KEY_USAGE),
    Element("cell_usage", SMALL_NUMBER, default=0),
    Element("subject_unique_id", EUI64),
    Element("subject_key_identifier", KEY_IDENTIFIER),
)
REMOTE_PARTY_DETAILS = Record(
    RemotePartyDetails,
    Element("role", SMALL_NUMBER),
    Element("status", _STATUS),
    Element("current_seq_number", SEQ_NUMBER, optional=True),
    Element("cells", SequenceOf(CELL_DETAILS), optional=True),
)
PROVIDE_CREDENTIALS_RESPONSE = SequenceOf(REMOTE_PARTY_DETAILS)

AUTHORISING_CONTROL = Record(
    AuthorisingRemotePartyControl,
    Element("mode", SMALL_NUMBER),
    Element("plaintext_symmetric_key", AnyOctets(), tag=0x80, optional=True),
    Element("apply_time_based_cpv_checks", SMALL_NUMBER, tag=0x81, default=0),
    Element("authorising_cell", TRUST_ANCHOR_CELL, tag=0xA2, optional=True),
    Element("authorising_seq_number", SEQ_NUMBER, tag=0x83),
    Element("new_floor_seq_number", SEQ_NUMBER, tag=0x84, optional=True),
    Element("new_specialist_floors", SequenceOf(SPECIALIST_SEQ_NUMBER), tag=0xA5, optional=True),
    Element("other_changes", SequenceOf(SEQ_NUMBER_CHANGE), tag=0xA6, optional=True),
)
REPLACEMENT = Record(Replacement, Element("certificate", CERTIFICATE), Element("cell", TRUST_ANCHOR_CELL))
UPDATE_CREDENTIALS_COMMAND = Record(
    UpdateCredentialsCommand,
    Element("control", AUTHORISING_CONTROL),
    Element("replacements", SequenceOf(REPLACEMENT)),
    Element("certification_path", SequenceOf(CERTIFICATE)),
    Element("execution_date_time", TIME, optional=True),
)
REPLACEMENT_OUTCOME = Record(
    ReplacementOutcome,
    Element("affected_cell", TRUST_ANCHOR_CELL),
    Element("status", _STATUS),
    Element("existing_subject_unique_id", EUI64),
    Element("existing_subject_key_identifier", KEY_IDENTIFIER),
    Element("replacing_subject_unique_id", EUI64),
    Element("replacing_subject_key_identifier", KEY_IDENTIFIER),
)
EXECUTION_OUTCOME = Record(
    ExecutionOutcome,
    Element("authorising_seq_number", SEQ_NUMBER),
    Element("mode", SMALL_NUMBER),
    Element("changes", SequenceOf(SEQ_NUMBER_CHANGE)),
    Element("replacement_outcomes", SequenceOf(REPLACEMENT_OUTCOME)),
)
UPDATE_CREDENTIALS_RESPONSE = Record(
    UpdateCredentialsResponse,
    Element("command_accepted", NULL),
    Element("outcome", EXECUTION_OUTCOME, optional=True),
)
UPDATE_CREDENTIALS_ALERT = Record(
    UpdateCredentialsAlert,
    Element("alert_code", ALERT_CODE),
    Element("execution_date_time", TIME),
    Element("outcome", EXECUTION_OUTCOME),
)
