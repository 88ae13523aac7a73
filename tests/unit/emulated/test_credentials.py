from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fixtures.emulated_devices import SEED, START, DeviceBench
from protocols.gbcs.asn1.types import KeyUsage, StatusCode
from protocols.gbcs.message import parse_message
from protocols.smki import Hierarchy

DS, KA = KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT
SUPPLIER, OPERATOR, BROKER, COS = 2, 3, 4, 5
CELLS = {SUPPLIER: ((DS, 0), (KA, 0), (KA, 1)), OPERATOR: ((DS, 0), (KA, 0)), BROKER: ((KA, 0),)}


@pytest.fixture
def bench() -> DeviceBench:
    return DeviceBench("esme")


def replacements(party, role: int) -> list:
    certificates = {(DS, 0): party.ds, (KA, 0): party.ka, (KA, 1): party.pp_ka}
    return [(certificates[cell].certificate, (role, *cell)) for cell in CELLS[role]]


def values(bench: DeviceBench, mode: int, party, role: int, **more) -> dict:
    return {
        "mode": mode,
        "replacements": replacements(party, role),
        "path": [bench.hierarchy.issuing.certificate],
        **more,
    }


def read(bench: DeviceBench, *roles: int) -> dict:
    answer = bench.request("CS02a", "access_control_broker", authorising_cell=(BROKER, KA), roles=list(roles))
    return {party["role"]: party for party in answer.values["parties"]}


def keys(bench: DeviceBench, role: int) -> list[bytes]:
    return [cell["key_id"] for cell in read(bench, role)[role]["cells"]]


def key_ids(party, role: int) -> list[bytes]:
    usable = {(DS, 0): party.ds, (KA, 0): party.ka, (KA, 1): party.pp_ka}
    return [usable[cell].key_id for cell in CELLS[role]]


def statuses(answer) -> list[int]:
    return [each["status"] for each in answer.values["outcome"]["replacements"]]


# ---------------------------------------------------------------------- CS02a


def test_reading_gives_status_counter_and_cells_of_each_role(bench):
    bench.request("ECS39a", mpan="9" * 13, counter=321)
    found = read(bench, SUPPLIER, OPERATOR, 6, 0)
    assert found[SUPPLIER]["current_counter"] == 321
    assert [(c["key_usage"], c["cell_usage"]) for c in found[SUPPLIER]["cells"]] == list(CELLS[SUPPLIER])
    assert {c["subject_id"] for c in found[SUPPLIER]["cells"]} == {bench.party("supplier").eui64}
    assert [(c["key_usage"], c["cell_usage"]) for c in found[OPERATOR]["cells"]] == list(CELLS[OPERATOR])
    assert found[6]["status"] == StatusCode.TRUST_ANCHOR_NOT_FOUND
    assert found[6]["cells"] == []
    (root,) = found[0]["cells"]
    assert (root["key_usage"], root["subject_id"]) == (KeyUsage.KEY_CERT_SIGN, bytes(8))


def test_reading_by_signature_is_answered_with_one(bench):
    answer = bench.request(
        "CS02a", "supplier", signed=True, maced=False, authorising_cell=(SUPPLIER, DS), roles=[SUPPLIER]
    )
    assert (answer.signed, answer.message.mac) == (True, None)
    answer = bench.request("CS02a", "access_control_broker", authorising_cell=(BROKER, KA), roles=[SUPPLIER])
    assert (answer.signed, answer.maced) == (False, True)


def test_reading_in_the_name_of_another_role_is_refused(bench):
    octets = bench.command(
        "CS02a", "access_control_broker", authorising_cell=(SUPPLIER, DS), roles=[SUPPLIER]
    )
    bench.device.handle(octets)
    assert bench.alert_codes() == [0x8F1E]


# ---------------------------------------------------------------------- CS02b now


