"""The types that every room shares: clock, ports, frames, bench errors and findings.

A port is one capability of a node (``gateway``, ``wan``, ``serial``, ``power``, ``console``, ``stimulus``).
Drivers implement ports towards hardware or towards the emulator's wires; the harness hands them to tests
and cannot tell which it has. All port methods are coroutines; whoever waits sets the time limit and cancels.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol, runtime_checkable

from protocols.eui64 import Eui64


class BenchError(Exception):
    """Trouble of ours: rig, wire or configuration; never held against a device.

    ``cause`` says what is wrong and where, ``next_step`` what to do about it.
    """

    def __init__(self, cause: str, *, next_step: str = "") -> None:
        super().__init__(f"{cause}\n  next step: {next_step}" if next_step else cause)
        self.cause = cause
        self.next_step = next_step


class ConfigError(BenchError):
    """A rig file, device file or command line that cannot be used (exit code 2)."""


class PortClosedError(BenchError):
    """The far end of a wire went away or the port was closed."""


class ImageRefusedError(Exception):
    """A hub does not take an image: the device is not in its log, say. No trouble of ours."""


class Strength(StrEnum):
    """How strong a register row's source is; only SPEC and DERIVED rows can fail a device."""

    SPEC = "spec"
    DERIVED = "derived"
    VENDOR = "vendor"
    REASONED = "reasoned"


@dataclass(slots=True)
class Finding:
    """What a device did against what a register row states. ``octets`` is the evidence, when there is one."""

    row: str
    document: str
    version: str | None
    clause: str | None
    strength: Strength
    expected: str
    observed: str
    octets: bytes = b""


class Clock(Protocol):
    """Time as a port: nothing calls the wall clock or sleeps by itself."""

    def now(self) -> datetime:
        """The present, timezone-aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never goes back."""

    async def sleep(self, seconds: float) -> None:
        """Wait; with a virtual clock this costs no wall time."""


class FrameKind(StrEnum):
    """What a frame on a message wire holds."""

    GBCS = "gbcs"


@dataclass(slots=True)
class Frame:
    """One whole message on a wire, with the moment its last octet was seen (UTC)."""

    kind: FrameKind
    data: bytes
    received_at: datetime | None = None


@runtime_checkable
class MessagePort(Protocol):
    """Carries whole frames both ways (ports ``gateway``, ``wan`` and ``serial``)."""

    async def send(self, frame: Frame) -> None:
        """Send one frame; raises PortClosedError when the far end is gone."""

    async def receive(self) -> Frame:
        """Wait for the next frame, in order; raises PortClosedError when no more can come."""

    async def send_octets(self, octets: bytes) -> None:
        """Send octets as they are, for faults such as a line cut in the middle of a message."""

    async def close(self) -> None:
        """Close; calling it twice is harmless."""


@runtime_checkable
class ConsolePort(Protocol):
    """A device's console, kept verbatim: every chunk goes to the sink given at opening."""

    async def write(self, octets: bytes) -> None:
        """Type something on the console."""

    async def close(self) -> None:
        """Read what is left, then close."""


@runtime_checkable
class PowerPort(Protocol):
    """Supply of one node."""

    async def on(self) -> None:
        """Supply on."""

    async def off(self) -> None:
        """Supply off."""

    async def is_on(self) -> bool | None:
        """Whether supply is on; None where the driver cannot know."""

    async def close(self) -> None:
        """Leave the supply as it is and close."""


class StimulusKind(StrEnum):
    """What a person or the world does to a device, and software cannot."""

    COVER_OPEN = "cover-open"
    COVER_CLOSE = "cover-close"
    MAGNET_ON = "magnet-on"
    MAGNET_OFF = "magnet-off"
    BUTTON = "button"  # argument: the button's name
    KEYPAD = "keypad"  # argument: digits, a UTRN for instance
    DISPLAY = "display"  # read the display back; the answer is its text
    SUPPLY_LOST = "supply-lost"
    SUPPLY_RESTORED = "supply-restored"
    # Argument: wrong-issuer, wrong-private-key, old-counters, or nothing for a sound device again. It holds
    # from the next power-on or joining; only emulated devices can be made to (capability ``han-fault``).
    HAN_FAULT = "han-fault"


