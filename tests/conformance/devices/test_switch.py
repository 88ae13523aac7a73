"""A load control switch on the HAN: the meter it is joined with operates it."""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs
from protocols.ports import StimulusKind

from .. import device_log
from ..alerts.logs import AUXILIARY, EVENT, codes, entries
from ..alerts.stimuli import do
from ..reads import until_it_answers
from .controllers import OFF, ON, output, switch

pytestmark = [
    needs(
        state="commissioned",
        devices=["esme", "hcalcs"],
        capabilities=["esme.stimulus", "hcalcs.stimulus", "hcalcs.power"],
    ),
    leaves("restored"),
]

NUMBER = 2
HECS01 = "0119"
COMMAND_DONE, COMMAND_FAILED, SWITCH_FAILURE = 0x8154, 0x8155, 0x811A
CLOSED, OPEN = "SWITCH CLOSED", "SWITCH OPEN"


def _assign(supplier, esme, octets):
    values = {
        f"AuxiliaryController[{NUMBER}]: typeAndIdentifier": octets.hex().upper(),
        "AuxiliaryControllerCalendar(SpecialDays): entries": [],
        "AuxiliaryControllerCalendar: nextEntries": [],
    }
    assert not any(supplier.request("ECS46c", esme, values=values).statuses.values())


@pytest.fixture
def assigned(bench, supplier, esme, hcalcs):
    """The switch stands under its number at the meter, and is off."""
    _assign(supplier, esme, bytes(hcalcs.eui64))
    switch(supplier, esme, NUMBER, OFF)
    bench.wait(5)
    yield
    switch(supplier, esme, NUMBER, OFF)
    bench.wait(5)
    _assign(supplier, esme, b"")


def _position(hcalcs):
    return do(hcalcs, StimulusKind.DISPLAY).answer.splitlines()[1]


@covers("SMETS-ALC-01", "SMETS-5.6.3.33-OBJ")
@pytest.mark.usefixtures("assigned")
def test_the_switch_follows_its_number(bench, supplier, esme, hcalcs, check):
    for state, position in ((ON, CLOSED), (OFF, OPEN), (ON, CLOSED)):
        switch(supplier, esme, NUMBER, state)
        bench.wait(5)
        check.equal("SMETS-ALC-01", position, _position(hcalcs))
    switch(supplier, esme, NUMBER + 1, ON)
    switch(supplier, esme, NUMBER, OFF)
    bench.wait(5)
    check.equal("SMETS-5.6.3.33-OBJ", OPEN, _position(hcalcs))
    switch(supplier, esme, NUMBER + 1, OFF)


@covers("SMETS-5.7.5.6-OBJ")
@pytest.mark.usefixtures("assigned")
def test_command_and_confirmation_are_logged(bench, supplier, esme, check):
    """The command as asked for, then that the switch has done it, with one number for both."""
    switch(supplier, esme, NUMBER, ON)
    bench.wait(5)
    asked, done = entries(bench, supplier, esme, AUXILIARY)[-2:]
    check.equal("SMETS-5.7.5.6-OBJ", [NUMBER << 8 | ON, NUMBER << 8], [asked.code, done.code])


@covers("GBCS-ALC-04")
@pytest.mark.usefixtures("assigned")
def test_a_switch_asks_for_its_events_when_it_comes_back(bench, supplier, esme, hcalcs, check):
    hcalcs.power.off()
    switch(supplier, esme, NUMBER, ON)
    bench.wait(60)
    before = len(entries(bench, supplier, esme, EVENT))
    hcalcs.power.on()
    until_it_answers(bench, hcalcs)
    bench.wait(60)
    check.equal("GBCS-ALC-04", CLOSED, _position(hcalcs))
    new = [(each.code, each.other) for each in entries(bench, supplier, esme, EVENT)[before:]]
    check.equal("GBCS-ALC-04", True, (COMMAND_DONE, HECS01) in new)


@covers("GBCS-ALC-04")
def test_a_switch_that_is_none_of_the_five_gets_nothing(bench, supplier, esme, hcalcs, check):
    switch(supplier, esme, NUMBER, ON)
    hcalcs.power.off()
    bench.wait(60)
    hcalcs.power.on()
    until_it_answers(bench, hcalcs)
    bench.wait(60)
    check.equal("GBCS-ALC-04", OPEN, _position(hcalcs))
    last = [(each.code, each.other) for each in entries(bench, supplier, esme, EVENT)]
    check.equal("GBCS-ALC-04", True, (COMMAND_FAILED, HECS01) in last)
    switch(supplier, esme, NUMBER, OFF)


@covers("SMETS-ALC-01")
@pytest.mark.usefixtures("assigned")
def test_a_switch_that_was_removed_and_came_back_follows(bench, acb, supplier, chf, esme, hcalcs, check):
    """Its meter has it in its log all the while; the two need a link key again."""
    device_log.remove(acb, chf, hcalcs.eui64)
    mark = bench.alerts.mark()
    device_log.add(acb, chf, hcalcs)
    device_log.backup_with_key(bench, chf, hcalcs.eui64, mark)
    until_it_answers(bench, hcalcs)
    bench.wait(30)
    switch(supplier, esme, NUMBER, ON)
    bench.wait(5)
    check.equal("SMETS-ALC-01", CLOSED, _position(hcalcs))


@covers("GBCS-ALC-05", "GBCS-EV-811A")
@pytest.mark.usefixtures("assigned")
def test_a_switch_that_does_not_answer_is_alerted(bench, supplier, esme, hcalcs, check):
    hcalcs.power.off()
    mark = bench.alerts.mark()
    switch(supplier, esme, NUMBER, ON)
    alert = bench.alerts.expect(esme, SWITCH_FAILURE, since=mark, timeout_s=120)
    check.equal("GBCS-EV-811A", ("ok", supplier.name), (alert.mac, alert.to), octets=alert.octets)
    check.equal("GBCS-ALC-05", NUMBER << 8, codes(bench, supplier, esme, AUXILIARY)[-1])
    check.equal("GBCS-ALC-05", 100, output(supplier, esme, NUMBER))
    hcalcs.power.on()
    bench.wait(60)


@covers("SMETS-5.26.2.1-OBJ")
@pytest.mark.usefixtures("assigned")
def test_boost_reaches_the_switch(bench, supplier, esme, hcalcs, check):
    names = {f"BoostFunctionControl[{n}]: value": n == NUMBER for n in range(1, 6)}
    supplier.request("ECS62", esme, values=names)
    do(esme, StimulusKind.BUTTON, "boost=15")
    bench.wait(5)
    check.equal("SMETS-5.26.2.1-OBJ", CLOSED, _position(hcalcs))
    bench.wait(16 * 60)
    check.equal("SMETS-5.26.2.1-OBJ", OPEN, _position(hcalcs))
    supplier.request("ECS62", esme, values=dict.fromkeys(names, False))
