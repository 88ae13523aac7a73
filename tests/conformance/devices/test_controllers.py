"""Auxiliary controllers as ESME and SAPC both have them: settings, states, boost, log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hil.api import leaves, needs
from protocols.ports import StimulusKind

from ..alerts.stimuli import do
from ..meters import on
from .controllers import (
    COMMAND,
    FULL,
    INPUT,
    NUMBERS,
    OFF,
    ON,
    OUTPUT,
    RESET,
    output,
    set_level,
    states,
    switch,
)

pytestmark = [needs(state="commissioned"), leaves("restored")]

HOUR = timedelta(hours=1)
WINDOW = {"fromDateTime": "2020-01-01T00:00:00Z", "toDateTime": "2030-01-01T00:00:00Z"}


def both(esme, sapc, *, capabilities=()):
    """The test for each of the two, with the rows of each."""
    sets = [
        on(name, rows, rows=rows, capabilities=capabilities)
        for name, rows in (("esme", esme), ("sapc", sapc))
    ]
    return pytest.mark.parametrize(("device", "rows"), sets, indirect=["device"])


def _equal(check, rows, expected, observed):
    for row in rows:
        check.equal(row, expected, observed)


@both(("SMETS-5.7.4.3-OBJ",), ("SMETS-9.6.2.2-OBJ",))
def test_descriptions_are_kept(supplier, device, check, rows):
    names = {n: f"controller {n}" for n in NUMBERS}
    values = {f"AuxiliaryController[{n}]: Description": name for n, name in names.items()}
    assert not any(supplier.request("ECS46a", device, values=values).statuses.values())
    elements = supplier.request("ECS61d", device).named["elements"]
    _equal(check, rows, names, {n: elements[f"AuxiliaryController[{n}]: Description"] for n in NUMBERS})


@both(("SMETS-5.7.5.38-OBJ",), ("SMETS-9.6.3.7-OBJ",))
def test_identifiers_are_kept(supplier, device, check, rows):
    """Five of them: there is no sixth (SMETS-ALC-01)."""
    names = {n: f"00DB1234567891{n:02X}" for n in NUMBERS}
    values = {f"AuxiliaryController[{n}]: typeAndIdentifier": name for n, name in names.items()}
    _calendar(supplier, device, "ECS46c", [], values)
    elements = supplier.request("ECS61e", device).named["elements"]
    _equal(check, rows, names, {n: elements[f"AuxiliaryController[{n}]: typeAndIdentifier"] for n in NUMBERS})
    values = {f"AuxiliaryController[{n}]: typeAndIdentifier": "" for n in NUMBERS}
    _calendar(supplier, device, "ECS46c", [], values)


def _calendar(supplier, device, code, switchings, more=None, special=()):
    """Set the calendar at once."""
    entries = [
        {
            "index": number,
            "enable": True,
            "scriptLN": "00000A0067FF",
            "scriptSelector": selector,
            "switchTime": time,
            "validityWindow": 0xFFFF,
            "execWeekdays": "1111111",
            "execSpecdays": "",
            "beginDate": "*-*-*",
            "endDate": "*-*-*",
        }
        for number, (time, selector) in enumerate(switchings, start=1)
    ]
    days = [{"index": n, "date": date, "dayIdentifier": n} for n, date in enumerate(special, start=1)]
    values = {
        **(more or {}),
        "AuxiliaryControllerCalendar(SpecialDays): entries": days,
        "AuxiliaryControllerCalendar: nextEntries": entries,
    }
    response = supplier.request(code, device, values=values)
    assert not any(response.statuses.values()), response.statuses


@both(("SMETS-5.7.4.2-OBJ",), ("SMETS-9.6.2.1-OBJ",))
def test_the_calendar_is_kept(supplier, device, check, rows):
    switchings = [("06:30:00", 0x0111), ("09:00:00", 0x0112)]
    _calendar(supplier, device, "ECS46d", switchings, special=["2026-12-25"])
    elements = supplier.request("ECS61d", device).named["elements"]
    found = elements["AuxiliaryControllerCalendar: currentEntries"]
    _equal(check, rows, switchings, [(each["switchTime"][:8], each["scriptSelector"]) for each in found])
    days = elements["AuxiliaryControllerCalendar(SpecialDays): entries"]
    _equal(check, rows, ["2026-12-25"], [each["date"] for each in days])
    _calendar(supplier, device, "ECS46d", [])


def _at(moment):
    return f"{moment:%H:%M:%S}"


@both(("SMETS-5.7.4.2-OBJ", "SMETS-ALC-02"), ("SMETS-9.6.2.1-OBJ", "SMETS-ALC-02"))
@pytest.mark.parametrize("limit", [0, 1200])
def test_the_calendar_switches(bench, supplier, device, check, rows, limit):
    """On for an hour, later by the device's offset; a command goes before it while it lasts."""
    calendar, offset_row = rows
    supplier.request("ECS38", device, values={"RandomisedOffsetLimit: value": limit})
    offset = supplier.request("ECS26c", device).find("RandomisedOffset: value")
    now = bench.clock.now().replace(microsecond=0)
    on_at, off_at = now + HOUR, now + 2 * HOUR
    _calendar(supplier, device, "ECS46d", [(_at(on_at), 0x0101), (_at(off_at), 0x0102)])
    for moment, wanted in ((on_at, FULL), (off_at, 0)):
        late = moment + timedelta(seconds=offset)
        bench.wait((late - bench.clock.now()).total_seconds() - 15)
        check.equal(offset_row, FULL - wanted, output(supplier, device, 1))
        bench.wait(30)
        check.equal(calendar, wanted, output(supplier, device, 1))
    switch(supplier, device, 1, ON)
    check.equal(calendar, FULL, output(supplier, device, 1))
    switch(supplier, device, 1, RESET)
    check.equal(calendar, 0, output(supplier, device, 1))
    _calendar(supplier, device, "ECS46d", [])
    supplier.request("ECS38", device, values={"RandomisedOffsetLimit: value": 0})


