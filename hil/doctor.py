"""The checks behind ``hil doctor``. Each gives findings and raises nothing; nothing here changes anything."""

from __future__ import annotations

import glob
import grp
import importlib.metadata
import importlib.util
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hil.doctor_lines import Checked, Status
from hil.doctor_radio import check_probed_ports, probed_ports
from hil.rigfile import Rig, load_rig
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.catalogue.check import inconsistencies
from protocols.ports import BenchError

DISTRIBUTION = "smets-hil"
_SERIAL = ("/dev/ttyUSB*", "/dev/ttyACM*", "/dev/ttyAMA*", "/dev/serial/by-id/*")
_TOOLS = {"tshark": "sudo apt-get install tshark", "openssl": "sudo apt-get install openssl"}


def check_machine() -> list[Checked]:
    """What every use of the bench needs."""
    return [
        check_python(),
        *check_packages(),
        check_fixtures(),
        check_catalogue(),
        *check_serial(sorted({path for pattern in _SERIAL for path in glob.glob(pattern)})),  # noqa: PTH207
        *check_tools(),
    ]


def check_rig(path: Path) -> list[Checked]:
    """A rig file with all it names: files, drivers, keys, state folder, serial devices, emulator."""
    try:
        rig = load_rig(path)
    except BenchError as error:
        return [Checked("rig", Status.MISSING, error.cause, error.next_step)]
    findings = [Checked("rig", Status.OK, f"{rig.name}: {len(rig.users)} users, {len(rig.devices)} devices")]
    findings += [_tried("drivers", _check_drivers, rig), _tried("keys", _check_keys, rig)]
    findings += [check_state(rig), check_emulator(rig), *check_serial(_serial_paths(rig))]
    return findings + _check_radios(rig)


def check_python(version: Sequence[int] = tuple(sys.version_info[:3])) -> Checked:
    """The interpreter."""
    shown = ".".join(str(part) for part in version[:3])
    if tuple(version[:2]) < (3, 11):
        fix = "sudo apt-get install python3.11 python3.11-venv, then make venv"
        return Checked("python", Status.MISSING, f"{shown}, needed is 3.11 or later", fix)
    return Checked("python", Status.OK, shown)


def check_catalogue() -> Checked:
    """The tables of use cases, elements and codes agree with each other."""
    catalogue = load_catalogue()
    wrong = inconsistencies(catalogue)
    if wrong:
        detail = f"{len(wrong)} inconsistencies: {'; '.join(wrong[:3])}"
        return Checked("catalogue", Status.MISSING, detail, "install the bench again, unchanged")
    return Checked("catalogue", Status.OK, f"GBCS {catalogue.version}, {len(catalogue)} use cases")


def check_packages() -> list[Checked]:
    """What the distribution says it needs, without its extras."""
    try:
        needed = importlib.metadata.requires(DISTRIBUTION) or []
        version = importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        detail = "not installed, so its drivers and plugin cannot be found"
        return [Checked(DISTRIBUTION, Status.MISSING, detail, "pip install . (or make venv)")]
    findings = [Checked(DISTRIBUTION, Status.OK, version)]
    for requirement in needed:
        name = re.match(r"[A-Za-z0-9._-]+", requirement)
        if name is None or "extra ==" in requirement:
            continue
        try:
            findings.append(Checked(name[0], Status.OK, importlib.metadata.version(name[0])))
        except importlib.metadata.PackageNotFoundError:
            fix = f"pip install '{requirement.split(';')[0].strip()}'"
            findings.append(Checked(name[0], Status.MISSING, "not installed", fix))
    return findings


def check_fixtures() -> Checked:
    """Our package ``fixtures``, not the one on PyPI that has the same name."""
    found = importlib.util.find_spec("fixtures")
    where = ", ".join(found.submodule_search_locations or []) if found is not None else "nowhere"
    if found is not None and _belongs_to_us(found.submodule_search_locations or []):
        return Checked("fixtures", Status.OK, where)
    return Checked(
        "fixtures",
        Status.MISSING,
        f"the package found is another one ({where})",
        f"pip uninstall fixtures && pip install --force-reinstall --no-deps {DISTRIBUTION}",
    )


def _belongs_to_us(locations: Sequence[str]) -> bool:
    """Ours lies beside the package ``hil``, in a checkout as in site-packages."""
    ours = Path(__file__).parent.parent
    same_place = any(Path(location).resolve() == (ours / "fixtures").resolve() for location in locations)
    # Both may have been installed into one folder; fixture.py is a module of the other one.
    return same_place and not (ours / "fixtures" / "fixture.py").is_file()


