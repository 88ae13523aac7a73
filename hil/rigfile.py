"""The rig file: which nodes stand on the bench, which are emulated, and by which wires they are reached.

`load_rig` reads the rig and the device files it names and reports all their problems in one ConfigError.
Relative paths start from the folder of the file they stand in, so a rig may live in a private repository and
bring device files, register rows, suites and drivers of its own.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field

from hil.checked_toml import Eui64Text, FileModel, Problem, check, raise_problems, read_toml
from hil.devicefile import NEXT_STEP, DeviceFile, load_device_file
from hil.rig_faults import read_faults
from hil.switches import resolve_switches
from protocols.eui64 import Eui64
from protocols.parties import RoleName
from rigs.emulated.fault_catalogue import FaultOrder
from rigs.emulated.han.settings import DEFAULT_CHANNELS, HanSettings

PortName = Literal["gateway", "wan", "han", "serial", "power", "console", "stimulus", "firmware"]
MESSAGE_PORTS = ("wan", "gateway", "serial")
_NAME = r"^[A-Za-z][A-Za-z0-9_-]*$"
_NODE_NAME = Annotated[str, Field(pattern=_NAME)]


class PortTable(FileModel):
    """One port; the keys beside ``driver`` belong to that driver and are checked by its own model."""

    model_config = ConfigDict(extra="allow")
    driver: str = Field(description="name of an installed driver, or file.py:NAME from this file's folder")


class UserTable(FileModel):
    """A party that sends commands."""

    kind: Literal["user"]
    role: RoleName = Field(description="supplier, network_operator, access_control_broker, ...")
    eui64: Eui64Text = Field(description="eight octets in hexadecimal, like 90-B3-D5-1F-30-01-00-00")


class DeviceTable(FileModel):
    """A device, real or emulated."""

    kind: Literal["device"]
    device: Path = Field(description="path of a device file")
    emulated: bool = Field(default=False, description="true or false")
    via: str = Field(default="", description="name of the device node that carries this one's messages")
    ports: dict[PortName, PortTable] = Field(default_factory=dict)
    faults: list[str] = Field(
        default_factory=list, description="a list of NAME[:port][,key=value ...], see hil faults"
    )


class KeysTable(FileModel):
    """Where keys come from: ``seed`` for made-up ones, ``folder`` or ``json`` for those of a test PKI.

    ``test`` says that they are test keys, so that a run may write its keys down for Wireshark. Those of a
    seed alone are, unless it says no; those of files are not, unless it says so.
    """

    seed: str = Field(default="", description="any text; equal seeds make equal keys")
    folder: Path | None = Field(
        default=None, description="path of a folder with <eui64>-<ds|ka|pp-ka>.key and .pem"
    )
    json_file: Path | None = Field(default=None, alias="json", description="path of a key store in JSON")
    test: bool | None = Field(default=None, description="true where the keys protect nothing real")


class StateTable(FileModel):
    """Where counters and emulated devices keep what outlives a run.

    In virtual time every run begins with new devices, and its state lies in the folder of the run, unless
    ``keep`` is set.
    """

    dir: Path | None = Field(default=None, description="path of a folder")
    keep: bool = Field(default=False, description='true, only with time = "virtual" in [bench]')


class BenchTable(FileModel):
    """How the bench itself runs."""

    time: Literal["real", "virtual"] = Field(default="real", description="real or virtual")
    start: AwareDatetime | None = Field(
        default=None, description="a time with its offset from UTC, like 2026-01-05T09:00:00Z"
    )
    longest_wait_s: float | None = Field(
        default=None, gt=0, description="seconds; tests that wait longer at a stretch are skipped"
    )


class HanTable(FileModel):
    """The HAN of emulated premises, as far as it lives on the emulated air.

    ``loss`` is the probability that a frame is not heard.
    """

    channels: list[Annotated[int, Field(ge=11, le=26)]] = Field(
        default_factory=lambda: list(DEFAULT_CHANNELS),
        min_length=1,
        description="a list of numbers, 11 to 26",
    )
    seed: str = Field(default="", description="any text; equal seeds make equal courses of events")
    loss: float = Field(default=0.0, ge=0, lt=1, description="a number from 0, less than 1")


class RigTables(FileModel):
    """The whole file as written."""

    schema_version: Literal[1] = Field(alias="schema", description="1")
    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="letters, digits, dot, dash, underscore"
    )
    description: str = ""
    minimum_tests: int = Field(default=0, ge=0, description="a whole number, 0 or more")
    register_files: list[Path] = Field(
        default_factory=list, alias="register", description="a list of paths of JSON files with register rows"
    )
    suites: list[Path] = Field(default_factory=list, description="a list of paths of test files or folders")
    built_in: list[str] | None = Field(
        default=None, description="a list of names of the bench's own suites; without it all of them run"
    )
    switches: dict[str, str] = Field(default_factory=dict)
    keys: KeysTable = Field(description='a table with seed = "...", folder = "..." or json = "..."')
    state: StateTable = Field(default_factory=StateTable)
    bench: BenchTable = Field(default_factory=BenchTable)
    han: HanTable = Field(default_factory=HanTable)
    nodes: dict[_NODE_NAME, Annotated[UserTable | DeviceTable, Field(discriminator="kind")]] = Field(
        min_length=1, description='tables [nodes.<name>] with kind = "user" or kind = "device"'
    )


@dataclass(slots=True)
class User:
    """A user node of the rig."""

    name: str
    role: str
    eui64: Eui64


@dataclass(slots=True)
class PortSpec:
    """A port as the rig wires it; ``settings`` are the driver's keys as written."""

    driver: str
    settings: dict[str, Any]


