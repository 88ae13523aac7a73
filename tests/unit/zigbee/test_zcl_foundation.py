"""ZCL frames and general commands."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import DecodeError, EncodeError
from protocols.gbcs import zcl as gbz
from protocols.zigbee.zcl.clusters import load
from protocols.zigbee.zcl.foundation import (
    attribute_record,
    attribute_values,
    build_command,
    build_general,
    general_commands,
    parse_message,
    read_response,
    statuses,
)
from protocols.zigbee.zcl.frame import FrameType, ZclFrame, parse_zcl
from tests.zcl_samples import values_for

METERING = 0x0702


def test_header():
    frame = parse_zcl(bytes.fromhex("1D5F12A70B00"))
    assert frame == ZclFrame(1, 0xA7, 0x0B, b"\x00", True, True, 0x125F)
    assert frame.payload_offset == 5
    assert parse_zcl(bytes.fromhex("000700")).frame_type == FrameType.GENERAL


@pytest.mark.parametrize("octets", ["", "00", "0001", "045F12", "045F1201"])
def test_header_cut_off(octets):
    with pytest.raises(DecodeError):
        parse_zcl(bytes.fromhex(octets))


@settings(deadline=None)
@given(st.binary(min_size=5, max_size=20))
def test_any_header_is_kept(octets):
    assert parse_zcl(octets).build() == octets


@pytest.mark.parametrize("change", [{"sequence": 256}, {"command": -1}, {"frame_type": 4}, {"reserved": 1}])
def test_header_that_does_not_fit(change):
    with pytest.raises(EncodeError):
        ZclFrame(**{"frame_type": 0, "sequence": 0, "command": 0, **change}).build()


@pytest.mark.parametrize(
    ("octets", "name", "values"),
    [
        ("0001000000FEFF", "Read Attributes", {"Attributes": [0, 0xFFFE]}),
        (
            "0801010000002505000000000001008 6",
            "Read Attributes Response",
            {
                "Records": [
                    {"Attribute": 0, "Status": 0, "Data Type": 0x25, "Value": 5},
                    {"Attribute": 1, "Status": 0x86},
                ]
            },
        ),
        ("080104 00", "Write Attributes Response", {"Records": [{"Status": 0}]}),
        ("080104 880100", "Write Attributes Response", {"Records": [{"Status": 0x88, "Attribute": 1}]}),
        (
            "000106 00 0004 29 0A00 2C01 0500 01 0104 3C00",
            "Configure Reporting",
            {
                "Records": [
                    {
                        "Direction": 0,
                        "Attribute": 0x0400,
                        "Data Type": 0x29,
                        "Minimum Reporting Interval": 10,
                        "Maximum Reporting Interval": 300,
                        "Reportable Change": 5,
                    },
                    {"Direction": 1, "Attribute": 0x0401, "Timeout Period": 60},
                ]
            },
        ),
        (
            "000106 00 1400 30 0A00 2C01",
            "Configure Reporting",
            {
                "Records": [
                    {
                        "Direction": 0,
                        "Attribute": 0x0014,
                        "Data Type": 0x30,
                        "Minimum Reporting Interval": 10,
                        "Maximum Reporting Interval": 300,
                    }
                ]
            },
        ),
        ("08010B 0B81", "Default Response", {"Command": 0x0B, "Status": 0x81}),
        (
            "08010D 01 000025",
            "Discover Attributes Response",
            {"Complete": 1, "Attributes": [{"Attribute": 0, "Data Type": 0x25}]},
        ),
        (
            "00010F 3412 11 0200 20 07",
            "Write Attributes Structured",
            {
                "Records": [
                    {"Attribute": 0x1234, "Indicator": 0x11, "Indexes": [2], "Data Type": 0x20, "Value": 7}
                ]
            },
        ),
        ("080110 00", "Write Attributes Structured Response", {"Records": [{"Status": 0}]}),
        (
            "080110 86 3412 02 0100 0200",
            "Write Attributes Structured Response",
            {"Records": [{"Status": 0x86, "Attribute": 0x1234, "Indicator": 2, "Indexes": [1, 2]}]},
        ),
        ("080112 01 000102", "Discover Commands Received Response", {"Complete": 1, "Commands": [0, 1, 2]}),
        (
            "080116 00 000025 05",
            "Discover Attributes Extended Response",
            {"Complete": 0, "Attributes": [{"Attribute": 0, "Data Type": 0x25, "Access": 5}]},
        ),
    ],
)
def test_general_commands(octets, name, values):
    raw = bytes.fromhex(octets.replace(" ", ""))
    message = parse_message(METERING, raw)
    assert (message.name, message.values) == (name, values)
    assert message.build() == raw


def test_spans_count_from_the_first_octet_of_the_frame():
    message = parse_message(METERING, bytes.fromhex("08010100000025050000000000"), with_spans=True)
    assert [(span.path, span.start, span.end) for span in message.spans] == [
        ("Records[0].Attribute", 3, 5),
        ("Records[0].Status", 5, 6),
        ("Records[0].Data Type", 6, 7),
        ("Records[0].Value", 7, 13),
    ]


def test_errors_say_where():
    with pytest.raises(DecodeError) as caught:
        parse_message(METERING, bytes.fromhex("080101000000250500"))
    assert caught.value.offset == 9
    assert caught.value.path == "Read Attributes Response.Records[0].Value"


def test_manufacturer_specific_commands_are_left_alone():
    raw = bytes.fromhex("055F120106AABB")
    message = parse_message(METERING, raw)
    assert message.name == ""
    assert message.build() == raw
    general = bytes.fromhex("045F1201000000")
    assert parse_message(METERING, general).name == "Read Attributes"


def test_statuses_are_those_of_gbz():
    known = {status.value: status.name.replace("_", " ") for status in gbz.Status}
    assert {number: statuses()[number].upper() for number in known} == known


def test_attribute_reads_and_reports_by_the_table():
    record = attribute_record(METERING, 0x0000, 123)
    assert record["Data Type"] == 0x25
    octets = build_general("Report Attributes", {"Records": [record]}, sequence=1, from_server=True)
    assert attribute_values(parse_message(METERING, octets)) == {0: 123}
    flags = attribute_record(METERING, 0x0000, 0x200000, client=True)
    answer = read_response({0: (flags["Data Type"], flags["Value"]), 1: 0x86})
    octets = build_general("Read Attributes Response", answer, sequence=1)
    assert attribute_values(parse_message(METERING, octets)) == {0: 0x200000}
    with pytest.raises(EncodeError):
        attribute_record(METERING, 0x7777, 1)
    with pytest.raises(EncodeError):
        attribute_record(METERING, 0x0000, -1)


def test_names_that_do_not_exist():
    for build in (
        lambda: build_general("Read Minds", sequence=1),
        lambda: build_command(METERING, "Read Minds", sequence=1),
        lambda: build_command(METERING, "Get Snapshot", sequence=1, from_server=True),
        lambda: build_command(0x0777, "Get Snapshot", sequence=1),
        lambda: build_command(METERING, "Change Supply", {"Provider ID": 1}, sequence=1),
        lambda: build_general("Default Response", {"Command": 1, "Status": 0, "More": 1}, sequence=1),
        lambda: build_general(
            "Write Attributes Response",
            {"Records": [{"Status": 0}, {"Status": 1, "Attribute": 1}]},
            sequence=1,
        ),
    ):
        with pytest.raises(EncodeError):
            build()


@settings(deadline=None)
@given(st.sampled_from(sorted(general_commands())), st.integers(0, 2**32))
def test_round_trip_and_truncation(number, seed):
    command = general_commands()[number]
    values = values_for(command.fields, random.Random(seed))
    octets = build_general(command.name, values, sequence=9)
    message = parse_message(METERING, octets)
    assert message.values == values
    for cut in range(len(octets)):
        try:
            assert parse_message(METERING, octets[:cut]).build() == octets[:cut]
        except DecodeError as error:
            assert 0 <= error.offset <= cut


@settings(deadline=None)
@given(
    st.sampled_from([*load(), 0x0500]),
    st.binary(max_size=60),
    st.booleans(),
    st.integers(0, 0x17),
    st.booleans(),
)
def test_any_octets_decode_losslessly_or_are_refused(cluster, payload, cluster_command, command, from_server):
    octets = ZclFrame(int(cluster_command), 1, command, payload, from_server).build()
    try:
        message = parse_message(cluster, octets)
    except DecodeError as error:
        assert 0 <= error.offset <= len(octets)
    else:
        assert message.build() == octets
