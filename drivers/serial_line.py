"""Messages as lines on a serial port: device path, pseudo-terminal, ``socket://`` or ``rfc2217://``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from drivers.endpoints import resolve
from drivers.line_inbox import LineInbox
from drivers.line_port import LinePort
from drivers.serial_errors import closed
from drivers.serial_stream import SerialStream
from drivers.serial_url import SerialSettings
from protocols.ports import Driver

if TYPE_CHECKING:
    from protocols.ports import BenchError, DriverContext

LINE_END = b"\r\n"


class SerialLineConfig(SerialSettings):
    """Keys of a ``serial`` port."""

    clear_line: bool = True


class _SerialTransport:
    def __init__(self, stream: SerialStream, inbox: LineInbox, context: DriverContext) -> None:
        self._stream = stream
        self._inbox = inbox
        self._context = context

    async def write(self, octets: bytes) -> None:
        await self._stream.write(octets)

    async def close(self) -> None:
        await self._stream.close()
        await asyncio.sleep(0)  # octets handed over last reach the inbox first
        self._inbox.end(closed(self._stream.address), self._context.clock.now(), fault=False)


async def open_serial_line(config: SerialLineConfig, context: DriverContext) -> LinePort:
    """Open a message port on a serial line; BenchError naming URL and remedy on failure.

    What arrived before opening is discarded. With ``clear_line`` a line end is sent first: if a killed
    session left half a line at the far end, it ends there and the next message arrives whole.
    """
    loop = asyncio.get_running_loop()
    inbox = LineInbox()
    clock = context.clock

    def on_octets(octets: bytes, _monotonic_ns: int) -> None:
        loop.call_soon_threadsafe(inbox.feed, octets, clock.now())

    def on_end(error: BenchError) -> None:
        loop.call_soon_threadsafe(lambda: inbox.end(error, clock.now(), fault=True))

    stream = SerialStream(resolve(config.url, context), on_octets, on_end)
    where = f"[nodes.{context.node}.ports.{context.port}]"
    await stream.open(config, where, keep_input=False)
    port = LinePort(inbox, _SerialTransport(stream, inbox, context))
    if config.clear_line:
        try:
            await port.send_octets(LINE_END)
        except BaseException:
            await port.close()
            raise
    return port


DRIVER = Driver(
    name="serial",
    config=SerialLineConfig,
    open=open_serial_line,
    capabilities=frozenset({"message", "message.raw"}),
    needs="a serial port (device path, socket:// or rfc2217://) and the right to use it",
)
