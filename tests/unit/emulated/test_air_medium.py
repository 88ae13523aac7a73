"""The emulated air: times, collisions, links, faults, tap."""

import random

import pytest

from protocols.radio import TransmitStatus
from protocols.radio_frames import with_fcs
from rigs.emulated.air import PHY_2450, EmulatedRadio, Fault, FaultAction, HeapScheduler, Link, Medium
from tests.unit.emulated.air_bench import Air, Ear, data, eui


def test_airtime_is_250_kbit_s_after_preamble_delimiter_and_length():
    assert PHY_2450.airtime(127) == pytest.approx(4.256e-3)  # (6 + 127) * 32 us
    assert PHY_2450.airtime(5) == pytest.approx(352e-6)  # an acknowledgement
    assert PHY_2450.turnaround_s == pytest.approx(192e-6)
    assert PHY_2450.ack_wait_s == pytest.approx(864e-6)  # 54 symbols
    assert PHY_2450.poll_wait_s == pytest.approx(1986 * 16e-6)  # macMaxFrameTotalWaitTime with defaults


def test_the_tap_sees_frame_and_acknowledgement_with_times_and_hearers():
    air = Air()
    air.radios[0].comment = "test: one frame"
    frame = data(7, 1, 0)
    air.radios[0].transmit(1, frame)
    air.run()
    sent, ack = air.shown
    assert sent.psdu == with_fcs(frame)
    assert (sent.sender, sent.channel, sent.comment, sent.right_fcs) == ("r0", 15, "test: one frame", True)
    assert sent.end_ns - sent.start_ns == (6 + len(frame) + 2) * 32_000
    assert [hearing.receiver for hearing in sent.heard_by] == ["r1", "r2"]
    assert ack.psdu == with_fcs(bytes.fromhex("020007"))
    assert ack.sender == "r1"
    assert ack.start_ns - sent.end_ns == 192_000
    result = air.ears[0].results[1]
    assert result.status is TransmitStatus.DONE
    assert result.time_s == pytest.approx(ack.end_ns / 1e9)
    assert air.ears[1].frames[0].time_s == pytest.approx(sent.end_ns / 1e9)
    assert air.ears[2].frames == []  # not addressed to it


def test_overlapping_frames_destroy_each_other_where_both_are_heard():
    air = Air()
    for sender in (0, 1):
        air.radios[sender].transmit(1, data(1, 2, sender, ack=False), clear_channel=False)
    air.run()
    assert air.ears[2].frames == []
    assert [frame.collided for frame in air.shown] == [True, True]
    assert air.radios[2].bad_fcs == 2
    # The senders heard nothing of each other: they were sending.
    assert all(hearing.receiver == "r2" for frame in air.shown for hearing in frame.heard_by)


def test_hidden_senders_collide_only_at_who_hears_both():
    air = Air(4)
    air.medium.link(air.radios[0], air.radios[1], None)
    air.medium.link(air.radios[1], air.radios[3], None)
    air.radios[0].transmit(1, data(1, 0xFFFF, 0, size=100, ack=False))
    air.radios[1].transmit(1, data(2, 0xFFFF, 1, size=100, ack=False))
    air.run()
    assert air.ears[2].frames == []
    assert [octets[2] for octets in air.ears[3].octets] == [1]


def test_a_much_stronger_frame_survives_where_capture_is_on():
    air = Air(capture_db=6)
    air.medium.link(air.radios[0], air.radios[2], Link(rssi_dbm=-40))
    air.medium.link(air.radios[1], air.radios[2], Link(rssi_dbm=-60))
    for sender in (0, 1):
        air.radios[sender].transmit(1, data(sender, 2, sender, ack=False), clear_channel=False)
    air.run()
    (frame,) = air.ears[2].frames
    assert (frame.octets[2], frame.rssi_dbm, frame.lqi) == (0, -40, 235)


def test_senders_that_hear_each_other_wait_their_turn():
    air = Air(5, seed=3)
    for sender in range(5):
        air.radios[sender].transmit(1, data(sender, (sender + 1) % 5, sender, size=60))
    air.run()
    done = [ear.results[1].status for ear in air.ears]
    assert done.count(TransmitStatus.DONE) >= 4
    assert len({frame.start_ns for frame in air.shown}) == len(air.shown)


