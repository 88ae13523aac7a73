from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import DecodeError, EncodeError
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.catalogue.zcl import Field, Switch, zcl_tables
from protocols.gbcs.zcl import DataType
from protocols.gbcs.zcl_fields import Rules, read_fields, write_fields
from protocols.gbcs.zcl_values import SIZES, read_value, time_number, time_text, write_value

relaxed = settings(deadline=None, max_examples=40)
KINDS = [*SIZES, "octets", "chars"]


def single_values(kind: str) -> st.SearchStrategy:
    if kind == "octets":
        return st.none() | st.binary(max_size=20).map(lambda octets: octets.hex().upper())
    if kind == "chars":
        return st.none() | st.text(st.characters(codec="utf-8"), max_size=20)
    octets = st.binary(min_size=SIZES[kind], max_size=SIZES[kind])
    return octets.map(lambda raw: read_value(kind, raw, 0, "")[0])


@st.composite
def members(draw, fields):
    values = {}
    optional = draw(st.integers(0, len(fields)))
    for index, member in enumerate(fields):
        if isinstance(member, Switch):
            case = draw(st.sampled_from(sorted(member.cases)))
            values[member.name] = case
            values |= draw(members(member.cases[case]))
        elif member.optional and index >= optional:
            break
        elif member.entries is None:
            values[member.name] = draw(single_values(member.type))
        else:
            values[member.name] = draw(st.lists(entries(member), max_size=4))
            if member.count and not member.rest:
                values[member.count] = len(values[member.name])
    return values


def entries(member: Field) -> st.SearchStrategy:
    first = member.entries[0]
    return members(member.entries) if first.name else single_values(first.type)


def commands() -> list:
    tables = zcl_tables()
    return [
        pytest.param(tables.command(int(key[:4], 16), int(key[5:], 16), from_server=key[4] == "<"), id=key)
        for key in tables.keys()  # noqa: SIM118  # no mapping
    ]


@pytest.mark.parametrize("command", commands())
@relaxed
@given(data=st.data())
def test_every_command_comes_back_from_its_octets(command, data):
    values = data.draw(members(command.fields))
    octets = write_fields(command.fields, values, "it", Rules())
    assert read_fields(command.fields, octets) == values
    for cut in range(len(octets)):
        try:
            shorter = read_fields(command.fields, octets[:cut])
        except DecodeError as error:
            assert 0 <= error.offset <= cut
        else:
            assert write_fields(command.fields, shorter, "it", Rules()) == octets[:cut]


@pytest.mark.parametrize(
    ("kind", "value", "octets"),
    [
        ("u24", 0x123456, "563412"),
        ("u48", 1_000_000, "40420F000000"),
        ("i32", -1, "FFFFFFFF"),
        ("b16", 0x0C94, "940C"),
        ("time", "2015-01-01T00:00:00Z", "804A371C"),
        ("time", "now", "00000000"),
        ("time", "never", "FFFFFFFF"),
        ("time", "2136-02-07T06:28:14Z", "FEFFFFFF"),
        ("date", "2014-10-27/1", "720A1B01"),
        ("date", "*-12-25", "FF0C19FF"),
        ("date", "2015-*-254", "73FFFEFF"),
        ("octets", "0A0B", "020A0B"),
        ("octets", "", "00"),
        ("octets", None, "FF"),
        ("chars", "Hé", "0348C3A9"),
        ("chars", "\udcff", "01FF"),
    ],
)
def test_single_values(kind, value, octets):
    raw = bytes.fromhex(octets)
    assert write_value(kind, value, "it") == raw
    assert read_value(kind, raw, 0, "it") == (value, len(raw))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("u8", 256),
        ("u8", -1),
        ("u8", True),
        ("u8", "1"),
        ("u8", None),
        ("i32", 1 << 31),
        ("time", "2015-01-01"),
        ("time", "1999-12-31T23:59:59Z"),
        ("time", "2136-02-07T06:28:16Z"),
        ("time", 0),
        ("date", "2014-10"),
        ("date", "1899-01-01"),
        ("date", "2014-300-01"),
        ("date", 5),
        ("octets", "0"),
        ("octets", "é"),
        ("octets", "00" * 255),
        ("octets", 1),
        ("chars", 1),
        ("chars", "\ud800"),
    ],
)
def test_values_that_do_not_fit_are_refused(kind, value):
    with pytest.raises(EncodeError) as caught:
        write_value(kind, value, "it")
    assert caught.value.element == "it"


@given(st.integers(0, 0xFFFF_FFFF))
def test_times_come_back(seconds):
    assert time_number(time_text(seconds), "it") == seconds


