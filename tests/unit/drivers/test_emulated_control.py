"""Control server and its client, and each against raw JSON lines."""

import asyncio
import json
from pathlib import Path

import pytest

from drivers.emulated_control import POWER_DRIVER, STIMULUS_DRIVER, EmulatedControlConfig
from hil.clock import RealClock
from protocols.ports import (
    BenchError,
    ConfigError,
    DriverContext,
    PortClosedError,
    PowerPort,
    StimulusKind,
    StimulusOutcome,
    StimulusPort,
)
from rigs.emulated.wires import ControlServer
from tests.loops import in_loop


class Premises:
    """Handler with one device that has a supply and some stimuli."""

    def __init__(self) -> None:
        self.on = False
        self.calls: list[tuple[str, str, str, str]] = []
        self.hold = asyncio.Event()
        self.called = asyncio.Event()

    async def __call__(self, op: str, node: str, kind: str, argument: str) -> tuple[str, str]:
        self.calls.append((op, node, kind, argument))
        self.called.set()
        if op == "power-state":
            return "done", "on" if self.on else "off"
        if op.startswith("power-"):
            self.on = op == "power-on"
            return "done", ""
        if kind == "keypad":
            await self.hold.wait()
        if kind == "button":
            return "refused", "no such button"
        if kind == "magnet-on":
            raise ValueError("no sensor")
        return "done", "0012 kWh" if kind == "display" else ""


def context(endpoint: str) -> DriverContext:
    return DriverContext(RealClock(), "esme", "power", Path("/nowhere"), {"esme.control": endpoint})


async def open_both(endpoint: str):
    power = await POWER_DRIVER.open(EmulatedControlConfig(), context(endpoint))
    stimulus = await STIMULUS_DRIVER.open(EmulatedControlConfig(), context(endpoint))
    assert isinstance(power, PowerPort)
    assert isinstance(stimulus, StimulusPort)
    return power, stimulus


@in_loop
async def test_power_and_stimuli(tmp_path):
    premises = Premises()
    server = ControlServer(tmp_path / "control", premises)
    power, stimulus = await open_both(await server.start())
    assert await power.is_on() is False
    await power.on()
    assert await power.is_on() is True
    await power.off()
    assert premises.on is False
    read = await stimulus.apply(StimulusKind.DISPLAY)
    assert (read.outcome, read.answer, read.initials) == (StimulusOutcome.DONE, "0012 kWh", "")
    assert read.at is not None
    refused = await stimulus.apply(StimulusKind.BUTTON, "A")
    assert (refused.outcome, refused.answer) == (StimulusOutcome.REFUSED, "no such button")
    assert premises.calls[-1] == ("stimulus", "esme", "button", "A")
    with pytest.raises(BenchError, match="no sensor") as caught:
        await stimulus.apply(StimulusKind.MAGNET_ON)
    assert "esme" in caught.value.cause
    assert not isinstance(caught.value, PortClosedError)
    await power.close()
    await power.close()
    with pytest.raises(PortClosedError):
        await power.on()
    await stimulus.close()
    await server.close()
    await server.close()
    assert not (tmp_path / "control").exists()


@in_loop
async def test_a_caller_who_gives_up_disturbs_nobody(tmp_path):
    premises = Premises()
    server = ControlServer(tmp_path / "control", premises)
    power, stimulus = await open_both(await server.start())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(stimulus.apply(StimulusKind.KEYPAD, "1"), 0.02)
    await power.on()  # another connection is not held up
    premises.hold.set()
    assert (await stimulus.apply(StimulusKind.DISPLAY)).answer == "0012 kWh"
    await stimulus.close()
    await power.close()
    await server.close()


@in_loop
async def test_emulator_gone_ends_requests_under_way_and_later_ones(tmp_path):
    premises = Premises()
    server = ControlServer(tmp_path / "control", premises)
    power, stimulus = await open_both(await server.start())
    waiting = asyncio.create_task(stimulus.apply(StimulusKind.KEYPAD, "1"))
    await asyncio.wait_for(premises.called.wait(), 5)
    await server.close()
    for attempt in (waiting, stimulus.apply(StimulusKind.DISPLAY), power.on()):
        with pytest.raises(PortClosedError, match="gone") as caught:
            await asyncio.wait_for(attempt, 5)
        assert "hil emulate" in caught.value.next_step
    await power.close()
    await stimulus.close()


@in_loop
async def test_no_emulator(tmp_path):
    with pytest.raises(PortClosedError, match=str(tmp_path)):
        await open_both(f"unix:{tmp_path / 'nobody'}")
    with pytest.raises(PortClosedError):
        await open_both(f"unix:{tmp_path / 'no' / 'folder' / 'nobody'}")
    with pytest.raises(ConfigError, match="no control socket"):
        await open_both("/dev/ttyS0")
    with pytest.raises(ConfigError, match="no such wire"):
        await POWER_DRIVER.open(
            EmulatedControlConfig(),
            DriverContext(RealClock(), "gsme", "power", tmp_path, {"esme.control": "x"}),
        )


@in_loop
async def test_a_path_longer_than_a_socket_address_and_a_socket_left_by_a_killed_emulator(tmp_path):
    path = tmp_path / ("a" * 90) / ("b" * 90) / "control"
    path.parent.mkdir(parents=True)
    path.write_text("left")
    server = ControlServer(path, Premises())
    power, stimulus = await open_both(await server.start())
    await power.on()
    assert await power.is_on() is True
    assert path.stat().st_mode & 0o777 == 0o600
    await stimulus.close()
    await power.close()
    await server.close()


@in_loop
async def test_raw_json_lines(tmp_path, monkeypatch):
    monkeypatch.setattr("rigs.emulated.wires_control._LINE_LIMIT", 65_536)  # images are larger

    def handler(op: str, node: str, kind: str, argument: str) -> tuple[str, str]:
        return "done", f"{op} {node} {kind} {argument}"

    server = ControlServer(tmp_path / "control", handler)
    await server.start()
    reader, writer = await asyncio.open_unix_connection(tmp_path / "control")

    async def ask(line: bytes):
        writer.write(line + b"\n")
        return json.loads(await asyncio.wait_for(reader.readline(), 5))

    assert await ask(b'{"id":7,"op":"stimulus","node":"esme","kind":"button","argument":"A"}') == {
        "id": 7,
        "ok": True,
        "outcome": "done",
        "answer": "stimulus esme button A",
    }
    assert (await ask(b'{"id":8,"op":"power-on","node":"esme"}'))["answer"] == "power-on esme  "
    for wrong, number in [
        (b"nonsense", None),
        (b"[1]", None),
        (b'{"id":9,"node":"esme"}', 9),
        (b'{"id":10,"op":"explode","node":"esme"}', 10),
    ]:
        answer = await ask(wrong)
        assert (answer["id"], answer["ok"]) == (number, False)
        assert answer["error"]
    writer.write(b"x" * 200_000)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    await server.close()
