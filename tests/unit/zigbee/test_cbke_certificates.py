from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64
from protocols.zigbee.cbke.authority import TestAuthority
from protocols.zigbee.cbke.certificates import NO_END, Suite1Certificate, Suite2Certificate
from protocols.zigbee.cbke.credentials import Credentials
from protocols.zigbee.cbke.ecqv import hash_number, private_key, public_key
from protocols.zigbee.cbke.suites import SUITE_1, SUITE_2, SUITES, bitmap, suite_of_bit

BOTH = pytest.mark.parametrize("suite", SUITES, ids=["suite 2", "suite 1"])
DEVICE = Eui64("90-B3-D5-1F-30-01-00-00")
ISSUER = Eui64("11-12-13-14-15-16-17-18")
relaxed = settings(deadline=None, max_examples=40)

suite_2_certificates = st.builds(
    Suite2Certificate,
    point=st.binary(min_size=37, max_size=37),
    subject=st.binary(min_size=8, max_size=8).map(Eui64),
    issuer=st.binary(min_size=8, max_size=8).map(Eui64),
    serial=st.integers(0, 2**64 - 1),
    valid_from=st.integers(0, 2**40 - 1),
    valid_for=st.integers(0, 2**32 - 1),
    key_usage=st.integers(0, 255),
    type=st.integers(0, 255),
    curve=st.integers(0, 255),
    hash=st.integers(0, 255),
)


def test_layout_of_suite_1():
    """The responder certificate of annex C.5."""
    octets = bytes.fromhex(
        "03045FDFC8D85FFB8B3993CB72DDCAA55F00B3E87D6D 0000000000000001 5445535453454341 01090006000000000000"
    )
    certificate = Suite1Certificate.parse(octets)
    assert certificate.subject == Eui64("00-00-00-00-00-00-00-01")
    assert certificate.issuer == b"TESTSECA"
    assert certificate.attributes.hex() == "01090006000000000000"
    assert certificate.build() == octets
    assert certificate.problem() is None
    certificate.attributes = bytes(10)
    assert "profile 0000" in (certificate.problem() or "")


def test_layout_of_suite_2():
    """The responder certificate of annex C.6."""
    octets = bytes.fromhex(
        "00 2622A505E8938F27 0D 08 1112131415161718 005292A35B FFFFFFFF 0A0B0C0D0E0F1011 88"
        "0303B4E9DC543A64333C982308022B54E67E2F15F532551B0A11E2E2C1C1D3097A4324E7ED"
    )
    certificate = Suite2Certificate.parse(octets)
    assert certificate.serial == 0x2622A505E8938F27
    assert (certificate.valid_from, certificate.valid_for) == (0x5292A35B, NO_END)
    assert (certificate.issuer, certificate.subject) == (ISSUER, Eui64("0A-0B-0C-0D-0E-0F-10-11"))
    assert certificate.key_usage == 0x88
    assert certificate.build() == octets
    assert certificate.problem(1.7e9) is None
    SUITE_2.curve.decode(certificate.point)


@given(suite_2_certificates)
@relaxed
def test_round_trip_keeps_even_what_is_not_acceptable(certificate):
    octets = certificate.build()
    assert len(octets) == 74
    assert Suite2Certificate.parse(octets) == certificate


@given(st.binary(min_size=48, max_size=48))
@relaxed
def test_any_48_octets_are_kept(octets):
    assert Suite1Certificate.parse(octets).build() == octets


@BOTH
def test_truncated_at_every_octet(suite):
    octets = bytes(suite.certificate_octets)
    for length in (*range(len(octets)), len(octets) + 1):
        with pytest.raises(DecodeError, match="octets"):
            suite.parse_certificate((octets + b"\x00")[:length])


def test_values_that_do_not_fit_are_named():
    certificate = Suite2Certificate(bytes(37), DEVICE, ISSUER)
    for name, value in (
        ("serial", 2**64),
        ("valid_from", 2**40),
        ("valid_from", -1),
        ("valid_for", 2**32),
        ("key_usage", 256),
        ("point", b"short"),
    ):
        kept = getattr(certificate, name)
        setattr(certificate, name, value)
        with pytest.raises(EncodeError) as error:
            certificate.build()
        assert error.value.element == name
        setattr(certificate, name, kept)
    with pytest.raises(EncodeError, match="attributes"):
        Suite1Certificate(bytes(22), DEVICE, ISSUER, b"").build()