def test_strict_writing_checks_counts_ranges_and_dates():
    day = zcl_tables().command(0x0707, 0x01, from_server=True)
    values = {
        "Provider ID": 0,
        "Issuer Event ID": 1,
        "Issuer Calendar ID": 2,
        "Day ID": 1,
        "Total Number of Schedule Entries": 1,
        "Command Index": 0,
        "Total Number of Commands": 1,
        "Calendar Type": 3,
        "Day Schedule Entries": [{"Start Time": 60, "Friendly Credit Enable": 1}],
    }
    strict = Rules(strict=True, clause="somewhere")
    octets = write_fields(day.fields, values, "it", strict)
    assert octets.hex().upper() == "00000000010000000200000001010001033C0001"
    for change, element in (
        ({"Total Number of Schedule Entries": 2}, "it.Day Schedule Entries"),
        ({"Day Schedule Entries": [{"Start Time": 1440, "Friendly Credit Enable": 1}]}, "it.Day Schedule Entries[0].Start Time"),
        ({"Day Schedule Entries": [{"Start Time": 0, "Friendly Credit Enable": 2}]}, "it.Day Schedule Entries[0].Friendly Credit Enable"),
        ({"Day Schedule Entries": [{"Start Time": 0}]}, "it.Day Schedule Entries[0].Friendly Credit Enable"),
        ({"Day Schedule Entries": [{"Start Time": 0, "Price Tier": 1}]}, "it.Day Schedule Entries[0].Friendly Credit Enable"),
        ({"Day Schedule Entries": [7]}, "it.Day Schedule Entries[0]"),
        ({"Day Schedule Entries": 7}, "it.Day Schedule Entries"),
        ({"Calendar Type": 9}, "it.Calendar Type"),
        ({"More": 9}, "it.More"),
    ):  # fmt: skip
        with pytest.raises(EncodeError) as caught:
            write_fields(day.fields, values | change, "it", strict)
        assert (caught.value.element, caught.value.clause) == (element, "somewhere")
    seasons = zcl_tables().command(0x0707, 0x03, from_server=True)
    values = {"Provider ID": 0, "Issuer Event ID": 1, "Issuer Calendar ID": 2, "Command Index": 0}
    values |= {
        "Total Number of Commands": 1,
        "Season Entries": [{"Season Start Date": "*-13-01", "Week ID Ref": 1}],
    }
    assert write_fields(seasons.fields, values, "it", Rules())
    with pytest.raises(EncodeError, match="Season Start Date"):
        write_fields(seasons.fields, values, "it", strict)


@pytest.mark.parametrize(
    ("commands", "total", "fits"), [(1, 2, True), (1, 3, False), (2, 3, True), (2, 1, False)]
)
def test_a_total_counts_the_entries_of_all_commands(commands, total, fits):
    log = zcl_tables().command(0x0709, 0x01, from_server=True)
    entry = {"Log ID": 6, "Event ID": 0x8F1C, "Event Time": "now", "Event Data": ""}
    values = {
        "Total Number of Events": total,
        "Command Index": 0,
        "Total Commands": commands,
        "Number of Events / Log Payload Control": 0,
        "Log Entries": [entry, entry],
    }
    octets = write_fields(log.fields, values, "it", Rules())
    try:
        assert write_fields(log.fields, values, "it", Rules(strict=True)) == octets
    except EncodeError as error:
        assert (error.element, fits) == ("it.Log Entries", False)
    else:
        assert fits


def test_what_no_field_holds_has_no_name():
    display = zcl_tables().command(0x0709, 0x02, from_server=True)
    values = read_fields(display.fields, bytes.fromhex("0801"))
    assert values == {"Cleared Event Logs": 8, "unnamed octets": "01"}
    assert write_fields(display.fields, values, "it", Rules()).hex() == "0801"
    with pytest.raises(EncodeError, match="unnamed octets"):
        write_fields(display.fields, values, "it", Rules(strict=True))


def test_an_optional_field_needs_those_before_it():
    price = zcl_tables().command(0x0700, 0x00, from_server=True)
    names = [member.name for member in price.fields]
    values = dict.fromkeys(names, 0) | {"Rate Label": "", "Current Time": "now", "Start Time": "now"}
    assert len(write_fields(price.fields, values, "it", Rules())) == 28 + 19
    del values["Price Ratio"]
    with pytest.raises(EncodeError, match="an element before it is missing"):
        write_fields(price.fields, values, "it", Rules())


def test_tables_agree_with_each_other():
    """Every row names a known command or known attributes, and limits only fields that the command has."""
    catalogue, tables = load_catalogue(), zcl_tables()
    for use_case in catalogue:
        for rows in catalogue.gbz_messages(use_case.code).values():
            for row in rows:
                assert row.least <= row.most
                if row.frame_control & 0x03:
                    command = tables.command(
                        row.cluster, row.command, from_server=bool(row.frame_control & 8)
                    )
                    assert command.name == row.label
                    assert set(row.details) <= {member.name for member in command.fields}
                else:
                    assert all(tables.attribute(row.cluster, int(number, 16)) for number in row.details)


def test_every_gbz_use_case_has_a_table():
    without = {
        "FDRA-ZigBee",
        "GCA-ZigBee",
        "GNCA-ZigBee",
        "MIIWA-ZigBee",
    }  # alerts with contents of their own
    catalogue = load_catalogue()
    for use_case in catalogue:
        if use_case.payload_kind == "gbz":
            assert bool(catalogue.gbz_messages(use_case.code)) != (use_case.code in without), use_case.code


def test_attribute_types_are_known():
    catalogue = load_catalogue()
    known = {int(data_type) for data_type in DataType}
    for rows in (rows for use_case in catalogue for rows in catalogue.gbz_messages(use_case.code).values()):
        for row in rows:
            if not row.frame_control & 0x03 and row.command < 2:
                for number in row.details:
                    assert zcl_tables().attribute(row.cluster, int(number, 16)).data_type in known
