"""Configurable events of an electricity meter: sent, protected, logged, switched off and on again.

A test for each event that a person or the world can cause here; what stands before each is the knob of the
emulated meter. On real meters another stimulus port has to know these words, or the test stays undecided.
"""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs
from protocols.ports import StimulusKind

from ..reads import raised, read
from . import configured as bits
from .logs import EVENT, POWER, codes
from .stimuli import do

pytestmark = [
    needs(state="commissioned", devices=["esme"], capabilities=["esme.stimulus"]),
    leaves("restored"),
]

GENERIC_NON_CRITICAL = 0x1001
SUPPLIER, OPERATOR = "supplier", "network_operator"
NO_LOG = ""


def event(code, kind, argument, *, log=EVENT, to=SUPPLIER, before=()):
    """One event: stimulus that causes it, those that have to precede it, its log and recipient."""
    row = f"GBCS-EV-{code:04X}"
    return pytest.param(code, [*before, (kind, argument)], log, to, id=f"{code:04X}", marks=covers(row))


BUTTON, CLOSE, NO_MAGNET = StimulusKind.BUTTON, StimulusKind.COVER_CLOSE, StimulusKind.MAGNET_OFF
EVENTS = [
    event(0x81A4, BUTTON, "tunnel=close-rejected"),
    event(0x81A5, BUTTON, "local-port=used"),
    event(0x81AC, BUTTON, "fault=measurement"),
    event(0x81AD, BUTTON, "fault=metrology-firmware"),
    event(0x81AE, BUTTON, "fault=non-volatile-memory"),
    event(0x81AF, BUTTON, "fault=program-execution"),
    event(0x81B0, BUTTON, "fault=program-storage"),
    event(0x81B1, BUTTON, "fault=ram"),
    event(0x81B2, BUTTON, "fault=reset"),
    event(0x81B3, BUTTON, "fault=watchdog"),
    event(0x81B8, BUTTON, "polarity=wrong", log=POWER),
    event(0x81B9, CLOSE, "meter", log=NO_LOG),
    event(0x81BA, BUTTON, "tunnel=request-rejected"),
    event(0x81BB, BUTTON, "current=reverse", log=POWER),
    event(0x81BC, NO_MAGNET, ""),
    event(0x81C1, CLOSE, "terminal"),
    event(0x8010, BUTTON, "current=150", log=POWER, to=OPERATOR, before=[(BUTTON, "current=10")]),
    event(0x8014, BUTTON, "power-factor=0.5", log=POWER, to=OPERATOR, before=[(BUTTON, "power-factor=1")]),
    event(0x8015, BUTTON, "power-factor=1", log=POWER, to=OPERATOR, before=[(BUTTON, "power-factor=0.5")]),
]
VOLTAGES = [
    event(0x8002, BUTTON, "voltage=260", log=POWER, to=OPERATOR, before=[(BUTTON, "voltage=230")]),
    event(0x8006, BUTTON, "voltage=200", log=POWER, to=OPERATOR, before=[(BUTTON, "voltage=230")]),
    event(0x8085, BUTTON, "voltage=230", log=POWER, to=OPERATOR, before=[(BUTTON, "voltage=260")]),
    event(0x8089, BUTTON, "voltage=230", log=POWER, to=OPERATOR, before=[(BUTTON, "voltage=200")]),
]


@pytest.fixture
def owner(request, log, to):
    """Who sets the events of this code, and is told of them."""
    return request.getfixturevalue(to)


def _cause(esme, stimuli):
    for kind, argument in stimuli:
        do(esme, kind, argument)


@covers("GBCS-16-01", "GBCS-16-02", "GBCS-16-04", "GBCS-16-09")
@pytest.mark.parametrize(("code", "stimuli", "log", "to"), EVENTS + VOLTAGES)
def test_event_is_alerted_and_logged_as_configured(bench, supplier, esme, check, owner, code, stimuli, log):
    row = f"GBCS-EV-{code:04X}"
    logged_before = codes(bench, supplier, esme, log).count(code) if log else 0
    mark = bench.alerts.mark()
    _cause(esme, stimuli)
    alert = raised(check, bench, esme, [code], since=mark, row=row)
    check.equal("GBCS-16-01", GENERIC_NON_CRITICAL, alert.message_code, octets=alert.octets)
    check.equal("GBCS-16-01", ("ok", b""), (alert.mac, alert.message.signature), octets=alert.octets)
    check.equal(row, owner.name, alert.to, octets=alert.octets)
    extra = set(alert.named["elements"]) - {"AlertCode", "Timestamp"}
    check.equal("GBCS-16-02", set(), extra, octets=alert.octets)

    check.step("switch its alert off")
    bits.configure(owner, esme, bits.WAN, bits.bit(code), 0)
    mark = bench.alerts.mark()
    _cause(esme, stimuli)
    read(bench, esme)
    bench.wait(1.0)
    silent = [
        each for each in bench.alerts.since(mark) if (each.device, each.alert_code) == (esme.name, code)
    ]
    check.equal("GBCS-16-04", [], [each.to for each in silent])
    if log:
        check.equal("GBCS-16-09", logged_before + 2, codes(bench, supplier, esme, log).count(code))

    check.step("switch it on again")
    bits.configure(owner, esme, bits.WAN, bits.bit(code), bits.bit(code))
    mark = bench.alerts.mark()
    _cause(esme, stimuli)
    raised(check, bench, esme, [code], since=mark, row=row)


