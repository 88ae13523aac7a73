"""Between message ports and tests: everything that arrives is opened, journalled, and handed to who waits.

One link for each message port. A response belongs to the command with the same device, originator, counter
and message code. The router never raises on what a device sends, and never drops any of it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from hil.exchange import Alert, NoResponseError, Received, Response, Sent, UnexpectedResponseError
from hil.records import received_body
from hil.waiting import first_of
from protocols.errors import CodecError
from protocols.gbcs.message import parse_message
from protocols.ports import BenchError, Clock, Frame, FrameKind, MessagePort, PortClosedError

if TYPE_CHECKING:
    from hil.alerts import AlertLog
    from hil.opening import Opener
    from protocols.eui64 import Eui64
    from protocols.gbcs.catalogue import Catalogue
    from protocols.gbcs.header import GroupingHeader

Note = Callable[[str, str, Mapping[str, Any]], int]  # kind, node, body -> number of the record
_KEPT = 10_000  # commands remembered for late answers; older ones count as unsolicited
_Key = tuple["Eui64", "Eui64", int, int]  # device, originator, counter, message code


class Link:
    """One open message port. ``lost`` is done, with the reason, once nothing more can come."""

    def __init__(self, node: str, port_name: str, port: MessagePort) -> None:
        self.node = node
        self.port_name = port_name
        self.port = port
        self.lost: asyncio.Future[BenchError] = asyncio.get_running_loop().create_future()
        self.reader: asyncio.Task[None] | None = None


class _Pending:
    """A command's answers so far, and whether anybody still waits for the first."""

    def __init__(self, sent: Sent) -> None:
        self.sent = sent
        self.responses: list[Response] = []
        self.arrived = asyncio.Event()
        self.given_up = False

    async def first(self) -> Response:
        await self.arrived.wait()
        return self.responses[0]


