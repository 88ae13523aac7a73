"""Certificates: the OpenSSL command line and cryptography's X.509 parser are the independent judges."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import DecodeError
from protocols.eui64 import Eui64
from protocols.gbcs import der
from protocols.gbcs.asn1.types import KeyUsage
from protocols.gbcs.keystore import KeyUse
from protocols.smki import (
    CertificateError,
    CertificateReason,
    Hierarchy,
    build_certificate,
    key_identifier,
    make_key,
    parse_certificate,
    verify_certificate,
)
from protocols.smki.certificates import device_subject, organisation_subject

OPENSSL = shutil.which("openssl")
REFERENCE_KEYS = Path(__file__).parents[4] / "shared/rtds/keystore"
METER = Eui64("00-DB-12-34-56-78-90-A0")
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="no openssl command on this machine")


@pytest.fixture(scope="module")
def hierarchy() -> Hierarchy:
    return Hierarchy("unit tests")


def openssl(*arguments: str, stdin: bytes = b"") -> str:
    assert OPENSSL is not None
    done = subprocess.run([OPENSSL, *arguments], input=stdin, capture_output=True, check=True)
    return done.stdout.decode()


def pem(der: bytes) -> bytes:
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)


def decode_error(certificate: bytes) -> DecodeError | None:
    try:
        parse_certificate(certificate)
    except DecodeError as error:
        return error
    return None


def reason_of(*arguments, **options) -> CertificateReason:
    with pytest.raises(CertificateError) as caught:
        verify_certificate(*arguments, **options)
    return caught.value.reason


def test_same_seed_gives_the_same_octets(hierarchy):
    again = Hierarchy(b"unit tests")
    for party in ("supplier", "access_control_broker"):
        assert [each.certificate for each in hierarchy.organisation(party)] == [
            each.certificate for each in again.organisation(party)
        ]
    assert hierarchy.device(METER).ka.certificate == again.device(METER).ka.certificate
    assert hierarchy.root.certificate != Hierarchy("other").root.certificate


def test_keys_differ_by_label_and_generation(hierarchy):
    supplier = hierarchy.organisation("supplier")
    following = hierarchy.organisation("supplier", generation=1)
    identifiers = {each.key_id for each in (*supplier, *following)}
    assert len(identifiers) == 6
    assert make_key(b"s", "a").private_numbers() == make_key(b"s", "a").private_numbers()


@needs_openssl
@pytest.mark.parametrize("party", ["supplier", "network_operator", "access_control_broker", "other"])
def test_openssl_verifies_organisation_chains(hierarchy, tmp_path, party):
    (tmp_path / "root.pem").write_bytes(pem(hierarchy.root.certificate))
    (tmp_path / "issuing.pem").write_bytes(pem(hierarchy.issuing.certificate))
    for identity in hierarchy.organisation(party):
        (tmp_path / "party.pem").write_bytes(pem(identity.certificate))
        answer = openssl(
            "verify", "-x509_strict", "-CAfile", f"{tmp_path}/root.pem",
            "-untrusted", f"{tmp_path}/issuing.pem", f"{tmp_path}/party.pem",
        )  # fmt: skip
        assert answer.endswith("OK\n")


@needs_openssl
def test_openssl_verifies_device_chains(hierarchy, tmp_path):
    (tmp_path / "root.pem").write_bytes(pem(hierarchy.device_root.certificate))
    (tmp_path / "issuing.pem").write_bytes(pem(hierarchy.device_issuing.certificate))
    for identity in hierarchy.device(METER):
        (tmp_path / "device.pem").write_bytes(pem(identity.certificate))
        answer = openssl(
            "verify", "-CAfile", f"{tmp_path}/root.pem",
            "-untrusted", f"{tmp_path}/issuing.pem", f"{tmp_path}/device.pem",
        )  # fmt: skip
        assert answer.endswith("OK\n")


@needs_openssl
def test_openssl_reads_the_organisation_profile(hierarchy):
    text = openssl(
        "x509", "-inform", "DER", "-noout", "-text",
        stdin=hierarchy.organisation("supplier").ds.certificate,
    )  # fmt: skip
    assert "Subject: OU = 02, x500UniqueIdentifier = #03090090B3D51F30010000" in text
    assert re.search(r"X509v3 Key Usage: critical\s+Digital Signature\n", text)
    assert re.search(r"X509v3 Subject Key Identifier:\s+4[0-9A-F](:[0-9A-F]{2}){7}\n", text)
    assert re.search(r"X509v3 Authority Key Identifier:\s+4[0-9A-F](:[0-9A-F]{2}){7}\n", text)
    assert "X509v3 Certificate Policies: critical" in text
    assert "ecdsa-with-SHA256" in text


@needs_openssl
def test_openssl_reads_the_device_profile(hierarchy):
    certificate = hierarchy.device(METER).ka.certificate
    text = openssl("x509", "-inform", "DER", "-noout", "-text", stdin=certificate)
    assert re.search(r"Subject: *\n", text)
    assert "Not After : Dec 31 23:59:59 9999 GMT" in text
    assert re.search(r"X509v3 Key Usage: critical\s+Key Agreement\n", text)
    assert re.search(
        r"X509v3 Subject Alternative Name: critical\s+othername: 1\.3\.6\.1\.5\.5\.7\.8\.4", text
    )
    dump = openssl("asn1parse", "-inform", "DER", stdin=certificate)
    assert METER.hex().upper() in dump


def test_our_reader_agrees_with_cryptography(hierarchy):
    for identity in (*hierarchy.organisation("supplier"), *hierarchy.device(METER)):
        info = parse_certificate(identity.certificate)
        judge = x509.load_der_x509_certificate(identity.certificate)
        assert info.not_before == judge.not_valid_before_utc
        assert info.not_after == judge.not_valid_after_utc
        assert info.serial == judge.serial_number
        assert info.public_key == judge.public_key() == identity.public
        assert info.signed == judge.tbs_certificate_bytes
        assert info.subject == judge.subject.public_bytes()
        assert info.issuer == judge.issuer.public_bytes()
        assert info.subject_eui == identity.eui64
        assert info.role == identity.role
        assert info.is_device == (identity.role is None)
        extensions = judge.extensions
        assert info.key_id == extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
        authority = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        assert info.authority_key_id == authority.key_identifier
        assert info.key_id == key_identifier(info.public_key)
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
        assert usage.digital_signature == (identity.use is KeyUse.DS)
        assert usage.key_agreement == (identity.use is not KeyUse.DS)
        assert info.key_usage == (0x80 if identity.use is KeyUse.DS else 0x08)


def test_verify_accepts_whole_paths(hierarchy):
    when = datetime(2026, 1, 1, tzinfo=UTC)
    authorities = hierarchy.authorities
    for identity in (*hierarchy.organisation("recovery"), *hierarchy.device(METER)):
        verify_certificate(identity.certificate, authorities, when)
    verify_certificate(
        hierarchy.organisation("supplier").ds.certificate,
        [hierarchy.issuing.certificate],
        when,
        anchors=[hierarchy.root.certificate],
        usage=KeyUsage.DIGITAL_SIGNATURE,
    )
    verify_certificate(hierarchy.root.certificate, [], anchors=[hierarchy.root.certificate])


def test_verify_names_the_reason(hierarchy):
    supplier = hierarchy.organisation("supplier").ds.certificate
    stranger = Hierarchy("stranger")
    issuing = [hierarchy.issuing.certificate]
    assert reason_of(supplier, []) is CertificateReason.UNKNOWN_ISSUER
    assert reason_of(supplier, [stranger.issuing.certificate]) is CertificateReason.UNKNOWN_ISSUER
    assert (
        reason_of(supplier, issuing, anchors=[stranger.root.certificate]) is CertificateReason.UNKNOWN_ISSUER
    )
    damaged = supplier[:-1] + bytes([supplier[-1] ^ 1])
    assert reason_of(damaged, issuing) is CertificateReason.BAD_SIGNATURE
    assert reason_of(supplier, issuing, usage=KeyUsage.KEY_AGREEMENT) is CertificateReason.WRONG_USAGE
    info = parse_certificate(supplier)
    second = timedelta(seconds=1)
    assert reason_of(supplier, issuing, info.not_before - second) is CertificateReason.NOT_YET_VALID
    assert reason_of(supplier, issuing, info.not_after + second) is CertificateReason.EXPIRED
    verify_certificate(supplier, issuing, info.not_after)


def test_a_certificate_of_a_party_cannot_issue(hierarchy):
    supplier = hierarchy.organisation("supplier").ds
    name = organisation_subject(supplier.eui64, 2, KeyUsage.DIGITAL_SIGNATURE).name
    forged = build_certificate(
        device_subject(METER, KeyUsage.KEY_AGREEMENT),
        supplier.public,
        issuer_name=name,
        issuer_key=supplier.private,
        not_before=datetime(2020, 1, 1, tzinfo=UTC),
        not_after=datetime(2030, 1, 1, tzinfo=UTC),
    )
    reason = reason_of(forged, [supplier.certificate, *hierarchy.authorities])
    assert reason is CertificateReason.WRONG_USAGE


def test_validity_can_be_set(hierarchy):
    old = hierarchy.organisation(
        "supplier", not_before=datetime(2015, 1, 1, tzinfo=UTC), not_after=datetime(2016, 1, 1, tzinfo=UTC)
    )
    when = datetime(2020, 1, 1, tzinfo=UTC)
    assert reason_of(old.ka.certificate, hierarchy.authorities, when) is CertificateReason.EXPIRED


def test_a_party_without_name_needs_a_role(hierarchy):
    assert hierarchy.organisation(METER, 2).pp_ka is not None
    with pytest.raises(ValueError, match="needs a role"):
        hierarchy.organisation(METER)


def test_truncated_certificates_are_decode_errors(hierarchy):
    certificate = hierarchy.device(METER).ds.certificate
    for length in range(len(certificate)):
        with pytest.raises(DecodeError):
            parse_certificate(certificate[:length])


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 7))
def test_flipped_bits_never_crash_the_reader(octet, bit):
    certificate = bytearray(_FLIPPED.certificate)
    certificate[octet % len(certificate)] ^= 1 << bit
    error = decode_error(bytes(certificate))
    assert error is None or (0 <= error.offset <= len(certificate) and error.path)


_FLIPPED = Hierarchy("flips").device(METER).ka


@pytest.mark.skipif(not REFERENCE_KEYS.is_dir(), reason="reference keystore not at hand")
def test_reference_certificates_follow_the_profile():
    read = 0
    for path in sorted(REFERENCE_KEYS.glob("*.pem")):
        text = path.read_bytes()
        if b"BEGIN CERTIFICATE" not in text:
            continue
        judge = x509.load_pem_x509_certificate(text)
        info = parse_certificate(judge.public_bytes(Encoding.DER))
        assert info.public_key == judge.public_key()
        if info.key_id:
            assert info.key_id == key_identifier(info.public_key)
        assert info.subject_eui is not None
        assert info.is_device == (info.role is None)
        read += 1
    assert read > 400


def test_importing_does_not_load_an_x509_library():
    code = "import sys, protocols.smki; print('cryptography.x509' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == "False\n"


def test_a_part_too_many_is_no_certificate(hierarchy):
    """Found by damaged credentials commands: it left ``parse_certificate`` as something else than DecodeError."""
    parts = der.parse_der(hierarchy.organisation("supplier").ds.certificate).children
    with pytest.raises(DecodeError, match="4 elements instead of 3"):
        parse_certificate(der.sequence(*(part.octets() for part in [*parts, parts[1]])))