@both(
    ("SMETS-ALC-01", "SMETS-5.6.3.33-OBJ", "SMETS-5.7.5.37-OBJ"),
    ("SMETS-9.5.2.14-OBJ", "SMETS-9.6.3.6-OBJ"),
)
def test_five_controllers_are_switched_and_no_sixth(supplier, device, check, rows):
    for number in NUMBERS:
        switch(supplier, device, number, RESET)
    for number in NUMBERS:
        _equal(check, rows, 0, output(supplier, device, number))
        switch(supplier, device, number, ON)
        _equal(check, rows, FULL, output(supplier, device, number))
    for number in NUMBERS:
        switch(supplier, device, number, OFF)
    sixth = supplier.request("ECS47", device, values={COMMAND: 6 << 8 | ON}, strict=False)
    _equal(check, rows, True, any(sixth.statuses.values()))
    _equal(check, rows, [0] * 5, [state["outputState"] for state in states(supplier, device).values()])


@both(("SMETS-5.22.2.4-OBJ",), ("SMETS-9.10.2.1-OBJ",))
def test_a_switch_goes_back_after_its_minutes(bench, supplier, device, check, rows):
    switch(supplier, device, 2, ON, minutes=30)
    bench.wait(29 * 60)
    _equal(check, rows, FULL, output(supplier, device, 2))
    bench.wait(2 * 60)
    _equal(check, rows, 0, output(supplier, device, 2))
    switch(supplier, device, 2, ON)
    switch(supplier, device, 2, RESET)
    _equal(check, rows, 0, output(supplier, device, 2))


@both(("SMETS-5.29.1.2-OBJ",), ("SMETS-9.5.2.17-OBJ",))
@pytest.mark.parametrize(("direction", "name"), [(OUTPUT, "outputState"), (INPUT, "inputState")])
def test_a_level_holds_for_its_period(bench, supplier, device, check, rows, direction, name):
    now = bench.clock.now()
    set_level(supplier, device, 3, 40, (now + HOUR, now + 2 * HOUR), direction=direction)
    for wanted in (0, 40, 0):
        _equal(check, rows, wanted, states(supplier, device)[3][name])
        bench.wait(3600 + 60)


