"""Firmware over the whole stack: losses, power cuts, refusals, the sleeper, and how fast that is."""

from __future__ import annotations

import random
import time

import pytest

from protocols.ota import OtaHeader, OtaImage, build_ota
from protocols.zigbee.ota_cluster import ImageId, MemoryStore
from protocols.zigbee.smart_energy.events import (
    ImageDelivered,
    ImageFailed,
    ImageFailure,
    ImageNotReceived,
    ImageReceived,
    ImageStarted,
    UpgradeDue,
)
from protocols.zigbee.smart_energy.mirror import Flag
from protocols.zigbee.smart_energy.settings import DeviceSettings, DeviceType, HubSettings
from tests.smart_energy_han import Han

NUMBERS = {DeviceType.ESME: 0xA0, DeviceType.GSME: 0xA1, DeviceType.PPMID: 0xA4}


def file(octets: int, *, manufacturer: int = 0x121D, version: int = 2, hardware=(0, 0xFFFF)) -> bytes:
    header = OtaHeader(manufacturer, 0, version, *hardware)
    return build_ota(OtaImage(header, random.Random(octets).randbytes(octets)))


def world(device_type: DeviceType, *, loss: float = 0.0, hub_settings=None, **options):
    han = Han(loss=loss, hub_settings=hub_settings)
    member = han.join(han.device(device_type, NUMBERS[device_type], **options))
    return han, member


def over(han):
    return han.hub.of(ImageDelivered, ImageFailed)


@pytest.mark.parametrize("device_type", NUMBERS)
@pytest.mark.parametrize("loss", [0.0, 0.15])
def test_an_image_arrives(device_type, loss):
    han, member = world(device_type, loss=loss)
    image = file(5000)
    token = han.hub.app.deliver_image(member.eui64, image)
    han.run_until(lambda: over(han), 4000)
    assert over(han) == [ImageDelivered(token, member.eui64)]
    assert han.hub.of(ImageStarted) == [ImageStarted(token, member.eui64)]
    assert member.of(ImageReceived) == [ImageReceived(image)]
    han.run(60)
    # Meters wait for CS06.
    assert bool(member.of(UpgradeDue)) == (device_type is DeviceType.PPMID)
    han.run(4000)
    assert len(member.of(ImageReceived)) == 1


def test_a_sleeper_is_told_by_flag():
    han, gas = world(DeviceType.GSME)
    han.hub.app.deliver_image(gas.eui64, file(500))
    assert han.hub.app.flags(gas.eui64)[0] == Flag.NEW_FIRMWARE
    han.run(100)
    assert not han.hub.of(ImageStarted)
    gas.app.wake()
    han.run_until(lambda: over(han), 200)
    assert han.hub.app.flags(gas.eui64)[0] == 0


@pytest.mark.parametrize("device_type", NUMBERS)
@pytest.mark.parametrize("seed", range(3))
def test_a_power_cut_at_a_random_block_resumes(device_type, seed):
    store = MemoryStore()
    han, member = world(device_type, loss=0.05, store=store)
    image = file(6000)
    han.hub.app.deliver_image(member.eui64, image)
    block = random.Random(seed).randrange(1, 120)
    member.app.wake()
    han.run_until(lambda: (store.load() is not None) and store.load().offset >= block * 48, 4000)
    member.cut_power()
    kept = store.load().offset
    han.run(30)
    asked = []
    serve = han.hub.app._images._take

    def watch(incoming):
        if incoming.name == "Image Block Request":
            asked.append(incoming.values["File Offset"])
        return serve(incoming)

    han.hub.app.zcl.side(1, 0x0019).commands = watch
    member.power()
    han.run_until(lambda: over(han), 8000)
    assert isinstance(over(han)[0], ImageDelivered)
    assert member.of(ImageReceived) == [ImageReceived(image)]
    assert min(asked) == kept >= block * 48


def test_a_hub_that_lost_power_is_given_the_image_again():
    store = MemoryStore()
    han, member = world(DeviceType.ESME, store=store)
    image = file(20000)
    han.hub.app.deliver_image(member.eui64, image)
    han.run_until(lambda: (store.load() is not None) and store.load().offset > 3000)
    han.hub.cut_power()
    han.run(20)
    han.hub.power()
    han.run(30)
    token = han.hub.app.deliver_image(member.eui64, image)
    han.run_until(lambda: over(han), 2000)
    assert over(han) == [ImageDelivered(token, member.eui64)]
    assert member.of(ImageReceived) == [ImageReceived(image)]


