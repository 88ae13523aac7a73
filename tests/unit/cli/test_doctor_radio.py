"""What the doctor says of sticks: those of docs/with-a-real-stick.md, with the emulated RCP in their place."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import tempfile
import tty
from pathlib import Path

import pytest

from drivers import spinel_start
from drivers.spinel_radio import DRIVER, SpinelConfig
from hil import doctor_path
from hil.doctor import check_rig
from hil.doctor_lines import Checked, Status
from hil.doctor_path import UDEV_RULE, Holder, check_path, holders
from hil.doctor_radio import check_credentials, check_probed_ports
from hil.rigfile import load_rig
from protocols.eui64 import Eui64
from protocols.ports import Driver, Probed
from protocols.spinel.properties import Capability
from protocols.zigbee.cbke.suites import SUITE_1
from rigs.emulated.rcp import RcpFirmware
from tests.loops import in_loop
from tests.unit.cli.stick_bench import (
    HUB_SUBJECT,
    STICK_EUI64,
    Desk,
    held_by_another,
    somebody_without_rights,
    stick,
)

TABLE = "[nodes.chf.ports.han]"
OTHER = Eui64("00-DB-12-34-56-78-9A-FF")


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


@pytest.fixture
def open_desk():
    """A desk that other users may look at, unlike those in pytest's folders."""
    folder = Path(tempfile.mkdtemp(prefix="desk"))
    folder.chmod(0o755)
    yield Desk(folder)
    shutil.rmtree(folder)


async def looked_at(desk, rig="meter-on-a-desk") -> list[Checked]:
    return await asyncio.to_thread(check_probed_ports, desk.rig(rig))


def trouble(findings) -> Checked:
    (found,) = [finding for finding in findings if finding.status is Status.MISSING]
    return found


@in_loop
async def test_a_good_stick(desk):
    async with stick(desk) as rcp:
        findings = await looked_at(desk)
        assert {finding.status for finding in findings} == {Status.OK}
        assert {finding.subject for finding in findings} == {"chf.han"}
        path, firmware, energy, certificate, identity = (finding.detail for finding in findings)
        assert path.startswith(f"{desk.stick} -> /dev/pts/")
        assert "OPENTHREAD" in firmware
        assert "RCP API 11" in firmware
        assert "11: -60, 12: " in energy
        assert "26: " in energy
        assert f"suite 2, issued to {HUB_SUBJECT}" in certificate
        assert f"its own EUI-64 is {STICK_EUI64}; on the air it gets {HUB_SUBJECT}" in identity
        assert rcp.resets == 1
        # Looked at again, as if nobody had been there.
        assert {finding.status for finding in await looked_at(desk)} == {Status.OK}


@in_loop
async def test_a_stick_for_a_meter_of_the_bench(desk):
    async with stick(desk):
        findings = await looked_at(desk, "hub-on-a-desk")
        assert {finding.status for finding in findings} == {Status.OK}
        assert {finding.subject for finding in findings} == {"esme.han"}


@pytest.mark.parametrize(
    ("firmware", "cause", "fix"),
    [
        (RcpFirmware(api_version=3), "RCP API 3, older than", "a newer one"),
        (
            RcpFirmware(capabilities=(Capability.CONFIG_FTD,), version="OPENTHREAD/ncp"),
            "a whole Thread stack (NCP)",
            "flash OpenThread RCP",
        ),
    ],
)
@in_loop
async def test_wrong_firmware(desk, firmware, cause, fix):
    async with stick(desk, firmware):
        found = trouble(await looked_at(desk))
        assert cause in found.detail
        assert fix in found.fix
        assert "docs/with-a-real-stick.md" in found.fix


@pytest.mark.parametrize(
    ("question", "answer", "cause", "fix"),
    [
        (
            b"\x1a\xc0\x38\xbc\x7e",
            bytes.fromhex("1ac1020b0a527e"),
            "EZSP",
            "universal-silabs-flasher --device {}",
        ),
        (b"\x7e", b"Gecko Bootloader v2.1.1\r\nBL > ", "boot loader", "universal-silabs-flasher --device {}"),
        (bytes.fromhex("fe00210120"), bytes.fromhex("fe0261017902"), "Z-Stack", "flash OpenThread RCP"),
        (b"no such question", b"", "nothing answers", "check url, baud and flow_control"),
    ],
)
@in_loop
async def test_no_spinel_at_all(desk, monkeypatch, question, answer, cause, fix):
    monkeypatch.setattr(spinel_start, "_PROBE_S", 0.05)
    desk.change("rigs/meter-on-a-desk.toml", 'flow_control = "rts-cts"', "timeout_s = 0.15")
    master, slave = os.openpty()
    tty.setraw(slave)
    desk.stick.symlink_to(os.ttyname(slave))
    loop = asyncio.get_running_loop()
    loop.add_reader(master, lambda: question in os.read(master, 4096) and os.write(master, answer))
    try:
        found = trouble(await looked_at(desk))
        assert cause in found.detail
        assert fix.format(desk.stick) in found.fix
    finally:
        loop.remove_reader(master)
        os.close(master)
        os.close(slave)


