"""Wireshark's Smart Energy dissectors, which nobody here wrote, must see the fields of every ZCL command where we do.

Each command of the tables is built with every optional field and a few entries in every list, put into an open ZigBee
frame, and dissected; the octets of the single fields have to be the same. What Wireshark does not take apart was
compared with other sources by hand: the sub-payloads of snapshots (types 0, 2, 4 and 6, and the prepayment one) with
the gas proxy function of Silicon Labs' Zigbee stack, Change Debt with the Smart Energy 1.4 specification as
an open Rust implementation (panweave) has it, and with the reference messages. The former also says that samples of the daily
consumption log (GCS61) have the interval FFFF, after GBCS 10.4.2.11.
"""

from __future__ import annotations

import random
import struct
import subprocess
import xml.etree.ElementTree as ET

import pytest

from protocols.gbcs.catalogue.zcl import Field, Switch, zcl_tables
from protocols.gbcs.zcl_fields import Rules, read_fields, write_fields
from tests.interop.wireshark import needs_tshark

pytestmark = needs_tshark

TABLES = zcl_tables()
LINK_TYPE = 230  # IEEE 802.15.4 without check sequence
SMART_ENERGY = 0x0109
# Fields that Wireshark shows in one piece: from where on.
OPAQUE = {"0702<06": 16, "0705<01": 16}
# Wireshark 4.0 has one octet for the percentage of Change Debt, and is alone with that.
SHORT_FIELD = {"0705>02": ((26, 28), (26, 27))}
FIXED = {"time": "2026-01-02T03:04:05Z", "date": "2026-11-22/7", "octets": "41424344", "chars": "hello"}


def numbers_of_lists(fields):
    """Which fields announce how many entries a list has, and a number for them."""
    for field in fields:
        if isinstance(field, Switch):
            for case in field.cases.values():
                yield from numbers_of_lists(case)
        elif field.entries is not None and field.count:
            yield field.count, 0x21 if field.product else 2


def values_of(fields, chosen, rng, outer=()):
    values = dict(outer)
    announced = dict(numbers_of_lists(fields))
    for field in fields:
        if isinstance(field, Switch):
            values |= values_of(field.cases[values[field.name]], chosen, rng, values)
        elif field.entries is not None:
            count = field.announced(values[field.count]) if field.count else 2
            entries = [values_of(field.entries, chosen, rng) for _ in range(count)]
            values[field.name] = [entry.get("", entry) for entry in entries]
        elif field.name in chosen:
            values[field.name] = chosen[field.name]
        else:
            usual = FIXED.get(field.type, rng.randrange(1, 100))
            values[field.name] = announced.get(field.name, usual)
    return values


def frame(key, payload):
    """An open 802.15.4 data frame with network, application and cluster headers."""
    cluster, from_server, command = int(key[:4], 16), key[4] == "<", int(key[5:], 16)
    mac = bytes.fromhex("4188 01 3412 0000 0100")
    network = struct.pack("<HHHBB", 0x0048, 0, 1, 30, 1)
    application = struct.pack("<BBHHBB", 0, 1, cluster, SMART_ENERGY, 1, 1)
    return mac + network + application + bytes((0x09 if from_server else 0x01, 1, command)) + payload


def made_cases():
    rng = random.Random(20261122)
    for key in list(TABLES.keys()):
        fields = TABLES.command(int(key[:4], 16), int(key[5:], 16), from_server=key[4] == "<").fields
        switch = next((each for each in fields if isinstance(each, Switch)), None)
        for chosen in [{switch.name: value} for value in switch.cases] if switch else [{}]:
            name = "-".join([key, *map(str, chosen.values())])
            yield pytest.param(key, fields, values_of(fields, chosen, rng), id=name)


CASES = list(made_cases())


@pytest.fixture(scope="module")
def dissected(tmp_path_factory):
    """The places of the single fields that tshark sees in each case, by the case's number."""
    frames = [
        frame(key, write_fields(fields, values, key, Rules()))
        for key, fields, values in (case.values for case in CASES)
    ]
    capture = tmp_path_factory.mktemp("zcl") / "frames.pcap"
    capture.write_bytes(pcap(frames))
    done = subprocess.run(["tshark", "-r", str(capture), "-T", "pdml"], capture_output=True, check=True)
    packets = ET.fromstring(done.stdout).findall("packet")
    return {data: places(packet) for data, packet in zip(frames, packets, strict=True)}


def pcap(frames):
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, LINK_TYPE)]
    for number, data in enumerate(frames):
        out += [struct.pack("<IIII", number, 0, len(data), len(data)), data]
    return b"".join(out)


def places(packet):
    """First octet and end of everything in a packet that has nothing smaller in it."""
    assert all(proto.get("name") != "_ws.malformed" for proto in packet)
    found = {
        (int(field.get("pos")), int(field.get("pos")) + int(field.get("size")))
        for proto in packet
        if proto.get("name").startswith("zbee_zcl") or proto.get("name") == "data"
        for field in proto.iter("field")
        if int(field.get("size"))
    }
    return {
        one
        for one in found
        if not any(one != other and one[0] <= other[0] and other[1] <= one[1] for other in found)
    }


@pytest.mark.parametrize(("key", "fields", "values"), CASES)
def test_tshark_sees_the_same_fields(dissected, key, fields, values):
    payload = write_fields(fields, values, key, Rules())
    ours = set()

    def note(_name, field, _value, first, end):
        single = range(first, end) if field.type == "date" else [first]
        step = 1 if field.type == "date" else end - first
        ours.update((at, at + step) for at in single)

    assert read_fields(fields, payload, note) == values
    data = frame(key, payload)
    start = len(data) - len(payload)
    seen = {(first - start, end - start) for first, end in dissected[data] if first >= start}
    opaque = OPAQUE.get(key)
    if opaque is not None:
        ours = {(first, end) for first, end in ours if first < opaque} | {(opaque, len(payload))}
    if key in SHORT_FIELD:
        wide, narrow = SHORT_FIELD[key]
        ours = (ours - {wide}) | {narrow}
    assert seen == ours


def test_every_command_of_the_tables_is_compared():
    assert {case.values[0] for case in CASES} == set(TABLES.keys())
    assert all(isinstance(field, Field | Switch) for case in CASES for field in case.values[1])
