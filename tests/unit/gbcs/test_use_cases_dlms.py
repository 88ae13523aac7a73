"""DLMS use cases: values to octets and back, by hand and by Hypothesis."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64
from protocols.gbcs import use_cases as uc
from protocols.gbcs.use_cases.dlms_reads import decode_registers_plaintext, encode_registers_plaintext

SUPPLIER = Eui64("90-B3-D5-1F-30-01-00-00")
METER = Eui64("00-DB-12-34-56-78-90-A0")
CONTEXT = uc.Context(0x01_0000_03E8, SUPPLIER, METER)
START, END = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), datetime(2026, 1, 2, 3, 5, 5, tzinfo=UTC)
RELAXED = settings(deadline=None, max_examples=50)

COMMANDS = {
    "CCS01": {"device_id": METER, "install_code": bytes(range(16)), "device_type": "gpf", "join_time_s": 600},
    "CCS02": {"device_id": METER},
    "CCS06": {},
    "ECS70": {"validity_start": START, "validity_end": END},
    "ECS17b": {},
    "ECS27": {},
    "ECS39a": {"mpan": "1234567890123", "second_mpan": "3210987654321"},
    "ECS52": {},
}
DEVICE = {
    "device_id": METER,
    "status": 0x80,
    "max_rssi": -1,
    "average_rssi": -50,
    "min_rssi": -128,
    "max_lqi": 255,
    "average_lqi": 100,
    "min_lqi": 1,
    "last_communication": START,
    "number_of_hops": 1,
    "transmission_failures": 2,
    "transmission_successes": 3,
    "application_version": 4,
    "stack_version": 5,
}
RESPONSES = {
    "CCS01": {"results": [0, 1, 250]},
    "CCS02": {"results": [0]},
    "CCS06": {"results": [0], "devices": [DEVICE, DEVICE | {"last_communication": None}]},
    "ECS70": {"results": [0] * 5, "device_time": START, "status": 2},
    "ECS27": {
        "results": [0, 0, 0, 0, 0, 1],
        "load_limit_supply_state": True,
        "load_limit_counter": 30,
        "load_limit_counter_scaler": 0,
        "load_limit_counter_unit": 255,
        "load_limit_power_threshold_w": 6900,
        "load_limit_period_s": 300,
        "load_limit_restoration_period_s": None,
    },
    "ECS39a": {"results": [0]},
    "ECS52": {"results": [0], "firmware_version": b"\x01\x02\x03\x04"},
}
ALERT = {"alert_code": 0x8F12, "time": START}
ALERTS = {
    0x1000: {},
    0x1001: {},
    0x00CE: {"image_hash": bytes(32)},
    0x00F0: {"other_information": 5},
    0x0120: {"command_message_code": 0x12, "command_originator_counter": 7},
    0x00CC: {
        "command_message_code": 0x19,
        "command_originator_counter": 8,
        "class_id": 9000,
        "obis": bytes(6),
        "member": 6,
    },
    0x00D5: {
        "originator_id": SUPPLIER,
        "target_id": METER,
        "cra_flag": 1,
        "undelivered_originator_counter": 9,
    },
    0x0018: {
        "backup_time": START,
        "extended_pan_id": bytes(8),
        "devices": [
            {"device_id": METER, "hashed_link_key": bytes(16)},
            {"device_id": SUPPLIER, "hashed_link_key": b""},
        ],
    },
}


@pytest.mark.parametrize("code", COMMANDS)
def test_commands_both_ways(code):
    payload = uc.encode_command(code, CONTEXT, COMMANDS[code])
    assert payload[:5].hex() == "d9200003e8"  # the low 24 bits of the counter
    assert uc.decode_command(code, payload) == COMMANDS[code]


@pytest.mark.parametrize("code", RESPONSES)
def test_responses_both_ways(code):
    payload = uc.encode_response(code, CONTEXT, RESPONSES[code])
    decoded = uc.decode_response(code, payload)
    assert {name: decoded[name] for name in RESPONSES[code]} == RESPONSES[code]


@pytest.mark.parametrize("code", ALERTS)
def test_alerts_both_ways(code):
    values = ALERT | ALERTS[code]
    payload = uc.encode_alert(code, CONTEXT, values)
    assert uc.decode_alert(code, payload) == values


@pytest.mark.parametrize("code", COMMANDS)
def test_missing_and_surplus_values_are_named(code):
    values = COMMANDS[code]
    with pytest.raises(EncodeError) as caught:
        uc.encode_command(code, CONTEXT, values | {"surplus": 1})
    assert caught.value.element == "surplus"
    for missing in set(values) - {"second_mpan"}:
        with pytest.raises(EncodeError) as caught:
            uc.encode_command(
                code, CONTEXT, {name: value for name, value in values.items() if name != missing}
            )
        assert caught.value.element == missing


@pytest.mark.parametrize(
    ("code", "changes", "element"),
    [
        ("CCS01", {"install_code": bytes(18)}, "install_code"),
        ("CCS01", {"device_type": "toaster"}, "device_type"),
        ("CCS01", {"join_time_s": 65536}, "join_time_s"),
        ("CCS01", {"join_time_s": True}, "join_time_s"),
        ("CCS01", {"device_id": b"x"}, "device_id"),
        ("ECS70", {"validity_end": datetime(2026, 1, 1)}, "validity_end"),  # noqa: DTZ001  # no zone
        ("ECS39a", {"mpan": "12345"}, "mpan"),
        ("ECS39a", {"mpan": 1234567890123}, "mpan"),
    ],
)
def test_values_that_do_not_fit_are_named(code, changes, element):
    with pytest.raises(EncodeError) as caught:
        uc.encode_command(code, CONTEXT, COMMANDS[code] | changes)
    assert caught.value.element == element


def test_values_in_lists_are_named_by_their_place():
    with pytest.raises(EncodeError) as caught:
        uc.encode_response("CCS06", CONTEXT, {"devices": [DEVICE, DEVICE | {"max_lqi": 256}]})
    assert caught.value.element == "devices.1.max_lqi"
    with pytest.raises(EncodeError) as caught:
        uc.encode_response("ECS52", CONTEXT, {"results": [256]})
    assert caught.value.element == "results"
    with pytest.raises(EncodeError) as caught:
        uc.encode_response("CCS01", CONTEXT, {"results": [0]})
    assert caught.value.element == "results"


@pytest.mark.parametrize("code", COMMANDS)
def test_commands_of_other_use_cases_are_refused(code):
    for other, values in COMMANDS.items():
        if other != code:
            with pytest.raises(DecodeError):
                uc.decode_command(code, uc.encode_command(other, CONTEXT, values))


@pytest.mark.parametrize("code", COMMANDS)
@RELAXED
@given(data=st.data())
def test_spoilt_commands_decode_validly_or_raise_decode_error(code, data):
    payload = bytearray(uc.encode_command(code, CONTEXT, COMMANDS[code]))
    payload[data.draw(st.integers(0, len(payload) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        values = uc.decode_command(code, bytes(payload))
    except DecodeError:
        return
    uc.encode_command(code, CONTEXT, values)


@pytest.mark.parametrize("code", RESPONSES)
@RELAXED
@given(data=st.data())
def test_spoilt_responses_decode_validly_or_raise_decode_error(code, data):
    payload = bytearray(uc.encode_response(code, CONTEXT, RESPONSES[code]))
    payload[data.draw(st.integers(0, len(payload) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        uc.decode_response(code, bytes(payload))
    except DecodeError as error:
        assert 0 <= error.offset <= len(payload)


@pytest.mark.parametrize("code", ALERTS)
def test_cut_alerts_are_refused(code):
    payload = uc.encode_alert(code, CONTEXT, ALERT | ALERTS[code])
    for length in range(1, len(payload)):
        with pytest.raises(DecodeError):
            uc.decode_alert(code, payload[:length])


def test_registers_are_protected_on_the_way():
    registers = {"active_import_wh": 123456, "reactive_import_varh": 7}
    sealed = []

    def encrypt(plaintext):
        sealed.append(plaintext)
        return b"\x31" + bytes(16)

    payload = uc.encode_response("ECS17b", CONTEXT, {"registers": registers, "encrypt": encrypt})
    assert sealed == [encode_registers_plaintext(registers)]
    closed = uc.decode_response("ECS17b", payload)
    assert closed == {"results": [0], "registers": None, "decrypted": False}
    opened = uc.decode_response("ECS17b", payload, lambda _: sealed[0])
    assert opened == {"results": [0], "registers": registers, "decrypted": True}
    failed = uc.encode_response("ECS17b", CONTEXT, {"results": [1]})
    assert uc.decode_response("ECS17b", failed)["results"] == [1]
    with pytest.raises(EncodeError, match="encrypt"):
        uc.encode_response("ECS17b", CONTEXT, {"registers": registers})


def test_registers_by_hand():
    # One collection: 256 Wh, 7 varh; scalers 0, units 30 and 32.
    plaintext = bytes.fromhex("0201 0204 0600000100 02020F00161E 0600000007 02020F001620")
    registers = {"active_import_wh": 256, "reactive_import_varh": 7}
    assert encode_registers_plaintext(registers) == plaintext
    assert decode_registers_plaintext(plaintext) == registers
    kilo = plaintext.replace(bytes.fromhex("0F00161E"), bytes.fromhex("0F03161E"))
    assert decode_registers_plaintext(kilo)["active_import_wh"] == 256_000
    with pytest.raises(DecodeError, match="unit"):
        decode_registers_plaintext(plaintext.replace(bytes.fromhex("161E"), bytes.fromhex("1620")))


def test_a_twin_has_a_second_register():
    registers = {"active_import_wh": 1, "reactive_import_varh": 2, "secondary_active_import_wh": 3}
    assert decode_registers_plaintext(encode_registers_plaintext(registers)) == registers


@pytest.mark.parametrize(
    ("status", "text"), [(0, "reliable"), (1, "invalid"), (2, "unreliable"), (3, "invalid")]
)
def test_clock_status_has_its_smets_name(status, text):
    payload = uc.encode_response("ECS70", CONTEXT, {"device_time": START, "status": status})
    assert uc.decode_response("ECS70", payload)["status_name"] == text


def test_every_codec_agrees_with_the_catalogue():
    from protocols.gbcs.catalogue import load_catalogue

    catalogue = load_catalogue()
    for code, codec in uc.codecs().items():
        assert codec.message_code in catalogue[code].message_codes
    for message_code, _ in uc.alert_codecs():
        assert catalogue.alert_message(message_code)


def test_unknown_use_cases_and_alerts_are_refused():
    for call in (uc.encode_command, uc.encode_response):
        with pytest.raises(EncodeError, match="ECS999"):
            call("ECS999", CONTEXT, {})
    with pytest.raises(EncodeError, match="0xffff"):
        uc.encode_alert(0xFFFF, CONTEXT, {})
    with pytest.raises(DecodeError, match="0xffff"):
        uc.decode_alert(0xFFFF, b"\x0f")
    with pytest.raises(EncodeError, match="payload_kind"):
        uc.encode_alert(0x1000, CONTEXT, ALERT | {"payload_kind": "asn1"})
