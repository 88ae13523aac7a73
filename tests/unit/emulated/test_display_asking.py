"""The order in which a display asks meter and gas proxy when somebody looks."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from fixtures.emulated_devices import SettableClock, describe
from protocols.eui64 import Eui64
from protocols.ports import StimulusKind
from protocols.smki import Hierarchy
from protocols.zigbee.smart_energy.zcl_exchange import Outcome, Reply, Side
from rigs.emulated.han.display import Display
from rigs.emulated.ihd import Ihd
from rigs.emulated.storage import Storage

METER, HUB = Eui64("00-DB-12-34-56-78-90-A0"), Eui64("00-DB-12-34-56-78-90-A3")
SILENCE = Reply(Outcome.NO_ANSWER)
NOTHING = Reply(Outcome.ANSWERED, 0x8B, "Default Response", {"Command": 0, "Status": 0x8B})
QUESTIONS = 7


class Layer:
    """Requests wait until the test answers them."""

    def __init__(self):
        self.asked, self.waiting, self.sides = [], [], {}

    def side(self, endpoint, cluster, *, client=False):
        return self.sides.setdefault((endpoint, cluster, client), Side())

    def request(self, address, _cluster, name, _values, done, **_how):
        self.asked.append((address.partner, name))
        self.waiting.append((address.partner, done))

    def read(self, address, _cluster, _attributes, done):
        self.request(address, 0, "Read Attributes", {}, done)

    def answer(self, reply, partner=None):
        at = next(n for n, (asked, _done) in enumerate(self.waiting) if partner in {None, asked})
        self.waiting.pop(at)[1](reply)


@pytest.fixture
def here():
    description = replace(describe("hcalcs", Hierarchy(b"looks")), device_type="ihd")
    ihd = Ihd(description, Storage(":memory:"), SettableClock(), [].append)
    ihd.met(METER)
    layer = Layer()
    Display(ihd, SimpleNamespace(zcl=layer, hub=HUB))
    return SimpleNamespace(ihd=ihd, layer=layer, look=lambda: ihd.stimulus(StimulusKind.DISPLAY))


@pytest.fixture
def read(monkeypatch):
    """A reply to a read that has something in it."""
    reply = Reply(Outcome.ANSWERED, 0, "Read Attributes Response")
    monkeypatch.setattr(type(reply), "attributes", lambda each: {0x0000: 1} if each is reply else {})
    return reply


def test_one_question_at_a_time_the_meter_first(here, read):
    here.look()
    partners = []
    while here.layer.waiting:
        assert len(here.layer.waiting) == 1
        partners.append(here.layer.waiting[0][0])
        here.layer.answer(read)
    assert partners == [METER] * QUESTIONS + [HUB] * QUESTIONS


def test_who_is_silent_is_asked_nothing_more(here):
    here.look()
    here.layer.answer(SILENCE)
    here.layer.answer(SILENCE)
    assert here.layer.asked == [(METER, "Read Attributes"), (HUB, "Read Attributes")]
    assert here.layer.waiting == []


def test_a_silent_proxy_keeps_nobody_from_the_meter(here, read):
    here.look()
    for _ in range(QUESTIONS):
        here.layer.answer(read)
    assert [partner for partner, _done in here.layer.waiting] == [HUB]
    here.look()
    assert [partner for partner, _done in here.layer.waiting] == [HUB, METER]
    for _ in range(QUESTIONS):
        here.layer.answer(read, METER)
    assert [partner for partner, _done in here.layer.waiting] == [HUB], "it is asked once at a time"


def test_looks_meanwhile_are_one_look_afterwards(here, read):
    for _ in range(3):
        here.look()
    for _ in range(QUESTIONS):
        here.layer.answer(read, METER)
    assert [partner for partner, _done in here.layer.waiting] == [HUB, METER]
    for _ in range(QUESTIONS):
        here.layer.answer(read, METER)
    assert [partner for partner, _done in here.layer.waiting] == [HUB]


def test_a_price_that_is_no_more_goes_from_the_screen(here, read):
    held = {"text": "0.1 GBP/kWh", "until": None}
    with here.ihd.work():
        here.ihd.storage.put_json("screen", "", {"price": held})
    assert "PRICE 0.1 GBP/kWh" in here.look()[1]
    here.layer.answer(read)
    here.layer.answer(NOTHING)
    assert "PRICE" not in here.look()[1]
