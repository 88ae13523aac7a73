"""Tunnels (cluster 0x0704), both sides: one with each partner, opened again when something has to be sent.

The parameters of a GB HAN are fixed (GBCS 10.2.2): protocol 6, no manufacturer, no flow control, 1500 octets.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from protocols.eui64 import Eui64
from protocols.zigbee.smart_energy.context import Context
from protocols.zigbee.smart_energy.events import (
    NotDelivered,
    TunnelClosed,
    TunnelCloseRefused,
    TunnelOpened,
    TunnelRefused,
)
from protocols.zigbee.smart_energy.settings import (
    LARGEST_TRANSFER,
    NO_MANUFACTURER,
    PROTOCOL_GB_HGRP,
    TUNNELLING,
    CommonSettings,
)
from protocols.zigbee.smart_energy.tunnel_server import TransferError, TunnelServer, TunnelStatus
from protocols.zigbee.smart_energy.zcl_endpoint import ZclLayer
from protocols.zigbee.smart_energy.zcl_exchange import Address, Answer, Incoming, Outcome, Reply, Result
from protocols.zigbee.stack.core import Timer
from protocols.zigbee.zcl.foundation import Status

Done = Callable[[NotDelivered | None], None]
_TRIES = 2  # of one transfer, where the far end does not know the tunnel any more


class _Opening(IntEnum):
    NOT = 0
    REQUESTED = 1
    LATER = 2


@dataclass(slots=True, eq=False)
class _Transfer:
    octets: bytes
    done: Done
    tries: int = 0


@dataclass(slots=True, eq=False)
class _Link:
    """What there is with one partner. ``tunnel`` is the one we asked for, at the partner's ``address``."""

    partner: Eui64
    tunnel: int | None = None
    limit: int = LARGEST_TRANSFER
    address: Address | None = None
    opening: _Opening = _Opening.NOT
    requests: int = 0
    timer: Timer | None = None
    queue: deque[_Transfer] = field(default_factory=deque)
    sending: _Transfer | None = None