def test_a_busy_channel_is_given_up_after_five_assessments():
    air = Air(1)
    air.medium.set_noise(15, -60)
    air.radios[0].transmit(1, data(1, 1, 0))
    air.run()
    assert air.ears[0].results[1].status is TransmitStatus.CHANNEL_BUSY
    assert air.shown == []
    air.radios[0].transmit(2, data(1, 1, 0), clear_channel=False, retries=0)
    air.run()
    assert air.ears[0].results[2].status is TransmitStatus.NO_ACK


def test_lost_frames_are_repeated_and_the_seed_decides():
    def run(seed):
        air = Air(2, seed=seed, default_link=Link(loss=0.3))
        for number in range(200):
            air.radios[0].transmit(number, data(number & 255, 1, 0))
        air.run(60)
        return [(frame.start_ns, len(frame.heard_by)) for frame in air.shown], [
            air.ears[0].results[number].status for number in range(200)
        ]

    first, statuses = run(1)
    assert (first, statuses) == run(1)
    assert first != run(2)[0]
    assert 200 < len(first) < 1_000
    # (1 - 0.7 * 0.7) ** 4 = 6.8 % of the frames are given up
    assert 2 <= statuses.count(TransmitStatus.NO_ACK) <= 30


def test_a_lost_acknowledgement_brings_the_frame_twice():
    air = Air(2)
    air.medium.faults.append(Fault("no ack", FaultAction.DROP, sender="r1"))
    air.radios[0].transmit(1, data(1, 1, 0))
    air.run()
    assert air.ears[0].results[1].attempts == 2
    assert len(air.ears[1].frames) == 2
    assert [frame.attempt for frame in air.shown if frame.sender == "r0"] == [1, 2]


def test_named_faults_hit_what_they_match():
    air = Air(3)
    faults = [
        Fault("third", FaultAction.DROP, receiver="r1", skip=2, count=1),
        Fault("fifth", FaultAction.CORRUPT, receiver="r1", match=lambda octets: octets[2] == 5, count=None),
        Fault("sixth", FaultAction.DUPLICATE, match=lambda octets: octets[2] == 6),
        Fault("seventh", FaultAction.DELAY, delay_s=1.0, match=lambda octets: octets[2] == 7),
        Fault("eighth", FaultAction.ALTER, match=lambda octets: octets[2] == 8),
    ]
    air.medium.faults.extend(faults)
    for number in range(1, 9):
        air.radios[0].transmit(number, data(number, 1, 0, ack=False))
    air.run()
    kept = air.ears[1].octets
    assert [octets[2] for octets in kept[:5]] == [1, 2, 4, 6, 6]
    assert kept[-1][2] == 7
    assert air.ears[1].frames[-1].time_s - air.ears[1].frames[0].time_s > 1.0
    assert [fault.hits for fault in faults] == [1, 1, 1, 1, 1]
    outcomes = [[hearing.outcome for hearing in frame.heard_by] for frame in air.shown]
    assert outcomes[4] == ["corrupted", "ok"]
    assert outcomes[7][0] == "altered"


def test_injected_octets_go_out_as_they_are():
    air = Air(2)
    air.radios[0].inject(b"\x01", comment="hostile: one octet")
    air.radios[0].inject(data(1, 1, 0) + b"\x00\x00", comment="hostile: wrong FCS")
    air.radios[0].inject(with_fcs(data(2, 1, 0)))
    air.run()
    assert [frame.psdu[:1] for frame in air.shown[:2]] == [b"\x01", b"\x61"]
    assert [frame.right_fcs for frame in air.shown] == [False, False, True, True]
    assert air.shown[0].comment == "hostile: one octet"
    assert [octets[2] for octets in air.ears[1].octets] == [2]
    with pytest.raises(ValueError, match="127"):
        air.radios[0].inject(bytes(128))


def test_radios_on_other_channels_and_without_power_hear_nothing():
    air = Air(4)
    air.radios[1].configure(air.settings(1, channel=20))
    air.radios[2].power_off()
    air.radios[0].transmit(1, data(1, 0xFFFF, 0, ack=False))
    air.run()
    assert [len(ear.frames) for ear in air.ears] == [0, 0, 0, 1]
    with pytest.raises(ValueError, match="channel 3"):
        air.radios[1].configure(air.settings(1, channel=3))


