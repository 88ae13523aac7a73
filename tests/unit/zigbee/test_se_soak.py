"""Everything at once and at random: power cuts of anybody, closings, images, flags; in the end all of them work."""

from __future__ import annotations

import random

import pytest

from protocols.zigbee.ota_cluster import MemoryStore
from protocols.zigbee.smart_energy.events import MessageDelivered, Ready
from protocols.zigbee.smart_energy.settings import DeviceType
from tests.smart_energy_han import HUB, Han
from tests.unit.zigbee.test_se_images import file

TYPES = (DeviceType.ESME, DeviceType.GSME, DeviceType.PPMID, DeviceType.HCALCS)
STEPS = 60


def one_thing(han, members, off, chance, number):
    member = chance.choice(members)
    hub = None if han.hub in off else han.hub.app
    what = chance.randrange(9)
    if what == 0:
        one = chance.choice([*members, han.hub])
        if one in off:
            off.discard(one)
            one.power()
        else:
            off.add(one)
            one.cut_power()
    elif what < 5 and hub is not None:
        octets = chance.randbytes(chance.randrange(1, 1500))
        [
            lambda: hub.send_message(member.eui64, octets),
            lambda: hub.close_tunnel(member.eui64),
            lambda: hub.deliver_image(member.eui64, file(3000, version=number)),
            lambda: hub.set_flags(member.eui64, 0, 1 << chance.randrange(32)),
        ][what - 1]()
    elif what >= 5 and member not in off:
        octets = chance.randbytes(chance.randrange(1, 1500))
        partner = chance.choice([HUB, *(each.eui64 for each in members)])
        [
            lambda: member.app.send_message(octets),
            member.app.close_tunnel,
            member.app.wake,
            lambda: member.app.add_partner(partner),
        ][what - 5]()
    han.run(chance.choice((0.01, 0.3, 3, 30, 200)))


def works(han, member):
    down = han.hub.app.send_message(member.eui64, b"down")
    member.app.wake()
    han.run(100)
    up = member.app.send_message(b"up")
    han.run(60)
    arrived = MessageDelivered(down, member.eui64) in han.hub.events
    return arrived and MessageDelivered(up, HUB) in member.events


@pytest.mark.parametrize("through_a_meter", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_all_is_well_in_the_end(seed, through_a_meter):
    chance = random.Random(seed)
    han = Han(seed, loss=0.05)
    members = []
    for index, device_type in enumerate(TYPES):
        store = MemoryStore()
        member = han.device(device_type, 0xB0 + index, store=store, attributes=lambda *_: 5)
        if through_a_meter and index:
            han.medium.link(han.hub.radio, member.radio, None)
        members.append(han.join(member))
    assert all(member.of(Ready) for member in members)
    off: set[object] = set()
    for number in range(STEPS):
        one_thing(han, members, off, chance, number + 2)
    for member in off:
        member.power()
    han.run(4000)
    for member in members:
        # A tunnel may have been closed or a device asleep just now: the second time at the latest.
        assert works(han, member) or works(han, member), member.eui64
