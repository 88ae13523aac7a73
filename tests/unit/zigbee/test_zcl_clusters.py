"""The cluster tables: what they say fits together, and every command reads and writes."""

import random
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import DecodeError, EncodeError
from protocols.zigbee.zcl.clusters import Cluster, Command, load, spans
from protocols.zigbee.zcl.fields import RAW, TYPED, UNNAMED_OCTETS, Field, Fields, Switch
from protocols.zigbee.zcl.foundation import general_commands, parse_message
from protocols.zigbee.zcl.types import BY_CODE
from tests.zcl_samples import values_for

ALL = [
    pytest.param(cluster, command, id=f"{cluster.number:04X}{sign}{command.number:02X} {command.name}")
    for cluster in load().values()
    for sign, commands in ((">", cluster.commands_received), ("<", cluster.commands_generated))
    for command in commands.values()
]


def members(fields: Fields):
    for member in fields:
        if isinstance(member, Switch):
            yield from chain.from_iterable(members(case) for case in member.cases.values())
        else:
            yield member
            yield from members(member.entries or ())


def test_every_cluster_of_a_smets_han_is_there():
    names = {f"{number:04X}": cluster.name for number, cluster in load().items()}
    assert names == {
        "0000": "Basic",
        "0003": "Identify",
        "000A": "Time",
        "0019": "OTA Upgrade",
        "0025": "Keep-Alive",
        "0700": "Price",
        "0701": "Demand Response and Load Control",
        "0702": "Metering",
        "0703": "Messaging",
        "0704": "Tunneling",
        "0705": "Prepayment",
        "0706": "Energy Management",
        "0707": "Calendar",
        "0708": "Device Management",
        "0709": "Events",
        "070A": "MDU Pairing",
        "070B": "Sub-GHz",
        "0800": "Key Establishment",
    }
    assert all(len(cluster.sources) > 1 for cluster in load().values())
    assert load().named("Price") is load()[0x0700]
    with pytest.raises(EncodeError):
        load().named("Weather")


@pytest.mark.parametrize("cluster", load().values(), ids=lambda cluster: cluster.name)
def test_names_and_meanings(cluster: Cluster):
    for attributes in (cluster.attributes, cluster.client_attributes):
        names = [attribute.name for attribute in attributes.values()]
        assert len(set(names)) == len(names)
        assert all(attribute.number == number for number, attribute in attributes.items())
        for attribute in attributes.values():
            assert not attribute.enumeration or attribute.enumeration in cluster.enumerations
            assert not attribute.bitmap or attribute.bitmap in cluster.bitmaps
    general = general_commands()
    assert general
    for command in chain(cluster.commands_received.values(), cluster.commands_generated.values()):
        known: set[str] = set()
        for member in members(command.fields):
            assert member.entries is not None or member.type in {TYPED, RAW} or member.type in BY_CODE
            assert not member.enumeration or member.enumeration in {*cluster.enumerations, "Status"}
            assert not member.bitmap or member.bitmap in cluster.bitmaps
            assert not member.count or member.count in known
            assert not member.of or member.of in known
            assert all(condition.name in known for condition in member.conditions)
            known.add(member.name)


def test_series_of_attributes():
    price = load()[0x0700].attributes
    assert price[0x0000].name == "Tier 1 Price Label"
    assert price[0x002F].name == "Tier 48 Price Label"
    assert price[0x0410].name == "Tier 1 Block 1 Price"
    assert price[0x04FF].name == "Tier 15 Block 16 Price"
    metering = load()[0x0702]
    assert metering.attribute("Current Tier 4 Summation Delivered").number == 0x0106
    assert metering.attribute("Functional Notification Flags", client=True).number == 0x0000
    assert metering.bitmaps["Functional Notification Flags"]["Tunnel Message Pending"] == 1 << 21
    assert metering.bitmaps["Notification Flags 4"]["Get Top Up Log"] == 1 << 7
    assert metering.attributes[0xFFFD].name == "Cluster Revision"
    with pytest.raises(EncodeError):
        metering.attribute("Colour")


def test_spans_name_every_value():
    command = load()[0x0700].generated("Publish Tier Labels")
    label = {"Tier ID": 1, "Tier Label": b"Day"}
    values = dict.fromkeys(["Provider ID", "Issuer Event ID", "Issuer Tariff ID", "Command Index"], 0)
    octets = command.build(
        values | {"Total Number of Commands": 1, "Number of Labels": 1, "Tier Labels": [label]}
    )
    found = {span.path: (span.start, span.end) for span in spans(command, octets)}
    assert found["Issuer Event ID"] == (4, 8)
    assert found["Tier Labels[0].Tier Label"] == (16, 20)
    assert sum(end - start for start, end in found.values()) == len(octets)


def test_octets_of_a_later_revision_are_kept():
    command = load()[0x0702].received("Take Snapshot")
    octets = command.build({"Snapshot Cause": 1}) + b"\x07\x08"
    values = command.parse(octets)
    assert values[UNNAMED_OCTETS] == b"\x07\x08"
    assert command.build(values) == octets
    with pytest.raises(EncodeError):
        command.build({"Snapshot Cause": 1, UNNAMED_OCTETS: "07"})


def test_lists_have_as_many_entries_as_their_count_says():
    command = load()[0x0702].generated("Configure Notification Flags")
    values = {
        "Issuer Event ID": 1,
        "Notification Scheme": 2,
        "Notification Flag Attribute ID": 3,
        "Cluster ID": 0x0700,
        "Manufacturer Code": 0,
        "Number of Commands": 2,
        "Command IDs": [1],
    }
    with pytest.raises(EncodeError, match="Number of Commands is 2"):
        command.build(values)
    with pytest.raises(EncodeError, match="no list"):
        command.build(values | {"Command IDs": 7})
    octets = command.build(values | {"Command IDs": [1, 2]})
    with pytest.raises(DecodeError) as caught:
        command.parse(octets[:-1])
    assert caught.value.path == "Command IDs[1]"


@pytest.mark.parametrize(("cluster", "command"), ALL)
@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_round_trip_truncation_and_flips(cluster: Cluster, command: Command, seed: int):
    rng = random.Random(seed)
    values = values_for(command.fields, rng)
    octets = command.build(values)
    assert command.parse(octets) == values
    changed = bytearray(octets or b"\x00")
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    for attempt in (octets[: rng.randrange(len(octets) + 1)], bytes(changed)):
        try:
            assert command.build(command.parse(attempt)) == attempt
        except DecodeError as error:
            assert 0 <= error.offset <= len(attempt)


def test_unknown_clusters_and_commands_are_kept():
    for cluster, octets in ((0x0500, b"\x01\x07\x00\x01\x02"), (0x0702, b"\x01\x07\xee\x01")):
        message = parse_message(cluster, octets)
        assert message.name == ""
        assert message.build() == octets


def test_a_single_field_switch_without_case_leaves_the_octets():
    command = load()[0x0702].generated("Publish Snapshot")
    values = values_for([member for member in command.fields if isinstance(member, Field)], random.Random(1))
    values["Snapshot Payload Type"] = 0x77
    octets = command.build({**values, UNNAMED_OCTETS: b"abc"})
    assert command.parse(octets)[UNNAMED_OCTETS] == b"abc"
