"""The serial driver against emulated wires, plain pseudo-terminals and an RFC 2217 server."""

import asyncio
import os
import random
import socket
import subprocess
import sys
import time
import tty
from datetime import UTC, datetime

import pytest

from drivers.serial_line import DRIVER, SerialLineConfig
from protocols.ports import (
    FrameKind,
    MessagePort,
    PortClosedError,
)
from rigs.emulated.wires import PtyWire, TcpWire
from tests.loops import in_loop
from tests.unit.drivers.serial_ports import context, gbcs, open_port, within


class Far:
    """An emulated wire whose frames and errors wait in one queue."""

    def __init__(self, wire_class, *arguments) -> None:
        self.queue: asyncio.Queue[object] = asyncio.Queue()
        self.wire = wire_class(*arguments, self.queue.put_nowait, on_error=self.queue.put_nowait)

    async def next(self, seconds=5.0):
        return await within(self.queue.get(), seconds)


@in_loop
async def test_frames_both_ways_through_the_emulators_endpoint(tmp_path):
    far = Far(PtyWire, tmp_path / "wan")
    endpoint = await far.wire.start()
    before = datetime.now(UTC)
    port = await DRIVER.open(SerialLineConfig(), context(chf_wan=endpoint))
    assert isinstance(port, MessagePort)
    await port.send(gbcs(b"\x01\x02"))
    assert (await far.next()).data == b"\x01\x02"
    await far.wire.send(gbcs(bytes(range(256))))
    frame = await within(port.receive())
    assert (frame.kind, frame.data) == (FrameKind.GBCS, bytes(range(256)))
    assert before <= frame.received_at <= datetime.now(UTC)
    await port.close()
    await far.wire.close()


@in_loop
async def test_messages_keep_their_order_under_load_both_ways_at_once(tmp_path):
    far = Far(PtyWire, tmp_path / "wan")
    port = await open_port(await far.wire.start())
    messages = [random.Random(number).randbytes(1 + number * 7 % 1500) for number in range(300)]

    async def sends():
        for message in messages:
            await port.send(gbcs(message))

    async def answers():
        for message in messages:
            await far.wire.send(gbcs(message))
            await asyncio.sleep(0)

    sending = asyncio.gather(sends(), answers())
    assert [(await within(port.receive())).data for _ in messages] == messages
    assert [(await far.next()).data for _ in messages] == messages
    await sending
    await port.close()
    await far.wire.close()


@in_loop
async def test_socket_url(tmp_path):
    far = Far(TcpWire)
    port = await open_port(await far.wire.start())
    await port.send(gbcs(b"\x01"))
    assert (await far.next()).data == b"\x01"
    await far.wire.send(gbcs(b"\x02"))
    assert (await within(port.receive())).data == b"\x02"
    await port.close()
    again = await open_port(f"socket://127.0.0.1:{far.wire._port}")
    await again.send(gbcs(b"\x03"))
    assert (await far.next()).data == b"\x03"
    await far.wire.close()
    with pytest.raises(PortClosedError, match=r"127\.0\.0\.1"):
        await within(again.receive())
    await again.close()


@in_loop
async def test_a_message_cut_in_the_middle_then_a_whole_one(tmp_path):
    far = Far(PtyWire, tmp_path / "wan")
    port = await open_port(await far.wire.start())
    await port.send_octets(b"GBCS:DATA#0:3:0A0")
    await port.send_octets(b"\r\n")
    await port.send(gbcs(b"\x01"))
    assert "0A0" in (await far.next()).line.decode()
    assert (await far.next()).data == b"\x01"
    await far.wire.send_octets(b"GBCS:DATA#0:3:0A0B\r\n")
    await far.wire.send(gbcs(b"\x02"))
    assert (await within(port.receive())).data == b"\x02"
    assert [fault.octets for fault in port.faults] == [b"GBCS:DATA#0:3:0A0B"]
    told = []
    port.on_fault = told.append
    assert told == port.faults
    await port.close()
    await far.wire.close()


_KILLED = """
import os, sys, time
from serial import Serial
port = Serial(sys.argv[1])
port.write(b"GBCS:DATA#0:3:0A0")
print("open", flush=True)
port.read(1)
print("half read", flush=True)
time.sleep(60)
"""


@in_loop
async def test_after_a_session_killed_in_the_middle_of_lines_the_next_message_arrives(tmp_path):
    far = Far(PtyWire, tmp_path / "wan")
    endpoint = await far.wire.start()
    killed = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _KILLED, endpoint, stdout=subprocess.PIPE
    )
    # It has half a line of ours in its hands and its own half line stands at the far end.
    assert await within(killed.stdout.readline()) == b"open\n"
    await far.wire.send(gbcs(b"\xaa\xbb\xcc"))
    assert await within(killed.stdout.readline()) == b"half read\n"
    killed.kill()
    await killed.wait()
    port = await open_port(endpoint)
    await port.send(gbcs(b"\x01"))
    assert (await far.next()).line == b"GBCS:DATA#0:3:0A0"
    assert (await far.next()).data == b"\x01"
    await far.wire.send(gbcs(b"\x02"))
    assert (await within(port.receive())).data == b"\x02"
    await port.close()
    await far.wire.close()


