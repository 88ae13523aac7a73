"""What goes to and fro in the ZCL layer: addresses, commands, answers, what came of requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from protocols.eui64 import Eui64
from protocols.han import DataStatus
from protocols.zigbee.smart_energy.zcl_attributes import Attributes
from protocols.zigbee.zcl.foundation import Message, Status, attribute_values


@dataclass(slots=True)
class Address:
    """A partner's endpoint, and ours that talks to it."""

    partner: Eui64
    endpoint: int
    own: int


@dataclass(slots=True)
class Incoming:
    """A cluster's command as it came."""

    address: Address
    message: Message

    @property
    def partner(self) -> Eui64:
        """Who sent it."""
        return self.address.partner

    @property
    def name(self) -> str:
        """The command."""
        return self.message.name

    @property
    def values(self) -> dict[str, Any]:
        """What it carries."""
        return self.message.values


@dataclass(slots=True)
class Answer:
    """A command that answers another, general as that one was unless told otherwise."""

    name: str
    values: dict[str, Any] = field(default_factory=dict)
    general: bool | None = None


Result = Answer | int | None
"""What came of a command: an answer, a status, or nothing that is to be sent (it was answered otherwise)."""
Handler = Callable[[Incoming], Result]


@dataclass(slots=True)
class Side:
    """One side of a cluster on an endpoint. ``reports`` takes what a partner's other side reports.

    ``permits`` says who may use it; without it everybody may.
    """

    commands: Handler | None = None
    attributes: Attributes | None = None
    reports: Callable[[Incoming, dict[int, Any]], Result] | None = None
    permits: Callable[[Eui64], bool] | None = None


class Outcome(Enum):
    """How a request ended."""

    ANSWERED = auto()
    NO_ANSWER = auto()  # it was taken, and nothing came in time
    NOT_SENT = auto()


@dataclass(slots=True)
class Reply:
    """What came of a request: ``status`` of a Default Response, ``name`` and ``values`` of an answer."""

    outcome: Outcome
    status: int = Status.SUCCESS
    name: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    sent: DataStatus = DataStatus.DONE
    message: Message | None = None

    @property
    def is_answer(self) -> bool:
        """Whether the answer that was asked for is here."""
        return self.outcome is Outcome.ANSWERED and self.status == Status.SUCCESS

    def attributes(self) -> dict[int, Any]:
        """The values of a read."""
        return attribute_values(self.message) if self.message is not None else {}


Done = Callable[[Reply], None]
