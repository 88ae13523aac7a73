"""What each ASN.1 payload is as a whole: the alternatives it may be, each a structure or one named value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from protocols.gbcs.asn1 import credentials, firmware, joining, registry
from protocols.gbcs.asn1.schema import CERTIFICATE, EUI64, NULL, SMALL_NUMBER, Record, Type
from protocols.gbcs.named.asn1_names import Field

if TYPE_CHECKING:
    from collections.abc import Iterable


class IssueCredentialsCode(IntEnum):
    """Why CS02c gave no certification request."""

    INVALID_KEY_USAGE = 1
    KEY_PAIR_GENERATION_FAILED = 2
    CR_PRODUCTION_FAILED = 3


class UpdateCertificateCode(IntEnum):
    """Outcome of CS02d."""

    SUCCESS = 0
    INVALID_CERTIFICATE = 1
    WRONG_DEVICE_IDENTITY = 2
    INVALID_KEY_USAGE = 3
    NO_CORRESPONDING_KEY_PAIR_GENERATED = 4
    WRONG_PUBLIC_KEY = 5
    CERTIFICATE_STORAGE_FAILED = 6
    PRIVATE_KEY_CHANGE_FAILED = 7


class ProvideCertificateCode(IntEnum):
    """Why CS02e gave no certificate."""

    INVALID_KEY_USAGE = 1
    NO_CERTIFICATE_HELD = 2
    CERTIFICATE_RETRIEVAL_FAILURE = 3


class UnjoinCode(IntEnum):
    """Outcome of CS04."""

    SUCCESS = 0
    OTHER_DEVICE_NOT_IN_DEVICE_LOG = 1
    OTHER_FAILURE = 2


@dataclass(slots=True)
class Alternative:
    """One form a payload can take.

    Without ``field`` the structure's own elements stand at the top of the payload's values (and a NULL, which
    says nothing, has no value at all); with it the whole payload is one value of that name.
    """

    type: Type
    field: Field | None = None


_EXTRA: dict[tuple[int, str], tuple[Alternative, ...]] = {
    (0x000A, "response"): (
        Alternative(CERTIFICATE, Field("certificationRequest")),
        Alternative(SMALL_NUMBER, Field("responseCode", IssueCredentialsCode)),
    ),
    (0x000B, "command"): (Alternative(CERTIFICATE, Field("certificate")),),
    (0x000B, "response"): (Alternative(SMALL_NUMBER, Field("responseCode", UpdateCertificateCode)),),
    (0x000C, "response"): (
        Alternative(CERTIFICATE, Field("certificate")),
        Alternative(SMALL_NUMBER, Field("responseCode", ProvideCertificateCode)),
    ),
    (0x0012, "response"): (
        Alternative(NULL, Field("commandAccepted")),
        Alternative(firmware.ACTIVATION_OUTCOME, Field("executionOutcome")),
    ),
}
_ROLES = Alternative(credentials.PROVIDE_CREDENTIALS_RESPONSE, Field("remotePartyDetails"))
_JOINED = Alternative(SMALL_NUMBER, Field("joinResponseCode", joining.JoinResponseCode))
_UNJOIN = Alternative(EUI64, Field("otherDeviceEntityIdentifier"))
_UNJOINED = Alternative(SMALL_NUMBER, Field("unjoinResponseCode", UnjoinCode))


def _add(codes: Iterable[int], kind: str, alternative: Alternative) -> None:
    _EXTRA.update({(code, kind): (alternative,) for code in codes})


_add((0x0008, 0x011B), "response", _ROLES)
_add((0x000D, 0x00AB, 0x000E, 0x00AF), "response", _JOINED)
_add((0x000F, 0x0010), "command", _UNJOIN)
_add((0x000F, 0x0010), "response", _UNJOINED)


def alternatives(message_code: int, kind: str) -> tuple[Alternative, ...]:
    """Forms of a payload; ``kind`` is command, response or alert. Empty for codes without ASN.1 payload."""
    known = _EXTRA.get((message_code, kind))
    if known is not None:
        return known
    structure = registry.structure(message_code, kind)
    if structure is None:
        return ()
    assert isinstance(structure, Record) or structure is NULL, "single values are listed above"
    return (Alternative(structure),)
