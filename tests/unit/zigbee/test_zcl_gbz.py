"""GBZ reads the cluster tables with an engine of its own: whatever GBCS uses of them has to be within it."""

import random

import pytest

from protocols.gbcs import zcl as gbz
from protocols.gbcs.catalogue.elements import read_json
from protocols.gbcs.catalogue.zcl import DATA_TYPES, zcl_tables
from protocols.gbcs.zcl_fields import Rules, read_fields, write_fields
from protocols.gbcs.zcl_values import SIZES, plain
from protocols.zigbee.zcl.clusters import load, spans
from protocols.zigbee.zcl.types import BY_CODE, BY_NUMBER
from tests.zcl_samples import values_for

USED = read_json("zcl_used.json")


def layout(fields):
    """Names, types and lengths, without what only one of the two has (GBCS's units, meanings)."""
    rows = []
    for member in fields:
        if hasattr(member, "cases"):
            rows.append((member.name, {value: layout(case) for value, case in member.cases.items()}))
            continue
        entries = layout(member.entries) if member.entries is not None else None
        listed = (member.rest, member.count, member.mask, member.product) if entries is not None else ()
        span = tuple(member.range) if member.range else None
        rows.append((member.name, member.type, member.optional, span, entries, *listed))
    return rows


def flat(fields):
    for member in fields:
        if hasattr(member, "cases"):
            for case in member.cases.values():
                yield from flat(case)
        else:
            yield member
            yield from flat(member.entries or ())


def both(key):
    cluster, from_server, number = int(key[:4], 16), key[4] == "<", int(key[5:], 16)
    theirs = load()[cluster].commands(from_server=from_server)[number]
    return zcl_tables().command(cluster, number, from_server=from_server), theirs


@pytest.mark.parametrize("key", zcl_tables().keys())
def test_commands_are_within_the_engine(key):
    ours, theirs = both(key)
    assert ours.name == theirs.name
    assert layout(ours.fields) == layout(theirs.fields)
    members = list(flat(theirs.fields))
    assert not [member.name for member in members if getattr(member, "conditions", ()) or member.of]
    kinds = {member.type for member in members if member.entries is None}
    assert kinds <= {*SIZES, "octets", "chars"}


@pytest.mark.parametrize("key", zcl_tables().keys())
def test_both_engines_find_the_same_values_at_the_same_octets(key):
    """So what Wireshark says of one (tests/interop/test_zcl_tshark.py) holds for the other."""
    ours, theirs = both(key)
    rng = random.Random(key)
    for _ in range(8):
        octets = theirs.build(values_for(theirs.fields, rng, whole=True))
        found = []

        def note(path, field, value, start, end, found=found, octets=octets):
            raw = octets[start:end] if field.type == "date" else plain(field.type, value, path)
            found.append((path, raw.decode() if field.type == "chars" and raw else raw, start, end))

        values = read_fields(ours.fields, octets, note)
        assert found == [(span.path, span.value, span.start, span.end) for span in spans(theirs, octets)]
        assert write_fields(ours.fields, values, "it", Rules()) == octets


@pytest.mark.parametrize("key", zcl_tables().keys())
def test_units_are_of_fields_that_exist(key):
    ours, _ = both(key)
    found = {member.name: [member.unit, member.scale] for member in flat(ours.fields)}
    assert {name: found[name] for name in USED[key]} == USED[key]


@pytest.mark.parametrize("cluster", [key for key in USED if len(key) == 4])
def test_attributes(cluster):
    theirs = load()[int(cluster, 16)].attributes
    ours = zcl_tables().attributes(int(cluster, 16))
    assert [f"{each.attribute:04X}" for each in ours] == list(USED[cluster])
    for each in ours:
        known = theirs[each.attribute]
        assert (each.name, each.data_type) == (known.name, known.type.number)


def test_numbers_agree():
    assert {cluster.value for cluster in gbz.Cluster} <= set(load())
    assert {data_type.value for data_type in gbz.DataType} <= set(BY_NUMBER)
    assert {code: BY_CODE[code].number for code in DATA_TYPES} == DATA_TYPES
    octets = {code: BY_CODE[code].octets for code in SIZES}
    assert octets == SIZES
