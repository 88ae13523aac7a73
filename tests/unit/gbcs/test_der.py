from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import asn1tools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import DecodeError, EncodeError
from protocols.gbcs import der
from protocols.gbcs.message import parse_message

REFERENCE = Path(__file__).parents[4] / "shared/rtds/messages.jsonl"
relaxed = settings(deadline=None)  # the machine may be busy
PRIMITIVE_TAGS = st.sampled_from([0x04, 0x0C, 0x13, 0x80, 0x81, 0x9E])
TIMES = st.datetimes(min_value=datetime(1, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=0)
)


def nodes() -> st.SearchStrategy[der.Node]:
    leaves = st.builds(der.Node, PRIMITIVE_TAGS, value=st.binary(max_size=300))
    return st.recursive(
        leaves,
        lambda inner: st.builds(
            der.Node, st.sampled_from([0x30, 0x31, 0xA0, 0xA6]), children=st.lists(inner, max_size=5)
        ),
        max_leaves=12,
    )


def decode_error(data: bytes) -> DecodeError | None:
    try:
        der.parse_der(data)
    except DecodeError as error:
        return error
    return None


def strip(node: der.Node) -> der.Node:
    for each in node.walk():
        each.header = 0
    return node


def test_shortest_lengths():
    assert der.encode(0x04, bytes(127))[:2] == bytes.fromhex("047F")
    assert der.encode(0x04, bytes(128))[:3] == bytes.fromhex("048180")
    assert der.encode(0x04, bytes(255))[:3] == bytes.fromhex("0481FF")
    assert der.encode(0x04, bytes(256))[:4] == bytes.fromhex("04820100")
    assert der.encode(0x04, bytes(70_000))[:5] == bytes.fromhex("0483011170")


@pytest.mark.parametrize(
    ("number", "octets"),
    [
        (0, "020100"),
        (127, "02017F"),
        (128, "02020080"),
        (0x8F66, "0203008F66"),
        (-1, "0201FF"),
        (-128, "020180"),
        (-129, "0202FF7F"),
        (2**63 - 1, "02087FFFFFFFFFFFFFFF"),
    ],
)
def test_integers(number, octets):
    assert der.encode_integer(number) == bytes.fromhex(octets)
    assert der.integer(der.parse_der(bytes.fromhex(octets))) == number


def test_object_identifiers_of_x690():
    # ITU-T X.690 8.19.5 encodes {2 999 3} as 06 03 88 37 03
    assert der.encode_oid("2.999.3") == bytes.fromhex("0603883703")
    for dotted in ("1.2.840.10045.4.3.2", "2.5.4.45", "0.39", "1.3.6.1.5.5.7.8.4"):
        assert der.object_identifier(der.parse_der(der.encode_oid(dotted))) == dotted
    for wrong in ("", "1", "3.1", "1.40", "1.2.-3", "a.b"):
        with pytest.raises(EncodeError):
            der.encode_oid(wrong)


def test_offsets_count_from_the_outermost_octet():
    node = der.parse_der(bytes.fromhex("300A 0201 05 3005 0403 AABBCC".replace(" ", "")))
    assert [(each.tag, each.start, each.end) for each in node.walk()] == [
        (0x30, 0, 12),
        (0x02, 2, 5),
        (0x30, 5, 12),
        (0x04, 7, 12),
    ]


def test_lengths_longer_than_needed_are_kept():
    octets = bytes.fromhex("308200050403AABBCC")
    node = der.parse_der(octets)
    assert der.build(node) == octets
    node.children[0].value = bytes(200)
    assert der.build(node)[:4] == bytes.fromhex("308200CB")
    node.children[0].value = bytes(70_000)
    assert der.build(node)[:2] == bytes.fromhex("3083")


