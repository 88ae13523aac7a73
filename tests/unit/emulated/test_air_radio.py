"""An emulated radio: address filter, acknowledgements, frame pending, the sleeper's receiver, order, speed."""

import asyncio
import time

import pytest

from protocols.radio import FrameRadio, TransmitStatus
from protocols.radio_frames import with_fcs
from rigs.emulated.air import EmulatedRadio, Medium
from tests.loops import in_loop
from tests.unit.emulated.air_bench import PAN, Air, Ear, data, data_request, eui


def test_it_is_a_frame_radio():
    assert isinstance(Air(1).radios[0], FrameRadio)
    assert Air(1).radios[0].eui64 == eui(0)


def test_frames_pass_by_pan_and_address():
    air = Air(2)
    other_pan = bytearray(data(1, 1, 0, ack=False))
    other_pan[3:5] = b"\x99\x99"
    air.radios[0].transmit(1, bytes(other_pan))
    air.radios[0].transmit(2, data(2, 5, 0, ack=False))
    air.radios[0].transmit(3, data(3, 0xFFFF, 0, ack=False))
    extended = b"\x61\x8c\x04" + PAN.to_bytes(2, "little") + eui(1)[::-1] + b"\x00\x00"
    air.radios[0].transmit(4, extended)
    beacon = b"\x00\x80\x05" + PAN.to_bytes(2, "little") + bytes(8)
    air.radios[0].transmit(5, beacon)
    air.run()
    assert [octets[2] for octets in air.ears[1].octets] == [3, 4, 5]
    assert air.ears[0].results[4].status is TransmitStatus.DONE


def test_a_frame_without_destination_is_the_coordinators():
    air = Air(3)
    air.radios[2].transmit(1, b"\x21\x80\x01" + PAN.to_bytes(2, "little") + b"\x02\x00hello")
    air.run()
    assert [len(ear.frames) for ear in air.ears] == [1, 0, 0]


def test_a_scanning_radio_takes_beacons_of_every_pan():
    air = Air(2)
    air.radios[1].configure(air.settings(1, pan_id=0xFFFF, short_address=0xFFFF))
    air.radios[0].transmit(1, b"\x00\x80\x05\x77\x77\x00\x00\x00\x00\x00\x00")
    air.run()
    assert len(air.ears[1].frames) == 1


def test_promiscuous_hears_everything_and_acknowledges_nothing():
    air = Air(3)
    air.radios[2].configure(air.settings(2, promiscuous=True))
    air.radios[0].transmit(1, data(1, 1, 0))
    air.radios[0].transmit(2, data(2, 2, 0), retries=1)
    air.run()
    assert [octets[:3].hex() for octets in air.ears[2].octets] == ["618801", "020001", "618802", "618802"]
    assert air.ears[0].results[2].status is TransmitStatus.NO_ACK


def test_frame_pending_comes_from_the_match_tables():
    air = Air(3)
    parent = air.radios[0]
    air.radios[1].transmit(1, data_request(1, 0, 1))
    air.run()
    assert air.ears[1].results[1].frame_pending  # not enabled: everybody's
    parent.match_sources(enabled=True, short={2}, extended={eui(1)})
    air.radios[1].transmit(2, data_request(2, 0, 1))
    air.radios[1].transmit(3, data_request(3, 0, eui(1)))
    air.radios[2].transmit(4, data_request(4, 0, 2))
    air.radios[2].transmit(5, data(5, 0, 2))
    air.run()
    assert [air.ears[1].results[token].frame_pending for token in (2, 3)] == [False, True]
    assert [air.ears[2].results[token].frame_pending for token in (4, 5)] == [True, False]
    assert {frame.octets[2]: frame.acknowledged_pending for frame in air.ears[0].frames} == {
        1: True, 2: False, 3: True, 4: True, 5: False,
    }  # fmt: skip
    parent.reset("watchdog")
    assert air.ears[0].resets == ["watchdog"]
    parent.configure(air.settings(0))
    air.radios[1].transmit(6, data_request(6, 0, 1))
    air.run()
    assert air.ears[1].results[6].frame_pending  # the tables are gone


@pytest.fixture
def sleeper():
    air = Air(2)
    air.radios[0].match_sources(enabled=True, short={1}, extended=frozenset())
    air.radios[1].configure(air.settings(1, receiver_on_when_idle=False))
    return air


def test_a_sleeper_hears_nothing_by_itself(sleeper):
    sleeper.radios[0].transmit(1, data(1, 1, 0))
    sleeper.run()
    assert sleeper.ears[0].results[1].status is TransmitStatus.NO_ACK
    assert sleeper.ears[1].frames == []


def test_a_sleeper_hears_acknowledgements(sleeper):
    sleeper.radios[1].transmit(1, data(1, 0, 1))
    sleeper.run()
    assert sleeper.ears[1].results[1].status is TransmitStatus.DONE
    assert sleeper.radios[1].hears_since == float("inf")