def test_supplier_replaces_its_own(bench):
    new = bench.party("supplier", 1)
    answer = bench.request("CS02b", **values(bench, 2, new, SUPPLIER))
    assert answer.signed
    assert len(answer.message.header.date_time) == 12
    assert statuses(answer) == [0, 0, 0]
    assert keys(bench, SUPPLIER) == key_ids(new, SUPPLIER)
    assert 0x8F70 in bench.logged("security")
    bench.sent.clear()
    bench.device.handle(bench.command("ECS70", validity_start=START, validity_end=START))
    assert bench.alert_codes() == [0x8F3D]
    assert bench.request("ECS70", new, validity_start=START, validity_end=START).values["results"] == [0] * 5


def test_outcome_names_old_and_new_keys(bench):
    old, new = bench.party("supplier"), bench.party("supplier", 1)
    answer = bench.request("CS02b", **values(bench, 2, new, SUPPLIER))
    outcomes = answer.values["outcome"]["replacements"]
    assert [each["existing_key_id"] for each in outcomes] == key_ids(old, SUPPLIER)
    assert [each["replacing_key_id"] for each in outcomes] == key_ids(new, SUPPLIER)


def test_change_of_supplier_shuts_the_old_one_out(bench):
    bench.request("ECS39a", mpan="9" * 13, counter=10**6)
    new = bench.party("second_supplier")
    answer = bench.request("CS02b", "transitional_cos", **values(bench, 7, new, SUPPLIER))
    assert statuses(answer) == [0, 0, 0]
    for use_case, more in (("ECS52", {}), ("ECS70", {"validity_start": START, "validity_end": START})):
        bench.sent.clear()
        bench.device.handle(bench.command(use_case, "supplier", counter=10**7, **more))
        assert bench.alert_codes("second_supplier") == [0x8F3D]
        assert bench.alert_codes("supplier") == []
    assert bench.request("ECS39a", "second_supplier", mpan="8" * 13, counter=1).values == {"results": [0]}


def test_floor_is_refused_and_floor_plus_one_accepted(bench):
    new = bench.party("second_supplier")
    changes = [{"role": SUPPLIER, "floor_counter": 500, "specialist_floors": [{"usage": 0, "counter": 77}]}]
    more = values(bench, 7, new, SUPPLIER, other_changes=changes)
    answer = bench.request("CS02b", "transitional_cos", **more)
    assert answer.values["outcome"]["changes"] == changes
    assert bench.device.trust_anchors.top_up_floor(SUPPLIER) == 77
    bench.sent.clear()
    bench.device.handle(bench.command("ECS39a", "second_supplier", mpan="9" * 13, counter=500))
    assert bench.sent == []
    assert bench.request("ECS39a", "second_supplier", mpan="9" * 13, counter=501).values == {"results": [0]}


def test_broker_replaces_its_own_with_a_mac_alone(bench):
    new = bench.party("access_control_broker", 1)
    more = values(bench, 4, new, BROKER)
    answer = bench.request("CS02b", "access_control_broker", signed=False, **more)
    assert answer.signed
    assert statuses(answer) == [0]
    bench.sent.clear()
    bench.device.handle(bench.command("ECS52"))
    assert bench.alert_codes() == [0x8F3D]
    assert bench.request("ECS52", acb=new).values["results"] == [0]


def test_network_operator_replaces_its_own(bench):
    new = bench.party("network_operator", 1)
    answer = bench.request("CS02b", "network_operator", **values(bench, 3, new, OPERATOR))
    assert statuses(answer) == [0, 0]
    assert keys(bench, OPERATOR) == key_ids(new, OPERATOR)


def test_transitional_cos_replaces_its_own(bench):
    new = bench.party("transitional_cos", 1)
    cell = (COS, DS)
    answer = bench.request(
        "CS02b",
        "transitional_cos",
        mode=6,
        replacements=[(new.ds.certificate, cell)],
        path=[bench.hierarchy.issuing.certificate],
    )
    assert statuses(answer) == [0]


