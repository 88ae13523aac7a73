"""The emulator as a process: wires, control channel, lock, orderly end and sudden death."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from drivers.emulated_control import ControlClient
from fixtures.emulated_premises import ALL, EUI64S, Users, install_code, premises_config
from hil.clock import RealClock
from protocols.gfi_line import LineDecoder, encode_line
from protocols.ports import BenchError, ConfigError, Frame, FrameKind
from protocols.smki import Hierarchy
from rigs.emulated.config import WireConfig, WireKind
from rigs.emulated.process import serve
from rigs.emulated.state_files import ENDPOINTS_NAME, LOCK_NAME, WIRES_NAME, hold_lock

SEED = "unit tests of the emulator process"
ROOT = Path(__file__).parents[3]
ACB = "access_control_broker"
LIMIT_S = 20

MAIN = """
import asyncio, sys
from pathlib import Path
from fixtures.emulated_premises import premises_config
from hil.clock import RealClock
from protocols.smki import Hierarchy
from rigs.emulated.process import serve
config = premises_config(Path(sys.argv[1]), Hierarchy(sys.argv[2]), sys.argv[4:])
config.until_stdin_closes = sys.argv[3] == "until-stdin-closes"
asyncio.run(serve(config, RealClock()))
"""


@pytest.fixture(scope="module")
def hierarchy():
    return Hierarchy(SEED)


class Line:
    """Our end of a message wire: whole lines out, whole messages in, with a time limit."""

    def __init__(self, endpoint):
        self.decoder = LineDecoder()
        self.frames = []
        self.socket = None
        if endpoint.startswith("socket://"):
            host, _, port = endpoint.removeprefix("socket://").rpartition(":")
            self.socket = socket.create_connection((host, int(port)))
        elif endpoint.startswith("udp://"):
            host, _, port = endpoint.removeprefix("udp://").rpartition(":")
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.connect((host, int(port)))
        self.descriptor = self.socket.fileno() if self.socket else os.open(endpoint, os.O_RDWR | os.O_NOCTTY)

    def send(self, octets, kind=FrameKind.GBCS):
        os.write(self.descriptor, encode_line(Frame(kind, octets)))

    def receive(self, limit_s=LIMIT_S):
        end = time.monotonic() + limit_s
        while not self.frames:
            ready, _, _ = select.select([self.descriptor], [], [], max(0.0, end - time.monotonic()))
            assert ready, "nothing came in time"
            self.frames += self.decoder.feed(os.read(self.descriptor, 65536))
        return self.frames.pop(0).data

    def close(self):
        self.socket.close() if self.socket else os.close(self.descriptor)


def control(endpoint, **request):
    with socket.socket(socket.AF_UNIX) as channel:
        channel.connect(endpoint.removeprefix("unix:"))
        channel.sendall(json.dumps({"id": 1, **request}).encode() + b"\n")
        return json.loads(channel.makefile().readline())


@contextmanager
def emulator(state_dir, *names, until_stdin_closes=False):
    """A child process, with the endpoints of its ready line; killed at the end if it still runs."""
    mode = "until-stdin-closes" if until_stdin_closes else "until-stopped"
    child = subprocess.Popen(
        [sys.executable, "-c", MAIN, str(state_dir), SEED, mode, *(names or ALL)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        ready = json.loads(child.stdout.readline())
        assert ready["ready"]
        assert ready["pid"] == child.pid
        yield child, ready["endpoints"]
    finally:
        if child.poll() is None:
            child.kill()
        child.communicate(timeout=LIMIT_S)


async def take_lock(state_dir):
    async with hold_lock(state_dir, RealClock()):
        pass


def add(users, name):
    return users.command(
        ACB,
        "CCS01",
        "chf",
        device_id=EUI64S[name],
        install_code=install_code(name),
        device_type=name,
        join_time_s=60,
    )


class Running:
    """The process's coroutine on a loop of its own, so that one test can also be its client."""

    def __init__(self, config):
        self.config = config
        self.announced = []
        self.error = None
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.loop = None
        self.stop = None

    def run(self):
        async def main():
            self.loop, self.stop = asyncio.get_running_loop(), asyncio.Event()
            await serve(self.config, RealClock(), stop=self.stop, announce=self.announce)

        try:
            asyncio.run(main())
        except Exception as error:  # noqa: BLE001  raised again in the test
            self.error = error
        self.ready.set()

    def announce(self, line):
        self.announced.append(json.loads(line))
        self.ready.set()

    def __enter__(self):
        self.thread.start()
        assert self.ready.wait(LIMIT_S)
        if self.error:
            self.thread.join(LIMIT_S)
            raise self.error
        return self.announced[0]["endpoints"]

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.stop.set)
        self.thread.join(LIMIT_S)
        assert not self.thread.is_alive()
        if self.error:
            raise self.error


