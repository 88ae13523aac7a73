"""A walk agrees with what parses and names payloads elsewhere: on spans, on rows, and on what it refuses."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.dlms.access import AccessResponse, SpecKind, build_access_response
from protocols.dlms.axdr import Data
from protocols.dlms.description import MAX_DEPTH
from protocols.errors import DecodeError
from protocols.gbcs.blocks import ciphered_blocks
from protocols.gbcs.catalogue.elements import DlmsNode
from protocols.gbcs.gbz import Component, GbzPayload, build_gbz
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.message import Message, parse_message
from protocols.gbcs.named import describe
from protocols.gbcs.payload import AsnPayload, parse_payload, payload_kind
from protocols.gbcs.walk import UNNAMED, walk_payload
from tests.material import ESME, SUPPLIER, our_messages

REFERENCE = Path(__file__).parents[4] / "shared/rtds/messages.jsonl"
OURS = [parse_message(octets) for octets in our_messages()]


def reference():
    if not REFERENCE.exists():
        pytest.skip(f"no reference messages in {REFERENCE}")
    for line in REFERENCE.read_text().splitlines():
        row = json.loads(line)
        yield row["name"], parse_message(bytes.fromhex(row["hex"]))


def message(code, flag, payload):
    return Message(GroupingHeader(flag, 7, SUPPLIER.eui64, ESME.eui64, code), payload)


def problem(function, each):
    """What is wrong with a message, or None."""
    try:
        function(each)
    except DecodeError as error:
        return error.offset, error.path, error.problem
    return None


def data_offsets(data):
    """Where the values of a tree start; what is in a compact array has no octet of its own that opens it."""
    inside = data.value if isinstance(data.value, list) else []
    return [data.offset, *(offset for each in inside for offset in data_offsets(each))]


def tree_offsets(payload):
    """Where everything that the ordinary parser tells apart starts."""
    if isinstance(payload, AsnPayload):
        return [node.start for node in payload.node.walk()]
    if isinstance(payload, GbzPayload):
        return [part.offset for part in payload.components]
    items = payload.data if hasattr(payload, "data") else [payload.body]
    return [offset for each in items for offset in data_offsets(each)]


def check_agrees(each):
    """Takes what the parser takes, refuses the rest with its errors, and leaves no octet without a span."""
    wrong = problem(parse_payload, each)
    assert problem(walk_payload, each) == wrong
    if wrong is None:
        walked = walk_payload(each)
        edges = [*walked.starts, len(each.payload)]
        assert edges[0] == 0
        assert all(start < end for start, end in pairwise(edges))
        assert len(walked.rows) == len(walked.starts) == len(walked)
        assert set(tree_offsets(parse_payload(each))) <= set(walked.starts)
        assert walked.ciphered() == [block.octets for block in ciphered_blocks(each)]


def test_the_reference_messages_have_a_row_for_every_octet():
    for name, each in reference():
        check_agrees(each)
        walked = walk_payload(each)
        assert not [row for row in walked.rows if row.name.startswith("unnamed")], name
        assert b"".join(walked.parts()) == each.payload
        assert all(row.name for row in walked.rows), name


def test_the_rows_are_those_that_name_the_values():
    """`describe` finds names by decoding; wherever it places one, the walk has bound the same."""
    for name, each in reference():
        spans = {span.start: span for span in walk_payload(each)}
        for described in describe(each):
            span = spans.get(described["offset"] - each.payload_offset)
            if described["name"].endswith(".ciphered") and payload_kind(each) == "dlms":
                continue  # its offset is that of the block, within its span
            assert span is not None, (name, described)
            last = described["name"].rstrip(".").rsplit(".", 1)[-1].split("[")[0]
            names = {described.get("title"), last, described["value"] if last == "Attributes" else None}
            assert span.row.name.removesuffix(" result") in names, (name, described, span)
            is_certificate = payload_kind(each) == "asn1" and "ertific" in described["name"]
            if "access" not in described and not is_certificate:  # these have spans inside
                assert span.end - span.start == described["octets"], (name, described, span)


@pytest.mark.parametrize("each", OURS, ids=lambda each: f"{each.header.message_code:04X}")
def test_every_truncation_is_refused_as_the_parser_does(each):
    for end in range(len(each.payload)):
        check_agrees(Message(each.header, each.payload[:end], payload_offset=40))
    check_agrees(each)


@settings(max_examples=400)
@given(
    which=st.sampled_from(OURS),
    changes=st.lists(st.tuples(st.integers(0, 10**6), st.binary(max_size=3)), min_size=1, max_size=4),
)
def test_changed_octets_are_read_as_the_parser_does(which, changes):
    octets = bytearray(which.payload)
    for at, new in changes:
        place = at % (len(octets) + 1)
        octets[place : place + 1] = new
    check_agrees(Message(which.header, bytes(octets)))


def test_a_span_is_found_by_its_number():
    walked = walk_payload(OURS[3])  # ECS39a: an MPAN is set
    assert list(walked) == [walked[number] for number in range(len(walked))]
    assert walked[-1].end == len(OURS[3].payload)
    assert walked[-1].row.source.__class__ is DlmsNode


def test_a_payload_of_an_unknown_kind_has_spans_without_rows():
    each = message(0xFFFE, CraFlag.COMMAND, bytes.fromhex("3007020101300205 00"))
    assert set(walk_payload(each).rows) == {UNNAMED}
    check_agrees(each)


def test_zcl_content_that_is_cut_off_is_bound_as_far_as_it_goes():
    """The wrapping is whole, so the payload parses; of the ZCL command only the first field is there."""
    each = message(0x0064, CraFlag.COMMAND, build_gbz(GbzPayload([Component(0x0700, 0x00, b"\x01", 0x01)])))
    check_agrees(each)
    unknown = message(0x0064, CraFlag.COMMAND, build_gbz(GbzPayload([Component(0x0999, 0x77, b"abc", 0x01)])))
    assert walk_payload(unknown).rows[-1] is UNNAMED
    check_agrees(unknown)


def test_nesting_and_compact_arrays_end_where_the_parser_ends_them():
    head = bytes.fromhex("0F2000000100")
    for depth in (MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1, 10_000):
        check_agrees(message(0x1000, CraFlag.ALERT, head + b"\x02\x01" * depth + b"\x00"))
    # 65535 arrays of 65535 numbers in an array of nothing must not be made to find that they are not there.
    huge = b"\x01\xff\xff" * 8 + b"\x11"
    check_agrees(message(0x1000, CraFlag.ALERT, head + b"\x13" + huge + b"\x01\x00"))
    check_agrees(message(0x1000, CraFlag.ALERT, head + b"\x13" + b"\x02\x02\x11\x09" + b"\x05\x01\x02ab\x07"))


def test_a_number_where_a_party_belongs_makes_no_octets():
    """A hostile answer's recipient is a number of many gigabytes' worth: no block, and no memory."""
    options = [Data(9, b"\x04" + bytes(8)), Data(9, bytes(8)), Data(6, 0xFFFF_FFFF), Data(9, b"")]
    inner = Data(2, [Data(0x16, 2), Data(2, [*options, Data(2, [])])])
    answer = Data(2, [Data(1, [inner]), Data(9, bytes.fromhex("3100000000") + bytes(20))])
    payload = build_access_response(AccessResponse(1, [answer], [(SpecKind.ACTION, 0)]))
    each = message(0x0027, CraFlag.RESPONSE, payload)
    assert ciphered_blocks(each) == []
    check_agrees(each)
