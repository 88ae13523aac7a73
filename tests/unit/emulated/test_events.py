from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from fixtures.emulated_devices import START, DeviceBench
from fixtures.generated_commands import GeneratedBench
from protocols.dlms.access import (
    AccessRequest,
    AccessSpecification,
    SpecKind,
    build_access_request,
    parse_access_response,
)
from protocols.dlms.axdr import (
    array,
    bit_string,
    double_long_unsigned,
    integer,
    long_unsigned,
    null_data,
    octet_string,
    structure,
)
from protocols.gbcs.message import Message, parse_message
from protocols.gbcs.named import decode_named
from protocols.ports import StimulusKind
from rigs.emulated.event_rules import RULES, EventCode, Log
from rigs.emulated.events import CAPACITY, EPOCH, seconds_since_2000

REGISTER = Path(__file__).parents[3] / "hil/data/register.json"


@pytest.fixture
def bench() -> DeviceBench:
    return DeviceBench("esme")


def plain(bench: DeviceBench, code: int, specification: AccessSpecification, data, party="supplier") -> bytes:
    """A DLMS command of a use case that has no codec."""

    def change(message: Message) -> Message:
        request = AccessRequest(message.header.originator_counter & 0xFFFFFF, [specification], [data])
        header = replace(message.header, message_code=code)
        return replace(message, header=header, payload=build_access_request(request))

    return bench.command("ECS52", party, change=change)


def test_logs_hold_a_hundred_entries_and_drop_the_oldest(bench):
    with bench.device.work():
        for number in range(CAPACITY + 7):
            bench.device.events.record(EventCode.FAILED_OTHERWISE, other=bytes([number]))
    entries = bench.device.events.entries(Log.SECURITY)
    assert [entry.other[0] for entry in entries] == list(range(7, CAPACITY + 7))
    assert bench.device.events.entries(Log.EVENT) == []


def test_entries_carry_utc_of_the_device(bench):
    with bench.device.work():
        bench.device.device_clock.drift(timedelta(minutes=5))
        bench.device.events.record(EventCode.SUPPLY_INTERRUPTED)
    (entry,) = bench.device.events.entries(Log.POWER)
    assert entry.time == START + timedelta(minutes=5)
    assert seconds_since_2000(EPOCH + timedelta(seconds=5, milliseconds=900)) == 5


def test_security_log_is_read_over_the_wire(bench):
    bench.device.stimulus(StimulusKind.COVER_OPEN)
    bench.clock.advance(60)
    bench.device.stimulus(StimulusKind.MAGNET_ON)
    first = seconds_since_2000(START)
    codes = []
    for start, end in ((first, first + 60), (first, first), (first + 1, first + 59)):
        restriction = structure(
            long_unsigned(1), octet_string(bytes.fromhex("00005E2C64FF")), integer(2), long_unsigned(0)
        )
        window = structure(restriction, double_long_unsigned(start), double_long_unsigned(end), array([]))
        item = AccessSpecification(
            SpecKind.GET_WITH_SELECTION, 7, bytes.fromhex("0000636201FF"), 2, 1, window
        )
        bench.sent.clear()
        bench.device.handle(plain(bench, 0x0049, item, null_data()))
        response = parse_access_response(parse_message(bench.sent[0]).payload)
        assert response.results == [(SpecKind.GET, 0)]
        codes.append([each.value[1].value for each in response.data[0].value.items])
    assert codes == [[0x8F76, 0x8F75], [0x8F76], []]


def mask(*numbers: int) -> bytes:
    return sum(1 << number for number in numbers).to_bytes(32, "big")


def configure(bench: DeviceBench, use_case: str, obis: str, bits: bytes, party: str) -> list[int]:
    (code,) = bench.device.catalogue[use_case].message_codes
    item = AccessSpecification(SpecKind.SET, 1, bytes.fromhex(obis), 2)
    bench.sent.clear()
    bench.device.handle(plain(bench, code, item, bit_string(bits), party))
    if parse_message(bench.sent[0]).kind != "response":
        return []
    return [result for _kind, result in parse_access_response(parse_message(bench.sent[0]).payload).results]