class Tunnels:
    """All tunnels of one device.

    ``address_of`` says where a partner's tunnel endpoint is (None: nowhere), ``on_data`` takes what comes,
    ``accepts`` says who may have a tunnel. ``queue_limit`` bounds what waits for one partner.
    """

    def __init__(
        self,
        context: Context,
        zcl: ZclLayer,
        own_endpoint: int,
        settings: CommonSettings,
        *,
        address_of: Callable[[Eui64], Address | None],
        queue_limit: int = 64,
    ) -> None:
        self._context = context
        self._zcl = zcl
        self._settings = settings
        self._address_of = address_of
        self._queue_limit = queue_limit
        self._links: dict[Eui64, _Link] = {}
        self.on_data: Callable[[Eui64, bytes], None] = lambda *_: None
        self.server = TunnelServer(context, zcl, own_endpoint, settings.tunnel_idle_s)
        self.server.on_data = self._served_data
        self.server.on_open = self._opened_by_partner
        self.server.on_error = self._error
        zcl.side(own_endpoint, TUNNELLING, client=True).commands = self._take

    # What others do with it

    def is_open(self, partner: Eui64) -> bool:
        """Whether there is a tunnel, whoever asked for it."""
        link = self._links.get(partner)
        return (link is not None and link.tunnel is not None) or self.server.tunnel_of(partner) is not None

    def waiting(self, partner: Eui64) -> int:
        """Transfers that are not over."""
        link = self._links.get(partner)
        return 0 if link is None else len(link.queue) + (link.sending is not None)

    def open(self, partner: Eui64) -> None:
        """Have a tunnel; TunnelOpened or TunnelRefused follows unless there is one."""
        if not self.is_open(partner):
            self._request(self._link(partner))

    def send(self, partner: Eui64, octets: bytes, done: Done) -> None:
        """Send octets; ``done`` hears None when they are there, else why not. Never within this call."""
        if len(octets) > LARGEST_TRANSFER:
            self._context.after(0, lambda: done(NotDelivered.TOO_LONG))
            return
        link = self._link(partner)
        if len(link.queue) >= self._queue_limit:
            self._context.after(0, lambda: done(NotDelivered.QUEUE_FULL))
            return
        link.queue.append(_Transfer(octets, done))
        self._next(link)

    def close(self, partner: Eui64) -> None:
        """Close the tunnel; what waits opens another."""
        self.server.close(partner)
        link = self._links.get(partner)
        if link is None or link.tunnel is None or link.address is None:
            return
        tunnel, link.tunnel = link.tunnel, None

        def closed(reply: Reply) -> None:
            if reply.outcome is Outcome.ANSWERED and reply.status != Status.SUCCESS:
                self._context.emit(TunnelCloseRefused(partner, reply.status))

        self._zcl.request(link.address, TUNNELLING, "Close Tunnel", {"Tunnel ID": tunnel}, closed)
        self._context.emit(TunnelClosed(partner))

    def drop(self, partner: Eui64, reason: NotDelivered) -> None:
        """The partner is gone: forget its tunnels, deliver nothing."""
        self.server.forget(partner)
        link = self._links.pop(partner, None)
        if link is None:
            return
        if link.timer is not None:
            link.timer.cancel()
        was_open, link.tunnel = link.tunnel is not None, None
        self._fail_all(link, reason)
        if was_open:
            self._context.emit(TunnelClosed(partner))

    def stop(self) -> None:
        """A power cut: forget all, tell nobody."""
        self._links.clear()
        self.server.stop()

    # Opening

    def _link(self, partner: Eui64) -> _Link:
        link = self._links.get(partner)
        if link is None:
            link = self._links[partner] = _Link(partner)
        return link

    def _request(self, link: _Link) -> None:
        if link.opening is not _Opening.NOT:
            return
        address = self._address_of(link.partner)
        if address is None:
            self._context.after(0, lambda: self._fail_all(link, NotDelivered.NOT_ON_NETWORK))
            return
        link.opening, link.address = _Opening.REQUESTED, address
        link.requests += 1
        values = {
            "Protocol ID": PROTOCOL_GB_HGRP,
            "Manufacturer Code": NO_MANUFACTURER,
            "Flow Control Support": False,
            "Maximum Incoming Transfer Size": LARGEST_TRANSFER,
        }
        self._zcl.request(
            address, TUNNELLING, "Request Tunnel", values, lambda reply: self._requested(link, reply),
            expects=("Request Tunnel Response",),
        )  # fmt: skip

    def _requested(self, link: _Link, reply: Reply) -> None:
        link.opening = _Opening.NOT
        if self._links.get(link.partner) is not link:
            return
        if reply.outcome is not Outcome.ANSWERED:
            link.requests = 0
            self._fail_all(link, NotDelivered.NO_ANSWER)
            return
        status = reply.values["Tunnel Status"] if reply.is_answer else reply.status
        if reply.is_answer and status == TunnelStatus.SUCCESS:
            link.requests = 0
            link.tunnel = reply.values["Tunnel ID"]
            link.limit = reply.values["Maximum Incoming Transfer Size"]
            self._context.emit(TunnelOpened(link.partner, requested=True))
            self._next(link)
        elif status == TunnelStatus.BUSY and reply.is_answer and link.requests < self._settings.tunnel_tries:
            link.opening = _Opening.LATER
            link.timer = self._context.after(self._settings.tunnel_retry_s, lambda: self._later(link))
        else:
            link.requests = 0
            self._context.emit(TunnelRefused(link.partner, status, by_partner=True))
            self._fail_all(link, NotDelivered.TUNNEL_REFUSED)

    def _later(self, link: _Link) -> None:
        link.opening = _Opening.NOT
        if self.is_open(link.partner):
            self._next(link)
        else:
            self._request(link)

    def _served_data(self, partner: Eui64, octets: bytes) -> None:
        self.on_data(partner, octets)

    def _opened_by_partner(self, partner: Eui64) -> None:
        self._context.emit(TunnelOpened(partner, requested=False))
        link = self._links.get(partner)
        if link is not None:
            self._next(link)

    # Transfers

    def _next(self, link: _Link) -> None:
        if link.sending is not None or not link.queue:
            return
        served = self.server.tunnel_of(link.partner)
        if link.tunnel is None and served is None:
            self._request(link)
            return
        transfer = link.sending = link.queue.popleft()
        transfer.tries += 1
        if link.tunnel is not None and link.address is not None:
            tunnel, address, limit, from_server = link.tunnel, link.address, link.limit, False
        else:
            assert served is not None
            served.used = self._context.now()
            tunnel, address, limit, from_server = served.number, served.address, served.limit, True
        if len(transfer.octets) > limit:
            self._context.after(0, lambda: self._over(link, transfer, NotDelivered.TOO_LONG))
            return
        values: dict[str, Any] = {"Tunnel ID": tunnel, "Data": transfer.octets}

        def done(reply: Reply) -> None:
            self._transferred(link, transfer, reply)

        self._zcl.request(
            address, TUNNELLING, "Transfer Data", values, done,
            expects=("Default Response", "Transfer Data Error"), from_server=from_server,
        )  # fmt: skip

    def _transferred(self, link: _Link, transfer: _Transfer, reply: Reply) -> None:
        if link.sending is not transfer:
            return
        if reply.outcome is Outcome.NOT_SENT:
            self._over(link, transfer, NotDelivered.NO_ANSWER)
        elif reply.name == "Transfer Data Error":
            self._error(link.partner, reply.values)
        elif reply.status != Status.SUCCESS:
            self._over(link, transfer, NotDelivered.REFUSED)
        else:
            # Acknowledged end to end: a Default Response that does not come is no failure.
            self._over(link, transfer, None)

    def _over(self, link: _Link, transfer: _Transfer, reason: NotDelivered | None) -> None:
        if link.sending is transfer:
            link.sending = None
            transfer.done(reason)
            if self._links.get(link.partner) is link:
                self._next(link)

    def _error(self, partner: Eui64, values: dict[str, Any]) -> None:
        """The far end did not take a transfer."""
        link = self._links.get(partner)
        code, number = values["Transfer Data Status"], values["Tunnel ID"]
        unknown = code in (TransferError.NO_SUCH_TUNNEL, TransferError.WRONG_DEVICE)
        served = self.server.tunnel_of(partner)
        if unknown and served is not None and served.number == number:
            self.server.forget(partner)
        if unknown and link is not None and link.tunnel == number:
            link.tunnel = None
        if link is None or link.sending is None:
            return
        transfer = link.sending
        if unknown and transfer.tries < _TRIES:
            link.sending = None
            link.queue.appendleft(transfer)
            self._next(link)
        else:
            self._over(link, transfer, NotDelivered.REFUSED)

    def _fail_all(self, link: _Link, reason: NotDelivered) -> None:
        transfers = list(link.queue)
        link.queue.clear()
        if link.sending is not None:
            transfers.insert(0, link.sending)
            link.sending = None
        for transfer in transfers:
            transfer.done(reason)

    # What a server sends us

    def _take(self, incoming: Incoming) -> Result:
        """A command to our client side."""
        name, values, partner = incoming.name, incoming.values, incoming.partner
        link = self._links.get(partner)
        number = values.get("Tunnel ID")
        known = link is not None and link.tunnel is not None and link.tunnel == number
        if name == "Transfer Data":
            if not known:
                status = TransferError.NO_SUCH_TUNNEL
            elif len(values["Data"]) > LARGEST_TRANSFER:
                status = TransferError.DATA_OVERFLOW
            else:
                self.on_data(partner, values["Data"])
                return Status.SUCCESS
            return Answer("Transfer Data Error", {"Tunnel ID": number, "Transfer Data Status": status})
        if name == "Transfer Data Error":
            self._error(partner, values)
            return Status.SUCCESS
        if name == "Tunnel Closure Notification":
            if known and link is not None:
                link.tunnel = None
                self._context.emit(TunnelClosed(partner))
            return Status.SUCCESS
        late = name in {"Request Tunnel Response", "Supported Tunnel Protocols Response"}
        return None if late else Status.UNSUPPORTED_CLUSTER_COMMAND
