"""A serial port between the event loop and its two threads: one reads all the time, one writes in turn."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from drivers.serial_errors import cannot_open, closed, gone
from drivers.serial_url import open_line
from protocols.ports import BenchError

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivers.serial_url import OctetLine, SerialSettings


class SerialStream:
    """An open serial port.

    ``on_octets(octets, monotonic_ns)`` and, once, ``on_end(error)`` when the far end is gone, are called from
    the reading thread. Nothing is called after ``close`` returned.
    """

    def __init__(
        self,
        address: str,
        on_octets: Callable[[bytes, int], None],
        on_end: Callable[[BenchError], None],
    ) -> None:
        self.address = address
        self._on_octets = on_octets
        self._on_end = on_end
        self._line: OctetLine | None = None
        self._closing = threading.Event()
        self._finished: asyncio.Future[None] | None = None
        self._reader = threading.Thread(target=self._read, name=f"reads {address}", daemon=True)
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"writes {address}")

    async def open(self, settings: SerialSettings, where: str, *, keep_input: bool) -> None:
        """Open and begin to read; BenchError naming ``where`` on failure."""
        opening = asyncio.get_running_loop().run_in_executor(
            self._writer, self._open, settings, where, keep_input
        )
        try:
            await asyncio.shield(opening)
        except BaseException:
            # A thread cannot be called back: let it finish, so that no open port is left behind.
            await asyncio.wait([opening])
            with contextlib.suppress(Exception):
                opening.result()  # seen, or asyncio would complain
            await self.close()
            raise

    def _open(self, settings: SerialSettings, where: str, keep_input: bool) -> None:
        try:
            self._line = open_line(self.address, settings, keep_input=keep_input)
        except (OSError, ValueError) as error:
            raise cannot_open(self.address, where, error) from error
        self._reader.start()

    async def write(self, octets: bytes) -> None:
        """Write all octets, in turn with other writes; PortClosedError when the far end is gone.

        A waiter that gives up leaves the rest of its octets to be written; only ``close`` cuts them short.
        """
        if self._closing.is_set() or self._line is None:
            raise closed(self.address)
        await asyncio.get_running_loop().run_in_executor(self._writer, self._write, self._line, bytes(octets))

    def _write(self, line: OctetLine, octets: bytes) -> None:
        if self._closing.is_set():
            raise closed(self.address)
        try:
            line.put(octets)
        except OSError as error:
            raise (closed(self.address) if self._closing.is_set() else gone(self.address, error)) from error

    async def close(self) -> None:
        """Hand over what has arrived, end both threads, free the port; twice is harmless."""
        if self._finished is None:
            self._closing.set()
            if self._line is not None:
                self._line.wake()
            self._finished = asyncio.get_running_loop().run_in_executor(self._writer, self._finish)
        await asyncio.shield(self._finished)
        self._writer.shutdown(wait=True)

    def _finish(self) -> None:
        if self._line is not None:
            self._reader.join()
            self._line.shut()

    def _read(self) -> None:
        line = self._line
        assert line is not None
        while True:
            try:
                octets = line.take()
            except OSError as error:
                if not self._closing.is_set():
                    self._tell_end(gone(self.address, error))
                return
            if not octets:
                return
            try:
                self._on_octets(octets, time.monotonic_ns())
            except Exception as error:  # noqa: BLE001 - whoever takes them failed: say so, do not die mute
                self._tell_end(BenchError(f"what {self.address} sends cannot be handed on: {error}"))
                return

    def _tell_end(self, error: BenchError) -> None:
        with contextlib.suppress(RuntimeError):  # the event loop was closed before the port
            self._on_end(error)
