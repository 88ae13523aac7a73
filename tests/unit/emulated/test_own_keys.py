"""A device's own key pairs: made by CS02c, in force with the certificate that CS02d brings (asn1.md 4, 5)."""

from __future__ import annotations

from functools import partial

import pytest

from fixtures.fleet_commissioning import RENEWED, renew_keys
from fixtures.fleet_parties import Line
from protocols.gbcs.asn1.registry import KEY_USAGE_COMMAND, KeyUsageCommand
from protocols.gbcs.asn1.schema import CERTIFICATE, SMALL_NUMBER, decode, encode
from protocols.gbcs.asn1.types import KeyUsage
from protocols.gbcs.keystore import KeyUse
from protocols.smki.keys import public_point
from rigs.emulated.event_rules import EventCode, Log
from tests.unit.emulated.test_fleet import Bench

DS, KA = KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT
NO_KEY_PAIR = 4


@pytest.fixture
def line() -> Line:
    """A household in service."""
    return Bench("own keys").commission(1)


def ask(line: Line, code: str, usage: KeyUsage, kind: str = "esme") -> bytes:
    payload = KEY_USAGE_COMMAND.encode(KeyUsageCommand(usage))
    return line.request(code, kind, "supplier", lambda _counter: payload).payload


def install(line: Line, certificate: bytes, kind: str = "esme") -> int:
    payload = encode(CERTIFICATE, certificate)
    number: int = decode(
        SMALL_NUMBER, line.request("CS02d", kind, "supplier", lambda _counter: payload).payload
    )
    return number


@pytest.mark.parametrize("kind", RENEWED)
def test_commissioning_leaves_no_key_of_manufacture_in_force(line, kind):
    device = line.household.device(kind)
    made = device.description.identities
    for usage, key, before in (
        (DS, device.own_keys.signing, made.ds),
        (KA, device.own_keys.agreement, made.ka),
    ):
        assert public_point(key.public_key()) != public_point(before.public)
        assert ask(line, "CS02e", usage, kind) == line.certificate(kind, usage) != before.certificate
    replaced = {EventCode.SIGNING_CERTIFICATE_REPLACED, EventCode.AGREEMENT_CERTIFICATE_REPLACED}
    assert replaced <= {entry.code for entry in device.events.entries(Log.SECURITY)}


def test_a_pair_is_not_in_force_before_its_certificate_comes(line):
    before = [line.certificate("esme", usage) for usage in (DS, KA)]
    for usage in (DS, KA):
        ask(line, "CS02c", usage)
    # These would not open, nor be answered, were the pairs in force.
    assert [ask(line, "CS02e", usage) for usage in (DS, KA)] == before


@pytest.mark.parametrize("usage", [DS, KA])
def test_an_older_pair_can_no_longer_be_certified(line, usage):
    older = line.certify("esme", usage, ask(line, "CS02c", usage))
    ask(line, "CS02c", usage)
    before = line.certificate("esme", usage)
    assert install(line, older) == NO_KEY_PAIR
    assert ask(line, "CS02e", usage) == before


def test_the_certificate_in_force_may_come_again_and_that_of_manufacture_not(line):
    assert install(line, line.certificate("esme", KA)) == 0
    made = line.parties.hierarchy.device_identity(line.household.eui64("esme"), KeyUse.KA)
    assert install(line, made.certificate) == NO_KEY_PAIR


def test_a_command_under_the_former_agreement_key_is_refused(line):
    former = line.keys[line.household.eui64("esme")].ka
    renew_keys(line, "esme")
    assert ask(line, "CS02e", KA) == line.certificate("esme", KA)
    line.keys[line.household.eui64("esme")].ka = former
    with pytest.raises(AssertionError, match="no response"):
        ask(line, "CS02e", KA)


def test_new_keys_outlive_a_restart():
    bench = Bench("own keys")
    bench.commission(1)
    before = bench.fleet.household(1).device("gsme").own_keys
    bench.fleet.park_all()
    after = bench.fleet.household(1).device("gsme").own_keys
    assert after is not before
    for one, other in ((before.signing, after.signing), (before.agreement, after.agreement)):
        assert public_point(one.public_key()) == public_point(other.public_key())


def test_a_pair_given_from_outside_leaves_the_key_that_signs(line):
    """A replay has the public key of a reference message alone."""
    device = line.household.device("esme")
    given = public_point(line.parties.by_name["supplier"].ds.public)
    before = device.own_keys.signing
    with device.work():
        device.own_keys.generate_next(int(DS), given)
    command = partial(line.request, "CS02c", "esme", "supplier")
    command(lambda _counter: KEY_USAGE_COMMAND.encode(KeyUsageCommand(DS)))
    eui64, public = device.eui64, line.parties.by_name["supplier"].ds.public
    certificate = line.parties.hierarchy.device_certificate(eui64, DS, public)
    assert install(line, certificate) == 0
    assert device.own_keys.signing is before
    assert ask(line, "CS02e", DS) == certificate
