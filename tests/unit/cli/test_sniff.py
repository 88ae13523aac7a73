"""`hil sniff` in a process of its own, on the emulated RCP behind a real pseudo-terminal."""

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hil.capture.sniffer import Output, Sniffer
from hil.clock import RealClock
from protocols.capture import parse_tap
from protocols.pcapng import LinkType, Packet, Section, Statistics, read_pcapng
from protocols.radio import ReceivedFrame
from protocols.radio_frames import with_fcs
from rigs.emulated.air import EmulatedRadio, Medium
from rigs.emulated.rcp import EmulatedRcp
from rigs.emulated.rcp_wires import RcpPty
from tests.loops import in_loop
from tests.unit.emulated.air_bench import Air, data, eui


class Stage:
    """A stick to be sniffed with, and a radio that sends to nobody."""

    def __init__(self, folder):
        self.medium = Medium(asyncio.get_running_loop())
        self.rcp = EmulatedRcp(EmulatedRadio(self.medium, "stick", eui(0)))
        self.sender = EmulatedRadio(self.medium, "sender", eui(1))
        self.sender.configure(Air.settings(1))
        self.wire = RcpPty(folder / "stick", self.rcp)
        self.path = str(folder / "stick")
        self.sent = 0

    async def send_until(self, condition):
        for _ in range(500):
            if condition():
                return
            self.sender.transmit(0, data(self.sent & 0xFF, 9, 1, ack=False))
            self.sent += 1
            await asyncio.sleep(0.02)
        pytest.fail("nothing came of it")


@asynccontextmanager
async def stage(folder):
    made = Stage(folder)
    await made.wire.start()
    try:
        yield made
    finally:
        await made.wire.close()


async def start(*arguments, **options):
    options = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE} | options
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "hil", "sniff", *arguments, **options)


def packets(octets):
    return [block for block in read_pcapng(octets) if isinstance(block, Packet)]


@in_loop
async def test_a_pipe_gets_each_frame_at_once_and_an_end_at_ctrl_c(tmp_path):
    async with stage(tmp_path) as test:
        process = await start("--radio", test.path, "--channel", "15", "-o", "-")
        received = bytearray()

        async def read():
            while octets := await process.stdout.read(4096):
                received.extend(octets)

        reading = asyncio.create_task(read())
        heads = 28 + 20
        await test.send_until(lambda: len(received) > heads and len(packets(bytes(received))) >= 3)
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
        await reading
        stderr = (await process.stderr.read()).decode()
        section, interface, *frames, statistics = read_pcapng(bytes(received))
        assert isinstance(section, Section)
        assert (interface.link_type, interface.description) == (LinkType.IEEE802_15_4_TAP, f"radio {eui(0)}")
        assert isinstance(statistics, Statistics)
        assert statistics.received == len(frames)
        assert stderr == f"{len(frames)} frames on channel 15: {len(frames)} data\n"
        taps = [parse_tap(frame.octets) for frame in frames]
        assert {(tap.channel, tap.rssi_dbm, tap.fcs_octets) for tap in taps} == {(15, -50.0, 2)}
        first = taps[0].psdu[2]
        assert [tap.psdu for tap in taps] == [
            with_fcs(data(first + number & 0xFF, 9, 1, ack=False)) for number in range(len(taps))
        ]
        times = [frame.time_ns for frame in frames]
        assert times == sorted(times)
        assert abs(times[-1] / 1e9 - RealClock().now().timestamp()) < 60
        assert not test.rcp.radio.settings or test.rcp.radio.settings.promiscuous


@in_loop
async def test_without_a_channel_it_stays_where_there_are_frames(tmp_path):
    async with stage(tmp_path) as test:
        output = tmp_path / "out.pcapng"
        process = await start("--radio", test.path, "-o", str(output))
        await test.send_until(lambda: output.exists() and len(read_whole(output)) >= 3)
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
        assert b"frames on channel 15: " in await process.stderr.read()
        assert {parse_tap(frame.octets).channel for frame in read_whole(output)} == {15}


def read_whole(path):
    octets = path.read_bytes()
    return (
        [block for block in read_pcapng(octets, whole=False) if isinstance(block, Packet)] if octets else []
    )


@in_loop
async def test_it_ends_by_itself_after_so_long(tmp_path):
    async with stage(tmp_path) as test:
        process = await start("--radio", test.path, "--channel", "20", "--seconds", "0.3", cwd=tmp_path)
        assert await process.wait() == 0
        assert await process.stderr.read() == b"0 frames on channel 20\n"
        *_, statistics = read_pcapng((tmp_path / "sniff.pcapng").read_bytes())
        assert statistics.received == 0


