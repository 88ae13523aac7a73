from __future__ import annotations

import pytest

from fixtures.emulated_devices import EUIS, DeviceBench
from protocols.eui64 import Eui64
from protocols.gbcs.asn1.joining import JoinResponseCode as Code
from protocols.gbcs.message import parse_message

HCALCS, PPMID, GSME, GPF, ESME = (EUIS[each] for each in ("hcalcs", "ppmid", "gsme", "gpf", "esme"))


def join(bench: DeviceBench, use_case: str, other: Eui64, kind: str, party: str = "supplier", **more) -> int:
    values = {"other_device_id": other, "other_device_type": kind, **more}
    return bench.request(use_case, party, **values).values["outcome"]


def log(bench: DeviceBench, party: str = "supplier") -> list[tuple[Eui64, str]]:
    devices = bench.request("CS07", party).values["devices"]
    return [(each["device_id"], each["device_type"]) for each in devices]


def certificate(bench: DeviceBench, eui64: Eui64) -> bytes:
    return bench.hierarchy.device(eui64).ka.certificate


def test_esme_with_hcalcs_and_ppmid():
    bench = DeviceBench("esme")
    assert log(bench) == []
    assert join(bench, "CS03A1", HCALCS, "hcalcs") == Code.SUCCESS
    assert join(bench, "CS03A1", PPMID, "ppmid") == Code.SUCCESS
    assert join(bench, "CS03A1", PPMID, "ppmid") == Code.SUCCESS
    assert log(bench) == [(HCALCS, "hcalcs"), (PPMID, "ppmid")]
    assert bench.logged("security") == [0x8F49] * 3


def test_join_is_signed_by_the_supplier_and_answered_signed():
    bench = DeviceBench("esme")
    answer = bench.request("CS03A1", other_device_id=HCALCS, other_device_type="hcalcs")
    assert (answer.signed, answer.message.mac) == (True, None)
    bench.device.handle(
        bench.command("CS03A1", signed=False, other_device_id=PPMID, other_device_type="ppmid")
    )
    assert bench.alert_codes() == [0x8F3D]
    assert log(bench) == [(HCALCS, "hcalcs")]


def test_gsme_with_gpf_by_entry_alone():
    bench = DeviceBench("gsme")
    for party in ("supplier", "access_control_broker"):
        answer = bench.request("CS03B", party, other_device_id=GPF, other_device_type="gpf")
        assert (answer.values["outcome"], answer.maced, answer.signed) == (Code.SUCCESS, True, False)
    assert log(bench) == [(GPF, "gpf")]


def test_gsme_and_ppmid_by_certificates():
    bench = DeviceBench("gsme")
    given = certificate(bench, PPMID)
    assert join(bench, "CS03C", PPMID, "ppmid", other_device_certificate=given) == Code.SUCCESS
    assert bench.device.join_log.get(PPMID).certificate == given
    bench = DeviceBench("ppmid")
    given = certificate(bench, GSME)
    party = "access_control_broker"
    assert join(bench, "CS03C", GSME, "gsme", party, other_device_certificate=given) == Code.SUCCESS
    assert join(bench, "CS03A2", ESME, "esme", party) == Code.SUCCESS
    assert "CONNECTED" in bench.device.display()


def test_certificate_missing_surplus_or_wrong():
    bench = DeviceBench("gsme")
    wrong = (b"", certificate(bench, GSME), bench.hierarchy.device(PPMID).ds.certificate)
    for given in wrong:
        outcome = join(bench, "CS03C", PPMID, "ppmid", other_device_certificate=given)
        assert outcome == Code.INVALID_OR_MISSING_CERTIFICATE
    bench = DeviceBench("esme")
    given = certificate(bench, PPMID)
    outcome = join(bench, "CS03A1", PPMID, "ppmid", other_device_certificate=given)
    assert outcome == Code.INVALID_OR_MISSING_CERTIFICATE
    assert log(bench) == []
    assert bench.logged("security") == [0x8F48]


def test_partner_certificate_of_a_foreign_issuer():
    bench = DeviceBench("gsme", changes={"issuing_certificates": [DeviceBench().hierarchy.root.certificate]})
    given = certificate(bench, PPMID)
    outcome = join(bench, "CS03C", PPMID, "ppmid", other_device_certificate=given)
    assert outcome == Code.INVALID_OR_MISSING_CERTIFICATE
    issuer = bench.hierarchy.device_issuing.certificate
    bench = DeviceBench("gsme", changes={"issuing_certificates": [issuer]})
    assert join(bench, "CS03C", PPMID, "ppmid", other_device_certificate=given) == Code.SUCCESS


@pytest.mark.parametrize(
    ("kind", "use_case", "other", "of"),
    [
        ("esme", "CS03A1", GSME, "gsme"),
        ("esme", "CS03B", HCALCS, "hcalcs"),
        ("gsme", "CS03B", ESME, "esme"),
        ("ppmid", "CS03A2", GSME, "gsme"),
    ],
)
def test_pairs_that_do_not_join_by_a_method(kind, use_case, other, of):
    assert join(DeviceBench(kind), use_case, other, of) == Code.INVALID_JOIN_METHOD_AND_ROLE


