"""The ZigBee device profile of one node: answers requests, asks others (APS endpoint 0, 2.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from protocols.errors import CodecError
from protocols.eui64 import Eui64
from protocols.han import DataReceived, DataStatus
from protocols.zigbee.stack.aps_layer import ApsData, ApsLayer
from protocols.zigbee.stack.constants import (
    BROADCAST_FIRST,
    BROADCAST_RX_ON,
    ENDPOINT_ZDO,
    PROFILE_ZDP,
)
from protocols.zigbee.stack.core import Core, Refusal, Timer
from protocols.zigbee.zdp import RESPONSE, ZdpCluster, ZdpMessage, parse_zdp
from protocols.zigbee.zdp_table import ZdpStatus

Answered = Callable[[ZdpMessage | None], None]
Values = dict[str, Any]
# Gives the values of the answer; None: nothing is answered.
Server = Callable[[Values, DataReceived], Values | None]
_ANSWER_WAIT_S = 8.0
_RESOLVE_WAIT_S = 2.0
_MAX_PENDING = 64


@dataclass(slots=True)
class _Pending:
    cluster: int
    done: Answered
    timer: Timer


class ZdpService:
    """Requests and answers; `servers` holds who answers what."""

    def __init__(self, core: Core, aps: ApsLayer) -> None:
        self._core = core
        self._aps = aps
        self.servers: dict[int, Server] = {}
        self.listeners: dict[int, Callable[[Values], None]] = {}  # of answers nobody asked for
        self.sequence_served = 0  # of the request that a server is looking at
        self._sequence = core.random.randrange(256)
        self._pending: dict[int, _Pending] = {}
        self._resolving: dict[Eui64, list[Callable[[int | None], None]]] = {}

    @property
    def waiting(self) -> bool:
        """Whether an answer is awaited."""
        return bool(self._pending)

    # Client

    def request(
        self,
        destination: int,
        cluster: int,
        values: Values,
        done: Answered,
        *,
        wait_s: float = _ANSWER_WAIT_S,
    ) -> None:
        """Ask a device (or all); ``done`` hears the (first) answer, or None after ``wait_s``."""
        if len(self._pending) >= _MAX_PENDING:
            self._core.after(0, lambda: done(None))
            return
        sequence = self._next_sequence()
        while sequence in self._pending:
            sequence = self._next_sequence()
        timer = self._core.after(wait_s, lambda: self._answered(sequence, None))
        self._pending[sequence] = _Pending(cluster | RESPONSE, done, timer)
        self._send(destination, ZdpMessage(cluster, sequence, values))

    def tell(self, destination: int, cluster: int, values: Values) -> None:
        """Send a message nobody answers."""
        self._send(destination, ZdpMessage(cluster, self._next_sequence(), values))

    def resolve(self, eui64: Eui64, done: Callable[[int | None], None]) -> None:
        """Ask everybody for the short address of a device."""
        waiting = self._resolving.setdefault(eui64, [])
        waiting.append(done)
        if len(waiting) > 1:
            return

        def answered(message: ZdpMessage | None) -> None:
            right = message is not None and message.values.get("status") == 0
            short = message.values["nwk"] if right and message is not None else None
            for waiter in self._resolving.pop(eui64, []):
                waiter(short)

        values = {"ieee": eui64, "request_type": 0, "start_index": 0}
        self.request(BROADCAST_RX_ON, ZdpCluster.NWK_ADDR_REQ, values, answered, wait_s=_RESOLVE_WAIT_S)

    def _next_sequence(self) -> int:
        self._sequence = (self._sequence + 1) & 0xFF
        return self._sequence

    def _send(self, destination: int, message: ZdpMessage) -> None:
        data = ApsData(destination, PROFILE_ZDP, message.cluster, ENDPOINT_ZDO, ENDPOINT_ZDO, message.build())
        self._aps.send(data, self._sent)

    def _sent(self, status: DataStatus) -> None:
        if status is not DataStatus.DONE:
            self._core.statistics[f"zdp.{status}"] += 1

    def _answered(self, sequence: int, message: ZdpMessage | None) -> None:
        pending = self._pending.get(sequence)
        if pending is not None and (message is None or message.cluster == pending.cluster):
            del self._pending[sequence]
            pending.timer.cancel()
            pending.done(message)

    # Server

    def received(self, data: DataReceived) -> None:
        """Take what came to endpoint 0."""
        try:
            message = parse_zdp(data.cluster, data.payload)
        except CodecError:
            self._core.refuse("zdp", Refusal.MALFORMED)
            return
        if message.is_response:
            self._learn(message)
            listener = self.listeners.get(message.cluster)
            if listener is not None:
                listener(message.values)
            self._answered(message.sequence, message)
            return
        server = self.servers.get(message.cluster)
        if server is None:
            answer = None if data.broadcast else {"status": ZdpStatus.NOT_SUPPORTED}
        else:
            self.sequence_served = message.sequence
            answer = server(message.values, data)
        if answer is not None and data.short_address < BROADCAST_FIRST:
            self._reply(data.short_address, ZdpMessage(message.cluster | RESPONSE, message.sequence, answer))

    def answer_later(self, destination: int, cluster: int, sequence: int, values: Values) -> None:
        """Answer a request whose server gave nothing at once."""
        self._reply(destination, ZdpMessage(cluster | RESPONSE, sequence, values))

    def _reply(self, destination: int, message: ZdpMessage) -> None:
        try:
            self._send(destination, message)
        except CodecError:
            # An unknown request has no layout for its answer: only a status goes back.
            status = bytes((message.values["status"],))
            self._send(destination, ZdpMessage(message.cluster, message.sequence, {"rest": status}))

    def _learn(self, message: ZdpMessage) -> None:
        addresses = (ZdpCluster.NWK_ADDR_REQ | RESPONSE, ZdpCluster.IEEE_ADDR_REQ | RESPONSE)
        values = message.values
        if message.cluster in addresses and values.get("status") == 0:
            self._aps.nwk.addresses.set(values["ieee"], values["nwk"])
