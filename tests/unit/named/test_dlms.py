"""DLMS payloads by name: vectors of our own, and what a strict builder refuses."""

from __future__ import annotations

import pytest

from protocols.errors import DecodeError, EncodeError
from protocols.gbcs.header import CraFlag
from protocols.gbcs.message import Message
from protocols.gbcs.named import dlms, dlms_describe
from protocols.gbcs.named.dlms_leaves import type_form
from protocols.gbcs.named.dlms_nodes import members_present
from tests.named_dlms import BROKER, CATALOGUE, METER, READER, build, decode, flip, header

# Vectors worked out by hand --------------------------------------------------------------------------------


def test_a_read_has_no_values():
    # The example of the access-request layout: ECS52, counter 0x3E8.
    payload = bytes.fromhex("D9200003E80001010001000000 0201FF020100")
    assert build("ECS52", {}) == payload
    assert decode("ECS52", payload) == {"elements": {}}


def test_an_answer_with_a_value():
    payload = bytes.fromhex("DA200003E8000001 0904 01020304 01 0100")
    values = {
        "results": {"FirmwareVersion: value": 0},
        "elements": {"FirmwareVersion: value": "01020304"},
    }
    assert decode("ECS52", payload, CraFlag.RESPONSE) == values
    assert build("ECS52", values, CraFlag.RESPONSE) == payload


def test_fixed_values_may_be_left_out_and_are_there_when_read():
    enable = {"elements": {"SupplyState: enable": 51}}
    payload = bytes.fromhex("D9200003E8000103000900000A006AFF01 01 120033")
    assert build("ECS42", {}) == build("ECS42", enable) == payload
    assert decode("ECS42", payload) == enable


def test_one_future_dated_instruction():
    body = "0203 12 8F66 090C 07EA0B16FF0C0000008000FF 0913 0019 00000000000003F0 2328 00005E2C0200 06"
    payload = bytes.fromhex("0F 200007DE 00" + body)
    head = header(flag=CraFlag.ALERT, code=0x00CC, counter=0x7DE)
    values = dlms.decode(Message(head, payload, b"", None), None)
    assert values["elements"]["FutureDatedInstruction"] == {
        "MessageCode": 0x19,
        "OriginatorCounter": 1008,
        "ClassID": 9000,
        "InstanceID": "00005E2C0200",
        "AttributeID": 6,
    }
    assert dlms.build(values, head, None) == payload


def test_a_protected_read_names_parties_after_the_header():
    (element,) = CATALOGUE.dlms_message("ECS17b")
    payload = build("ECS17b", {})
    assert bytes(READER) in payload
    assert payload.index(bytes(READER)) < payload.index(bytes(METER))
    assert bytes.fromhex("090904") + (0x3E8).to_bytes(8, "big") in payload
    behalf = header("ECS17b", party=BROKER)
    assert bytes(BROKER) in build("ECS17b", {}, header=behalf)
    odd = {"elements": {element.key: {"protection": {"counter": 5}}}}
    with pytest.raises(EncodeError, match="header") as caught:
        build("ECS17b", odd)
    assert caught.value.clause
    deviating = build("ECS17b", odd, strict=False)
    assert decode("ECS17b", deviating)["elements"][element.key]["protection"]["counter"] == 5


def test_an_answer_that_does_not_open_stays_ciphered():
    (element,) = CATALOGUE.dlms_message("ECS19")
    values = {"results": {element.key: 0}, "elements": {element.key: {"ciphered": "3100000000AA"}}}
    payload = build("ECS19", values, CraFlag.RESPONSE)

    def refuse(_block):
        raise DecodeError("wrong tag", offset=0)

    assert decode("ECS19", payload, CraFlag.RESPONSE, decrypt=refuse) == values
    assert decode("ECS19", payload, CraFlag.RESPONSE, decrypt=flip) == values


# Fewer items than the table --------------------------------------------------------------------------------


def test_optional_items_that_a_command_leaves_out():
    keys = [each.key for each in CATALOGUE.dlms_message("ECS46a")]
    values = {"elements": {keys[1]: "immersion heater", keys[3]: "car"}}
    assert decode("ECS46a", build("ECS46a", values)) == values
    with pytest.raises(EncodeError, match="at least one"):
        build("ECS46a", {})