@both(
    ("SMETS-5.7.5.6-OBJ", "SMETS-5.6.3.8-OBJ"),
    ("SMETS-9.6.3.1-OBJ", "SMETS-9.5.2.3-OBJ"),
)
def test_the_controllers_log_is_kept_and_cleared(bench, supplier, device, check, rows):
    kept, cleared = rows
    supplier.request("ECS15c", device)
    switch(supplier, device, 4, ON)
    switch(supplier, device, 4, OFF)
    log = "AuxiliaryControllerEventLog: readLog"
    for code in ("ECS35f", "ECS35g"):
        entries = supplier.request(code, device, **WINDOW).named["elements"][log]
        shown = [each["switchNumberAndAction"] for each in entries]
        check.equal(kept, [0x0411, 0x0412], shown)
        late = bench.clock.now() - datetime.fromisoformat(entries[-1]["timestamp"]).astimezone(UTC)
        check.that(kept, abs(late) < timedelta(seconds=30), expected="the time of the command", observed=late)
    supplier.request("ECS15c", device)
    check.equal(cleared, [], supplier.request("ECS35g", device, **WINDOW).named["elements"][log])


@both(
    ("SMETS-5.26.1.1-OBJ", "SMETS-5.26.2.1-OBJ", "SMETS-5.26.3.1-OBJ"),
    ("SMETS-9.14.1.1-OBJ", "SMETS-9.14.2.1-OBJ", "SMETS-9.14.3.1-OBJ"),
    capabilities=("stimulus",),
)
def test_boost_is_for_associated_controllers_and_logged(bench, supplier, device, check, rows):
    available, association, log = rows
    names = [f"BoostFunctionControl[{n}]: value" for n in NUMBERS]
    wanted = [number in {1, 4} for number in NUMBERS]
    supplier.request("ECS62", device, values=dict(zip(names, wanted, strict=True)))
    do(device, StimulusKind.BUTTON, "boost=30")
    began = bench.clock.now()
    levels = [state["outputState"] for state in states(supplier, device).values()]
    check.equal(association, [FULL if each else 0 for each in wanted], levels)
    bench.wait(31 * 60)
    check.equal(association, 0, output(supplier, device, 1))
    elements = supplier.request("ECS61c", device, **WINDOW).named["elements"]
    check.equal(available, True, elements["BoostFunctionAvailability: value"])
    check.equal(association, wanted, [elements[name] for name in names])
    entry = elements["BoostFunctionEventLog: readLog"][-1]
    start, end = (datetime.fromisoformat(entry[name]) for name in ("boostStart", "boostEnd"))
    check.equal(log, timedelta(minutes=30), end - start)
    check.that(log, abs(start - began) < timedelta(seconds=10), expected=str(began), observed=str(start))
    supplier.request("ECS62", device, values=dict.fromkeys(names, False))


@both(
    ("SMETS-5.7.1.5-OBJ", "SMETS-5.7.4.33-OBJ", "SMETS-5.7.5.28-OBJ", "SMETS-ALC-02"),
    ("SMETS-9.6.1.4-OBJ", "SMETS-9.6.2.6-OBJ", "SMETS-9.6.3.4-OBJ", "SMETS-ALC-02"),
)
def test_randomised_offset_follows_its_limit(supplier, device, check, rows):
    number_row, limit_row, offset_row, between = rows
    seen = {}
    for limit in (0, 600, 1200):
        supplier.request("ECS38", device, values={"RandomisedOffsetLimit: value": limit})
        elements = supplier.request("ECS26c", device).named["elements"]
        check.equal(limit_row, limit, elements["RandomisedOffsetLimit: value"])
        seen[limit] = elements["RandomisedOffset: value"]
        check.equal(
            number_row,
            seen.setdefault("number", elements["RandomisedOffsetNumber: value"]),
            elements["RandomisedOffsetNumber: value"],
        )
        check.that(between, 0 <= seen[limit] <= limit, expected=f"0 to {limit}", observed=seen[limit])
    check.that(
        offset_row,
        abs(seen[1200] - 2 * seen[600]) <= 1,
        expected="twice the offset for twice the limit",
        observed=(seen[600], seen[1200]),
    )
    supplier.request("ECS38", device, values={"RandomisedOffsetLimit: value": 0})