@covers("GBCS-16-04")
def test_one_bit_is_one_event(bench, supplier, esme, check):
    """The neighbours of a code that is switched off alert as before, and of a code that alone is on do not."""
    neighbours = {0x81B0: "program-storage", 0x81B1: "ram", 0x81B2: "reset"}
    for mask, action, expected in (
        (bits.bit(0x81B1), 0, {0x81B0, 0x81B2}),
        (bits.ALL, bits.bit(0x81B1), {0x81B1}),
    ):
        bits.configure(supplier, esme, bits.WAN, mask, action)
        mark = bench.alerts.mark()
        for fault in neighbours.values():
            do(esme, StimulusKind.BUTTON, f"fault={fault}")
        read(bench, esme)
        bench.wait(1.0)
        found = {each.alert_code for each in bench.alerts.since(mark) if each.device == esme.name}
        check.equal("GBCS-16-04", expected, found & set(neighbours))
        bits.configure(supplier, esme, bits.WAN, bits.ALL, bits.ALL)


@covers("GBCS-16-05", "GBCS-16-09")
@pytest.mark.parametrize("number", range(16))
def test_four_behaviours_are_set_apart(bench, supplier, esme, check, number):
    """A row of the truth table of ECS25a, a1, a2 and a3 for one event."""
    code, fault = 0x81B3, "watchdog"
    behaviours = (bits.WAN, bits.HAN, bits.AUDIBLE, bits.LOG)
    wanted = {what: bool(number >> place & 1) for place, what in enumerate(behaviours)}
    before = bits.settings(supplier, esme)
    for what in behaviours:
        bits.configure(supplier, esme, what, bits.bit(code), bits.bit(code) if wanted[what] else 0)
    do(esme, StimulusKind.BUTTON, "acknowledge")
    entries = codes(bench, supplier, esme, EVENT).count(code)
    mark = bench.alerts.mark()
    do(esme, StimulusKind.BUTTON, f"fault={fault}")
    shown = do(esme, StimulusKind.DISPLAY).answer
    logged = codes(bench, supplier, esme, EVENT).count(code) - entries
    bench.wait(1.0)
    sent = {each.alert_code for each in bench.alerts.since(mark) if each.device == esme.name}
    found = {
        bits.WAN: code in sent,
        bits.HAN: f"HAN {code:04X}" in shown,
        bits.AUDIBLE: f"ALARM {code:04X}" in shown,
        bits.LOG: logged == 1,
    }
    check.equal("GBCS-16-05", wanted, found)
    check.equal("GBCS-16-09", (wanted[bits.WAN], wanted[bits.LOG]), (found[bits.WAN], found[bits.LOG]))
    for what in behaviours:
        bits.configure(supplier, esme, what, bits.ALL, before[what])


@covers("GBCS-16-06")
def test_settings_of_one_owner_do_not_touch_the_others(supplier, network_operator, esme, check):
    mine, theirs = bits.settings(supplier, esme), bits.settings(network_operator, esme)
    bits.configure(network_operator, esme, bits.WAN, bits.ALL, 0)
    bits.configure(network_operator, esme, bits.LOG, bits.ALL, 0)
    check.equal("GBCS-16-06", mine, bits.settings(supplier, esme))
    check.equal("GBCS-16-06", dict.fromkeys(theirs, 0), bits.settings(network_operator, esme))
    bits.configure(supplier, esme, bits.WAN, bits.ALL, 0)
    check.equal("GBCS-16-06", 0, bits.settings(supplier, esme)[bits.WAN])
    for what, value in theirs.items():
        bits.configure(network_operator, esme, what, bits.ALL, value)
    check.equal("GBCS-16-06", theirs, bits.settings(network_operator, esme))
    bits.configure(supplier, esme, bits.WAN, bits.ALL, mine[bits.WAN])
