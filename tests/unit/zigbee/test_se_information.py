"""Information for displays over the air: questions, several answers to one, publishing unasked, who may ask."""

from __future__ import annotations

import pytest

from protocols.han import DataStatus
from protocols.zigbee.smart_energy.information import ATTRIBUTES, Publisher, Reader, Said
from protocols.zigbee.smart_energy.settings import (
    CALENDAR,
    DEVICE_ENDPOINT,
    MESSAGING,
    PREPAYMENT,
    PRICE,
    DeviceType,
)
from protocols.zigbee.smart_energy.zcl_exchange import Address
from protocols.zigbee.zcl.foundation import Status
from tests.smart_energy_han import Han

WEEK = {
    f"Day ID Ref {day}": 1
    for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
}
ABOUT = {"Provider ID": 0, "Issuer Event ID": 1, "Issuer Calendar ID": 1}
WEEKS = [Said(CALENDAR, "Publish Week Profile", {**ABOUT, "Week ID": number, **WEEK}) for number in (1, 2, 3)]
ASKED = {"Provider ID": 0, "Issuer Calendar ID": 1, "Start Week ID": 1, "Number of Weeks": 0}


class Premises:
    """A meter that answers as the test says, and a display that writes down what it hears."""

    def __init__(self):
        han = self.han = Han()
        self.meter = han.join(han.device(DeviceType.ESME, 0xA0))
        self.display = han.join(han.device(DeviceType.TYPE_2, 0xA7))
        self.answers, self.heard, self.may_tell = {}, [], True
        zcl = self.meter.app.zcl
        self.publisher = Publisher(zcl, DEVICE_ENDPOINT, lambda incoming: self.answers.get(incoming.name))
        for cluster in (PRICE, CALENDAR, MESSAGING, PREPAYMENT):
            self.publisher.serve(cluster, lambda partner: partner in self.meter.app.partners)
        self.reader = Reader(
            self.display.app.zcl,
            DEVICE_ENDPOINT,
            lambda _address, cluster, name, values: self.heard.append((cluster, name, values)),
            lambda _partner: self.may_tell,
        )
        self.to_meter = Address(self.meter.eui64, DEVICE_ENDPOINT, DEVICE_ENDPOINT)
        self.to_display = Address(self.display.eui64, DEVICE_ENDPOINT, DEVICE_ENDPOINT)

    def pair(self):
        self.meter.app.add_partner(self.display.eui64)
        self.han.run(5)

    def ask(self, cluster, name, values=None):
        outcomes, none = [], []
        self.reader.ask(
            self.to_meter, cluster, name, values, none=lambda: none.append(True), done=outcomes.append
        )
        self.han.run(30)
        return outcomes, none

    def tell(self, said):
        outcomes = []
        self.publisher.tell(self.to_display, said, outcomes.append)
        self.han.run(5)
        return outcomes


@pytest.fixture
def premises():
    made = Premises()
    made.pair()
    return made


def test_all_answers_to_one_question_are_heard(premises):
    premises.answers["Get Week Profiles"] = WEEKS
    outcomes, none = premises.ask(CALENDAR, "Get Week Profiles", ASKED)
    assert [values["Week ID"] for _cluster, _name, values in premises.heard] == [1, 2, 3]
    assert (outcomes, none) == ([True], [])


def test_nothing_of_the_kind_is_said_so(premises):
    premises.answers["Get Last Message"] = []
    assert premises.ask(MESSAGING, "Get Last Message") == ([True], [True])
    assert premises.heard == []


def test_a_command_may_be_answered_by_a_status(premises):
    premises.answers["Message Confirmation"] = Status.SUCCESS
    values = {"Message ID": 1, "Confirmation Time": 0}
    assert premises.ask(MESSAGING, "Message Confirmation", values) == ([True], [])


def test_who_served_the_cluster_before_gets_what_is_not_ours(premises):
    served = []
    side = premises.meter.app.zcl.side(DEVICE_ENDPOINT, PREPAYMENT)
    side.commands = lambda incoming: served.append(incoming.name) or Status.SUCCESS
    premises.publisher.serve(PREPAYMENT, lambda _partner: True)
    premises.ask(PREPAYMENT, "Get Top Up Log", {"Latest End Time": 0, "Number of Records": 0})
    assert served == ["Get Top Up Log"]


def test_what_is_published_unasked_is_heard(premises):
    assert premises.tell(WEEKS[0]) == [DataStatus.DONE]
    assert premises.tell(Said(PREPAYMENT, ATTRIBUTES, {0x0001: -5, 0x0003: 2})) == [DataStatus.DONE]
    (first, second) = premises.heard
    assert first[:2] == (CALENDAR, "Publish Week Profile")
    assert second == (PREPAYMENT, ATTRIBUTES, {0x0001: -5, 0x0003: 2})


def test_a_display_hears_those_alone_that_it_trusts(premises):
    premises.may_tell = False
    premises.tell(WEEKS[0])
    assert premises.heard == []
    assert premises.display.app.statistics["zcl.not-permitted"] == 1


def test_a_display_that_is_no_partner_gets_nothing():
    premises = Premises()
    premises.answers["Get Week Profiles"] = WEEKS
    premises.pair()
    premises.meter.app.remove_partner(premises.display.eui64)
    outcomes, _none = premises.ask(CALENDAR, "Get Week Profiles", ASKED)
    assert (outcomes, premises.heard) == ([True], [])
    assert premises.meter.app.statistics["zcl.not-permitted"] == 1


def test_attributes_are_read(premises):
    outcomes = []
    premises.reader.read(premises.to_meter, PREPAYMENT, [0x0001], outcomes.append)
    premises.han.run(30)
    assert (outcomes, premises.heard) == ([False], [])
