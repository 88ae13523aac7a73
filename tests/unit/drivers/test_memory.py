"""The driver ``memory``: message and console ports on a wire in memory, power and stimuli without a socket."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from drivers.memory import DRIVER, MemoryConfig
from hil.clock import RealClock
from hil.memory_wire import MemoryWire
from protocols.gfi_line import encode_line
from protocols.ports import (
    BenchError,
    ConfigError,
    DriverContext,
    Frame,
    FrameKind,
    PortClosedError,
    StimulusKind,
)
from tests.loops import in_loop


class Control:
    def __init__(self):
        self.asked = []
        self.outcome = ("done", "on")

    async def request(self, op, node, kind="", argument=""):
        self.asked.append((op, node, kind, argument))
        return self.outcome

    async def close(self):
        self.asked.append("closed")


def context(port, wire=None, **more):
    wires = {f"esme.{port}": wire.near} if wire is not None else {}
    return DriverContext(RealClock(), "esme", port, Path(), wires=wires, **more)


def a_wire():
    return MemoryWire("esme.port", 0.0, asyncio.get_running_loop())


@in_loop
async def test_messages_go_both_ways_and_bad_lines_are_kept():
    wire, seen = a_wire(), []
    port = await DRIVER.open(MemoryConfig(), context("serial", wire))
    wire.far.listen(seen.append)
    frame = Frame(FrameKind.GBCS, b"\x01\x02")
    await port.send(frame)
    await port.send_octets(b"raw")
    wire.far.send(b"nonsense\r\n" + encode_line(frame)[:5])
    wire.far.send(encode_line(frame)[5:])
    received = await port.receive()
    assert (received.data, received.received_at is not None) == (b"\x01\x02", True)
    assert [fault.octets for fault in port.faults] == [b"nonsense"]
    await asyncio.sleep(0.01)
    assert seen == [encode_line(frame), b"raw"]


@in_loop
async def test_the_end_of_either_side_ends_receiving():
    wire = a_wire()
    port = await DRIVER.open(MemoryConfig(), context("serial", wire))
    wire.far.send(encode_line(Frame(FrameKind.GBCS, b"last")))
    wire.far.close()
    assert (await port.receive()).data == b"last"
    with pytest.raises(PortClosedError, match="went away"):
        await port.receive()
    port = await DRIVER.open(MemoryConfig(), context("serial", a_wire()))
    await port.close()
    await port.close()
    with pytest.raises(PortClosedError, match="closed by the bench"):
        await port.send(Frame(FrameKind.GBCS, b"x"))


@in_loop
async def test_console_power_and_stimulus():
    wire, chunks, typed = a_wire(), [], []
    console = await DRIVER.open(
        MemoryConfig(), context("console", wire, console_sink=lambda octets, at: chunks.append((octets, at)))
    )
    wire.far.listen(typed.append)
    wire.far.send(b"boot\r\n")
    await console.write(b"help\r\n")
    await asyncio.sleep(0.01)
    assert [octets for octets, _ in chunks] == [b"boot\r\n"]
    assert chunks[0][1] > 0
    assert typed == [b"help\r\n"]
    control = Control()
    power = await DRIVER.open(MemoryConfig(), context("power", control=control))
    await power.off()
    assert await power.is_on() is True
    stimulus = await DRIVER.open(MemoryConfig(), context("stimulus", control=control))
    assert (await stimulus.apply(StimulusKind.BUTTON, "A")).answer == "on"
    assert control.asked == [
        ("power-off", "esme", "", ""),
        ("power-state", "esme", "", ""),
        ("stimulus", "esme", "button", "A"),
    ]
    control.outcome = ("refused", "no")
    with pytest.raises(BenchError, match="refused power-on"):
        await power.on()


@pytest.mark.parametrize("port", ["serial", "console", "power", "stimulus"])
@in_loop
async def test_without_a_device_in_this_process_there_is_nothing_to_open(port):
    with pytest.raises(ConfigError, match=rf"port {port} of esme") as caught:
        await DRIVER.open(MemoryConfig(), context(port, console_sink=lambda *_: None))
    assert 'time = "virtual"' in caught.value.next_step
