"""Certification requests (PKCS#10): written and read here, with the cryptography package at the other end."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import DecodeError
from protocols.eui64 import Eui64
from protocols.gbcs.asn1.types import KeyUsage
from protocols.smki import Hierarchy, make_key, parse_certificate, verify_certificate
from protocols.smki.keys import public_point
from protocols.smki.requests import build_request, read_request

METER = Eui64("00-DB-12-34-56-78-90-A0")
KEY = make_key(b"requests", "new")
HIERARCHY = Hierarchy("requests")
NAME = parse_certificate(HIERARCHY.device(METER).ka.certificate).alternative_name


def request(usage: KeyUsage = KeyUsage.KEY_AGREEMENT) -> bytes:
    return build_request(NAME, usage, public_point(KEY.public_key()), KEY)


@pytest.mark.parametrize("usage", [KeyUsage.KEY_AGREEMENT, KeyUsage.DIGITAL_SIGNATURE])
def test_what_is_asked_is_read(usage):
    asked = read_request(request(usage))
    assert (asked.eui64, asked.key_usage) == (METER, usage)
    assert public_point(asked.public_key) == public_point(KEY.public_key())


def test_the_cryptography_package_reads_ours_and_we_read_its():
    theirs = x509.load_der_x509_csr(request())
    assert theirs.is_signature_valid
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    for extension in theirs.extensions:
        builder = builder.add_extension(extension.value, critical=extension.critical)
    made = builder.sign(KEY, SHA256()).public_bytes(Encoding.DER)
    asked = read_request(made)
    assert (asked.eui64, asked.key_usage) == (METER, KeyUsage.KEY_AGREEMENT)


def test_a_request_signed_with_another_key_is_refused():
    forged = build_request(
        NAME, KeyUsage.KEY_AGREEMENT, public_point(KEY.public_key()), make_key(b"requests", "other")
    )
    with pytest.raises(InvalidSignature):
        read_request(forged)


def test_a_request_of_nobody_is_no_request():
    nameless = build_request(b"\x30\x00", KeyUsage.KEY_AGREEMENT, public_point(KEY.public_key()), KEY)
    with pytest.raises(DecodeError, match="hardwareModuleName"):
        read_request(nameless)


def test_truncated_requests_are_decode_errors():
    octets = request()
    for length in range(len(octets)):
        with pytest.raises(DecodeError):
            read_request(octets[:length])


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 7))
def test_flipped_bits_never_pass(octet, bit):
    changed = bytearray(request())
    changed[octet % len(changed)] ^= 1 << bit
    with pytest.raises((DecodeError, InvalidSignature)):
        read_request(bytes(changed))


def test_a_certificate_is_issued_for_the_key_in_a_request():
    asked = read_request(request())
    certificate = HIERARCHY.device_certificate(asked.eui64, asked.key_usage, asked.public_key)
    verify_certificate(
        certificate, [HIERARCHY.device_issuing.certificate], anchors=[HIERARCHY.device_root.certificate]
    )
    info = parse_certificate(certificate)
    assert (info.subject_eui, info.key_usage) == (METER, KeyUsage.KEY_AGREEMENT)
    assert public_point(info.public_key) == public_point(KEY.public_key())
    assert info.alternative_name == NAME