@pytest.mark.parametrize("method", [1, 2, 3, 9])
def test_method_must_be_that_of_the_message_code(method):
    outcome = join(DeviceBench("esme"), "CS03A1", HCALCS, "hcalcs", method=method)
    assert outcome == Code.INVALID_MESSAGE_CODE_FOR_JOIN_METHOD_AND_ROLE


def test_same_device_as_something_else():
    bench = DeviceBench("esme")
    join(bench, "CS03A1", HCALCS, "hcalcs")
    assert join(bench, "CS03A1", HCALCS, "ppmid") == Code.INCOMPATIBLE_WITH_EXISTING_ENTRY
    assert log(bench) == [(HCALCS, "hcalcs")]


def test_full_log():
    bench = DeviceBench("esme")
    for number in range(16):
        assert join(bench, "CS03A1", Eui64(bytes(7) + bytes([number])), "hcalcs") == Code.SUCCESS
    assert join(bench, "CS03A1", HCALCS, "hcalcs") == Code.DEVICE_LOG_FULL
    assert join(bench, "CS03A1", Eui64(bytes(8)), "hcalcs") == Code.SUCCESS


def test_partner_that_does_not_answer():
    bench = DeviceBench("esme")
    bench.device.seek_partner = lambda _eui64, done: done(False)
    assert join(bench, "CS03A1", HCALCS, "hcalcs") == Code.NO_CBKE_RESPONSE
    bench = DeviceBench("ppmid")
    bench.device.seek_partner = lambda _eui64, done: done(False)
    assert join(bench, "CS03A2", ESME, "esme") == Code.NO_PARTNER_LINK_KEY_RECEIVED


def test_unjoin_and_unjoin_again():
    bench = DeviceBench("esme")
    join(bench, "CS03A1", HCALCS, "hcalcs")
    assert bench.request("CS04AC", other_device_id=HCALCS).values["outcome"] == 0
    assert bench.request("CS04AC", other_device_id=HCALCS).values["outcome"] == 1
    assert log(bench) == []
    assert bench.logged("security") == [0x8F49, 0x8F4B, 0x8F4A]
    bench = DeviceBench("gsme")
    join(bench, "CS03B", GPF, "gpf")
    assert bench.request("CS04B", other_device_id=GPF).values["outcome"] == 0


def test_replayed_join_is_refused():
    bench = DeviceBench("esme")
    octets = bench.command("CS03A1", other_device_id=HCALCS, other_device_type="hcalcs")
    bench.device.handle(octets)
    bench.request("CS04AC", other_device_id=HCALCS)
    bench.device.handle(octets)
    assert log(bench) == []


def seeking(bench: DeviceBench) -> list:
    """Partners that are sought, each with whom to tell; nobody is found until a test says so."""
    sought: list = []
    bench.device.seek_partner = lambda partner, done: sought.append((partner, done))
    return sought


def test_command_that_waits_for_a_key_is_carried_out_whole_or_not_at_all():
    """Its counter counts as used once it is carried out, and no copy comes in between."""
    bench = DeviceBench("esme")
    sought = seeking(bench)
    octets = bench.command("CS03A1", other_device_id=HCALCS, other_device_type="hcalcs")
    before = bench.device.trust_anchors.counter(2)
    bench.device.handle(octets)
    bench.device.handle(octets)
    assert len(sought) == 1
    assert bench.device.trust_anchors.counter(2) == before
    bench.restart()
    sought = seeking(bench)
    bench.sent.clear()
    bench.device.handle(octets)
    ((partner, done),) = sought
    assert partner == HCALCS
    done(True)
    assert bench.device.trust_anchors.counter(2) > before
    assert [each.kind for each in map(parse_message, bench.sent)] == ["response"]
    bench.device.handle(octets)
    assert len(sought) == 1


def test_command_that_waited_is_overtaken():
    bench = DeviceBench("esme")
    sought = seeking(bench)
    bench.device.handle(bench.command("CS03A1", other_device_id=HCALCS, other_device_type="hcalcs"))
    bench.request("ECS39a", mpan="1111111111111")
    highest = bench.device.trust_anchors.counter(2)
    sought[0][1](True)
    assert bench.device.trust_anchors.counter(2) == highest
    assert log(bench) == [(HCALCS, "hcalcs")]


def test_supply_cut_while_waiting_lets_the_command_in_again():
    bench = DeviceBench("esme")
    sought = seeking(bench)
    octets = bench.command("CS03A1", other_device_id=HCALCS, other_device_type="hcalcs")
    bench.device.handle(octets)
    bench.device.power(False)
    bench.device.power(True)
    bench.device.handle(octets)
    assert len(sought) == 2