def test_problems_of_suite_2_fields():
    good = Suite2Certificate(bytes(37), DEVICE, ISSUER, valid_from=1000, valid_for=500)
    assert good.problem() is None
    assert good.problem(1000) is None
    assert good.problem(1500) is None
    assert "valid from" in (good.problem(999) or "")
    assert "valid until" in (good.problem(1501) or "")
    for name, value, reason in (
        ("type", 1, "type 01"),
        ("curve", 12, "curve 0C"),
        ("hash", 2, "hash 02"),
        ("key_usage", 0x80, "key usage 80"),
    ):
        kept = getattr(good, name)
        setattr(good, name, value)
        assert reason in (good.problem() or "")
        setattr(good, name, kept)


@BOTH
def test_our_authority_issues_what_fits_and_can_be_repeated(suite):
    authority = TestAuthority(suite, ISSUER, b"rig")
    credentials = authority.issue(DEVICE)
    assert credentials.problem(1.8e9) is None
    assert (credentials.subject, credentials.issuer, credentials.suite) == (DEVICE, ISSUER, suite)
    again = TestAuthority(suite, ISSUER, b"rig").issue(DEVICE)
    assert again.certificate_octets == credentials.certificate_octets
    assert again.private_key == credentials.private_key
    others = [
        TestAuthority(suite, ISSUER, b"other").issue(DEVICE),
        TestAuthority(suite, DEVICE, b"rig").issue(DEVICE),
        authority.issue(ISSUER),
    ]
    keys = {each.private_key for each in others} | {credentials.private_key}
    assert len(keys) == 4


@BOTH
def test_reconstructed_keys_belong_together(suite):
    """Request key k, authority key c, share s: the point is (k + s) G and the authority returns e s + c."""
    curve = suite.curve
    request, share, authority = 111, 222, 333
    certificate = suite.parse_certificate(TestAuthority(suite, ISSUER).issue(DEVICE).certificate_octets)
    certificate.point = curve.encode(curve.multiply_base(request + share))
    returned = hash_number(certificate.build()) * share + authority
    private = private_key(suite, certificate, request, returned % curve.order)
    expected = public_key(suite, certificate, curve.multiply_base(authority))
    assert curve.multiply_base(private) == expected


@BOTH
@given(data=st.data())
@relaxed
def test_a_changed_certificate_no_longer_fits(suite, data):
    credentials = TestAuthority(suite, ISSUER, b"rig").issue(DEVICE)
    octets = bytearray(credentials.certificate_octets)
    bit = data.draw(st.integers(0, 8 * len(octets) - 1))
    octets[bit // 8] ^= 1 << bit % 8
    changed = Credentials(bytes(octets), credentials.private_key_octets, credentials.authority_octets)
    assert changed.problem()


@BOTH
def test_wrong_sets_say_so(suite):
    authority = TestAuthority(suite, ISSUER, b"rig")
    one, two = authority.issue(DEVICE), authority.issue(ISSUER)
    stranger = TestAuthority(suite, ISSUER, b"other").issue(DEVICE)
    for mixed in (
        Credentials(one.certificate_octets, two.private_key_octets, one.authority_octets),
        Credentials(two.certificate_octets, one.private_key_octets, one.authority_octets),
        Credentials(one.certificate_octets, one.private_key_octets, stranger.authority_octets),
    ):
        assert "do not belong together" in (mixed.problem() or "")
    with pytest.raises(DecodeError, match="48 octets"):
        Credentials(b"\x00" * 47, one.private_key_octets, one.authority_octets)
    with pytest.raises(DecodeError, match="private_key"):
        Credentials(one.certificate_octets, b"", one.authority_octets)
    with pytest.raises(DecodeError, match="authority"):
        Credentials(one.certificate_octets, one.private_key_octets, b"")


def test_the_radio_must_be_the_subject():
    credentials = TestAuthority(SUITE_2, ISSUER).issue(DEVICE)
    assert credentials.problem_with_radio(DEVICE) is None
    assert "in reverse" in (credentials.problem_with_radio(Eui64(DEVICE[::-1])) or "")
    reason = credentials.problem_with_radio(ISSUER) or ""
    assert str(DEVICE) in reason
    assert str(ISSUER) in reason


def test_suites_and_their_bits():
    assert (bitmap(SUITES), bitmap([]), bitmap([SUITE_1])) == (3, 0, 1)
    assert suite_of_bit(2) is SUITE_2
    assert suite_of_bit(3) is None
    assert "suite 1" in repr(SUITE_1)
    assert str(DEVICE) in repr(TestAuthority(SUITE_1, ISSUER).issue(DEVICE))
