"""One run: journal, bench and keeper opened and closed in order, and what the journal says of the run."""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from hil.bench import Bench
from hil.clock import RealClock
from hil.credentials import CredentialSet
from hil.identity import read_identities
from hil.plugin.items import TestSpec
from hil.plugin.permit import RealNode
from hil.plugin.runner import Runner
from hil.plugin.watch import Listener, WatchedJournal
from hil.register import Register
from hil.report.register_counts import register_body
from hil.restoration import Keeper
from hil.rigfile import Rig
from hil.rundir import JOURNAL
from hil.state_steps import Steps
from hil.switches import READ_BY, SWITCHES
from hil.verdicts import ExitCode, InconclusiveError
from protocols.ports import BenchError, Clock


@dataclass(slots=True)
class Run:
    """A run of tests on a rig, with its folder of evidence."""

    rig: Rig
    register: Register
    specs: Mapping[str, TestSpec]
    folder: Path
    clock: Clock
    retry: int = 0
    part: bool = False  # only some of the rig's tests were asked for
    arguments: Sequence[str] = ()
    listeners: Sequence[Listener] = ()
    opened: bool = False
    journal: WatchedJournal = field(init=False)
    bench: Bench = field(init=False)
    runner: Runner = field(init=False)
    steps: Steps = field(init=False)
    _stack: ExitStack = field(init=False, default_factory=ExitStack)

    @property
    def minimum_tests(self) -> int:
        """How many tests have to pass: what the rig file states, which a part of the tests cannot reach."""
        return min(self.rig.minimum_tests, 1) if self.part else self.rig.minimum_tests

    def start(self) -> None:
        """Open the journal and say what is going to be done; BenchError when it cannot be written."""
        self.journal = journal = WatchedJournal.open(
            self.folder / JOURNAL, self.clock, reproducible=not self.rig.keep_state
        )
        journal.listeners.extend(self.listeners)
        journal.append("run.started", body=self._about())

    def open(self) -> None:
        """Open the bench; BenchError when the rig cannot be opened."""
        journal = self.journal
        self.bench = self._stack.enter_context(Bench.open(self.rig, journal, clock=self.clock))
        credentials = CredentialSet.of_bench(self.bench)
        journal.append("run.keys", body={"fingerprint": credentials.fingerprint()})
        emulated = all(device.emulated for device in self.rig.devices.values())
        # An emulated device answers in milliseconds; only a silent one costs this long.
        limits = {"join_s": 20.0, "answer_s": 2.0} if emulated else {"join_s": 300.0, "answer_s": 5.0}
        self.steps = Steps(self.bench, credentials, **limits)
        keeper = Keeper(self.bench, self.steps, journal, self.rig.state_dir / "restore.json")
        self.runner = Runner(
            self.bench,
            journal,
            keeper,
            self.specs,
            self.register,
            real_nodes=[
                RealNode(d.name, d.file.tests_may) for d in self.rig.devices.values() if not d.emulated
            ],
            retry=self.retry,
        )
        self.opened = True
        self._read_identities("start")

    def finish(self) -> bool:
        """After the last test: put back what is left, read identities again; False if changes stay."""
        restored = True
        try:
            self.runner.keeper.at_end()
        except InconclusiveError as error:
            self.journal.append("restore.left", body={"reason": str(error)})
            restored = False
        self._read_identities("end")
        return restored

    def fail(self, error: BenchError) -> None:
        """Write down why the bench could not be opened or closed."""
        self.journal.append("bench.failed", body={"cause": error.cause, "next_step": error.next_step})

    def close(self, code: ExitCode) -> None:
        """Close the bench, then the journal with the run's exit code in it; nothing may stop that."""
        try:
            self._stack.close()
        except BenchError as error:
            self.fail(error)
        self.journal.append("run.finished", body={"exit_code": int(code)})
        self.journal.close()

    def _read_identities(self, when: str) -> None:
        found = read_identities(self.bench, self.steps)
        self.journal.append("run.identity", body={"when": when, "devices": found})

    def _about(self) -> dict[str, Any]:
        rig = self.rig
        return {
            "time": self._time(),
            "volatile": {
                "bench_version": bench_version(),
                "started_at": RealClock().now(),
                "python": sys.version.split()[0],
                "platform": platform.platform(),
                "host": platform.node(),
                "arguments": [str(argument) for argument in self.arguments],
                "rig_path": str(rig.path),
            },
            "rig": {"name": rig.name, "description": rig.description, "sha256": _sha256(rig.path)},
            "minimum_tests": self.minimum_tests,
            "retry": self.retry,
            "users": {u.name: {"role": u.role, "eui64": str(u.eui64)} for u in rig.users.values()},
            "devices": {name: _declared(device) for name, device in rig.devices.items()},
            "switches": {
                key: {
                    "value": value,
                    "subject": SWITCHES[key].subject,
                    "default": SWITCHES[key].default,
                    "read_by": list(READ_BY.get(key, ())),
                }
                for key, value in rig.switches.items()
            },
            "tests": [spec.as_body() for spec in self.specs.values()],
            "rows": self._rows(),
            "register": register_body(self.register.values()),
        }

    def _time(self) -> dict[str, Any]:
        if not self.rig.virtual:
            return {"mode": "real"}
        return {
            "mode": "virtual",
            "start": self.clock.now(),
            "state": "kept" if self.rig.keep_state else "new",
        }

    def _rows(self) -> dict[str, Any]:
        """The register rows that the tests cite, so that the report can be made from the journal alone."""
        cited = sorted({row for spec in self.specs.values() for row in spec.covers})
        return {
            row.id: {
                "document": row.document,
                "version": row.version,
                "clause": row.clause,
                "title": row.title,
                "device": row.device,
                "topic": row.topic,
                "text": row.text,
                "strength": str(row.strength),
            }
            for row in (self.register[key] for key in cited)
        }


def bench_version() -> str:
    """Version of the installed distribution; ``unknown`` from sources that were never installed."""
    try:
        return version("smets-hil")
    except PackageNotFoundError:
        return "unknown"


def _declared(device: Any) -> dict[str, Any]:
    file = device.file
    return {
        "eui64": str(file.eui64),
        "type": file.type,
        "variant": file.variant,
        "manufacturer": file.manufacturer,
        "model": file.model,
        "specifications": dict(file.specifications),
        "firmware_version": file.firmware_version.hex().upper(),
        "hardware_version": file.hardware_version,
        "emulated": device.emulated,
        "via": device.via,
        "ports": {name: port.driver for name, port in device.ports.items()},
        "device_file": file.file.name,
        "device_file_sha256": _sha256(file.file),
        "tests_may": list(file.tests_may),
    }


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