@in_loop
async def test_a_reader_that_goes_away_ends_it_in_order(tmp_path):
    async with stage(tmp_path) as test:
        reading, writing = os.pipe()
        process = await start("--radio", test.path, "--channel", "15", "-o", "-", stdout=writing)
        os.close(writing)
        waiting = asyncio.create_task(process.wait())
        assert await asyncio.to_thread(os.read, reading, 4)
        os.close(reading)
        await test.send_until(waiting.done)
        assert process.returncode == 0


@in_loop
async def test_a_stick_that_is_pulled_out_is_said(tmp_path):
    async with stage(tmp_path) as test:
        output = tmp_path / "out.pcapng"
        process = await start("--radio", test.path, "--channel", "15", "-o", str(output))
        await test.send_until(lambda: output.exists() and len(read_whole(output)) >= 1)
        await test.wire.close()
        assert await process.wait() == 3
        assert b"next step" in await process.stderr.read()
        *_, statistics = read_pcapng(output.read_bytes())
        assert statistics.received == len(read_whole(output))


RIG = """\
schema = 1
name = "desk"
[keys]
seed = "x"
[nodes.chf]
kind = "device"
device = "chf.toml"
[nodes.chf.ports.wan]
driver = "tcp"
url = "socket://127.0.0.1:9"
[nodes.chf.ports.han]
driver = "spinel"
url = "stick"
"""
DEVICE = Path(__file__).parents[3] / "rigs/devices/chf.toml"


@in_loop
async def test_the_radio_of_a_rig_is_found(tmp_path):
    (tmp_path / "rig.toml").write_text(RIG.replace("chf.toml", str(DEVICE)))
    async with stage(tmp_path) as test:
        for more in ((), ("--node", "chf")):
            rig = ("--rig", str(tmp_path / "rig.toml"))
            process = await start(*rig, *more, "--channel", "15", "--seconds", "0.2", cwd=tmp_path)
            assert (await process.wait(), await process.stderr.read()) == (0, b"0 frames on channel 15\n")
        process = await start(*rig, "--node", "esme", cwd=tmp_path)
        assert await process.wait() == 2
        assert b"nodes with a radio: chf" in await process.stderr.read()
        assert test.rcp.resets


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, b"name one radio"),
        (("--radio", "x", "--rig", "y"), 2, b"name one radio"),
        (("--radio", "/dev/null/nowhere", "--channel", "15"), 3, b"next step"),
        (("--radio", "/dev/ttyS99", "--driver", "spinnel"), 2, b"there is no driver 'spinnel'"),
        (("--radio", "x", "-o", "/proc/nowhere/x"), 2, b"cannot be written"),
        (("--radio", "x", "--channel", "27"), 2, b"channel"),
    ],
)
def test_what_is_wrong_is_said_with_the_next_step(tmp_path, arguments, code, said):
    async def run():
        process = await start(*arguments, cwd=tmp_path)
        _, stderr = await process.communicate()
        return process.returncode, stderr

    returned, stderr = asyncio.run(run())
    assert said in stderr
    assert returned == code


class Deaf:
    eui64 = eui(0)

    def __init__(self):
        self.settings = None

    def listen(self, listener):
        pass

    def configure(self, settings):
        self.settings = settings


def test_frames_of_the_channel_before_are_left_out_once_it_stays(tmp_path):
    with (tmp_path / "x").open("wb") as file:
        sniffer = Sniffer(Deaf(), RealClock(), Output(file.fileno()), Section())
        sniffer.tune(12)
        sniffer.frame_received(ReceivedFrame(b"\x02\x00\x01", 11, 1.0))
        assert sniffer.channel == 11  # it goes back to where the frame was
        sniffer.frame_received(ReceivedFrame(b"\x07", 12, 1.0))
        sniffer.frame_received(ReceivedFrame(b"\x07", 11, 1.0))
        sniffer.radio_reset("power on")
    assert sniffer.frames == 2
    assert sniffer.counts == {"acknowledgement": 1, "other": 1}
    assert sniffer.resets == ["power on"]


def test_a_full_disk_is_kept_in_mind():
    with Path("/dev/full").open("wb", buffering=0) as full:
        output = Output(full.fileno())
        output.write(b"x")
        output.write(b"y")
    assert output.problem.errno == 28