def test_recovery_replaces_by_signature_alone(bench):
    new = bench.party("supplier", 1)
    more = values(bench, 8, new, SUPPLIER, other_changes=[])
    answer = bench.request("CS02b", "recovery", maced=False, **more)
    assert statuses(answer) == [0, 0, 0]
    bench.sent.clear()
    bench.device.handle(bench.command("CS02b", "recovery", maced=True, **more))
    assert [parse_message(each).kind for each in bench.sent] == ["alert"]


def test_handover_from_the_broker():
    """Cells that hold the DCC's credentials from manufacture are given to the supplier by the ACB."""
    hierarchy = Hierarchy(SEED)
    bench = DeviceBench("esme")
    broker = hierarchy.organisation(bench.party("access_control_broker").eui64, SUPPLIER)
    anchors = [each for each in bench.device.description.trust_anchors if each.role != SUPPLIER]
    own = [
        type(anchors[0])(SUPPLIER, *cell, certificate)
        for certificate, (_r, *cell) in replacements(broker, SUPPLIER)
    ]
    bench = DeviceBench("esme", changes={"trust_anchors": anchors + own})
    new = bench.party("supplier")
    answer = bench.request("CS02b", broker, **values(bench, 2, new, SUPPLIER))
    assert statuses(answer) == [0, 0, 0]
    assert bench.request("ECS39a", mpan="9" * 13).values == {"results": [0]}


# ---------------------------------------------------------------------- refused as a whole


@pytest.mark.parametrize(
    ("mode", "party", "role"),
    [
        (2, "supplier", OPERATOR),
        (3, "network_operator", SUPPLIER),
        (7, "transitional_cos", OPERATOR),
        (4, "access_control_broker", SUPPLIER),
    ],
)
def test_cells_that_a_mode_may_not_replace(bench, mode, party, role):
    new = {SUPPLIER: "second_supplier", OPERATOR: "network_operator"}[role]
    before = bench.storage.dump()
    more = values(bench, mode, bench.party(new, 1), role)
    bench.device.handle(bench.command("CS02b", party, signed=mode != 4, **more))
    assert bench.alert_codes() == [0x8F1E]
    after = bench.storage.dump()
    assert [key for key in before if key[0] == "trust_anchor" and after[key] != before[key]] == []


def test_party_without_authority_for_the_mode(bench):
    new = bench.party("second_supplier")
    bench.device.handle(bench.command("CS02b", "network_operator", **values(bench, 2, new, SUPPLIER)))
    assert bench.alert_codes() == [0x8F30]
    bench.device.handle(bench.command("CS02b", "supplier", **values(bench, 7, new, SUPPLIER)))
    assert bench.alert_codes() == [0x8F30, 0x8F30]


def test_counter_in_the_payload_must_be_the_headers(bench):
    new = bench.party("supplier", 1)
    bench.device.handle(bench.command("CS02b", **values(bench, 2, new, SUPPLIER, authorising_counter=1)))
    assert bench.alert_codes() == [0x8F1E]
    assert keys(bench, SUPPLIER) == key_ids(bench.party("supplier"), SUPPLIER)


def test_authorising_cell_must_be_the_originators(bench):
    new = bench.party("supplier", 1)
    for cell in ((OPERATOR, DS), (SUPPLIER, KA), None):
        bench.sent.clear()
        bench.device.handle(bench.command("CS02b", **values(bench, 2, new, SUPPLIER, authorising_cell=cell)))
        assert bench.alert_codes() == [0x8F1E]


@pytest.mark.parametrize(("mode", "signed", "maced"), [(2, True, False), (2, False, True), (4, False, False)])
def test_wrong_set_of_protections(bench, mode, signed, maced):
    role, name = {2: (SUPPLIER, "supplier"), 4: (BROKER, "access_control_broker")}[mode]
    more = values(bench, mode, bench.party(name, 1), role)
    bench.device.handle(bench.command("CS02b", name, signed=signed, maced=maced, **more))
    assert bench.alert_codes() == [0x8F3D]


