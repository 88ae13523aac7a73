"""A serial stream for code that cannot wait: writes return at once, octets come by call in the event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from drivers.serial_stream import SerialStream
from protocols.ports import BenchError

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivers.serial_url import SerialSettings


class SerialPump:
    """``on_octets`` gets what comes in; ``on_end``, once, why no more can come or go."""

    def __init__(
        self, address: str, on_octets: Callable[[bytes], None], on_end: Callable[[BenchError], None]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_end = on_end
        self._ended = False
        self._out = bytearray()
        self._wake = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None

        def arrived(octets: bytes, _monotonic_ns: int) -> None:
            self._loop.call_soon_threadsafe(on_octets, octets)

        def ended(error: BenchError) -> None:
            self._loop.call_soon_threadsafe(self._end, error)

        self._stream = SerialStream(address, arrived, ended)

    async def open(self, settings: SerialSettings, where: str) -> None:
        """Open and begin to read; BenchError naming ``where`` on failure."""
        await self._stream.open(settings, where, keep_input=False)
        self._writer = self._loop.create_task(self._write_all(), name="writes to a radio")

    def write(self, octets: bytes) -> None:
        """Send after what was given before; nothing happens once the far end is gone."""
        if not self._ended:
            self._out += octets
            self._wake.set()

    async def _write_all(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            octets, self._out = bytes(self._out), bytearray()
            try:
                await self._stream.write(octets)
            except BenchError as error:
                self._end(error)
                return

    def _end(self, error: BenchError) -> None:
        if not self._ended:
            self._ended = True
            self._on_end(error)

    async def close(self) -> None:
        """Stop; what has not gone out is lost. Twice is harmless."""
        self._ended = True
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.wait([self._writer])
        await self._stream.close()
