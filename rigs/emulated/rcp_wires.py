"""Where a host finds an emulated RCP: on a pseudo-terminal, or on a TCP port.

========  =======================  ======================
far end   endpoint                 driver
========  =======================  ======================
RcpPty    ``/path/to/link``        ``spinel``
RcpTcp    ``socket://host:port``   ``spinel``
========  =======================  ======================
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from protocols.ports import PortClosedError
from rigs.emulated.wires_pty import PtyEnd

if TYPE_CHECKING:
    from pathlib import Path

    from rigs.emulated.fault_catalogue.sticks import StickLine
    from rigs.emulated.rcp import EmulatedRcp

# A host that does not read loses the oldest frames, as firmware with full buffers does.
_LIMIT = 256 * 1024


class RcpPty:
    """An RCP at the far end of a pseudo-terminal under a path that stays the same."""

    def __init__(self, path: Path, rcp: EmulatedRcp | StickLine) -> None:
        self._rcp = rcp
        self._end = PtyEnd(path, rcp.feed, limit=_LIMIT, whole=True)

    async def start(self) -> str:
        """Open; the endpoint is the path."""
        self._end.open()
        self._rcp.write = self._write
        return str(self._end.path)

    def _write(self, octets: bytes) -> None:
        with contextlib.suppress(PortClosedError):
            self._end.write(octets)

    async def close(self) -> None:
        """Close and remove the path; twice is harmless."""
        self._rcp.write = None
        await self._end.close()


class _Connection(asyncio.Protocol):
    def __init__(self, wire: RcpTcp) -> None:
        self._wire = wire

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._wire.taken_over(transport)

    def data_received(self, data: bytes) -> None:
        self._wire.rcp.feed(data)


class RcpTcp:
    """An RCP on a TCP port. The newest connection has it; an older one is closed."""

    def __init__(self, rcp: EmulatedRcp, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.rcp = rcp
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None
        self._transport: asyncio.Transport | None = None

    async def start(self) -> str:
        """Listen; the endpoint is ``socket://host:port``."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), self._host, self._port)
        host, port = self._server.sockets[0].getsockname()[:2]
        self.rcp.write = self._write
        return f"socket://{host}:{port}"

    def taken_over(self, transport: asyncio.Transport) -> None:
        """A connection has been made."""
        if self._transport is not None:
            self._transport.close()
        self._transport = transport

    def _write(self, octets: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() < _LIMIT:
            transport.write(octets)

    async def close(self) -> None:
        """Stop listening and hang up; twice is harmless."""
        self.rcp.write = None
        if self._transport is not None:
            self._transport.close()
            self._transport = None
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None