class StimulusOutcome(StrEnum):
    """What became of a stimulus."""

    DONE = "done"
    REFUSED = "refused"  # the device or the operator says it cannot be done here
    UNANSWERED = "unanswered"  # nobody did it in time: inconclusive, never a pass


@dataclass(slots=True)
class StimulusResult:
    """Outcome of one stimulus; ``initials`` only where a person did it."""

    kind: StimulusKind
    outcome: StimulusOutcome
    answer: str = ""
    initials: str = ""
    at: datetime | None = None


@runtime_checkable
class StimulusPort(Protocol):
    """Does to a device what software cannot."""

    async def apply(self, kind: StimulusKind, argument: str = "") -> StimulusResult:
        """Apply one stimulus and say what became of it."""

    async def close(self) -> None:
        """Close."""


@runtime_checkable
class ImagePort(Protocol):
    """Brings firmware images to a hub, or to a device on a line of its own (port ``firmware``).

    In the field CS05 does, over the SM WAN, whose format is not public. From the hub the image goes to its
    device by the OTA cluster.
    """

    async def deliver(self, target: Eui64, image: bytes) -> None:
        """Hand over an OTA file for a device; ImageRefusedError when it is not taken."""

    async def close(self) -> None:
        """Close."""


class WireEnd(Protocol):
    """One end of a wire in memory, both of whose ends live on one event loop."""

    def send(self, octets: bytes) -> None:
        """Send octets to the other end, where they arrive later and in order; PortClosedError after close."""

    def listen(self, on_octets: Callable[[bytes], None], on_end: Callable[[], None] | None = None) -> None:
        """Have what arrives from now on, and the end of the wire, told in the event loop."""

    def close(self) -> None:
        """Close the wire; what is on its way to the other end still arrives there. Twice is harmless."""


class EmulatedControl(Protocol):
    """Power and stimuli of emulated devices in the harness's own process."""

    async def request(self, op: str, node: str, kind: str = "", argument: str = "") -> tuple[str, str]:
        """Outcome and answer; ``op`` is one of those of `rigs.emulated.premises.Premises.control`."""

    async def close(self) -> None:
        """Done with it."""


@dataclass(slots=True)
class DriverContext:
    """What the harness hands a driver when it opens a port.

    ``console_sink`` gets every console chunk with its monotonic time in nanoseconds, from the reading thread.
    ``base_dir`` is the rig file's folder. ``endpoints`` holds addresses of emulated wires by ``node.port``;
    where the emulated devices live in this process, ``wires`` holds the near ends instead, and ``control``
    does what a person would do to them.
    """

    clock: Clock
    node: str
    port: str
    base_dir: Path
    endpoints: Mapping[str, str] = field(default_factory=dict)
    console_sink: Callable[[bytes, int], None] | None = None
    wires: Mapping[str, WireEnd] = field(default_factory=dict)
    control: EmulatedControl | None = None


Port = MessagePort | ConsolePort | PowerPort | StimulusPort | ImagePort


@dataclass(slots=True)
class Probed:
    """What a driver's probe found at the far end of a port; each of ``lines`` is one thing, for people.

    ``eui64`` is a radio's own. ``takes_eui64``: its host may use another on the air. ``set_eui64`` is the
    command that gives it another for good, with ``{address}`` and ``{eui64}`` to be filled in.
    """

    lines: list[str]
    eui64: Eui64 | None = None
    takes_eui64: bool = False
    set_eui64: str = ""


@dataclass(slots=True)
class Driver:
    """How a driver declares itself to the entry point group ``hil.drivers``.

    ``config`` is a pydantic model class (extra keys forbidden) for the port's table in the rig file, without
    its ``driver`` key. ``open`` gets the checked model and the context. ``capabilities`` are what tests can
    ask for (``message``, ``message.raw``, ``console``, ``power``, ``stimulus``, ``firmware``), those of
    messages where it opens a port for messages. ``in_memory``: it uses nothing but ``wires`` and ``control``
    of its context, so that its ports can live on virtual time. ``probe`` is a coroutine function for
    ``hil doctor``, with the arguments of ``open``: it opens the port for a moment and gives what it found, a
    `Probed`, or raises the BenchError of a failed opening.
    """

    name: str
    config: type
    open: Callable[..., object]
    capabilities: frozenset[str]
    needs: str = ""
    in_memory: bool = False
    probe: Callable[..., Awaitable[Probed]] | None = None