def test_an_answer_does_not_say_which_optional_items_it_is_about():
    keys = [each.key for each in CATALOGUE.dlms_message("ECS46a")]
    values = {"results": {keys[1]: 0, keys[3]: 1}, "elements": {}}
    payload = build("ECS46a", values, CraFlag.RESPONSE)
    decoded = decode("ECS46a", payload, CraFlag.RESPONSE)
    assert decoded == {
        "results": {keys[0]: 0, keys[1]: 1},
        "elements": {},
        "assumed_elements": True,
    }
    assert build("ECS46a", decoded, CraFlag.RESPONSE) == payload


def test_optional_items_are_told_by_kind():
    table = CATALOGUE.dlms_message("ECS47a")
    keys = [table[0].key, table[1].key, table[-1].key]
    values = {"results": dict.fromkeys(keys, 0), "elements": {}}
    payload = build("ECS47a", values, CraFlag.RESPONSE)
    assert decode("ECS47a", payload, CraFlag.RESPONSE) == values | {"assumed_elements": True}


def test_an_answer_that_breaks_off():
    table = CATALOGUE.dlms_message("ECS27")
    values = {"results": {table[0].key: 1}, "elements": {}}
    payload = build("ECS27", values, CraFlag.RESPONSE, strict=False)
    assert decode("ECS27", payload, CraFlag.RESPONSE) == values | {"assumed_elements": True}
    with pytest.raises(EncodeError, match="result is missing"):
        build("ECS27", values, CraFlag.RESPONSE)


def test_a_command_that_leaves_out_what_it_always_has():
    payload = build("ECS70", {"omitted": ["Time: methodOutput: status"]} | CLOCK, strict=False)
    assert decode("ECS70", payload)["omitted"] == ["Time: methodOutput: status"]
    with pytest.raises(EncodeError, match="always has"):
        build("ECS70", decode("ECS70", payload))


CLOCK = {
    "elements": {
        "Time: setValidTimeRange": {
            "timeRangeStart": "2026-11-22T12:00:00Z",
            "timeRangeEnd": "2026-11-22T12:00:20Z",
        }
    }
}


# What does not fit the catalogue ---------------------------------------------------------------------------


def test_a_payload_of_another_use_case_has_no_names():
    payload = build("ECS52", {})
    values = decode("ECS42", payload)
    assert values == {"unnamed": payload.hex().upper()}
    assert build("ECS42", values, strict=False) == payload
    with pytest.raises(EncodeError, match="no names"):
        build("ECS42", values)


def test_a_range_of_another_kind_has_no_names():
    dates = {"fromDateTime": "2026-01-01T00:00:00Z", "toDateTime": "2026-02-01T00:00:00Z"}
    payload = bytearray(build("ECS35a", {"elements": {"EventLog(incGPF): readLog": dates}}))
    # The restricting object's attribute.
    payload[payload.index(bytes.fromhex("5E2C64FF")) + 5] = 3
    values = decode("ECS35a", bytes(payload))
    assert values == {"unnamed": payload.hex().upper()}
    assert build("ECS35a", values, strict=False) == payload


def test_null_where_a_fixed_value_belongs_is_a_value():
    payload = build("ECS42", {"elements": {"SupplyState: enable": None}}, strict=False)
    assert payload.endswith(b"\x01\x00")
    assert decode("ECS42", payload) == {"elements": {"SupplyState: enable": None}}


def test_octets_that_are_no_dlms_payload():
    with pytest.raises(DecodeError) as caught:
        decode("ECS52", b"\xd9\x20\x00\x00")
    assert caught.value.offset <= 4


def test_booleans_that_are_neither_00_nor_ff_are_numbers():
    payload = build("ECS81", {"elements": {"SupplyTamperState: value": True}})
    assert payload.endswith(b"\x03\xff")
    values = decode("ECS81", payload[:-1] + b"\x01")
    assert values["elements"] == {"SupplyTamperState: value": 1}
    assert build("ECS81", values, strict=False) == payload[:-1] + b"\x01"
    with pytest.raises(EncodeError, match="neither true nor false"):
        build("ECS81", values)


