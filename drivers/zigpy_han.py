"""A stick with a ZigBee stack of its own as the hub's side of a HAN, by zigpy.

zigpy and its radio libraries are GPL-3.0 and optional: they are imported when a port is opened, by
`drivers.zigpy_app` and its neighbours alone. EZSP sticks (bellows) do all a trust centre needs; of the other
radios zigpy knows only what its common API offers, see docs/drivers.md.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from drivers.endpoints import resolve
from drivers.zigpy_service import ZigpyHan
from protocols.ports import BenchError, Driver, Probed

if TYPE_CHECKING:
    from protocols.ports import DriverContext

_RADIOS = {
    "ezsp": "bellows",
    "znp": "zigpy_znp",
    "deconz": "zigpy_deconz",
    "xbee": "zigpy_xbee",
    "zigate": "zigpy_zigate",
}
_PACKAGES = {module: module.replace("_", "-") for module in _RADIOS.values()}

# Its stack uses the EUI-64 of the chip and no other; this writes it for good.
_SET_EUI64 = "universal-silabs-flasher --device {address} write-ieee --ieee {eui64}"


class ZigpyConfig(BaseModel):
    """Keys of a ``zigpy`` port; see docs/drivers.md."""

    model_config = ConfigDict(extra="forbid")

    url: str = "emulated:"
    radio: Literal["ezsp", "znp", "deconz", "xbee", "zigate"] = "ezsp"
    baud: int = Field(default=115_200, ge=9600, le=4_000_000)
    flow_control: Literal["none", "hardware", "software"] = "none"
    key_establishment_timeout_s: float = Field(default=1200.0, gt=0)


def _check_installed(radio: str, where: str) -> None:
    module = _RADIOS[radio]
    missing = [name for name in ("zigpy", module) if find_spec(name) is None]
    if missing:
        extra = (
            "pip install 'smets-hil[zigbee]'"
            if module == "bellows"
            else f"pip install zigpy {_PACKAGES[module]}"
        )
        raise BenchError(
            f"{where}: the driver zigpy with radio = {radio!r} needs "
            f"{' and '.join(missing)}, not installed here",
            next_step=f"{extra} (GPL-3.0, so it does not come with the bench)",
        )


async def open_zigpy_han(config: ZigpyConfig, context: DriverContext) -> ZigpyHan:
    """Open a stick; BenchError that says what to install, or what is wrong with the stick."""
    where = f"[nodes.{context.node}.ports.{context.port}]"
    _check_installed(config.radio, where)
    address = resolve(config.url, context)
    from drivers.zigpy_app import open_stick  # imports zigpy

    han = ZigpyHan(f"{address} {where}", context, config.key_establishment_timeout_s)
    try:
        han.attach(await open_stick(config.radio, address, config.baud, config.flow_control, han))
    except BaseException as error:
        await han.close()
        if isinstance(error, BenchError) or not isinstance(error, Exception):
            raise
        raise BenchError(
            f"{address} {where}: no {config.radio} stick answers there: {error!r}",
            next_step="check url, baud and flow_control, that the firmware is the one of this radio, "
            "and that no other program has the stick",
        ) from error
    return han


async def probe_zigpy_han(config: ZigpyConfig, context: DriverContext) -> Probed:
    """Open a stick for a moment for ``hil doctor``; the network it may have is left alone."""
    han = await open_zigpy_han(config, context)
    try:
        lines = [f"{config.radio} stick with a stack of its own, EUI-64 {han.eui64}"]
        return Probed(lines, han.eui64, set_eui64=_SET_EUI64 if config.radio == "ezsp" else "")
    finally:
        await han.close()


DRIVER = Driver(
    name="zigpy",
    config=ZigpyConfig,
    open=open_zigpy_han,
    capabilities=frozenset({"han", "han.coordinator", "han.install-code", "han.partner-keys"}),
    needs="a stick with EZSP firmware (or another radio of zigpy), and zigpy installed",
    probe=probe_zigpy_han,
)