def test_a_sleeper_hears_one_frame_after_a_poll_that_is_answered(sleeper):
    sleeper.radios[1].transmit(1, data_request(1, 0, 1))
    sleeper.run(0.01)
    sleeper.radios[0].transmit(1, data(9, 1, 0, pending=True))
    sleeper.radios[0].transmit(2, data(10, 1, 0))
    sleeper.run()
    assert [octets[2] for octets in sleeper.ears[1].octets] == [9]
    assert sleeper.ears[0].results[1].status is TransmitStatus.DONE
    assert sleeper.ears[0].results[2].status is TransmitStatus.NO_ACK


def test_a_sleeper_stays_awake_for_broadcasts_within_the_wait_and_no_longer_than_it(sleeper):
    sleeper.radios[1].transmit(1, data_request(1, 0, 1))
    sleeper.run(0.01)
    sleeper.radios[0].transmit(1, data(8, 0xFFFF, 0, ack=False))
    sleeper.run(0.006)
    sleeper.radios[0].transmit(2, data(9, 1, 0))
    sleeper.run()
    assert [octets[2] for octets in sleeper.ears[1].octets] == [8, 9]
    sleeper.radios[1].transmit(2, data_request(2, 0, 1))
    sleeper.run(0.2)
    sleeper.radios[0].transmit(3, data(10, 1, 0))
    sleeper.run()
    assert len(sleeper.ears[1].frames) == 2


def test_a_sleeper_does_not_wait_when_nothing_is_pending(sleeper):
    sleeper.radios[0].match_sources(enabled=True, short=frozenset(), extended=frozenset())
    sleeper.radios[1].transmit(1, data_request(1, 0, 1))
    sleeper.run(0.01)
    sleeper.radios[0].transmit(1, data(9, 1, 0), retries=0)
    sleeper.run()
    assert sleeper.ears[1].frames == []


def test_an_injected_acknowledgement_is_taken_for_one():
    air = Air(3)
    air.radios[0].transmit(1, data(0x55, 9, 0), clear_channel=False, retries=0)
    air.scheduler.call_at(0.0014, air.radios[2].inject, with_fcs(b"\x02\x00\x55"))
    air.run()
    assert air.ears[0].results[1].status is TransmitStatus.DONE
    air.radios[0].transmit(2, data(0x56, 9, 0), clear_channel=False, retries=0)
    air.scheduler.call_at(air.scheduler.time() + 0.0014, air.radios[2].inject, with_fcs(b"\x02\x00\x55"))
    air.run()
    assert air.ears[0].results[2].status is TransmitStatus.NO_ACK


def test_frames_go_out_in_order_and_answers_come_in_order():
    air = Air(2)
    for number in range(20):
        air.radios[0].transmit(number, data(number, 1, 0))
    assert air.ears[0].results == {}  # nothing is answered within the call
    air.run()
    assert list(air.ears[0].results) == list(range(20))
    assert [octets[2] for octets in air.ears[1].octets] == list(range(20))


def test_an_answer_from_within_the_callback_waits_for_the_acknowledgement():
    air = Air(2)
    ear = air.ears[1]
    ear.frame_received = lambda _frame: air.radios[1].transmit(1, data(2, 0, 1), clear_channel=False)
    air.radios[0].transmit(1, data(1, 1, 0))
    air.run()
    assert [frame.psdu[2] for frame in air.shown] == [1, 1, 2, 2]
    assert not any(frame.collided for frame in air.shown)


def test_frames_that_no_radio_can_send_fail():
    air = Air(1)
    air.radios[0].transmit(1, bytes(126))
    air.radios[0].transmit(2, b"")
    air.run()
    assert [air.ears[0].results[token].status for token in (1, 2)] == [TransmitStatus.FAILED] * 2


def test_a_listener_that_fails_is_reported_and_does_not_stop_the_air():
    air = Air(3)

    def fail(_frame):
        raise RuntimeError("a bug")

    air.ears[1].frame_received = fail
    air.radios[0].transmit(1, data(1, 0xFFFF, 0, ack=False))
    with pytest.raises(RuntimeError, match="a bug"):
        air.run()
    air.run()
    assert air.ears[0].results[1].status is TransmitStatus.DONE
    assert len(air.ears[2].frames) == 1


@in_loop
async def test_it_runs_on_an_asyncio_loop():
    medium = Medium(asyncio.get_running_loop())
    radios = [EmulatedRadio(medium, f"r{number}", eui(number)) for number in range(2)]
    ears = [Ear(radio) for radio in radios]
    for number, radio in enumerate(radios):
        radio.configure(Air.settings(number))
    for number in range(10):
        radios[0].transmit(number, data(number, 1, 0))
    await ears[0].until(lambda: len(ears[0].results) == 10)
    assert {result.status for result in ears[0].results.values()} == {TransmitStatus.DONE}
    for radio in radios:
        await radio.close()
        await radio.close()


def test_25_000_exchanges_take_little_time():
    air = Air(5)
    air.medium._taps = ()

    class Sender(Ear):
        left = 10_000

        def frame_transmitted(self, token, _result):
            if self.left:
                self.left -= 1
                self.radio.transmit(token, data(self.left & 255, 1, 0, size=60))

    sender = Sender(air.radios[0])
    air.radios[0].transmit(0, data(0, 1, 0))
    began = time.process_time()
    air.run(600)
    spent = time.process_time() - began
    assert sender.left == 0
    # Goal: 20,000 acknowledged frames a second with five radios; a busy machine gets half that.
    assert spent < 1.0