# What a strict builder refuses -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("use_case", "elements", "element", "clause"),
    [
        ("ECS28a", {}, "LoadLimitSupplyState: valueNext", "SMETS 5.7.4.22"),
        ("ECS81", {"SupplyTamperState: value": True, "Cover": 1}, "Cover", "SMETS"),
        ("ECS81", {"SupplyTamperState: value": "yes"}, "SupplyTamperState: value", "SMETS"),
        ("ECS42", {"SupplyState: enable": 52}, "SupplyState: enable", "SMETS"),
        ("ECS38", {"RandomisedOffsetLimit: value": 65_536}, "RandomisedOffsetLimit: value", "SMETS 5.7.4.33"),
        ("ECS38", {"RandomisedOffsetLimit: value": True}, "RandomisedOffsetLimit: value", "SMETS 5.7.4.33"),
        ("CCS02", {"DeviceLog(CHF): removeEntry": "0102"}, "DeviceLog(CHF): removeEntry", "CHTS 4.5.1.9"),
        ("CCS02", {"DeviceLog(CHF): removeEntry": "no hex"}, "DeviceLog(CHF): removeEntry", "CHTS 4.5.1.9"),
        ("CCS02", {"DeviceLog(CHF): removeEntry": None}, "DeviceLog(CHF): removeEntry", "CHTS 4.5.1.9"),
    ],
)
def test_refusals_name_element_and_clause(use_case, elements, element, clause):
    with pytest.raises(EncodeError) as caught:
        build(use_case, {"elements": elements})
    assert caught.value.element == element
    assert caught.value.clause.startswith(clause)


SEASONS = "TariffSwitchingTable: nextSeasons"


@pytest.mark.parametrize(
    ("change", "element"),
    [
        (lambda row: row.pop("startDate"), f"{SEASONS}[0].startDate"),
        (lambda row: row.update(week=1), f"{SEASONS}[0].week"),
        (lambda row: row.update(Name="longer than eight"), f"{SEASONS}[0].Name"),
        (lambda row: row.update(Name="€"), f"{SEASONS}[0].Name"),
        (lambda row: row.update(startDate="2026-02-30"), f"{SEASONS}[0].startDate"),
    ],
)
def test_refusals_name_the_place_inside_arrays(change, element):
    table = CATALOGUE.dlms_message("ECS01a")
    row = {"Name": "winter", "startDate": "*-10-25T01:00:00Z", "WeekIdentifier": "01"}
    change(row)
    with pytest.raises(EncodeError) as caught:
        build("ECS01a", {"elements": {table[0].key: [row]}})
    assert caught.value.element == element
    assert caught.value.clause


@pytest.mark.parametrize("count", [0, 5])
def test_arrays_have_as_many_elements_as_the_catalogue_allows(count):
    row = {"Name": "winter", "startDate": "*-10-25T01:00:00Z", "WeekIdentifier": "01"}
    with pytest.raises(EncodeError, match=f"{count} elements instead of 1 to 4"):
        build("ECS01a", {"elements": {SEASONS: [row] * count}})


@pytest.mark.parametrize(
    ("values", "element"),
    [
        ({"results": {}}, "results.FirmwareVersion: value"),
        ({"results": {"FirmwareVersion: value": 7}}, "results.FirmwareVersion: value"),
        ({"results": {"FirmwareVersion: value": 0}}, "FirmwareVersion: value"),
        (
            {"results": {"FirmwareVersion: value": 1}, "elements": {"FirmwareVersion: value": "00000000"}},
            "FirmwareVersion: value",
        ),
        ({"results": {"FirmwareVersion: value": 0, "x": 0}}, "results.x"),
        ({"outcome": 0}, "outcome"),
    ],
)
def test_responses_that_a_strict_builder_refuses(values, element):
    with pytest.raises(EncodeError) as caught:
        build("ECS52", values, CraFlag.RESPONSE)
    assert caught.value.element == element


def test_a_wrong_invoke_id_is_a_value():
    payload = build("ECS52", {"invoke_id": 7}, strict=False)
    assert decode("ECS52", payload) == {"elements": {}, "invoke_id": 7}
    with pytest.raises(EncodeError, match="instead of 1000"):
        build("ECS52", {"invoke_id": 7})


