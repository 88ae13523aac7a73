"""Opening serial ports: what is configured, what goes wrong, and what the user is told to do."""

import asyncio
import errno
import os
import select
import socket
import threading
from pathlib import Path

import pytest
from pydantic import ValidationError

from drivers import serial_errors, serial_line
from drivers.serial_line import DRIVER, SerialLineConfig
from protocols.ports import (
    BenchError,
    ConfigError,
)
from rigs.emulated.wires import PtyWire
from tests.loops import in_loop
from tests.unit.drivers.serial_ports import context, gbcs, open_port, within


def real_path(link: str) -> str:
    return str(Path(link).readlink())


class Far:
    """An emulated wire whose frames and errors wait in one queue."""

    def __init__(self, wire_class, *arguments) -> None:
        self.queue: asyncio.Queue[object] = asyncio.Queue()
        self.wire = wire_class(*arguments, self.queue.put_nowait, on_error=self.queue.put_nowait)

    async def next(self, seconds=5.0):
        return await within(self.queue.get(), seconds)


@in_loop
async def test_two_openings_of_one_path(tmp_path):
    far = Far(PtyWire, tmp_path / "wan")
    endpoint = await far.wire.start()
    port = await open_port(endpoint)
    with pytest.raises(BenchError) as caught:
        await open_port(real_path(endpoint))
    assert "another program has it open" in caught.value.next_step
    await port.close()
    again = await open_port(endpoint)
    await again.send(gbcs(b"\x01"))
    assert (await far.next()).data == b"\x01"
    await again.close()
    await far.wire.close()


@in_loop
async def test_errors_at_opening_name_url_and_remedy(tmp_path):
    (tmp_path / "file").write_text("")
    with socket.create_server(("127.0.0.1", 0)) as server:
        silent = server.getsockname()[1]
    cases = [
        (str(tmp_path / "ttyNONE"), "serial devices now present"),
        (str(tmp_path / "file"), "no serial device"),
        (f"socket://127.0.0.1:{silent}", "check that the far end runs"),
        (f"rfc2217://127.0.0.1:{silent}", "check that the far end runs"),
        ("telnet://127.0.0.1:1", "correct url"),
    ]
    for url, remedy in cases:
        with pytest.raises(BenchError) as caught:
            await open_port(url)
        assert url in caught.value.cause
        assert "[nodes.chf.ports.wan]" in caught.value.cause
        assert remedy in caught.value.next_step, url
    before = threading.active_count()
    with pytest.raises(BenchError):
        await open_port(str(tmp_path / "ttyNONE"))
    assert threading.active_count() == before


def test_missing_rights_name_the_group(tmp_path):
    (tmp_path / "ttyS9").write_text("")
    refused = PermissionError(errno.EACCES, "Permission denied")
    error = serial_errors.cannot_open(str(tmp_path / "ttyS9"), "[nodes.chf.ports.wan]", refused)
    assert "usermod -aG" in error.next_step
    gone = serial_errors.cannot_open("/nowhere/ttyS9", "[nodes.chf.ports.wan]", refused)
    assert "dialout" in gone.next_step


def test_the_set_control_trap_names_the_way_out():
    trap = ValueError("timeout while waiting for option 'control'")
    error = serial_errors.cannot_open("rfc2217://bench:4000", "[nodes.chf.ports.wan]", trap)
    assert "rfc2217://bench:4000?ign_set_control&timeout=3.0" in error.next_step


@in_loop
async def test_an_emulated_wire_that_is_not_there_is_a_config_error():
    with pytest.raises(ConfigError, match=r"no such wire.*esme\.console"):
        await DRIVER.open(SerialLineConfig(), context(esme_console="/dev/pts/99"))


def test_config_refuses_what_no_port_has():
    assert SerialLineConfig(baud=300, data_bits=7, parity="even", stop_bits=1.5).stop_bits == 1.5
    for wrong in ({"baudrate": 9600}, {"parity": "E"}, {"stop_bits": 3}, {"data_bits": 9}, {"baud": 0}):
        with pytest.raises(ValidationError):
            SerialLineConfig(**wrong)


@in_loop
async def test_loop_url_of_pyserial(tmp_path):
    port = await open_port("loop://")
    await port.send(gbcs(b"\x01\x02"))
    assert (await within(port.receive())).data == b"\x01\x02"
    await port.close()


@in_loop
async def test_settings_reach_the_device():
    import termios

    master, slave = os.openpty()
    port = await open_port(os.ttyname(slave), baud=300, stop_bits=2)
    _, _, cflag, lflag, ispeed, ospeed, _ = termios.tcgetattr(slave)
    assert (ispeed, ospeed) == (termios.B300, termios.B300)
    assert cflag & termios.CSTOPB
    assert not lflag & termios.ECHO
    await port.close()
    os.close(slave)
    os.close(master)


@in_loop
async def test_opening_given_up_leaves_nothing_open():
    with socket.create_server(("127.0.0.1", 0)) as server:
        # The server never answers the negotiation; the opening takes 3 s unless told otherwise.
        before = threading.active_count()
        opening = asyncio.create_task(open_port(f"rfc2217://127.0.0.1:{server.getsockname()[1]}?timeout=0.5"))
        await asyncio.to_thread(select.select, [server], [], [])
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        assert threading.active_count() <= before + 1  # asyncio's own helper thread


def test_driver_declares_itself():
    assert DRIVER.config is SerialLineConfig
    assert {"message", "message.raw"} == DRIVER.capabilities
    assert serial_line.DRIVER.name == "serial"
