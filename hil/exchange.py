"""What tests send and get: commands with faults built in, responses, alerts, and the errors of waiting.

::

    Exception
      NoResponseError           the device did not answer in time
        NoAlertError            an expected alert did not come
      UnexpectedResponseError   it answered where silence was asked of it
        UnexpectedAlertError    an alert came that should not have

These are neither BenchError nor Finding: only the test's verdict can say whose trouble they are. A wire that
went away is never one of them; waiting on it raises PortClosedError.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from protocols.eui64 import Eui64
from protocols.gbcs.named.lookup import find_value, find_values
from protocols.gbcs.named.statuses import statuses

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

    from protocols.gbcs.message import Message


class NoResponseError(Exception):
    """No response came within the time given."""


class NoAlertError(NoResponseError):
    """No such alert came within the time given."""


class UnexpectedResponseError(Exception):
    """A response to a command that had to stay without one."""

    def __init__(self, problem: str, response: Received) -> None:
        super().__init__(problem)
        self.response = response


class UnexpectedAlertError(UnexpectedResponseError):
    """An alert that had to stay away; ``response`` is that alert."""


@dataclass(slots=True)
class Faults:
    """What is wrong on purpose with a command; all of it is done after the values are encoded.

    ``wrong_mac`` inverts the MAC's last octet, ``wrong_signer`` signs with another key, ``unsigned`` leaves
    the signature out. ``target``, ``originator`` and ``message_code`` replace header fields before
    protection, so that MAC and signature fit them. ``tamper`` gets the finished octets and returns what goes
    on the wire.
    """

    wrong_mac: bool = False
    wrong_signer: ec.EllipticCurvePrivateKey | None = None
    unsigned: bool = False
    target: Eui64 | None = None
    originator: Eui64 | None = None
    message_code: int | None = None
    tamper: Callable[[bytes], bytes] | None = None

    def names(self) -> list[str]:
        """Names of the faults that are set, for the journal."""
        return [name for name in self.__slots__ if getattr(self, name)]


@dataclass(slots=True)
class Received:
    """A message from a device as opened: decoding and verification never raise, they say what was wrong.

    ``mac`` and ``signature`` are ``ok``, ``bad``, ``none`` (the message carries none) or ``no_key``;
    ``encrypted`` has one such word for each encrypted part. ``message`` is None when not even the headers
    could be read. ``problem`` is empty, or what hindered decoding, with the octet's offset.

    ``named`` is the payload by the specification's names (``protocols.gbcs.named``), as ``hil decode --json``
    shows it, encrypted parts opened where the bench has the key. ``values`` is the same, but for use cases
    and alerts that have short names (``protocols.gbcs.named.short``).
    """

    octets: bytes
    device: str = ""
    use_case: str = ""
    message: Message | None = None
    values: dict[str, Any] = field(default_factory=dict)
    mac: str = "none"
    signature: str = "none"
    encrypted: list[str] = field(default_factory=list)
    problem: str = ""
    received_at: datetime | None = None
    record: int = 0  # number of the journal record
    named: dict[str, Any] = field(default_factory=dict)

    def find(self, name: str) -> Any:
        """The value of a name in ``named``: a place, its last step, or the end of a DLMS name.

        NoSuchValueError lists near names, or the places where there are several.
        """
        return find_value(self.named, name)

    def find_all(self, name: str) -> list[Any]:
        """All values of a name in ``named``, in order; empty without any."""
        return find_values(self.named, name)

    @property
    def message_code(self) -> int:
        """Message code of the header, -1 when there was none to read."""
        return self.message.header.message_code if self.message is not None else -1


@dataclass(slots=True)
class Response(Received):
    """A device's response. ``late``: it came after somebody had stopped waiting for it."""

    late: bool = False

    @property
    def results(self) -> list[int]:
        """Results of the single items of a DLMS response; empty for other kinds."""
        results = self.values.get("results", [])
        return list(results.values() if isinstance(results, dict) else results)

    @property
    def statuses(self) -> dict[str, int]:
        """How each item went, 0 is success: DLMS results by element, GBZ statuses by place."""
        return statuses(self.named)


@dataclass(slots=True)
class Alert(Received):
    """A device's alert. ``number`` counts a bench's alerts from 1; ``to`` is a user's name or an EUI-64."""

    number: int = 0
    to: str = ""

    @property
    def alert_code(self) -> int | None:
        """The alert code, None when the payload could not be decoded."""
        elements = self.named.get("elements", {})
        known = (
            self.values.get("alert_code"),
            elements.get("AlertCode"),
            self.named.get("Alert Code"),
            self.named.get("alertCode"),
        )
        return next((code for code in known if code is not None), None)


@dataclass(slots=True)
class Sent:
    """A command that left. ``message`` is what was built, ``octets`` what went on the wire."""

    use_case: str
    user: str
    device: str
    counter: int
    message: Message
    octets: bytes
    sent_at: datetime | None = None
    record: int = 0
