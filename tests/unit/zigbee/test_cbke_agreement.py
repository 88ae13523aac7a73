"""Key agreement, derivation and confirmation against published vectors and an implementation on libcrypto.

The vectors: SEC GEC 2 (ECMQV on sect163k1), and ZigBee Smart Energy annex C.5 (suite 1) and C.6 (suite 2), the
latter without the private keys, so that its ECMQV step is covered by the libcrypto implementation below only.
"""

from __future__ import annotations

import random

import pytest

from protocols.errors import DecodeError
from protocols.eui64 import Eui64
from protocols.zigbee.cbke import agreement
from protocols.zigbee.cbke.authority import TestAuthority
from protocols.zigbee.cbke.credentials import Credentials
from protocols.zigbee.cbke.curve import SECT163K1
from protocols.zigbee.cbke.suites import SUITE_1, SUITE_2, Suite
from protocols.zigbee.security import mmo_hash
from tests.libcrypto import libcrypto_curve

SUITES = pytest.mark.parametrize("suite", [SUITE_1, SUITE_2], ids=["suite 1", "suite 2"])
ISSUER = Eui64("54-45-53-54-53-45-43-41")


def octets(text: str) -> bytes:
    return bytes.fromhex(text)


def key(suite: Suite, private: int) -> agreement.EphemeralKey:
    public = suite.curve.multiply_base(private)
    assert public is not None
    return agreement.EphemeralKey(private, public, suite.curve.encode(public))


def test_gec2_ecmqv_on_sect163k1():
    curve = SECT163K1
    static_u = key(SUITE_1, 0x03A41434AA99C2EF40C8495B2ED9739CB2155A1E0D)
    ephemeral_u = key(SUITE_1, 0x032FC4C61A8211E6A7C4B8B0C03CF35F7CF20DBD52)
    static_v = key(SUITE_1, 0x0057E8A78E842BF4ACD5C315AA0569DB1703541D96)
    ephemeral_v = key(SUITE_1, 0x02BD198B83A667A8D908EA1E6F90FD5C6D695DE94F)
    assert static_u.octets == octets("03037D529FA37E42195F10111127FFB2BB38644806BC")
    assert ephemeral_u.octets == octets("02015198E74BC2F1E5C9A62B80248DF0D62B9ADF8429")
    assert static_v.octets == octets("03072783FAAB9549002B4F13140B88132D1C75B3886C")
    assert ephemeral_v.octets == octets("03067E3AEA3510D69E8EDD19CB2A703DDC6CF5E56E32")
    for own, own_ephemeral, other, other_ephemeral in (
        (static_u, ephemeral_u, static_v, ephemeral_v),
        (static_v, ephemeral_v, static_u, ephemeral_u),
    ):
        signature = agreement.implicit_signature(
            curve, own.private, own_ephemeral.private, own_ephemeral.public
        )
        weight = agreement.associated_value(curve, other_ephemeral.public)
        terms = [(1, curve.multiples(other_ephemeral.public)), (weight, curve.multiples(other.public))]
        secret = agreement.mqv(curve, signature, terms)
        assert secret == octets("038359FFD30C0D5FC1E6154F483B73D43E5CF2B503")


