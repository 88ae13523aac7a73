"""Future dated commands: stored, replaced, cancelled, carried out with an alert for each instruction."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fixtures.generated_commands import START, GeneratedBench
from protocols.dlms.access import AccessRequest, build_access_request, parse_access_request
from protocols.dlms.axdr import Data, octet_string
from protocols.dlms.date_time import NEVER, encode_date_time
from protocols.dlms.notification import parse_notification
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.gbz import build_gbz, from_datetime, parse_gbz
from protocols.gbcs.message import parse_message
from rigs.emulated.objects.definition import Place, device_objects
from rigs.emulated.objects.passive import pairs
from rigs.emulated.objects.zse import AttributePlace

DUE = START + timedelta(days=1)
_CASE = load_catalogue()["ECS28a"]
# The threshold in force is the limiter's.
_NEXT, _THRESHOLD = bytes.fromhex("00005E2C8007"), Place(71, bytes.fromhex("0000110000FF"), 4)
FACTORY = 23_000
_EMERGENCY_LIMIT = AttributePlace(0x0705, 0x0010)


@pytest.fixture
def esme():
    return GeneratedBench("esme")


@pytest.fixture
def gsme():
    return GeneratedBench("gsme")


def limits(bench: GeneratedBench, when: bytes, value: int) -> list:
    """ECS28a with a threshold and one date for all its instructions."""
    request = parse_access_request(parse_message(bench.command("ECS28a", "supplier")).payload)
    data = []
    for each, item in zip(request.specifications, request.data, strict=True):
        if each.member == 6:
            data.append(octet_string(when))
        elif each.obis == _NEXT:
            data.append(Data(item.tag, value))
        else:
            data.append(item)
    payload = build_access_request(AccessRequest(request.invoke_id, request.specifications, data))
    return bench.send(bench.protect(_CASE, bench.party("supplier"), _CASE.message_codes[0], payload))


def wait(bench: GeneratedBench) -> list:
    bench.device.clock.time = DUE
    bench.sent.clear()
    bench.device.run_due()
    return [each for each in map(parse_message, bench.sent) if each.kind == "alert"]


def test_at_once(esme):
    limits(esme, bytes.fromhex("0000000000000000008000FF"), 4711)
    assert esme.device.cosem.value(_THRESHOLD).value == 4711
    assert esme.device.next_due() is None


def test_stored_and_carried_out_with_an_alert_for_each_instruction(esme):
    (response,) = limits(esme, encode_date_time(DUE), 4711)
    assert response.kind == "response"
    assert esme.device.cosem.value(_THRESHOLD).value == FACTORY
    assert esme.device.next_due() == DUE
    alerts = wait(esme)
    dated = [each for each in parse_access_request_of(esme) if each.member == 6]
    assert len(alerts) == len(dated)
    assert esme.device.cosem.value(_THRESHOLD).value == 4711
    for alert in alerts:
        body = parse_notification(alert.payload).body.value
        assert (alert.header.message_code, body[0].value) == (0x00CC, 0x8F66)
        instruction = body[2].value
        assert int.from_bytes(instruction[:2], "big") == _CASE.message_codes[0]
        assert int.from_bytes(instruction[2:10], "big") == esme.counter
        assert instruction[18] == 6
        assert alert.signature
        assert alert.header.business_target_id == esme.party("supplier").eui64
    assert esme.device.next_due() is None


def parse_access_request_of(bench: GeneratedBench) -> list:
    octets = bench.command("ECS28a", "supplier")
    bench.counter -= 1
    return parse_access_request(parse_message(octets).payload).specifications


def test_a_later_command_replaces_and_a_cancellation_forgets(esme):
    limits(esme, encode_date_time(DUE), 1)
    limits(esme, encode_date_time(DUE), 2)
    waiting = len(esme.storage.items("schedule"))
    assert waiting == len([each for each in parse_access_request_of(esme) if each.member == 6])
    limits(esme, NEVER, 3)
    assert esme.device.next_due() is None
    assert wait(esme) == []


def test_what_fails_at_its_time_is_told(esme):
    limits(esme, encode_date_time(DUE), 4711)
    esme.device.faults.refuse("9000/00005E2C8007/6", 1)
    codes = {parse_notification(each.payload).body.value[0].value for each in wait(esme)}
    assert codes == {0x8F66, 0x8F67}
    assert esme.device.cosem.value(_THRESHOLD).value == FACTORY


# ---------------------------------------------------------------------- gas


# Where the time stands in those components of GCS05 that have one: prepayment and calendar commands.
_TIMES = {(0x0705, 0x03): 4, (0x0705, 0x0B): 8, (0x0705, 0x0C): 8, (0x0707, 0x00): 12, (0x0707, 0x04): 12}


def prepayment(bench: GeneratedBench, when: int) -> list:
    """GCS05 with an emergency credit limit of 4711, and one date for all its components."""
    message = parse_message(bench.command("GCS05", "supplier"))
    payload = parse_gbz(message.payload)
    for each in payload.components:
        place, octets = (each.cluster, each.command), each.payload
        at = _TIMES.get(place)
        if at is not None:
            octets = octets[:at] + when.to_bytes(4, "little") + octets[at + 4 :]
        if place == (0x0705, 0x03):
            octets = octets[:8] + (4711).to_bytes(4, "little") + octets[12:]
        each.payload = octets
        if each.from_date_time is not None:
            each.from_date_time = when
    use_case = load_catalogue()["GCS05"]
    code = use_case.message_codes[0]
    return bench.send(bench.protect(use_case, bench.party("supplier"), code, build_gbz(payload)))


def test_gas_at_once_later_and_cancelled(gsme):
    prepayment(gsme, 0)
    assert gsme.device.zcl.number(_EMERGENCY_LIMIT) == 4711
    with gsme.device.work():
        gsme.device.zcl.put(_EMERGENCY_LIMIT, 1)
    prepayment(gsme, from_datetime(DUE))
    assert gsme.device.zcl.number(_EMERGENCY_LIMIT) == 1
    prepayment(gsme, 0xFFFF_FFFF)
    assert gsme.device.schedule.next_due() is None
    prepayment(gsme, from_datetime(DUE))
    alerts = wait(gsme)
    assert gsme.device.zcl.number(_EMERGENCY_LIMIT) == 4711
    assert {alert.header.message_code for alert in alerts} == {0x00CD}
    # One for each of the five components with a time and for the one that is dated outside of its command.
    assert len(alerts) == len(_TIMES) + 1
    counter = gsme.counter.to_bytes(8, "big").hex()
    told = f"0109018f66{from_datetime(DUE):08x}0e006f{counter}07050103"
    assert told in [alert.payload.hex() for alert in alerts]


@pytest.mark.parametrize(
    ("date", "passive", "active"),
    [
        ("20/00000D0000FF/10", "20/00000D0000FF/7", "20/00000D0000FF/3"),
        ("113/0000131400FF/7", "113/0000131400FF/6", "113/0000131400FF/5"),
        ("9000/00005E2C0200/6", "9000/00005E2C0200/4", "9000/00005E2C0200/2"),
        ("9000/00005E2C801D/6", "11/00010B0000FF/2", "11/00000B0000FF/2"),
        ("9000/00005E2C801C/6", "10/00010C0001FF/2", "10/00000C0001FF/2"),
        ("9000/00003F0101FF/6", "21/000010010BFF/2", "21/000010000BFF/2"),
        ("9000/00005E2C8016/6", "9000/00005E2C8016/4", "21/0000100001FF/2"),
        ("9000/00005E2C800C/6", "9000/00005E2C800C/4", "111/0000130000FF/18"),
        ("9000/00005E2C800D/6", "9000/00005E2C800D/4", "111/0000130000FF/19"),
        ("111/0001130000FF/13", "111/0001130000FF/2", "111/0000130000FF/2"),
    ],
)
def test_where_passive_values_go(date, passive, active):
    objects = device_objects("esme")
    (place,) = [each for each in objects.members if str(each) == date]
    assert (passive, active) in {(str(one), str(other)) for one, other in pairs(objects, place)}
