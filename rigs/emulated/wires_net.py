"""Far ends on TCP and UDP. What is sent while nobody is connected is lost, as on a cable without a plug."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, cast

from protocols.gfi_line import TAGS, LineDecoder, encode_line
from protocols.ports import BenchError, PortClosedError
from rigs.emulated.wires_frames import FrameSorter

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocols.gfi_line import LineError
    from protocols.ports import Frame

_GRACE_S = 0.5  # a client that reconnects may arrive before its old connection's end does
_FLUSH_S = 1.0
_UDP_BUFFER = 4 * 1024 * 1024
_LINE_STARTS = tuple(tag + b"#" for tag in TAGS.values())


class _Client(asyncio.Protocol):
    """One TCP connection of a TcpWire; reads nothing until the wire takes it."""

    def __init__(self, wire: TcpWire) -> None:
        self.wire = wire
        self.transport: asyncio.Transport | None = None
        self.sorter: FrameSorter | None = None
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.refusal: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.wire.arrived(self)

    def data_received(self, data: bytes) -> None:
        if self.sorter is not None:
            self.sorter.feed(data)

    def connection_lost(self, exc: Exception | None) -> None:
        _ = exc
        if self.refusal is not None:
            self.refusal.cancel()
        if self.sorter is not None:
            self.sorter.end()
        if not self.gone.done():
            self.gone.set_result(None)
        self.wire.left(self)


class TcpWire:
    """A message wire that serves one TCP client at a time and takes the next when that one leaves.

    A second client waits half a second for the first to leave and is then closed. Messages sent with no
    client, or to one that has ``limit`` octets unread, are dropped and counted.
    """

    def __init__(
        self,
        on_frame: Callable[[Frame], None],
        *,
        on_error: Callable[[LineError], None] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        limit: int = 4 * 1024 * 1024,
    ) -> None:
        self._on_frame = on_frame
        self._on_error = on_error
        self._host = host
        self._port = port
        self._limit = limit
        self._server: asyncio.Server | None = None
        self._clients: list[_Client] = []
        self.dropped = 0

    async def start(self) -> str:
        """Listen; the endpoint is ``socket://host:port``."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: _Client(self), self._host, self._port)
        except OSError as error:
            raise _cannot_listen("TCP", self._host, self._port, error) from error
        self._port = self._server.sockets[0].getsockname()[1]
        return f"socket://{_bracketed(self._host)}:{self._port}"

    async def send(self, frame: Frame) -> None:
        """Send one message to the client there is; does not wait for it to be read."""
        await self.send_octets(encode_line(frame))

    async def send_octets(self, octets: bytes) -> None:
        """Send octets as they are, for a line cut in the middle."""
        if self._server is None:
            raise PortClosedError(f"the emulated TCP wire on port {self._port} is closed")
        transport = self._clients[0].transport if self._clients else None
        if transport is None or transport.is_closing() or transport.get_write_buffer_size() > self._limit:
            self.dropped += len(octets)
            return
        transport.write(octets)

    async def close(self) -> None:
        """Send what is left to a client that reads, then close; twice is harmless."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        clients = list(self._clients)
        for client in clients:
            if client.transport is not None:
                client.transport.close()
        if clients:
            waits = [client.gone for client in clients]
            await asyncio.wait(waits, timeout=_FLUSH_S)
            for client in clients:
                if client.transport is not None and not client.gone.done():
                    client.transport.abort()
            await asyncio.wait(waits)
        await server.wait_closed()

    def arrived(self, client: _Client) -> None:
        """A client connected: serve it now, or let it wait for the one before."""
        transport = client.transport
        assert transport is not None
        if self._server is None:
            transport.abort()
            return
        self._clients.append(client)
        if len(self._clients) == 1:
            self._serve(client)
            return
        transport.pause_reading()
        client.refusal = asyncio.get_running_loop().call_later(_GRACE_S, transport.abort)

    def left(self, client: _Client) -> None:
        """A client is gone: the next one's turn."""
        if client not in self._clients:
            return
        was_first = self._clients[0] is client
        self._clients.remove(client)
        if was_first and self._clients and self._server is not None:
            self._serve(self._clients[0])

    def _serve(self, client: _Client) -> None:
        # A fresh decoder: half a line of the client before is nothing to this one.
        client.sorter = FrameSorter(LineDecoder(), self._on_frame, self._on_error)
        if client.refusal is not None:
            client.refusal.cancel()
            client.refusal = None
        if client.transport is not None and not client.transport.is_reading():
            client.transport.resume_reading()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, wire: UdpWire) -> None:
        self._wire = wire
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._wire.datagram(data, addr)

    def error_received(self, exc: Exception) -> None:
        """The last peer has closed its socket; the next peer's datagram names a new one."""

    def connection_lost(self, exc: Exception | None) -> None:
        _ = exc
        if not self.gone.done():
            self.gone.set_result(None)


class UdpWire:
    """A message wire on UDP, one line a datagram; replies to whoever sent last.

    A line end alone makes its sender the peer and says nothing else. Messages sent before there is a peer
    are dropped and counted.
    """

    def __init__(
        self,
        on_frame: Callable[[Frame], None],
        *,
        on_error: Callable[[LineError], None] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self._on_frame = on_frame
        self._on_error = on_error
        self._host = host
        self._port = port
        self._transport: asyncio.DatagramTransport | None = None
        self._protocol: _Datagrams | None = None
        self._sorter = FrameSorter(LineDecoder(), on_frame, on_error)
        self._peer: tuple[str, int] | None = None
        self.dropped = 0

    async def start(self) -> str:
        """Listen; the endpoint is ``udp://host:port``."""
        loop = asyncio.get_running_loop()
        try:
            self._transport, self._protocol = await loop.create_datagram_endpoint(
                lambda: _Datagrams(self), local_addr=(self._host, self._port)
            )
        except OSError as error:
            raise _cannot_listen("UDP", self._host, self._port, error) from error
        port_socket = self._transport.get_extra_info("socket")
        with contextlib.suppress(OSError):
            port_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _UDP_BUFFER)
        self._port = port_socket.getsockname()[1]
        return f"udp://{_bracketed(self._host)}:{self._port}"

    async def send(self, frame: Frame) -> None:
        """Send one message to the last peer."""
        await self.send_octets(encode_line(frame))

    async def send_octets(self, octets: bytes) -> None:
        """Send octets as they are in one datagram."""
        if self._transport is None:
            raise PortClosedError(f"the emulated UDP wire on port {self._port} is closed")
        if self._peer is None:
            self.dropped += len(octets)
            return
        self._transport.sendto(octets, self._peer)

    async def close(self) -> None:
        """Close; twice is harmless."""
        transport, self._transport = self._transport, None
        if transport is None or self._protocol is None:
            return
        transport.close()
        await self._protocol.gone

    def datagram(self, data: bytes, peer: tuple[str, int]) -> None:
        """A datagram came in."""
        if peer != self._peer:
            self._peer = peer
            self._sorter = FrameSorter(LineDecoder(), self._on_frame, self._on_error)
        if data.startswith(_LINE_STARTS):
            self._sorter.end()  # a datagram that starts a line ends the one before, cut or lost on the way
        self._sorter.feed(data)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _cannot_listen(what: str, host: str, port: int, error: OSError) -> BenchError:
    return BenchError(
        f"cannot listen on {what} {host}:{port}: {error}",
        next_step="another process may hold the port: leave it out (0 picks a free one) or stop that process",
    )