@pytest.mark.parametrize(
    ("octets", "problem", "offset"),
    [
        ("", "tag is missing", 0),
        ("30", "length is missing", 1),
        ("3080", "indefinite", 1),
        ("3085010101010101", "beyond any message", 1),
        ("308201", "cut off", 1),
        ("3003020105FF", "1 octets after", 5),
        ("30030202", "reaches", 1),
        ("3004020305", "reaches", 1),
        ("1F8101", "high tag", 0),
        ("0200", "without octets", 2),
        ("02020001", "needless", 2),
        ("0202FF80", "needless", 2),
        ("010101", "BOOLEAN", 2),
        ("050100", "NULL", 2),
        ("0300", "BIT STRING", 2),
        ("030108", "BIT STRING", 2),
        ("03020900", "BIT STRING", 2),
    ],
)
def test_errors_say_where(octets, problem, offset):
    with pytest.raises(DecodeError, match=problem) as caught:
        der.parse_der(bytes.fromhex(octets))
    assert caught.value.offset == offset


def test_path_names_the_tags_down_to_the_trouble():
    with pytest.raises(DecodeError) as caught:
        der.parse_der(bytes.fromhex("3006A1043002 0200".replace(" ", "")))
    assert (caught.value.path, caught.value.offset) == ("30.A1.30.02", 8)


def test_without_strictness_only_the_structure_counts():
    node = der.parse_der(bytes.fromhex("300402020001FFFF"), strict=False)
    assert der.build(node) == bytes.fromhex("300402020001")


def test_nesting_is_bounded():
    deep = b""
    for _ in range(32):
        deep = der.encode(0x30, deep)
    assert decode_error(deep) is None
    with pytest.raises(DecodeError, match="nested deeper"):
        der.parse_der(der.encode(0x30, deep))


def test_unused_bits_and_certificate_times():
    assert der.encode_bit_string(b"\x80", 7) == bytes.fromhex("03020780")
    for text, year in (("491231235959Z", 2049), ("500101000000Z", 1950)):
        assert der.moment(der.Node(0x17, text.encode())).year == year
    for wrong in (b"20300115", b"20301315000000Z", b"20300115000000.5Z", b"00000101000000Z"):
        with pytest.raises(DecodeError, match="YYYYMMDDhhmmssZ"):
            der.moment(der.Node(0x18, wrong))
    with pytest.raises(EncodeError, match="time zone"):
        der.encode_generalized_time(datetime(2030, 1, 1))  # noqa: DTZ001


@relaxed
@given(TIMES)
def test_times_round_trip(moment):
    octets = der.encode_generalized_time(moment)
    assert len(octets) == 17
    assert der.moment(der.parse_der(octets)) == moment
    if 1 < moment.year < 9999:
        east = moment.astimezone(timezone(timedelta(hours=5, minutes=30)))
        assert der.encode_generalized_time(east) == octets


@relaxed
@given(nodes())
def test_trees_round_trip(node):
    octets = der.build(node)
    assert strip(der.parse_der(octets)) == node
    assert der.build(der.parse_der(octets)) == octets


@relaxed
@given(nodes(), st.integers(2, 4), st.data())
def test_any_length_form_round_trips(node, wider, data):
    for each in node.walk():
        each.header = data.draw(st.sampled_from([0, 2, 1 + wider]))
    octets = der.build(node)
    assert der.build(der.parse_der(octets)) == octets


@relaxed
@given(nodes())
def test_every_truncation_is_an_error(node):
    octets = der.build(node)
    for length in range(len(octets)):
        error = decode_error(octets[:length])
        assert error is not None
        assert error.offset <= length


