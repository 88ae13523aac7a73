"""Opening a radio for listening alone: one at an address, or that of a rig's node."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil import emulator
from hil.checked_toml import check, raise_problems
from hil.drivers import find_driver, port_problems
from hil.rigfile import load_rig
from protocols.ports import ConfigError, DriverContext
from protocols.radio import FrameRadio

if TYPE_CHECKING:
    from hil.rigfile import Rig
    from protocols.ports import Clock

DEFAULT_DRIVER = "spinel"
PORT = "han"


async def open_at(url: str, driver_name: str, clock: Clock) -> FrameRadio:
    """The radio at an address; ConfigError for a driver that is none for radios, BenchError when it fails."""
    here = Path.cwd()
    driver = find_driver(driver_name, here)
    config, problems = check(driver.config, {"url": url}, Path("--radio"))
    raise_problems(problems, "name a serial path or socket://host:port with --radio")
    context = DriverContext(clock, "sniff", PORT, here)
    return await _opened(driver.open(config, context), driver_name)


async def open_of_rig(rig: Rig, node: str, clock: Clock) -> FrameRadio:
    """The radio at the port ``han`` of a node."""
    device = rig.devices.get(node)
    with_radio = [name for name, spec in rig.devices.items() if PORT in spec.ports]
    if device is None or PORT not in device.ports:
        raise ConfigError(
            f"{rig.path}: node {node!r} has no port {PORT}",
            next_step=f"nodes with a radio: {', '.join(with_radio) or 'none'}; or name one with --radio URL",
        )
    driver, config, problems = port_problems(rig, node, PORT)
    raise_problems(problems, f"correct the rig file, then run: hil doctor --rig {rig.path}")
    assert driver is not None
    endpoints = emulator.attach(rig).endpoints if emulator.is_running(rig) else {}
    context = DriverContext(clock, node, PORT, rig.base_dir, endpoints)
    return await _opened(driver.open(config, context), device.ports[PORT].driver)


async def open_radio(
    url: str | None, rig: str | None, node: str | None, driver: str, clock: Clock
) -> FrameRadio:
    """As the command line names it; ConfigError when it names none, or two."""
    if (url is None) == (rig is None):
        raise ConfigError(
            "name one radio: an address, or a rig and its node",
            next_step="--radio /dev/ttyACM0, or --rig RIG --node NAME; ls /dev/serial/by-id shows sticks",
        )
    if url is not None:
        return await open_at(url, driver, clock)
    loaded = load_rig(str(rig))
    if node is None:
        found = [name for name, spec in loaded.devices.items() if PORT in spec.ports]
        node = found[0] if len(found) == 1 else ""
    return await open_of_rig(loaded, node, clock)


async def _opened(opening: Any, name: str) -> FrameRadio:
    radio = await opening if inspect.isawaitable(opening) else opening
    if not isinstance(radio, FrameRadio):
        if hasattr(radio, "close"):
            await radio.close()
        raise ConfigError(
            f"driver {name!r} hands out no raw 802.15.4 frames",
            next_step="name one that does, such as spinel",
        )
    return radio