@pytest.mark.parametrize(
    "image", [file(100, manufacturer=0x1234), file(100, version=1), file(100, hardware=(2, 9))]
)
def test_an_image_that_does_not_fit_is_not_wanted(image):
    han, member = world(DeviceType.ESME)
    token = han.hub.app.deliver_image(member.eui64, image)
    han.run(30)
    assert over(han) == [ImageFailed(token, member.eui64, ImageFailure.NOT_WANTED, 0x98)]
    assert not member.of(ImageReceived)


def test_an_image_the_device_finds_wrong():
    han, member = world(DeviceType.PPMID, check=lambda _: False)
    token = han.hub.app.deliver_image(member.eui64, file(300))
    han.run(30)
    assert over(han) == [ImageFailed(token, member.eui64, ImageFailure.REFUSED, 0x96)]
    assert member.of(ImageReceived, ImageNotReceived) == [ImageNotReceived(0x96, kept=False)]


def test_what_is_no_image_to_whom_and_what_is_replaced():
    han, member = world(DeviceType.ESME)
    stranger = han.device(DeviceType.PPMID, 0xA4)
    no_file = han.hub.app.deliver_image(member.eui64, b"no OTA file")
    nobody = han.hub.app.deliver_image(stranger.eui64, file(10))
    replaced = han.hub.app.deliver_image(member.eui64, file(9000))
    han.run(0.5)
    better = han.hub.app.deliver_image(member.eui64, file(3000, version=3))
    han.run_until(lambda: len(over(han)) == 4, 4000)
    assert [(event.token, getattr(event, "reason", None)) for event in over(han)] == [
        (no_file, ImageFailure.NOT_AN_IMAGE),
        (nobody, ImageFailure.NOT_ON_NETWORK),
        (replaced, ImageFailure.REPLACED),
        (better, None),
    ]
    assert [event.octets for event in member.of(ImageReceived)] == [file(3000, version=3)]


def test_a_device_that_never_comes_and_one_that_stops():
    settings = HubSettings(image_age_s=3600, image_silence_s=1800)
    han, member = world(DeviceType.ESME, hub_settings=settings)
    member.cut_power()
    token = han.hub.app.deliver_image(member.eui64, file(3000))
    han.run(3700)
    assert over(han) == [ImageFailed(token, member.eui64, ImageFailure.NOT_ASKED)]
    member.power()
    han.run(60)
    token = han.hub.app.deliver_image(member.eui64, file(50000))
    han.run_until(lambda: han.hub.of(ImageStarted), 4000)
    member.cut_power()
    han.run(1900)
    assert over(han)[1:] == [ImageFailed(token, member.eui64, ImageFailure.STALLED)]


def test_one_image_for_several_devices_at_once_and_activation():
    han, meter = world(DeviceType.ESME)
    display = han.join(han.device(DeviceType.PPMID, 0xA4))
    image = file(4000)
    tokens = {han.hub.app.deliver_image(member.eui64, image) for member in (meter, display)}
    han.run_until(lambda: len(over(han)) == 2)
    assert {event.token for event in over(han)} == tokens
    assert all(isinstance(event, ImageDelivered) for event in over(han))
    meter.app.set_image(ImageId(0x121D, 0, 2))
    han.hub.app.deliver_image(meter.eui64, image)
    han.run(30)
    assert over(han)[2].reason is ImageFailure.NOT_WANTED  # it runs that one


def test_the_hub_may_set_the_pace():
    settings = HubSettings(image_block_period_s=1.0)
    han, member = world(DeviceType.ESME, hub_settings=settings)
    han.hub.app.deliver_image(member.eui64, file(1000))
    assert 18 <= han.run_until(lambda: over(han)) <= 80
    assert isinstance(over(han)[0], ImageDelivered)


def test_half_a_megabyte_with_losses_takes_seconds():
    han, member = world(DeviceType.ESME, loss=0.05, settings=DeviceSettings(image=ImageId(0x121D, 0, 1)))
    image = file(500_000)
    han.hub.app.deliver_image(member.eui64, image)
    begin = time.process_time()
    while not over(han):
        han.run(5)
    assert time.process_time() - begin < 10
    assert member.of(ImageReceived)[0].octets == image
