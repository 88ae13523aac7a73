"""zigpy's application for the bench: our endpoints, our policies, and none of its own doings.

Imports zigpy, so only `drivers.zigpy_han` imports this, when a port is opened. zigpy would interview every
device that joins, permit joining with the well-known key, and erase keys of devices that try to join again:
all that is switched off here.
"""

from __future__ import annotations

import asyncio
import contextlib
from importlib import import_module
from typing import Any

import zigpy.zdo.types as zdo_t

from drivers.zigpy_ezsp import EzspStick
from drivers.zigpy_plain import PlainStick
from drivers.zigpy_stick import Stick, StickUser
from drivers.zigpy_words import POLICIES
from protocols.han import Endpoint
from protocols.zigbee.stack.constants import PROFILE_SMART_ENERGY

_MODULES = {
    "ezsp": "bellows.zigbee.application",
    "znp": "zigpy_znp.zigbee.application",
    "deconz": "zigpy_deconz.zigbee.application",
    "xbee": "zigpy_xbee.zigbee.application",
    "zigate": "zigpy_zigate.zigbee.application",
}
_OPEN_S = 20.0
_ENERGY_SERVICES_INTERFACE = 0x0500


def configuration(radio: str, address: str, baud: int, flow_control: str) -> dict[str, Any]:
    """What zigpy is told: no database, no backups, no OTA, nothing periodic."""
    flow = None if flow_control == "none" else flow_control
    told: dict[str, Any] = {
        "device": {"path": address, "baudrate": baud, "flow_control": flow},
        "database_path": None,
        "backup_enabled": False,
        "topology_scan_enabled": False,
        "ota": {"enabled": False},
    }
    if radio == "ezsp":
        told |= {
            "use_thread": False,
            "ezsp_policies": POLICIES,
            "ezsp_config": {"CONFIG_KEY_TABLE_SIZE": 12, "CONFIG_FRAGMENT_WINDOW_SIZE": 1},
        }
    return told


def application_class(base: Any) -> Any:  # noqa: C901 - one short method per thing switched off
    """The radio library's application, changed."""

    class BenchApplication(base):  # type: ignore[misc]
        """An application that leaves devices to the bench."""

        bench_endpoints: tuple[Endpoint, ...] = ()
        bench_user: Any = None  # gets packets, joins and leaves, where the radio tells zigpy of them

        async def register_endpoints(self) -> None:
            """The bench's own; radio libraries want an endpoint 1."""
            if hasattr(self, "_created_device_endpoints"):
                self._created_device_endpoints.clear()
            endpoints = {endpoint.number: endpoint for endpoint in self.bench_endpoints}
            endpoints.setdefault(1, Endpoint(1, PROFILE_SMART_ENERGY, _ENERGY_SERVICES_INTERFACE))
            for endpoint in endpoints.values():
                await self.add_endpoint(_descriptor(endpoint))

        async def _reset(self) -> None:
            # A reset forgets endpoints, and bellows registers them at connecting alone.
            await super()._reset()
            await self.register_endpoints()

        async def permit(self, time_s: int = 60, node: Any = None) -> None:  # noqa: ARG002 - zigpy's signature
            """Never opens: zigpy's own way would import the well-known key."""
            if time_s:
                raise RuntimeError("joining is opened for listed devices only: allow_device")
            await self.permit_ncp(0)

        async def cleanup_tc_link_key(self, ieee: Any) -> None:
            """Keys are the bench's; a join attempt under a member's name must not erase its key."""

        def packet_received(self, packet: Any) -> None:
            """To the bench; what comes from the stick itself zigpy needs at start."""
            own = packet.src is not None and packet.src.address == 0x0000
            if own or self.bench_user is None:
                super().packet_received(packet)
            else:
                self.bench_user.packet(packet)

        def handle_join(self, nwk: Any, ieee: Any, parent_nwk: Any, **_: Any) -> None:
            """To the bench."""
            if self.bench_user is not None:
                self.bench_user.joined(nwk, ieee, parent_nwk)

        def handle_leave(self, nwk: Any, ieee: Any) -> None:
            """To the bench."""
            if self.bench_user is not None:
                self.bench_user.left(nwk, ieee)

        def connection_lost(self, exc: Exception | None) -> None:
            """To the bench."""
            if self.bench_user is not None:
                self.bench_user.lost(exc)

    return BenchApplication


def _descriptor(endpoint: Endpoint) -> Any:
    return zdo_t.SimpleDescriptor(
        endpoint=endpoint.number,
        profile=endpoint.profile,
        device_type=endpoint.device,
        device_version=endpoint.device_version,
        input_clusters=list(endpoint.input_clusters),
        output_clusters=list(endpoint.output_clusters),
    )


async def open_stick(radio: str, address: str, baud: int, flow_control: str, user: StickUser) -> Stick:
    """Connect to a stick; exceptions are the radio library's."""
    base = import_module(_MODULES[radio]).ControllerApplication
    app = application_class(base)(configuration(radio, address, baud, flow_control))
    try:
        async with asyncio.timeout(_OPEN_S):
            await app.connect()
        if radio != "ezsp":
            return PlainStick(app, user)
        stick = EzspStick(app, user)
        await stick.begin()
    except BaseException:
        # A connection that is given up leaves its serial port open.
        with contextlib.suppress(Exception):
            await app.disconnect()
        raise
    return stick