class AnnexC5:
    """Suite 1: V, the responder, is device 1; U, the initiator, device 2."""

    authority = octets("0200FDE8A7F3D1084224962A4E7C54E69AC3F04DA6B8")
    certificate_u = octets(
        "020615E07D30ECA2DAD58002E667D94BC1B4223983070000000000000002544553545345434101090006000000000000"
    )
    certificate_v = octets(
        "03045FDFC8D85FFB8B3993CB72DDCAA55F00B3E87D6D0000000000000001544553545345434101090006000000000000"
    )
    private_v = octets("00B8A900FCADEBABBFA383B540FCE9ED438395EAA7")
    ephemeral_private_v = 0x03D48C7210DDBCC4FB2E5E7A0AA16A0DB89540820B
    ephemeral_private_u = 0x0013D36DE4B1EA8E22739C381370823F404BFF8862
    data_u = octets("0300E117C86D0E7CD128B2F34E9076CFF24AF46D7288")
    data_v = octets("0306AB52062201D995B8B8591F3F086A3A2E214D845E")
    secret = octets("00E0D2C3CCD5C106A89C4F6CC26A5F7EC9DF78A7BE")
    mac_key = octets("90F967B22C8357C10C1C04788DE9E848")
    link_key = octets("86D58AAA998E2FAEFAF9FEF49606543A")
    mac_u = octets("B82F1F9774740C32F80FCFC3921B6420")
    mac_v = octets("79D5F2AD1C31D4D1EE7CB719AC683C3C")


def test_annex_c5_key_agreement_of_suite_1():
    vector = AnnexC5
    credentials = Credentials(vector.certificate_v, vector.private_v, vector.authority)
    assert credentials.problem() is None
    assert key(SUITE_1, vector.ephemeral_private_u).octets == vector.data_u
    ephemeral = key(SUITE_1, vector.ephemeral_private_v)
    assert ephemeral.octets == vector.data_v
    partner = SUITE_1.parse_certificate(vector.certificate_u)
    assert agreement.shared_secret(credentials, ephemeral, partner, vector.data_u) == vector.secret


def test_annex_c5_derivation_and_confirmation_of_suite_1():
    vector = AnnexC5
    material = agreement.derive(vector.secret)
    assert material == agreement.KeyingMaterial(vector.mac_key, vector.link_key)
    parties = (Eui64(bytes(7) + b"\x02"), Eui64(bytes(7) + b"\x01"), vector.data_u, vector.data_v)
    assert agreement.initiator_mac(material.mac_key, *parties) == vector.mac_u
    assert agreement.responder_mac(material.mac_key, *parties) == vector.mac_v


def test_annex_c6_derivation_and_confirmation_of_suite_2():
    secret = octets("04F7724A9A77B21D2747CCEF68A457E45246C4BE9F66FD9425227BCB2CC5180EA9CCCB9A")
    data_u = octets("0305F3394E15680660EECAA36788D9B6F312B971CE2C9617570BF7DFCD21C972017762C332")
    data_v = octets("03009A5131CF5B92A016378C0F7F284ECD47F94010F875D43BF1E9A65474ADBFC63696A930")
    for data in (data_u, data_v):
        SUITE_2.curve.decode(data)
    material = agreement.derive(secret)
    assert material.mac_key == octets("ED380A00296600FB6B893025DE5FD137")
    assert material.link_key == octets("AA4689C70BE0FAF0C9BE534ABD9F4CDC")
    parties = (Eui64("0A-0B-0C-0D-0E-0F-10-12"), Eui64("0A-0B-0C-0D-0E-0F-10-11"), data_u, data_v)
    assert agreement.initiator_mac(material.mac_key, *parties) == octets("BF7E1A26D4EF7038B56813E465A131C9")
    assert agreement.responder_mac(material.mac_key, *parties) == octets("C5B432A9995A092F4449F83613930064")


def secret_by_libcrypto(own, ephemeral_private, partner_certificate, partner_data):
    """The same secret step by step as SEC 1 3.4 and SEC 4 put it, on libcrypto's points."""
    reference = libcrypto_curve(own.suite.curve.name)
    order = reference.order()
    half = (order.bit_length() + 1) // 2

    def bar(point):
        return (point.x & ((1 << half) - 1)) + (1 << half)

    certificate = own.suite.parse_certificate(partner_certificate)
    hashed = int.from_bytes(mmo_hash(partner_certificate), "big")
    scaled = reference.multiply(hashed, reference.decode(certificate.point))
    partner_static = reference.add(scaled, reference.decode(own.authority_octets))
    partner_ephemeral = reference.decode(partner_data)
    signature = (
        ephemeral_private + bar(reference.multiply_base(ephemeral_private)) * own.private_key
    ) % order
    together = reference.add(partner_ephemeral, reference.multiply(bar(partner_ephemeral), partner_static))
    return reference.multiply(reference.cofactor() * signature, together).x.to_bytes(
        len(partner_data) - 1, "big"
    )


