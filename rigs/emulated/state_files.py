"""What an emulator process leaves in its state folder: the lock of who runs, and where the wires are."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from contextlib import asynccontextmanager
from typing import IO, TYPE_CHECKING

from protocols.ports import BenchError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from protocols.ports import Clock

LOCK_NAME = "emulator.lock"
ENDPOINTS_NAME = "endpoints.json"
WIRES_NAME = "wires"
# Whoever asks whether an emulator runs does so by holding the lock for a moment; that is no holder.
_ATTEMPTS = 10
_BETWEEN_ATTEMPTS_S = 0.01


@asynccontextmanager
async def hold_lock(state_dir: Path, clock: Clock) -> AsyncIterator[None]:
    """Hold ``emulator.lock`` while the block runs; BenchError naming the holder when somebody else does.

    The lock is the kernel's (``flock``), so it ends with the process however that ends. The file stays: its
    removal would let two processes hold locks on two files of one name.
    """
    with _open_lock_file(state_dir) as file:
        for _ in range(_ATTEMPTS - 1):
            if _lock(file):
                break
            await clock.sleep(_BETWEEN_ATTEMPTS_S)
        else:
            if not _lock(file):
                file.seek(0)
                holder = file.read().strip() or "another process"
                raise BenchError(
                    f"the emulator of {state_dir} already runs ({holder} holds {LOCK_NAME} there)",
                    next_step="use that one, stop it, or give this rig another [state] dir",
                )
        file.truncate(0)
        file.write(f"process {os.getpid()}")
        file.flush()
        yield


def _open_lock_file(state_dir: Path) -> IO[str]:
    state_dir.mkdir(parents=True, exist_ok=True)
    return (state_dir / LOCK_NAME).open("a+")


def _lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def write_endpoints(state_dir: Path, endpoints: Mapping[str, str]) -> None:
    """Write ``endpoints.json`` so that a reader sees all of it or none."""
    target = state_dir / ENDPOINTS_NAME
    scratch = target.with_suffix(".tmp")
    with scratch.open("w", encoding="utf-8") as file:
        json.dump({"pid": os.getpid(), "endpoints": dict(endpoints)}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(target)


def clear_wires(state_dir: Path) -> None:
    """Remove ``endpoints.json`` and the wires' folder, also a killed process's; only with the lock held."""
    (state_dir / ENDPOINTS_NAME).unlink(missing_ok=True)
    shutil.rmtree(state_dir / WIRES_NAME, ignore_errors=True)
