"""Each of the codes is raised by a cause, or is known not to be tied to one: nothing is silently missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.message import parse_message
from rigs.emulated.alert_behaviour import is_settable
from rigs.emulated.event_rules import RULES, EventCode, Log, read_rules
from tests.unit.emulated import event_causes as table
from tests.unit.emulated.event_causes import Cause, Elsewhere, Untied

HERE = Path(__file__).parent
REGISTER = HERE.parents[2] / "hil/data/register.json"
CAUSES = (
    table.VOLTAGE
    | table.POWER
    | table.TAMPER
    | table.INTEGRITY
    | table.COMMUNICATION
    | table.SUB_GHZ
    | table.FIRMWARE
    | table.LOAD
    | table.SUPPLY
    | table.UNTIED
)
ALL = sorted(RULES)


def test_every_code_has_a_name_and_a_rule():
    known = set(load_catalogue().alert_codes())
    assert len(known) == 188
    assert {int(code) for code in EventCode} == known | {0x811A}
    assert set(RULES) == {int(code) for code in EventCode}
    assert set(CAUSES) == set(RULES)
    assert read_rules() == RULES


@pytest.mark.parametrize("code", ALL, ids=[f"{code:04X}" for code in ALL])
def test_what_raises_it(code):
    cause, rule = CAUSES[code], RULES[code]
    if isinstance(cause, Untied):
        assert cause.reason
        assert cause.row is None or rule.row == cause.row
        return
    if isinstance(cause, Elsewhere):
        text = (HERE / cause.file).read_text().upper()
        assert f"0X{code:04X}" in text or f".{EventCode(code).name}" in text, cause.file
        return
    assert isinstance(cause, Cause)
    assert cause.kind in rule.devices
    bench = cause.raise_it()
    _is_logged(bench, code)
    _is_sent(bench, code)


def _is_logged(bench, code):
    log = RULES[code].log
    if log is None:
        return
    if log is Log.POWER and bench.kind != "esme":
        log = Log.EVENT
    assert code in [entry.code for entry in bench.device.events.entries(log)]


def _is_sent(bench, code):
    """To every recipient that the device knows, and to nobody where the rule says so."""
    rule = RULES[code]
    alerts = [each for each in map(parse_message, bench.sent) if each.kind == "alert"]
    found = [each for each in alerts if code.to_bytes(2, "big") in each.payload]
    assert bool(found) == (rule.critical is not None), [each.payload.hex() for each in alerts]
    for each in found:
        assert bool(each.signature) == rule.critical
        wanted = rule.message_codes.get(bench.kind, 0x1000 if rule.critical else 0x1001)
        assert each.header.message_code == wanted
    readers = {each.header.business_target_id for each in found}
    assert len(readers) <= max(1, len(rule.to))


def test_rows_exist_and_name_their_code():
    rows = {row["id"] for row in json.loads(REGISTER.read_text())}
    for code, rule in RULES.items():
        assert (rule.row in rows) == (f"GBCS-EV-{code:04X}" in rows)
        assert rule.row in {None, f"GBCS-EV-{code:04X}"}


def test_every_event_row_of_the_register_has_a_rule():
    rows = [row["id"] for row in json.loads(REGISTER.read_text()) if row["id"].startswith("GBCS-EV-")]
    assert {int(row[-4:], 16) for row in rows} <= set(RULES)


@pytest.mark.parametrize("code", ALL, ids=[f"{code:04X}" for code in ALL])
def test_rule_is_consistent(code):
    rule = RULES[code]
    assert rule.devices
    assert (rule.critical is None) == (not rule.to)
    assert not (rule.configurable and rule.critical)
    if rule.log is Log.SECURITY or code >> 8 == 0x8F:
        assert not any(is_settable(code, what) for what in ("wan", "log"))
