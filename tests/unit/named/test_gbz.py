from __future__ import annotations

import copy
import itertools
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.message import Message
from protocols.gbcs.named import gbz
from tests.gbz_template import template

BLOCK_HEAD, TAG = bytes.fromhex("3100000000"), bytes(range(12))


def encrypt(plaintext: bytes) -> bytes:
    """A cipher that hides nothing: structure is tested here, the real one in test_crypto."""
    return BLOCK_HEAD + plaintext + TAG


def decrypt(block: bytes) -> bytes:
    if block[-12:] != TAG:
        raise DecodeError("bad tag", offset=0)
    return block[5:-12]


def header(code: int, flag: CraFlag = CraFlag.COMMAND) -> GroupingHeader:
    return GroupingHeader(flag, 7, Eui64("90-B3-D5-1F-30-01-00-00"), Eui64("00-DB-12-34-56-78-90-A1"), code)


def build(values, code, flag=CraFlag.COMMAND, *, strict=True, cipher=encrypt):
    use_case = load_catalogue().by_message_code(code, flag)
    return gbz.build(values, header(code, flag), use_case, strict=strict, encrypt=cipher)


def decode(payload, code, flag=CraFlag.COMMAND, cipher=decrypt):
    use_case = load_catalogue().by_message_code(code, flag)
    return gbz.decode(Message(header(code, flag), payload), use_case, cipher)


def refused(values, code, flag=CraFlag.COMMAND):
    with pytest.raises(EncodeError) as caught:
        build(values, code, flag)
    assert caught.value.clause
    return caught.value.element


def head(cluster, command, frame_control, sequence=0):
    return {
        "Cluster": cluster,
        "Command": command,
        "Frame Control": frame_control,
        "Transaction Sequence Number": sequence,
    }


# Expected octets worked out by hand from the layouts of gbz.md and ZCL.
TARIFF = head("Price", "Publish Tariff Information", 9) | {
    "Provider ID": 0,
    "Issuer Event ID": 0x01020304,
    "Issuer Tariff ID": 1,
    "Start Time": "2020-01-01T00:00:00Z",
    "Tariff Type / Charging Scheme": 0,
    "Tariff Label": "",
    "Number of Price Tiers in Use": 2,
    "Number of Block Thresholds in Use": 0,
    "Unit of Measure": 0,
    "Currency": 826,
    "Price Trailing Digit": 0x50,
    "Standing Charge": 258,
    "Tier Block Mode": 255,
    "Block Threshold Multiplier": 1,
    "Block Threshold Divisor": 1000,
}
PRICES = head("Price", "Publish Price Matrix", 9, 1) | {
    "Provider ID": 0,
    "Issuer Event ID": 0x01020304,
    "Start Time": "2020-01-01T00:00:00Z",
    "Issuer Tariff ID": 1,
    "Command Index": 0,
    "Total Number of Commands": 1,
    "Sub-payload Control": 1,
    "Price Matrix Entries": [{"Tier/Block ID": 1, "Price": 16}, {"Tier/Block ID": 2, "Price": 17}],
}
PRICE_OCTETS = bytes.fromhex(
    "0109 02"
    "00 0700 0026 09 00 04"
    "00000000 04030201 01000000 809D9E25 00 00 02 00 00 3A03 50 02010000 FF 010000 E80300"
    "01 0700 0020 09 01 05"
    "00000000 04030201 809D9E25 01000000 00 01 01"
    "01 10000000 02 11000000"
)
DEBT_LOG = head("Prepayment", "Get Debt Repayment Log", 1) | {
    "From Date Time": "2020-01-01T00:00:00Z",
    "Latest End Time": "never",
    "Number of Debts": 10,
    "Debt Type": 2,
}
REGISTER = head("Metering", "Read Attributes Response", 0x18) | {
    "Additional Header Control": 0,
    "Additional Header Frame Counter": 0,
    "Attributes": {
        "Divisor": 1000,
        "Multiplier": 1,
        "Unit of Measure": {"Status": 0x86},
        "Current Summation Delivered": 5,
    },
}
REGISTER_OCTETS = bytes.fromhex(
    "0109 01 03 0702 0033 00 00 18 00 01 002C 3100000000"
    "0203 00 22 E80300 0103 00 22 010000 0003 86 0000 00 25 050000000000"
    "000102030405060708090A0B"
)
FUTURE = {
    "Alert Code": 0x8F66,
    "Time": "2020-01-01T00:00:00Z",
    "Message Code": 0x6B,
    "Originator Counter": 9,
    "Cluster": 0x0707,
    "Frame Control": 9,
    "Command Identifier": 0,
}
VECTORS = [
    pytest.param(0x00A3, CraFlag.COMMAND, {"Components": [TARIFF, PRICES]}, PRICE_OCTETS, id="tariff"),
    pytest.param(
        0x00C4,
        CraFlag.COMMAND,
        {"Components": [DEBT_LOG]},
        bytes.fromhex("0109 01 11 0705 000D 259E9D80 01 00 0A FFFFFFFF 0A 02"),
        id="from date time",
    ),
    pytest.param(0x0074, CraFlag.RESPONSE, {"Components": [REGISTER]}, REGISTER_OCTETS, id="encrypted"),
    pytest.param(
        0x00CD,
        CraFlag.ALERT,
        FUTURE,
        bytes.fromhex("0109 01 8F66 259E9D80 0E 006B 0000000000000009 0707 09 00"),
        id="future dated alert",
    ),
    pytest.param(
        0x00CF,
        CraFlag.ALERT,
        {"Alert Code": 0x8F72, "Time": "2020-01-01T00:00:00Z", "Firmware Hash": "AB" * 32},
        bytes.fromhex("0109 01 8F72 259E9D80 0920") + b"\xab" * 32,
        id="firmware receipt",
    ),
    pytest.param(
        0x00F2,
        CraFlag.ALERT,
        {"Alert Code": 0x81A0, "Time": "now", "Other Information": 5},
        bytes.fromhex("0109 01 81A0 00000000 0005"),
        id="integrity warning",
    ),
    pytest.param(
        0x1000,
        CraFlag.ALERT,
        {"Alert Code": 0x8F30, "Time": "now"},
        bytes.fromhex("0109 00 8F30 00000000"),
        id="generic alert",
    ),
]