def check_serial(paths: Sequence[str]) -> list[Checked]:
    """The right to use serial devices."""
    findings = []
    for path in paths:
        if not Path(path).exists():
            fix = "plug it in, or correct the url in the rig file: ls -l /dev/serial/by-id"
            findings.append(Checked(path, Status.MISSING, "no such device", fix))
        elif not os.access(path, os.R_OK | os.W_OK):
            group = _group_of(path)
            fix = f"sudo usermod -aG {group} $USER, then log in again"
            findings.append(Checked(path, Status.MISSING, f"no permission (group {group})", fix))
        else:
            findings.append(Checked(path, Status.OK, "can be read and written"))
    return findings


def _group_of(path: str) -> str:
    try:
        return grp.getgrgid(Path(path).stat().st_gid).gr_name
    except KeyError:
        return "dialout"


def check_tools() -> list[Checked]:
    """Programs that only the interoperability tests need."""
    findings = []
    for tool, fix in _TOOLS.items():
        path = shutil.which(tool)
        status = Status.OK if path else Status.NOTE
        findings.append(
            Checked(tool, status, path or "not found; only make interop needs it", "" if path else fix)
        )
    return findings


def check_state(rig: Rig) -> Checked:
    """The folder for counters and emulated devices can be written."""
    if not rig.keep_state:
        return Checked("state", Status.OK, "new in each run, in the folder of the run")
    root = rig.state_root
    existing = next(folder for folder in (root, *root.parents) if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            return Checked("state", Status.OK, str(root))
    except OSError as error:
        fix = f"sudo chown -R $USER {existing}, or name another folder: export SMETS_HIL_STATE=DIR"
        return Checked("state", Status.MISSING, f"{root} cannot be written: {error}", fix)


def check_emulator(rig: Rig) -> Checked:
    """Whether an emulator of this rig runs; test runs use it, and it may be one that was forgotten."""
    from hil.emulator import ENDPOINTS_NAME, LOCK_NAME, is_running

    lock = rig.state_dir / LOCK_NAME
    if not rig.emulated:
        return Checked("emulator", Status.OK, "not needed: no node is emulated")
    if rig.virtual:
        return Checked("emulator", Status.OK, "not needed: the devices live in the test run, on virtual time")
    try:
        running = is_running(rig)
    except OSError as error:
        return Checked("emulator", Status.MISSING, f"{lock}: {error}", f"sudo chown -R $USER {rig.state_dir}")
    if not running:
        return Checked("emulator", Status.OK, "none is running; a test run starts its own")
    holder = lock.read_text(encoding="utf-8", errors="replace").strip() or "a process"
    kill = holder.replace("process", "kill") if holder.startswith("process ") else f"fuser -k {lock}"
    if not (rig.state_dir / ENDPOINTS_NAME).is_file():
        return Checked("emulator", Status.MISSING, f"{holder} holds {lock} without open wires", kill)
    return Checked("emulator", Status.NOTE, f"{holder} runs it; test runs use that one", f"to end it: {kill}")


def _check_drivers(rig: Rig) -> str:
    from hil.drivers import check_ports

    check_ports(rig)
    used = sorted({port.driver for device in rig.devices.values() for port in device.ports.values()})
    return ", ".join(used)


def _check_radios(rig: Rig) -> list[Checked]:
    return check_probed_ports(rig)


def _check_keys(rig: Rig) -> str:
    from hil.keys import load_keys

    keys = load_keys(rig)
    source = rig.keys.folder or rig.keys.json_file
    detail = f"from {source}" + (" and a seed" if rig.keys.seed else "") if source else "from a seed"
    return "; ".join([detail, *keys.keystore.problems])


def _tried(subject: str, check: object, rig: Rig) -> Checked:
    assert callable(check)
    try:
        return Checked(subject, Status.OK, check(rig))
    except BenchError as error:
        return Checked(subject, Status.MISSING, error.cause, error.next_step)
    except ImportError as error:
        return Checked(subject, Status.MISSING, str(error), f"pip install --force-reinstall {DISTRIBUTION}")


def _serial_paths(rig: Rig) -> list[str]:
    """Paths of serial devices that real nodes of the rig name, but for radios: those are looked at closer."""
    radios = {(device.name, port) for device, port, _, _ in probed_ports(rig)}
    urls = [
        str(port.settings.get("url", ""))
        for device in rig.devices.values()
        if not device.emulated
        for name, port in device.ports.items()
        if (device.name, name) not in radios
    ]
    return sorted(
        {str(rig.base_dir / url) for url in urls if url and "://" not in url and not url.endswith(":")}
    )
