"""Messages as lines over UDP, one line a datagram. A datagram that gets lost is lost."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from drivers.endpoints import host_and_port, resolve
from drivers.line_inbox import LineInbox
from drivers.line_port import LinePort
from drivers.serial_errors import closed, gone
from protocols.gfi_line import TAGS
from protocols.ports import BenchError, Driver

if TYPE_CHECKING:
    from protocols.ports import Clock, DriverContext

LONGEST_DATAGRAM = 65_507
_BUFFER = 4 * 1024 * 1024
_LINE_STARTS = tuple(tag + b"#" for tag in TAGS.values())


class UdpLineConfig(BaseModel):
    """Keys of a ``udp`` port."""

    model_config = ConfigDict(extra="forbid")

    url: str = "emulated:"
    announce: bool = True


class _UdpTransport(asyncio.DatagramProtocol):
    def __init__(self, address: str, inbox: LineInbox, clock: Clock) -> None:
        self._address = address
        self._inbox = inbox
        self._clock = clock
        self._transport: asyncio.DatagramTransport | None = None
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]  # typeshed
        self._transport = transport
        with contextlib.suppress(OSError):
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        _ = addr
        now = self._clock.now()
        if data.startswith(_LINE_STARTS):
            self._inbox.break_line(now)  # the line before was cut, or its end was lost on the way
        self._inbox.feed(data, now)

    def error_received(self, exc: Exception) -> None:
        # The far end's system says that nobody listens on that port.
        self._inbox.end(gone(self._address, exc), self._clock.now(), fault=True)

    def connection_lost(self, exc: Exception | None) -> None:
        _ = exc
        if not self._gone.done():
            self._gone.set_result(None)

    async def write(self, octets: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            raise closed(self._address)
        if len(octets) > LONGEST_DATAGRAM:
            raise BenchError(
                f"{len(octets)} octets to {self._address} do not fit one datagram of {LONGEST_DATAGRAM}",
                next_step="use driver tcp or serial for messages and images of this size",
            )
        self._transport.sendto(octets)

    async def close(self) -> None:
        if self._transport is None:
            return
        self._inbox.end(closed(self._address), self._clock.now(), fault=False)
        self._transport.close()
        await self._gone


async def open_udp_line(config: UdpLineConfig, context: DriverContext) -> LinePort:
    """Open a message port; with ``announce`` a line end alone tells the far end where to send to.

    UDP cannot say at opening whether anybody is there. BenchError naming address and remedy on failure.
    """
    address = resolve(config.url, context)
    host, port = host_and_port(address, ("udp",), context)
    inbox = LineInbox()
    try:
        _, transport = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _UdpTransport(address, inbox, context.clock), remote_addr=(host, port)
        )
    except OSError as error:
        raise BenchError(
            f"cannot open {address} for port {context.port} of {context.node}: {error}",
            next_step=f"correct url in [nodes.{context.node}.ports.{context.port}]",
        ) from error
    if config.announce:
        await transport.write(b"\r\n")
    return LinePort(inbox, transport)


DRIVER = Driver(
    name="udp",
    config=UdpLineConfig,
    open=open_udp_line,
    capabilities=frozenset({"message", "message.raw"}),
    needs="a far end that listens on UDP",
)
