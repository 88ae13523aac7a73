"""Any radio of zigpy, by zigpy's common API alone.

That API knows no key of a single partner after joining, no network key update, and no policy; what it lacks
is refused by name. Joining with an install code's key is as good as the radio library and its firmware.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import zigpy.types as t

from drivers.zigpy_stick import Heard, Outgoing, StickUser
from drivers.zigpy_words import from_eui64, network_keys_of, network_of, tell_network, to_eui64
from protocols.eui64 import Eui64
from protocols.han import DataStatus, Endpoint, JoinKind, Network
from protocols.zigbee.stack.constants import BROADCAST_FIRST


class PlainStick:
    """A `drivers.zigpy_stick.Stick` on zigpy's common API."""

    def __init__(self, app: Any, user: StickUser) -> None:
        self._app = app
        self._user = user
        self._keys: list[tuple[Eui64, bytes]] = []
        self.network_keys: dict[int, bytes] = {}
        self._sendings: set[asyncio.Task[None]] = set()
        app.bench_user = self

    @property
    def eui64(self) -> Eui64:
        """As the radio says, once there is a network."""
        return from_eui64(self._app.state.node_info.ieee)

    async def form(
        self, channels: tuple[int, ...], extended_pan_id: Eui64 | None, endpoints: list[Endpoint]
    ) -> Network:
        """Form a network anew."""
        await self._reconnect(endpoints)
        tell_network(self._app, channels, extended_pan_id)
        await self._app.form_network()
        return await self._start()

    async def resume(self, endpoints: list[Endpoint]) -> Network:
        """Go on with the network kept."""
        await self._reconnect(endpoints)
        return await self._start()

    async def _start(self) -> Network:
        await self._app.start_network()
        self.network_keys = network_keys_of(self._app)
        return network_of(self._app)

    async def suspend(self) -> None:
        """There is no way in zigpy to silence a radio and keep its network."""

    async def _reconnect(self, endpoints: list[Endpoint]) -> None:
        self._app.bench_endpoints = tuple(endpoints)
        await self._app.disconnect()
        await self._app.connect()

    async def leave(self) -> None:
        """Give the network up."""
        await self._app.reset_network_info()

    async def allow(self, eui64: Eui64, link_key: bytes) -> None:
        """Kept until joining opens: zigpy does both in one call."""
        self._keys = [entry for entry in self._keys if entry[0] != eui64] + [(eui64, link_key)]

    async def open_joining(self, seconds: int) -> None:
        """Permit those allowed."""
        if not seconds:
            await self._app.permit_ncp(0)
        for eui64, link_key in self._keys if seconds else ():
            await self._app.permit_with_link_key(to_eui64(eui64), t.KeyData(link_key), seconds)
        self._keys = []

    async def submit(self, data: Outgoing) -> asyncio.Future[DataStatus]:
        """Send by zigpy, which waits for the outcome itself."""
        done: asyncio.Future[DataStatus] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._send(data, done))
        self._sendings.add(task)
        task.add_done_callback(self._sendings.discard)
        return done

    async def _send(self, data: Outgoing, done: asyncio.Future[DataStatus]) -> None:
        options = t.TransmitOptions.NONE
        if data.acknowledged:
            options |= t.TransmitOptions.ACK
        if data.encrypted:
            options |= t.TransmitOptions.APS_Encryption
        mode = t.AddrMode.Broadcast if data.short >= BROADCAST_FIRST else t.AddrMode.NWK
        packet = t.ZigbeePacket(
            src=t.AddrModeAddress(addr_mode=t.AddrMode.NWK, address=0x0000),
            src_ep=data.source_endpoint,
            dst=t.AddrModeAddress(addr_mode=mode, address=data.short),
            dst_ep=data.destination_endpoint,
            tsn=self._app.get_sequence(),
            profile_id=data.profile,
            cluster_id=data.cluster,
            data=t.SerializableBytes(data.payload),
            tx_options=options,
        )
        try:
            await self._app.send_packet(packet)
        except Exception:  # noqa: BLE001 - each radio library has its own
            done.set_result(DataStatus.NOT_DELIVERED)
        else:
            done.set_result(DataStatus.DONE)

    async def import_key(self, eui64: Eui64, key: bytes) -> None:
        """Not in zigpy's common API."""
        raise NotImplementedError(f"this radio takes no link key for {eui64} ({len(key)} octets): use EZSP")

    async def forget_key(self, eui64: Eui64) -> None:
        """There is none."""

    async def remove(self, eui64: Eui64, short: int, parent: int) -> None:
        """By a leave request to the device itself, whatever its parent."""
        del parent
        # Mgmt_Leave_req: whom, and neither children nor rejoin.
        payload = bytes((self._app.get_sequence(),)) + bytes(eui64)[::-1] + b"\x00"
        data = Outgoing(short, 0, 0x0034, 0, 0, payload)
        await self._send(data, asyncio.get_running_loop().create_future())

    async def lookup(self, eui64: Eui64) -> int | None:
        """The radio is not asked."""
        del eui64
        return None

    async def sleeper(self, eui64: Eui64, *, sleeps: bool) -> None:
        """Left to zigpy."""

    async def refresh_network_key(self, devices: list[tuple[Eui64, int]]) -> None:
        """Not in zigpy's common API."""
        raise NotImplementedError(
            f"this radio cannot give {len(devices)} devices a new network key: use EZSP"
        )

    async def close(self) -> None:
        """Let the radio go."""
        self._app.bench_user = None
        for task in tuple(self._sendings):
            task.cancel()
        with contextlib.suppress(Exception):
            await self._app.disconnect()

    # What zigpy tells

    def packet(self, packet: Any) -> None:
        """A packet."""
        encrypted = t.TransmitOptions.APS_Encryption in packet.tx_options
        broadcast = packet.dst.addr_mode == t.AddrMode.Broadcast
        self._user.stick_heard(
            Heard(
                int(packet.src.address),
                None,
                int(packet.profile_id),
                int(packet.cluster_id),
                int(packet.src_ep or 0),
                int(packet.dst_ep or 0),
                packet.data.serialize(),
                encrypted,
                broadcast,
                int(packet.lqi or 0),
                int(packet.rssi or 0),
            )
        )

    def joined(self, nwk: Any, ieee: Any, parent: Any) -> None:
        """A device; zigpy does not say how it came."""
        self._user.stick_joined(from_eui64(ieee), int(nwk), int(parent or 0), JoinKind.ASSOCIATION)

    def left(self, _nwk: Any, ieee: Any) -> None:
        """A device went."""
        self._user.stick_left(from_eui64(ieee))

    def lost(self, error: Exception | None) -> None:
        """The radio went."""
        self._user.stick_lost(repr(error))
