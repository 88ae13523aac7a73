"""What logs hold, how they are read, who may read them, and what clears them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hil.api import covers, leaves, needs
from protocols.ports import StimulusKind

from ..reads import refused
from ..settings import set_mpxn
from .logs import AUXILIARY, EVENT, POWER, SECURITY, codes, entries
from .stimuli import do

pytestmark = [needs(state="commissioned"), leaves("restored")]

CAPACITY = 100
BUTTON = StimulusKind.BUTTON
CLEARED, COMMAND_DONE, COMMAND_FAILED = 0x8F52, 0x8154, 0x8155
CONTROLLER = "AuxiliaryController[n]: controllerNumberAndCommandedState"
with_stimuli = needs(devices=["esme"], capabilities=["esme.stimulus"])


@with_stimuli
@pytest.mark.parametrize(
    ("log", "row", "knob", "code"),
    [
        pytest.param(EVENT, "SMETS-LOG-EVT", "fault=other", 0x81A0, marks=covers("SMETS-LOG-EVT"), id=EVENT),
        pytest.param(
            SECURITY, "SMETS-LOG-SEC", "tamper=other", 0x8F78, marks=covers("SMETS-LOG-SEC"), id=SECURITY
        ),
        pytest.param(
            POWER, "SMETS-LOG-PWR", "polarity=wrong", 0x81B8, marks=covers("SMETS-LOG-PWR"), id=POWER
        ),
    ],
)
def test_log_keeps_the_latest_hundred(bench, supplier, esme, check, log, row, knob, code):
    first = bench.clock.now()
    for number in range(CAPACITY + 1):
        bench.wait(5.0 if number == 1 else 0.01)
        do(esme, BUTTON, knob)
    kept = entries(bench, supplier, esme, log)
    check.equal(row, CAPACITY, len(kept))
    check.equal(row, {code}, {entry.code for entry in kept})
    times = [entry.time for entry in kept]
    check.equal(row, sorted(times), times)
    check.that(
        row,
        times[0] > first + timedelta(seconds=3),
        expected="the entry of the first event is gone",
        observed=f"the oldest of {times[0]}, the first event at {first}",
    )


@covers("SMETS-LOG-EVT", "SMETS-LOG-SEC", "SMETS-LOG-PWR", "GBCS-EV-8F52")
@with_stimuli
def test_clearing_the_event_log_leaves_the_other_logs(bench, supplier, esme, check):
    for knob in ("fault=other", "tamper=other", "polarity=wrong"):
        do(esme, BUTTON, knob)
    power, security = (codes(bench, supplier, esme, log) for log in (POWER, SECURITY))
    supplier.request("ECS15a", esme)
    check.equal("SMETS-LOG-EVT", [], codes(bench, supplier, esme, EVENT))
    check.equal("SMETS-LOG-PWR", power, codes(bench, supplier, esme, POWER))
    after = codes(bench, supplier, esme, SECURITY)
    kept = len(after) - 1
    check.equal("SMETS-LOG-SEC", security[-kept:], after[:-1])
    check.equal("GBCS-EV-8F52", CLEARED, after[-1])


@covers("SMETS-LOG-GSEC")
@needs(devices=["gsme"], capabilities=["gsme.stimulus"])
def test_clearing_a_gas_meters_event_log_leaves_its_security_log(bench, supplier, gsme, check):
    for knob in ("fault=other", "tamper"):
        do(gsme, BUTTON, knob)
    security = codes(bench, supplier, gsme, SECURITY)
    check.equal("SMETS-LOG-GSEC", True, bool(security))
    supplier.request("CS11", gsme)
    check.equal("SMETS-LOG-GSEC", [], codes(bench, supplier, gsme, EVENT))
    check.equal("SMETS-LOG-GSEC", security, codes(bench, supplier, gsme, SECURITY)[: len(security)])


@covers("GBCS-LOG-FMT")
@with_stimuli
def test_a_window_holds_the_entries_at_both_of_its_ends(bench, supplier, esme, check):
    for _ in range(3):
        do(esme, BUTTON, "tamper")
        bench.wait(10)
    first, second, third = (entry.time for entry in entries(bench, supplier, esme, SECURITY)[-3:])
    second_s = timedelta(seconds=1)
    for start, end, expected in (
        (first, third, [first, second, third]),
        (second, second, [second]),
        (first + second_s, third - second_s, [second]),
        (third + second_s, third + 2 * second_s, []),
    ):
        found = [entry.time for entry in entries(bench, supplier, esme, SECURITY, start=start, end=end)]
        check.equal("GBCS-LOG-FMT", expected, found)


@covers("GBCS-LOG-AUX")
@with_stimuli
def test_the_controllers_log_is_read_and_cleared_by_itself(bench, supplier, network_operator, esme, check):
    before = codes(bench, supplier, esme, EVENT)
    supplier.request("ECS47", esme, values={CONTROLLER: 0x0211})
    check.equal("GBCS-LOG-AUX", [0x0211], codes(bench, network_operator, esme, AUXILIARY)[-1:])
    supplier.request("ECS15c", esme)
    check.equal("GBCS-LOG-AUX", [], codes(bench, supplier, esme, AUXILIARY))
    check.equal("GBCS-LOG-AUX", before, codes(bench, supplier, esme, EVENT)[: len(before)])


@covers("GBCS-LOG-ACC")
@needs(devices=["esme"])
@pytest.mark.parametrize("role", ["supplier", "network_operator", "acb"])
def test_meter_logs_are_read_by_each_of_their_readers(bench, request, supplier, esme, check, role):
    reader = request.getfixturevalue(role)
    for log in (EVENT, SECURITY, POWER):
        found = codes(bench, reader, esme, log)
        check.equal("GBCS-LOG-ACC", codes(bench, supplier, esme, log), found)


@covers("GBCS-LOG-ACC")
@needs(devices=["esme"])
@pytest.mark.parametrize("use_case", ["ECS15a", "ECS15c"])
def test_only_the_supplier_clears(bench, network_operator, supplier, esme, check, use_case):
    refused(check, bench, network_operator.send(use_case, esme), "GBCS-LOG-ACC")


@covers("GBCS-16-12", "GBCS-EV-8154")
@needs(devices=["esme"])
def test_a_command_that_was_carried_out_is_logged(bench, supplier, esme, check):
    use_case, values = set_mpxn(esme)
    response = supplier.request(use_case, esme, **values)
    last = entries(bench, supplier, esme, EVENT)[-1]
    check.equal("GBCS-EV-8154", COMMAND_DONE, last.code)
    check.equal("GBCS-16-12", f"{response.message.header.message_code:04X}", last.other)


@covers("GBCS-16-12", "GBCS-EV-8155")
@needs(devices=["esme"])
def test_a_command_that_failed_is_logged(bench, supplier, esme, check):
    """A controller that does not exist."""
    response = supplier.request("ECS47", esme, values={CONTROLLER: 0x0911})
    check.equal("GBCS-16-12", True, any(response.statuses.values()), octets=response.octets)
    last = entries(bench, supplier, esme, EVENT)[-1]
    check.equal("GBCS-EV-8155", COMMAND_FAILED, last.code)
    check.equal("GBCS-16-12", f"{response.message.header.message_code:04X}", last.other)


@covers("GBCS-ALC-05", "GBCS-EV-811A")
@with_stimuli
def test_a_controller_that_does_not_follow_is_alerted(bench, supplier, esme, check):
    do(esme, BUTTON, "controller=3:stuck")
    mark = bench.alerts.mark()
    supplier.request("ECS47", esme, values={CONTROLLER: 0x0311})
    alert = bench.alerts.expect(esme, 0x811A, since=mark)
    check.equal("GBCS-EV-811A", ("ok", supplier.name), (alert.mac, alert.to), octets=alert.octets)
    check.equal("GBCS-ALC-05", 0x0311, entries(bench, supplier, esme, AUXILIARY)[-1].code)
    do(esme, BUTTON, "controller=3:free")


@covers("GBCS-ALC-07", "GBCS-EV-8F88")
@with_stimuli
def test_an_operational_update_is_signed(bench, esme, check):
    mark = bench.alerts.mark()
    do(esme, BUTTON, "operational-update=maintenance")
    alert = bench.alerts.expect(esme, 0x8F88, since=mark)
    check.equal("GBCS-ALC-07", ("ok", None), (alert.signature, alert.message.mac), octets=alert.octets)
    check.equal("GBCS-EV-8F88", 0x0123, alert.message_code, octets=alert.octets)
    check.equal("GBCS-EV-8F88", "maintenance", alert.find("OperationalUpdate"), octets=alert.octets)


@covers("GBCS-ECS10-01", "GBCS-EV-81A6")
@with_stimuli
def test_a_message_is_shown_and_acknowledged(bench, supplier, esme, check):
    text = "Engineer on Monday"
    supplier.request("ECS10", esme, values={"SupplierMessage: value": text})
    check.equal("GBCS-ECS10-01", True, text in do(esme, StimulusKind.DISPLAY).answer)
    mark = bench.alerts.mark()
    do(esme, BUTTON, "acknowledge")
    alert = bench.alerts.expect(esme, 0x81A6, since=mark)
    check.equal("GBCS-EV-81A6", "ok", alert.mac, octets=alert.octets)
    check.equal("GBCS-EV-81A6", 0x81A6, entries(bench, supplier, esme, EVENT)[-1].code)