# ---------------------------------------------------------------------- refused cell by cell


def test_bad_certificate_in_one_cell(bench):
    new = bench.party("supplier", 1)
    more = values(bench, 2, new, SUPPLIER)
    broken = bytearray(new.ka.certificate)
    broken[-1] ^= 1
    more["replacements"][1] = (bytes(broken), (SUPPLIER, KA, 0))
    answer = bench.request("CS02b", **more)
    assert statuses(answer) == [0, StatusCode.BAD_CERTIFICATE, 0]
    failed = answer.values["outcome"]["replacements"][1]
    assert failed["existing_key_id"] == failed["replacing_key_id"] == bench.party("supplier").ka.key_id
    expected = key_ids(new, SUPPLIER)
    expected[1] = bench.party("supplier").ka.key_id
    assert keys(bench, SUPPLIER) == expected


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("unknown issuer", StatusCode.NO_TRUST_ANCHOR),
        ("no path", StatusCode.NO_TRUST_ANCHOR),
        ("wrong usage", StatusCode.BAD_CERTIFICATE),
        ("wrong role", StatusCode.BAD_CERTIFICATE),
        ("not a certificate", StatusCode.BAD_CERTIFICATE),
        ("a device's certificate", StatusCode.BAD_CERTIFICATE),
    ],
)
def test_certificates_that_no_cell_takes(bench, fault, status):
    new, foreign = bench.party("supplier", 1), Hierarchy(b"another").organisation("supplier")
    certificate = {
        "unknown issuer": foreign.ds.certificate,
        "wrong usage": new.ka.certificate,
        "wrong role": bench.party("network_operator").ds.certificate,
        "not a certificate": bytes.fromhex("3003020101"),
        "a device's certificate": bench.device.description.identities.ds.certificate,
    }.get(fault, new.ds.certificate)
    path = [] if fault == "no path" else [bench.hierarchy.issuing.certificate]
    answer = bench.request(
        "CS02b", mode=2, replacements=[(certificate, (SUPPLIER, DS))], path=path, counter=900
    )
    assert statuses(answer) == [status]
    assert keys(bench, SUPPLIER) == key_ids(bench.party("supplier"), SUPPLIER)
    # Nothing was replaced, so the floor stays where the command put the counter.
    assert read(bench, SUPPLIER)[SUPPLIER]["current_counter"] == 900


def test_cell_that_the_device_does_not_have(bench):
    anchors = [a for a in bench.device.description.trust_anchors if (a.role, a.cell_usage) != (SUPPLIER, 1)]
    bench = DeviceBench("esme", changes={"trust_anchors": anchors})
    answer = bench.request("CS02b", **values(bench, 2, bench.party("supplier", 1), SUPPLIER))
    assert statuses(answer) == [0, 0, StatusCode.TRUST_ANCHOR_NOT_FOUND]


@pytest.mark.parametrize(
    ("checked", "status"), [(True, StatusCode.BAD_CERTIFICATE), (False, StatusCode.SUCCESS)]
)
def test_expired_certificate(bench, checked, status):
    expired = bench.hierarchy.organisation(
        "supplier", generation=1, not_after=datetime(2020, 1, 1, tzinfo=UTC)
    )
    more = values(bench, 2, expired, SUPPLIER, apply_time_based_checks=checked)
    assert statuses(bench.request("CS02b", **more)) == [status] * 3


# ---------------------------------------------------------------------- CS02b at a time