@pytest.mark.parametrize(("code", "flag", "values", "octets"), VECTORS)
def test_values_and_octets(code, flag, values, octets):
    assert build(values, code, flag) == octets
    assert decode(octets, code, flag) == values
    assert json.loads(json.dumps(values)) == values


@pytest.mark.parametrize(("code", "flag", "values", "octets"), VECTORS)
def test_every_truncation_is_refused_or_another_message(code, flag, values, octets):
    for cut in range(len(octets)):
        with pytest.raises(DecodeError) as caught:
            decode(octets[:cut], code, flag)
        assert 0 <= caught.value.offset <= cut
    with pytest.raises(DecodeError):
        decode(octets + b"\x00", code, flag)


@settings(deadline=None, max_examples=300)
@given(
    vector=st.sampled_from(VECTORS),
    flips=st.lists(st.tuples(st.integers(0, 99), st.integers(0, 255)), min_size=1),
)
def test_changed_octets_are_refused_or_come_back(vector, flips):
    code, flag, _, octets = vector.values
    changed_octets = bytearray(octets)
    for place, value in flips:
        changed_octets[place % len(octets)] = value
    try:
        values = json.loads(json.dumps(decode(bytes(changed_octets), code, flag, None)))
    except DecodeError as error:
        assert 0 <= error.offset <= len(octets)
    else:
        assert build(values, code, flag, strict=False) == changed_octets


@pytest.mark.parametrize(("code", "flag", "values", "octets"), VECTORS)
def test_every_value_is_needed_and_none_may_be_added(code, flag, values, octets):
    """But for entries of lists that nothing counts; there are none in these messages."""
    for path in list(paths(values)):
        changed = copy.deepcopy(values)
        holder = at(changed, path[:-1])
        del holder[path[-1]]
        assert refused(changed, code, flag)
        if isinstance(at(values, path), dict):
            changed = copy.deepcopy(values)
            at(changed, path)["Other"] = 1
            assert refused(changed, code, flag).endswith("Other") or "Status" in at(values, path)


@pytest.mark.parametrize(("code", "flag", "values", "octets"), VECTORS)
def test_values_of_other_kinds_are_refused_as_encode_errors(code, flag, values, octets):
    for path in list(paths(values)):
        for junk in (None, True, -1, 1 << 70, 1.5, "zz", "\ud800", [], {}, [1], {"a": 1}):
            for strict in (True, False):
                changed = copy.deepcopy(values)
                at(changed, path[:-1])[path[-1]] = junk
                try:
                    build(changed, code, flag, strict=strict)
                except EncodeError as error:
                    assert error.element
                    assert error.clause


