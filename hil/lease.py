"""One harness a rig: two test runs on the same devices would see each other's answers and alerts."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from hil.rigfile import Rig
from protocols.ports import BenchError

LOCK_NAME = "bench.lock"


@contextmanager
def lease(rig: Rig) -> Iterator[None]:
    """Hold the rig while the block runs; BenchError that names the holder when somebody else does.

    The lock is the kernel's, so it ends with the process however that ends, and nothing has to be released by
    hand. The file stays: its removal would let two processes hold locks on two files of one name.
    """
    path = rig.state_dir / LOCK_NAME
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+")
    except OSError as error:
        raise BenchError(
            f"{path}: the state folder cannot be used: {error}",
            next_step="make it writable, or name another with SMETS_HIL_STATE: hil doctor --rig "
            + str(rig.path),
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise BenchError(
                f"{rig.path}: {holder} runs tests on this rig",
                next_step="wait for it to end; a rig serves one run at a time",
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()}")
        file.flush()
        yield
