"""Seeded mutations of 802.15.4 and ZigBee frames, down to the commands in them.

Half of the inputs are damaged below the network layer's MIC, so that they are opened and reach what is inside. The
inputs are counted as in ``test_mutations``.
"""

from __future__ import annotations

import random

import pytest

from protocols.errors import DecodeError
from protocols.zigbee.aps import ApsFrameType, build_aps, open_aps, parse_aps
from protocols.zigbee.aps_commands import parse_aps_command
from protocols.zigbee.mac import FrameType, MacFrame, build_mac, parse_mac
from protocols.zigbee.mac_commands import parse_beacon, parse_mac_command, parse_zigbee_beacon
from protocols.zigbee.nwk import NwkFrame, NwkFrameType, build_nwk, open_nwk, parse_nwk
from protocols.zigbee.nwk_commands import parse_nwk_command
from protocols.zigbee.security import KeyIdentifier, load_key, transport_key
from protocols.zigbee.zdp import PROFILE, build_zdp, parse_zdp
from tests.fuzz.test_mutations import COUNT, SEED, inputs, mutate
from tests.interop.zigbee_frames import LINK_KEY, NETWORK_KEY, conversation

FRAMES = max(COUNT // 2, 1000)
KEYS = {
    KeyIdentifier.LINK: LINK_KEY,
    KeyIdentifier.NETWORK: NETWORK_KEY,
    KeyIdentifier.KEY_TRANSPORT: transport_key(LINK_KEY),
    KeyIdentifier.KEY_LOAD: load_key(LINK_KEY),
}


def read_through(octets: bytes) -> None:
    """Every layer that the frame has; each must build what it was read from."""
    mac = parse_mac(octets)
    assert build_mac(mac) == octets
    if mac.frame_type is FrameType.BEACON:
        beacon = parse_beacon(mac.payload)
        assert beacon.build() == mac.payload
        assert parse_zigbee_beacon(beacon.payload).build() == beacon.payload
    elif mac.frame_type is FrameType.COMMAND:
        assert parse_mac_command(mac.payload).build() == mac.payload
    elif mac.frame_type is FrameType.DATA:
        read_network(mac.payload)


def read_network(octets: bytes) -> None:
    nwk = parse_nwk(octets)
    assert build_nwk(nwk) == octets
    if nwk.closed:
        nwk = open_nwk(nwk, NETWORK_KEY)
        assert build_nwk(nwk, NETWORK_KEY) == octets
    if nwk.frame_type is NwkFrameType.COMMAND:
        assert parse_nwk_command(nwk.payload).build() == nwk.payload
    else:
        read_application(nwk.payload)


def read_application(octets: bytes) -> None:
    aps = parse_aps(octets)
    assert build_aps(aps) == octets
    if aps.closed and aps.security is not None:
        key = KEYS[aps.security.key_identifier]
        aps = open_aps(aps, key)
        assert build_aps(aps, key) == octets
    if aps.frame_type is ApsFrameType.COMMAND:
        assert parse_aps_command(aps.payload).build() == aps.payload
    elif aps.profile == PROFILE and aps.cluster is not None:
        assert build_zdp(parse_zdp(aps.cluster, aps.payload)) == aps.payload


def damage_inside(rng: random.Random, mac: MacFrame, nwk: NwkFrame, other: bytes) -> bytes:
    plain, nwk.payload = nwk.payload, mutate(rng, nwk.payload, other)
    mac.payload = build_nwk(nwk, NETWORK_KEY)
    nwk.payload = plain
    return build_mac(mac)


@pytest.mark.timeout(1800)
def test_frames_read_or_say_where():
    seeds = [octets for _, octets in conversation()]
    opened = []
    for octets in seeds:
        mac = parse_mac(octets)
        if mac.frame_type is FrameType.DATA:
            nwk = parse_nwk(mac.payload)
            opened.append((mac, open_nwk(nwk, NETWORK_KEY) if nwk.closed else nwk))
    read = 0
    for number, rng in inputs("zigbee", FRAMES):
        other = rng.choice(seeds)
        data = (
            damage_inside(rng, *rng.choice(opened), other)
            if number % 2
            else mutate(rng, rng.choice(seeds), other)
        )
        try:
            read_through(data)
        except DecodeError as error:
            assert 0 <= error.offset <= len(data), f"seed {SEED} input {number}: {data.hex()}"
            continue
        except Exception as error:
            raise AssertionError(f"seed {SEED} input {number}: {error!r} for {data.hex()}") from error
        read += 1
    assert 0 < read < FRAMES
