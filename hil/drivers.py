"""Finding the driver that a rig names, and opening ports with it.

Drivers are installed under the entry point group ``hil.drivers``, by us or by any other package. A rig may
also name a file of its own, ``driver = "relay.py:DRIVER"``, from the rig file's folder.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from hil.checked_toml import Problem, check, raise_problems
from hil.rigfile import MESSAGE_PORTS, DeviceSpec, Rig
from protocols.ports import ConfigError, Driver, DriverContext, Port

GROUP = "hil.drivers"
# What tests may ask of a port that is not a message port, beside what the driver says of itself.
PORT_CAPABILITIES = {name: name for name in ("power", "console", "stimulus", "firmware")}
FRAME_REFUSALS = "han.frame-refusals"  # the hub tells which frames it did not take


def known_drivers() -> dict[str, metadata.EntryPoint]:
    """Installed drivers by name."""
    return {entry.name: entry for entry in metadata.entry_points(group=GROUP)}


def find_driver(name: str, base_dir: Path) -> Driver:
    """The driver of that name or ``file.py:NAME``; ConfigError names those there are."""
    file, _, attribute = name.rpartition(":")
    if file.endswith(".py"):
        return _checked(_from_file(base_dir / file, attribute), name)
    entry = known_drivers().get(name)
    if entry is None:
        raise ConfigError(
            f"there is no driver {name!r}; installed: {', '.join(sorted(known_drivers()))}",
            next_step="correct the name, install the package that brings the driver, or name file.py:NAME",
        )
    try:
        return _checked(entry.load(), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"driver {name!r} ({entry.value}) cannot be loaded: {error}",
            next_step="install what it needs: hil doctor",
        ) from error


def _from_file(path: Path, attribute: str) -> object:
    # Two files of one name in two rigs are two modules.
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
    spec = importlib.util.spec_from_file_location(f"_hil_driver_{path.stem}_{digest}", path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise ConfigError(f"{path}: no such driver file", next_step="correct the path in the rig file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        return getattr(module, attribute)
    except Exception as error:  # somebody else's code: whatever it raises is a wrong driver
        raise ConfigError(
            f"{path}: the driver cannot be loaded: {type(error).__name__}: {error}",
            next_step=f"correct the file so that importing it gives {attribute}",
        ) from error


def _checked(found: object, name: str) -> Driver:
    if not isinstance(found, Driver):
        raise ConfigError(
            f"driver {name!r} is a {type(found).__name__}, not a protocols.ports.Driver",
            next_step="export a Driver: name, config, open, capabilities",
        )
    return found


def port_problems(rig: Rig, node: str, port: str) -> tuple[Driver | None, BaseModel | None, list[Problem]]:
    """The driver of a port and its checked settings, or what is wrong with them in the rig file."""
    spec = rig.devices[node].ports[port]
    key = f"nodes.{node}.ports.{port}"
    try:
        driver = find_driver(spec.driver, rig.base_dir)
    except ConfigError as error:
        return None, None, [Problem(rig.path, f"{key}.driver", error.cause, spec.driver)]
    if not issubclass(driver.config, BaseModel):
        return (
            None,
            None,
            [Problem(rig.path, f"{key}.driver", "its config is no pydantic model", spec.driver)],
        )
    config, problems = check(driver.config, spec.settings, rig.path, key)
    return driver, config, problems


def is_in_memory(rig: Rig, node: str, port: str) -> bool:
    """Whether a port needs nothing but an emulated device in this process; False for an unknown driver."""
    try:
        return find_driver(rig.devices[node].ports[port].driver, rig.base_dir).in_memory
    except ConfigError:
        return False


def _time_problems(rig: Rig, node: str, port: str) -> list[Problem]:
    """Ports on virtual time live in memory, and ports in memory on virtual time."""
    if is_in_memory(rig, node, port) == rig.virtual:
        return []
    named = rig.devices[node].ports[port].driver
    key = f"nodes.{node}.ports.{port}.driver"
    if rig.virtual:
        allowed = '"memory", or time = "real" in [bench]'
        return [Problem(rig.path, key, "this wire knows real time alone", named, allowed)]
    return [Problem(rig.path, key, 'wires in memory need time = "virtual" in [bench]', named)]


def check_ports(rig: Rig) -> None:
    """Check the driver and the settings of every port of the rig; ConfigError lists all problems."""
    problems = [
        problem
        for name, device in rig.devices.items()
        for port in device.ports
        for problem in (*port_problems(rig, name, port)[2], *_time_problems(rig, name, port))
    ]
    raise_problems(problems, f"correct the rig file, then run: hil doctor --rig {rig.path}")


def capabilities(rig: Rig, node: str) -> frozenset[str]:
    """What tests can ask of a node: its ports' drivers and its device file together."""
    device = rig.devices[node]
    found = set(device.file.capabilities)
    for port, spec in device.ports.items():
        named = find_driver(spec.driver, rig.base_dir).capabilities
        found |= {name for name in named if port in MESSAGE_PORTS or not name.startswith("message")}
        found |= {PORT_CAPABILITIES[port]} if port in PORT_CAPABILITIES else set()
    if _own_stack(rig, device):
        found.add(FRAME_REFUSALS)
    return frozenset(found)


def _own_stack(rig: Rig, device: DeviceSpec) -> bool:
    """Whether a node is a hub whose frames the bench's own stack takes."""
    port = device.ports.get("han")
    hub = device.emulated and device.file.type == "chf"
    return hub and (port is None or "radio" in find_driver(port.driver, rig.base_dir).capabilities)


async def open_port(rig: Rig, context: DriverContext) -> Port:
    """Open the port that ``context`` names; ConfigError for wrong settings, BenchError when it fails."""
    driver, config, problems = port_problems(rig, context.node, context.port)
    raise_problems(problems, f"correct the rig file, then run: hil doctor --rig {rig.path}")
    assert driver is not None
    opened: Any = driver.open(config, context)
    port: Port = await opened if inspect.isawaitable(opened) else opened
    return port
