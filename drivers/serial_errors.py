"""What stands behind a serial port that cannot be opened or went away, and what to do about it."""

from __future__ import annotations

import errno
import grp
from pathlib import Path

from protocols.ports import BenchError, PortClosedError


def cannot_open(address: str, where: str, error: Exception) -> BenchError:
    """The error for a port that would not open; ``where`` is its table in the rig file."""
    return BenchError(f"cannot open {address} for {where}: {error}", next_step=_remedy(address, where, error))


def gone(address: str, error: Exception) -> PortClosedError:
    """The error for a port whose far end went away."""
    if "://" in address:
        remedy = "check that the far end still runs and that nobody else took the connection"
    else:
        remedy = (
            "check cable and power; if the bench emulates the far end, see whether the emulator still runs"
        )
    return PortClosedError(f"the far end of {address} is gone: {error}", next_step=remedy)


def closed(address: str) -> PortClosedError:
    """The error for using a port after it was closed here."""
    return PortClosedError(f"the port on {address} was closed by the bench")


def _remedy(address: str, where: str, error: Exception) -> str:
    if "://" in address:
        return _network_remedy(address, where, error)
    code = _code(error)
    if code == errno.ENOENT:
        present = ", ".join(_present_devices()) or "none"
        return f"plug the adapter in or correct url in {where}; serial devices now present: {present}"
    if code in {errno.EACCES, errno.EPERM}:
        return (
            f"join the group that may use it: sudo usermod -aG {_group_of(address)} $USER, then log in again"
        )
    if code in {errno.EAGAIN, errno.EBUSY}:
        return f"another program has it open: find it with fuser -v {address}"
    if code in {errno.ENOTTY, errno.EINVAL, errno.EISDIR}:
        return f"it is no serial device, or the adapter refuses these line settings: correct {where}"
    return f"check the device and the settings in {where}"


def _network_remedy(address: str, where: str, error: Exception) -> str:
    text = str(error)
    if "option 'control'" in text and "ign_set_control" not in text:
        joint = "&" if "?" in address else "?"
        return f'the server does not answer SET-CONTROL: url = "{address}{joint}ign_set_control&timeout=3.0"'
    if "RFC2217" in text:
        return (
            "the far end does not speak RFC 2217 (or not with these line settings); a plain TCP port is "
            "socket://host:port"
        )
    if "invalid URL" in text:
        return f"correct url in {where}: a device path, socket://host:port or rfc2217://host:port"
    return f"check that the far end runs and listens there, or correct url in {where}"


def _code(error: BaseException | None) -> int | None:
    """The system's error number; pyserial hides some of them in the exception before."""
    while error is not None:
        number = getattr(error, "errno", None) or (error.args[0] if error.args else None)
        if isinstance(number, int):
            return number
        error = error.__context__
    return None


def _present_devices() -> list[str]:
    named = sorted(str(path) for path in Path("/dev/serial/by-id").glob("*"))
    return named or sorted(
        str(path) for pattern in ("ttyUSB*", "ttyACM*") for path in Path("/dev").glob(pattern)
    )


def _group_of(address: str) -> str:
    try:
        return grp.getgrgid(Path(address).stat().st_gid).gr_name
    except (OSError, KeyError):
        return "dialout"
