"""The checks of ``hil doctor`` for a serial device: is it there, may this user open it, is it free."""

from __future__ import annotations

import grp
import os
import pwd
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hil.doctor_lines import Checked, Status

BY_ID = Path("/dev/serial/by-id")
_NUMBERED = re.compile(r"/dev/tty(USB|ACM)\d+")
_RULE = 'KERNEL=="ttyUSB[0-9]*|ttyACM[0-9]*", GROUP="dialout", MODE="0660"'
UDEV_RULE = (
    f"echo '{_RULE}' | sudo tee /etc/udev/rules.d/70-smets-hil.rules"
    " && sudo udevadm control --reload && sudo udevadm trigger --subsystem-match=tty"
)


@dataclass(slots=True)
class Holder:
    """A process that has a device open."""

    pid: int
    name: str


def check_path(
    subject: str,
    path: Path,
    table: str,
    held: list[Holder],
    *,
    ours: int | None = None,
    by_id: Path | None = None,
) -> list[Checked]:
    """One device; ``table`` names its port in the rig file, ``ours`` is the process id of the rig's emulator.

    A device that is not there, or may not be opened, is all that is found.
    """
    by_id = by_id or BY_ID
    if not path.exists():
        return [_absent(subject, path, table, by_id)]
    if not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
        return [_forbidden(subject, path)]
    found = [Checked(subject, Status.OK, f"{_shown(path)}, {_owner(path)}")]
    found += [_held(subject, path, holder, ours) for holder in held]
    if _NUMBERED.fullmatch(str(path)):
        found.append(_numbered(subject, path, table, by_id))
    return found


def holders(path: Path, proc: Path = Path("/proc")) -> list[Holder]:
    """Other processes that have it open, as far as this user may see them."""
    device = os.path.realpath(path)
    return [
        Holder(int(folder.name), _name(folder))
        for folder in sorted(proc.glob("[0-9]*"), key=lambda folder: int(folder.name))
        if int(folder.name) != os.getpid() and device in _open_files(folder)
    ]


def _open_files(process: Path) -> Iterable[str]:
    try:
        descriptors = list((process / "fd").iterdir())
    except OSError:  # somebody else's, or gone meanwhile
        return
    for descriptor in descriptors:
        try:
            yield os.readlink(descriptor)  # noqa: PTH115  (pathlib makes pipes and sockets into odd paths)
        except OSError:
            continue


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "a process that has ended"


def _absent(subject: str, path: Path, table: str, by_id: Path) -> Checked:
    present = sorted(by_id.glob("*"))
    if len(present) == 1:
        fix = f'url = "{present[0]}" in {table}: the only serial adapter there is now'
    elif present:
        fix = f"name one of these as url in {table}: {', '.join(str(link) for link in present)}"
    else:
        fix = f"plug it in, then: ls -l {by_id}"
    leads = " (a link that leads nowhere)" if path.is_symlink() else ""
    return Checked(subject, Status.MISSING, f"{path}: no such device{leads}", fix)


def _forbidden(subject: str, path: Path) -> Checked:
    user = _user(os.geteuid())
    detail = f"{_shown(path)} may not be opened by {user}: {_owner(path)}"
    return Checked(subject, Status.MISSING, detail, _permission(path, user))


def _permission(path: Path, user: str) -> str:
    status = path.stat()
    try:
        group = grp.getgrgid(status.st_gid)
    except KeyError:
        return UDEV_RULE
    # Joining does not help where the group has no right; and nobody is to join root for a serial port.
    if status.st_mode & 0o060 != 0o060 or group.gr_name == "root":
        return UDEV_RULE
    if user in group.gr_mem:
        return (
            f"newgrp {group.gr_name} (this session is older than the membership; logging in again does, too)"
        )
    return f"sudo usermod -aG {group.gr_name} $USER, then log in again"


def _held(subject: str, path: Path, holder: Holder, ours: int | None) -> Checked:
    detail = f"{path} is held by process {holder.pid} ({holder.name})"
    if holder.pid == ours:
        detail += ", the emulator of this rig"
        return Checked(subject, Status.NOTE, detail, f"to end it: kill {holder.pid}")
    if holder.name == "ModemManager":
        return Checked(subject, Status.MISSING, detail, "sudo systemctl disable --now ModemManager")
    return Checked(subject, Status.MISSING, detail, f"kill {holder.pid}")


def _numbered(subject: str, path: Path, table: str, by_id: Path) -> Checked:
    same = [link for link in sorted(by_id.glob("*")) if link.resolve() == path.resolve()]
    detail = f"{path} is another stick as soon as they are plugged in in another order"
    fix = f'url = "{same[0]}" in {table}' if same else f"name its link as url in {table}: ls -l {by_id}"
    return Checked(subject, Status.NOTE, detail, fix)


def _shown(path: Path) -> str:
    real = os.path.realpath(path)
    return str(path) if real == str(path) else f"{path} -> {real}"


def _owner(path: Path) -> str:
    status = path.stat()
    try:
        group = grp.getgrgid(status.st_gid).gr_name
    except KeyError:
        group = str(status.st_gid)
    return f"{_user(status.st_uid)}:{group} {stat.filemode(status.st_mode)}"


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