def test_dated_change_of_supplier(tmp_path):
    bench = DeviceBench("esme", path=str(tmp_path / "esme.db"))
    new, when = bench.party("second_supplier"), START + timedelta(days=1)
    more = values(bench, 7, new, SUPPLIER, execution_time=when)
    answer = bench.request("CS02b", "transitional_cos", **more)
    assert answer.values == {"accepted": True, "outcome": None}
    assert bench.request("ECS52").values["results"] == [0]
    bench.restart()
    bench.clock.advance(86400)
    bench.sent.clear()
    bench.device.run_due()
    (alert,) = bench.alerts("transitional_cos")
    assert alert.signed
    assert alert.message.header.message_code == 0x00CB
    assert alert.values["alert_code"] == 0x8F66
    assert [each["status"] for each in alert.values["outcome"]["replacements"]] == [0, 0, 0]
    assert bench.request("ECS52", "second_supplier").values["results"] == [0]
    bench.sent.clear()
    bench.device.handle(bench.command("ECS52"))
    assert bench.alert_codes("second_supplier") == [0x8F3D]


def test_dated_replacement_that_fails_in_part(bench):
    more = values(bench, 2, bench.party("supplier", 1), SUPPLIER, execution_time=START + timedelta(hours=1))
    more["replacements"][0] = (bench.party("network_operator").ds.certificate, (SUPPLIER, DS, 0))
    bench.request("CS02b", **more)
    bench.clock.advance(3600)
    bench.sent.clear()
    bench.device.run_due()
    (alert,) = [each for each in bench.alerts() if each.message.header.message_code == 0x00CB]
    assert alert.values["alert_code"] == 0x8F67
    assert [each["status"] for each in alert.values["outcome"]["replacements"]] == [5, 0, 0]


def test_cancelled_replacement_never_happens(bench):
    more = values(bench, 2, bench.party("supplier", 1), SUPPLIER)
    bench.request("CS02b", **more, execution_time=START + timedelta(hours=1))
    assert bench.request("CS02b", **more, execution_time="cancel").values["outcome"] is None
    bench.clock.advance(7200)
    bench.sent.clear()
    bench.device.run_due()
    assert bench.sent == []
    assert bench.device.next_due() is None
    assert keys(bench, SUPPLIER) == key_ids(bench.party("supplier"), SUPPLIER)


def test_dated_work_of_two_parties_does_not_mix(bench):
    when = START + timedelta(hours=1)
    bench.request("CS02b", **values(bench, 2, bench.party("supplier", 1), SUPPLIER, execution_time=when))
    operator = bench.party("network_operator", 1)
    bench.request("CS02b", "network_operator", **values(bench, 3, operator, OPERATOR, execution_time=when))
    bench.request("CS02b", **values(bench, 2, bench.party("supplier", 1), SUPPLIER, execution_time="cancel"))
    bench.clock.advance(3600)
    bench.device.run_due()
    assert keys(bench, SUPPLIER) == key_ids(bench.party("supplier"), SUPPLIER)
    assert keys(bench, OPERATOR) == key_ids(operator, OPERATOR)


def test_dated_work_of_the_former_supplier_is_forgotten(bench):
    """Neither its credentials come back nor its firmware, whatever it had asked for before."""
    when = START + timedelta(hours=1)
    old = values(bench, 2, bench.party("supplier", 1), SUPPLIER, execution_time=when)
    bench.request("CS02b", **old)
    bench.request("CS06", image_hash=bytes(32), execution_time=when)
    assert bench.device.next_due() == when
    new = bench.party("second_supplier")
    bench.request("CS02b", "transitional_cos", **values(bench, 7, new, SUPPLIER))
    assert bench.device.next_due() is None
    bench.clock.advance(3600)
    bench.sent.clear()
    bench.device.run_due()
    assert bench.sent == []
    assert keys(bench, SUPPLIER) == key_ids(new, SUPPLIER)


def test_dated_work_stays_when_a_party_renews_its_own(bench):
    when = START + timedelta(hours=1)
    bench.request("CS06", image_hash=bytes(32), execution_time=when)
    bench.request("CS02b", **values(bench, 2, bench.party("supplier", 1), SUPPLIER))
    assert bench.device.next_due() == when
