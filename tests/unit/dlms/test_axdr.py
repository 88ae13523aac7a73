"""A-XDR data, access-request and -response, data-notification: layouts by hand, and whatever Hypothesis finds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.dlms.access import (
    ACCESS_REQUEST,
    ACCESS_RESPONSE,
    AccessRequest,
    AccessResponse,
    AccessResult,
    AccessSpecification,
    SpecKind,
    build_access_request,
    build_access_response,
    parse_access_request,
    parse_access_response,
    result_name,
)
from protocols.dlms.axdr import (
    DATA,
    MAX_DEPTH,
    BitString,
    CompactArray,
    Data,
    Tag,
    TypeDescription,
    array,
    bit_string,
    boolean,
    double_long_unsigned,
    encode_data,
    enum,
    integer,
    long_unsigned,
    null_data,
    octet_string,
    parse_data,
    structure,
    unsigned,
)
from protocols.dlms.notification import (
    DATA_NOTIFICATION,
    DataNotification,
    build_notification,
    parse_notification,
)
from protocols.errors import DecodeError, EncodeError

FAST = settings(deadline=None, max_examples=60)
RANGES = {
    Tag.BOOLEAN: (0, 255),
    Tag.DOUBLE_LONG: (-(2**31), 2**31 - 1),
    Tag.DOUBLE_LONG_UNSIGNED: (0, 2**32 - 1),
    Tag.INTEGER: (-128, 127),
    Tag.LONG: (-(2**15), 2**15 - 1),
    Tag.UNSIGNED: (0, 255),
    Tag.LONG_UNSIGNED: (0, 65535),
    Tag.LONG64: (-(2**63), 2**63 - 1),
    Tag.LONG64_UNSIGNED: (0, 2**64 - 1),
    Tag.ENUM: (0, 255),
}
numbers = st.one_of([st.builds(Data, st.just(int(tag)), st.integers(*RANGES[tag])) for tag in RANGES])
strings = st.builds(
    Data,
    st.sampled_from([0x09, 0x0A, 0x0C]),
    st.one_of(st.binary(max_size=20), st.binary(min_size=128, max_size=300)),
)
bits = st.integers(0, 40).flatmap(
    lambda count: st.binary(min_size=(count + 7) // 8, max_size=(count + 7) // 8).map(
        lambda octets: Data(int(Tag.BIT_STRING), BitString(count, octets))
    )
)
singles = st.one_of(numbers, strings, bits)


def compact(types):
    """Compact arrays whose elements are structures of these scalar types."""
    tags = [int(tag) for tag in types]
    row = st.tuples(
        *[st.integers(*RANGES[tag]).map(lambda value, tag=tag: Data(int(tag), value)) for tag in types]
    )
    description = TypeDescription(int(Tag.STRUCTURE), [TypeDescription(tag) for tag in tags])
    rows = st.lists(row.map(lambda values: Data(int(Tag.STRUCTURE), list(values))), max_size=30)
    return rows.map(lambda items: Data(int(Tag.COMPACT_ARRAY), CompactArray(description, items)))


compacts = st.lists(st.sampled_from(sorted(RANGES)), min_size=1, max_size=4).flatmap(compact)
trees = st.recursive(
    st.one_of(st.just(null_data()), singles, compacts),
    lambda inner: st.builds(Data, st.sampled_from([1, 2]), st.lists(inner, max_size=4)),
    max_leaves=12,
)
kinds = st.sampled_from([SpecKind.GET, SpecKind.SET, SpecKind.ACTION])


@st.composite
def requests(draw):
    items = draw(st.lists(st.tuples(st.sampled_from(SpecKind), trees), max_size=4))
    specifications = []
    for kind, _ in items:
        place = (
            draw(st.integers(0, 65535)),
            draw(st.binary(min_size=6, max_size=6)),
            draw(st.integers(0, 255)),
        )
        specification = AccessSpecification(kind, *place)
        if kind == SpecKind.GET_WITH_SELECTION:
            specification.selector, specification.selection = 1, draw(trees)
        specifications.append(specification)
    return AccessRequest(draw(st.integers(0, 2**24 - 1)), specifications, [data for _, data in items])


@st.composite
def responses(draw):
    items = draw(st.lists(st.tuples(trees, kinds, st.integers(0, 255)), max_size=4))
    results = [(kind, result) for _, kind, result in items]
    return AccessResponse(draw(st.integers(0, 2**24 - 1)), [data for data, _, _ in items], results)


notifications = st.builds(DataNotification, st.integers(0, 2**24 - 1), trees)
CODECS = {
    "request": (requests(), build_access_request, parse_access_request, ACCESS_REQUEST),
    "response": (responses(), build_access_response, parse_access_response, ACCESS_RESPONSE),
    "notification": (notifications, build_notification, parse_notification, DATA_NOTIFICATION),
}


def whole(octets):
    data, end = parse_data(octets)
    if end != len(octets):
        raise DecodeError("left over", offset=end)
    return data


CODECS["data"] = (trees, encode_data, whole, DATA)
every_codec = pytest.mark.parametrize("name", CODECS)


@every_codec
@FAST
@given(st.data())
def test_values_survive(name, data):
    values, build, parse, layout = CODECS[name]
    value = data.draw(values)
    octets = build(value)
    assert parse(octets) == value
    assert build(parse(octets)) == octets
    assert layout.parse(octets) == value
    assert layout.build(value) == octets


@every_codec
@settings(deadline=None, max_examples=20)
@given(st.data())
def test_every_truncation_is_refused(name, data):
    values, build, parse, _ = CODECS[name]
    octets = build(data.draw(values))
    for length in range(len(octets)):
        with pytest.raises(DecodeError) as caught:
            parse(octets[:length])
        assert 0 <= caught.value.offset <= length
    with pytest.raises(DecodeError):
        parse(octets + b"\x00")


@every_codec
@FAST
@given(st.data())
def test_bit_flips_decode_validly_or_raise_decode_error(name, data):
    values, build, parse, _ = CODECS[name]
    octets = bytearray(build(data.draw(values)))
    for _ in range(data.draw(st.integers(1, 3))):
        octets[data.draw(st.integers(0, len(octets) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        value = parse(bytes(octets))
    except DecodeError:
        return
    assert build(value) == octets


@FAST
@given(st.binary(max_size=60))
def test_arbitrary_octets_decode_validly_or_raise_decode_error(octets):
    try:
        data, end = parse_data(octets)
    except DecodeError:
        return
    assert encode_data(data) == octets[:end]


@pytest.mark.parametrize(
    ("data", "octets"),
    [
        (null_data(), "00"),
        (boolean(True), "03FF"),
        (boolean(False), "0300"),
        (bit_string(b"\xa5"), "0408A5"),
        (Data(Tag.DOUBLE_LONG, -2), "05FFFFFFFE"),
        (double_long_unsigned(1), "0600000001"),
        (octet_string(b"\x01\x02"), "09020102"),
        (Data(Tag.VISIBLE_STRING, b"A"), "0A0141"),
        (Data(Tag.UTF8_STRING, b"{}"), "0C027B7D"),
        (integer(-1), "0FFF"),
        (Data(Tag.LONG, -1), "10FFFF"),
        (unsigned(255), "11FF"),
        (long_unsigned(0x8F66), "128F66"),
        (enum(30), "161E"),
        (structure(integer(0), enum(30)), "02020F00161E"),
        (array([]), "0100"),
    ],
)
def test_types_by_hand(data, octets):
    assert encode_data(data).hex().upper() == octets
    assert whole(bytes.fromhex(octets)) == data


def test_a_compact_array_by_hand():
    # Event log rows: time, code, other information of varying length.
    octets = bytes.fromhex("13 0203061209 10" + "00000001 8F01 01AA" + "00000002 8F02 01BB")
    data = whole(octets)
    rows = [[cell.value for cell in row.value] for row in data.value.items]
    assert rows == [[1, 0x8F01, b"\xaa"], [2, 0x8F02, b"\xbb"]]
    assert encode_data(data) == octets


def test_structures_of_numbers_in_a_compact_array_by_hand():
    # Profile rows: time, value; what does not fit the description is told as without the short cut.
    octets = bytes.fromhex("13 02020605 10" + "00000001 FFFFFFFF" + "00000002 00000007")
    data = whole(octets)
    assert [[cell.value for cell in row.value] for row in data.value.items] == [[1, -1], [2, 7]]
    assert encode_data(data) == octets
    data.value.items[1].value[1].value = "7"  # as text, which numbers are taken from elsewhere too
    assert encode_data(data) == octets
    data.value.items[1].value[1].value = 1 << 31
    with pytest.raises(EncodeError) as caught:
        encode_data(data)
    assert caught.value.element == "double-long"
    data.value.items[1].value.pop()
    with pytest.raises(EncodeError, match="1 elements, not 2"):
        encode_data(data)
    data.value.items[1] = Data(Tag.UNSIGNED, 1)
    with pytest.raises(EncodeError, match="unsigned where the description says structure"):
        encode_data(data)


def test_an_array_inside_a_compact_array_has_its_count_in_the_description():
    octets = bytes.fromhex("13 0202 12 01000211 08" + "0001 0A0B" + "0002 0C0D")
    data = whole(octets)
    assert [[cell.value for cell in row.value[1].value] for row in data.value.items] == [[10, 11], [12, 13]]
    assert encode_data(data) == octets


@pytest.mark.parametrize("description", ["00", "0200", "01000011", "13", "0201 00"])
def test_element_types_without_octets_cannot_repeat_for_ever(description):
    with pytest.raises(DecodeError):
        whole(bytes.fromhex("13" + description + "01 00"))


def test_nodes_know_where_they_stand():
    data = whole(bytes.fromhex("0202 1101 09020A0B"))
    assert [(item.offset, item.end) for item in (data, *data.value)] == [(0, 8), (2, 4), (4, 8)]


def test_a_fault_inside_is_placed_by_path_and_offset():
    with pytest.raises(DecodeError) as caught:
        whole(bytes.fromhex("0202 1101 0202 1102 8801"))
    assert (caught.value.path, caught.value.offset) == ("1.1", 8)


def test_deep_nesting_is_refused_before_the_stack_runs_out():
    with pytest.raises(DecodeError, match="nested"):
        whole(b"\x02\x01" * (MAX_DEPTH + 1) + b"\x00")
    with pytest.raises(DecodeError, match="nested"):
        whole(b"\x13" + b"\x02\x01" * (MAX_DEPTH + 1) + b"\x11\x00")


@pytest.mark.parametrize(
    "data",
    [
        unsigned(256),
        integer(-129),
        Data(Tag.BIT_STRING, BitString(9, b"x")),
        Data(0x55, 0),
        Data(Tag.COMPACT_ARRAY, CompactArray(TypeDescription(0x11), [enum(1)])),
    ],
)
def test_values_that_do_not_fit_are_refused(data):
    with pytest.raises(EncodeError):
        encode_data(data)


def test_reading_the_firmware_version_by_hand():
    request = AccessRequest(
        0x3E8, [AccessSpecification(SpecKind.GET, 1, bytes.fromhex("0000000201FF"), 2)], [null_data()]
    )
    octets = bytes.fromhex("D9 200003E8 00 01 01 0001 0000000201FF 02 01 00")
    assert build_access_request(request) == octets
    assert parse_access_request(octets) == request
    answer = bytes.fromhex("DA 200003E8 00 00 01 0904 01020304 01 01 00")
    assert parse_access_response(answer).data[0].value == bytes((1, 2, 3, 4))


@pytest.mark.parametrize(
    ("octets", "path"),
    [
        ("D8 200003E8 00 00 00", "tag"),
        ("D9 000003E8 00 00 00", "long_invoke_id"),
        ("D9 200003E8 01 00 00", "date_time"),
        ("D9 200003E8 00 00 01 00", "data.count"),
        ("D9 200003E8 00 01 05 0001 0000000201FF 02 01 00", "specifications.0.kind"),
        ("D9 200003E8 00 01 01 0001 0000000201FF 02 01 77", "data.0"),
    ],
)
def test_faulty_requests_say_where(octets, path):
    with pytest.raises(DecodeError) as caught:
        parse_access_request(bytes.fromhex(octets))
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("octets", "path"),
    [
        ("DA 200003E8 00 01 00 00", "access_request_specification"),
        ("DA 200003E8 00 00 01 00 00", "results.count"),
        ("DA 200003E8 00 00 01 00 01 0400", "results.0.kind"),
    ],
)
def test_faulty_responses_say_where(octets, path):
    with pytest.raises(DecodeError) as caught:
        parse_access_response(bytes.fromhex(octets))
    assert caught.value.path == path


def test_parts_that_do_not_fit_each_other_are_refused():
    one = AccessSpecification(SpecKind.GET, 1, bytes(6), 2)
    for request in (
        AccessRequest(0, [one], []),
        AccessRequest(2**24, [one], [null_data()]),
        AccessRequest(0, [AccessSpecification(SpecKind.GET, 1, bytes(5), 2)], [null_data()]),
        AccessRequest(0, [AccessSpecification(SpecKind.GET, 1, bytes(6), 2, 1, null_data())], [null_data()]),
        AccessRequest(0, [AccessSpecification(SpecKind.GET_WITH_SELECTION, 1, bytes(6), 2)], [null_data()]),
        AccessRequest(0, [AccessSpecification(SpecKind.GET, 70000, bytes(6), 2)], [null_data()]),
    ):
        with pytest.raises(EncodeError):
            build_access_request(request)
    for response in (
        AccessResponse(0, [null_data()], []),
        AccessResponse(0, [null_data()], [(SpecKind.GET_WITH_SELECTION, 0)]),
    ):
        with pytest.raises(EncodeError):
            build_access_response(response)


def test_results_have_their_dlms_names():
    assert result_name(AccessResult.HARDWARE_FAULT) == "hardware-fault"
    assert result_name(250) == "other-reason"
    assert result_name(99) == "unknown (99)"
