"""What a gas meter's events do, set event by event (GCS20), and a gas meter that does not fetch its commands."""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs
from protocols.ports import StimulusKind

from ..reads import raised, read
from ..settings import set_mpxn
from .logs import EVENT, codes
from .stimuli import do

pytestmark = [
    needs(state="commissioned", devices=["gsme"], capabilities=["gsme.stimulus"]),
    leaves("restored"),
]

BUTTON = StimulusKind.BUTTON
# One octet for each event: the lowest three bits name a log, then come WAN, HAN and sound.
LOGGED, SENT = 0x03, 0x08
NOT_RETRIEVED = 0x819D
HOLDING_S = 3700.0  # how long a hub may keep a command is a parameter (A24)


def settings(supplier, gsme):
    """Event configuration by code, as GCS20r gives it for group 0x81FF."""
    response = supplier.request("GCS20r", gsme)
    return {
        int(entry["Event ID"]): int(entry["Event Configuration"])
        for entries in response.find_all("Event Configuration Entries")
        for entry in entries
    }


def configure(supplier, gsme, code, octet):
    values = {
        "*/Issuer Event ID": 1,
        "*/Event Configuration": octet,
        "*/Number of Events": 1,
        "*/Event IDs": [code],
    }
    return supplier.request("GCS20", gsme, values=values)


@covers("GBCS-16-07")
def test_all_of_the_suppliers_events_are_reported(supplier, gsme, check):
    reported = settings(supplier, gsme)
    # Of every 0x81 code that the register ties to a gas meter.
    mandated = {0x810E, 0x8183, 0x8184, 0x81A1, 0x81AF, 0x81B0, 0x81B1, 0x81B4, 0x81B5, 0x81B6}
    check.equal("GBCS-16-07", set(), mandated - set(reported))
    check.equal("GBCS-16-07", {0x81}, {code >> 8 for code in reported})


@covers("GBCS-16-08", "GBCS-16-09")
@pytest.mark.parametrize(("octet", "sent", "logged"), [(0, 0, 0), (LOGGED, 0, 1), (SENT, 1, 0), (0x0B, 1, 1)])
def test_one_event_is_set_and_the_others_are_not(bench, supplier, gsme, check, octet, sent, logged):
    code, other = 0x81B3, 0x81B1
    before = settings(supplier, gsme)
    configure(supplier, gsme, code, octet)
    after = settings(supplier, gsme)
    check.equal("GBCS-16-08", {**before, code: octet}, after)
    entries = codes(bench, supplier, gsme, EVENT)
    mark = bench.alerts.mark()
    do(gsme, BUTTON, "fault=watchdog")
    do(gsme, BUTTON, "fault=ram")
    raised(check, bench, gsme, [other], since=mark, row="GBCS-16-08")
    now = codes(bench, supplier, gsme, EVENT)
    alerts = [each.alert_code for each in bench.alerts.since(mark) if each.device == gsme.name]
    check.equal("GBCS-16-09", sent, alerts.count(code))
    check.equal("GBCS-16-09", logged, now.count(code) - entries.count(code))
    check.equal("GBCS-16-08", 1, now.count(other) - entries.count(other))
    configure(supplier, gsme, code, before[code])


@covers("GBCS-16-16")
@needs(capabilities=["gsme.power"])
def test_a_command_that_is_never_fetched_is_reported(bench, supplier, chf, gsme, check):
    gsme.power.off()
    mark = bench.alerts.mark()
    use_case, values = set_mpxn(gsme)
    supplier.send(use_case, gsme, **values)
    bench.wait(HOLDING_S)
    found = [each for each in bench.alerts.since(mark) if each.alert_code == NOT_RETRIEVED]
    check.equal("GBCS-16-16", [chf.name], [each.device for each in found])
    gsme.power.on()
    bench.wait(60)
    read(bench, gsme)


@pytest.mark.parametrize(
    ("knob", "code", "row"),
    [
        pytest.param("test-valve", 0x8184, "GBCS-EV-8184", marks=covers("GBCS-EV-8184"), id="8184"),
        pytest.param("flow=excess", 0x81B4, "GBCS-EV-81B4", marks=covers("GBCS-EV-81B4"), id="81B4"),
        pytest.param("flow=air", 0x81B5, "GBCS-EV-81B5", marks=covers("GBCS-EV-81B5"), id="81B5"),
        pytest.param("flow=reverse", 0x81B6, "GBCS-EV-81B6", marks=covers("GBCS-EV-81B6"), id="81B6"),
    ],
)
def test_what_a_gas_meter_notices_is_in_its_event_log(bench, supplier, gsme, check, knob, code, row):
    before = codes(bench, supplier, gsme, EVENT).count(code)
    do(gsme, BUTTON, knob)
    check.equal(row, before + 1, codes(bench, supplier, gsme, EVENT).count(code))


@covers("GBCS-EV-81A1")
def test_a_closed_battery_cover_is_in_the_event_log(bench, supplier, gsme, check):
    do(gsme, StimulusKind.COVER_CLOSE, "battery")
    check.equal("GBCS-EV-81A1", 0x81A1, codes(bench, supplier, gsme, EVENT)[-1])
