"""ZCL over a HAN service: requests matched with their answers, commands and attributes served (ZCL 2.5).

``ZclLayer`` is one device's. What stands on an endpoint is a ``Side``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from protocols.errors import CodecError
from protocols.eui64 import Eui64
from protocols.han import DataConfirmed, DataReceived, DataStatus, Endpoint, FrameSecurity
from protocols.zigbee.smart_energy.context import Context
from protocols.zigbee.smart_energy.settings import PROFILE
from protocols.zigbee.smart_energy.zcl_attributes import general_answer
from protocols.zigbee.smart_energy.zcl_exchange import (
    Address,
    Answer,
    Done,
    Incoming,
    Outcome,
    Reply,
    Result,
    Side,
)
from protocols.zigbee.stack.core import Timer
from protocols.zigbee.stack.policy import needs_link_key
from protocols.zigbee.zcl.foundation import (
    Message,
    Status,
    attribute_values,
    build_command,
    build_general,
    parse_message,
)
from protocols.zigbee.zcl.frame import FrameType, ZclFrame, parse_zcl

_PENDING_LIMIT = 64
_CONFIRMATION_LIMIT = 1024
_CONFIRMATION_LONGEST_S = 120.0
_EVERY_ENDPOINT = 0xFF
UNSUPPORTED_CLUSTER = 0xC3
_DEFAULT = "Default Response"


@dataclass(slots=True, eq=False)
class _Pending:
    key: tuple[Eui64, int]
    cluster: int
    from_server: bool
    command: int
    expects: frozenset[str]
    wait_s: float
    done: Done
    timer: Timer | None = None


class ZclLayer:
    """All endpoints of one device. ``wait_s`` is how long an answer may take once the request has arrived."""

    def __init__(self, context: Context, wait_s: float) -> None:
        self._context = context
        self.wait_s = wait_s
        self._sides: dict[tuple[int, int, bool], Side] = {}
        self._raw: dict[int, Callable[[Address, ZclFrame], None]] = {}
        self._defaults: dict[int, Callable[[Incoming], None]] = {}
        self._pending: dict[tuple[Eui64, int], _Pending] = {}
        self._confirmations: dict[int, Callable[[DataStatus], None]] = {}
        self._sequence = context.random.randrange(256)

    # What stands on our endpoints

    def add_endpoint(
        self, number: int, device: int, servers: Iterable[int] = (), clients: Iterable[int] = ()
    ) -> None:
        """Register an endpoint of the Smart Energy profile with empty sides of these clusters."""
        servers, clients = tuple(servers), tuple(clients)
        self._context.service.add_endpoint(Endpoint(number, PROFILE, device, servers, clients))
        for cluster in servers:
            self._sides[number, cluster, False] = Side()
        for cluster in clients:
            self._sides[number, cluster, True] = Side()

    def side(self, endpoint: int, cluster: int, *, client: bool = False) -> Side:
        """One side of a cluster; made where it is not there."""
        return self._sides.setdefault((endpoint, cluster, client), Side())

    def handle_raw(self, cluster: int, handler: Callable[[Address, ZclFrame], None]) -> None:
        """Give all of a cluster's own commands, both directions, to one handler, undecoded."""
        self._raw[cluster] = handler

    def handle_defaults(self, cluster: int, handler: Callable[[Incoming], None]) -> None:
        """Who hears of Default Responses to commands of a cluster that were only told."""
        self._defaults[cluster] = handler

    # Sending

    def request(
        self,
        address: Address,
        cluster: int,
        name: str,
        values: Mapping[str, Any],
        done: Done,
        *,
        expects: Iterable[str] = (),
        from_server: bool = False,
        general: bool = False,
        wait_s: float | None = None,
    ) -> None:
        """Send a command; ``done`` hears its answer (or Default Response), or that none came."""
        if len(self._pending) >= _PENDING_LIMIT:
            self._context.statistics["zcl.pending-full"] += 1
            self._context.after(0, lambda: done(Reply(Outcome.NOT_SENT, sent=DataStatus.NOT_DELIVERED)))
            return
        sequence = self._next_sequence(address.partner)
        octets = self._build(cluster, name, values, sequence, from_server=from_server, general=general)
        key = (address.partner, sequence)
        wait = self.wait_s if wait_s is None else wait_s
        command = octets[2]
        pending = _Pending(key, cluster, from_server, command, frozenset(expects), wait, done)
        self._pending[key] = pending
        self._wait(pending, wait + _CONFIRMATION_LONGEST_S)
        self.send_octets(address, cluster, octets, lambda status: self._sent(pending, status))

    def read(
        self, address: Address, cluster: int, attributes: Iterable[int], done: Done, *, client: bool = False
    ) -> None:
        """Read attributes of a partner's server side (or ``client`` side)."""
        values = {"Attributes": list(attributes)}
        self.request(
            address, cluster, "Read Attributes", values, done,
            expects=("Read Attributes Response",), from_server=client, general=True,
        )  # fmt: skip

    def tell(
        self,
        address: Address,
        cluster: int,
        name: str,
        values: Mapping[str, Any],
        done: Callable[[DataStatus], None] | None = None,
        *,
        from_server: bool = False,
        general: bool = False,
        acknowledged: bool = True,
        sequence: int | None = None,
    ) -> None:
        """Send a command whose answer, if any, comes as a command of its own."""
        if sequence is None:
            sequence = self._next_sequence(address.partner)
        octets = self._build(
            cluster, name, values, sequence, from_server=from_server, general=general, quiet=True
        )
        self.send_octets(address, cluster, octets, done, acknowledged=acknowledged)

    def send_frame(
        self,
        address: Address,
        cluster: int,
        frame: ZclFrame,
        done: Callable[[DataStatus], None] | None = None,
    ) -> None:
        """Send a frame made elsewhere."""
        self.send_octets(address, cluster, frame.build(), done)

    def next_sequence(self, partner: Eui64) -> int:
        """A transaction sequence number for a frame made elsewhere."""
        return self._next_sequence(partner)

    def send_octets(
        self,
        address: Address,
        cluster: int,
        octets: bytes,
        done: Callable[[DataStatus], None] | None,
        *,
        acknowledged: bool = True,
    ) -> None:
        """Hand octets to the HAN; ``done`` hears the confirmation."""
        token = self._context.service.send(
            address.partner,
            profile=PROFILE,
            cluster=cluster,
            source_endpoint=address.own,
            destination_endpoint=address.endpoint,
            payload=octets,
            acknowledged=acknowledged,
        )
        if done is not None:
            if len(self._confirmations) >= _CONFIRMATION_LIMIT:
                del self._confirmations[next(iter(self._confirmations))]
            self._confirmations[token] = done

    def _build(
        self,
        cluster: int,
        name: str,
        values: Mapping[str, Any],
        sequence: int,
        *,
        from_server: bool,
        general: bool,
        quiet: bool = False,
    ) -> bytes:
        if general:
            return build_general(
                name, values, sequence=sequence, from_server=from_server, disable_default_response=quiet
            )
        return build_command(
            cluster, name, values, sequence=sequence, from_server=from_server, disable_default_response=quiet
        )

    def _next_sequence(self, partner: Eui64) -> int:
        sequence = (self._sequence + 1) & 0xFF
        while (partner, sequence) in self._pending:
            sequence = (sequence + 1) & 0xFF
        self._sequence = sequence
        return sequence

    # What becomes of requests

    def confirmed(self, event: DataConfirmed) -> None:
        """The HAN says what became of something sent."""
        done = self._confirmations.pop(event.token, None)
        if done is not None:
            done(event.status)

    def _sent(self, pending: _Pending, status: DataStatus) -> None:
        if self._pending.get(pending.key) is not pending:
            return
        if status is not DataStatus.DONE:
            self._end(pending, Reply(Outcome.NOT_SENT, sent=status))
        else:
            self._wait(pending, pending.wait_s)
            self._context.stay_awake(pending.wait_s)

    def _wait(self, pending: _Pending, wait_s: float) -> None:
        if pending.timer is not None:
            pending.timer.cancel()
        pending.timer = self._context.after(wait_s, lambda: self._end(pending, Reply(Outcome.NO_ANSWER)))

    def _end(self, pending: _Pending, reply: Reply) -> None:
        if self._pending.get(pending.key) is pending:
            del self._pending[pending.key]
            if pending.timer is not None:
                pending.timer.cancel()
            pending.done(reply)

    def give_up(self, partner: Eui64 | None = None) -> None:
        """There is no network (or partner) any more: end all that waits for it."""
        for pending in list(self._pending.values()):
            if partner is None or pending.key[0] == partner:
                self._end(pending, Reply(Outcome.NOT_SENT, sent=DataStatus.NO_NETWORK))

    def stop(self) -> None:
        """A power cut: forget all, tell nobody."""
        self._pending.clear()
        self._confirmations.clear()

    # Receiving

    def receive(self, event: DataReceived) -> None:
        """Take data for one of our endpoints."""
        context, cluster = self._context, event.cluster
        partner = event.source
        if event.profile != PROFILE or partner is None:
            context.refuse("not-smart-energy" if partner is not None else "unknown-source", partner, cluster)
            return
        if needs_link_key(PROFILE, cluster) and event.security is not FrameSecurity.LINK:
            context.refuse("needs-link-key", partner, cluster)
            return
        address = Address(partner, event.source_endpoint, event.destination_endpoint)
        try:
            if cluster in self._raw:
                frame = parse_zcl(event.payload)
                if frame.frame_type == FrameType.CLUSTER and frame.manufacturer is None:
                    self._raw[cluster](address, frame)
                    return
            message = parse_message(cluster, event.payload)
        except CodecError:
            self._malformed(address, event)
            return
        incoming = Incoming(address, message)
        if message.frame.manufacturer is not None or message.frame.frame_type > FrameType.CLUSTER:
            self._answer(incoming, Status.UNSUPPORTED_CLUSTER_COMMAND, event)
        elif not self._matches(incoming):
            self._answer(incoming, self._serve(incoming), event)

    def _malformed(self, address: Address, event: DataReceived) -> None:
        self._context.refuse("malformed", address.partner, event.cluster)
        try:
            frame = parse_zcl(event.payload)
        except CodecError:
            return
        is_default = frame.frame_type == FrameType.GENERAL and frame.command == 0x0B
        if not is_default:
            self._answer(Incoming(address, Message(event.cluster, frame)), Status.MALFORMED_COMMAND, event)

    def _matches(self, incoming: Incoming) -> bool:
        """Whether this answers a request of ours; then it is over."""
        frame = incoming.message.frame
        pending = self._pending.get((incoming.partner, frame.sequence))
        if pending is None or pending.from_server == frame.from_server:
            return False
        if pending.cluster != incoming.message.cluster:
            return False
        name, values = incoming.message.name, incoming.message.values
        if frame.frame_type == FrameType.GENERAL and name == _DEFAULT:
            if values["Command"] != pending.command:
                return False
            if values["Status"] != Status.SUCCESS or not pending.expects or _DEFAULT in pending.expects:
                self._end(pending, Reply(Outcome.ANSWERED, values["Status"], name, values))
            return True
        if name not in pending.expects:
            return False
        self._end(pending, Reply(Outcome.ANSWERED, 0, name, values, message=incoming.message))
        return True

    def _side_for(self, incoming: Incoming) -> Side | None:
        client = incoming.message.frame.from_server
        cluster, own = incoming.message.cluster, incoming.address.own
        if own != _EVERY_ENDPOINT:
            return self._sides.get((own, cluster, client))
        for (number, has, is_client), side in self._sides.items():
            if has == cluster and is_client == client:
                incoming.address.own = number
                return side
        return None

    def _serve(self, incoming: Incoming) -> Result:
        message = incoming.message
        side = self._side_for(incoming)
        if message.frame.frame_type == FrameType.GENERAL and message.name == _DEFAULT:
            self._defaults.get(message.cluster, _ignored)(incoming)
            return None
        if side is None:
            self._context.refuse("unsupported-cluster", incoming.partner, message.cluster)
            return UNSUPPORTED_CLUSTER
        if side.permits is not None and not side.permits(incoming.partner):
            self._context.refuse("not-permitted", incoming.partner, message.cluster)
            return Status.NOT_AUTHORISED
        return self._serve_side(side, incoming)

    def _serve_side(self, side: Side, incoming: Incoming) -> Result:
        message = incoming.message
        if message.frame.frame_type == FrameType.CLUSTER:
            if side.commands is None or not message.name:
                self._context.refuse("unsupported-command", incoming.partner, message.cluster)
                return Status.UNSUPPORTED_CLUSTER_COMMAND
            return side.commands(incoming)
        if message.name == "Report Attributes" and side.reports is not None:
            return side.reports(incoming, attribute_values(message))
        client = message.frame.from_server
        answer = general_answer(message, side.attributes, client=client)
        return Answer(*answer) if isinstance(answer, tuple) else answer

    def _answer(self, incoming: Incoming, result: Result, event: DataReceived) -> None:
        """Send what came of a command, as far as anything is to be sent (ZCL 2.5.12.2)."""
        frame = incoming.message.frame
        if result is None or event.broadcast:
            return
        address, from_server = incoming.address, not frame.from_server
        if isinstance(result, Answer):
            general = frame.frame_type == FrameType.GENERAL if result.general is None else result.general
            self.tell(
                address, event.cluster, result.name, result.values,
                from_server=from_server, general=general, sequence=frame.sequence,
            )  # fmt: skip
        elif result != Status.SUCCESS or not frame.disable_default_response:
            self.tell(
                address, event.cluster, "Default Response", {"Command": frame.command, "Status": result},
                from_server=from_server, general=True, sequence=frame.sequence,
            )  # fmt: skip


def _ignored(_: Incoming) -> None:
    """A Default Response that nobody waits for."""