@relaxed
@given(nodes(), st.data())
def test_flipped_bits_decode_or_say_where(node, data):
    octets = bytearray(der.build(node))
    position = data.draw(st.integers(0, 8 * len(octets) - 1))
    octets[position // 8] ^= 1 << position % 8
    error = decode_error(bytes(octets))
    if error is None:
        assert der.build(der.parse_der(bytes(octets))) == octets
    else:
        assert 0 <= error.offset <= len(octets)


@relaxed
@given(st.binary(max_size=200))
def test_any_octets_decode_or_say_where(octets):
    error = decode_error(octets)
    assert error is None or 0 <= error.offset <= len(octets)


@pytest.fixture(scope="module")
def judge():
    return asn1tools.compile_string(
        "M DEFINITIONS ::= BEGIN T ::= SEQUENCE { n INTEGER, o [1] IMPLICIT OCTET STRING, z NULL OPTIONAL } END",
        "der",
    )


@relaxed
@given(st.integers(-(2**70), 2**70), st.binary(max_size=40), st.booleans())
def test_asn1tools_agrees(judge, number, octets, flag):
    value = {"n": number, "o": octets} | ({"z": None} if flag else {})
    ours = der.sequence(
        der.encode_integer(number), der.encode(0x81, octets), der.encode(0x05) if flag else b""
    )
    assert ours == judge.encode("T", value)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl command on this machine")
def test_openssl_sees_the_same_tree():
    octets = der.sequence(
        der.encode_integer(300), der.encode(0x31, der.encode_oid("2.5.4.45")), der.encode(0x04, bytes(200))
    )
    done = subprocess.run(
        ["openssl", "asn1parse", "-inform", "DER"], input=octets, capture_output=True, check=True
    )
    seen = [line.split(":", 1) for line in done.stdout.decode().splitlines()]
    assert [int(offset) for offset, _ in seen] == [each.start for each in der.parse_der(octets).walk()]


@pytest.mark.skipif(not REFERENCE.exists(), reason="reference messages not at hand")
def test_reference_payloads_come_back_octet_for_octet():
    kept = longer = 0
    for line in REFERENCE.read_text().splitlines():
        payload = parse_message(bytes.fromhex(json.loads(line)["hex"])).payload
        if payload[0] in {0xD9, 0xDA, 0x0F} or payload[:2] == b"\x01\x09":
            continue
        node = der.parse_der(payload)
        assert der.build(node) == payload
        kept += 1
        longer += der.build(strip(node)) != payload
    assert kept == 143
    assert longer == 15


def test_octets_are_those_that_were_read_whatever_the_length_form():
    data = bytes.fromhex("30 0A 3081 03 020105 A0 02 0500".replace(" ", ""))
    tree = der.parse_der(data)
    assert [child.octets() for child in tree.children] == [data[2:8], data[8:]]
    tree.children[0].children.clear()
    assert tree.children[0].octets() == data[2:8]
    assert der.Node(0x30, children=[der.Node(0x05)]).octets() == b"\x30\x02\x05\x00"


def _large(*numbers: int) -> bytes:
    """A value with a large one inside that has large ones inside."""
    inner = der.sequence(*(der.encode_integer(number) for number in numbers), der.encode(0x04, bytes(300)))
    return der.sequence(der.sequence(inner, inner), der.encode_integer(numbers[0]))


def test_octets_met_before_are_opened_when_asked_for_and_are_the_same():
    data = _large(1, 200, 70_000)
    first, second = der.parse_der(data), der.parse_der(data)
    assert [node.octets() for node in first.walk()] == [node.octets() for node in second.walk()]
    assert [(node.tag, node.start, node.end, node.header) for node in first.walk()] == [
        (node.tag, node.start, node.end, node.header) for node in second.walk()
    ]
    assert first == second == der.parse_der(data)
    assert der.build(second) == data
    # Standing elsewhere they have other offsets.
    moved = der.sequence(der.encode_integer(5), data)
    third = der.parse_der(der.sequence(der.encode_integer(5), data)).children[1]
    assert [node.octets() for node in third.walk()] == [node.octets() for node in first.walk()]
    assert all(moved[node.start : node.end] == node.octets() for node in third.walk())


def test_what_is_changed_in_one_tree_stays_in_it():
    data = _large(3, 4)
    der.parse_der(data)
    changed = der.parse_der(data)
    changed.children[0].children[0].children[0].value = b"\x09"
    assert der.build(changed) != data
    assert der.build(der.parse_der(data)) == data


def test_an_error_met_before_is_met_again():
    bad = der.sequence(der.sequence(der.encode(0x01, b"\x05"), der.encode(0x04, bytes(300))))
    problems = []
    for _ in range(3):
        with pytest.raises(DecodeError) as caught:
            der.parse_der(bad)
        problems.append((caught.value.offset, caught.value.path))
    assert problems == [problems[0]] * 3
    lax = der.parse_der(bad, strict=False)
    assert der.build(lax) == bad
    with pytest.raises(DecodeError):
        der.parse_der(bad)


def test_tag_of_a_whole_value():
    assert der.tag_of(_large(1)) == der.SEQUENCE
    for data in (b"", b"\x30", _large(1)[:-1], _large(1) + b"\x00"):
        with pytest.raises(DecodeError):
            der.tag_of(data)