def test_configurable_alert_is_silent_when_disabled_and_still_logged(bench):
    assert configure(bench, "ECS25a", "001E61620BFF", mask(0xC1) + mask(), "supplier") == [0]
    bench.sent.clear()
    bench.device.stimulus(StimulusKind.COVER_CLOSE)
    bench.device.stimulus(StimulusKind.COVER_CLOSE, "meter")
    assert bench.alert_codes() == [0x81B9]
    assert bench.logged("event") == [0x8154, 0x81C1, 0x81B9]
    configure(bench, "ECS25a", "001E61620BFF", mask(0xC1) + mask(0xC1), "supplier")
    bench.sent.clear()
    bench.device.stimulus(StimulusKind.COVER_CLOSE)
    assert bench.alert_codes() == [0x81C1]


def test_critical_alerts_cannot_be_disabled(bench):
    configure(bench, "ECS25a", "001E61620BFF", b"\xff" * 32 + bytes(32), "supplier")
    bench.sent.clear()
    bench.device.stimulus(StimulusKind.COVER_OPEN)
    assert bench.alert_codes() == [0x8F76]


def test_operators_do_not_affect_each_other(bench):
    everything_off = b"\xff" * 32 + bytes(32)
    assert configure(bench, "ECS25b", "002161620BFF", everything_off, "network_operator") == [0]
    bench.sent.clear()
    bench.device.stimulus(StimulusKind.COVER_CLOSE)
    bench.device.stimulus(StimulusKind.BUTTON, "voltage=260")
    assert bench.alert_codes() == [0x81C1]
    assert bench.alert_codes("network_operator") == []
    assert configure(bench, "ECS25a", "002161620BFF", everything_off, "supplier") == []
    assert configure(bench, "ECS25a", "001E61620BFF", bytes(10), "supplier") == [12]


def test_nobody_to_tell():
    bench = DeviceBench("esme", changes={"trust_anchors": []})
    bench.device.handle(b"noise")
    bench.device.stimulus(StimulusKind.COVER_OPEN)
    bench.device.stimulus(StimulusKind.COVER_CLOSE)
    assert bench.sent == []
    assert bench.logged("security") == [0x8F53, 0x8F76]


def test_rules_agree_with_the_register():
    """Log and category of each event, where a row for an ESME states them."""
    rows = {row["id"]: row["text"] for row in json.loads(REGISTER.read_text())}
    stated = {
        "kept in the security log": Log.SECURITY,
        "kept in the power event log": Log.POWER,
        "kept in the event log": Log.EVENT,
    }
    compared = 0
    for code, rule in RULES.items():
        text = rows.get(f"GBCS-EV-{code:04X}", "")
        for words, log in stated.items():
            if words in text:
                assert rule.log == log, hex(code)
                compared += 1
        if "critical (signed); the type" in text and code not in {0x8F66, 0x8F67}:
            assert rule.critical is not None, hex(code)
            assert rule.critical == ("non-critical" not in text), hex(code)
            compared += 1
        if "non-critical (MAC); the type" in text:
            assert rule.critical is False, hex(code)
            compared += 1
        if "never sent to the WAN" in text:
            assert rule.critical is None, hex(code)
            compared += 1
    assert compared > 20


def test_gas_event_log_goes_on_after_it_was_cleared():
    bench = GeneratedBench("gsme")

    def logged() -> list[int]:
        (answer,) = bench.send(bench.command("CS10a", "supplier"))
        (log,) = decode_named(answer)["payload"]["Components"]
        return [entry["Event ID"] for entry in log.get("Log Entries", [])]

    bench.send(bench.command("CS11", "supplier"))
    with bench.device.work():
        bench.device.events.record(EventCode.BATTERY_COVER_CLOSED)
    assert EventCode.BATTERY_COVER_CLOSED in logged()
