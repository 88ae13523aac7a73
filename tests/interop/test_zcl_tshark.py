"""Wireshark's ZCL dissectors, which nobody here wrote, find every field of every command where our tables do.

GBZ reads the same tables: ``tests/unit/zigbee/test_zcl_gbz.py`` ties its engine to the one used here.

What Wireshark does not take apart was compared with other sources by hand: the sub-payloads of snapshots (types
0, 2, 4 and 6, and the prepayment one) with the gas proxy function of Silicon Labs' ZigBee stack, Change Debt with
the Smart Energy 1.4 specification as an open Rust implementation (panweave) has it, and with the reference
messages. The former also says that samples of the daily consumption log (GCS61) have the interval FFFF, after
GBCS 10.4.2.11.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any

import pytest

from protocols.zigbee.aps import ApsFrame, ApsFrameType, build_aps
from protocols.zigbee.mac import FrameType, MacFrame, build_mac, fcs
from protocols.zigbee.nwk import NwkFrame, NwkFrameType, build_nwk
from protocols.zigbee.zcl.clusters import Cluster, Command, load
from protocols.zigbee.zcl.fields import Switch
from protocols.zigbee.zcl.foundation import build_command, build_general, general_commands, parse_message
from tests.interop.wireshark import MALFORMED, dissect_frames, names_of_values, needs_tshark
from tests.zcl_samples import values_for

PROFILE = 0x0109
METERING = 0x0702
SAMPLES = 4
HEADER = 3  # octets of a ZCL header
# Names that tshark gives its clusters; the ones it has no commands or attributes of its own for are left out.
THEIR_NAMES = {
    0x0025: "keep_alive",
    0x0700: "price",
    0x0701: "drlc",
    0x0702: "met",
    0x0703: "msg",
    0x0704: "tun",
    0x0705: "pp",
    0x0706: "energy_management",
    0x0707: "calendar",
    0x0708: "device_management",
    0x0709: "events",
    0x070A: "mdu_pairing",
    0x070B: "sub_ghz",
    0x0800: "ke",
}
# What tshark 4.0 does not look into, or reads otherwise (the reference messages of GBCS bear our reading out).
LEFT_WHOLE = {"Publish Snapshot", "Publish Prepay Snapshot"}
READ_SHORT = {
    ("Change Debt", "Debt Recovery Balance Percentage"),
    ("Image Block Response", "Minimum Block Period"),
}
NOT_NAMED = {
    "Discover Attributes Response": {"Complete"},
    "Discover Attributes Extended Response": {
        "Attributes.Attribute",
        "Attributes.Data Type",
        "Attributes.Access",
    },
    "Discover Commands Received Response": {"Commands"},
    "Discover Commands Generated Response": {"Commands"},
    "Read Attributes Structured": {"Records.Indicator", "Records.Indexes"},
    "Write Attributes Structured": {"Records.Indicator", "Records.Indexes"},
    "Write Attributes Structured Response": {"Records.Indicator", "Records.Indexes"},
}
# Attributes of later revisions.
NEWER = {
    0x0700: {0x8703},
    0x0702: {*range(0x045D, 0x0465), *range(0x0C5C, 0x0C64), *range(0x0D01, 0x0D09)},
}
READS_ONE = {"Schedule Snapshot": "Snapshot Schedules"}
# Numbers it names that no attribute has: ends of groups.
GROUP_ENDS = {0x01FF, 0x02FF, 0x03FF, 0x04FF, 0x05FF, 0x06FF, 0x07FF, 0x08FF}

pytestmark = needs_tshark


def framed(cluster: int, zcl: bytes) -> tuple[bytes, int]:
    """An unencrypted frame on the air that carries a ZCL frame, and where that stands in it."""
    aps = ApsFrame(
        ApsFrameType.DATA,
        destination_endpoint=1,
        cluster=cluster,
        profile=PROFILE,
        source_endpoint=1,
        counter=1,
        payload=zcl,
    )
    nwk = NwkFrame(NwkFrameType.DATA, destination=0, source=0x1234, sequence=1, payload=build_aps(aps))
    mac = build_mac(MacFrame(FrameType.DATA, 1, 0x1A62, 0, 0x1A62, 0x1234, build_nwk(nwk)))
    return mac + fcs(mac), len(mac) - len(zcl)


def samples() -> list[tuple[Cluster, Command, bytes]]:
    rng = random.Random(4)
    made = []
    for cluster in load().values():
        for from_server in (False, True):
            for command in cluster.commands(from_server=from_server).values():
                for values in samples_of(command, rng):
                    if command.name in READS_ONE:
                        values[READS_ONE[command.name]] = values[READS_ONE[command.name]][:1]
                    octets = build_command(
                        cluster.number, command.name, values, sequence=1, from_server=from_server
                    )
                    made.append((cluster, command, octets))
    return made


def samples_of(command: Command, rng: random.Random) -> Iterator[dict[str, Any]]:
    """Some of each form that the value of an earlier field chooses."""
    switch = next((each for each in command.fields if isinstance(each, Switch)), None)
    left = dict.fromkeys(switch.cases if switch else [None], SAMPLES)
    while any(left.values()):
        values = values_for(command.fields, rng, whole=True)
        form = values[switch.name] if switch else None
        if left.get(form):
            left[form] -= 1
            yield values


def single(found: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """Places that have nothing smaller in them."""
    return {
        one
        for one in found
        if not any(one != other and one[0] <= other[0] and other[1] <= one[1] for other in found)
    }


def places(packet, start: int) -> set[tuple[int, int]]:
    """Where the packet's fields stand, counted from the ZCL frame."""
    found = set()
    for each in packet.iter("field"):
        if each.get("pos"):
            at = int(each.get("pos")) - start
            found.add((at, at + int(each.get("size"))))
    return found


