"""Pseudo-terminal wires, read and written here with plain descriptors: no driver of ours takes part."""

import asyncio
import os
import random

import pytest

from protocols.gfi_line import LineError
from protocols.ports import BenchError, Frame, FrameKind, PortClosedError
from rigs.emulated.wires import ConsoleWire, PtyWire
from tests.loops import in_loop


async def read_exactly(descriptor: int, count: int) -> bytes:
    """Read in a thread, as a harness in another process would."""

    def read() -> bytes:
        octets = bytearray()
        while len(octets) < count:
            octets += os.read(descriptor, count - len(octets))
        return bytes(octets)

    return await asyncio.wait_for(asyncio.to_thread(read), 20)


def open_slave(path: str) -> int:
    return os.open(path, os.O_RDWR | os.O_NOCTTY)


class Inbox:
    def __init__(self) -> None:
        self.queue: asyncio.Queue[object] = asyncio.Queue()

    async def next(self) -> object:
        return await asyncio.wait_for(self.queue.get(), 5)


def wire_with_inbox(path, **keywords) -> tuple[PtyWire, Inbox]:
    inbox = Inbox()
    return PtyWire(path, inbox.queue.put_nowait, on_error=inbox.queue.put_nowait, **keywords), inbox


@in_loop
async def test_frames_both_ways_and_a_path_that_stays(tmp_path):
    wire, inbox = wire_with_inbox(tmp_path / "deep" / "chf.wan")
    endpoint = await wire.start()
    assert endpoint == str(tmp_path / "deep" / "chf.wan")
    for _ in range(3):  # the harness comes and goes
        slave = open_slave(endpoint)
        os.write(slave, b"GBCS:DATA#0:3:0A0B0C\r\n")
        assert await inbox.next() == Frame(FrameKind.GBCS, b"\x0a\x0b\x0c")
        await wire.send(Frame(FrameKind.GBCS, b"\xfe\xff"))
        line = b"GBCS:DATA#0:2:FEFF\r\n"
        assert await read_exactly(slave, len(line)) == line
        os.close(slave)
    await wire.close()
    await wire.close()
    assert not list((tmp_path / "deep").iterdir())
    with pytest.raises(PortClosedError):
        await wire.send(Frame(FrameKind.GBCS, b"\x01"))


@in_loop
async def test_written_while_nobody_has_it_open_is_read_later(tmp_path):
    wire, _ = wire_with_inbox(tmp_path / "wan")
    endpoint = await wire.start()
    await wire.send(Frame(FrameKind.GBCS, b"\x01"))
    slave = open_slave(endpoint)
    line = b"GBCS:DATA#0:1:01\r\n"
    assert await read_exactly(slave, len(line)) == line
    os.close(slave)
    await wire.close()


@in_loop
async def test_every_octet_passes_untouched(tmp_path):
    wire = ConsoleWire(tmp_path / "console")
    slave = open_slave(await wire.start())
    every = bytes(range(256)) * 40
    wire.write(every)
    assert await read_exactly(slave, len(every)) == every
    os.close(slave)
    await wire.close()


@in_loop
async def test_a_line_cut_by_a_killed_harness_ends_at_the_next_line_end(tmp_path):
    wire, inbox = wire_with_inbox(tmp_path / "wan")
    endpoint = await wire.start()
    killed = open_slave(endpoint)
    os.write(killed, b"GBCS:DATA#0:3:0A0")
    os.close(killed)
    again = open_slave(endpoint)
    os.write(again, b"\r\nGBCS:DATA#0:1:0D\r\n")
    assert isinstance(await inbox.next(), LineError)
    assert await inbox.next() == Frame(FrameKind.GBCS, b"\x0d")
    os.close(again)
    await wire.close()


