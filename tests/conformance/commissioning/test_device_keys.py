"""A device's own keys: CS02c makes one, CS02d installs its certificate, CS02e shows the one in force."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from hil.api import covers, leaves, needs
from protocols.gbcs.keystore import KeyUse
from protocols.smki import parse_certificate

from ..credentials import hierarchy
from . import joining as join

pytestmark = [needs(state="commissioned", devices=["esme"]), leaves("nothing")]

USAGES = {"digitalSignature": KeyUse.DS, "keyAgreement": KeyUse.KA}
both_usages = pytest.mark.parametrize("usage", USAGES)


def certificate_of(supplier, esme, usage):
    """The certificate in force, and the response that gives it."""
    response = supplier.request("CS02e", esme, keyUsage=usage)
    return bytes.fromhex(response.find("certificate")), response


def point(public):
    return public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


@covers("GBCS-13.6-01")
@both_usages
def test_certificate_of_the_usage_asked_is_given(bench, supplier, esme, check, usage):
    octets, response = certificate_of(supplier, esme, usage)
    declared = bench.keys.keystore.certificate(esme.eui64, USAGES[usage])
    check.equal("GBCS-13.6-01", declared, octets, octets=response.octets)


@covers("GBCS-13.4-01")
@leaves("restored")
@both_usages
def test_request_is_for_a_new_key_and_bound_to_the_device(supplier, esme, check, usage):
    before, _ = certificate_of(supplier, esme, usage)
    response = supplier.request("CS02c", esme, keyUsage=usage)
    request = x509.load_der_x509_csr(bytes.fromhex(response.find("certificationRequest")))
    check.that(
        "GBCS-13.4-01",
        request.is_signature_valid,
        expected="a PKCS#10 request signed by the new key",
        observed="a wrong signature",
        octets=response.octets,
    )
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    named = [bytes(esme.eui64) in each.value for each in names.get_values_for_type(x509.OtherName)]
    check.equal("GBCS-13.4-01", [True], named, octets=response.octets)
    check.that(
        "GBCS-13.4-01",
        point(request.public_key()) != point(parse_certificate(before).public_key),
        expected="another key than the one in force",
        observed="the key in force",
        octets=response.octets,
    )
    after, answer = certificate_of(supplier, esme, usage)
    check.equal("GBCS-13.4-01", before, after, octets=answer.octets)


@covers("GBCS-13.5-01")
@needs(devices=["gsme"])
@leaves("restored")
@pytest.mark.parametrize("which", ["of-another-key", "of-another-device"])
def test_certificate_that_does_not_fit_the_pending_key_changes_nothing(
    bench, supplier, esme, gsme, check, which
):
    usage = "keyAgreement"
    before, _ = certificate_of(supplier, esme, usage)
    supplier.request("CS02c", esme, keyUsage=usage)
    if which == "of-another-key":
        certificate = hierarchy(bench).device_identity(esme.eui64, KeyUse.KA, generation=9).certificate
    else:
        certificate = join.certificate(bench, gsme)
    response = supplier.request("CS02d", esme, certificate=certificate)
    codes = [value for value in response.named.values() if isinstance(value, int)]
    check.that(
        "GBCS-13.5-01",
        len(codes) == 1 and 1 <= codes[0] <= 7,
        expected="a code of 1 to 7",
        observed=response.named,
        octets=response.octets,
    )
    after, answer = certificate_of(supplier, esme, usage)
    check.equal("GBCS-13.5-01", before, after, octets=answer.octets)