@dataclass(slots=True)
class DeviceSpec:
    """A device node of the rig. ``via`` is empty when the node has a message port of its own."""

    name: str
    file: DeviceFile
    emulated: bool
    via: str
    ports: dict[str, PortSpec]
    faults: list[FaultOrder] = field(default_factory=list)

    @property
    def message_port(self) -> str:
        """Name of the port that carries GBCS messages, empty when the node has none."""
        return next((name for name in MESSAGE_PORTS if name in self.ports), "")


@dataclass(slots=True)
class Keys:
    """Where keys come from; paths are absolute. ``test``: they protect nothing real."""

    seed: str = ""
    folder: Path | None = None
    json_file: Path | None = None
    test: bool = False


@dataclass(slots=True)
class Rig:
    """A checked rig. ``switches`` holds the value of every switch.

    ``state_root`` is shared by all rigs of the account (counters are kept there, by EUI-64), ``state_dir`` is
    this rig's own (emulated devices). ``start`` is when time begins on a rig in ``virtual`` time; None leaves
    that to the bench.
    """

    path: Path
    name: str
    description: str
    users: dict[str, User]
    devices: dict[str, DeviceSpec]
    keys: Keys
    switches: dict[str, str]
    state_root: Path
    state_dir: Path
    minimum_tests: int = 0
    register_files: list[Path] = field(default_factory=list)
    suites: list[Path] = field(default_factory=list)
    built_in: list[str] | None = None  # which of the bench's own suites run here; None: all
    virtual: bool = False
    longest_wait_s: float | None = None
    start: datetime | None = None
    keep_state: bool = True
    han: HanSettings = field(default_factory=HanSettings)

    @property
    def base_dir(self) -> Path:
        """Folder that relative paths of the rig file start from."""
        return self.path.parent

    @property
    def emulated(self) -> list[DeviceSpec]:
        """The emulated devices."""
        return [device for device in self.devices.values() if device.emulated]

    def in_run(self, folder: Path) -> Rig:
        """The rig for a run whose evidence goes to ``folder``: devices that are new in each run live there.

        So do their counters; no device that remembers them ever sees those.
        """
        if self.keep_state:
            return self
        root = folder / "state"
        return replace(self, state_root=root, state_dir=root / self.name)

    def carrier(self, device: str) -> DeviceSpec:
        """The node whose message port carries messages for ``device``: itself, or along ``via``."""
        spec = self.devices[device]
        while not spec.message_port:
            spec = self.devices[spec.via]
        return spec


def load_rig(path: Path | str, environ: Mapping[str, str] | None = None) -> Rig:
    """Read and check a rig file with its device files; ConfigError lists every problem."""
    path = Path(os.path.abspath(Path(path).expanduser()))  # noqa: PTH100  (resolve would follow a symlinked rig)
    next_step = NEXT_STEP.format(rig=path)
    data = read_toml(path, "rig file", "name a rig file: hil doctor --rig rigs/emulated.toml")
    tables, problems = check(RigTables, data, path)
    if tables is None:
        raise_problems(problems, next_step)
        raise AssertionError("a model or a problem")
    devices, more = _devices(tables, path)
    problems += more
    switches, more = resolve_switches(tables.switches, path)
    problems += more + _key_problems(tables, path) + _path_problems(tables, path)
    problems += _time_problems(tables, path)
    raise_problems(problems, next_step)
    root = _state_root(tables, path, os.environ if environ is None else environ)
    identity = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
    return Rig(
        path=path,
        name=tables.name,
        description=tables.description,
        users={n: User(n, t.role, t.eui64) for n, t in tables.nodes.items() if isinstance(t, UserTable)},
        devices=devices,
        keys=_keys(tables, path),
        switches=switches,
        state_root=root,
        # Two rigs may share a name; their emulated devices must not share their memory.
        state_dir=root / f"{tables.name}-{identity}",
        minimum_tests=tables.minimum_tests,
        register_files=[path.parent / file for file in tables.register_files],
        suites=[path.parent / suite for suite in tables.suites],
        built_in=tables.built_in,
        virtual=tables.bench.time == "virtual",
        longest_wait_s=tables.bench.longest_wait_s,
        start=tables.bench.start,
        keep_state=tables.bench.time == "real" or tables.state.keep,
        han=HanSettings(tuple(tables.han.channels), tables.han.seed or tables.keys.seed, tables.han.loss),
    )


