"""Messages as lines over TCP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from drivers.endpoints import host_and_port, resolve
from drivers.line_inbox import LineInbox
from drivers.line_port import LinePort
from drivers.serial_errors import closed, gone
from protocols.ports import BenchError, Driver, PortClosedError

if TYPE_CHECKING:
    from protocols.ports import Clock, DriverContext

_CHUNK = 262_144
_FLUSH_S = 1.0


class TcpLineConfig(BaseModel):
    """Keys of a ``tcp`` port."""

    model_config = ConfigDict(extra="forbid")

    url: str = "emulated:"
    connect_timeout_s: float = Field(default=5.0, gt=0)


class _TcpTransport:
    def __init__(
        self,
        address: str,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        inbox: LineInbox,
        clock: Clock,
    ) -> None:
        self._address = address
        self._reader, self._writer = streams
        self._inbox = inbox
        self._clock = clock
        self._turn = asyncio.Lock()
        self._closing = False
        self._reading = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        error: PortClosedError
        try:
            while octets := await self._reader.read(_CHUNK):
                self._inbox.feed(octets, self._clock.now())
            error = gone(self._address, ConnectionError("it closed the connection"))
        except OSError as trouble:
            error = gone(self._address, trouble)
        self._inbox.end(error, self._clock.now(), fault=True)

    async def write(self, octets: bytes) -> None:
        async with self._turn:
            try:
                self._writer.write(octets)
                await self._writer.drain()
            except OSError as trouble:
                raise gone(self._address, trouble) from trouble
            if self._closing:
                raise closed(self._address)  # drain ends quietly then, whether all was sent or not

    async def close(self) -> None:
        self._closing = True
        self._inbox.end(closed(self._address), self._clock.now(), fault=False)
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        self._writer.close()
        closing = asyncio.ensure_future(self._writer.wait_closed())
        _, late = await asyncio.wait({closing}, timeout=_FLUSH_S)
        if late:
            self._writer.transport.abort()  # the far end reads nothing: what is left cannot be sent
        await asyncio.gather(closing, return_exceptions=True)


async def open_tcp_line(config: TcpLineConfig, context: DriverContext) -> LinePort:
    """Connect a message port; BenchError naming address and remedy on failure."""
    address = resolve(config.url, context)
    host, port = host_and_port(address, ("tcp", "socket"), context)
    try:
        async with asyncio.timeout(config.connect_timeout_s):
            streams = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError) as error:
        reason = str(error) or f"no answer in {config.connect_timeout_s} s"
        raise BenchError(
            f"cannot connect to {address} for port {context.port} of {context.node}: {reason}",
            next_step="check that the far end runs and listens there, or correct url in "
            f"[nodes.{context.node}.ports.{context.port}]",
        ) from error
    inbox = LineInbox()
    return LinePort(inbox, _TcpTransport(address, streams, inbox, context.clock))


DRIVER = Driver(
    name="tcp",
    config=TcpLineConfig,
    open=open_tcp_line,
    capabilities=frozenset({"message", "message.raw"}),
    needs="a far end that listens on TCP",
)
