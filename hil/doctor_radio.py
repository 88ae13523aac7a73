"""The checks of ``hil doctor`` for ports whose drivers can look at the far end: radios, above all.

A radio is opened for a moment. The EUI-64 that it uses on the air has to be the subject of the CBKE
certificate of the node it serves; nobody establishes keys with it else.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivers.endpoints import EMULATED
from hil.clock import RealClock
from hil.doctor_lines import Checked, Status
from hil.doctor_path import check_path, holders
from hil.drivers import port_problems
from hil.emulator import LOCK_NAME, is_running
from hil.han_credentials import load_credentials, radio_of
from protocols.ports import BenchError, DriverContext
from protocols.zigbee.cbke.suites import SUITE_2

if TYPE_CHECKING:
    from hil.rigfile import DeviceSpec, Rig
    from protocols.eui64 import Eui64
    from protocols.ports import Driver, Probed
    from protocols.zigbee.cbke.credentials import Credentials

DOCUMENT = "docs/with-a-real-stick.md"
_HAN = "han"
_PROBE_S = 60.0


def check_probed_ports(rig: Rig) -> list[Checked]:
    """Every port whose driver has a probe, and whose settings are right (``drivers`` tells of the others)."""
    findings: list[Checked] = []
    users: dict[str, str] = {}
    for device, port, driver, config in probed_ports(rig):
        subject, address = f"{device.name}.{port}", _address(rig, config)
        first = users.setdefault(os.path.realpath(address), subject) if address else subject
        if first != subject:
            detail = f"{address} is also the far end of {first}: a radio serves one node"
            fix = f"name a device of its own as url in [nodes.{device.name}.ports.{port}]"
            findings.append(Checked(subject, Status.MISSING, detail, fix))
        else:
            findings += check_radio(rig, device, port, driver, config)
    return findings


def probed_ports(rig: Rig) -> list[tuple[DeviceSpec, str, Driver, Any]]:
    """Node, port, driver and checked settings of these."""
    found: list[tuple[DeviceSpec, str, Driver, Any]] = []
    for device in rig.devices.values():
        for port in device.ports:
            driver, config, problems = port_problems(rig, device.name, port)
            if driver is not None and driver.probe is not None and not problems:
                found.append((device, port, driver, config))
    return found


def check_radio(rig: Rig, device: DeviceSpec, port: str, driver: Driver, config: Any) -> list[Checked]:
    """One port: the device path, who answers there, and whether that fits the node's CBKE credentials."""
    subject = f"{device.name}.{port}"
    address = _address(rig, config)
    if not address:
        return [Checked(subject, Status.OK, "emulated: a test run brings it along")]
    findings, free = _check_address(rig, subject, address, f"[nodes.{device.name}.ports.{port}]")
    probed = None
    if free:
        context = DriverContext(RealClock(), device.name, port, rig.base_dir)
        probed, more = _probe(subject, context, driver, config)
        findings += more
    if port == _HAN and device.emulated:
        findings += check_credentials(rig, device, subject, probed, address)
    return findings


def _address(rig: Rig, config: Any) -> str:
    """Where its far end is; empty where that is emulated."""
    url = str(getattr(config, "url", EMULATED))
    if url == EMULATED:
        return ""
    return url if "://" in url else str(rig.base_dir / url)


def _check_address(rig: Rig, subject: str, address: str, table: str) -> tuple[list[Checked], bool]:
    """What there is to say of it, and whether it can be opened: the rig's own emulator may be using it."""
    if "://" in address:
        return [], True
    path = Path(address)
    held = holders(path)
    findings = check_path(subject, path, table, held, ours=_emulator(rig))
    return findings, not held and all(finding.status is not Status.MISSING for finding in findings)


