"""Downloads and activations that something comes between: lost frames, restarts, supply that fails at a point."""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs
from hil.exchange import NoResponseError

from ..images import make_image
from ..meters import both_meters
from ..reads import firmware_version, raised, restart, until_it_answers
from . import activation as act

pytestmark = [needs(state="commissioned", capabilities=["firmware"]), leaves("irreversible")]

DOWNLOAD_S = 7200.0  # with what comes between, and a gas meter that looks every half hour
NOT_VERIFIED = 0x8F1C
BAD_AT_POWER_ON = 0x8F1B
BLOCKS = 34  # of 48 octets in the images of these suites


def at_block(number, device="esme", point="block"):
    mark = pytest.mark.fault("cut-power", node=device, at=point, number=number, seconds=5)
    return pytest.param(number, marks=mark, id=f"{point}-{number}")


def arrives(check, bench, supplier, meter, row="GBCS-11.3-08"):
    """An image is sent, whatever comes between: old firmware until CS06, one receipt, then the new one."""
    running = firmware_version(bench, meter)
    image = make_image(bench, meter)
    mark = bench.alerts.mark()
    bench.send_image(meter, image.ota)
    alert = bench.alerts.expect(meter, act.VERIFIED, since=mark, timeout_s=DOWNLOAD_S)
    check.equal(row, image.hash, alert.values["image_hash"], octets=alert.octets)
    check.equal("GBCS-11.1-01", running, firmware_version(bench, meter))
    receipts = [a for a in bench.alerts.since(mark) if a.alert_code in {act.VERIFIED, NOT_VERIFIED}]
    check.equal(row, [act.VERIFIED], [a.alert_code for a in receipts])
    response = act.activate(supplier, meter, image)
    outcome = (response.values["response_code"], response.values["firmware_version"])
    check.equal(row, (act.SUCCESS, image.version), outcome, octets=response.octets)


@covers("GBCS-11.3-08", "GBCS-11.1-01", "GBCS-11.5-03")
@needs(devices=["esme"])
@pytest.mark.parametrize("number", [at_block(number) for number in range(1, BLOCKS + 1)])
def test_supply_that_fails_at_any_block(bench, supplier, esme, check, number):
    mark = esme.console.mark()
    arrives(check, bench, supplier, esme)
    starts = esme.console.text(mark).count("emulated ESME")
    assert starts == 2, "one for the supply that failed, one for the new image"


