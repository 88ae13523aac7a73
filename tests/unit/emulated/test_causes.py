"""Causes of events that need more than a knob, and what surrounds the events of the table."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fixtures.emulated_devices import DeviceBench
from fixtures.generated_commands import GeneratedBench
from protocols.gbcs.asn1.schema import CERTIFICATE, encode
from protocols.gbcs.asn1.types import KeyUsage
from protocols.gbcs.message import parse_message
from protocols.gbcs.named import decode_named
from protocols.ports import StimulusKind
from protocols.smki import parse_certificate
from rigs.emulated.alert_behaviour import Behaviour
from rigs.emulated.event_rules import EventCode as Code
from rigs.emulated.event_rules import Log
from tests.unit.emulated.event_causes import alerts, ask, codes, turn, wait

# Auxiliary controllers --------------------------------------------------------------------------------------

STATE = "AuxiliaryController[n]: controllerNumberAndCommandedState"
LEVEL = "AuxiliaryProportionalController[n]: controllerNumberAndCommandedState"


def switch(bench, state: int):
    return ask(bench, "ECS47", "supplier", **{STATE: state})


def test_a_switched_controller_is_an_entry_in_the_controllers_log():
    bench = GeneratedBench("esme")
    switch(bench, 0x0211)
    (entry,) = bench.device.events.entries(Log.AUXILIARY)
    assert (entry.code, entry.other[0]) == (0x0211, 1)


def test_a_stuck_controller_is_alerted():
    bench = GeneratedBench("esme")
    turn(bench, "controller=2:stuck")
    sent = switch(bench, 0x0211)
    assert [each["AlertCode"] for each in alerts(sent)] == [0x811A]
    (entry,) = bench.device.events.entries(Log.AUXILIARY)
    assert (entry.code, entry.other[0]) == (0x0211, 2)
    turn(bench, "controller=2:free")
    assert alerts(switch(bench, 0x0212)) == []


def test_clearing_one_log_leaves_the_others():
    bench = GeneratedBench("esme")
    turn(bench, "fault=ram")
    switch(bench, 0x0211)
    ask(bench, "ECS15c", "supplier")
    assert codes(bench, Log.AUXILIARY) == []
    assert Code.RAM_ERROR in codes(bench, Log.EVENT)
    ask(bench, "ECS15a", "supplier")
    assert codes(bench, Log.EVENT) == []
    assert codes(bench, Log.SECURITY) == [Code.EVENT_LOG_CLEARED]


def limit(bench, start, end, which=0x23, level=100):
    number = which & 0x0F
    times = {
        f"AuxiliaryProportionalController[{number}]: limitPeriodStartDateTime": start,
        f"AuxiliaryProportionalController[{number}]: limitPeriodEndDateTime": end,
    }
    return ask(bench, "ECS47e", "load_controller", **times, **{LEVEL: which << 8 | level})


def test_a_level_limit_is_reported_and_so_is_its_end():
    bench = GeneratedBench("esme")
    now = bench.device.device_clock.now()
    (alert,) = alerts(limit(bench, now, now + timedelta(hours=1)))
    assert alert["AlertCode"] == 0x8F86
    assert (alert["APCNumberAndDirection"], alert["LimitLevel"]) == (0x23, 100)
    bench.sent.clear()
    wait(bench, 3600)
    (alert,) = alerts([parse_message(each) for each in bench.sent])
    assert (alert["AlertCode"], alert["Level"]) == (0x8F87, 100)


def test_a_limit_that_is_over_already_takes_the_one_before_back():
    bench = GeneratedBench("esme")
    now = bench.device.device_clock.now()
    limit(bench, now, now + timedelta(hours=1))
    (alert,) = alerts(limit(bench, now - timedelta(hours=2), now - timedelta(hours=1)))
    assert alert["AlertCode"] == 0x8F87
    assert bench.device.next_due() is None


# Certificates of the device's own ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("usage", "stored", "failed"),
    [
        (KeyUsage.DIGITAL_SIGNATURE, Code.SIGNING_CERTIFICATE_REPLACED, Code.SIGNING_CERTIFICATE_FAILED),
        (KeyUsage.KEY_AGREEMENT, Code.AGREEMENT_CERTIFICATE_REPLACED, Code.AGREEMENT_CERTIFICATE_FAILED),
    ],
)
def test_replacing_an_own_certificate_is_logged(usage, stored, failed):
    bench = GeneratedBench("esme")
    about = bench.device.description.identities
    own = about.ds if usage is KeyUsage.DIGITAL_SIGNATURE else about.ka
    party = bench.party("supplier")
    foreign = party.ds if usage is KeyUsage.DIGITAL_SIGNATURE else party.ka
    assert parse_certificate(own.certificate).alternative_name
    for certificate, code in ((own.certificate, stored), (foreign.certificate, failed)):
        use_case = bench.device.catalogue["CS02d"]
        role = use_case.roles[0]
        bench.counter += 1
        octets = bench.protect(
            use_case, bench.party(role), use_case.message_codes[0], encode(CERTIFICATE, certificate)
        )
        bench.send(octets)
        assert code in codes(bench, Log.SECURITY)


# Messages, sound and display --------------------------------------------------------------------------------


def test_a_message_is_shown_until_somebody_acknowledges_it():
    bench = GeneratedBench("esme")
    turn(bench, "acknowledge")
    assert Code.MESSAGE_ACKNOWLEDGED not in codes(bench, Log.EVENT)
    ask(bench, "ECS10", "supplier", **{"SupplierMessage: value": "Engineer on Monday"})
    assert "MESSAGE Engineer on Monday" in bench.device.stimulus(StimulusKind.DISPLAY)[1]
    turn(bench, "acknowledge")
    turn(bench, "acknowledge")
    assert "MESSAGE" not in bench.device.stimulus(StimulusKind.DISPLAY)[1]
    assert codes(bench, Log.EVENT).count(Code.MESSAGE_ACKNOWLEDGED) == 1


def bits(*numbers: int) -> bytes:
    return sum(1 << number for number in numbers).to_bytes(32, "big")


SETTINGS = {
    Behaviour.WAN: ("ECS25a", "Alerts Configuration Settings - Supplier: Bit string"),
    Behaviour.HAN: ("ECS25a1", "Alerts Configuration Settings - Supplier: maskAndActionsForHANDeviceSharing"),
    Behaviour.AUDIBLE: ("ECS25a2", "Events Configuration Settings - Supplier: maskAndActionsForAlarms"),
    Behaviour.LOG: ("ECS25a3", "Events Configuration Settings - Supplier: maskAndActionsForLogging"),
}


@pytest.mark.parametrize("number", range(16))
def test_four_behaviours_of_one_event_are_set_apart(number):
    """GBCS-16-05: a row of the truth table; the neighbour of the code keeps its own."""
    bench = GeneratedBench("esme")
    wanted = {what: bool(number >> place & 1) for place, what in enumerate(SETTINGS)}
    for what, (code, name) in SETTINGS.items():
        action = bits(0xB1) if wanted[what] else bits()
        ask(bench, code, "supplier", **{name: (bits(0xB1) + action).hex().upper()})
    bench.sent.clear()
    turn(bench, "fault=ram")
    sent = [each["AlertCode"] for each in alerts([parse_message(each) for each in bench.sent])]
    assert (0x81B1 in sent) == wanted[Behaviour.WAN]
    assert 0x81A0 in sent
    assert (Code.RAM_ERROR in codes(bench, Log.EVENT)) == wanted[Behaviour.LOG]
    shown = bench.device.stimulus(StimulusKind.DISPLAY)[1]
    assert ("HAN 81B1" in shown) == wanted[Behaviour.HAN]
    assert ("ALARM 81B1" in shown) == wanted[Behaviour.AUDIBLE]
    turn(bench, "acknowledge")
    assert "ALARM" not in bench.device.stimulus(StimulusKind.DISPLAY)[1]


def test_what_a_gas_meter_does_is_set_event_by_event():
    bench = GeneratedBench("gsme")
    values = {
        "*/Issuer Event ID": 1,
        "*/Event Configuration": 0x40,
        "*/Number of Events": 1,
        "*/Event IDs": [int(Code.RAM_ERROR)],
    }
    ask(bench, "GCS20", "supplier", **values)
    bench.sent.clear()
    turn(bench, "fault=ram")
    turn(bench, "fault=watchdog")
    sent = [decode_named(parse_message(each))["payload"]["Alert Code"] for each in bench.sent]
    assert sent == [0x81A0, 0x81B3, 0x81A0]
    assert Code.RAM_ERROR not in codes(bench, Log.EVENT)
    assert "ALARM 81B1" in bench.device.stimulus(StimulusKind.DISPLAY)[1]


def test_a_gas_meter_reports_all_of_its_settings():
    from rigs.emulated.event_rules import RULES
    from rigs.emulated.objects.zse_queries import event_configurations

    configured = event_configurations(GeneratedBench("gsme").device)
    assert set(configured) == {c for c, rule in RULES.items() if c >> 8 == 0x81 and "gsme" in rule.devices}


# Integrity --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["esme", "gsme"])
def test_integrity_warning_carries_its_cause(kind):
    bench = DeviceBench(kind)
    turn(bench, "fault=non-volatile-memory")
    alert = bench.alerts()[-1]
    assert alert.maced
    assert alert.message.header.message_code == {"esme": 0x00F0, "gsme": 0x00F2}[kind]
    assert b"\x00\x01" in alert.message.payload[-2:]
    assert bench.device.events.entries(Log.EVENT)[-1].other == b"\x00\x01"


# Tampering --------------------------------------------------------------------------------------------------


def test_supply_is_locked_by_tampering_where_the_supplier_wants_that():
    bench = GeneratedBench("esme")
    bench.device.stimulus(StimulusKind.COVER_OPEN)
    assert Code.LOCKED_BY_TAMPER not in codes(bench, Log.EVENT)
    ask(bench, "ECS81", "supplier", **{"SupplyTamperState: value": True})
    bench.device.stimulus(StimulusKind.COVER_OPEN)
    assert Code.LOCKED_BY_TAMPER in codes(bench, Log.EVENT)
    assert bench.device.supply.locked