def test_a_radio_that_tunes_in_within_a_frame_does_not_hear_it():
    air = Air(2)
    air.radios[1].configure(air.settings(1, channel=20))
    air.radios[0].transmit(1, data(1, 1, 0, size=100, ack=False), clear_channel=False)
    air.run(0.001)
    air.radios[1].configure(air.settings(1))
    air.run()
    assert air.ears[1].frames == []


def test_energy_scan_finds_the_strongest_and_hears_no_frames():
    air = Air(3)
    air.medium.link(air.radios[1], air.radios[0], Link(rssi_dbm=-63))
    air.radios[1].configure(air.settings(1, channel=20))
    air.radios[0].measure_energy(20, 0.1)
    air.radios[0].measure_energy(21, 0.1)
    air.radios[1].transmit(1, data(1, 0xFFFF, 1, ack=False))
    air.radios[2].transmit(1, data(2, 0xFFFF, 2, ack=False))
    air.run(0.05)
    air.radios[0].transmit(1, data(1, 2, 0))
    air.run()
    assert air.ears[0].energy == [(20, -63), (21, -100)]
    assert air.ears[0].frames == []
    assert air.ears[0].results[1].status is TransmitStatus.DONE  # after the scans, back on its channel
    assert air.medium.scanning == 0


def test_power_cut_within_a_frame_breaks_it():
    air = Air(2)
    air.radios[0].transmit(1, data(1, 1, 0, size=100), clear_channel=False)
    air.radios[0].transmit(2, data(2, 1, 0))
    air.run(0.002)
    air.radios[0].power_off()
    assert {result.status for result in air.ears[0].results.values()} == {TransmitStatus.FAILED}
    assert len(air.ears[0].results) == 2
    air.run()
    assert air.ears[1].frames == []
    assert air.shown[0].heard_by[0].outcome == "corrupted"
    air.radios[0].transmit(3, data(3, 1, 0))
    air.run()
    assert air.ears[0].results[3].status is TransmitStatus.FAILED
    air.radios[0].power_on()
    assert air.ears[0].resets == ["power on"]
    air.radios[0].configure(air.settings(0))
    air.radios[0].transmit(4, data(4, 1, 0))
    air.run()
    assert air.ears[0].results[4].status is TransmitStatus.DONE


def test_the_scheduler_is_deterministic_and_forgets_cancelled_calls():
    scheduler = HeapScheduler()
    seen = []
    scheduler.call_at(2, seen.append, "b")
    scheduler.call_at(1, seen.append, "a")
    scheduler.call_at(2, seen.append, "c")
    scheduler.call_at(1.5, seen.append, "x").cancel()
    assert scheduler.run(1.9) == 1
    assert scheduler.time() == 1.9
    scheduler.run()
    assert seen == ["a", "b", "c"]


def test_any_octets_leave_the_air_alive():
    air = Air(3, seed=1)
    randomness = random.Random(1)
    air.radios[2].configure(air.settings(2, promiscuous=True))
    for _ in range(2_000):
        octets = randomness.randbytes(randomness.randrange(126))
        air.radios[0].inject(octets if randomness.random() < 0.3 else with_fcs(octets))
    air.run(60)
    air.ears[0].results.clear()
    air.radios[0].transmit(1, data(1, 1, 0))
    air.run()
    assert air.ears[0].results[1].status is TransmitStatus.DONE
    assert len(air.ears[2].frames) > 1_000


def test_two_airs_share_nothing():
    one, other = Air(2), Air(2)
    one.medium.link(one.radios[0], one.radios[1], Link(loss=1.0))
    other.radios[0].transmit(1, data(1, 1, 0))
    other.run()
    assert other.ears[1].frames
    medium = Medium(HeapScheduler(), default_link=None)
    radios = [EmulatedRadio(medium, str(number), eui(number)) for number in range(2)]
    ears = [Ear(radio) for radio in radios]
    for number, radio in enumerate(radios):
        radio.configure(Air.settings(number))
    radios[0].transmit(1, data(1, 1, 0))
    medium.scheduler.run()
    assert ears[1].frames == []
