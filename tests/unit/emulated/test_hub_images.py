"""Images that a hub has for devices outlive its power cuts, whole or not at all."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fixtures.emulated_premises import ALL, EUI64S
from fixtures.premises_by_hand import ACB, CCS08, CS09, START, PremisesByHand, codes
from protocols.ota import OtaHeader, OtaImage, build_ota
from rigs.emulated.fault_catalogue import parse_order
from rigs.emulated.han import offered_images
from rigs.emulated.han.offered_images import OfferedImage, OfferedImages
from rigs.emulated.storage import Storage


@pytest.fixture
def bench(tmp_path):
    with PremisesByHand(tmp_path / "state", ("chf", "gpf", "ppmid")) as made:
        made.join("ppmid")
        yield made


def image(octets=20_000, version=0x0A0B0C0D):
    header = OtaHeader(0x121D, ALL.index("ppmid"), version, 0, 0xFFFF)
    return build_ota(OtaImage(header, bytes(octets)))


def kept(bench):
    return list(OfferedImages(bench.premises.hub.chf.storage).all())


def supply(bench, *, on, node="chf"):
    """Its supply, and nothing lost of what is said about it."""
    bench.premises.control("power-on" if on else "power-off", node, "", "")
    return bench.after(5.0)


def responses(messages):
    return [each.values["response_code"] for each in messages if each.message.header.message_code == CCS08]


@pytest.mark.parametrize("how", ["power cut", "restart"])
@pytest.mark.parametrize("after_s", [0.0, 3.0])
def test_an_image_arrives_although_the_hub_was_away(bench, how, after_s):
    """Before the device heard of it, and while it was fetching it."""
    said = bench.image("ppmid", image(30_000), wait_s=after_s)
    assert not responses(said)
    if how == "restart":
        bench.restart()
    else:
        said += supply(bench, on=False) + supply(bench, on=True)
    said += bench.after(300)
    assert responses(said) == [0]
    assert CS09 in codes(said)
    assert kept(bench) == []


def test_an_image_waits_for_a_device_that_is_away(bench):
    bench.power("ppmid", on=False)
    bench.image("ppmid", image(), wait_s=10.0)
    supply(bench, on=False)
    supply(bench, on=True)
    assert responses(bench.after(900.0)) == []
    assert responses(supply(bench, on=True, node="ppmid") + bench.after(300)) == [0]


def test_the_next_image_takes_the_place_of_the_one_before(bench):
    bench.power("ppmid", on=False)
    bench.image("ppmid", image(), wait_s=0.0)
    second = image(30_000, 0x0A0B0C0E)
    said = bench.image("ppmid", second, wait_s=0.0)
    assert responses(said) == [3]
    assert [each.octets for each in kept(bench)] == [second]


def test_what_was_given_up_is_not_kept(bench):
    bench.power("ppmid", on=False)
    bench.image("ppmid", image(), wait_s=0.0)
    said = bench.remove("ppmid")
    assert responses(said) == [3]
    assert kept(bench) == []


@pytest.mark.parametrize("number", [1, 2, 3, 5])
def test_supply_that_fails_while_it_is_written_leaves_no_half_image(bench, number):
    file = image(500_000)
    bench.power("ppmid", on=False)
    bench.premises.faults.begin(parse_order(f"cut-power:chf,at=write,number={number},seconds=2"))
    bench.image("ppmid", file, wait_s=0.0)
    bench.after(30.0)
    assert [each.octets for each in kept(bench)] in ([], [file])
    bench.premises.faults.end(None)
    bench.image("ppmid", image(5_000), wait_s=0.0)
    bench.premises.control("power-on", "ppmid", "", "")
    assert 0 in responses(bench.after(60.0))  # the hub goes on


def test_an_image_that_is_too_large_is_offered_but_not_kept(monkeypatch):
    monkeypatch.setattr(offered_images, "LARGEST", 10)
    storage = Storage(":memory:")
    images = OfferedImages(storage)
    images.keep(OfferedImage(EUI64S["ppmid"], bytes(10), START), 1)
    images.forget(EUI64S["ppmid"], 2)  # the end of another delivery
    assert list(images.all()) == [OfferedImage(EUI64S["ppmid"], bytes(10), START)]
    images.keep(OfferedImage(EUI64S["ppmid"], bytes(11), START + timedelta(1)), 3)
    assert storage.dump() == {}


def test_a_hub_that_gets_another_log_forgets_what_it_had(bench):
    bench.power("ppmid", on=False)
    bench.image("ppmid", image(), wait_s=0.0)
    name = "DeviceLog(CHF): restoreCHFDeviceLog"
    device = {"deviceidentifier": bytes(EUI64S["ppmid"]).hex(), "securityDetails": ""}
    values = {f"{name}/hanIdentifier": bytes(range(8)).hex(), f"{name}/devices_to_restore": [device]}
    bench.request(ACB, "CCS03", "chf", **values)
    bench.after(5.0)
    assert kept(bench) == []
