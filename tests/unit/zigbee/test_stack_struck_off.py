"""Devices that a hub has struck off its list: how they hear of it."""

from __future__ import annotations

import pytest

from protocols.han import (
    HanRole,
    JoinFailure,
    NetworkDown,
)
from tests.zigbee_air import Han

ROLES = (HanRole.ROUTER, HanRole.END_DEVICE, HanRole.SLEEPY_END_DEVICE)


def struck_off(role=HanRole.END_DEVICE):
    """A hub, and a device that it struck off while that had no supply."""
    han = Han()
    device = han.join(role)
    state = device.node.state()
    device.cut_power()
    han.hub.node.remove_device(device.eui64)
    han.medium.run(20)
    return han, device, state


def test_a_device_that_was_struck_off_hears_so_at_once():
    """Its network has answered: there is nothing to look for on other channels."""
    han, device, state = struck_off()
    since = len(device.events)
    device.restore_power(state)
    assert han.medium.run_until(
        lambda: any(isinstance(each, NetworkDown) for each in device.events[since:]), 1
    )
    assert device.of(NetworkDown)[-1].reason is JoinFailure.REJOIN_REFUSED


@pytest.mark.parametrize("heard", [1, 2, 5])
def test_a_refusal_is_told_whatever_beacons_get_lost(heard):
    """Seen in real time: the last beacon was lost, and the device looked for its network for ever."""
    han, device, state = struck_off()
    mac = han.hub.node.mac
    send, beacons = mac.send_beacon, iter(range(100))
    mac.send_beacon = lambda payload: send(payload) if next(beacons) < heard else None
    device.restore_power(state)
    assert han.medium.run_until(lambda: device.of(NetworkDown), 20)
    assert [event.reason for event in device.of(NetworkDown)] == [JoinFailure.REJOIN_REFUSED]


def test_a_refusal_in_a_later_round_is_told_once():
    han, device, state = struck_off()
    mac = han.hub.node.mac
    send, beacons = mac.send_beacon, iter(range(1000))
    mac.send_beacon = lambda payload: send(payload) if next(beacons) >= 6 else None
    device.restore_power(state)
    han.medium.run(120)
    reasons = [event.reason for event in device.of(NetworkDown)]
    assert reasons == [JoinFailure.NO_NETWORK, JoinFailure.REJOIN_REFUSED]
