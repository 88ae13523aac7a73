from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from fixtures.emulated_devices import START, DeviceBench
from protocols.gbcs.asn1.types import KeyUsage
from protocols.ota import OtaHeader, OtaImage, build_ota, sign_image
from rigs.emulated.firmware import SELF_TEST_FAILS, ImageOutcome

NEW, NEWER = 0x01020305, 0x01020306
IMAGE = b"emulated firmware" * 9


def digest(image: bytes = IMAGE) -> bytes:
    return hashlib.sha256(image).digest()


def ota(
    bench: DeviceBench, image: bytes = IMAGE, signer: str = "supplier", version: int = NEW, **header
) -> bytes:
    fields = {"manufacturer_code": 0x121D, "image_type": 0, **header}
    key = bench.party(signer).ds.private
    return build_ota(sign_image(key, OtaHeader(file_version=version, **fields), image))


@pytest.fixture(params=["esme", "gsme"])
def bench(request) -> DeviceBench:
    return DeviceBench(request.param)


def running(bench: DeviceBench) -> str:
    read = {"esme": "ECS52", "gsme": "GCS38"}[bench.kind]
    return bench.request(read).values["firmware_version"].hex()


def test_receipt_is_reported_and_nothing_runs_yet(bench):
    assert bench.device.receive_image(ota(bench)) is ImageOutcome.STORED
    (alert,) = bench.alerts()
    assert alert.signed
    assert alert.message.header.message_code == {"esme": 0x00CE, "gsme": 0x00CF}[bench.kind]
    assert (alert.values["alert_code"], alert.values["image_hash"]) == (0x8F72, digest())
    assert bench.logged("security") == [0x8F72]
    assert running(bench) == "01020304"


def test_activation_now(bench):
    bench.device.receive_image(ota(bench))
    answer = bench.request("CS06", image_hash=digest())
    assert answer.signed
    assert len(answer.message.header.date_time) == 12
    assert (answer.values["response_code"], answer.values["firmware_version"].hex()) == (0, "01020305")
    assert running(bench) == "01020305"
    assert bench.logged("security") == [0x8F72, 0x8F43]
    assert bench.alert_codes() == []
    assert bench.console.count(b"firmware 01020305") >= 1
    assert bench.request("CS06", image_hash=digest()).values["response_code"] == 1


def test_no_image_and_wrong_hash(bench):
    assert bench.request("CS06", image_hash=digest()).values["response_code"] == 1
    bench.device.receive_image(ota(bench))
    answer = bench.request("CS06", image_hash=digest(b"another"))
    assert (answer.values["response_code"], answer.values["firmware_version"].hex()) == (2, "01020304")
    assert bench.request("CS06", image_hash=digest()).values["response_code"] == 0


def test_image_that_does_not_start(bench):
    image = SELF_TEST_FAILS + IMAGE
    bench.device.receive_image(ota(bench, image))
    answer = bench.request("CS06", image_hash=digest(image))
    assert (answer.values["response_code"], answer.values["firmware_version"].hex()) == (3, "01020304")


def test_bad_signature_is_reported_and_never_activated(bench):
    bench.device.receive_image(ota(bench))
    file = bytearray(ota(bench, IMAGE[::-1], version=NEWER))
    file[-1] ^= 1
    bench.sent.clear()
    assert bench.device.receive_image(bytes(file)) is ImageOutcome.DISCARDED
    (alert,) = bench.alerts()
    assert (alert.values["alert_code"], alert.values["image_hash"]) == (0x8F1C, digest(IMAGE[::-1]))
    for image in (IMAGE[::-1], IMAGE):
        assert bench.request("CS06", image_hash=digest(image)).values["response_code"] == 1
    assert running(bench) == "01020304"


def test_image_of_another_supplier(bench):
    assert bench.device.receive_image(ota(bench, signer="second_supplier")) is ImageOutcome.DISCARDED
    assert bench.request("CS06", image_hash=digest()).values["response_code"] == 1


def test_image_of_the_former_supplier_is_not_the_new_ones(bench):
    bench.device.receive_image(ota(bench))
    new = bench.party("second_supplier")
    usages = ((new.ds, KeyUsage.DIGITAL_SIGNATURE, 0), (new.ka, KeyUsage.KEY_AGREEMENT, 0))
    bench.request(
        "CS02b",
        "transitional_cos",
        mode=7,
        replacements=[(identity.certificate, (2, *cell)) for identity, *cell in usages],
        path=[bench.hierarchy.issuing.certificate],
    )
    answer = bench.request("CS06", "second_supplier", image_hash=digest())
    assert (answer.values["response_code"], answer.values["firmware_version"].hex()) == (1, "01020304")