def _devices(tables: RigTables, path: Path) -> tuple[dict[str, DeviceSpec], list[Problem]]:
    devices: dict[str, DeviceSpec] = {}
    problems: list[Problem] = []
    owners: dict[Eui64, str] = {}
    for name, table in tables.nodes.items():
        key = f"nodes.{name}"
        if isinstance(table, UserTable):
            eui64 = table.eui64
        else:
            file = path.parent / table.device
            if not file.is_file():
                problems.append(
                    Problem(path, f"{key}.device", "no such file", str(table.device), "a device file")
                )
                continue
            declared, found = load_device_file(file, path)
            problems += found
            if declared is None:
                continue
            ports: dict[str, PortSpec] = {
                port: PortSpec(t.driver, dict(t.model_extra or {})) for port, t in table.ports.items()
            }
            faults, found = read_faults(path, name, table.faults, emulated=table.emulated)
            problems += found
            devices[name] = DeviceSpec(name, declared, table.emulated, table.via, ports, faults)
            eui64 = declared.eui64
        other = owners.setdefault(eui64, name)
        if other != name:
            problems.append(Problem(path, key, f"has the EUI-64 of nodes.{other}", str(eui64)))
    return devices, problems + _via_problems(tables, path)


def _via_problems(tables: RigTables, path: Path) -> list[Problem]:
    nodes = {name: table for name, table in tables.nodes.items() if isinstance(table, DeviceTable)}
    problems = []
    for name, table in nodes.items():
        seen, at = [name], table
        while not any(port in at.ports for port in MESSAGE_PORTS):
            others = ", ".join(other for other in nodes if other != name) or "none in this rig"
            if not at.via:
                problem = "no port for messages and no via leads to one"
                allowed = f"a port {', '.join(MESSAGE_PORTS)}, or via one of: {others}"
                problems.append(Problem(path, f"nodes.{seen[-1]}", problem, allowed=allowed))
                break
            if at.via not in nodes or at.via in seen:
                problem = "goes round in a circle" if at.via in seen else "no device node of that name"
                problems.append(Problem(path, f"nodes.{seen[-1]}.via", problem, at.via, others))
                break
            seen.append(at.via)
            at = nodes[at.via]
    # Nodes behind a broken one would all repeat its problem.
    return list({str(problem): problem for problem in problems}.values())


def _key_problems(tables: RigTables, path: Path) -> list[Problem]:
    keys, problems = tables.keys, []
    given = [name for name, value in (("folder", keys.folder), ("json", keys.json_file)) if value is not None]
    if not given and not keys.seed:
        problems.append(Problem(path, "keys", "names no source of keys", allowed="seed, folder or json"))
    if len(given) > 1:
        problems.append(Problem(path, "keys", "names both folder and json", allowed="one of them"))
    if keys.folder is not None and not (path.parent / keys.folder).is_dir():
        problems.append(Problem(path, "keys.folder", "no such folder", str(keys.folder)))
    if keys.json_file is not None and not (path.parent / keys.json_file).is_file():
        problems.append(Problem(path, "keys.json", "no such file", str(keys.json_file)))
    return problems


def _time_problems(tables: RigTables, path: Path) -> list[Problem]:
    if tables.bench.time == "real":
        return [
            Problem(path, key, 'means nothing without time = "virtual" in [bench]')
            for key, given in (("bench.start", tables.bench.start), ("state.keep", tables.state.keep))
            if given
        ]
    problems = [
        Problem(path, f"nodes.{name}.emulated", "a real device has no virtual time", table.emulated, "true")
        for name, table in tables.nodes.items()
        if isinstance(table, DeviceTable) and not table.emulated
    ]
    if tables.state.dir is not None and not tables.state.keep:
        problems.append(
            Problem(
                path, "state.dir", "means nothing while each run begins anew", allowed="keep = true beside it"
            )
        )
    return problems


def _path_problems(tables: RigTables, path: Path) -> list[Problem]:
    named = {"register": tables.register_files, "suites": tables.suites}
    return [
        Problem(path, f"{key}.{index}", "no such file", str(item), "a path from this file's folder")
        for key, items in named.items()
        for index, item in enumerate(items)
        if not (path.parent / item).exists()
    ]


def _keys(tables: RigTables, path: Path) -> Keys:
    keys = tables.keys
    return Keys(
        seed=keys.seed,
        folder=path.parent / keys.folder if keys.folder is not None else None,
        json_file=path.parent / keys.json_file if keys.json_file is not None else None,
        test=not (keys.folder or keys.json_file) if keys.test is None else keys.test,
    )


def _state_root(tables: RigTables, path: Path, environ: Mapping[str, str]) -> Path:
    """The environment speaks last, so that one invocation can keep its state elsewhere."""
    if environ.get("SMETS_HIL_STATE"):
        return Path(environ["SMETS_HIL_STATE"]).expanduser().absolute()
    if tables.state.dir is not None:
        return path.parent / tables.state.dir.expanduser()
    base = environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser() / "smets-hil"
