"""Values whose type is not the catalogue's, or is none that a source tells: named, with the type beside them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms.axdr import encode_data, parse_data
from protocols.errors import DecodeError, EncodeError
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.catalogue.elements import DlmsNode
from protocols.gbcs.header import CraFlag
from protocols.gbcs.message import Message
from protocols.gbcs.named import dlms
from protocols.gbcs.named.dlms_leaves import TYPES
from protocols.gbcs.named.dlms_nodes import build_node, decode_node
from tests.named_dlms import build, decode, header

VERSION = "FirmwareVersion: value"
HEAD = "0F200003E800 02{:02X} 12 8F28 090C 07EA0B16FF0C000000800000 "
OPEN_ALERTS = {0x0112: "AssessmentOutcome", 0x0115: "EntityIdentifier"}


def alert(octets, code):
    return dlms.decode(Message(header(flag=CraFlag.ALERT, code=code), octets), None)


def build_alert(values, code, *, strict=True):
    return dlms.build(values, header(flag=CraFlag.ALERT, code=code), None, strict=strict)


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        ("12 0102", {"long-unsigned": 258}),
        ("0F FE", {"integer": -2}),
        ("15 FFFFFFFFFFFFFFFF", {"long64-unsigned": 2**64 - 1}),
        ("14 FFFFFFFFFFFFFFFF", {"long64": -1}),
        ("03 FF", {"boolean": True}),
        ("03 07", {"boolean": 7}),
        ("16 02", {"enum": 2}),
        ("04 03 A0", {"bits": "101"}),
        ("0A 03 41E942", {"visible-string": "A\u00e9B"}),
        ("0C 03 41C3A9", {"utf8-string": "A\u00e9"}),
    ],
)
def test_a_value_of_another_type_says_its_type(octets, value):
    # The catalogue has four octets there.
    payload = bytes.fromhex(f"DA200003E8000001 {octets} 01 0100")
    values = decode("ECS52", payload, CraFlag.RESPONSE)
    assert values["elements"] == {VERSION: value}
    assert build("ECS52", values, CraFlag.RESPONSE, strict=False) == payload
    with pytest.raises(EncodeError) as caught:
        build("ECS52", values, CraFlag.RESPONSE)
    assert caught.value.element == VERSION
    assert caught.value.clause == "SMETS 5.7.5.17 / 9.6.3.3; CHTS 4.6.3.4"


@pytest.mark.parametrize("octets", ["0201 1101", "0101 1101", "0C 01 FF", "13 11 02 0102"])
def test_what_is_no_single_value_has_no_name(octets):
    payload = bytes.fromhex(f"DA200003E8000001 {octets} 01 0100")
    values = decode("ECS52", payload, CraFlag.RESPONSE)
    assert values["elements"] == {VERSION: {"unnamed": octets.replace(" ", "")}}
    assert build("ECS52", values, CraFlag.RESPONSE, strict=False) == payload
    with pytest.raises(EncodeError, match="no such type"):
        build("ECS52", values, CraFlag.RESPONSE)


def test_a_single_value_in_place_of_a_structure_says_its_type():
    # ECS70 answers with the clock's time; a structure would be ECS24's scaler and unit.
    node = DlmsNode("pair", "structure", of=[DlmsNode("unsigned", "enum", "unsigned", "SMETS 1")])
    data, _ = parse_data(bytes.fromhex("0F05"))
    assert decode_node(node, data, "pair") == {"integer": 5}
    assert build_node(node, {"integer": 5}, "pair", strict=False) == data
    # A member's own name comes first.
    data, _ = parse_data(bytes.fromhex("0201 1605"))
    assert decode_node(node, data, "pair") == {"unsigned": 5}
    assert build_node(node, {"unsigned": 5}, "pair", strict=False) == data


def test_a_date_that_is_none_is_octets():
    node = DlmsNode("when", "date", "when", "SMETS 1")
    data, _ = parse_data(bytes.fromhex("0905 07EA0D01FF"))
    assert decode_node(node, data, "when") == {"octet-string": "07EA0D01FF"}
    assert build_node(node, {"octet-string": "07EA0D01FF"}, "when", strict=False) == data


@pytest.mark.parametrize(("code", "name"), OPEN_ALERTS.items())
@pytest.mark.parametrize(
    ("octets", "value"),
    [
        ("0908 0011223344556677", {"octet-string": "0011223344556677"}),
        ("11 01", {"unsigned": 1}),
        ("00", None),
        (
            "0202 0408 A5 0101 16 03",
            {"structure": [{"bits": "10100101"}, {"array": [{"enum": 3}]}]},
        ),
    ],
)
def test_alerts_with_a_value_of_any_type(code, name, octets, value):
    payload = bytes.fromhex(HEAD.format(3) + octets)
    values = json.loads(json.dumps(alert(payload, code)))
    assert values["elements"][name] == value
    assert build_alert(values, code) == payload


@pytest.mark.parametrize("value", [5, "00", [1], {}, {"octets": "00"}, {"structure": 1}, {"unsigned": 256}])
def test_a_value_of_any_type_needs_its_type(value):
    elements = {"AlertCode": 0x8F28, "Timestamp": "2026-11-22T12:00:00Z", "AssessmentOutcome": value}
    with pytest.raises(EncodeError) as caught:
        build_alert({"elements": elements}, 0x0112)
    assert caught.value.element.startswith("AssessmentOutcome")
    assert caught.value.clause == "GBCS 16.2"


def test_octets_with_fields_inside_are_octets_where_the_fields_do_not_fit():
    payload = bytes.fromhex(HEAD.format(3) + "0904 00112233")
    values = alert(payload, 0x00D5)
    assert values["elements"]["UndeliveredMessage"] == {"octet-string": "00112233"}
    assert build_alert(values, 0x00D5, strict=False) == payload
    with pytest.raises(EncodeError) as caught:
        build_alert(values, 0x00D5)
    assert caught.value.element == "UndeliveredMessage.octet-string"


def test_alerts_with_more_elements_or_fewer():
    more = bytes.fromhex(HEAD.format(4) + "0908 0011223344556677 11 05")
    values = alert(more, 0x0110)
    assert values["elements"]["EntityIdentifier"] == "0011223344556677"
    assert values["elements"]["OtherInformation[1]"] == {"unsigned": 5}
    assert build_alert(values, 0x0110, strict=False) == more
    with pytest.raises(EncodeError, match="no such element") as caught:
        build_alert(values, 0x0110)
    assert caught.value.element == "OtherInformation[1]"
    fewer = bytes.fromhex(HEAD.format(2))
    values = alert(fewer, 0x0110)
    assert list(values["elements"]) == ["AlertCode", "Timestamp"]
    assert build_alert(values, 0x0110, strict=False) == fewer
    with pytest.raises(EncodeError, match="missing"):
        build_alert(values, 0x0110)


@given(st.binary(max_size=40), st.sampled_from(sorted(TYPES)))
def test_any_data_in_any_place_comes_back(octets, kind):
    """Whatever type the catalogue has, and whatever type comes."""
    node = DlmsNode("value", kind, "value", "SMETS 1")
    try:
        data, end = parse_data(octets)
    except DecodeError:
        return
    for each in (node, DlmsNode("value", "any", "value", "SMETS 1")):
        value = json.loads(json.dumps(decode_node(each, data, "value")))
        assert encode_data(build_node(each, value, "value", strict=False)) == octets[:end]


def test_the_catalogue_leaves_few_types_open():
    catalogue = load_catalogue()
    found = {
        code: node.key
        for code in (int(each, 16) for each in catalogue._dlms_alerts)
        for node in catalogue.dlms_alert(code) or ()
        if node.type == "any"
    }
    assert found == OPEN_ALERTS
