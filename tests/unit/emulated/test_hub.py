"""Where the hub lets messages and images go."""

from __future__ import annotations

import pytest

from fixtures.emulated_premises import ALL, EUI64S
from fixtures.premises_by_hand import (
    ACB,
    CCS08,
    CS09,
    UNDELIVERED,
    PremisesByHand,
    codes,
)
from protocols.ota import OtaHeader, OtaImage, build_ota
from protocols.ports import ImageRefusedError


@pytest.fixture
def bench(tmp_path):
    with PremisesByHand(tmp_path / "state") as made:
        yield made


# Routing ----------------------------------------------------------------------------------------------------


def test_factory_hub_lists_nobody_and_reaches_nobody(bench):
    assert bench.log() == {}
    assert bench.request("supplier", "ECS52", "esme") == []
    assert b"not in the device log" in b"".join(octets for node, octets in bench.console if node == "chf")


def test_device_that_is_not_in_the_log_never_sees_its_message(bench):
    seen = []
    bench.premises.devices["esme"].handle = seen.append
    bench.request("supplier", "ECS52", "esme")
    bench.add("esme", code=bytes(16))
    bench.request("supplier", "ECS52", "esme")
    assert seen == []


def test_hub_functions_answer_without_an_entry(bench):
    (chf,) = bench.request(ACB, "ECS52", "chf")
    assert chf.authentic
    assert chf.values["firmware_version"] == bytes((ALL.index("chf"), 0, 0, 1))
    (gpf,) = bench.request(ACB, "CS07", "gpf")
    assert gpf.authentic
    assert gpf.values["devices"] == []


@pytest.mark.parametrize("name", ["esme", "gsme"])
def test_joined_meter_answers_through_the_hub(bench, name):
    bench.join(name)
    (response,) = bench.request("supplier", "ECS52" if name == "esme" else "GCS38", name)
    assert response.authentic
    assert response.message.header.business_originator_id == EUI64S[name]
    assert response.values["firmware_version"] == bytes((ALL.index(name), 0, 0, 1))


def test_octets_that_are_no_message_are_noted_by_the_hub_and_harm_nobody(bench):
    for octets in (b"", b"\x00", b"\xdd\x00", b"\xdf\x09\x01", bytes(300)):
        bench.put(octets)
    assert bench.log() == {}


def test_hub_without_power_is_silent(bench):
    bench.join("esme")
    bench.power("chf", on=False)
    assert bench.request("supplier", "ECS52", "esme") == []
    assert bench.request(ACB, "CCS06", "chf") == []
    assert bench.premises.control("power-state", "gpf", "", "") == ("done", "off")
    bench.power("chf", on=True)
    assert codes(bench.request("supplier", "ECS52", "esme")) == [0x0059]


def test_undelivered_message_for_a_powered_off_esme(bench):
    bench.join("esme")
    bench.power("esme", on=False)
    command = bench.users.command("supplier", "ECS52", "esme")
    (alert,) = bench.put(command, wait_s=60)
    assert alert.authentic
    assert alert.message.header.message_code == UNDELIVERED
    assert alert.message.header.business_target_id == bench.hierarchy.organisation(ACB).eui64
    assert alert.values == {
        "alert_code": 0x8F84,
        "time": alert.values["time"],
        "originator_id": bench.hierarchy.organisation("supplier").eui64,
        "target_id": EUI64S["esme"],
        "cra_flag": 1,
        "undelivered_originator_counter": bench.users.counters["supplier"],
    }
    bench.power("esme", on=True)
    assert codes(bench.request("supplier", "ECS52", "esme")) == [0x0059]


def test_other_devices_without_power_raise_no_undelivered_alert(bench):
    bench.join("ppmid")
    bench.power("ppmid", on=False)
    assert bench.request(ACB, "CS07", "ppmid") == []


# Images -----------------------------------------------------------------------------------------------------


def image(name, *, hardware=(0, 0xFFFF), version=0x0A0B0C0D):
    """A file without trailer, as PPMIDs take it."""
    header = OtaHeader(0x121D, ALL.index(name), version, *hardware)
    return build_ota(OtaImage(header, b"an image for a bench" * 10))


def test_image_reaches_only_a_listed_device(bench):
    with pytest.raises(ImageRefusedError, match="not in the device log"):
        bench.image("esme", image("esme"))
    bench.join("esme")
    assert codes(bench.image("esme", b"no OTA file at all")) == []
    # Without the supplier's signature.
    (alert,) = bench.image("esme", image("esme"))
    assert alert.values["alert_code"] == 0x8F1C


def test_hub_without_supply_takes_no_image(bench):
    bench.join("esme")
    bench.power("chf", on=False)
    with pytest.raises(ImageRefusedError, match="no supply"):
        bench.image("esme", image("esme"))


def test_ppmid_image_is_reported_by_the_hub_then_by_the_ppmid(bench):
    bench.join("ppmid")
    messages = bench.image("ppmid", image("ppmid"))
    assert codes(messages)[0] == CCS08
    assert all(message.authentic for message in messages)
    assert messages[0].values["response_code"] == 0
    assert messages[0].values["firmware_version"] == bytes.fromhex("0A0B0C0D")
    assert messages[0].message.signature != b""
    assert CS09 in codes(messages)


def test_image_is_fetched_to_the_end_after_a_power_cut_of_the_device(bench):
    bench.join("ppmid")
    file = build_ota(OtaImage(OtaHeader(0x121D, ALL.index("ppmid"), 0x0A0B0C0D, 0, 0xFFFF), bytes(20_000)))
    assert bench.image("ppmid", file, wait_s=2.0) == []
    bench.power("ppmid", on=False)
    bench.power("ppmid", on=True)
    assert {CCS08, CS09} <= set(codes(bench.after(60)))


@pytest.mark.parametrize(("fault", "response_code"), [("discarded", 1), ("hardware", 2), ("removed", 3)])
def test_ppmid_image_that_fails(bench, fault, response_code):
    bench.join("ppmid")
    file = image("ppmid", hardware=(9, 9) if fault == "hardware" else (0, 0xFFFF))
    if fault == "discarded":
        file += b"more than the header says"
    messages = bench.image("ppmid", file, wait_s=0.0 if fault == "removed" else 60.0)
    if fault == "removed":
        messages += bench.remove("ppmid") + bench.after(60)
    (alert,) = (message for message in messages if message.message.header.message_code == CCS08)
    assert alert.message.header.message_code == CCS08
    assert alert.values["alert_code"] == 0x8F89
    assert alert.values["response_code"] == response_code
    assert CS09 not in codes(messages)
