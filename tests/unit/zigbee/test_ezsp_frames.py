"""EZSP frames: headers of both formats, and every command and callback of the tables there and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import DecodeError, EncodeError
from protocols.ezsp.fields import empty_values, read_fields, write_fields
from protocols.ezsp.frame import Direction, EzspHeader, build_header, parse_header, tables
from protocols.ezsp.status import EzspStatus, SlStatus, from_wire, to_wire
from tests.ezsp_values import values_of

VERSIONS = [8, 13, 14]


ALL_FIELDS = [
    (f"{version} {command.name} {'answer' if answer else 'parameters'}", fields)
    for version in VERSIONS
    for command in (*tables(version).commands.values(), *tables(version).callbacks.values())
    for answer, fields in enumerate((command.request, command.response))
    if fields
]


@given(st.data())
def test_every_layout_round_trips_and_is_told_when_cut(data):
    _, fields = data.draw(st.sampled_from(ALL_FIELDS))
    values = data.draw(values_of(fields))
    octets = write_fields(fields, values)
    assert read_fields(fields, octets) == (values, len(octets))
    if octets and not any(field.count == "" for field in fields):
        with pytest.raises(DecodeError):
            read_fields(fields, octets[: data.draw(st.integers(0, len(octets) - 1))])


@given(st.data(), st.binary(max_size=120))
def test_any_octets_are_read_or_refused(data, octets):
    _, fields = data.draw(st.sampled_from(ALL_FIELDS))
    try:
        values, end = read_fields(fields, octets)
    except DecodeError:
        return
    again, _ = read_fields(fields, write_fields(fields, values))
    assert again == values
    assert end <= len(octets)


@pytest.mark.parametrize("version", VERSIONS)
@given(st.binary(max_size=100))
def test_answers_are_read_or_refused(version, octets):
    for legacy in (True, False):
        try:
            tables(version).parse_answer(octets, legacy=legacy)
        except DecodeError:
            continue


@given(
    st.integers(0, 255),
    st.integers(0, 0xFFFF),
    st.sampled_from(Direction),
    st.booleans(),
    st.integers(0, 0xFFFF),
)
def test_headers_round_trip(sequence, number, direction, legacy, control):
    number &= 0x7F if legacy else 0xFFFF
    control &= 0x67 if legacy else 0xFC67
    header = EzspHeader(sequence, number, direction, legacy, control)
    assert parse_header(build_header(header) + b"rest", legacy=legacy) == (header, b"rest")


def test_the_version_query_is_the_first_in_the_legacy_format_then_in_the_extended():
    table = tables(13)
    assert table.build_command("version", {"desired": 4}, 0, legacy=True) == bytes.fromhex("00000004")
    assert table.build_command("version", {"desired": 13}, 1) == bytes.fromhex("01000100000D")
    answer = {"protocol": 13, "stack_type": 2, "stack_version": 0x7440}
    assert table.build_response("version", answer, 1) == bytes.fromhex("01800100000D024074")


@pytest.mark.parametrize(
    ("version", "octets"),
    [
        (8, "05000134000026 6F 0901 0407 01 01 6001 0000 00 07 0261 62"),
        (14, "05000134000026 6F 0901 0407 01 01 6001 0000 00 0700 0261 62"),
    ],
)
def test_a_unicast_is_as_the_guide_draws_it(version, octets):
    aps = {
        "profile": 0x0109,
        "cluster": 0x0704,
        "source_endpoint": 1,
        "destination_endpoint": 1,
        "options": 0x0160,
        "group": 0,
        "sequence": 0,
    }
    values = {"type": 0, "destination": 0x6F26, "aps_frame": aps, "tag": 7, "message": b"ab"}
    assert tables(version).build_command("sendUnicast", values, 5) == bytes.fromhex(octets)


def test_statuses_are_one_octet_before_version_14():
    for version, octets in ((13, "0790011900 90"), (14, "0790011900 15000000")):
        built = tables(version).build_callback(
            "stackStatusHandler", {"status": to_wire(SlStatus.NETWORK_UP, "status", version)}, 7
        )
        assert built == bytes.fromhex(octets)
    assert from_wire(0x66, "status", 13) is SlStatus.DELIVERY_FAILED
    assert from_wire(0x0C02, "status", 14) is SlStatus.DELIVERY_FAILED
    assert from_wire(0xEE, "status", 13) is from_wire(0x7777, "status", 14) is SlStatus.FAIL
    assert to_wire(SlStatus.NOT_FOUND, "ezsp", 13) == EzspStatus.INVALID_ID
    for status in SlStatus:
        assert from_wire(to_wire(status, "status", 14), "status", 14) is status


def test_what_does_not_fit_is_refused_by_name():
    table = tables(13)
    with pytest.raises(EncodeError, match="duration_s"):
        table.build_command("permitJoining", {"duration_s": 256}, 0)
    with pytest.raises(EncodeError, match="missing"):
        table.build_command("permitJoining", {}, 0)
    with pytest.raises(EncodeError, match="no such field"):
        table.build_command("nop", {"surplus": 1}, 0)
    values = empty_values(table.commands["addEndpoint"].request) | {"input_count": 1}
    with pytest.raises(EncodeError, match="input_clusters"):
        table.build_command("addEndpoint", values, 0)
    with pytest.raises(EncodeError, match="legacy"):
        table.build_command("importLinkKey", {}, 0, legacy=True)
    with pytest.raises(KeyError):
        tables(8).build_command("importLinkKey", {}, 0)
    with pytest.raises(ValueError, match="older"):
        tables(7)


def test_octets_left_over_are_told_but_to_firmware():
    table = tables(14)
    number = table.commands["importTransientKey"].number
    octets = bytes(8) + bytes(16) + b"\x00"
    with pytest.raises(DecodeError, match="left over"):
        table.parse_command(number, octets)
    assert table.parse_command(number, octets, surplus=True)[1]["key"] == bytes(16)


@pytest.mark.parametrize("version", VERSIONS)
def test_numbers_are_used_once(version):
    table = tables(version)
    assert len(table.commands) == len(table.commands_by_number) >= 115
    assert len(table.callbacks) == len(table.callbacks_by_number) == 30
    assert not table.commands_by_number.keys() & table.callbacks_by_number.keys()