# Wires --------------------------------------------------------------------------------------------------------


def test_commands_over_a_line_and_joining_by_the_timer(tmp_path, hierarchy):
    users = Users(hierarchy)
    with Running(premises_config(tmp_path, hierarchy)) as endpoints:
        expected = {"chf.wan"} | {f"{name}.{port}" for name in ALL for port in ("console", "control")}
        assert set(endpoints) == expected
        on_disk = json.loads((tmp_path / ENDPOINTS_NAME).read_text())
        assert on_disk == {"pid": os.getpid(), "endpoints": endpoints}
        line = Line(endpoints["chf.wan"])
        line.send(add(users, "esme"))
        # Nothing more is sent: the device joins because time passes, and reports by itself.
        messages = [users.read(line.receive()) for _ in range(5)]
        assert all(message.authentic for message in messages)
        hashes = [
            message.values["devices"][0]["hashed_link_key"]
            for message in messages
            if message.message.header.message_code == 0x0018
        ]
        assert [len(key) for key in hashes] == [0, 16]
        assert 0x8F69 in [message.values.get("alert_code") for message in messages]
        line.close()


@pytest.mark.parametrize("kind", [WireKind.TCP, WireKind.UDP])
def test_commands_over_sockets(tmp_path, hierarchy, kind):
    users = Users(hierarchy)
    config = premises_config(tmp_path, hierarchy, ("esme",))
    config.wires = [WireConfig("esme", "serial", kind)]
    with Running(config) as endpoints:
        line = Line(endpoints["esme.serial"])
        line.send(users.command("supplier", "ECS52", "esme"))
        assert users.read(line.receive()).authentic
        line.close()


def test_line_at_a_path_of_the_rig_file(tmp_path, hierarchy):
    users = Users(hierarchy)
    path = tmp_path / "dev" / "ttyHUB"
    config = premises_config(tmp_path / "state", hierarchy, ("chf",))
    config.wires = [WireConfig("chf", "wan", WireKind.PTY, str(path))]
    with Running(config) as endpoints:
        assert endpoints["chf.wan"] == str(path)
        line = Line(str(path))
        line.send(users.command(ACB, "CCS06", "chf"))
        assert users.read(line.receive()).authentic
        line.close()
    assert not path.is_symlink()


def test_real_device_file_is_never_replaced_by_an_emulated_line(tmp_path, hierarchy):
    path = tmp_path / "ttyUSB0"
    path.write_text("stands for a device file")
    config = premises_config(tmp_path / "state", hierarchy, ("chf",))
    config.wires = [WireConfig("chf", "wan", WireKind.PTY, str(path))]
    with pytest.raises(ConfigError, match="ttyUSB0"), Running(config):
        pass
    assert path.read_text() == "stands for a device file"


def test_console_has_the_banner_from_power_on(tmp_path, hierarchy):
    with Running(premises_config(tmp_path, hierarchy, ("esme",))) as endpoints:
        console = os.open(endpoints["esme.console"], os.O_RDONLY | os.O_NOCTTY)
        assert select.select([console], [], [], LIMIT_S)[0]
        assert b"ESME" in os.read(console, 4096)
        os.close(console)


def test_control_channel(tmp_path, hierarchy):
    with Running(premises_config(tmp_path, hierarchy)) as endpoints:
        channel = endpoints["esme.control"]
        assert control(channel, op="power-state", node="esme")["answer"] == "on"
        assert control(channel, op="power-off", node="esme")["outcome"] == "done"
        assert control(channel, op="power-state", node="esme")["answer"] == "off"
        assert control(channel, op="power-on", node="esme")["ok"]
        assert control(channel, op="stimulus", node="chf", kind="keypad")["outcome"] == "refused"
        assert not control(channel, op="power-on", node="hcalcs")["ok"]


def test_state_folder_with_a_path_too_long_for_sockets(tmp_path, hierarchy):
    deep = tmp_path / ("a" * 100) / ("b" * 100)

    async def state(endpoint):
        client = ControlClient(endpoint)
        await client.open()
        try:
            return await client.request("power-state", "esme")
        finally:
            await client.close()

    with Running(premises_config(deep, hierarchy, ("esme",))) as endpoints:
        assert asyncio.run(state(endpoints["esme.control"])) == ("done", "on")


