"""Messages from the host: unicasts, broadcasts, multicasts, replies and fragments."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from protocols.errors import CodecError
from protocols.ezsp.fields import Values
from protocols.ezsp.names import ApsOption, ConfigId, Counter, Decision, Incoming, Outgoing, PolicyId
from protocols.ezsp.status import SlStatus
from protocols.han import DataReceived, DataStatus, FrameSecurity
from protocols.zigbee.aps import ApsFrame, ApsFrameType, DeliveryMode, ExtendedHeader, Fragmentation
from protocols.zigbee.stack.aps_layer import ApsData
from protocols.zigbee.stack.constants import BROADCAST_FIRST, PROFILE_ZDP
from protocols.zigbee.zdp import RESPONSE, ZdpMessage, parse_zdp
from rigs.emulated.ncp.fragments import EXTENDED_OCTETS, HostFragments
from rigs.emulated.ncp.incoming import Sender, tell_message

if TYPE_CHECKING:
    from protocols.zigbee.stack.node import Node
    from rigs.emulated.ncp.ncp import EmulatedNcp

_ENCRYPTION_OCTETS = 9  # what a host takes off for APS encryption


class Messaging:
    """Commands that send."""

    def __init__(self, ncp: EmulatedNcp) -> None:
        self._ncp = ncp
        self.handlers: dict[str, Callable[[Values], Values]] = {
            "maximumPayloadLength": lambda _: {"length": self._longest()},
            "sendUnicast": self._unicast,
            "sendBroadcast": self._broadcast,
            "sendMulticast": self._multicast,
            "sendReply": self._reply,
            "sendManyToOneRouteRequest": lambda _: {"status": SlStatus.OK},
        }

    @property
    def _node(self) -> Node:
        return self._ncp.stack.node

    def _longest(self) -> int:
        """Payload that fits without APS encryption; with it, 9 octets less do (our nonces are longer)."""
        link = next(iter(self._node.aps.keys.by_partner.values()), None)
        plain = ApsData(0, 0, 0, 1, 1, b"")
        if link is None:
            return self._node.aps.room(plain) - (8 if self._node.aps.keys.extended_nonce else 0)
        plain.link = link
        return self._node.aps.room(plain) + _ENCRYPTION_OCTETS

    # Unicasts

    def _unicast(self, values: Values) -> Values:
        if not self._ncp.stack.joined:
            return {"status": SlStatus.NETWORK_DOWN}
        destination = values["destination"]
        if values["type"] == Outgoing.VIA_ADDRESS_TABLE:
            entry = self._ncp.memory.addresses.get(destination)
            destination = entry[1] if entry is not None else 0xFFFF
        elif values["type"] != Outgoing.DIRECT:
            return {"status": SlStatus.INVALID_PARAMETER}
        if destination >= BROADCAST_FIRST:
            return {"status": SlStatus.INVALID_PARAMETER}
        if destination == self._node.nwk.short:
            return self._to_ourselves(values)
        return self._send(values, destination)

    def _send(self, values: Values, destination: int) -> Values:
        node, aps = self._node, values["aps_frame"]
        options = aps["options"]
        data = self._data(values, destination)
        if options & ApsOption.ENCRYPTION:
            eui64 = node.nwk.addresses.eui64(destination)
            data.link = node.aps.keys.by_partner.get(eui64) if eui64 is not None else None
            if data.link is None:
                return {"status": SlStatus.APS_ENCRYPTION_ERROR}
        fragment = bool(options & ApsOption.FRAGMENT)
        room = self._longest() - (_ENCRYPTION_OCTETS if data.link is not None else 0)
        if len(data.payload) > room - (EXTENDED_OCTETS if fragment else 0):
            return {"status": SlStatus.MESSAGE_TOO_LONG}
        waiting = self._ncp.memory.configuration[ConfigId.APS_UNICAST_MESSAGE_COUNT]
        if len(node.aps._pending) >= waiting:  # noqa: SLF001 - firmware counts its own buffers
            return {"status": SlStatus.MAX_MESSAGE_LIMIT_REACHED}
        if fragment:
            return self._fragment(values, data)
        node.aps.send(data, lambda status: self._sent(values, sequence, status))
        sequence = node.aps._counter  # noqa: SLF001 - the counter just used
        return {"status": SlStatus.OK, "sequence": sequence}

    def _fragment(self, values: Values, data: ApsData) -> Values:
        aps, transfers = values["aps_frame"], self._node.aps.transfers
        assert isinstance(transfers, HostFragments)
        total, number = aps["group"] >> 8, aps["group"] & 0xFF
        counter = aps["sequence"] if number else self._node.aps.next_counter()
        if number >= total or not data.payload:
            return {"status": SlStatus.INVALID_PARAMETER}
        transfers.send_one(data, counter, number, total, lambda status: self._sent(values, counter, status))
        return {"status": SlStatus.OK, "sequence": counter}

    def _data(self, values: Values, destination: int) -> ApsData:
        aps = values["aps_frame"]
        return ApsData(
            destination,
            aps["profile"],
            aps["cluster"],
            aps["source_endpoint"],
            aps["destination_endpoint"],
            values["message"],
            acknowledged=bool(aps["options"] & ApsOption.RETRY),
        )

    def _sent(self, values: Values, sequence: int, status: DataStatus, kind: int | None = None) -> None:
        done = status is DataStatus.DONE
        self._ncp.count(Counter.APS_TX_UNICAST_SUCCESS if done else Counter.APS_TX_UNICAST_FAILED)
        contents = self._ncp.memory.policies[PolicyId.MESSAGE_CONTENTS_IN_CALLBACK]
        whole = contents == Decision.MESSAGE_TAG_AND_CONTENTS_IN_CALLBACK
        self._ncp.tell(
            "messageSentHandler",
            type=values.get("type", 0) if kind is None else kind,
            destination=values.get("destination", 0xFFFF),
            aps_frame=values["aps_frame"] | {"sequence": sequence},
            tag=values.get("tag", 0),
            status=SlStatus.OK if done else SlStatus.DELIVERY_FAILED,
            message=values["message"] if whole else b"",
        )

    # To ourselves

    def _to_ourselves(self, values: Values) -> Values:
        """A host asks its own ZDO; anything else for ourselves ends here."""
        sequence = self._node.aps.next_counter()
        aps = values["aps_frame"]
        self._ncp.after(0.001, lambda: self._sent(values, sequence, DataStatus.DONE))
        if aps["destination_endpoint"] == 0 and aps["profile"] == PROFILE_ZDP:
            self._ncp.after(0.002, lambda: self._answer_zdo(values, sequence))
        return {"status": SlStatus.OK, "sequence": sequence}

    def _answer_zdo(self, values: Values, sequence: int) -> None:
        aps, node = values["aps_frame"], self._node
        cluster = aps["cluster"]
        try:
            message = parse_zdp(cluster, values["message"])
            server = node.zdp.servers.get(cluster)
            if message.is_response or server is None:
                return
            asked = DataReceived(
                node.eui64,
                node.nwk.short,
                PROFILE_ZDP,
                cluster,
                0,
                0,
                values["message"],
                FrameSecurity.NETWORK,
            )
            answer: dict[str, Any] | None = server(message.values, asked)
            if answer is None:
                return
            octets = ZdpMessage(cluster | RESPONSE, message.sequence, answer).build()
        except CodecError:
            return
        answered = aps | {"cluster": cluster | RESPONSE, "options": 0, "sequence": sequence}
        sender = Sender(node.nwk.short, node.eui64)
        tell_message(self._ncp, Incoming.UNICAST, answered, octets, sender)

    # To many

    def _broadcast(self, values: Values) -> Values:
        if not self._ncp.stack.joined:
            return {"status": SlStatus.NETWORK_DOWN}
        if len(values["message"]) > self._longest():
            return {"status": SlStatus.MESSAGE_TOO_LONG}
        node = self._node
        data = self._data(values, values["destination"])
        node.aps.send(data, lambda status: self._sent(values, sequence, status, Outgoing.BROADCAST))
        sequence = node.aps._counter  # noqa: SLF001 - the counter just used
        self._ncp.count(Counter.APS_TX_BROADCAST)
        return {"status": SlStatus.OK, "sequence": sequence}

    def _multicast(self, values: Values) -> Values:
        if not self._ncp.stack.joined:
            return {"status": SlStatus.NETWORK_DOWN}
        if len(values["message"]) > self._longest():
            return {"status": SlStatus.MESSAGE_TOO_LONG}
        aps, node = values["aps_frame"], self._node
        counter = node.aps.next_counter()
        frame = ApsFrame(
            ApsFrameType.DATA,
            DeliveryMode.GROUP,
            None,
            aps["group"],
            aps["cluster"],
            aps["profile"],
            aps["source_endpoint"],
            counter,
            values["message"],
        )
        node.nwk.send_data(values.get("broadcast_address", 0xFFFD), node.aps.keys.seal(frame, None))
        self._ncp.after(0, lambda: self._sent(values, counter, DataStatus.DONE, Outgoing.MULTICAST))
        return {"status": SlStatus.OK, "sequence": counter}

    # Replies

    def _reply(self, values: Values) -> Values:
        if not self._ncp.stack.joined:
            return {"status": SlStatus.NETWORK_DOWN}
        aps = values["aps_frame"]
        if not aps["options"] & ApsOption.FRAGMENT:
            reply = values | {"destination": values["sender"], "type": Outgoing.DIRECT}
            return {"status": self._send(reply, values["sender"])["status"]}
        node = self._node
        eui64 = node.nwk.addresses.eui64(values["sender"])
        encrypted = aps["options"] & ApsOption.ENCRYPTION and eui64 is not None
        link = node.aps.keys.by_partner.get(eui64) if encrypted and eui64 is not None else None
        bits, number = aps["group"] >> 8, aps["group"] & 0xFF
        kind = Fragmentation.PART if number else Fragmentation.FIRST
        received = ApsFrame(
            ApsFrameType.DATA,
            DeliveryMode.UNICAST,
            aps["source_endpoint"],
            None,
            aps["cluster"],
            aps["profile"],
            aps["destination_endpoint"],
            aps["sequence"],
        )
        node.aps.acknowledge(received, link, values["sender"], extended=ExtendedHeader(kind, number, bits))
        return {"status": SlStatus.OK}
