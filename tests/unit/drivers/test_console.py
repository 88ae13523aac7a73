"""Console capture: every octet, in order, over pseudo-terminal, TCP and RFC 2217."""

import array
import asyncio
import contextlib
import fcntl
import os
import random
import socket
import termios
import threading
import time
import tty
from pathlib import Path

import pytest
import serial.rfc2217
from pydantic import ValidationError

from drivers.console import DRIVER, ConsoleConfig
from drivers.serial_line import DRIVER as SERIAL
from hil.clock import RealClock
from protocols.ports import (
    BenchError,
    ConfigError,
    ConsolePort,
    DriverContext,
    Frame,
    FrameKind,
    PortClosedError,
)
from rigs.emulated.wires import ConsoleWire
from tests.loops import in_loop


class Sink:
    """Keeps every chunk; ``wait_for`` returns as soon as so many octets are there."""

    def __init__(self) -> None:
        self.chunks: list[tuple[bytes, int]] = []
        self.threads: set[str] = set()
        self._count = 0
        self._grown = threading.Condition()

    def __call__(self, octets: bytes, monotonic_ns: int) -> None:
        with self._grown:
            self.chunks.append((octets, monotonic_ns))
            self.threads.add(threading.current_thread().name)
            self._count += len(octets)
            self._grown.notify_all()

    @property
    def octets(self) -> bytes:
        return b"".join(octets for octets, _ in self.chunks)

    async def wait_for(self, count: int) -> None:
        def wait() -> bool:
            with self._grown:
                return self._grown.wait_for(lambda: self._count >= count, 30)

        assert await asyncio.to_thread(wait), f"{self._count} of {count} octets"


async def open_console(url: str, sink, **keys):
    context = DriverContext(RealClock(), "esme", "console", Path("/nowhere"), {}, sink)
    return await DRIVER.open(ConsoleConfig(url=url, **keys), context)


class Rfc2217Server:
    """pyserial's own server side, serving one client; the serial port behind it is this object."""

    def __init__(self) -> None:
        self.baudrate, self.bytesize, self.parity, self.stopbits = 9600, 8, "N", 1
        self.xonxoff = self.rtscts = self.dtr = self.rts = self.break_condition = False
        self.cts = self.dsr = True
        self.ri = self.cd = False
        self.settings_seen: list[tuple[int, int, str]] = []
        self.typed = bytearray()
        self.typed_any = threading.Event()
        self.ready = threading.Event()
        self._send_lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._connection: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"rfc2217://127.0.0.1:{self._listening.getsockname()[1]}"

    def write(self, octets: bytes) -> None:  # PortManager's way to the client
        with self._send_lock:
            self._connection.sendall(octets)

    def reset_input_buffer(self) -> None: ...

    def reset_output_buffer(self) -> None: ...

    def prints(self, octets: bytes) -> None:
        self.write(b"".join(self.manager.escape(octets)))

    def _serve(self) -> None:
        try:
            self._connection, _ = self._listening.accept()
        except OSError:
            return
        self.manager = serial.rfc2217.PortManager(self, self)
        try:
            while octets := self._connection.recv(4096):
                typed = b"".join(self.manager.filter(octets))
                self.settings_seen.append((self.baudrate, self.bytesize, self.parity))
                if typed:
                    self.typed += typed
                    self.typed_any.set()
        except OSError:
            pass

    def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()
        if self._connection is not None:
            self._connection.close()


MEGABYTE = random.Random(42).randbytes(1_000_000)


@in_loop
async def test_one_megabyte_through_a_console_wire_octet_for_octet(tmp_path):
    wire = ConsoleWire(tmp_path / "console", limit=2_000_000)
    sink = Sink()
    console = await open_console(await wire.start(), sink)
    assert isinstance(console, ConsolePort)
    before = time.monotonic_ns()
    for start in range(0, len(MEGABYTE), 777):
        wire.write(MEGABYTE[start : start + 777])
        if start % 7770 == 0:
            await asyncio.sleep(0)
    await sink.wait_for(len(MEGABYTE))
    assert wire.dropped == 0
    assert sink.octets == MEGABYTE
    stamps = [stamp for _, stamp in sink.chunks]
    assert stamps == sorted(stamps)
    assert before < stamps[0]
    assert stamps[-1] < time.monotonic_ns()
    assert sink.threads == {f"reads {tmp_path / 'console'}"}
    await console.close()
    await wire.close()


