"""docs/with-a-real-stick.md: its rigs are right, and what the doctor says there it says."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
import tty
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from drivers import spinel_start
from hil.cli.doctor import command
from hil.drivers import check_ports
from hil.emulated import emulator_config
from hil.han_credentials import load_credentials
from protocols.eui64 import Eui64
from protocols.spinel.properties import Capability
from rigs.emulated.rcp import RcpFirmware
from tests.loops import in_loop
from tests.unit.cli.stick_bench import (
    DOC,
    HUB_STICK,
    HUB_SUBJECT,
    METER_SUBJECT,
    NOBODY,
    Desk,
    doc_files,
    held_by_another,
    somebody_without_rights,
    stick,
)

RIG = "rigs/meter-on-a-desk.toml"
SHOWN = dict(
    re.findall(
        r"^<!-- doctor: ([\w -]+) -->\n+```text\n(.*?)^```$", DOC.read_text(), re.DOTALL | re.MULTILINE
    )
)


@pytest.fixture
def desk():
    """A desk that other users may look at, unlike those in pytest's folders."""
    folder = Path(tempfile.mkdtemp(prefix="desk"))
    folder.chmod(0o755)
    yield Desk(folder)
    shutil.rmtree(folder)


def test_the_rigs_of_the_page(desk):
    assert [name for name in doc_files() if name.startswith("rigs/")] == [RIG, "rigs/hub-on-a-desk.toml"]
    for name, node, subject in (
        ("meter-on-a-desk", "chf", HUB_SUBJECT),
        ("hub-on-a-desk", "esme", METER_SUBJECT),
    ):
        rig = desk.rig(name)
        check_ports(rig)
        assert rig.devices[node].emulated
        assert [each.subject for each in load_credentials(rig, rig.devices[node])] == [subject]


def test_what_the_emulator_makes_of_the_rigs(desk):
    config = emulator_config(desk.rig("meter-on-a-desk"))
    assert [node.description.name for node in config.nodes] == ["chf", "gpf"]
    assert [(node.via, node.radio) for node in config.nodes] == [("", True), ("chf", False)]
    config = emulator_config(desk.rig("hub-on-a-desk"))
    assert [(node.description.name, node.via, node.radio) for node in config.nodes] == [("esme", "chf", True)]
    assert config.wires == []  # the stick is all


def said(desk: Desk) -> list[str]:
    """What the doctor says of the stick, on the machine that the page supposes; blanks do not count."""
    environment = {"SMETS_HIL_STATE": str(desk.folder / "state")}
    output = CliRunner().invoke(command, ["--rig", str(desk.folder / RIG)], env=environment).output
    output = output.replace(str(desk.stick), HUB_STICK).replace(f"{desk.folder}/by-id", "/dev/serial/by-id")
    output = output.replace(f"{desk.folder}/", "").replace("rigs/../", "")
    output = re.sub(r"/dev/pts/\d+", "/dev/ttyUSB0", output)
    output = re.sub(r"ttyUSB0, \S+ \S+", "ttyUSB0, root:dialout crw-rw----", output)
    output = output.replace("root:dialout -rw", "root:dialout crw")
    output = re.sub(r"process \d+ \([^)]*\)", "process 4711 (otbr-agent)", output)
    output = re.sub(r"kill \d+", "kill 4711", output)
    lines = [" ".join(line.split()) for line in output.splitlines()]
    found, mine = [], False
    for line in lines:
        mine = " chf.han " in line or (mine and line.startswith("fix:"))
        if mine:
            found.append(line)
    return found


def shown(situation: str) -> list[str]:
    return [" ".join(line.split()) for line in SHOWN[situation].splitlines()]


@asynccontextmanager
async def ezsp(desk: Desk):
    """A stick with Silicon Labs' NCP firmware, as far as the driver asks it."""
    master, slave = os.openpty()
    tty.setraw(slave)
    desk.stick.symlink_to(os.ttyname(slave))
    loop = asyncio.get_running_loop()

    def readable() -> None:
        if b"\x1a\xc0\x38\xbc\x7e" in os.read(master, 4096):
            os.write(master, bytes.fromhex("1ac1020b0a527e"))

    loop.add_reader(master, readable)
    try:
        yield
    finally:
        loop.remove_reader(master)
        os.close(master)
        os.close(slave)


def test_every_block_has_its_test():
    assert set(SHOWN) == {
        "good", "unplugged", "no permission", "held", "ezsp", "ncp", "old", "other certificate", "own certificate"
    }  # fmt: skip


@in_loop
async def test_what_a_good_stick_gives(desk):
    async with stick(desk):
        assert await asyncio.to_thread(said, desk) == shown("good")


def test_what_a_stick_that_is_not_there_gives(desk, monkeypatch):
    monkeypatch.setattr("hil.doctor_path.BY_ID", desk.folder / "by-id")
    assert said(desk) == shown("unplugged")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to group dialout")
def test_what_a_stick_without_permission_gives(desk):
    said(desk)  # nobody may not be allowed to import what this needs
    for path in (desk.folder, *desk.folder.rglob("*")):
        shutil.chown(path, NOBODY, NOBODY)
    desk.stick.write_text("")
    desk.stick.chmod(0o660)
    shutil.chown(desk.stick, "root", "dialout")
    with somebody_without_rights():
        assert said(desk) == shown("no permission")


@in_loop
async def test_what_a_stick_in_use_gives(desk):
    async with stick(desk):
        with held_by_another(desk.stick):
            assert await asyncio.to_thread(said, desk) == shown("held")


@in_loop
async def test_what_a_stick_with_ezsp_gives(desk, monkeypatch):
    monkeypatch.setattr(spinel_start, "_PROBE_S", 0.05)
    async with ezsp(desk):
        assert await asyncio.to_thread(said, desk) == shown("ezsp")


@pytest.mark.parametrize(
    ("situation", "firmware"),
    [
        ("ncp", RcpFirmware(capabilities=(Capability.CONFIG_FTD,), version="OPENTHREAD/1.3.0")),
        ("old", RcpFirmware(api_version=3, version="SL-OPENTHREAD/2.0.2.0")),
    ],
)
@in_loop
async def test_what_a_stick_with_other_firmware_gives(desk, situation, firmware):
    async with stick(desk, firmware):
        assert await asyncio.to_thread(said, desk) == shown(situation)


@in_loop
async def test_what_wrong_certificates_give(desk):
    async with stick(desk):
        desk.certify(Eui64("00-DB-12-34-56-78-9A-FF"))
        assert await asyncio.to_thread(said, desk) == shown("other certificate")
        desk.change("devices/bench-chf.toml", 'credentials = ["../cbke/hub.txt"]', "")
        assert await asyncio.to_thread(said, desk) == shown("own certificate")
