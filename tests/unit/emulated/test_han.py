"""The emulated premises on the air: how fast they commission, what a lossy air costs, what outlives a power cut."""

from __future__ import annotations

import random
import time

import pytest

from fixtures.emulated_premises import EUI64S
from fixtures.premises_by_hand import CCS08, CS09, JOIN_S, PremisesByHand, codes
from protocols.gbcs.crypto import sign
from protocols.ota import OtaHeader, OtaImage, build_ota
from protocols.ports import StimulusOutcome
from rigs.emulated.air import HeapScheduler, Link
from rigs.emulated.han.memory import HanMemory, KeptImage
from rigs.emulated.han.pump import Pump
from rigs.emulated.storage import Storage

DEVICES = ("esme", "gsme", "ppmid")


@pytest.fixture
def bench(tmp_path):
    with PremisesByHand(tmp_path / "state") as made:
        yield made


def meter_image(bench, octets, version=0x09000000):
    contents = random.Random(1).randbytes(octets)
    header = OtaHeader(0x121D, 0, version, 0, 0xFFFF, b"large")
    signer = bench.hierarchy.organisation("supplier").ds.private
    return build_ota(OtaImage(header, contents, 0, sign(signer, contents)))


# Joining ----------------------------------------------------------------------------------------------------


def test_hub_and_devices_are_commissioned_in_less_than_two_seconds(tmp_path):
    before = time.process_time()
    with PremisesByHand(tmp_path / "state") as bench:
        for name in DEVICES:
            bench.add(name)
        bench.after(JOIN_S)
        took_s = time.process_time() - before
        assert {name for name in DEVICES if bench.premises.devices[name].hub} == set(DEVICES)
        assert bench.premises.devices["esme"].hub == EUI64S["gpf"]
    assert took_s < 2  # processor time


def test_devices_join_and_talk_on_an_air_that_loses_a_tenth(bench):
    bench.premises.air.medium.default_link = Link(loss=0.1)
    for name in DEVICES:
        bench.add(name, join_time_s=120)
    bench.after(60)
    for _ in range(5):
        assert 0x0059 in codes(bench.request("supplier", "ECS52", "esme", wait_s=30))
        assert len(bench.request("supplier", "GCS38", "gsme", wait_s=30)) == 1


def test_everybody_comes_back_after_a_power_cut_of_the_hub(bench):
    for name in DEVICES:
        bench.join(name)
    bench.power("chf", on=False)
    bench.after(600)
    bench.power("chf", on=True)
    bench.after(900)
    assert codes(bench.request("supplier", "ECS52", "esme")) == [0x0059]
    assert len(bench.request("supplier", "GCS38", "gsme", wait_s=30)) == 1
    assert len(bench.request("access_control_broker", "CS07", "ppmid")) == 1


def test_removed_without_supply_a_device_finds_out_by_itself(bench):
    bench.join("esme")
    bench.power("esme", on=False)
    bench.remove("esme")
    bench.power("esme", on=True)
    bench.after(30)
    assert bench.premises.devices["esme"].hub is None
    assert bench.log() == {}


def test_faults_that_nobody_knows_are_refused(bench):
    outcome, answer = bench.premises.control("stimulus", "esme", "han-fault", "cracked-aerial")
    assert outcome == str(StimulusOutcome.REFUSED)
    assert "wrong-issuer" in answer


def test_equal_premises_have_equal_courses_of_events(tmp_path):
    seen = []
    for number in range(2):
        with PremisesByHand(tmp_path / str(number)) as bench:
            frames = []
            bench.premises.air.medium.tap(lambda frame: frames.append((frame.start_ns, frame.psdu)))  # noqa: B023
            bench.join("esme")
            bench.join("gsme")
            seen.append(frames)
    assert seen[0] == seen[1]
    assert len(seen[0]) > 100


# Messages ---------------------------------------------------------------------------------------------------


def test_message_that_is_too_large_for_the_air_goes_in_blocks(bench):
    bench.join("esme")
    taken = []
    bench.premises.devices["esme"].handle = taken.append
    command = bench.users.wrap("supplier", "esme", 0x0059, bytes(5_000))
    bench.put(command, wait_s=30)
    assert taken == [command]


# Firmware ---------------------------------------------------------------------------------------------------


def test_half_a_megabyte_over_a_lossy_air_with_a_power_cut(bench):
    bench.join("esme")
    bench.premises.air.medium.default_link = Link(loss=0.05)
    file = meter_image(bench, 500_000)
    before = time.process_time()
    assert bench.image("esme", file, wait_s=random.Random(2).uniform(20, 80)) == []
    sent = bench.premises.air.medium.sent
    bench.power("esme", on=False)
    bench.power("esme", on=True)
    said = bench.after(200)
    took_s = time.process_time() - before
    assert 0x8F72 in [message.values.get("alert_code") for message in said]
    # Two frames a block with their acknowledgements: what was there before the cut was not fetched again.
    assert bench.premises.air.medium.sent - sent < 45_000
    assert took_s < 15  # processor time: 6 s where nobody else works


def test_image_for_a_ppmid_survives_a_cut_at_any_block(tmp_path):
    header = OtaHeader(0x121D, 4, 0x0A0B0C0D, 0, 0xFFFF, b"small")
    file = build_ota(OtaImage(header, bytes(3_000)))
    chance = random.Random(3)
    with PremisesByHand(tmp_path / "state") as bench:
        bench.join("ppmid")
        said = bench.image("ppmid", file, wait_s=0.2)
        for _ in range(5):
            bench.power("ppmid", on=False)
            assert bench.premises.control("power-on", "ppmid", "", "") == ("done", "on")
            said += bench.after(chance.uniform(0.5, 3.0))
        said += bench.after(120)
    assert {CCS08, CS09} <= set(codes(said))


# Parts ------------------------------------------------------------------------------------------------------


def test_kept_image_is_whole_whatever_the_order_of_its_blocks():
    store = KeptImage(Storage(":memory:"))
    for at in (96, 0, 48):
        store.write(at, bytes([at]) * 48)
    assert store.image(100) == bytes(48) + bytes([48]) * 48 + bytes([96]) * 4
    assert store.load() is None
    store.clear()
    assert store.image(4) == bytes(4)


def test_counters_of_a_network_that_was_left_never_go_back():
    memory = HanMemory(Storage(":memory:"))
    assert memory.former() is None
    memory.put(former=[{"nwk_counter": 5, "aps_counter": 9}, {}], stack={"nwk_counter": 8, "aps_counter": 7})
    stack, _ = memory.former()
    assert stack == {"nwk_counter": 8, "aps_counter": 9}
    assert [memory.next_boot(), memory.next_boot()] == [0, 1]


class Part:
    """Something that wants to run every second, and once sooner."""

    def __init__(self, scheduler):
        self.on_earlier = None
        self.due = 1.0
        self.ran = []
        self._scheduler = scheduler

    def next_due(self):
        return self.due

    def run_due(self, now):
        if now >= self.due:
            self.ran.append(now)
            self.due = now + 1


def test_pump_runs_a_part_when_it_is_due_until_it_is_stopped():
    scheduler = HeapScheduler()
    part = Part(scheduler)
    pump = Pump(scheduler, part)
    scheduler.run(until=2.5)
    part.due = 2.75
    part.on_earlier(2.75)
    scheduler.run(until=4)
    assert part.ran == [1, 2, 2.75, 3.75]
    pump.stop()
    part.on_earlier(4.5)
    scheduler.run(until=9)
    assert len(part.ran) == 4