def is_malformed(packet) -> bool:
    return any(each.get("name") == MALFORMED for each in packet.iter())


def test_tshark_finds_every_field_of_every_command(tmp_path):
    every = samples()
    frames = [framed(cluster.number, octets) for cluster, _, octets in every]
    packets = dissect_frames([frame for frame, _ in frames], tmp_path)
    missed: dict[str, set[str]] = {}
    more: set[str] = set()
    compared = 0
    for (cluster, command, octets), (_, start), packet in zip(every, frames, packets, strict=True):
        theirs = places(packet, start)
        assert not is_malformed(packet), command.name
        assert any(each.get("name") == "zbee_zcl" for each in packet.iter("proto"))
        spans = parse_message(cluster.number, octets, with_spans=True).spans
        for span in spans:
            name = re.sub(r"\[\d+\]", "", span.path)
            compared += 1
            empty = span.start == span.end
            if not empty and (span.start, span.end) not in theirs and (command.name, name) not in READ_SHORT:
                missed.setdefault(command.name, set()).add(name)
        within = {(first, end) for first, end in theirs if first >= HEADER and first < end <= len(octets)}
        own = {(span.start, span.end) for span in spans}
        # Dates are shown as four numbers.
        dates = {span.start for span in spans if isinstance(span.value, bytes) and span.end - span.start == 4}
        own |= {(at + part, at + part + 1) for at in dates for part in range(4)}
        if single(within) - own:
            more.add(command.name)
    assert set(missed) == LEFT_WHOLE
    assert set(more) == LEFT_WHOLE | {"Change Debt"}
    print(f"{len(every)} commands, {compared} values at the same octets")


def test_tshark_finds_every_field_of_general_commands(tmp_path):
    rng = random.Random(9)
    made = [
        build_general(command.name, values_for(command.fields, rng), sequence=1)
        for command in general_commands().values()
        for _ in range(SAMPLES)
    ]
    frames = [framed(METERING, octets) for octets in made]
    packets = dissect_frames([frame for frame, _ in frames], tmp_path)
    missed: dict[str, set[str]] = {}
    for octets, (_, start), packet in zip(made, frames, packets, strict=True):
        message = parse_message(METERING, octets, with_spans=True)
        theirs = places(packet, start)
        for span in message.spans:
            name = re.sub(r"\[\d+\]", "", span.path)
            # Dates and times of day are shown as four numbers.
            parts = [(at, at + 1) for at in range(span.start, span.end)]
            seen = (span.start, span.end) in theirs or (len(parts) == 4 and theirs.issuperset(parts))
            if span.start < span.end and not seen and name not in NOT_NAMED.get(message.name, ()):
                missed.setdefault(message.name, set()).add(name)
    assert missed == {}


@pytest.fixture(scope="module")
def theirs():
    return names_of_values("zbee_zcl_se.")


@pytest.mark.parametrize("number", THEIR_NAMES, ids=lambda number: f"{number:04X}")
def test_numbers_and_names(number, theirs):
    cluster, prefix = load()[number], f"zbee_zcl_se.{THEIR_NAMES[number]}"
    for field, commands in (("srv_rx", cluster.commands_received), ("srv_tx", cluster.commands_generated)):
        named = theirs.get(f"{prefix}.cmd.{field}.id", {})
        ours = {command.number: command.name.lower() for command in commands.values()}
        assert ours == {each: name.lower() for each, name in named.items()}
    for field, attributes in (("attr_id", cluster.attributes), ("attr_client_id", cluster.client_attributes)):
        named = theirs.get(f"{prefix}.{field}", {})
        ends = GROUP_ENDS if (number, field) == (0x0708, "attr_client_id") else set()
        own = set(attributes) - {0xFFFD, 0xFFFE}
        if field == "attr_id":
            own -= NEWER.get(number, set())
        assert own == set(named) - {0xFFFE} - ends
