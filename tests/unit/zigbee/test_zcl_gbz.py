"""One truth: what the GBZ catalogue says of a command or attribute is what the cluster tables say."""

import pytest

from protocols.gbcs import zcl as gbz
from protocols.gbcs.catalogue import zcl as catalogue
from protocols.gbcs.catalogue.elements import read_json
from protocols.zigbee.zcl.clusters import load
from protocols.zigbee.zcl.types import BY_NUMBER


def layout(fields):
    """Names, types and lengths, without what only one of the two has (units, meanings, ranges)."""
    rows = []
    for member in fields:
        if hasattr(member, "cases"):
            rows.append((member.name, {value: layout(case) for value, case in member.cases.items()}))
            continue
        entries = layout(member.entries) if member.entries is not None else None
        listed = (member.rest, member.count, member.mask, member.product) if entries is not None else ()
        rows.append((member.name, member.type, member.optional, entries, *listed))
    return rows


@pytest.mark.parametrize("key", catalogue.zcl_tables().keys())
def test_commands_agree(key):
    cluster, from_server, number = int(key[:4], 16), key[4] == "<", int(key[5:], 16)
    theirs = catalogue.zcl_tables().command(cluster, number, from_server=from_server)
    ours = load()[cluster].commands(from_server=from_server)[number]
    assert theirs is not None
    assert ours.name == theirs.name
    assert layout(ours.fields) == layout(theirs.fields)


@pytest.mark.parametrize("cluster", read_json("zcl_attributes.json"))
def test_attributes_agree(cluster):
    ours = load()[int(cluster, 16)].attributes
    rows = read_json("zcl_attributes.json")[cluster]
    assert {number: (name, data_type) for number, (name, data_type, *_) in rows.items()} == {
        number: (ours[int(number, 16)].name, ours[int(number, 16)].type.number) for number in rows
    }


def test_numbers_agree():
    assert {cluster.value for cluster in gbz.Cluster} <= set(load())
    assert {data_type.value for data_type in gbz.DataType} <= set(BY_NUMBER)