def test_message_port_behind_a_hub_is_refused(tmp_path, hierarchy):
    config = premises_config(tmp_path, hierarchy, ("chf", "esme"))
    config.wires.append(WireConfig("esme", "serial", WireKind.PTY))
    with pytest.raises(ConfigError, match="esme"), Running(config):
        pass


# Beginning and end --------------------------------------------------------------------------------------------


def test_what_was_opened_is_closed_when_a_later_wire_fails(tmp_path, hierarchy):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = premises_config(tmp_path, hierarchy, ("esme",))
        config.wires.append(
            WireConfig("esme", "gateway", WireKind.TCP, f"127.0.0.1:{taken.getsockname()[1]}")
        )
        with pytest.raises(BenchError, match="cannot listen"), Running(config):
            pass
    assert not (tmp_path / WIRES_NAME).exists()
    assert not (tmp_path / ENDPOINTS_NAME).exists()
    config.wires.pop()
    with Running(config) as endpoints:
        assert endpoints


def test_bad_socket_address_is_a_config_error(tmp_path, hierarchy):
    config = premises_config(tmp_path, hierarchy, ("esme",))
    config.wires = [WireConfig("esme", "serial", WireKind.TCP, "nowhere")]
    with pytest.raises(ConfigError, match="host:port"), Running(config):
        pass


def test_second_start_says_who_runs(tmp_path, hierarchy):
    with Running(premises_config(tmp_path, hierarchy, ("esme",))):
        with pytest.raises(BenchError) as error:
            asyncio.run(take_lock(tmp_path))
        assert str(os.getpid()) in error.value.cause
        assert error.value.next_step
        assert (tmp_path / ENDPOINTS_NAME).exists()
    asyncio.run(take_lock(tmp_path))


def test_somebody_who_only_asks_for_the_lock_does_not_hinder_a_start(tmp_path):
    asking = (tmp_path / LOCK_NAME).open("a")
    fcntl.flock(asking, fcntl.LOCK_EX)

    class AskingEnds(RealClock):
        async def sleep(self, seconds):
            asking.close()
            await super().sleep(seconds)

    async def take():
        async with hold_lock(tmp_path, AskingEnds()):
            assert asking.closed

    asyncio.run(take())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_in_order(tmp_path, number):
    with emulator(tmp_path, "esme") as (child, endpoints):
        line = Path(endpoints["esme.serial"])
        assert line.is_symlink()
        child.send_signal(number)
        assert child.wait(LIMIT_S) == 0
        assert child.stderr.read() == b""
    assert not line.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["devices", LOCK_NAME]


def test_end_of_input_ends_it(tmp_path):
    with emulator(tmp_path, "esme", until_stdin_closes=True) as (child, _):
        child.stdin.close()
        assert child.wait(LIMIT_S) == 0
        child.stdin = None


def test_input_without_end_is_refused_before_anything_is_opened(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", MAIN, str(tmp_path / "state"), SEED, "until-stdin-closes", "esme"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode != 0
    assert b"standard input" in done.stderr
    assert not (tmp_path / "state").exists()


def test_kill_leaves_a_state_that_the_next_start_takes_up(tmp_path, hierarchy):
    users = Users(hierarchy)
    with emulator(tmp_path) as (child, endpoints):
        line = Line(endpoints["chf.wan"])
        line.send(add(users, "esme"))
        joined = [users.read(line.receive()) for _ in range(5)]
        child.kill()
        child.wait(LIMIT_S)
        line.close()
    assert (tmp_path / ENDPOINTS_NAME).exists(), "kill -9 leaves no time to clean up"
    with emulator(tmp_path) as (_, endpoints):
        line = Line(endpoints["chf.wan"])
        # Alerts of which the kill left no receipt come once more, octet for octet.
        known = {each.octets for each in joined}
        fresh = (users.read(octets) for octets in iter(line.receive, None) if octets not in known)
        line.send(users.command("supplier", "ECS52", "esme"))
        assert next(fresh).message.header.message_code == 0x0059
        line.send(add(users, "ppmid"))
        backup = [next(fresh) for _ in range(2)]
        kept = next(m for m in backup if m.message.header.message_code == 0x0018).values["devices"]
        before = [m for m in joined if m.message.header.message_code == 0x0018][-1].values["devices"]
        assert kept[0] == before[0]
        counters = [m.message.header.originator_counter for m in joined + backup if m.message.kind == "alert"]
        own = [
            m.message.header.originator_counter
            for m in joined + backup
            if m.message.header.message_code == 0x0018
        ]
        assert len(set(own)) == len(own), "an alert counter came twice"
        assert counters
        line.close()