@SUITES
def test_key_agreement_is_that_of_an_implementation_on_libcrypto(suite):
    rng = random.Random(9)
    authority = TestAuthority(suite, ISSUER, b"seed")
    for number in range(12):
        one, two = (authority.issue(Eui64(bytes([number]) * 7 + bytes([last]))) for last in (1, 2))
        ephemeral_one, ephemeral_two = (agreement.ephemeral_key(suite.curve, rng.randbytes) for _ in range(2))
        secret = agreement.shared_secret(one, ephemeral_one, two.certificate, ephemeral_two.octets)
        assert secret == agreement.shared_secret(two, ephemeral_two, one.certificate, ephemeral_one.octets)
        assert secret == secret_by_libcrypto(
            one, ephemeral_one.private, two.certificate_octets, ephemeral_two.octets
        )


@SUITES
def test_another_authority_private_key_or_certificate_gives_another_secret(suite):
    rng = random.Random(10)
    subject, partner = Eui64("00-11-22-33-44-55-66-77"), Eui64("00-11-22-33-44-55-66-88")
    ours, theirs = TestAuthority(suite, ISSUER, b"ours"), TestAuthority(suite, ISSUER, b"theirs")
    own, other = ours.issue(subject), ours.issue(partner)
    mine, yours = (agreement.ephemeral_key(suite.curve, rng.randbytes) for _ in range(2))
    good = agreement.shared_secret(own, mine, other.certificate, yours.octets)
    stranger = theirs.issue(partner)
    wrong_authority = Credentials(own.certificate_octets, own.private_key_octets, stranger.authority_octets)
    wrong_key = Credentials(own.certificate_octets, other.private_key_octets, own.authority_octets)
    assert len({
        good,
        agreement.shared_secret(own, mine, stranger.certificate, yours.octets),
        agreement.shared_secret(wrong_authority, mine, other.certificate, yours.octets),
        agreement.shared_secret(wrong_key, mine, other.certificate, yours.octets),
        agreement.shared_secret(own, mine, other.certificate, mine.octets),
    }) == 5  # fmt: skip


@SUITES
def test_what_is_no_point_is_refused_by_name(suite):
    own = TestAuthority(suite, ISSUER).issue(Eui64(bytes(8)))
    ephemeral = agreement.ephemeral_key(suite.curve, random.Random(11).randbytes)
    partner = suite.parse_certificate(own.certificate_octets)
    nothing = b"\x02" + bytes(suite.point_octets - 1)
    with pytest.raises(DecodeError, match="prime order") as error:
        agreement.shared_secret(own, ephemeral, partner, nothing)
    assert error.value.path == "ephemeral_data"
    partner.point = nothing
    with pytest.raises(DecodeError, match="prime order") as error:
        agreement.shared_secret(own, ephemeral, partner, ephemeral.octets)
    assert error.value.path == "certificate.point"


@SUITES
def test_a_secret_at_infinity_is_refused(suite):
    """A partner whose terms cancel: its ephemeral key is the negative of what MQV adds to it."""
    curve = suite.curve
    multiples = curve.multiples(curve.base)
    with pytest.raises(DecodeError, match="infinity"):
        agreement.mqv(curve, 5, [(1, multiples), (curve.order - 1, multiples)])


def test_keys_stay_out_of_representations():
    ephemeral = agreement.ephemeral_key(SECT163K1, random.Random(1).randbytes)
    assert str(ephemeral.private) not in repr(ephemeral)
    assert "link" not in repr(agreement.derive(b"secret"))
