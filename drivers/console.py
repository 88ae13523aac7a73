"""A device's console on any serial port: captured verbatim from the opening on, by a thread of its own.

Open it before power-on. The capture is never restarted: a console that goes away ends it, and says so.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from drivers.endpoints import resolve
from drivers.line_inbox import FaultLog, KeepsFaults, LineFault
from drivers.serial_stream import SerialStream
from drivers.serial_url import SerialSettings
from protocols.ports import ConfigError, Driver

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocols.ports import BenchError, DriverContext


class ConsoleConfig(SerialSettings):
    """Keys of a ``console`` port."""


class SerialConsole(KeepsFaults):
    """A ConsolePort. The end of a console that went away is in ``faults`` and goes to ``on_fault``."""

    def __init__(self, address: str, sink: Callable[[bytes, int], None], context: DriverContext) -> None:
        self._loop = asyncio.get_running_loop()
        self._log = FaultLog()
        self._context = context
        self._stream = SerialStream(address, sink, self._ended)

    async def open(self, config: ConsoleConfig) -> None:
        """Open and begin to capture."""
        where = f"[nodes.{self._context.node}.ports.{self._context.port}]"
        await self._stream.open(config, where, keep_input=True)

    async def write(self, octets: bytes) -> None:
        """Type octets; PortClosedError when the console is gone."""
        await self._stream.write(octets)

    async def close(self) -> None:
        """Give the sink what has arrived, then close; twice is harmless."""
        await self._stream.close()

    def _ended(self, error: BenchError) -> None:
        fault = LineFault(error.cause, at=self._context.clock.now())
        self._loop.call_soon_threadsafe(self._log.add, fault)


async def open_console(config: ConsoleConfig, context: DriverContext) -> SerialConsole:
    """Open a console and capture into ``context.console_sink`` from here on.

    Octets that the system already holds for the port are captured too. BenchError naming URL and remedy.
    """
    if context.console_sink is None:
        raise ConfigError(
            f"port {context.port} of {context.node}: a console needs somewhere to put what it captures",
            next_step="give DriverContext a console_sink",
        )
    console = SerialConsole(resolve(config.url, context), context.console_sink, context)
    await console.open(config)
    return console


DRIVER = Driver(
    name="console",
    config=ConsoleConfig,
    open=open_console,
    capabilities=frozenset({"console"}),
    needs="a serial port (device path, socket:// or rfc2217://) and the right to use it",
)
