"""The emulator process of a rig, seen from the harness: attach to a running one, or start one and stop it.

It is a process of its own so that it can be killed at any moment without the bench, and outlive a test run
when somebody started it by hand with ``hil emulate``. The one the harness starts ends when its standard input
closes, which the kernel sees to even if the harness is killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import queue
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from hil.rigfile import Rig
from protocols.ports import BenchError

LOCK_NAME, ENDPOINTS_NAME, LOG_NAME = "emulator.lock", "endpoints.json", "emulator.log"
READY_LIMIT_S = 30.0
STOP_LIMIT_S = 10.0
_POLL_S = 0.02


@dataclass(slots=True)
class Emulator:
    """A running emulator; ``endpoints`` are addresses of wires by ``node.port``.

    ``process`` is None when it was found running, and then it is left running.
    """

    pid: int
    endpoints: dict[str, str]
    log: Path | None = None
    process: subprocess.Popen[str] | None = None
    _stdout: threading.Thread | None = field(default=None, repr=False)

    @property
    def attached(self) -> bool:
        """Whether somebody else started it."""
        return self.process is None

    def ended(self) -> str:
        """What can be said of a process that we started and that has ended by itself; empty while it runs."""
        code = None if self.process is None else self.process.poll()
        return "" if code is None else f"the emulator ended with exit code {code}: {_tail(self.log)}"

    def stop(self, limit_s: float = STOP_LIMIT_S) -> list[str]:
        """End the process we started: close its input, SIGTERM, SIGKILL; returns what went wrong."""
        process = self.process
        if process is None:
            return []
        trouble = []
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
        for name, action in (("SIGTERM", process.terminate), ("SIGKILL", process.kill)):
            try:
                process.wait(limit_s)
                break
            except subprocess.TimeoutExpired:
                trouble.append(f"the emulator ({process.pid}) did not end in {limit_s:g} s, sent {name}")
                action()
        code = process.wait()
        if code != 0 and not trouble:
            trouble.append(f"the emulator ended with exit code {code}: {_tail(self.log)}")
        if self._stdout is not None:
            self._stdout.join(limit_s)
        return trouble


def is_running(rig: Rig) -> bool:
    """Whether a process holds the rig's emulator lock."""
    path = rig.state_dir / LOCK_NAME
    if not path.exists():
        return False
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def open_emulator(
    rig: Rig, log_dir: Path, ready_limit_s: float = READY_LIMIT_S, *, capture: Path | None = None
) -> Emulator:
    """Attach to the rig's running emulator, or start one; BenchError with the end of its log.

    One that is started records its HAN into the folder ``capture`` from its first frame on.
    """
    if is_running(rig):
        return attach(rig, ready_limit_s)
    return start(rig, log_dir, ready_limit_s, capture=capture)


def attach(rig: Rig, ready_limit_s: float = READY_LIMIT_S) -> Emulator:
    """Use the emulator that runs already, waiting for it when it is just starting."""
    path = rig.state_dir / ENDPOINTS_NAME
    deadline = time.monotonic() + ready_limit_s
    while True:
        # It is another process's and may have been started this moment: its file is all there is to look at.
        with contextlib.suppress(FileNotFoundError):
            document = json.loads(path.read_text(encoding="utf-8"))
            return Emulator(document["pid"], document["endpoints"])
        if not is_running(rig) or time.monotonic() > deadline:
            raise BenchError(
                f"the emulator of {rig.path} holds {rig.state_dir / LOCK_NAME} but its wires are not open",
                next_step=f"stop the process that holds it: fuser {rig.state_dir / LOCK_NAME}",
            )
        time.sleep(_POLL_S)


def start(
    rig: Rig, log_dir: Path, ready_limit_s: float = READY_LIMIT_S, *, capture: Path | None = None
) -> Emulator:
    """Start ``hil emulate`` for the rig and wait until all its wires are open."""
    log_dir.mkdir(parents=True, exist_ok=True)
    log = log_dir / LOG_NAME
    command = [sys.executable, "-m", "hil", "emulate", str(rig.path), "--until-stdin-closes"]
    command += ["--capture", str(capture.absolute())] if capture is not None else []
    with log.open("w", encoding="utf-8") as stderr:
        process = subprocess.Popen(  # noqa: S603  (our own program)
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env={**os.environ, "SMETS_HIL_STATE": str(rig.state_root), "PYTHONUNBUFFERED": "1"},
            # Ctrl-C is for the harness, which restores devices before it stops the emulator.
            start_new_session=True,
        )
    emulator = Emulator(process.pid, {}, log, process)
    try:
        ready = _wait_until_ready(emulator, ready_limit_s)
    except BaseException:
        emulator.stop(1)
        raise
    emulator.endpoints = ready["endpoints"]
    return emulator


def _wait_until_ready(emulator: Emulator, limit_s: float) -> dict[str, Any]:
    process, lines = emulator.process, queue.SimpleQueue[str]()
    assert process is not None
    assert process.stdout is not None
    # Read to the end by a thread, so that the emulator never blocks on a full pipe.
    emulator._stdout = threading.Thread(  # noqa: SLF001  (same module)
        target=_read_lines, args=(process.stdout, lines), name="emulator-stdout", daemon=True
    )
    emulator._stdout.start()  # noqa: SLF001
    deadline = time.monotonic() + limit_s
    while True:
        try:
            line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise _not_ready(emulator, f"is not ready after {limit_s:g} s") from None
        if not line:
            raise _not_ready(emulator, f"ended with exit code {process.wait()} before it was ready")
        with contextlib.suppress(ValueError):
            found = json.loads(line)
            if isinstance(found, dict) and found.get("ready"):
                return found


def _read_lines(stream: IO[str], lines: queue.SimpleQueue[str]) -> None:
    with stream:
        for line in stream:
            lines.put(line)
    lines.put("")


def _not_ready(emulator: Emulator, what: str) -> BenchError:
    return BenchError(
        f"the emulator {what}: {_tail(emulator.log)}",
        next_step="start it by hand to see more: hil emulate RIG",
    )


def _tail(log: Path | None) -> str:
    """The last lines of the log, for error messages."""
    if log is None:
        return "no log"
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
    said = [line for line in lines if line.strip("^~ ")]
    return f"{' | '.join(said[-3:]) or 'it said nothing'} ({log})"
