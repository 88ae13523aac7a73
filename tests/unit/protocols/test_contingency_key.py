"""The contingency key in a root's certificate."""

from __future__ import annotations

import contextlib

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import DecodeError
from protocols.smki import Hierarchy, contingency_key, parse_certificate
from protocols.smki.contingency import wrap_contingency_key

HIERARCHY = Hierarchy("contingency")
ROOT, SYMMETRIC = HIERARCHY.root.certificate, HIERARCHY.contingency.symmetric
PUBLIC = HIERARCHY.contingency.private.public_key()


def test_the_symmetric_key_opens_it():
    assert contingency_key(ROOT, SYMMETRIC) == PUBLIC
    assert parse_certificate(ROOT).is_authority


@pytest.mark.parametrize("octets", [16, 24, 32])
def test_what_wraps_decides_what_opens(octets):
    symmetric = bytes(range(octets))
    extension = wrap_contingency_key(PUBLIC, symmetric)
    assert {16: "08", 24: "1C", 32: "30"}[octets] == f"{extension[14]:02X}"  # last arc of id-aes...-wrap-pad


@pytest.mark.parametrize("symmetric", [b"", bytes(16), bytes(32), SYMMETRIC[:-1] + b"!"])
def test_anything_else_does_not(symmetric):
    with pytest.raises(DecodeError, match=r"open it|does not open"):
        contingency_key(ROOT, symmetric)


def test_issuing_authorities_have_none():
    with pytest.raises(DecodeError, match="holds none"):
        contingency_key(HIERARCHY.issuing.certificate, SYMMETRIC)


def test_another_reader_of_certificates_finds_the_extension():
    found = x509.load_der_x509_certificate(ROOT).extensions
    (extension,) = [each for each in found if each.oid.dotted_string == "1.3.6.1.5.5.7.1.20"]
    assert not extension.critical
    assert extension.value.value == HIERARCHY.contingency.wrapped()


def test_cut_off_at_any_octet():
    for size in range(len(ROOT)):
        with pytest.raises(DecodeError):
            contingency_key(ROOT[:size], SYMMETRIC)


@given(st.integers(0, 8 * len(ROOT) - 1))
def test_a_turned_bit_is_told_or_does_not_matter(bit):
    octets = bytearray(ROOT)
    octets[bit // 8] ^= 1 << bit % 8
    with contextlib.suppress(DecodeError):
        assert contingency_key(bytes(octets), SYMMETRIC) == PUBLIC