def _probe(
    subject: str, context: DriverContext, driver: Driver, config: Any
) -> tuple[Probed | None, list[Checked]]:
    assert driver.probe is not None
    try:
        found: Probed = asyncio.run(_limited(driver, config, context))
    except BenchError as error:
        return None, [Checked(subject, Status.MISSING, error.cause, f"{error.next_step} (see {DOCUMENT})")]
    except TimeoutError:
        detail = f"its driver ({driver.name}) was not done with it after {_PROBE_S:g} s"
        return None, [Checked(subject, Status.MISSING, detail, "unplug it, plug it in and try again")]
    return found, [Checked(subject, Status.OK, line) for line in found.lines]


async def _limited(driver: Driver, config: Any, context: DriverContext) -> Probed:
    assert driver.probe is not None
    return await asyncio.wait_for(driver.probe(config, context), _PROBE_S)


def _emulator(rig: Rig) -> int | None:
    """The process that emulates this rig now."""
    try:
        if not is_running(rig):
            return None
        words = (rig.state_dir / LOCK_NAME).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    number = re.search(r"\d+", words)
    return int(number[0]) if number else None


def check_credentials(
    rig: Rig, device: DeviceSpec, subject: str, probed: Probed | None, address: str
) -> list[Checked]:
    """The CBKE credentials of a node that the bench plays on the air, and its radio's EUI-64."""
    wanted = radio_of(rig, device)
    try:
        credentials = load_credentials(rig, device)
    except BenchError as error:
        return [Checked(subject, Status.MISSING, error.cause, _other_files(rig, device, wanted))]
    if not credentials:
        detail = f"no CBKE certificate for {wanted}: nobody on the HAN establishes keys with it"
        fix = f'credentials = ["..."] under [han] of {device.file.file}'
        return [Checked(subject, Status.MISSING, detail, fix)]
    findings = [_certificate(subject, each, device.file.file) for each in credentials]
    if not device.file.han.files:
        detail = "its certificate is the bench's own: a device that somebody else made does not accept it"
        fix = f'credentials = ["..."] under [han] of {device.file.file} (see {DOCUMENT})'
        findings.append(Checked(subject, Status.NOTE, detail, fix))
    elif all(each.suite is not SUITE_2 for each in credentials):
        detail = "it has a certificate of suite 1 alone, and GB devices use suite 2"
        findings.append(
            Checked(subject, Status.NOTE, detail, f"ask the authority for one to {wanted} in suite 2")
        )
    if probed is not None and probed.eui64 is not None:
        findings.append(_identity(subject, wanted, probed.eui64, probed, address))
    return findings


def _other_files(rig: Rig, device: DeviceSpec, wanted: Eui64) -> str:
    (declared,) = [other.file.file for other in rig.devices.values() if other.file.eui64 == wanted]
    return (
        f"name files issued to {wanted} under [han] of {device.file.file}, or make the certificate's subject "
        f"the eui64 in {declared}"
    )


def _certificate(subject: str, credentials: Credentials, file: Path) -> Checked:
    shown = f"CBKE suite {credentials.suite.number}, issued to {credentials.subject} by {credentials.issuer}"
    problem = credentials.problem(time.time())
    if problem is None:
        return Checked(subject, Status.OK, shown)
    fix = f"correct this machine's clock, or name a valid certificate in {file}"
    return Checked(subject, Status.MISSING, f"{shown}: {problem}", fix)


def _identity(subject: str, wanted: Eui64, own: Eui64, probed: Probed, address: str) -> Checked:
    if own == wanted:
        return Checked(subject, Status.OK, f"its EUI-64 {own} is the certificate's subject")
    if probed.takes_eui64:
        detail = f"its own EUI-64 is {own}; on the air it gets {wanted}, the certificate's subject"
        return Checked(subject, Status.OK, detail)
    detail = f"its EUI-64 is {own}, the certificate was issued to {wanted}: partners refuse that"
    fix = probed.set_eui64.format(address=address, eui64=wanted) or f"use a certificate issued to {own}"
    return Checked(subject, Status.MISSING, detail, fix)