@pytest.mark.parametrize(("code", "flag", "values", "octets"), VECTORS)
def test_description_tells_place_unit_and_text(code, flag, values, octets):
    message = replace(Message(header(code, flag), octets), payload_offset=100)
    use_case = load_catalogue().by_message_code(code, flag)
    elements = gbz.describe(message, use_case, decrypt)
    assert elements[0]["offset"] in {103, 104}
    for one, other in itertools.pairwise(elements):
        assert one["offset"] + one["octets"] <= other["offset"]
    assert all("GBCS " in element["clause"] for element in elements)
    texts = {element["name"].rsplit(".", 1)[-1]: element["text"] for element in elements}
    objects = {element["name"].rsplit(".", 1)[-1]: element["object"] for element in elements}
    if code == 0x00A3:
        assert (objects["Standing Charge"], objects["Currency"]) == ("StandingCharge", "CurrencyUnit")
        assert (texts["Standing Charge"], objects["Frame Control"]) == ("0.00258 currency unit per day", None)
    if code == 0x0074:
        assert texts["Current Summation Delivered"] == "0.005 m3"
        assert texts["Unit of Measure"] == "unsupported attribute"
        closed = gbz.describe(message, use_case, None)
        assert closed[-1]["name"] == "Components[0].Ciphered Information"
        assert closed[-1]["offset"] + closed[-1]["octets"] == 100 + len(octets)


def test_an_encrypted_component_without_key_stays_closed():
    values = decode(REGISTER_OCTETS, 0x0074, CraFlag.RESPONSE, None)
    (component,) = values["Components"]
    assert component["Ciphered Information"] == REGISTER_OCTETS[20:].hex().upper()
    assert build(values, 0x0074, CraFlag.RESPONSE, cipher=None) == REGISTER_OCTETS
    with pytest.raises(EncodeError, match="no key"):
        build({"Components": [REGISTER]}, 0x0074, CraFlag.RESPONSE, cipher=None)
    with pytest.raises(DecodeError, match="bad tag"):
        decode(REGISTER_OCTETS[:-1] + b"\xff", 0x0074, CraFlag.RESPONSE)


def test_what_has_no_name_comes_back_and_is_refused_when_strict():
    octets = bytes.fromhex("0109 02 00 1234 0004 01 00 55 AA 01 0702 0009 08 01 01 3412 00 21 0100")
    values = decode(octets, 0x0074, CraFlag.RESPONSE)
    unknown, attribute = values["Components"]
    assert unknown == head(0x1234, 0x55, 1) | {"unnamed octets": "AA"}
    assert attribute["Attributes"] == {"unnamed attribute 1234": {"Data Type": 0x21, "Value": 1}}
    assert build(values, 0x0074, CraFlag.RESPONSE, strict=False) == octets
    assert refused(values, 0x0074, CraFlag.RESPONSE) == "Components[0].Command"
    other_type = bytes.fromhex("0109 01 01 0702 0009 18 00 01 0103 00 21 0100")
    values = decode(other_type, 0x0074, CraFlag.RESPONSE)
    assert values["Components"][0]["Attributes"] == {"Multiplier": {"Data Type": 0x21, "Value": 1}}
    assert build(values, 0x0074, CraFlag.RESPONSE, strict=False) == other_type


def changed(component, **more):
    return component | {name.replace("_", " "): value for name, value in more.items()}


@pytest.mark.parametrize(
    ("components", "element"),
    [
        ([], "Components[0]"),
        ([TARIFF], "Components[1]"),
        ([PRICES, TARIFF], "Components[0].Command"),
        ([TARIFF, PRICES, PRICES], "Components[2].Command"),
        ([TARIFF, changed(PRICES, Frame_Control=25)], "Components[1].Frame Control"),
        ([TARIFF, changed(PRICES, Frame_Control=1)], "Components[1].Command"),
        ([TARIFF, changed(PRICES, Provider_ID=1)], "Components[1].Provider ID"),
        ([changed(TARIFF, Currency=840), PRICES], "Components[0].Currency"),
        ([changed(TARIFF, Tariff_Label="41"), PRICES], "Components[0].Tariff Label"),
        ([changed(TARIFF, Number_of_Price_Tiers_in_Use=3), PRICES], "Components[0].Number of Price Tiers in Use"),
        ([TARIFF, changed(PRICES, From_Date_Time="now")], "Components[1].From Date Time"),
        ([TARIFF, changed(PRICES, Cluster="Nowhere")], "Components[1].Cluster"),
        ([TARIFF, 5], "Components[1]"),
    ],
)  # fmt: skip
def test_a_command_has_the_components_of_its_use_case(components, element):
    assert refused({"Components": components}, 0x00A3) == element


def default(command, status, sequence=0, cluster="Price", frame_control=0):
    answer = head(cluster, "Default Response", frame_control, sequence)
    return answer | {"Command Identifier": command, "Status": status}