def test_no_stick(desk, tmp_path):
    found = trouble(check_probed_ports(desk.rig()))
    assert f"{desk.stick}: no such device" in found.detail
    by_id = tmp_path / "by-id"
    by_id.mkdir()
    (by_id / "usb-one").symlink_to(desk.folder)
    (only,) = check_path("chf.han", desk.stick, TABLE, [], by_id=by_id)
    assert only.fix.startswith(f'url = "{by_id}/usb-one" in [nodes.chf.ports.han]')
    (by_id / "usb-two").symlink_to(desk.folder)
    (several,) = check_path("chf.han", desk.stick, TABLE, [], by_id=by_id)
    assert "usb-one" in several.fix
    assert "usb-two" in several.fix
    desk.stick.symlink_to(desk.folder / "gone")
    assert "leads nowhere" in trouble(check_probed_ports(desk.rig())).detail


@in_loop
async def test_a_stick_that_another_process_holds(desk):
    async with stick(desk) as rcp:
        with held_by_another(desk.stick) as process:
            found = trouble(await looked_at(desk))
            assert f"is held by process {process.pid} (python" in found.detail
            assert found.fix == f"kill {process.pid}"
            rig = desk.rig()
            rig.state_dir.mkdir(parents=True)
            with (rig.state_dir / "emulator.lock").open("a+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                lock.write(f"process {process.pid}")
                lock.flush()
                findings = await looked_at(desk)
        (note,) = [finding for finding in findings if finding.status is not Status.OK]
        assert note.status is Status.NOTE
        assert "the emulator of this rig" in note.detail
        assert rcp.resets == 0


def test_modem_manager_is_switched_off_and_not_killed(tmp_path):
    line = tmp_path / "line"
    line.write_text("")
    process = tmp_path / "proc" / "77"
    (process / "fd").mkdir(parents=True)
    (process / "fd" / "3").symlink_to(line)
    (process / "comm").write_text("ModemManager\n")
    held = holders(line, tmp_path / "proc")
    assert held == [Holder(77, "ModemManager")]
    assert "systemctl disable --now ModemManager" in trouble(check_path("chf.han", line, TABLE, held)).fix


def test_a_stick_that_nobody_may_open(open_desk):
    open_desk.stick.write_text("")
    open_desk.stick.chmod(0)
    rig = open_desk.rig()
    check_probed_ports(rig)  # nobody may not be allowed to import what this needs
    with somebody_without_rights():
        findings = check_probed_ports(rig)
    assert [finding.status for finding in findings][:1] == [Status.MISSING]
    assert f"{open_desk.stick} may not be opened by " in findings[0].detail
    assert "----------" in findings[0].detail
    assert findings[0].fix == UDEV_RULE


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to group dialout")
def test_the_group_of_a_stick(open_desk, monkeypatch):
    open_desk.stick.write_text("")
    open_desk.stick.chmod(0o660)
    dialout = doctor_path.grp.getgrnam("dialout")
    os.chown(open_desk.stick, 0, dialout.gr_gid)
    with somebody_without_rights():
        (found,) = check_path("chf.han", open_desk.stick, TABLE, [])
        assert "root:dialout -rw-rw----" in found.detail
        assert found.fix == "sudo usermod -aG dialout $USER, then log in again"
        joined = type(dialout)(("dialout", "x", dialout.gr_gid, ["nobody"]))
        monkeypatch.setattr(doctor_path.grp, "getgrgid", lambda _: joined)
        (found,) = check_path("chf.han", open_desk.stick, TABLE, [])
        assert found.fix.startswith("newgrp dialout")


def test_a_numbered_path_is_no_name(tmp_path, monkeypatch):
    device = tmp_path / "ttyUSB0"
    device.write_text("")
    by_id = tmp_path / "by-id"
    by_id.mkdir()
    monkeypatch.setattr(doctor_path, "_NUMBERED", doctor_path.re.compile(r".*/ttyUSB\d+"))
    note = check_path("chf.han", device, TABLE, [], by_id=by_id)[-1]
    assert (note.status, note.fix) == (
        Status.NOTE,
        f"name its link as url in {TABLE}: ls -l {by_id}",
    )
    (by_id / "usb-stick").symlink_to(device)
    assert (
        check_path("chf.han", device, TABLE, [], by_id=by_id)[-1].fix
        == f'url = "{by_id}/usb-stick" in {TABLE}'
    )
    assert len(check_path("chf.han", by_id / "usb-stick", TABLE, [], by_id=by_id)) == 1


@in_loop
async def test_a_certificate_for_another_radio(desk):
    desk.certify(OTHER)
    async with stick(desk):
        found = trouble(await looked_at(desk))
    assert f"the radio's EUI-64 is {HUB_SUBJECT}, the certificate was issued to {OTHER}" in found.detail


@in_loop
async def test_a_certificate_that_has_ended(desk):
    desk.certify(HUB_SUBJECT, valid_from=1_000_000_000, valid_for=1_000)
    async with stick(desk):
        assert "was valid until 1000001000" in trouble(await looked_at(desk)).detail


@in_loop
async def test_a_certificate_of_suite_1_alone(desk):
    desk.certify(HUB_SUBJECT, suite=SUITE_1)
    async with stick(desk):
        (note,) = [finding for finding in await looked_at(desk) if finding.status is Status.NOTE]
    assert "suite 1 alone" in note.detail


@in_loop
async def test_a_certificate_of_our_own_is_of_no_use_with_others(desk):
    desk.change("devices/bench-chf.toml", 'credentials = ["../cbke/hub.txt"]', "")
    async with stick(desk):
        (note,) = [finding for finding in await looked_at(desk) if finding.status is Status.NOTE]
        assert "somebody else made does not accept it" in note.detail
        desk.change("rigs/meter-on-a-desk.toml", 'seed = "my desk"', "")
        assert "nobody on the HAN establishes keys with it" in trouble(await looked_at(desk)).detail


def test_a_radio_that_keeps_its_own_identifier(desk):
    rig = desk.rig()
    device = rig.devices["chf"]

    def said(probed) -> Checked:
        return check_credentials(rig, device, "chf.han", probed, "/dev/stick")[-1]

    assert said(Probed([], HUB_SUBJECT)).status is Status.OK
    refused = said(Probed([], OTHER))
    assert refused.status is Status.MISSING
    assert refused.fix == f"use a certificate issued to {OTHER}"
    assert (
        said(Probed([], OTHER, set_eui64="flasher {address} {eui64}")).fix
        == f"flasher /dev/stick {HUB_SUBJECT}"
    )


def test_one_stick_for_two_nodes(desk):
    desk.change(
        "rigs/meter-on-a-desk.toml",
        "[nodes.esme]",
        '[nodes.gpf.ports.han]\ndriver = "spinel"\nurl = "../rigs/../stick"\n\n[nodes.esme]',
    )
    first, *_, second = check_probed_ports(desk.rig())
    assert (first.subject, second.subject) == ("chf.han", "gpf.han")
    assert "is also the far end of chf.han" in second.detail


def test_emulated_sticks_and_ports_without_a_probe_are_left_alone(desk):
    desk.change("rigs/meter-on-a-desk.toml", f'url = "{desk.stick}"', "")
    (found,) = check_probed_ports(desk.rig())
    assert (found.status, found.subject) == (Status.OK, "chf.han")
    assert "emulated" in found.detail


def test_a_driver_that_never_comes_back(desk, monkeypatch):
    async def never(_config, _context):
        await asyncio.sleep(3600)

    stuck = Driver("spinel", SpinelConfig, DRIVER.open, DRIVER.capabilities, probe=never)
    monkeypatch.setattr("hil.drivers.find_driver", lambda *_: stuck)
    monkeypatch.setattr("hil.doctor_radio._PROBE_S", 0.05)
    desk.change("rigs/meter-on-a-desk.toml", str(desk.stick), "socket://127.0.0.1:1")
    assert "was not done with it" in trouble(check_probed_ports(desk.rig())[1:2]).detail


def test_check_rig_tells_of_each_stick_once(desk):
    findings = check_rig(desk.folder / "rigs" / "meter-on-a-desk.toml")
    assert [finding.detail for finding in findings if str(desk.stick) in finding.detail] == [
        f"{desk.stick}: no such device"
    ]
    assert load_rig(desk.folder / "rigs" / "meter-on-a-desk.toml").devices["chf"].emulated
