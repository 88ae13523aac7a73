"""Checking a certificate against its issuers."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from protocols.gbcs.asn1.types import KeyUsage
from protocols.smki.parsing import CertificateInfo, parse_certificate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


# Plain numbers: combining the members of an enumeration costs more than all the rest of a check.
_MAY_SIGN = int(KeyUsage.KEY_CERT_SIGN)
_VERIFYING = ec.ECDSA(hashes.SHA256())


class CertificateReason(StrEnum):
    """Why a certificate is not accepted."""

    BAD_SIGNATURE = "bad_signature"
    UNKNOWN_ISSUER = "unknown_issuer"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    WRONG_USAGE = "wrong_usage"


class CertificateError(ValueError):
    """A certificate that is well formed but not to be trusted; ``reason`` says why."""

    def __init__(self, reason: CertificateReason, problem: str) -> None:
        super().__init__(problem)
        self.reason = reason


def verify_certificate(
    certificate: bytes,
    issuers: Sequence[bytes],
    at: datetime | None = None,
    *,
    anchors: Sequence[bytes] | None = None,
    usage: KeyUsage | None = None,
) -> None:
    """Check a certificate and its issuers up to one that is trusted.

    ``issuers`` are certificates that may stand between; without ``anchors`` all of them are trusted, with
    anchors the path must end at one of those (for a device: the root of its trust anchor cell). ``at`` is the
    time for validity checks, None for none. ``usage`` is what the certificate has to be good for. Raises
    CertificateError, or DecodeError for octets that are no certificate.
    """
    info = parse_certificate(certificate)
    if usage is not None and not int(info.key_usage) & int(usage):
        raise CertificateError(
            CertificateReason.WRONG_USAGE, f"key usage {info.key_usage!r} instead of {usage!r}"
        )
    trusted = [parse_certificate(each) for each in (issuers if anchors is None else anchors)]
    between = [] if anchors is None else [parse_certificate(each) for each in issuers]
    if any(certificate == each for each in (anchors or ())):
        _check_validity(info, at)
        return
    while True:
        _check_validity(info, at)
        issuer = _issuer_of(info, trusted)
        if issuer is not None:
            check_issued(info, issuer)
            _check_validity(issuer, at)
            return
        issuer = _issuer_of(info, between)
        if issuer is None:
            raise CertificateError(
                CertificateReason.UNKNOWN_ISSUER,
                f"no issuer with key id {info.authority_key_id.hex()} is known",
            )
        check_issued(info, issuer)
        between.remove(issuer)  # each stands once in a path, so this ends
        info = issuer


def _issuer_of(info: CertificateInfo, candidates: list[CertificateInfo]) -> CertificateInfo | None:
    for candidate in candidates:
        same_key = not info.authority_key_id or candidate.key_id == info.authority_key_id
        if candidate.subject == info.issuer and same_key:
            return candidate
    return None


def check_issued(info: CertificateInfo, issuer: CertificateInfo) -> None:
    """Whether an issuer may sign certificates and has signed this one; CertificateError if not."""
    if not int(issuer.key_usage) & _MAY_SIGN or not issuer.is_authority:
        raise CertificateError(CertificateReason.WRONG_USAGE, "the issuer may not sign certificates")
    try:
        issuer.public_key.verify(info.signature, info.signed, _VERIFYING)
    except InvalidSignature:
        raise CertificateError(
            CertificateReason.BAD_SIGNATURE, "the issuer's key does not verify the signature"
        ) from None


def _check_validity(info: CertificateInfo, at: datetime | None) -> None:
    if at is None:
        return
    if at < info.not_before:
        raise CertificateError(CertificateReason.NOT_YET_VALID, f"valid from {info.not_before.isoformat()}")
    if at > info.not_after:
        raise CertificateError(CertificateReason.EXPIRED, f"valid until {info.not_after.isoformat()}")
