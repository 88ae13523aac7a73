"""The files of docs/with-a-real-stick.md in a folder, with an emulated RCP on a pseudo-terminal for the stick."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from hil.pki import write_hierarchy
from hil.rigfile import load_rig
from protocols.eui64 import Eui64
from protocols.zigbee.cbke.authority import TestAuthority
from protocols.zigbee.cbke.suites import SUITE_2
from rigs.emulated.air import EmulatedRadio, Medium
from rigs.emulated.rcp import EmulatedRcp, RcpFirmware
from rigs.emulated.rcp_wires import RcpPty

DOC = Path(__file__).parents[3] / "docs" / "with-a-real-stick.md"
HUB_STICK = "/dev/serial/by-id/usb-Nabu_Casa_SkyConnect_v1.0_0123-if00-port0"
METER_STICK = "/dev/serial/by-id/usb-ITEAD_SONOFF_Zigbee_3.0_USB_Dongle_Plus_V2_0123-if00"
HUB_SUBJECT = Eui64("00-DB-12-34-56-78-9A-02")
METER_SUBJECT = Eui64("00-DB-12-34-56-78-9A-05")
STICK_EUI64 = Eui64("00-12-4B-00-25-1A-6B-10")
NOBODY = 65534
HOLD = "import os, sys; os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); print(flush=True); sys.stdin.read()"
ISSUER = Eui64("00-DB-12-34-56-78-CA-01")


def doc_files() -> dict[str, str]:
    """The files of the page, as they stand there."""
    return dict(re.findall(r"^`([\w./-]+)`\n\n```\w+\n(.*?)^```$", DOC.read_text(), re.DOTALL | re.MULTILINE))


class Desk:
    """The page's files in a folder that lies open to everybody, ``stick`` being the path of every stick."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stick = folder / "stick"
        for name, text in doc_files().items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text.replace(HUB_STICK, str(self.stick)).replace(METER_STICK, str(self.stick)))
        devices = {Eui64("00-DB-12-34-56-78-9A-03"): "esme", Eui64("00-DB-12-34-56-78-9A-04"): "chf"}
        write_hierarchy(folder / "keys", "somebody else's", devices)
        (folder / "cbke").mkdir()
        self.certify(HUB_SUBJECT)
        self.certify_meter(METER_SUBJECT)

    def certify(self, subject: Eui64, *, suite=SUITE_2, **options) -> None:
        """The hub's credentials in one file, with labels."""
        issued = TestAuthority(suite, ISSUER).issue(subject, **options)
        (self.folder / "cbke" / "hub.txt").write_text(
            f"IEEE Address: {issued.subject.hex()}\n"
            f"CA Pub Key: {issued.authority_octets.hex()}\n"
            f"Device Implicit Cert: {issued.certificate_octets.hex()}\n"
            f"Device Private Key: {issued.private_key_octets.hex()}\n"
        )

    def certify_meter(self, subject: Eui64) -> None:
        """The meter's credentials in three files."""
        issued = TestAuthority(SUITE_2, ISSUER).issue(subject)
        for name, octets in (
            ("meter-certificate", issued.certificate_octets),
            ("meter-private-key", issued.private_key_octets),
            ("authority", issued.authority_octets),
        ):
            (self.folder / "cbke" / f"{name}.txt").write_text(octets.hex() + "\n")

    def change(self, file: str, old: str, new: str) -> None:
        path = self.folder / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    def rig(self, name: str = "meter-on-a-desk"):
        return load_rig(
            self.folder / "rigs" / f"{name}.toml", {"SMETS_HIL_STATE": str(self.folder / "state")}
        )


@asynccontextmanager
async def stick(desk: Desk, firmware: RcpFirmware | None = None):
    """An RCP at the desk's path."""
    medium = Medium(asyncio.get_running_loop())
    medium.set_noise(11, -60)
    rcp = EmulatedRcp(EmulatedRadio(medium, "stick", STICK_EUI64), firmware=firmware)
    wire = RcpPty(desk.stick, rcp)
    await wire.start()
    try:
        yield rcp
    finally:
        await wire.close()


@contextmanager
def somebody_without_rights():
    """Root may open everything, so root becomes nobody for a while."""
    if os.geteuid() != 0:
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


@contextmanager
def held_by_another(path):
    """Another process that has it open."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        yield process
        process.stdin.close()
