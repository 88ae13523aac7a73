"""APS counters that go round while frames are repeated, and frames for which the channel had no room."""

from __future__ import annotations

import pytest

from protocols.han import DataStatus, FrameRefused, HanRole
from protocols.radio import TransmitResult, TransmitStatus
from protocols.zigbee.stack.aps_counters import UsedCounters
from tests.zigbee_air import Device, Han

DATA = 0x01
LARGE = bytes(n * 7 & 0xFF for n in range(600))


class Busy:
    """The channel access of one radio fails, for so many of its data frames."""

    def __init__(self, device: Device, times: int) -> None:
        self.left = times
        self._device = device
        self._transmit = device.radio.transmit
        device.radio.transmit = self._refuse  # type: ignore[method-assign]

    def _refuse(self, token: int, frame: bytes, *, clear_channel: bool = True, retries: int = 3) -> None:
        medium, device = self._device.medium, self._device
        if not self.left or frame[0] & 7 != DATA:
            self._transmit(token, frame, clear_channel=clear_channel, retries=retries)
            return
        self.left -= 1
        result = TransmitResult(TransmitStatus.CHANNEL_BUSY, medium.time + 0.01, False, 0)
        medium.at(result.time_s, lambda: device.node.mac.frame_transmitted(token, result))


def test_a_counter_that_was_just_repeated_is_not_given_to_another_frame():
    """An image for one device takes the counters round while a frame to another waits to be repeated.

    Seen on the emulated hub: the meter took the response to its report for a copy of the repeated one, and
    waited 20 s for it.
    """
    han = Han()
    sleeper, other = han.join(HanRole.SLEEPY_END_DEVICE), han.join(HanRole.END_DEVICE)
    acknowledge, sleeper.node.aps.acknowledge = sleeper.node.aps.acknowledge, lambda *_, **__: None
    first = han.hub.send(sleeper.eui64, b"first")
    assert han.medium.run_until(lambda: sleeper.payloads() == [b"first"], 10)
    sleeper.node.aps.acknowledge = acknowledge
    counter = han.hub.node.aps._counter
    for number in range(255):
        assert han.confirmed(han.hub, han.hub.send(other.eui64, bytes([number]))) is DataStatus.DONE
    assert han.confirmed(han.hub, first) is DataStatus.DONE
    second = han.hub.send(sleeper.eui64, b"second")
    assert han.hub.node.aps._counter != counter
    assert han.confirmed(han.hub, second) is DataStatus.DONE
    assert sleeper.payloads() == [b"first", b"second"]


def test_a_repetition_is_known_after_many_other_frames():
    """The acknowledgement is lost, and an image comes before the repetition."""
    han = Han()
    sleeper = han.join(HanRole.SLEEPY_END_DEVICE)
    acknowledge, sleeper.node.aps.acknowledge = sleeper.node.aps.acknowledge, lambda *_, **__: None
    first = han.hub.send(sleeper.eui64, b"once")
    assert han.medium.run_until(lambda: sleeper.payloads() == [b"once"], 10)
    sleeper.node.aps.acknowledge = acknowledge
    for number in range(100):
        assert han.confirmed(han.hub, han.hub.send(sleeper.eui64, bytes([number]))) is DataStatus.DONE
    assert han.confirmed(han.hub, first) is DataStatus.DONE
    assert sleeper.payloads().count(b"once") == 1


def test_counters_of_a_device_that_restarted_begin_anywhere():
    han = Han()
    device = han.join(HanRole.ROUTER)
    for number in range(20):
        assert han.confirmed(device, device.send(han.hub.eui64, bytes([number]))) is DataStatus.DONE
    before, state = device.node.aps._counter, device.node.state()
    device.cut_power()
    device.restore_power(state)
    assert han.medium.run_until(lambda: device.node.network is not None, 10)
    device.node.aps._counter = before - 20
    for number in range(20):
        token = device.send(han.hub.eui64, b"after the power cut" + bytes([number]))
        assert han.confirmed(device, token) is DataStatus.DONE
    assert len(han.hub.payloads()) == 40