@in_loop
async def test_one_megabyte_while_the_event_loop_is_blocked():
    master, slave = os.openpty()
    tty.setraw(slave)
    sink = Sink()
    console = await open_console(os.ttyname(slave), sink)

    def prints() -> None:
        left = memoryview(MEGABYTE)
        while left:
            left = left[os.write(master, left) :]

    printing = threading.Thread(target=prints)
    printing.start()
    printing.join(20)  # blocks the loop on purpose
    assert not printing.is_alive()
    await console.close()
    assert sink.octets == MEGABYTE
    os.close(slave)
    os.close(master)


def unread(descriptor: int) -> int:
    count = array.array("i", [0])
    fcntl.ioctl(descriptor, termios.FIONREAD, count)
    return count[0]


@in_loop
async def test_what_lies_in_the_port_at_close_is_captured_and_nothing_after():
    for _ in range(20):
        master, slave = os.openpty()
        tty.setraw(slave)
        sink = Sink()
        console = await open_console(os.ttyname(slave), sink)
        last_words = b"last words" * 200
        os.write(master, last_words)
        # The kernel moves octets from master to slave on its own time; after that they have arrived.
        async with asyncio.timeout(5):
            while not sink.chunks and unread(slave) < len(last_words):  # noqa: ASYNC110 - the kernel tells nobody
                await asyncio.sleep(0)
        await console.close()
        os.write(master, b"too late")
        assert sink.octets == last_words
        os.close(slave)
        os.close(master)


@in_loop
async def test_text_printed_before_opening_is_captured(tmp_path):
    wire = ConsoleWire(tmp_path / "console")
    endpoint = await wire.start()
    wire.write(b"boot\r\n")
    sink = Sink()
    console = await open_console(endpoint, sink)
    wire.write(b"ready\r\n")
    await sink.wait_for(13)
    assert sink.octets == b"boot\r\nready\r\n"
    await console.close()
    await wire.close()


@in_loop
async def test_wire_closed_by_the_emulator_loses_nothing(tmp_path):
    for number in range(5):
        wire = ConsoleWire(tmp_path / f"console{number}", limit=2_000_000)
        sink = Sink()
        console = await open_console(await wire.start(), sink)
        wire.write(MEGABYTE[:300_000])
        await wire.close()
        await console.close()
        assert sink.octets == MEGABYTE[:300_000]


@in_loop
async def test_typing(tmp_path):
    typed: asyncio.Queue[bytes] = asyncio.Queue()
    wire = ConsoleWire(tmp_path / "console", typed.put_nowait)
    console = await open_console(await wire.start(), Sink())
    await console.write(b"\x03version\r")
    assert await asyncio.wait_for(typed.get(), 5) == b"\x03version\r"
    await console.close()
    with pytest.raises(PortClosedError):
        await console.write(b"x")
    await wire.close()


@in_loop
async def test_a_console_that_goes_away_says_so_and_keeps_what_it_had():
    master, slave = os.openpty()
    tty.setraw(slave)
    path = os.ttyname(slave)
    os.close(slave)
    sink = Sink()
    console = await open_console(path, sink)
    told: asyncio.Queue[object] = asyncio.Queue()
    console.on_fault = told.put_nowait
    os.write(master, b"panic")
    await sink.wait_for(5)
    os.close(master)
    fault = await asyncio.wait_for(told.get(), 5)
    assert path in fault.problem
    assert console.faults == [fault]
    assert sink.octets == b"panic"
    with pytest.raises(PortClosedError, match=path):
        await console.write(b"x")
    await console.close()


