"""A fresh emulated device for one command of a file, with keys that are held elsewhere.

What a replay may do to it is put values into its store by the names of its objects (``give``) and make
elements fail (``Device.faults``). It never shows the device a reply.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from protocols.gbcs.message import parse_message
from rigs.emulated.kinds import KINDS
from rigs.emulated.memory_storage import MemoryStorage

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from protocols.gbcs.message import Message
    from rigs.emulated.description import DeviceDescription
    from rigs.emulated.device import Device


@dataclass(slots=True)
class StandingClock:
    """A clock that shows one moment."""

    time: datetime

    def now(self) -> datetime:
        """The moment."""
        return self.time

    def monotonic(self) -> float:
        """No time passes."""
        return 0.0

    async def sleep(self, seconds: float) -> None:
        """Nothing to wait for."""


@dataclass(slots=True)
class Given:
    """A value for the device's store: the element's name, the value as text, and how it gets there."""

    element: str
    value: str
    put: Callable[[Device], None]


@dataclass(slots=True)
class Trial:
    """What came of one command on one fresh device: its response (None: it gave none), and its console."""

    response: Message | None
    console: str = ""
    sent: list[Message] = field(default_factory=list)


def answer(
    description: DeviceDescription,
    moment: datetime,
    command: bytes,
    given: list[Given],
    refused: dict[str, int],
) -> Trial:
    """Make a fresh device, give it these values and faults, and let it handle the command."""
    sent: list[bytes] = []
    console = bytearray()
    storage = MemoryStorage()
    try:
        device = KINDS[description.device_type](
            description, storage, StandingClock(moment), sent.append, console=console.extend
        )
        with device.work():
            for each in given:
                each.put(device)
        for element, result in refused.items():
            device.faults.refuse(element, result)
        sent.clear()
        device.handle(command)
    finally:
        storage.close()
    messages = [parse_message(octets) for octets in sent]
    response = next((each for each in messages if each.kind == "response"), None)
    return Trial(response, console.decode("utf-8", "replace"), messages)


def text_of(value: Any) -> str:
    """A given value for people: hexadecimal for octets."""
    return value.hex().upper() if isinstance(value, bytes) else str(value)