@pytest.mark.parametrize(
    "misfit",
    [
        {"manufacturer_code": 0x121E},
        {"image_type": 1},
        {"minimum_hardware_version": 2, "maximum_hardware_version": 9},
    ],
)
def test_image_for_something_else_is_not_taken(bench, misfit):
    bench.device.receive_image(ota(bench, IMAGE))
    bench.sent.clear()
    assert bench.device.receive_image(ota(bench, b"other", **misfit)) is ImageOutcome.MISMATCH
    assert bench.sent == []
    assert bench.request("CS06", image_hash=digest(b"other")).values["response_code"] == 2
    assert bench.request("CS06", image_hash=digest()).values["response_code"] == 0


@pytest.mark.parametrize("cut", [0, 1, 30, 60, 100, -1])
def test_cut_file_is_no_image(bench, cut):
    assert bench.device.receive_image(ota(bench)[:cut]) is ImageOutcome.DISCARDED
    assert bench.alert_codes() == [0x8F1C]


def test_newer_image_replaces_the_waiting_one(bench):
    bench.device.receive_image(ota(bench))
    bench.device.receive_image(ota(bench, b"second", version=NEWER))
    assert bench.request("CS06", image_hash=digest()).values["response_code"] == 2
    assert bench.request("CS06", image_hash=digest(b"second")).values["response_code"] == 0
    assert running(bench) == "01020306"


def test_force_replace_means_nothing_to_a_meter(bench):
    key = bench.party("supplier").ds.private
    signed = sign_image(key, OtaHeader(0x121D, 0, NEW), IMAGE, force_replace=1)
    bench.device.receive_image(build_ota(signed))
    assert running(bench) == "01020304"


def test_replayed_activation_does_nothing(bench):
    bench.device.receive_image(ota(bench))
    octets = bench.command("CS06", image_hash=digest(b"wrong"))
    bench.device.handle(octets)
    bench.sent.clear()
    bench.device.handle(octets)
    assert bench.sent == []


def test_counter_in_the_payload_must_be_the_headers(bench):
    bench.device.receive_image(ota(bench))
    bench.sent.clear()
    bench.device.handle(bench.command("CS06", image_hash=digest(), originator_counter=1))
    assert bench.alert_codes() == [0x8F1E]
    assert running(bench) == "01020304"


def test_future_activation_survives_a_restart_and_runs_in_time(tmp_path):
    bench = DeviceBench("esme", path=str(tmp_path / "esme.db"))
    bench.device.receive_image(ota(bench))
    when = START + timedelta(hours=2)
    answer = bench.request("CS06", image_hash=digest(), execution_time=when, counter=4711)
    assert answer.values == {"accepted": True}
    assert bench.device.next_due() == when
    bench.clock.advance(7199)
    bench.device.run_due()
    assert running(bench) == "01020304"
    bench.restart()
    bench.sent.clear()
    bench.clock.advance(1)
    bench.device.run_due()
    assert bench.device.next_due() is None
    (alert,) = bench.alerts()
    assert alert.signed
    assert alert.message.header.message_code == 0x00CA
    assert alert.values["alert_code"] == 0x8F66
    assert alert.values["originator_counter"] == 4711
    assert running(bench) == "01020305"


def test_future_activation_across_an_outage_runs_at_power_on(bench):
    bench.device.receive_image(ota(bench))
    bench.request("CS06", image_hash=digest(), execution_time=START + timedelta(hours=1))
    bench.device.power(False)
    bench.clock.advance(7200)
    assert bench.device.next_due() is None
    bench.device.run_due()
    bench.sent.clear()
    bench.device.power(True)
    assert 0x8F66 in bench.alert_codes()
    assert running(bench) == "01020305"


def test_future_activation_that_fails(bench):
    bench.request("CS06", image_hash=digest(), execution_time=START + timedelta(hours=1))
    bench.clock.advance(3600)
    bench.sent.clear()
    bench.device.run_due()
    (alert,) = bench.alerts()
    assert (alert.values["alert_code"], alert.values["response_code"]) == (0x8F67, 1)


def test_cancelled_activation_never_runs(bench):
    bench.device.receive_image(ota(bench))
    bench.request("CS06", image_hash=digest(), execution_time=START + timedelta(hours=1))
    assert bench.request("CS06", image_hash=digest(), execution_time="cancel").values == {"accepted": True}
    bench.clock.advance(7200)
    bench.sent.clear()
    bench.device.run_due()
    assert bench.sent == []
    assert running(bench) == "01020304"


