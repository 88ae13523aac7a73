"""The server of the tunnelling cluster: hands out tunnels, one to each partner, and closes idle ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from protocols.eui64 import Eui64
from protocols.zigbee.smart_energy.context import Context
from protocols.zigbee.smart_energy.events import TunnelClosed, TunnelRefused
from protocols.zigbee.smart_energy.settings import (
    LARGEST_TRANSFER,
    NO_MANUFACTURER,
    PROTOCOL_GB_HGRP,
    TUNNELLING,
)
from protocols.zigbee.smart_energy.zcl_attributes import Attributes
from protocols.zigbee.smart_energy.zcl_endpoint import ZclLayer
from protocols.zigbee.smart_energy.zcl_exchange import Address, Answer, Incoming, Result
from protocols.zigbee.stack.core import Timer
from protocols.zigbee.zcl.foundation import Status

_NO_TUNNEL = 0xFFFF
_TUNNELS = 64
_CLOSE_TIMEOUT_ATTRIBUTE = 0x0000


class TunnelStatus(IntEnum):
    """Of RequestTunnelResponse (ZSE 1.4 table D.161)."""

    SUCCESS = 0
    BUSY = 1
    NO_MORE_IDS = 2
    PROTOCOL_NOT_SUPPORTED = 3
    FLOW_CONTROL_NOT_SUPPORTED = 4


class TransferError(IntEnum):
    """Of TransferDataError."""

    NO_SUCH_TUNNEL = 0
    WRONG_DEVICE = 1
    DATA_OVERFLOW = 2


@dataclass(slots=True, eq=False)
class ServedTunnel:
    """A tunnel that a partner asked for; ``limit`` is what it takes at a time."""

    number: int
    address: Address
    limit: int
    used: float
    timer: Timer | None = None


class TunnelServer:
    """``accepts`` says who may have a tunnel; ``on_open``, ``on_data`` and ``on_error`` hear what happens."""

    def __init__(self, context: Context, zcl: ZclLayer, own_endpoint: int, idle_s: float) -> None:
        self._context = context
        self._zcl = zcl
        self._idle_s = idle_s
        self._by_partner: dict[Eui64, ServedTunnel] = {}
        self._by_number: dict[int, ServedTunnel] = {}
        self._last = context.random.randrange(_NO_TUNNEL)
        self.accepts: Callable[[Eui64], bool] = lambda _: True
        self.on_open: Callable[[Eui64], None] = lambda _: None
        self.on_data: Callable[[Eui64, bytes], None] = lambda *_: None
        self.on_error: Callable[[Eui64, dict[str, Any]], None] = lambda *_: None
        side = zcl.side(own_endpoint, TUNNELLING)
        side.commands = self._take
        side.attributes = Attributes(
            lambda attribute: min(int(idle_s), 0xFFFF) if attribute == _CLOSE_TIMEOUT_ATTRIBUTE else None,
            names=lambda: (_CLOSE_TIMEOUT_ATTRIBUTE,),
        )

    def tunnel_of(self, partner: Eui64) -> ServedTunnel | None:
        """The tunnel a partner has."""
        return self._by_partner.get(partner)

    def close(self, partner: Eui64) -> None:
        """Close a partner's tunnel and tell it."""
        tunnel = self._by_partner.get(partner)
        if tunnel is not None:
            values = {"Tunnel ID": tunnel.number}
            self._zcl.tell(
                tunnel.address, TUNNELLING, "Tunnel Closure Notification", values, from_server=True
            )
            self.forget(partner)

    def forget(self, partner: Eui64) -> None:
        """Drop a partner's tunnel."""
        tunnel = self._by_partner.pop(partner, None)
        if tunnel is not None:
            del self._by_number[tunnel.number]
            if tunnel.timer is not None:
                tunnel.timer.cancel()
            self._context.emit(TunnelClosed(partner))

    def stop(self) -> None:
        """A power cut: forget all, tell nobody."""
        self._by_partner.clear()
        self._by_number.clear()

    def _take(self, incoming: Incoming) -> Result:
        serve = {
            "Request Tunnel": self._request,
            "Transfer Data": self._data,
            "Close Tunnel": self._closed,
            "Transfer Data Error": self._refused,
            "Get Supported Tunnel Protocols": _protocols,
        }.get(incoming.name)
        # What is missing is flow control, which a GB HAN has not.
        return Status.UNSUPPORTED_CLUSTER_COMMAND if serve is None else serve(incoming)

    def _closed(self, incoming: Incoming) -> Result:
        tunnel = self._by_number.get(incoming.values["Tunnel ID"])
        if tunnel is None or tunnel.address.partner != incoming.partner:
            return Status.NOT_FOUND
        self.forget(incoming.partner)
        return Status.SUCCESS

    def _refused(self, incoming: Incoming) -> Result:
        self.on_error(incoming.partner, incoming.values)
        return Status.SUCCESS

    def _request(self, incoming: Incoming) -> Result:
        partner, values = incoming.partner, incoming.values
        limit = values["Maximum Incoming Transfer Size"]
        if limit != LARGEST_TRANSFER:
            # The cluster has no status for this.
            self._context.emit(TunnelRefused(partner, Status.INVALID_FIELD, by_partner=False))
            return Status.INVALID_FIELD
        status = TunnelStatus.SUCCESS
        if values["Protocol ID"] != PROTOCOL_GB_HGRP or values["Manufacturer Code"] != NO_MANUFACTURER:
            status = TunnelStatus.PROTOCOL_NOT_SUPPORTED
        elif values["Flow Control Support"]:
            status = TunnelStatus.FLOW_CONTROL_NOT_SUPPORTED
        elif not self.accepts(partner):
            status = TunnelStatus.BUSY
        elif len(self._by_number) >= _TUNNELS and partner not in self._by_partner:
            status = TunnelStatus.NO_MORE_IDS
        if status is not TunnelStatus.SUCCESS:
            self._context.emit(TunnelRefused(partner, status, by_partner=False))
            return _response(_NO_TUNNEL, status)
        tunnel = self._grant(incoming.address, limit)
        # The partner has to have the answer before anything comes through the tunnel.
        self._context.after(0, lambda: self.on_open(partner))
        return _response(tunnel.number, status)

    def _grant(self, address: Address, limit: int) -> ServedTunnel:
        """A new tunnel; one that the partner had is forgotten, since it no longer knows it."""
        old = self._by_partner.pop(address.partner, None)
        if old is not None:
            del self._by_number[old.number]
            if old.timer is not None:
                old.timer.cancel()
        number = (self._last + 1) % _NO_TUNNEL
        while number in self._by_number:
            number = (number + 1) % _NO_TUNNEL
        self._last = number
        tunnel = ServedTunnel(number, address, limit, self._context.now())
        self._by_partner[address.partner] = self._by_number[number] = tunnel
        tunnel.timer = self._context.after(self._idle_s, lambda: self._idle(tunnel))
        return tunnel

    def _idle(self, tunnel: ServedTunnel) -> None:
        due = tunnel.used + self._idle_s
        if self._context.now() < due:
            tunnel.timer = self._context.timers.at(due, lambda: self._idle(tunnel))
        else:
            self.close(tunnel.address.partner)

    def _data(self, incoming: Incoming) -> Result:
        number, data = incoming.values["Tunnel ID"], incoming.values["Data"]
        tunnel = self._by_number.get(number)
        if tunnel is None:
            error = TransferError.NO_SUCH_TUNNEL
        elif tunnel.address.partner != incoming.partner:
            error = TransferError.WRONG_DEVICE
        elif len(data) > LARGEST_TRANSFER:
            error = TransferError.DATA_OVERFLOW
        else:
            tunnel.used = self._context.now()
            self.on_data(incoming.partner, data)
            return Status.SUCCESS
        self._context.refuse(f"transfer-{error.name.lower()}", incoming.partner, TUNNELLING)
        return Answer("Transfer Data Error", {"Tunnel ID": number, "Transfer Data Status": error})


def _response(number: int, status: TunnelStatus) -> Answer:
    values = {
        "Tunnel ID": number,
        "Tunnel Status": status,
        "Maximum Incoming Transfer Size": LARGEST_TRANSFER,
    }
    return Answer("Request Tunnel Response", values)


def _protocols(incoming: Incoming) -> Answer:
    offset = incoming.values["Protocol Offset"]
    shown = [{"Manufacturer Code": NO_MANUFACTURER, "Protocol ID": PROTOCOL_GB_HGRP}][offset:]
    values = {"Protocol List Complete": True, "Protocol Count": len(shown), "Protocols": shown}
    return Answer("Supported Tunnel Protocols Response", values)