@in_loop
async def test_a_sink_that_fails_is_told_and_does_not_hang_the_close(tmp_path):
    def full(_octets: bytes, _monotonic_ns: int) -> None:
        raise OSError("disk full")

    wire = ConsoleWire(tmp_path / "console")
    console = await open_console(await wire.start(), full)
    told: asyncio.Queue[object] = asyncio.Queue()
    console.on_fault = told.put_nowait
    wire.write(b"x")
    problem = (await asyncio.wait_for(told.get(), 5)).problem
    assert "disk full" in problem
    assert "gone" not in problem
    await console.close()
    await wire.close()


@in_loop
async def test_one_megabyte_over_rfc2217_octet_for_octet():
    server = Rfc2217Server()
    sink = Sink()
    console = await open_console(server.url, sink, baud=300, data_bits=7, parity="even")
    assert server.settings_seen[-1] == (300, 7, "E")
    start = time.perf_counter()
    await asyncio.to_thread(server.prints, MEGABYTE)
    await sink.wait_for(len(MEGABYTE))
    assert sink.octets == MEGABYTE
    assert time.perf_counter() - start < 30
    await console.write(b"\xff\x00typed")
    assert await asyncio.to_thread(server.typed_any.wait, 5)
    assert bytes(server.typed) == b"\xff\x00typed"
    await console.close()
    server.close()


@in_loop
async def test_rfc2217_server_gone_loses_nothing_of_what_it_sent():
    server = Rfc2217Server()
    sink = Sink()
    console = await open_console(server.url, sink)
    told: asyncio.Queue[object] = asyncio.Queue()
    console.on_fault = told.put_nowait
    await asyncio.to_thread(server.prints, MEGABYTE[:50_000])
    server.close()
    fault = await asyncio.wait_for(told.get(), 10)
    assert "rfc2217://127.0.0.1" in fault.problem
    assert sink.octets == MEGABYTE[:50_000]
    await console.close()
    await console.close()


@in_loop
async def test_messages_over_rfc2217():
    server = Rfc2217Server()
    context = DriverContext(RealClock(), "chf", "wan", Path("/nowhere"))
    port = await SERIAL.open(SERIAL.config(url=server.url), context)
    await asyncio.to_thread(server.prints, b"GBCS:DATA#0:1:07\r\n")
    frame = await asyncio.wait_for(port.receive(), 5)
    assert (frame.kind, frame.data) == (FrameKind.GBCS, b"\x07")
    await port.send(Frame(FrameKind.GBCS, b"\x08"))
    waiting = asyncio.create_task(port.receive())
    await port.close()
    with pytest.raises(PortClosedError):
        await asyncio.wait_for(waiting, 5)
    server.close()


@in_loop
async def test_a_server_without_rfc2217_is_named_in_the_next_step():
    with socket.create_server(("127.0.0.1", 0)) as plain:
        url = f"rfc2217://127.0.0.1:{plain.getsockname()[1]}?timeout=0.2"
        with pytest.raises(BenchError) as caught:
            await open_console(url, Sink())
        assert url in caught.value.cause
        assert "socket://host:port" in caught.value.next_step


@in_loop
async def test_socket_console_keeps_the_first_octets():
    with socket.create_server(("127.0.0.1", 0)) as server:
        sink = Sink()
        opening = asyncio.create_task(open_console(f"socket://127.0.0.1:{server.getsockname()[1]}", sink))
        connection, _ = await asyncio.to_thread(server.accept)
        connection.sendall(b"boot\r\n")
        console = await opening
        await sink.wait_for(6)
        connection.sendall(MEGABYTE[:200_000])
        connection.close()
        await sink.wait_for(200_006)
        assert sink.octets == b"boot\r\n" + MEGABYTE[:200_000]
        await console.close()


@in_loop
async def test_console_without_a_sink_is_refused():
    with pytest.raises(ConfigError, match="esme"):
        await open_console("/dev/null", None)


def test_config():
    with pytest.raises(ValidationError):
        ConsoleConfig(clear_line=True)
    assert DRIVER.capabilities == {"console"}
