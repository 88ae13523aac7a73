"""Activation at a set time: stored, executed, cancelled, and kept over a loss of supply."""

from __future__ import annotations

from datetime import datetime, timedelta

from hil.api import covers, leaves, needs

from ..reads import firmware_version
from . import activation as act

pytestmark = [
    needs(state="commissioned", devices=["esme"], capabilities=["firmware"]),
    leaves("irreversible"),
]

AHEAD_S = 2  # execution times have whole seconds: between one and two seconds from now
LATE = timedelta(seconds=10)  # of the device's clock (A10) and of the execution


def _soon(bench) -> datetime:
    return bench.clock.now().replace(microsecond=0) + timedelta(seconds=AHEAD_S)


def _wait_until(bench, when: datetime) -> None:
    bench.wait(max(0.0, (when - bench.clock.now()).total_seconds()))


def _executed(check, alert, sent, when, image):
    check.equal("GBCS-11.5-08", "ok", alert.signature, octets=alert.octets)
    check.that(
        "GBCS-11.5-08",
        when <= alert.values["time"] <= when + LATE,
        expected=f"an execution time of {when}, or at most {LATE} later",
        observed=alert.values["time"],
        octets=alert.octets,
    )
    check.equal("GBCS-11.5-08", sent.counter, alert.values["originator_counter"], octets=alert.octets)
    outcome = (alert.values["response_code"], alert.values["firmware_version"])
    check.equal("GBCS-11.5-08", (act.SUCCESS, image.version), outcome, octets=alert.octets)


@covers("GBCS-11.5-01", "GBCS-11.5-02", "GBCS-11.5-08", "GBCS-FD-02")
def test_dated_activation_is_stored_and_executed_at_its_time(bench, supplier, esme, check):
    running = firmware_version(bench, esme)
    image = act.distribute(bench, esme)
    mark = bench.alerts.mark()
    when = _soon(bench)
    sent = supplier.send("CS06", esme, image_hash=image.hash, execution_time=when)
    response = supplier.expect_response(sent)
    check.that(
        "GBCS-FD-02",
        response.values.get("accepted") and "response_code" not in response.values,
        expected="acceptance only, no outcome",
        observed=response.values,
        octets=response.octets,
    )
    check.equal("GBCS-11.5-01", running, firmware_version(bench, esme))
    alert = bench.alerts.expect(
        esme,
        act.FUTURE_DATED_DONE,
        message_code=act.DATED_OUTCOME,
        since=mark,
        timeout_s=AHEAD_S + LATE.seconds,
    )
    _executed(check, alert, sent, when, image)
    check.equal("GBCS-11.5-02", image.version, firmware_version(bench, esme))


@covers("GBCS-11.5-10", "GBCS-FD-02")
def test_cancelled_activation_does_not_happen(bench, supplier, esme, check):
    running = firmware_version(bench, esme)
    image = act.distribute(bench, esme)
    mark = bench.alerts.mark()
    when = _soon(bench)
    act.activate(supplier, esme, image, execution_time=when)
    response = act.activate(supplier, esme, image, execution_time="cancel")
    check.that(
        "GBCS-FD-02",
        response.values.get("accepted"),
        expected="acceptance of the cancellation",
        observed=response.values,
        octets=response.octets,
    )
    _wait_until(bench, when + timedelta(seconds=0.3))
    check.equal("GBCS-11.5-10", running, firmware_version(bench, esme))
    done = [a for a in bench.alerts.since(mark) if a.alert_code == act.FUTURE_DATED_DONE]
    check.that("GBCS-11.5-10", not done, expected="no 0x8F66", observed=len(done))


@covers("GBCS-11.5-12", "GBCS-11.5-08")
@needs(capabilities=["esme.power"])
def test_dated_activation_survives_a_loss_of_supply(bench, supplier, esme, check):
    """Supply is off when the time comes (A18: late execution is accepted)."""
    image = act.distribute(bench, esme)
    mark = bench.alerts.mark()
    when = _soon(bench)
    sent = supplier.send("CS06", esme, image_hash=image.hash, execution_time=when)
    supplier.expect_response(sent)
    esme.power.off()
    try:
        _wait_until(bench, when + timedelta(seconds=0.1))
    finally:
        esme.power.on()
    alert = bench.alerts.expect(
        esme, act.FUTURE_DATED_DONE, message_code=act.DATED_OUTCOME, since=mark, timeout_s=LATE.seconds
    )
    _executed(check, alert, sent, when, image)
    check.equal("GBCS-11.5-12", image.version, firmware_version(bench, esme))


@covers("GBCS-11.5-02", "GBCS-11.5-08")
def test_dated_activation_makes_the_same_checks_at_its_time(bench, supplier, esme, check):
    """The hash in the command is not that of the image that waits."""
    running = firmware_version(bench, esme)
    image = act.distribute(bench, esme)
    wrong = bytes((image.hash[0] ^ 1,)) + image.hash[1:]
    mark = bench.alerts.mark()
    supplier.request("CS06", esme, image_hash=wrong, execution_time=_soon(bench))
    alert = bench.alerts.expect(
        esme,
        act.FUTURE_DATED_FAILED,
        message_code=act.DATED_OUTCOME,
        since=mark,
        timeout_s=AHEAD_S + LATE.seconds,
    )
    check.equal("GBCS-11.5-08", "ok", alert.signature, octets=alert.octets)
    check.equal("GBCS-11.5-02", act.HASH_MISMATCH, alert.values["response_code"], octets=alert.octets)
    check.equal("GBCS-11.5-02", running, firmware_version(bench, esme))