def test_a_single_device_may_have_all_counters():
    """An image has more frames than there are counters, all of them for one device, within seconds."""
    han = Han()
    device = han.join(HanRole.ROUTER)
    for number in range(600):
        token = han.hub.send(device.eui64, number.to_bytes(2, "big"), acknowledged=bool(number % 3))
        assert han.confirmed(han.hub, token) is DataStatus.DONE
    assert [int.from_bytes(payload, "big") for payload in device.payloads()] == list(range(600))


def test_fragmented_data_arrives_while_the_counters_of_its_sender_go_round():
    """Seen on the emulated hub: it acknowledged all blocks of a PUT and took it for one of 6 s before."""
    han = Han()
    meter, other = han.join(HanRole.ROUTER), han.join(HanRole.ROUTER)
    sent = []
    for number, sender in enumerate([meter, *[other] * 63, meter, *[other] * 5, meter]):
        meter.node.aps._counter, meter.node.aps._used = 174, UsedCounters()
        payload = bytes([number]) + LARGE[:150]
        assert han.confirmed(sender, sender.send(han.hub.eui64, payload)) is DataStatus.DONE
        sent.append(payload)
    assert han.hub.payloads() == sent


def test_a_device_that_restarted_within_a_fragmented_transfer_begins_another_with_its_counter():
    han = Han()
    device = han.join(HanRole.ROUTER)
    han.medium.run(20)
    state, before = device.node.state(), device.node.aps._counter
    device.send(han.hub.eui64, LARGE)
    han.medium.run(0.08)
    device.cut_power()
    device.restore_power(state)
    han.medium.run(1)
    assert han.hub.payloads() == []
    device.node.aps._counter = before
    other = LARGE[::-1][:200]
    assert han.confirmed(device, device.send(han.hub.eui64, other), 5) is DataStatus.DONE
    assert han.hub.payloads() == [other]


@pytest.mark.parametrize("role", [HanRole.END_DEVICE, HanRole.SLEEPY_END_DEVICE])
def test_an_acknowledgement_that_found_no_free_channel_is_sent_again(role):
    """Nobody else repeats it: the hub would wait 7.68 s for a sleeper's (apscAckWaitDuration)."""
    han = Han()
    device = han.join(role)
    han.medium.run(1)
    device.node.stay_awake(10)
    busy = Busy(device, 3)
    token = han.hub.send(device.eui64, b"x")
    assert han.confirmed(han.hub, token, 1) is DataStatus.DONE
    assert busy.left == 0
    assert device.payloads() == [b"x"]
    assert han.hub.node.statistics["aps.retries"] == 0
    assert device.node.statistics["nwk.retries"] == 3


def test_a_channel_that_stays_busy_is_told():
    han = Han()
    device = han.join(HanRole.END_DEVICE)
    Busy(device, 1000)
    token = device.send(han.hub.eui64, b"x", acknowledged=False)
    assert han.confirmed(device, token, 1) is DataStatus.NOT_DELIVERED
    assert device.node.statistics["nwk.retries"] == 3


def test_frames_overtake_one_that_is_sent_again_and_none_is_a_replay():
    """What is repeated gets new frame counters: the receiver has taken later ones meanwhile."""
    han = Han()
    device = han.join(HanRole.END_DEVICE)
    Busy(device, 1)
    tokens = [device.send(han.hub.eui64, bytes([number])) for number in range(3)]
    for token in tokens:
        assert han.confirmed(device, token, 1) is DataStatus.DONE
    assert sorted(han.hub.payloads()) == [b"\0", b"\1", b"\2"]
    assert not han.hub.of(FrameRefused)
    assert device.node.statistics["aps.retries"] == 0


def test_blocks_and_their_acknowledgements_are_sent_again():
    han = Han()
    device = han.join(HanRole.SLEEPY_END_DEVICE)
    for sender, receiver in ((device, han.hub), (han.hub, device)):
        busy = Busy(device, 2)
        token = sender.send(receiver.eui64, LARGE)
        assert han.confirmed(sender, token, 5) is DataStatus.DONE
        assert busy.left == 0
        assert receiver.payloads() == [LARGE]
