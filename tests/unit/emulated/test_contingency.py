"""Replacing every anchor of a device with the key that its root's certificate keeps for the worst case."""

from __future__ import annotations

import pytest

from fixtures.emulated_devices import SEED, START, DeviceBench
from protocols.gbcs.asn1.types import KeyUsage
from protocols.gbcs.keystore import KeyUse
from protocols.smki import CONTINGENCY_PARTY, Hierarchy, Identity, OrganisationIdentities
from rigs.emulated.description import TrustAnchor
from rigs.emulated.trust_anchors import ROOT_CELL

ROOT, RECOVERY, SUPPLIER, OPERATOR, BROKER, COS = range(6)
DS, KA = KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT
NEW = Hierarchy(SEED + b" after the worst case")


@pytest.fixture
def bench() -> DeviceBench:
    return DeviceBench("esme")


def keeper(hierarchy: Hierarchy) -> OrganisationIdentities:
    """Whoever holds the contingency key."""
    key = hierarchy.contingency.private
    identity = Identity(CONTINGENCY_PARTY, KeyUse.DS, ROOT, key, b"")
    return OrganisationIdentities(CONTINGENCY_PARTY, ROOT, identity, identity, None)


def everything(new: Hierarchy, old: Hierarchy, **more) -> dict:
    """Values of a CS02b that gives all cells to the parties of another hierarchy."""
    replacements = [(new.root.certificate, (ROOT, KeyUsage.KEY_CERT_SIGN, 0))]
    cells = {
        "recovery": [("ds", (RECOVERY, DS, 0))],
        "supplier": [
            ("ds", (SUPPLIER, DS, 0)),
            ("ka", (SUPPLIER, KA, 0)),
            ("pp_ka", (SUPPLIER, KA, 1)),
        ],
        "network_operator": [("ds", (OPERATOR, DS, 0)), ("ka", (OPERATOR, KA, 0))],
        "access_control_broker": [("ka", (BROKER, KA, 0))],
        "transitional_cos": [("ds", (COS, DS, 0))],
    }
    for name, uses in cells.items():
        party = new.organisation(name)
        replacements += [(getattr(party, use).certificate, cell) for use, cell in uses]
    return {
        "mode": 9,
        "plaintext_symmetric_key": old.contingency.symmetric,
        "replacements": replacements,
        "path": [new.issuing.certificate],
        "signed": True,
        "maced": False,
        **more,
    }


def anchors(bench: DeviceBench) -> dict:
    return {key: value for key, value in bench.storage.dump().items() if key[0] == "trust_anchor"}


def test_every_anchor_is_replaced_and_the_old_parties_are_nobody(bench):
    old = bench.hierarchy
    octets = bench.command("CS02b", keeper(old), **everything(NEW, old))
    bench.device.handle(octets)
    assert 0x8F70 in bench.logged("security")
    assert bench.device.trust_anchors.certificate(ROOT_CELL) == NEW.root.certificate

    bench.sent.clear()
    bench.device.handle(bench.command("ECS70", validity_start=START, validity_end=START))
    assert 0x8F3D in bench.logged("security")
    bench.hierarchy = NEW
    bench.device.description.identities = old.device(bench.device.eui64)
    answer = bench.request("ECS70", NEW.organisation("supplier"), validity_start=START, validity_end=START)
    assert answer.values["results"] == [0] * 5


def test_outcome_names_every_cell(bench):
    old = bench.hierarchy
    answer = bench.request("CS02b", keeper(old), **everything(NEW, old))
    assert [each["status"] for each in answer.values["outcome"]["replacements"]] == [0] * 9
    assert answer.signed


def test_the_new_root_has_a_contingency_key_of_its_own(bench):
    old = bench.hierarchy
    bench.request("CS02b", keeper(old), **everything(NEW, old))
    back = everything(old, NEW)
    bench.sent.clear()
    bench.device.handle(bench.command("CS02b", keeper(old), **back))
    assert bench.device.trust_anchors.certificate(ROOT_CELL) == NEW.root.certificate
    bench.device.handle(bench.command("CS02b", keeper(NEW), **back))
    assert bench.device.trust_anchors.certificate(ROOT_CELL) == old.root.certificate


@pytest.mark.parametrize("symmetric", [bytes(32), bytes(16), None], ids=["wrong", "of-another-size", "none"])
def test_without_the_symmetric_key_nothing_changes(bench, symmetric):
    before = anchors(bench)
    more = everything(NEW, bench.hierarchy, plaintext_symmetric_key=symmetric)
    if symmetric is None:
        del more["plaintext_symmetric_key"]
    bench.device.handle(bench.command("CS02b", keeper(bench.hierarchy), **more))
    assert anchors(bench) == before
    assert bench.alert_codes() == [0x8F3D]


@pytest.mark.parametrize("signer", ["another-contingency-key", "recovery"])
def test_only_the_contingency_key_signs(bench, signer):
    before = anchors(bench)
    party = bench.party("recovery") if signer == "recovery" else keeper(NEW)
    bench.device.handle(bench.command("CS02b", party, **everything(NEW, bench.hierarchy)))
    assert anchors(bench) == before
    assert bench.alert_codes() == [0x8F3D]


@pytest.mark.parametrize("change", [{"signed": False}, {"maced": True}])
def test_it_carries_a_signature_and_no_mac(bench, change):
    before = anchors(bench)
    more = everything(NEW, bench.hierarchy, **change)
    bench.device.handle(bench.command("CS02b", keeper(bench.hierarchy), **more))
    assert anchors(bench) == before
    assert bench.alert_codes() == [0x8F3D]


def test_it_works_once(bench):
    old = bench.hierarchy
    octets = bench.command("CS02b", keeper(old), **everything(old, old))
    bench.device.handle(octets)
    bench.sent.clear()
    bench.device.handle(octets)
    assert bench.sent == []
    assert "replay" in bench.console.decode()


def test_a_root_that_keeps_no_such_key(bench):
    plain = Hierarchy(SEED).device_root.certificate  # the root of devices has none
    description = [
        TrustAnchor(*ROOT_CELL[:2], 0, plain) if anchor.role == ROOT else anchor
        for anchor in bench.device.description.trust_anchors
    ]
    other = DeviceBench("esme", changes={"trust_anchors": description})
    before = anchors(other)
    other.device.handle(other.command("CS02b", keeper(other.hierarchy), **everything(NEW, other.hierarchy)))
    assert anchors(other) == before
    assert other.alert_codes() == [0x8F3D]