def test_answers_may_be_default_responses():
    flag = CraFlag.RESPONSE
    for answers in ([default(4, 0), default(5, 0, 1)], [default(4, 0xC0), default(0xFF, 1, 1)]):
        octets = build({"Components": answers}, 0x00A3, flag)
        assert decode(octets, 0x00A3, flag) == {"Components": answers}
    assert refused({"Components": [default(5, 0), default(4, 0)]}, 0x00A3, flag) == "Components[0].Command"
    assert refused({"Components": [default(4, 0)]}, 0x00A3, flag) == "Components[1]"
    answers = [default(4, 0x42), default(5, 0)]
    assert refused({"Components": answers}, 0x00A3, flag) == "Components[0].Status"
    assert refused({"Components": [default(0xFF, 0), default(5, 0)]}, 0x00A3, flag) == "Components[0].Command"
    register = default(0, 0x81, cluster="Metering", frame_control=8)
    assert build({"Components": [register]}, 0x0074, flag)


def test_as_many_instances_as_the_use_case_says():
    flag, absent = CraFlag.RESPONSE, [default(7, 0x8B, i, "Prepayment", 8) for i in range(31)]
    code = load_catalogue()["GCS16b"].message_codes[0]
    assert build({"Components": absent}, code, flag)
    assert refused({"Components": absent[:30]}, code, flag) == "Components[30]"
    assert refused({"Components": [*absent, absent[0]]}, code, flag) == "Components[31].Command"
    commands = template(load_catalogue()["GCS16b"], CraFlag.COMMAND)["Components"]
    assert [component["Snapshot Offset"] for component in commands] == list(range(31))


def test_a_top_up_needs_a_utrn():
    code = load_catalogue()["CS01b"].message_codes[0]
    # The worked example of a UTRN in protocols/gbcs/prepayment's tests.
    digits = "73943333457189043313"
    top_up = head("Prepayment", "Consumer Top Up", 1) | {"Originating Device": 0}
    assert build({"Components": [top_up | {"Top Up Code": digits.encode().hex().upper()}]}, code)
    wrong = top_up | {"Top Up Code": (digits[:-1] + "4").encode().hex().upper()}
    assert refused({"Components": [wrong]}, code) == "Components[0].Top Up Code"
    assert build({"Components": [wrong]}, code, strict=False)


def test_attributes_are_those_of_the_use_case_in_its_order():
    read = template(load_catalogue()["GCS13a"], CraFlag.COMMAND)
    assert build(read, 0x0074) == bytes.fromhex("0109 01 01 0702 000B 00 00 00 0203 0103 0003 0000")
    names = read["Components"][0]["Attributes"]
    for other in (names[1:], [*names, "Site ID"], names[::-1], ["Nothing", *names[1:]], [5, *names[1:]]):
        read["Components"][0]["Attributes"] = other
        assert refused(read, 0x0074).startswith("Components[0].Attributes")
    values = copy.deepcopy({"Components": [REGISTER]})
    for value in (
        {"Status": 0},
        {"Status": 0x42},
        {"Status": 1, "Value": 2},
        {"Data Type": 0x22, "Value": 1},
        "1",
        1 << 24,
    ):
        values["Components"][0]["Attributes"]["Divisor"] = value
        assert refused(values, 0x0074, CraFlag.RESPONSE).startswith("Components[0].Attributes.Divisor")


def test_alerts_have_their_own_codes_and_contents():
    flag = CraFlag.ALERT
    assert refused(FUTURE | {"Alert Code": 0x8F72}, 0x00CD, flag) == "Alert Code"
    assert refused({"Alert Code": 0x0001, "Time": "now"}, 0x1000, flag) == "Alert Code"
    assert refused(FUTURE | {"Components": [default(0, 0)]}, 0x00CD, flag) == "Components[0]"
    short = {"Alert Code": 0x8F72, "Time": "now", "Firmware Hash": "AB"}
    assert refused(short, 0x00CF, flag) == "Firmware Hash"
    with pytest.raises(DecodeError, match="not those of this alert"):
        decode(bytes.fromhex("0109 01 8F72 00000000 0905 0102030405"), 0x00CF, flag)
    octets = bytes.fromhex("0109 01 8F30 00000000 1234")
    values = decode(octets, 0x1000, flag)
    assert values["unnamed content"] == "1234"
    assert build(values, 0x1000, flag, strict=False) == octets
    assert refused(values, 0x1000, flag) == "payload.unnamed content"


def paths(value, path=()):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from paths(inner, (*path, key))


def at(value, path):
    for key in path:
        value = value[key]
    return value