class Router:
    """Runs on the portal's loop; its coroutines are called through the portal."""

    def __init__(
        self, opener: Opener, alerts: AlertLog, catalogue: Catalogue, clock: Clock, note: Note
    ) -> None:
        self._opener = opener
        self._alerts = alerts
        self._catalogue = catalogue
        self._clock = clock
        self._note = note
        self._links: dict[str, Link] = {}
        self._routes: dict[str, Link] = {}
        self._pending: dict[_Key, _Pending] = {}
        self._closing = False
        self.counts: Counter[str] = Counter()  # late, duplicate, unsolicited, unreadable, line-fault

    # Links ------------------------------------------------------------------------------------------------

    async def add_link(self, node: str, port_name: str, port: MessagePort) -> None:
        """Read from a port from now on."""
        link = Link(node, port_name, port)
        self._links[node] = link
        if hasattr(port, "on_fault"):
            port.on_fault = lambda fault: self._line_fault(link, fault)
        link.reader = asyncio.create_task(self._read(link), name=f"{node}.{port_name}")

    def route(self, device: str, carrier: str) -> None:
        """Messages for ``device`` leave by the port of ``carrier``."""
        self._routes[device] = self._links[carrier]

    def link_of(self, device: str) -> Link:
        """The link that messages for a device take."""
        return self._routes[device]

    async def close(self) -> None:
        """Close all ports, then note what had still arrived."""
        self._closing = True
        for link in self._links.values():
            await link.port.close()
            if link.reader is not None:
                # A port that is closed hands out what it has and then says that it is closed.
                with suppress(TimeoutError):
                    async with asyncio.timeout(1):
                        await link.reader

    # Out --------------------------------------------------------------------------------------------------

    async def send(self, sent: Sent) -> None:
        """Put a command on its wire; its responses are kept from now on. PortClosedError, BenchError."""
        pending = _Pending(sent)
        for key in _keys(sent):
            self._pending.pop(key, None)  # a replayed command is the newest again
            self._pending[key] = pending
        while len(self._pending) > _KEPT:
            del self._pending[next(iter(self._pending))]
        await self.send_frame(sent.device, Frame(FrameKind.GBCS, sent.octets))

    async def send_frame(self, device: str, frame: Frame) -> None:
        """Put a frame on the wire of a device."""
        await self._out(device, lambda port: port.send(frame))

    async def send_octets(self, device: str, octets: bytes) -> None:
        """Put octets on the wire of a device as they are."""
        await self._out(device, lambda port: port.send_octets(octets))

    async def _out(self, device: str, action: Callable[[MessagePort], Any]) -> None:
        link = self._routes[device]
        try:
            await action(link.port)
        except BenchError as error:
            self._note(
                "wire.fault", link.node, {"port": link.port_name, "problem": error.cause, "sending": True}
            )
            raise

    # Waiting ----------------------------------------------------------------------------------------------

    async def expect_response(self, sent: Sent, timeout_s: float) -> Response:
        """The first response to ``sent``; NoResponseError after ``timeout_s``, or the loss of the wire."""
        response = await self._first_response(sent, timeout_s)
        if response is None:
            raise NoResponseError(f"{sent.device} did not answer {_short(sent)} within {timeout_s:g} s")
        return response

    async def expect_silence(self, sent: Sent, within_s: float) -> None:
        """Wait ``within_s``; UnexpectedResponseError when a response to ``sent`` has come or comes."""
        response = await self._first_response(sent, within_s)
        if response is not None:
            raise UnexpectedResponseError(
                f"{sent.device} answered {sent.use_case} (counter {sent.counter}), which it had to ignore",
                response,
            )

    async def _first_response(self, sent: Sent, limit_s: float) -> Response | None:
        pending = next((self._pending[key] for key in _keys(sent) if key in self._pending), None)
        if pending is None or pending.sent is not sent:
            raise BenchError(
                f"{_short(sent)} was sent again or long ago; its answers are not kept",
                next_step="wait on what was sent last, or look into the journal",
            )
        pending.given_up = False
        response = await first_of(pending.first(), self._routes[sent.device].lost, self._clock, limit_s)
        pending.given_up = response is None
        return response

    # In ---------------------------------------------------------------------------------------------------

    async def _read(self, link: Link) -> None:
        try:
            while True:
                self._receive(link, await link.port.receive())
        except PortClosedError as error:
            self._lose(link, error)
        except BenchError as error:
            self._lose(link, error)
        except Exception as error:  # noqa: BLE001  (a defect of a driver must end waits, not hang them)
            self._lose(link, BenchError(f"{link.node}.{link.port_name}: {type(error).__name__}: {error}"))

    def _lose(self, link: Link, error: BenchError) -> None:
        if not self._closing:
            self._note("wire.closed", link.node, {"port": link.port_name, "problem": error.cause})
        if not link.lost.done():
            link.lost.set_result(error)

    def _line_fault(self, link: Link, fault: object) -> None:
        self.counts["line-fault"] += 1
        fields = {name: getattr(fault, name, "") for name in ("problem", "octets", "offset")}
        self._note("wire.fault", link.node, {"port": link.port_name, **fields})

    def _receive(self, link: Link, frame: Frame) -> None:
        opened = self._opener.open(frame.data)
        opened.received_at = frame.received_at or self._clock.now()
        if isinstance(opened, Response):
            self._take_response(link, opened)
        elif isinstance(opened, Alert):
            opened.number = len(self._alerts.alerts) + 1
            opened.record = self._record(link, opened, opened.to, {})
            self._alerts.add(opened)
        else:
            self.counts["unreadable"] += 1
            opened.record = self._record(link, opened, "", {"frame_kind": frame.kind})

    def _take_response(self, link: Link, response: Response) -> None:
        assert response.message is not None
        header = response.message.header
        pending = self._pending.get(_response_key(header))
        response.late = pending is not None and pending.given_up
        duplicate = pending is not None and bool(pending.responses)
        if pending is not None:
            response.use_case = pending.sent.use_case
        flags = {"late": response.late, "duplicate": duplicate, "unsolicited": pending is None}
        self.counts.update(name for name, value in flags.items() if value)
        extra = {"match": pending.sent.record if pending is not None else 0, "late": response.late}
        peer = self._opener.name_of(header.business_target_id)
        response.record = self._record(link, response, peer, extra | {"duplicate": duplicate})
        if pending is not None:
            pending.responses.append(response)
            pending.arrived.set()

    def _record(self, link: Link, opened: Received, peer: str, extra: Mapping[str, Any]) -> int:
        body = received_body(opened, peer, self._catalogue)
        return self._note(
            "message.received", opened.device or link.node, body | {"carrier": link.node, **extra}
        )


def _short(sent: Sent) -> str:
    return f"{sent.use_case} (counter {sent.counter})"


def _keys(sent: Sent) -> list[_Key]:
    """Keys under which an answer may come: what was built and, where that was tampered with, what left."""
    keys = [_command_key(sent.message.header)]
    with suppress(CodecError):
        left = _command_key(parse_message(sent.octets).header)
        if left != keys[0]:
            keys.append(left)
    return keys


def _command_key(header: GroupingHeader) -> _Key:
    return (
        header.business_target_id,
        header.business_originator_id,
        header.originator_counter,
        header.message_code,
    )


def _response_key(header: GroupingHeader) -> _Key:
    return (
        header.business_originator_id,
        header.business_target_id,
        header.originator_counter,
        header.message_code,
    )
