"""Power by commands: what a rig owner's tools do, good and bad."""

import asyncio
import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from drivers.power_command import DRIVER, PowerCommandConfig
from hil.clock import RealClock
from protocols.ports import BenchError, DriverContext, PowerPort
from tests.loops import in_loop


async def power(folder, **keys):
    config = PowerCommandConfig(**({"on": ["true"], "off": ["true"]} | keys))
    port = await DRIVER.open(config, DriverContext(RealClock(), "esme", "power", folder))
    assert isinstance(port, PowerPort)
    return port


def tool(folder, text: str) -> list[str]:
    script = folder / "relay"
    script.write_text("#!/bin/sh\n" + text)
    script.chmod(0o755)
    return ["./relay"]


def runs(process: str) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@in_loop
async def test_on_off_and_state_run_in_the_rig_files_folder(tmp_path):
    relay = tool(tmp_path, "case $1 in on) touch supply;; off) rm supply;; state) test -e supply;; esac")
    port = await power(tmp_path, on=[*relay, "on"], off=[*relay, "off"], state=[*relay, "state"])
    assert await port.is_on() is False
    await port.on()
    assert (tmp_path / "supply").exists()
    assert await port.is_on() is True
    await port.off()
    assert await port.is_on() is False
    await port.on()
    await port.close()
    assert (tmp_path / "supply").exists()  # closing leaves the supply as it is


@in_loop
async def test_arguments_pass_no_shell(tmp_path):
    port = await power(tmp_path, on=["touch", "$HOME; touch other"])
    await port.on()
    assert [path.name for path in tmp_path.iterdir()] == ["$HOME; touch other"]


@in_loop
async def test_state_unknown_or_strange(tmp_path):
    assert await (await power(tmp_path)).is_on() is None
    relay = tool(tmp_path, "exit $1")
    port = await power(tmp_path, state=[*relay, "7"], on_exit_code=7, off_exit_code=0)
    assert await port.is_on() is True
    port = await power(tmp_path, state=[*relay, "7"])
    with pytest.raises(BenchError, match="exit code 7"):
        await port.is_on()


@in_loop
async def test_failure_says_what_the_command_said(tmp_path):
    relay = tool(tmp_path, "echo relay board not found >&2; exit 3")
    port = await power(tmp_path, on=relay)
    with pytest.raises(BenchError, match=r"exit code 3.*relay board not found") as caught:
        await port.on()
    assert "[nodes.esme.ports.power]" in caught.value.cause
    assert caught.value.next_step


@in_loop
async def test_command_that_is_not_there(tmp_path):
    port = await power(tmp_path, on=["./no-such-tool"])
    with pytest.raises(BenchError, match="no-such-tool") as caught:
        await port.on()
    assert str(tmp_path) in caught.value.next_step


@in_loop
async def test_command_that_hangs_is_killed_with_its_children(tmp_path):
    relay = tool(tmp_path, "sleep 60 & echo $! > child; wait")
    port = await power(tmp_path, on=relay, timeout_s=0.5)
    start = time.monotonic()
    with pytest.raises(BenchError, match="did not end"):
        await port.on()
    assert time.monotonic() - start < 5
    child = (tmp_path / "child").read_text().strip()
    # Killed; init reaps it, so it is gone or at most a zombie.
    for _ in range(500):
        if not runs(child):
            return
        await asyncio.sleep(0.01)
    pytest.fail("the child still runs")


@in_loop
async def test_a_caller_who_gives_up_kills_the_command(tmp_path):
    relay = tool(tmp_path, "touch started; sleep 60")
    port = await power(tmp_path, on=relay)
    start = time.monotonic()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(port.on(), 0.3)
    assert time.monotonic() - start < 5


@in_loop
async def test_something_left_running_in_the_background_does_not_hold_the_command_up(tmp_path):
    relay = tool(tmp_path, "sleep 5 & exit 0")
    port = await power(tmp_path, on=relay)
    start = time.monotonic()
    await port.on()
    assert time.monotonic() - start < 4


def test_config():
    for wrong in ({"on": [], "off": ["x"]}, {"on": "relay on", "off": ["x"]}, {"on": ["x"]}, {"shell": True}):
        with pytest.raises(ValidationError):
            PowerCommandConfig(**wrong)
