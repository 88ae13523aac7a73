"""The emulator process: premises, their wires, one timer, and an orderly end.

Everything runs on one asyncio loop. Handling a message takes milliseconds, so devices run on the loop itself;
what leaves goes through one queue and one sending task. Wires never wait for their readers, so none holds up
another.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING

from protocols.ports import BenchError, ConfigError, Frame, FrameKind
from protocols.radio import FrameRadio
from rigs.emulated.config import WireKind
from rigs.emulated.coprocessors import coprocessor
from rigs.emulated.defects import OPERATIONS as DEFECT_OPERATIONS
from rigs.emulated.defects import Defects
from rigs.emulated.han.air import make_air
from rigs.emulated.han.stick import StickService
from rigs.emulated.premises import Premises
from rigs.emulated.recording import OPERATIONS as CAPTURE_OPERATIONS
from rigs.emulated.recording import Recording
from rigs.emulated.state_files import WIRES_NAME, clear_wires, hold_lock, write_endpoints
from rigs.emulated.wires import ConsoleWire, ControlServer, PtyWire, TcpWire, UdpWire

if TYPE_CHECKING:
    from pathlib import Path

    from protocols.capture import CaptureDesk
    from protocols.ports import Clock
    from rigs.emulated.config import EmulatorConfig, WireConfig
    from rigs.emulated.han.air import Air

# The wall clock may be set while the timer waits; looking again this often bounds how late that is noticed.
_LONGEST_WAIT_S = 30.0

OpenRadios = Callable[[Mapping[str, str]], Awaitable[dict[str, FrameRadio | StickService]]]
"""Addresses by ``node.port`` to radios by node, or to services of sticks that bring a stack."""
_HAN_WIRES = frozenset({WireKind.RCP, WireKind.NCP})

MessageWire = PtyWire | TcpWire | UdpWire


async def serve(
    config: EmulatorConfig,
    clock: Clock,
    *,
    stop: asyncio.Event | None = None,
    announce: Callable[[str], None] | None = None,
    desk: CaptureDesk | None = None,
    capture: str = "",
    open_radios: OpenRadios | None = None,
) -> None:
    """Run the emulated premises of one rig until ``stop``, SIGTERM, SIGINT or, if asked for, end of input.

    Once every wire is open, ``endpoints.json`` is written and ``announce`` gets one JSON line (by default it
    is printed): ``{"ready": true, "pid": ..., "endpoints": {"chf.wan": ...}}``. ``desk`` keeps recordings of
    the HAN, from the start into the folder ``capture`` where one is given. ``open_radios`` gets the addresses
    of emulated radio co-processors and gives the radios of nodes whose HAN side is not in memory. Raises
    BenchError when another process runs this rig or a wire cannot be opened, ConfigError when the rig makes
    no sense.
    Whatever was opened is closed in reverse order, whichever way this ends.
    """
    stop = stop or asyncio.Event()
    _check_wires(config)
    if config.until_stdin_closes:
        _check_input()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(hold_lock(config.state_dir, clock))
        clear_wires(config.state_dir)
        stack.callback(clear_wires, config.state_dir)
        _catch_signals(stack, stop)
        emulator = _Emulator(config, clock, Recording(desk), capture)
        _report_to(stack, emulator.defects)
        emulator.open_radios = open_radios
        await emulator.open(stack)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = emulator.start_tasks(group)
                if config.until_stdin_closes:
                    tasks.append(group.create_task(_stop_at_end_of_input(stop), name="standard input"))
                write_endpoints(config.state_dir, emulator.endpoints)
                _announce(emulator.endpoints, announce)
                await stop.wait()
                for task in tasks:
                    task.cancel()
                emulator.finish_sending()
        except ExceptionGroup as errors:
            # Callers know one error at a time; several at once are shown as they are.
            if len(errors.exceptions) == 1:
                raise errors.exceptions[0] from None
            raise


class _Emulator:
    """Joins premises and wires; lives from the opening of the first wire to the closing of the last."""

    def __init__(self, config: EmulatorConfig, clock: Clock, recording: Recording, capture: str) -> None:
        self.endpoints: dict[str, str] = {}
        self.open_radios: OpenRadios | None = None
        self.defects = Defects()
        self._recording = recording
        self._capture = capture
        self._config = config
        self._clock = clock
        self._wires_dir = config.state_dir / WIRES_NAME
        self._wake = asyncio.Event()
        self._outgoing: asyncio.Queue[tuple[MessageWire, Frame | bytes] | None] = asyncio.Queue()
        self._lines: dict[str, list[MessageWire]] = {}
        self._consoles: dict[str, list[ConsoleWire]] = {}

    async def open(self, stack: AsyncExitStack) -> None:
        """Open consoles, start the devices, and only then let messages and stimuli reach them."""
        consoles = [wire for wire in self._config.wires if wire.kind is WireKind.CONSOLE]
        lines = [wire for wire in self._config.wires if wire.kind not in {WireKind.CONSOLE, *_HAN_WIRES}]
        stack.push_async_callback(self._close_consoles)
        for wire in consoles:
            await self._open_console(wire)
        air = make_air(asyncio.get_running_loop(), self._config.han)
        await self._bring_radios(stack, air)
        self._premises = Premises(
            self._config,
            self._clock,
            on_message=self._leave,
            on_console=self._write_console,
            air=air,
            on_work=self._wake.set,
        )
        self._premises.on_spoilt = self._leave_spoilt
        stack.callback(self._premises.close)
        self._begin_recording(stack)
        for wire in lines:
            await self._open_line(stack, wire)
        self._premises.begin()
        control = ControlServer(self._wires_dir / "control.sock", self._control)
        stack.push_async_callback(control.close)
        address = await control.start()
        for node in self._config.nodes:
            self.endpoints[f"{node.description.name}.control"] = address

    async def _bring_radios(self, stack: AsyncExitStack, air: Air) -> None:
        """Start emulated radio co-processors, then have the radios of nodes opened that do not live here."""
        for wire in self._config.wires:
            if wire.kind in _HAN_WIRES:
                line = coprocessor(stack, self._config, wire, air, self._line_path(wire))
                stack.push_async_callback(line.close)
                self.endpoints[f"{wire.node}.{wire.port}"] = await line.start()
        if self.open_radios is not None:
            for name, radio in (await self.open_radios(self.endpoints)).items():
                stack.push_async_callback(radio.close)
                if isinstance(radio, FrameRadio):
                    air.radios[name] = radio
                else:
                    air.services[name] = radio

    def _begin_recording(self, stack: AsyncExitStack) -> None:
        if self._premises.hub is None and not any(node.via for node in self._config.nodes):
            return
        self._recording.attach(self._premises.air.access)
        if self._capture:
            self._recording.request("capture-begin", self._capture)
        stack.callback(self._recording.request, "capture-end", "")

    async def _open_console(self, wire: WireConfig) -> None:
        console = ConsoleWire(self._line_path(wire))
        self._consoles.setdefault(wire.node, []).append(console)
        self.endpoints[f"{wire.node}.{wire.port}"] = await console.start()

    async def _close_consoles(self) -> None:
        """All at once: each waits a moment for a reader to take what is left."""
        await asyncio.gather(*(console.close() for node in self._consoles.values() for console in node))

    async def _open_line(self, stack: AsyncExitStack, wire: WireConfig) -> None:
        self._premises.check_message_port(wire.node, wire.port)

        def arrive(frame: Frame) -> None:
            self._recording.message(wire.node, frame.data, outbound=False)
            # One message that a device breaks on must not take the wire away.
            with self.defects.caught(f"message for {wire.node}"):
                self._premises.receive(wire.node, frame.data)
            self._wake.set()

        line = self._message_wire(wire, arrive)
        stack.push_async_callback(line.close)
        self.endpoints[f"{wire.node}.{wire.port}"] = await line.start()
        self._lines.setdefault(wire.node, []).append(line)

    def _message_wire(self, wire: WireConfig, arrive: Callable[[Frame], None]) -> MessageWire:
        if wire.kind is WireKind.PTY:
            return PtyWire(self._line_path(wire), arrive)
        host, port = _socket_address(wire)
        kind = TcpWire if wire.kind is WireKind.TCP else UdpWire
        return kind(arrive, host=host, port=port)

    def _line_path(self, wire: WireConfig) -> Path:
        # An absolute address stands for itself.
        path = self._wires_dir / (wire.address or f"{wire.node}.{wire.port}")
        if path.exists() and not path.is_symlink():
            raise ConfigError(
                f"{wire.node}.{wire.port}: {path} is no link, so no emulated line can be put there",
                next_step="set emulated = false to use the device behind it, or choose another url",
            )
        return path

    def start_tasks(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Start timer and sender; returns those tasks that have to be cancelled at the end."""
        group.create_task(self._send_all(), name="sender")
        return [group.create_task(self._run_timer(), name="timer")]

    def finish_sending(self) -> None:
        """Let the sender end once everything that left a device is on its wire."""
        self._outgoing.put_nowait(None)

    async def _send_all(self) -> None:
        while (item := await self._outgoing.get()) is not None:
            wire, frame = item
            if isinstance(frame, Frame):
                await wire.send(frame)
            else:
                await wire.send_octets(frame)

    def _leave(self, node: str, octets: bytes) -> None:
        self._recording.message(node, octets, outbound=True)
        for wire in self._lines.get(node, ()):
            self._outgoing.put_nowait((wire, Frame(FrameKind.GBCS, octets)))

    def _leave_spoilt(self, node: str, line: bytes) -> None:
        for wire in self._lines.get(node, ()):
            self._outgoing.put_nowait((wire, line))

    def _write_console(self, node: str, octets: bytes) -> None:
        for console in self._consoles.get(node, ()):
            console.write(octets)

    def _control(self, op: str, node: str, kind: str, argument: str) -> tuple[str, str]:
        if op in CAPTURE_OPERATIONS:
            return self._recording.request(op, argument)
        if op in DEFECT_OPERATIONS:
            return self.defects.request()
        try:
            with self.defects.noted(f"{op} {kind} for {node}"):
                return self._premises.control(op, node, kind, argument)
        finally:
            self._wake.set()

    async def _run_timer(self) -> None:
        while True:
            self._wake.clear()
            due = None
            with self.defects.caught("work that was due"):
                self._premises.run_due()
                due = self._premises.next_due()
            wait_s = _LONGEST_WAIT_S
            if due is not None:
                wait_s = min(wait_s, max(0.0, (due - self._clock.now()).total_seconds()))
            await _sleep_unless(self._clock, self._wake, wait_s)