@covers("GBCS-11.3-08", "GBCS-11.1-01", "GBCS-11.5-03")
@needs(devices=["gsme"])
@pytest.mark.parametrize(
    "number", [at_block(number, "gsme", "block-kept") for number in (1, 2, BLOCKS // 2, BLOCKS - 1, BLOCKS)]
)
def test_supply_that_fails_after_a_block(bench, supplier, gsme, check, number):
    arrives(check, bench, supplier, gsme)


@covers("GBCS-11.3-08", "GBCS-11.1-01")
@needs(devices=["esme"])
@pytest.mark.fault("cut-power", node="esme", at="image", seconds=5)
def test_supply_that_fails_as_the_image_goes_into_its_bank(bench, supplier, esme, check):
    arrives(check, bench, supplier, esme)


@covers("GBCS-11.3-08", "GBCS-11.1-01")
@needs(devices=["esme"])
@pytest.mark.fault("drop", node="esme", port="han", probability=0.15)
def test_lost_frames(bench, supplier, esme, check):
    arrives(check, bench, supplier, esme)


@covers("GBCS-11.3-08", "GBCS-11.1-01")
@needs(devices=["esme"])
@pytest.mark.parametrize(
    "skip",
    [
        pytest.param(n, marks=pytest.mark.fault("drop", node="esme", port="han", skip=n, count=300))
        for n in (150, 250)
    ],
)
def test_radio_lost_for_a_while(bench, supplier, esme, check, skip):
    arrives(check, bench, supplier, esme)


@covers("GBCS-11.3-08", "GBCS-11.1-01")
@both_meters
@needs(capabilities=["power"])
def test_restart_of_the_meter(bench, supplier, meter, check):
    """At some time of the download or before it begins, but not as its receipt leaves: that may be lost."""
    running = firmware_version(bench, meter)
    image = make_image(bench, meter)
    mark = bench.alerts.mark()
    bench.send_image(meter, image.ota)
    bench.wait(0.3)
    restart(bench, meter)
    check.equal("GBCS-11.1-01", running, firmware_version(bench, meter))
    alert = bench.alerts.expect(meter, act.VERIFIED, since=mark, timeout_s=DOWNLOAD_S)
    check.equal("GBCS-11.3-08", image.hash, alert.values["image_hash"], octets=alert.octets)


@covers("GBCS-11.3-08")
@needs(devices=["chf", "esme"], capabilities=["chf.power"])
@pytest.mark.parametrize("into_s", [0.0, 0.3])
def test_restart_of_the_hub(bench, chf, esme, check, into_s):
    """It has the image still, whether its meter knew of it by then or not."""
    image = make_image(bench, esme)
    mark = bench.alerts.mark()
    bench.send_image(esme, image.ota)
    bench.wait(into_s)
    restart(bench, chf)
    alert = bench.alerts.expect(esme, act.VERIFIED, since=mark, timeout_s=DOWNLOAD_S)
    check.equal("GBCS-11.3-08", image.hash, alert.values["image_hash"], octets=alert.octets)


@covers("GBCS-11.1-01", "GBCS-11.5-03", "GBCS-11.5-07")
@both_meters
@needs(capabilities=["power"])
def test_both_banks_outlive_a_restart(bench, supplier, meter, check):
    running = firmware_version(bench, meter)
    image = act.distribute(bench, meter)
    restart(bench, meter)
    check.equal("GBCS-11.1-01", running, firmware_version(bench, meter))
    response = act.activate(supplier, meter, image)
    outcome = (response.values["response_code"], response.values["firmware_version"])
    check.equal("GBCS-11.5-03", (act.SUCCESS, image.version), outcome, octets=response.octets)
    restart(bench, meter)
    check.equal("GBCS-11.5-07", image.version, firmware_version(bench, meter))


@covers("GBCS-11.1-06", "GBCS-11.5-03", "GBCS-11.5-07")
@needs(devices=["esme"], capabilities=["esme.faults"])
@pytest.mark.parametrize("point", ["activation", "activation-kept"])
def test_supply_that_fails_at_activation(bench, supplier, esme, check, point):
    """The meter starts with the one image or the other, both verified; never with neither, never with half."""
    running = firmware_version(bench, esme)
    image = act.distribute(bench, esme)
    with bench.faults.given("cut-power", "esme", at=point, seconds=5):
        with pytest.raises(NoResponseError):
            act.activate(supplier, esme, image, timeout_s=4)
        bench.wait(5)
        until_it_answers(bench, esme)
    expected = running if point == "activation" else image.version
    check.equal("GBCS-11.5-07", expected, firmware_version(bench, esme))
    response = act.activate(supplier, esme, image)
    code = act.SUCCESS if point == "activation" else act.NO_IMAGE_HELD
    outcome = (response.values["response_code"], response.values["firmware_version"])
    check.equal("GBCS-11.5-03", (code, image.version), outcome, octets=response.octets)
    check.equal("GBCS-11.1-06", image.version, firmware_version(bench, esme))


@covers("SMETS-FW-BOOT-01", "GBCS-EV-8F1B", "GBCS-11.3-10")
@needs(devices=["esme"], capabilities=["esme.faults", "power"])
def test_what_starts_is_an_image_that_verified(bench, supplier, esme, check):
    """The running image is damaged; the start finds it and goes back to the one before."""
    first, second = act.distribute(bench, esme), None
    act.activate(supplier, esme, first)
    second = act.distribute(bench, esme)
    act.activate(supplier, esme, second)
    check.equal("SMETS-FW-BOOT-01", second.version, firmware_version(bench, esme))
    mark = bench.alerts.mark()
    with bench.faults.given("damaged-firmware", "esme"):
        restart(bench, esme)
    alert = raised(check, bench, esme, [BAD_AT_POWER_ON], since=mark, row="GBCS-EV-8F1B")
    check.equal("GBCS-11.3-10", "supplier", alert.to, octets=alert.octets)
    check.equal("SMETS-FW-BOOT-01", first.version, firmware_version(bench, esme))


@covers("GBCS-11.3-01", "GBCS-11.3-05", "GBCS-11.5-04")
@needs(devices=["esme"])
@pytest.mark.parametrize("percent", [10, 50, 99])
def test_truncated_image_is_dropped(bench, supplier, esme, check, percent):
    act.discard_pending(bench, supplier, esme)
    image = make_image(bench, esme)
    mark = bench.alerts.mark()
    bench.send_image(esme, image.ota[: len(image.ota) * percent // 100])
    bench.wait(60)
    response = act.activate(supplier, esme, image)
    for row in ("GBCS-11.3-05", "GBCS-11.5-04"):
        check.equal(row, act.NO_IMAGE_HELD, response.values["response_code"], octets=response.octets)
    verified = [a for a in bench.alerts.since(mark) if a.alert_code == act.VERIFIED]
    check.equal("GBCS-11.3-01", [], verified)


@covers("GBCS-11.3-08", "GBCS-11.1-01")
@needs(devices=["chf", "esme"])
@pytest.mark.fault("cut-power", node="chf", at="now", seconds=5)
def test_supply_of_the_hub_fails(bench, supplier, esme, check):
    """The hub keeps no images over it: whoever sent the image sends it again."""
    bench.wait(5)
    until_it_answers(bench, esme)
    arrives(check, bench, supplier, esme)


@covers("GBCS-11.3-08", "GBCS-11.1-01")
@needs(devices=["chf", "esme"], capabilities=["chf.faults"])
def test_supply_of_the_hub_fails_within_a_download(bench, supplier, esme, check):
    running = firmware_version(bench, esme)
    bench.send_image(esme, make_image(bench, esme).ota)
    bench.wait(0.3)
    with bench.faults.given("cut-power", "chf", seconds=5):
        bench.wait(5)
        until_it_answers(bench, esme)
    check.equal("GBCS-11.1-01", running, firmware_version(bench, esme))
    arrives(check, bench, supplier, esme)