@in_loop
async def test_console_nobody_reads_keeps_the_newest_and_never_blocks(tmp_path):
    wire = ConsoleWire(tmp_path / "console", limit=10_000)
    endpoint = await wire.start()
    chunks = [b"%07d\n" % number for number in range(100_000)]
    for chunk in chunks:
        wire.write(chunk)
    written = b"".join(chunks)
    assert 0 < wire.dropped < len(written)
    slave = open_slave(endpoint)
    kept = await read_exactly(slave, len(written) - wire.dropped)
    # The kernel holds the oldest, the queue the newest; the gap between is what was counted.
    assert kept.endswith(written[-10_000:])
    assert written.startswith(kept[:-10_000])
    os.close(slave)
    await wire.close()


@in_loop
async def test_messages_nobody_reads_are_dropped_whole(tmp_path):
    wire, _ = wire_with_inbox(tmp_path / "wan", limit=50_000)
    endpoint = await wire.start()
    lines = []
    for number in range(300):
        data = number.to_bytes(2, "big") * 500
        lines.append(b"GBCS:DATA#0:1000:" + data.hex().upper().encode() + b"\r\n")
        await wire.send(Frame(FrameKind.GBCS, data))
    assert wire.dropped > 0
    slave = open_slave(endpoint)
    kept = await read_exactly(slave, sum(map(len, lines)) - wire.dropped)
    arrived = kept.splitlines(keepends=True)
    assert set(arrived) <= set(lines)
    assert arrived[-1] == lines[-1]
    assert wire.dropped == sum(map(len, lines)) - len(kept)
    os.close(slave)
    await wire.close()


@in_loop
async def test_close_lets_the_reader_take_what_is_left(tmp_path):
    wire = ConsoleWire(tmp_path / "console", limit=2_000_000)
    slave = open_slave(await wire.start())
    octets = random.Random(7).randbytes(1_000_000)
    wire.write(octets)
    reading = asyncio.create_task(read_exactly(slave, len(octets)))
    await wire.close()
    assert await reading == octets
    os.close(slave)


@in_loop
async def test_what_is_typed_is_read_even_when_nobody_listens(tmp_path):
    wire = ConsoleWire(tmp_path / "console")
    slave = open_slave(await wire.start())
    await asyncio.wait_for(asyncio.to_thread(os.write, slave, b"x" * 200_000), 10)
    os.close(slave)
    await wire.close()


@in_loop
async def test_typed_octets_reach_the_listener(tmp_path):
    typed: asyncio.Queue[bytes] = asyncio.Queue()
    wire = ConsoleWire(tmp_path / "console", typed.put_nowait)
    slave = open_slave(await wire.start())
    os.write(slave, b"\x03help\r")
    assert await asyncio.wait_for(typed.get(), 5) == b"\x03help\r"
    os.close(slave)
    await wire.close()


@in_loop
async def test_a_callback_that_fails_does_not_stop_the_wire(tmp_path):
    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: reported.append(context))
    seen: asyncio.Queue[Frame] = asyncio.Queue()

    def on_frame(frame: Frame) -> None:
        if frame.data == b"\x01":
            raise RuntimeError("first")
        seen.put_nowait(frame)

    wire = PtyWire(tmp_path / "wan", on_frame)
    slave = open_slave(await wire.start())
    os.write(slave, b"GBCS:DATA#0:1:01\r\nGBCS:DATA#0:1:02\r\n")
    assert (await asyncio.wait_for(seen.get(), 5)).data == b"\x02"
    assert [str(context["exception"]) for context in reported] == ["first"]
    os.close(slave)
    await wire.close()


@in_loop
async def test_a_newer_emulators_path_is_left_alone(tmp_path):
    old = ConsoleWire(tmp_path / "console")
    new = ConsoleWire(tmp_path / "console")
    await old.start()
    await new.start()
    target = (tmp_path / "console").readlink()
    await old.close()
    assert (tmp_path / "console").readlink() == target
    await new.close()


@in_loop
async def test_a_path_that_cannot_be_made_is_a_bench_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BenchError) as caught:
        await PtyWire(tmp_path / "file" / "wan", print).start()
    assert "wan" in caught.value.cause
    assert caught.value.next_step