def test_protected_values_need_a_key():
    (element,) = CATALOGUE.dlms_message("ECS19")
    inside = {each.key: dict.fromkeys([leaf.key for leaf in each.answer.of], 0) for each in element.protected}
    values = {"results": {element.key: 0}, "elements": {element.key: inside}}
    with pytest.raises(EncodeError, match="without a key"):
        build("ECS19", values, CraFlag.RESPONSE)
    assert build("ECS19", values, CraFlag.RESPONSE, encrypt=flip)


def test_elements_of_a_compact_array_have_one_shape():
    (element,) = CATALOGUE.dlms_message("ECS21a")
    (log,) = element.protected
    entry, twin = {}, {}
    for node in log.answer.of[0].of:
        base = type_form(node.type).base
        value = [1] if base == "array" else "2026-01-01T00:00:00Z" if base == "utc-time" else 1
        twin[node.key] = value
        if not node.optional:
            entry[node.key] = value

    def values(entries):
        return {"results": {element.key: 0}, "elements": {element.key: {log.key: entries}}}

    for entries in ([], [entry], [twin, twin]):
        payload = build("ECS21a", values(entries), CraFlag.RESPONSE, encrypt=flip)
        assert decode("ECS21a", payload, CraFlag.RESPONSE, decrypt=flip) == values(entries)
    with pytest.raises(EncodeError, match="one shape"):
        build("ECS21a", values([entry, twin]), CraFlag.RESPONSE, encrypt=flip)


def test_optional_members_are_told_by_their_count():
    (element,) = CATALOGUE.dlms_message("ECS17b")
    members = element.protected[0].answer.of
    assert members_present(members, len(members)) == members
    assert members_present(members, len(members) - 1) == [each for each in members if not each.optional]
    assert members_present(members, len(members) - 2) is None


# For people ------------------------------------------------------------------------------------------------


def test_describe_gives_units_scaling_and_places():
    table = CATALOGUE.dlms_message("ECS17a")
    elements = {table[0].key: 1234, table[1].key: {"scale": 0, "unit": 30}}
    elements |= {table[2].key: 5, table[3].key: {"scale": 0, "unit": 32}}
    values = {"results": {each.key: 0 for each in table}, "elements": elements}
    payload = build("ECS17a", values, CraFlag.RESPONSE)
    message = Message(header("ECS17a", CraFlag.RESPONSE), payload, None, None, payload_offset=100)
    rows = dlms_describe.describe(message, CATALOGUE["ECS17a"])
    register = next(row for row in rows if row["value"] == 1234)
    assert register["name"] == table[0].key
    assert register["clause"].startswith("SMETS")
    assert (register["unit"], register["scaling"]) == ("Wh", 0)
    at, size = register["offset"] - 100, register["octets"]
    assert payload[at : at + size] == b"\x06" + (1234).to_bytes(4, "big")
    outcome = rows[0]
    assert (outcome["access"], outcome["text"], outcome["octets"]) == ("get", "success", 2)


def test_describe_says_when_there_are_no_names():
    message = Message(header("ECS42"), build("ECS52", {}), None, None)
    (row,) = dlms_describe.describe(message, CATALOGUE["ECS42"])
    assert row["octets"] == len(message.payload)


def test_describe_marks_decrypted_values():
    (element,) = CATALOGUE.dlms_message("ECS19")
    (inner,) = element.protected
    balances = {leaf.key: -5 for leaf in inner.answer.of}
    values = {"results": {element.key: 0}, "elements": {element.key: {inner.key: balances}}}
    payload = build("ECS19", values, CraFlag.RESPONSE, encrypt=flip)
    message = Message(header("ECS19", CraFlag.RESPONSE), payload, None, None)
    opened = [
        row for row in dlms_describe.describe(message, CATALOGUE["ECS19"], flip) if row.get("plaintext")
    ]
    assert [row["value"] for row in opened] == [-5] * len(balances)
    closed = dlms_describe.describe(message, CATALOGUE["ECS19"])
    assert [row["name"] for row in closed] == [element.key, f"{element.key}.ciphered"]
