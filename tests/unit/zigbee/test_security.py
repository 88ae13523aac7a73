"""Vectors: ZigBee 05-3474 annex C (hashes, CCM*) and NIST SP 800-38C example 1 (a MIC of 4 octets)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64
from protocols.zigbee.security import (
    AuxiliaryHeader,
    KeyIdentifier,
    SecurityError,
    ccm_decrypt,
    ccm_encrypt,
    keyed_hash,
    load_key,
    mmo_hash,
    parse_auxiliary,
    transport_key,
    verify_hash,
)
from tests.unit.zigbee.frames import IEEE, KEY, auxiliary_headers, relaxed, survives

DEVICE = Eui64("00-12-4B-00-01-02-03-04")


def octets(first: int, count: int) -> bytes:
    return bytes(range(first, first + count))


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        ("C0", "AE3A102A28D43EE0D4A09E22788B206C"),  # C.5.1
        ("C0C1C2C3C4C5C6C7C8C9CACBCCCDCECF", "A7977E88BC0B61E8210827109A228F2D"),  # C.5.2
        (
            "83FED3407A939723A5C639B26916D505C3B5",
            "66B6900981E1EE3CA4206B6B861C02BB",
        ),  # the install code example
    ],
)
def test_published_hashes(data, digest):
    assert mmo_hash(bytes.fromhex(data)) == bytes.fromhex(digest)


@pytest.mark.parametrize(
    ("count", "digest"),
    [
        (8191, "24EC2FE75BBFFCB34789BC0610E7F165"),  # C.5.3: the last length that goes into 2 octets
        (8192, "DC6B0687F09F8607131C170B3BD31591"),  # C.5.4
        (8201, "72C9B15E178AA843E4A16C58E33643A3"),  # C.5.5
        (8202, "BC9828D59B2AA323DAF20BE5F2E66511"),  # C.5.6
    ],
)
def test_published_hashes_of_long_messages(count, digest):
    assert mmo_hash(bytes(number & 0xFF for number in range(count))) == bytes.fromhex(digest)


def test_published_keyed_hashes():
    # C.6.1 and C.6.2, whose key is longer than a block
    digest = keyed_hash(octets(0x40, 16), b"\xc0")
    assert digest == bytes.fromhex("4512807BF94CB3400F0E2C25FB76E999")
    digest = keyed_hash(octets(0x40, 32), octets(0xC0, 16))
    assert digest == bytes.fromhex("A3B0079984BF1557F74A0D6387E0A11A")


def test_nist_example_with_a_mic_of_four_octets():
    # SP 800-38C example 1
    sealed = ccm_encrypt(octets(0x40, 16), octets(0x10, 7), octets(0, 8), octets(0x20, 4))
    assert sealed == bytes.fromhex("7162015B4DAC255D")


def test_zigbee_example():
    # C.3: that example has a MIC of 8 octets, which changes the MIC but not the ciphertext.
    nonce = octets(0xA0, 8) + bytes.fromhex("0302010006")
    sealed = ccm_encrypt(octets(0xC0, 16), nonce, octets(0, 8), octets(8, 23))
    assert sealed[:-4] == bytes.fromhex("1A55A36ABB6C610D066B3375649CEF10D4664ECAD854A8")


def test_derived_keys_are_hashes_of_single_octets():
    link = bytes.fromhex("5A6967426565416C6C69616E63653039")
    # The transport key of the well-known link key, as sniffers and stacks print it.
    assert transport_key(link) == bytes.fromhex("4BAB0F173E1434A2D572E1C1EF478782")
    assert load_key(link) == keyed_hash(link, b"\x02")
    assert verify_hash(link) == keyed_hash(link, b"\x03")
    assert len({transport_key(link), load_key(link), verify_hash(link), link}) == 4


def test_nonce_and_authenticated_data_carry_the_level_in_use():
    header = AuxiliaryHeader(KeyIdentifier.NETWORK, 0x01020304, DEVICE, 7)
    assert header.build() == bytes.fromhex("28 04030201 04030201004B1200 07")
    assert header.authenticated() == b"\x2d" + header.build()[1:]
    assert header.nonce() == DEVICE[::-1] + bytes.fromhex("04030201") + b"\x2d"


def test_a_header_without_source_takes_it_from_outside():
    header = AuxiliaryHeader(KeyIdentifier.LINK, 1, extended_nonce=False)
    assert header.build() == bytes.fromhex("0001000000")
    assert header.nonce(DEVICE) == DEVICE[::-1] + bytes.fromhex("0100000005")
    with pytest.raises(EncodeError, match="source"):
        header.nonce()


def test_level_5_is_the_only_one():
    with pytest.raises(EncodeError, match="level"):
        AuxiliaryHeader(KeyIdentifier.LINK, 1, DEVICE, level=6).authenticated()


@pytest.mark.parametrize(
    "header",
    [
        AuxiliaryHeader(KeyIdentifier.NETWORK, 1, DEVICE),
        AuxiliaryHeader(KeyIdentifier.LINK, 1, DEVICE, 1),
        AuxiliaryHeader(KeyIdentifier.LINK, 1),
        AuxiliaryHeader(KeyIdentifier.LINK, 1, DEVICE, extended_nonce=False),
        AuxiliaryHeader(KeyIdentifier.LINK, 1 << 32, DEVICE),
        AuxiliaryHeader(KeyIdentifier.NETWORK, 1, DEVICE, 256),
    ],
)
def test_what_no_header_can_say(header):
    with pytest.raises(EncodeError):
        header.build()


@relaxed
@given(auxiliary_headers(), st.data())
def test_headers_round_trip_and_survive(header, data):
    encoded = header.build()
    assert parse_auxiliary(encoded) == (header, len(encoded))

    def parse(octets):
        found, end = parse_auxiliary(octets)
        return found, octets[end:]

    survives(encoded, parse, lambda found: found[0].build() + found[1], data)


@relaxed
@given(KEY, st.binary(min_size=13, max_size=13), st.binary(max_size=40), st.binary(max_size=100), st.data())
def test_ccm_round_trips_and_notices_every_change(key, nonce, aad, plain, data):
    sealed = ccm_encrypt(key, nonce, aad, plain)
    assert len(sealed) == len(plain) + 4
    assert ccm_decrypt(key, nonce, aad, sealed) == plain
    place = data.draw(st.integers(0, 8 * len(sealed) - 1))
    changed = bytearray(sealed)
    changed[place // 8] ^= 1 << place % 8
    for wrong in (bytes(changed), sealed[:-1], sealed[:3], b""):
        with pytest.raises(SecurityError) as caught:
            ccm_decrypt(key, nonce, aad, wrong)
        assert isinstance(caught.value, DecodeError)


@relaxed
@given(IEEE, st.integers(0, 0xFFFFFFFF))
def test_a_nonce_has_13_octets(source, counter):
    assert len(AuxiliaryHeader(KeyIdentifier.LINK, counter, source).nonce()) == 13
