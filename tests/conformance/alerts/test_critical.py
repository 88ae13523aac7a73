"""Critical events that somebody causes on the spot: signed, always on, in the security log."""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs
from protocols.ports import StimulusKind

from ..meters import on
from ..reads import raised, read, recipients
from . import configured as bits
from .logs import EVENT, SECURITY, codes
from .stimuli import do

pytestmark = [needs(state="commissioned"), leaves("restored")]

GENERIC_CRITICAL = 0x1000
OPEN, CLOSE, BUTTON = StimulusKind.COVER_OPEN, StimulusKind.COVER_CLOSE, StimulusKind.BUTTON
BOTH = frozenset({"supplier", "network_operator"})


def event(device, code, kind, argument, *, to=BOTH, after=None):
    """A device, one event with the stimulus that causes it, who must be told, and what puts things right."""
    return pytest.param(
        device,
        code,
        (kind, argument),
        to,
        after,
        id=f"{device}-{code:04X}",
        marks=[
            needs(devices=[device], capabilities=[f"{device}.stimulus"]),
            covers(f"GBCS-EV-{code:04X}"),
        ],
    )


SUPPLIER_ALONE = frozenset({"supplier"})
EVENTS = [
    event("esme", 0x8F3E, BUTTON, "local-port=unauthorised", to=SUPPLIER_ALONE),
    event("esme", 0x8F3F, BUTTON, "tamper=detected", to=SUPPLIER_ALONE),
    event("esme", 0x8F74, OPEN, "meter", after=(CLOSE, "meter")),
    event("esme", 0x8F75, StimulusKind.MAGNET_ON, "", after=(StimulusKind.MAGNET_OFF, "")),
    event("esme", 0x8F76, OPEN, "terminal", after=(CLOSE, "terminal")),
    event("esme", 0x8F77, OPEN, "second-terminal", after=(CLOSE, "second-terminal")),
    event("esme", 0x8F78, BUTTON, "tamper=other"),
    event("gsme", 0x8F73, OPEN, "battery", to=SUPPLIER_ALONE, after=(CLOSE, "battery")),
]


@pytest.fixture
def put_right(meter, after):
    yield
    if after is not None:
        do(meter, *after)


@covers("GBCS-16-01", "GBCS-16-02", "GBCS-16-03", "GBCS-TAMPER-02")
@pytest.mark.parametrize(("meter", "code", "stimulus", "to", "after"), EVENTS, indirect=["meter"])
def test_event_is_signed_logged_and_always_on(bench, supplier, meter, check, code, stimulus, to, put_right):
    row = f"GBCS-EV-{code:04X}"
    if meter.type == "esme":
        check.step("switch off whatever can be")
        bits.configure(supplier, meter, bits.WAN, bits.ALL, 0)
        bits.configure(supplier, meter, bits.LOG, bits.ALL, 0)
    logged = codes(bench, supplier, meter, SECURITY).count(code)
    mark = bench.alerts.mark()
    do(meter, *stimulus)
    alert = raised(check, bench, meter, [code], since=mark, row=row)
    check.equal("GBCS-16-01", GENERIC_CRITICAL, alert.message_code, octets=alert.octets)
    check.equal("GBCS-16-01", ("ok", None), (alert.signature, alert.message.mac), octets=alert.octets)
    roles = {bench.users[name].role for name in recipients(bench, meter, [code], mark)}
    check.equal(row, sorted(to), sorted(roles))
    check.equal("GBCS-TAMPER-02", True, "supplier" in roles)
    check.equal("GBCS-16-03", logged + 1, codes(bench, supplier, meter, SECURITY).count(code))
    if meter.type == "esme":
        bits.configure(supplier, meter, bits.WAN, bits.ALL, bits.ALL)
        bits.configure(supplier, meter, bits.LOG, bits.ALL, bits.ALL)


@covers("GBCS-16-14", "GBCS-16-01")
@pytest.mark.parametrize(
    "meter",
    [
        on("esme", rows=("GBCS-EV-81A0",), capabilities=("stimulus",)),
        on("gsme", capabilities=("stimulus",)),
    ],
    indirect=True,
)
@pytest.mark.parametrize(("fault", "cause"), [("other", 0), ("non-volatile-memory", 1), ("integrity", 9)])
def test_integrity_warning_says_what_is_wrong(bench, supplier, meter, check, fault, cause):
    mark = bench.alerts.mark()
    do(meter, BUTTON, f"fault={fault}")
    row = "GBCS-EV-81A0" if meter.type == "esme" else "GBCS-16-14"
    alert = raised(check, bench, meter, [0x81A0], since=mark, row=row)
    check.equal("GBCS-16-01", "ok", alert.mac, octets=alert.octets)
    check.equal("GBCS-16-14", supplier.name, alert.to, octets=alert.octets)
    check.equal("GBCS-16-14", cause.to_bytes(2, "big"), alert.message.payload[-2:], octets=alert.octets)
    check.equal(row, True, 0x81A0 in codes(bench, supplier, meter, EVENT))


@covers("GBCS-16-10")
@needs(devices=["esme"], capabilities=["esme.stimulus", "esme.power"])
def test_counters_of_alerts_only_rise(bench, esme, check):
    """A hundred alerts, with the supply off and on between them; each is let out before the supply goes."""
    mark = bench.alerts.mark()
    for number in range(4):
        for _ in range(25):
            do(esme, BUTTON, "fault=other")
        bench.wait(60)
        if number < 3:
            esme.power.off()
            esme.power.on()
            bench.wait(60)
    read(bench, esme)
    counters = [
        each.message.header.originator_counter
        for each in bench.alerts.since(mark)
        if each.device == esme.name
    ]
    check.that(
        "GBCS-16-10",
        len(counters) >= 100 and counters == sorted(set(counters)),
        expected="at least 100 counters, each above the one before",
        observed=f"{len(counters)} counters, {len(set(counters))} different",
    )