def _check_wires(config: EmulatorConfig) -> None:
    for wire in config.wires:
        if wire.kind is WireKind.MEMORY:
            raise ConfigError(
                f"{wire.node}.{wire.port}: a wire in memory leads to no other process",
                next_step="hil run opens these devices itself; for a process of their own, name drivers like "
                "serial and console",
            )


def _socket_address(wire: WireConfig) -> tuple[str, int]:
    if not wire.address:
        return "127.0.0.1", 0
    host, _, port = wire.address.rpartition(":")
    if not host or not port.isdecimal():
        raise ConfigError(
            f"{wire.node}.{wire.port}: {wire.address!r} is not host:port",
            next_step='write it like "127.0.0.1:4059", or leave it to the bench with "emulated:"',
        )
    return host, int(port)


async def _sleep_unless(clock: Clock, wake: asyncio.Event, seconds: float) -> None:
    waits = {asyncio.ensure_future(clock.sleep(seconds)), asyncio.ensure_future(wake.wait())}
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


def _catch_signals(stack: AsyncExitStack, stop: asyncio.Event) -> None:
    """Let SIGTERM and SIGINT stop in order. Outside the main thread signals belong to somebody else."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(ValueError, RuntimeError, NotImplementedError):
            loop.add_signal_handler(number, stop.set)
            stack.callback(loop.remove_signal_handler, number)


def _report_to(stack: AsyncExitStack, defects: Defects) -> None:
    """Have errors in callbacks of the loop, the HAN's above all, kept for the bench."""
    loop = asyncio.get_running_loop()
    stack.callback(loop.set_exception_handler, loop.get_exception_handler())
    loop.set_exception_handler(defects.heard)


def _check_input() -> None:
    """Only pipes, sockets and terminals have an end that can be waited for."""
    mode = os.fstat(sys.stdin.fileno()).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or sys.stdin.isatty()):
        raise BenchError(
            "standard input is no pipe, so its end cannot be waited for",
            next_step="start the emulator with a pipe as standard input, or without --until-stdin-closes",
        )


async def _stop_at_end_of_input(stop: asyncio.Event) -> None:
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    try:
        while await reader.read(1024):
            pass
    finally:
        transport.close()
    stop.set()


def _announce(endpoints: dict[str, str], announce: Callable[[str], None] | None) -> None:
    line = json.dumps({"ready": True, "pid": os.getpid(), "endpoints": endpoints})
    if announce is not None:
        announce(line)
    else:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
