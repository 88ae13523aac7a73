"""Compact arrays that are not what the catalogue says: other types inside, empty arrays, empty logs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms.axdr import CompactArray, Data, Tag, encode_data, parse_data
from protocols.errors import DecodeError, EncodeError
from protocols.gbcs.catalogue.elements import DlmsNode
from protocols.gbcs.named.dlms_nodes import build_node, decode_node
from protocols.gbcs.named.dlms_shape import description_of_text, description_text

BLOCKS = DlmsNode("blocks", "array(1..4)", of=[DlmsNode("block", "unsigned", "block", "SMETS 1")])
ENTRY = DlmsNode("entry", "structure", of=[DlmsNode("time", "utc-time", "time", "SMETS 1"), BLOCKS])
LOG = DlmsNode("log", "compact-array(0..3)", of=[ENTRY])
# Type, content length, contents: a time and blocks of one octet.
USUAL = "13 02 02 06 01 0002 11 0C 00000000 0102 0000003C 0304"
TIMES = ["2000-01-01T00:00:00Z", "2000-01-01T00:01:00Z"]


def both_ways(octets):
    data, end = parse_data(bytes.fromhex(octets))
    assert end == len(bytes.fromhex(octets))
    value = decode_node(LOG, data, "log")
    assert encode_data(build_node(LOG, value, "log", strict=False)) == bytes.fromhex(octets)
    return value


def test_the_type_follows_from_the_values():
    expected = [{"time": TIMES[0], "blocks": [1, 2]}, {"time": TIMES[1], "blocks": [3, 4]}]
    assert both_ways(USUAL) == expected
    assert encode_data(build_node(LOG, expected, "log", strict=True)) == bytes.fromhex(USUAL)


def test_other_types_inside_say_what_they_are():
    value = both_ways("13 02 02 10 01 0001 09 07 FFFE 02 AABB 0005 00".replace("07", "08"))
    assert value == [
        {"time": {"long": -2}, "blocks": [{"octet-string": "AABB"}]},
        {"time": {"long": 5}, "blocks": [{"octet-string": ""}]},
    ]
    with pytest.raises(EncodeError):
        build_node(LOG, value, "log", strict=True)


def test_arrays_inside_may_be_empty():
    assert both_ways("13 02 02 06 01 0000 11 04 00000000") == [{"time": TIMES[0], "blocks": []}]


def test_an_empty_log_of_another_type_says_which():
    assert both_ways("13 02 02 06 01 0004 11 00") == []
    assert both_ways("13 02 02 06 01 0002 11 00") == {
        "empty": "structure(double-long-unsigned,array[2](unsigned))"
    }
    assert both_ways("13 06 00") == {"empty": "double-long-unsigned"}
    with pytest.raises(EncodeError):
        build_node(LOG, {"empty": "unsigned"}, "log", strict=True)


@pytest.mark.parametrize(
    "octets",
    [
        "13 01 0000 11 00",  # elements of no octets
        "13 02 01 01 0000 11 00",
        "13 01 FFFF 01 0000 11 00",  # very many of them for each octet
        "13 02 03 11 01 0000 11 01 0000 11 01 05",
        "13 02 00 00",
    ],
)
def test_elements_without_octets_cannot_be_told_apart(octets):
    with pytest.raises(DecodeError):
        parse_data(bytes.fromhex(octets))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "structure",
            "structure()",
            "array(unsigned)",
            "array[1]",
            "array[1](unsigned,enum)",
            "enum[1]",
        ),
        *("enum,", "unsigned)", "structure(unsigned", "float", "structure(" * 40),
    ],
)
def test_only_type_descriptions_are_read(text):
    with pytest.raises(EncodeError) as caught:
        build_node(LOG, {"empty": text}, "log", strict=False)
    assert caught.value.element == "log.empty"


SINGLE = st.sampled_from(["unsigned", "long64", "bit-string", "octet-string"])
TEXTS = st.recursive(
    SINGLE,
    lambda inside: st.one_of(
        st.lists(inside, min_size=1, max_size=3).map(lambda parts: f"structure({','.join(parts)})"),
        st.tuples(st.integers(1, 65535), inside).map(lambda both: f"array[{both[0]}]({both[1]})"),
    ),
    max_leaves=4,
)


@given(TEXTS)
def test_type_descriptions_come_back_from_text_and_octets(text):
    description = description_of_text(text)
    assert description_text(description) == text
    empty = Data(Tag.COMPACT_ARRAY, CompactArray(description, []))
    assert parse_data(encode_data(empty))[0] == empty
