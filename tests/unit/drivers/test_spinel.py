"""The Spinel driver against the emulated RCP on a real pseudo-terminal, and against what is no RCP."""

import asyncio
import os
import random
import time
import tty
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from drivers.spinel_radio import SpinelConfig, SpinelRadio, open_spinel_radio
from protocols.ports import BenchError, DriverContext
from protocols.radio import FrameRadio, TransmitStatus
from protocols.spinel.datatypes import pack_uint
from protocols.spinel.hdlc import encode_frame
from protocols.spinel.properties import Capability
from protocols.spinel.status import Status
from rigs.emulated.air import EmulatedRadio, Link, Medium
from rigs.emulated.fault_catalogue.sticks import StickLine
from rigs.emulated.rcp import EmulatedRcp, RcpFirmware
from rigs.emulated.rcp_wires import RcpPty, RcpTcp
from tests.loops import in_loop
from tests.stick_lines import stick_fault
from tests.unit.emulated.air_bench import Air, Ear, data, data_request, eui


class WallClock:
    def now(self):
        return datetime.now(UTC)

    def monotonic(self):
        return time.monotonic()

    async def sleep(self, seconds):
        await asyncio.sleep(seconds)


class Bench:
    """An air in real time: the driver's RCP is radio 0, radio 1 is a peer."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.medium = Medium(asyncio.get_running_loop())
        self.shown = []
        self.medium.tap(self.shown.append)
        self.rcp = EmulatedRcp(EmulatedRadio(self.medium, "stick", eui(0)))
        self.line = StickLine(self.rcp)
        self.peer = EmulatedRadio(self.medium, "peer", eui(1))
        self.peer_ear = Ear(self.peer)
        self.peer.configure(Air.settings(1))
        self.context = DriverContext(WallClock(), "chf", "han", folder)
        self.radio: SpinelRadio
        self.ear: Ear

    async def open(self, address, **keys) -> None:
        self.radio = await open_spinel_radio(SpinelConfig(url=address, **keys), self.context)
        self.ear = Ear(self.radio)
        self.radio.configure(Air.settings(0))

    def has(self, fault):
        return stick_fault(self.line, self.medium.scheduler, fault)

    async def peer_sends(self, token, frame):
        self.peer.transmit(token, frame)
        await self.peer_ear.until(lambda: token in self.peer_ear.results)
        return self.peer_ear.results[token]

    async def settled(self) -> None:
        """Everything asked of the firmware so far has been answered."""
        link = self.radio._link
        for _ in range(1_000):
            if not (self.radio._orders or link._open or link._waiting):
                return
            await asyncio.sleep(0.005)
        pytest.fail("the firmware has not answered everything")


@asynccontextmanager
async def bench(folder, *, opened=True, firmware=None, **keys):
    test = Bench(folder)
    if firmware is not None:
        test.rcp.firmware = firmware
    wire = RcpPty(folder / "chf.han", test.line)
    address = await wire.start()
    try:
        if opened:
            await test.open(address, **keys)
        yield test
        if opened:
            await test.radio.close()
            await test.radio.close()
    finally:
        await wire.close()


@in_loop
async def test_it_opens_and_knows_the_firmware(tmp_path):
    async with bench(tmp_path) as test:
        assert isinstance(test.radio, FrameRadio)
        assert test.radio.eui64 == eui(0)
        assert test.radio.info.api_version == 11
        assert "OPENTHREAD" in test.radio.info.version
        assert test.rcp.resets == 1


@in_loop
async def test_frames_both_ways(tmp_path):
    async with bench(tmp_path) as test:
        for number in range(10):
            test.radio.transmit(number, data(number, 1, 0))
        assert test.ear.results == {}
        await test.ear.until(lambda: len(test.ear.results) == 10)
        assert list(test.ear.results) == list(range(10))
        assert {result.status for result in test.ear.results.values()} == {TransmitStatus.DONE}
        assert [octets[2] for octets in test.peer_ear.octets] == list(range(10))
        result = await test.peer_sends(1, data(99, 0, 1))
        assert result.status is TransmitStatus.DONE
        await test.ear.until(lambda: test.ear.frames)
        (frame,) = test.ear.frames
        assert (frame.octets, frame.channel, frame.rssi_dbm) == (data(99, 0, 1), 15, -50)
        assert abs(frame.time_s - time.monotonic()) < 5
        assert test.radio.statistics.sent[TransmitStatus.DONE] == 10
        assert any("10 done" in line for line in test.radio.statistics.lines())


@in_loop
async def test_how_frames_end(tmp_path):
    async with bench(tmp_path) as test:
        test.radio.transmit(1, data(1, 9, 0), retries=1)
        test.radio.transmit(2, bytes(126))
        await test.ear.until(lambda: len(test.ear.results) == 2)
        test.medium.set_noise(15, -50)
        test.radio.transmit(3, data(1, 1, 0))
        test.radio.transmit(4, data(1, 1, 0), clear_channel=False)
        await test.ear.until(lambda: len(test.ear.results) == 4)
        assert [test.ear.results[token].status for token in range(1, 5)] == [
            TransmitStatus.NO_ACK,
            TransmitStatus.FAILED,
            TransmitStatus.CHANNEL_BUSY,
            TransmitStatus.DONE,
        ]
        assert len(test.shown) == 2 + 2


@in_loop
async def test_settings_hold_for_frames_after_them_and_not_before(tmp_path):
    async with bench(tmp_path) as test:
        test.radio.transmit(1, data(1, 0xFFFF, 0, ack=False))
        test.radio.configure(Air.settings(0, channel=20))
        test.radio.transmit(2, data(2, 0xFFFF, 0, ack=False))
        test.radio.configure(Air.settings(0))
        await test.ear.until(lambda: len(test.ear.results) == 2)
        assert [frame.channel for frame in test.shown] == [15, 20]


@in_loop
async def test_polls_of_children_and_their_statistics(tmp_path):
    async with bench(tmp_path) as test:
        statistics = test.radio.statistics
        test.radio.match_sources(enabled=True, short={1}, extended={eui(7)})
        await test.settled()
        test.peer.configure(Air.settings(1, receiver_on_when_idle=False))
        assert (await test.peer_sends(1, data_request(1, 0, 1))).frame_pending
        await test.ear.until(lambda: test.ear.frames)
        assert test.ear.frames[0].acknowledged_pending
        test.radio.transmit(1, data(5, 1, 0))
        await test.ear.until(lambda: 1 in test.ear.results)
        assert test.ear.results[1].status is TransmitStatus.DONE
        assert (statistics.polls_pending, statistics.polls_served) == (1, 1)
        assert statistics.answer_latency.count == 1
        assert statistics.poll_success == 1.0
        test.radio.match_sources(enabled=True, short=frozenset(), extended=frozenset())
        await test.settled()
        assert not (await test.peer_sends(2, data_request(2, 0, 1))).frame_pending


@in_loop
async def test_tables_are_written_again_after_a_reset(tmp_path):
    async with bench(tmp_path) as test:
        many = set(range(1, 20))
        test.radio.match_sources(enabled=True, short=many, extended={eui(1)})
        await test.settled()
        test.radio.transmit(1, data(1, 1, 0))
        test.radio.transmit(2, data(2, 1, 0))
        await asyncio.sleep(0)
        test.rcp.reset(Status.RESET_WATCHDOG)
        await test.ear.until(lambda: test.ear.resets)
        assert test.ear.resets == ["reset watchdog"]
        assert {result.status for result in test.ear.results.values()} <= {
            TransmitStatus.FAILED,
            TransmitStatus.DONE,
        }
        assert len(test.ear.results) == 2
        await test.settled()
        assert test.rcp._state.match_short == many
        assert test.rcp._state.match
        assert (await test.peer_sends(1, data_request(1, 0, 5))).frame_pending
        assert not (await test.peer_sends(2, data_request(2, 0, 30))).frame_pending
        test.radio.transmit(3, data(3, 1, 0))
        await test.ear.until(lambda: 3 in test.ear.results)
        assert test.ear.results[3].status is TransmitStatus.DONE
        assert test.radio.statistics.resets == 1
        assert test.radio.faults == []


@in_loop
async def test_a_full_table_lets_everybody_wait(tmp_path):
    async with bench(tmp_path, firmware=RcpFirmware(table_size=3)) as test:
        test.radio.match_sources(enabled=True, short=set(range(10)), extended=frozenset())
        await test.settled()
        assert "table" in test.radio.faults[0].problem
        assert (await test.peer_sends(1, data_request(1, 0, 99))).frame_pending


@in_loop
async def test_a_sleeper_polls(tmp_path):
    async with bench(tmp_path) as test:
        test.radio.configure(Air.settings(0, receiver_on_when_idle=False))
        await test.settled()
        assert (await test.peer_sends(1, data(1, 0, 1))).status is TransmitStatus.NO_ACK
        test.peer_ear.frame_received = lambda _frame: test.peer.transmit(2, data(2, 0, 1))
        test.radio.transmit(1, data_request(9, 1, 0))
        await test.ear.until(lambda: test.ear.frames)
        assert test.ear.frames[0].octets[2] == 2
        assert test.radio.statistics.own_polls_served == 1
        await test.settled()
        assert test.rcp.radio.hears_since == float("inf")


@in_loop
async def test_sniffing_and_energy(tmp_path):
    async with bench(tmp_path) as test:
        other = EmulatedRadio(test.medium, "other", eui(2))
        other.configure(Air.settings(2, channel=20))
        test.peer.configure(Air.settings(1, channel=20))
        test.medium.link(test.peer, test.rcp.radio, Link(rssi_dbm=-66))
        test.radio.sniff(20)
        await test.settled()
        await test.peer_sends(1, data(1, 2, 1))
        await test.ear.until(lambda: len(test.ear.frames) == 2)
        assert [frame.octets[0] for frame in test.ear.frames] == [0x61, 0x02]
        test.medium.set_noise(25, -80)
        test.radio.measure_energy(25, 0.02)
        await test.ear.until(lambda: test.ear.energy)
        assert test.ear.energy == [(25, -80)]


@in_loop
async def test_lost_octets_cost_time_and_nothing_else(tmp_path):
    async with bench(tmp_path, timeout_s=0.2) as test:
        await test.settled()
        fault = test.has("stick-octets-lost,probability=0.002")
        for number in range(60):
            test.radio.transmit(number, data(number, 1, 0))
            test.radio.match_sources(enabled=True, short={number}, extended=frozenset())
        await test.ear.until(lambda: len(test.ear.results) == 60)
        statuses = [result.status for result in test.ear.results.values()]
        assert statuses.count(TransmitStatus.DONE) > 25
        test.line.end(fault)
        assert test.radio.faults == []
        test.radio.match_sources(enabled=True, short={1}, extended=frozenset())
        await test.settled()
        assert test.rcp._state.match_short == {1}


@in_loop
async def test_silence_is_one_clear_error(tmp_path):
    async with bench(tmp_path, timeout_s=0.1) as test:
        await test.settled()
        test.has("stick-silent")
        for number in range(5):
            test.radio.transmit(number, data(number, 1, 0))
        await test.ear.until(lambda: len(test.ear.results) == 5)
        assert {result.status for result in test.ear.results.values()} == {TransmitStatus.FAILED}
        (fault,) = test.radio.faults
        assert "stopped answering" in fault.problem
        assert "chf.han" in fault.problem
        test.radio.transmit(9, data(9, 1, 0))
        await test.ear.until(lambda: 9 in test.ear.results)


@in_loop
async def test_a_line_that_goes_away(tmp_path):
    test = Bench(tmp_path)
    wire = RcpTcp(test.rcp)
    await test.open(await wire.start())
    test.radio.transmit(1, data(1, 1, 0))
    await test.ear.until(lambda: 1 in test.ear.results)
    assert test.ear.results[1].status is TransmitStatus.DONE
    await wire.close()
    faults = asyncio.Event()
    test.radio.on_fault = lambda _fault: faults.set()
    await asyncio.wait_for(faults.wait(), 5)
    assert "gone" in test.radio.faults[0].problem
    test.radio.transmit(2, data(2, 1, 0))
    await test.ear.until(lambda: 2 in test.ear.results)
    assert test.ear.results[2].status is TransmitStatus.FAILED
    await test.radio.close()


@in_loop
async def test_any_octets_from_the_firmware_leave_the_driver_alive(tmp_path):
    async with bench(tmp_path) as test:
        await test.settled()
        randomness = random.Random(3)
        feed = test.radio._feed
        for _ in range(2_000):
            command, key = randomness.randrange(10), randomness.choice([0, 0x71, 0x39, 0x70, 5, 0x1304])
            body = bytes((0x80 | randomness.randrange(16), command)) + pack_uint(key)
            body += randomness.randbytes(randomness.randrange(40))
            # A status that says "reset" is believed; that has a test of its own.
            if key == 0 and body[3:4] >= b"\x70":
                continue
            feed(encode_frame(body) if randomness.random() < 0.9 else body)
        feed(b"\x7e")
        assert test.radio.statistics.bad_frames
        test.ear.results.clear()
        test.radio.transmit(1, data(1, 1, 0))
        await test.ear.until(lambda: 1 in test.ear.results)
        assert test.ear.results[1].status is TransmitStatus.DONE


@pytest.fixture
def quick_probes(monkeypatch):
    monkeypatch.setattr("drivers.spinel_start._PROBE_S", 0.1)


NCP = (Capability.CONFIG_FTD, Capability.MAC_RAW, Capability.RCP_API_VERSION)
OLD = (Capability.CONFIG_RADIO, Capability.MAC_RAW)


@pytest.mark.parametrize(
    ("firmware", "cause", "step"),
    [
        (RcpFirmware(protocol=(3, 0)), "Spinel 3.0", "flash OpenThread RCP"),
        (
            RcpFirmware(capabilities=NCP, version="OPENTHREAD/ncp"),
            "whole Thread stack",
            "flash OpenThread RCP",
        ),
        (RcpFirmware(capabilities=()), "no radio co-processor", "flash"),
        (RcpFirmware(capabilities=OLD, version="old one"), "old one", "a newer one"),
        (RcpFirmware(api_version=3), "RCP API 3", "a newer one"),
        (RcpFirmware(oldest_host_api_version=40), "RCP API 40", "an older one"),
    ],
)
@in_loop
async def test_wrong_firmware_is_named(tmp_path, firmware, cause, step):
    async with bench(tmp_path, opened=False, firmware=firmware) as test:
        with pytest.raises(BenchError) as caught:
            await test.open(str(tmp_path / "chf.han"))
        assert cause in caught.value.cause
        assert "[nodes.chf.ports.han]" in caught.value.cause
        assert step in caught.value.next_step


@pytest.mark.usefixtures("quick_probes")
@pytest.mark.parametrize(
    ("answers", "cause"),
    [
        ({b"\x1a\xc0\x38\xbc\x7e": bytes.fromhex("1ac1020b0a527e")}, "EZSP"),
        ({bytes.fromhex("fe00210120"): bytes.fromhex("fe0261017902")}, "Z-Stack"),
        ({b"\x7e": b"\r\nGecko Bootloader v2.1.1\r\n1. upload gbl\r\nBL > "}, "boot loader"),
        ({b"\x7e": b"\x00\xff\x13"}, "no Spinel"),
        ({}, "nothing answers"),
    ],
)
@in_loop
async def test_other_firmware_is_named(tmp_path, answers, cause):
    master, slave = os.openpty()
    tty.setraw(slave)
    loop = asyncio.get_running_loop()

    def readable() -> None:
        octets = os.read(master, 4096)
        for question, answer in answers.items():
            if question in octets:
                os.write(master, answer)

    loop.add_reader(master, readable)
    context = DriverContext(WallClock(), "chf", "han", tmp_path)
    try:
        with pytest.raises(BenchError, match=cause) as caught:
            await open_spinel_radio(SpinelConfig(url=os.ttyname(slave), timeout_s=0.15), context)
        assert caught.value.next_step
    finally:
        loop.remove_reader(master)
        os.close(master)
        os.close(slave)


@pytest.mark.usefixtures("quick_probes")
@in_loop
async def test_an_rcp_that_hangs_at_start(tmp_path):
    async with bench(tmp_path, opened=False) as test:
        test.has("stick-silent")
        with pytest.raises(BenchError, match="nothing answers"):
            await test.open(str(tmp_path / "chf.han"), timeout_s=0.3)
