"""Every port of an emulated device that lives in the harness's own process: nothing but memory in between.

The line form is that of the serial line, so that broken lines and raw octets behave as they do there. It
needs no thread and no descriptor, which is what lets a whole rig run on virtual time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from drivers.emulated_control import EmulatedImages, EmulatedPower, EmulatedStimulus
from drivers.line_inbox import LineInbox
from drivers.line_port import LinePort
from protocols.ports import ConfigError, Driver, PortClosedError

if TYPE_CHECKING:
    from protocols.ports import Clock, DriverContext, EmulatedControl, WireEnd

NANOSECONDS = 1_000_000_000


class MemoryConfig(BaseModel):
    """Keys of ports with ``driver = "memory"``."""

    model_config = ConfigDict(extra="forbid")

    latency_s: float = Field(
        default=0.005, ge=0, le=3600, description="seconds that octets are on their way, 0 to 3600"
    )


class _Transport:
    """Octets of a message port."""

    def __init__(self, end: WireEnd, inbox: LineInbox, clock: Clock, name: str) -> None:
        self._end = end
        self._inbox = inbox
        self._clock = clock
        self._name = name
        end.listen(lambda octets: inbox.feed(octets, clock.now()), self._ended)

    async def write(self, octets: bytes) -> None:
        """Write all octets."""
        self._end.send(octets)

    async def close(self) -> None:
        """Close; frames that had arrived can still be received."""
        self._end.close()
        error = PortClosedError(f"the port on the wire in memory {self._name} was closed by the bench")
        self._inbox.end(error, self._clock.now(), fault=False)

    def _ended(self) -> None:
        error = PortClosedError(f"the far end of the wire in memory {self._name} went away")
        self._inbox.end(error, self._clock.now(), fault=True)


class MemoryConsole:
    """A ConsolePort."""

    def __init__(self, end: WireEnd, context: DriverContext) -> None:
        self._end = end
        sink, clock = context.console_sink, context.clock
        assert sink is not None
        end.listen(lambda octets: sink(octets, round(clock.monotonic() * NANOSECONDS)))

    async def write(self, octets: bytes) -> None:
        """Type something on the console."""
        self._end.send(octets)

    async def close(self) -> None:
        """Close; what has arrived is with the sink already."""
        self._end.close()


async def open_memory(
    _config: MemoryConfig, context: DriverContext
) -> LinePort | MemoryConsole | EmulatedPower | EmulatedStimulus | EmulatedImages:
    """Open the port that the context names; ConfigError where no emulated device lives in this process."""
    if context.port == "power":
        return EmulatedPower(_control(context), context.node)
    if context.port == "firmware":
        return EmulatedImages(_control(context), context.node)
    if context.port == "stimulus":
        return EmulatedStimulus(_control(context), context)
    name = f"{context.node}.{context.port}"
    end = context.wires.get(name)
    if end is None:
        raise _nothing_there(context)
    if context.port == "console":
        return MemoryConsole(end, context)
    inbox = LineInbox()
    return LinePort(inbox, _Transport(end, inbox, context.clock, name))


def _control(context: DriverContext) -> EmulatedControl:
    if context.control is None:
        raise _nothing_there(context)
    return context.control


def _nothing_there(context: DriverContext) -> ConfigError:
    return ConfigError(
        f"port {context.port} of {context.node}: no emulated device of this process has such a port",
        next_step=f'set emulated = true in [nodes.{context.node}] and time = "virtual" in [bench], or name '
        "the driver of real hardware",
    )


DRIVER = Driver(
    name="memory",
    config=MemoryConfig,
    open=open_memory,
    capabilities=frozenset({"message", "message.raw"}),
    needs='an emulated device in the harness\'s own process ([bench] time = "virtual")',
    in_memory=True,
)