@in_loop
async def test_nothing_is_sent_at_opening_without_clear_line(tmp_path):
    master, slave = os.openpty()
    tty.setraw(slave)
    port = await open_port(os.ttyname(slave), clear_line=False)
    await port.send_octets(b"\x00\xff\x11\x13")
    assert await asyncio.to_thread(os.read, master, 100) == b"\x00\xff\x11\x13"
    await port.close()
    os.close(slave)
    os.close(master)


@in_loop
async def test_far_end_killed_ends_receive_and_send_and_names_the_path():
    master, slave = os.openpty()
    tty.setraw(slave)
    path = os.ttyname(slave)
    os.close(slave)
    port = await open_port(path)
    waiting = asyncio.create_task(port.receive())
    os.write(master, b"GBCS:DATA#0:1:01\r\nGBCS:DATA#0:2:0")
    assert (await within(waiting)).data == b"\x01"
    os.close(master)
    for attempt in (port.receive(), port.receive(), port.send(gbcs(b"\x01"))):
        with pytest.raises(PortClosedError, match=path) as caught:
            await within(attempt)
        assert "emulator" in caught.value.next_step
    assert [fault.octets for fault in port.faults] == [b"GBCS:DATA#0:2:0", b""]
    await port.close()
    await port.close()


@in_loop
async def test_close_ends_those_who_wait_and_keeps_what_had_arrived(tmp_path):
    far = Far(PtyWire, tmp_path / "wan")
    port = await open_port(await far.wire.start())
    await far.wire.send(gbcs(b"\x01"))
    await far.wire.send(gbcs(b"\x02"))
    assert (await within(port.receive())).data == b"\x01"
    # Closing hands over what lies in the port: \x02 is received after it.
    await port.close()
    assert (await within(port.receive())).data == b"\x02"
    with pytest.raises(PortClosedError, match="closed by the bench"):
        await within(port.receive())
    with pytest.raises(PortClosedError, match="closed by the bench"):
        await port.send(gbcs(b"\x01"))
    assert port.faults == []
    await far.wire.close()
    again = Far(PtyWire, tmp_path / "wan")
    port = await open_port(await again.wire.start())
    waiting = asyncio.create_task(port.receive())
    await asyncio.sleep(0)
    await asyncio.gather(port.close(), port.close())
    with pytest.raises(PortClosedError):
        await within(waiting)
    await again.wire.close()


@in_loop
async def test_a_receive_given_up_loses_no_frame(tmp_path):
    far = Far(PtyWire, tmp_path / "wan")
    port = await open_port(await far.wire.start())
    for _ in range(5):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(port.receive(), 0.001)
    await far.wire.send(gbcs(b"\x01"))
    assert (await within(port.receive())).data == b"\x01"
    await port.close()
    await far.wire.close()


@in_loop
async def test_a_far_end_that_reads_nothing_blocks_neither_loop_nor_close():
    master, slave = os.openpty()
    tty.setraw(slave)
    port = await open_port(os.ttyname(slave))
    sending = asyncio.create_task(port.send_octets(b"x" * 1_000_000))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(sending), 0.05)
    await within(port.close())
    with pytest.raises(PortClosedError):
        await sending
    os.close(slave)
    os.close(master)


@in_loop
async def test_a_socket_far_end_that_reads_nothing_blocks_neither_loop_nor_close():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = await open_port(f"socket://127.0.0.1:{server.getsockname()[1]}")
        sending = asyncio.create_task(port.send_octets(b"x" * 50_000_000))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(sending), 0.05)
        await within(port.close())
        with pytest.raises(PortClosedError):
            await sending


@in_loop
async def test_a_message_of_100_kb_takes_well_under_a_second(tmp_path):
    far = Far(PtyWire, tmp_path / "wan")
    port = await open_port(await far.wire.start())
    message = random.Random(1).randbytes(100_000)
    start = time.perf_counter()
    await port.send(gbcs(message))
    assert (await far.next()).data == message
    assert time.perf_counter() - start < 0.8
    await port.close()
    await far.wire.close()


@in_loop
async def test_the_largest_message_both_ways_over_a_pseudo_terminal(tmp_path):
    far = Far(PtyWire, tmp_path / "wan")
    port = await open_port(await far.wire.start())
    message = random.Random(2).randbytes(306_000)
    await port.send(gbcs(message))
    assert (await far.next(40)).data == message
    await far.wire.send(gbcs(message))
    assert (await within(port.receive(), 40)).data == message
    await port.close()
    await far.wire.close()
