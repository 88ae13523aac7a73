"""An EZSP stick: bellows opens and starts it, the rest is raw EZSP.

Callbacks are read by our own codec before bellows sees them: bellows 1.2.1 misreads fragments from version 14
on, acknowledges each block as if the window had come whole, and sends long messages in one piece.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from typing import Any

import bellows.types as bt

from drivers.zigpy_ezsp_command import Commands, StickRefusedError, check
from drivers.zigpy_ezsp_data import EzspSender
from drivers.zigpy_ezsp_keys import EzspKeys
from drivers.zigpy_fragments import Reassembly
from drivers.zigpy_stick import Heard, Outgoing, StickUser
from drivers.zigpy_words import POLICIES, from_eui64, network_keys_of, network_of, tell_network
from protocols.errors import CodecError
from protocols.eui64 import Eui64
from protocols.ezsp.fields import Values
from protocols.ezsp.frame import NEWEST, OLDEST_EXTENDED, Direction, parse_header, tables
from protocols.ezsp.names import ApsOption, DeviceUpdate, Incoming, JoinDecision, JoinPolicy
from protocols.ezsp.status import SlStatus, from_wire
from protocols.han import DataStatus, Endpoint, JoinKind, Network

_KINDS = {
    DeviceUpdate.SECURED_REJOIN: JoinKind.SECURED_REJOIN,
    DeviceUpdate.UNSECURED_JOIN: JoinKind.ASSOCIATION,
    DeviceUpdate.UNSECURED_REJOIN: JoinKind.TRUST_CENTRE_REJOIN,
}
_CONNECT_S = 20.0
_UNKNOWN = Eui64(b"\xff" * 8)


class EzspStick(EzspKeys):
    """A `drivers.zigpy_stick.Stick` on EZSP."""

    def __init__(self, app: Any, user: StickUser) -> None:
        self._app = app
        self._user = user
        self._eui64 = Eui64(bytes(8))
        self._connected = True
        super().__init__(Commands(lambda: app._ezsp))  # noqa: SLF001 - bellows has no other way to raw EZSP
        self._sender = EzspSender(self._commands)
        self._reassembly = Reassembly(asyncio.get_running_loop().time)
        app.bench_user = self

    async def begin(self) -> None:
        """Ask the stick who it is, and hear what it tells."""
        (ieee,) = await self._ezsp.getEui64()
        self._eui64 = from_eui64(ieee)
        self._listen()

    @property
    def _ezsp(self) -> Any:
        return self._commands.ezsp

    @property
    def _version(self) -> int:
        return min(int(self._ezsp.ezsp_version), NEWEST)

    @property
    def eui64(self) -> Eui64:
        """The stick's identifier."""
        return self._eui64

    # The network

    async def form(
        self, channels: tuple[int, ...], extended_pan_id: Eui64 | None, endpoints: list[Endpoint]
    ) -> Network:
        """Form a network anew; the old one is forgotten."""
        self._app.bench_endpoints = tuple(endpoints)
        tell_network(self._app, channels, extended_pan_id)
        await self._app.form_network()
        return await self._start()

    async def resume(self, endpoints: list[Endpoint]) -> Network:
        """Go on with the network the stick has kept."""
        self._app.bench_endpoints = tuple(endpoints)
        if self._connected:
            await self._app._reset()  # noqa: SLF001 - endpoints are taken before the network is up only
        else:
            await self._connect_again()
        return await self._start()

    async def _connect_again(self) -> None:
        """For a line that bellows has given up for good, because firmware or line failed."""
        self._sender.close()
        with contextlib.suppress(Exception):
            await self._app.disconnect()
        async with asyncio.timeout(_CONNECT_S):
            await self._app.connect()
        self._connected = True
        self._listen()

    async def _start(self) -> Network:
        await self._app.start_network()
        await self._ezsp.permitJoining(0)
        for name, wanted in POLICIES.items():
            status, decision = await self._ezsp.getPolicy(bt.EzspPolicyId[name])
            check(status, f"getPolicy {name}")
            if int(decision) != wanted:
                raise StickRefusedError(f"policy {name} is 0x{int(decision):02X}, not 0x{wanted:02X}")
        (longest,) = await self._ezsp.maximumPayloadLength()
        self._sender.longest = int(longest)
        self.network_keys = network_keys_of(self._app)
        return network_of(self._app)

    async def suspend(self) -> None:
        """A reset: the firmware is on no network until it is told to go on."""
        self._sender.close()
        await self._app._reset()  # noqa: SLF001 - zigpy has no name for it

    async def leave(self) -> None:
        """Give the network up."""
        await self._ezsp.leaveNetwork()

    # Who may join

    async def open_joining(self, seconds: int) -> None:
        """Permit joining by install code, at the stick and at all routers."""
        policy = JoinPolicy.ALLOW_UNSECURED_REJOINS
        if seconds:
            policy |= JoinPolicy.ALLOW_JOINS | JoinPolicy.JOINS_USE_INSTALL_CODE_KEY
        await self._commands("setPolicy", bt.EzspPolicyId.TRUST_CENTER_POLICY, int(policy))
        await self._commands("permitJoining", seconds)
        payload = bytes((secrets.randbelow(256), seconds, 1))  # Mgmt_Permit_Joining_req
        await self._sender.broadcast(Outgoing(0xFFFC, 0, 0x0036, 0, 0, payload))

    # Data

    async def submit(self, data: Outgoing) -> asyncio.Future[DataStatus]:
        """Hand data over."""
        return await self._sender.submit(data)

    async def close(self) -> None:
        """Let the stick go."""
        self._app.bench_user = None
        self._sender.close()
        with contextlib.suppress(Exception):
            await self._app.shutdown(db=False)

    # What the stick tells

    def _listen(self) -> None:
        """Put ourselves between the serial line and bellows' tables."""
        ezsp = self._ezsp
        further = ezsp.frame_received

        def received(octets: bytes) -> None:
            if not self._taken(octets):
                further(octets)

        ezsp.frame_received = received

    def _taken(self, octets: bytes) -> bool:
        """Whether a callback was ours alone."""
        try:
            version = int(self._ezsp.ezsp_version)
            if (
                version < OLDEST_EXTENDED
                or parse_header(octets, legacy=False)[0].direction is Direction.COMMAND
            ):
                return False
            table = tables(min(version, NEWEST))
            header, _ = parse_header(octets, legacy=False)
            if header.number not in table.callbacks_by_number or header.number == 0x58:
                return False
            _, callback, values = table.parse_answer(octets)
        except CodecError:
            return False
        handler = getattr(self, f"_on_{callback.name}", None)
        return bool(handler(values)) if handler is not None else False

    def _on_incomingMessageHandler(self, values: Values) -> bool:  # noqa: N802 - EZSP's name
        info = values.get("info", values)
        if info["sender"] == 0x0000:
            return False
        aps = values["aps_frame"]
        message = values["message"]
        if aps["options"] & ApsOption.FRAGMENT:
            answer, whole = self._reassembly.take(info["sender"], aps, message)
            if answer is not None:
                self._sender.acknowledge(info["sender"], aps, answer)
            if whole is None:
                return True
            message = whole
        eui64 = info.get("sender_eui64", _UNKNOWN)
        self._user.stick_heard(
            Heard(
                info["sender"],
                None if eui64 in (_UNKNOWN, bytes(8)) else eui64,
                aps["profile"],
                aps["cluster"],
                aps["source_endpoint"],
                aps["destination_endpoint"],
                message,
                bool(aps["options"] & ApsOption.ENCRYPTION),
                values["type"] in (Incoming.BROADCAST, Incoming.MULTICAST),
                info["lqi"],
                info["rssi"],
            )
        )
        return True

    def _on_messageSentHandler(self, values: Values) -> bool:  # noqa: N802 - EZSP's name
        if values["destination"] == 0x0000 or not self._sender.awaits(values["tag"]):
            return False
        status = from_wire(values["status"], "status", self._version)
        self._sender.sent(values["tag"], DataStatus.DONE if status is SlStatus.OK else DataStatus.NO_ACK)
        return True

    def _on_trustCenterJoinHandler(self, values: Values) -> bool:  # noqa: N802 - EZSP's name
        eui64 = values["eui64"]
        kind = _KINDS.get(values["update"])
        if kind is None:
            self._user.stick_left(eui64)
        elif values["decision"] == JoinDecision.DENY_JOIN:
            self._user.stick_denied(eui64, kind)
        else:
            self._user.stick_joined(eui64, values["node"], values["parent"], kind)
        return True

    def _on_switchNetworkKeyHandler(self, values: Values) -> bool:  # noqa: N802 - EZSP's name
        self._user.stick_switched_key(values["sequence"])
        return True

    # What is left to zigpy

    def packet(self, packet: Any) -> None:
        """Nothing comes this way: callbacks are taken before."""

    def joined(self, nwk: Any, ieee: Any, parent: Any) -> None:
        """Nothing comes this way."""

    def left(self, nwk: Any, ieee: Any) -> None:
        """A device zigpy takes to be gone (an address conflict): the bench decides itself."""

    def lost(self, error: Exception | None) -> None:
        """The line or the firmware went."""
        self._connected = False
        self._user.stick_lost(repr(error))