def test_due_time_is_the_devices_own(bench):
    with bench.device.work():
        bench.device.device_clock.drift(timedelta(minutes=10))
    bench.request("CS06", image_hash=digest(), execution_time=START + timedelta(hours=1))
    assert bench.device.next_due() == START + timedelta(minutes=50)


def test_state_is_kept_across_activation(bench):
    update = {"esme": ("ECS39a", {"mpan": "9" * 13}), "gsme": ("GCS41", {"mprn": "999999"})}[bench.kind]
    bench.request(update[0], **update[1])
    bench.device.receive_image(ota(bench))
    counter = bench.device.trust_anchors.counter(2)
    bench.request("CS06", image_hash=digest())
    assert "9999" in bench.device.display()
    assert bench.device.trust_anchors.counter(2) == counter + 1


def test_firmware_damaged_in_its_bank_is_found_at_power_on(bench):
    bench.device.receive_image(ota(bench))
    bench.request("CS06", image_hash=digest())
    with bench.device.work():
        bench.storage.put("firmware", "image.1", b"rotten")
    bench.sent.clear()
    bench.device.power(False)
    bench.device.power(True)
    assert 0x8F1B in bench.alert_codes()


def test_ppmid_activates_by_itself_and_tells_the_broker():
    bench = DeviceBench("ppmid")
    file = build_ota(OtaImage(OtaHeader(0x121D, 0, NEW), IMAGE))
    assert bench.device.receive_image(file) is ImageOutcome.STORED
    bench.device.upgrade_due()
    (alert,) = bench.alerts("access_control_broker")[-1:]
    assert alert.signed
    assert alert.message.header.message_code == 0x012B
    assert alert.values["alert_code"] == 0x8F8B
    assert alert.values["firmware_version"].hex() == "01020305"


def test_off_means_off(bench):
    bench.device.power(False)
    assert bench.device.receive_image(ota(bench)) is None


@pytest.mark.parametrize("version", [0x01020303, 0x01020304])
def test_version_order_is_a_switch(version):
    """No source orders versions: taken, unless a rig says that only later ones are."""
    bench = DeviceBench("esme")
    assert bench.device.receive_image(ota(bench, version=version)) is ImageOutcome.STORED
    assert bench.request("CS06", image_hash=digest()).values["response_code"] == 0
    assert running(bench) == f"{version:08x}"
    strict = DeviceBench("esme", changes={"switches": {"image-order": "newer"}})
    assert strict.device.receive_image(ota(strict, version=version)) is ImageOutcome.MISMATCH
    assert strict.device.receive_image(ota(strict)) is ImageOutcome.STORED


def activated(bench: DeviceBench, image: bytes, version: int) -> None:
    bench.device.receive_image(ota(bench, image, version=version))
    assert bench.request("CS06", image_hash=digest(image)).values["response_code"] == 0


def damage(bench: DeviceBench) -> None:
    with bench.device.work():
        assert bench.device.firmware.damage()


def test_damaged_image_does_not_start_while_another_is_sound(bench):
    activated(bench, IMAGE, NEW)
    activated(bench, b"second", NEWER)
    damage(bench)
    bench.sent.clear()
    bench.device.power(False)
    bench.device.power(True)
    assert 0x8F1B in bench.logged("security")
    assert running(bench) == f"{NEW:08x}"
    assert bench.device.firmware.pending_hash is None
    bench.device.power(False)
    bench.device.power(True)
    assert bench.logged("security").count(0x8F1B) == 1


def test_what_ran_before_waits_for_nothing(bench):
    activated(bench, IMAGE, NEW)
    activated(bench, b"second", NEWER)
    assert bench.request("CS06", image_hash=digest()).values["response_code"] == 1
    activated(bench, IMAGE, NEW)
    damage(bench)
    bench.device.receive_image(ota(bench, b"third", version=NEWER + 1))
    bench.device.power(False)
    bench.device.power(True)
    # What waits has been ordered by nobody, so it does not start either.
    assert bench.device.firmware.pending_hash == digest(b"third")
    assert running(bench) == f"{NEW:08x}"


def test_cut_at_every_octet_is_no_image(bench):
    file = ota(bench, b"short")
    for cut in range(len(file)):
        assert bench.device.receive_image(file[:cut]) is ImageOutcome.DISCARDED
    assert bench.device.firmware.pending_hash is None
    assert bench.device.receive_image(file) is ImageOutcome.STORED
