"""The commands of the key establishment cluster (annex C.3): their ZCL payloads, without the ZCL header.

Requests go from the client (the initiator) to the server, responses back under the same command number;
Terminate goes either way. Numbers are little-endian, certificates and points stand as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Self

from protocols.errors import DecodeError, EncodeError
from protocols.fixed_layout import Numbers
from protocols.zigbee.cbke.suites import SUITES, suite_of_bit

CLUSTER_ID = 0x0800
ATTRIBUTE_SUITE = 0x0000
"""KeyEstablishmentSuite, enum16, on client and server: the bitmap of the suites a device has."""
MAX_GENERATE_TIME = 0xFE


class Command(IntEnum):
    """Command identifiers, in both directions."""

    INITIATE = 0x00
    EPHEMERAL_DATA = 0x01
    CONFIRM_KEY = 0x02
    TERMINATE = 0x03


class Status(IntEnum):
    """Why an exchange was terminated (table C-6)."""

    UNKNOWN_ISSUER = 0x01
    BAD_KEY_CONFIRM = 0x02
    BAD_MESSAGE = 0x03
    NO_RESOURCES = 0x04
    UNSUPPORTED_SUITE = 0x05
    INVALID_CERTIFICATE = 0x06


_INITIATE = Numbers("<", suites=2, ephemeral_time=1, confirm_time=1)
_TERMINATE = Numbers("<", status=1, wait_time=1, suites=2)


@dataclass(slots=True)
class Initiate:
    """Initiate Key Establishment, request or response: suite, times in seconds, the sender's certificate.

    The times say how long the sender takes to generate its ephemeral data and its confirmation, 255 is
    invalid. A certificate of a known suite has that suite's length; with other suite bits anything is kept.
    """

    command: ClassVar[Command] = Command.INITIATE

    suites: int
    ephemeral_time: int
    confirm_time: int
    certificate: bytes

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """The command in a payload."""
        suites, ephemeral, confirm = _INITIATE.read(payload, 0, len(payload), "initiate")
        certificate = bytes(payload[_INITIATE.size :])
        suite = suite_of_bit(suites)
        if suite is not None and len(certificate) != suite.certificate_octets:
            problem = (
                f"a certificate of suite {suite.number} has {suite.certificate_octets} octets, "
                f"not {len(certificate)}"
            )
            end = min(len(payload), _INITIATE.size + suite.certificate_octets)
            raise DecodeError(problem, offset=end, path="initiate.certificate")
        return cls(suites, ephemeral, confirm, certificate)

    def build(self) -> bytes:
        """The payload."""
        head = _INITIATE.write("initiate", self.suites, self.ephemeral_time, self.confirm_time)
        return head + self.certificate


@dataclass(slots=True)
class EphemeralData:
    """Ephemeral Data, request or response: the sender's compressed ephemeral public key."""

    command: ClassVar[Command] = Command.EPHEMERAL_DATA

    point: bytes

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """The command in a payload; the length is that of one of the suites."""
        sizes = sorted(suite.point_octets for suite in SUITES)
        if len(payload) not in sizes:
            problem = f"ephemeral data has {sizes[0]} or {sizes[1]} octets, not {len(payload)}"
            raise DecodeError(problem, offset=len(payload), path="ephemeral_data")
        return cls(bytes(payload))

    def build(self) -> bytes:
        """The payload."""
        return bytes(self.point)


@dataclass(slots=True)
class ConfirmKey:
    """Confirm Key Data, request or response: the sender's MAC, MACU or MACV."""

    command: ClassVar[Command] = Command.CONFIRM_KEY

    mac: bytes

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """The command in a payload of 16 octets."""
        if len(payload) != 16:
            problem = f"a confirmation has 16 octets, not {len(payload)}"
            raise DecodeError(problem, offset=min(len(payload), 16), path="confirm_key")
        return cls(bytes(payload))

    def build(self) -> bytes:
        """The payload."""
        if len(self.mac) != 16:
            raise EncodeError(f"{len(self.mac)} octets do not fit 16", element="confirm_key.mac")
        return bytes(self.mac)


@dataclass(slots=True)
class Terminate:
    """Terminate Key Establishment: why, how many seconds to wait before another attempt, the sender's suites.

    ``status`` is a ``Status`` where it is a known one, ``suites`` the sender's KeyEstablishmentSuite
    attribute.
    """

    command: ClassVar[Command] = Command.TERMINATE

    status: int
    wait_time: int
    suites: int

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """The command in a payload of 4 octets."""
        status, wait_time, suites = _TERMINATE.read(payload, 0, len(payload), "terminate")
        if len(payload) != _TERMINATE.size:
            problem = f"{len(payload) - _TERMINATE.size} octets too many"
            raise DecodeError(problem, offset=_TERMINATE.size, path="terminate")
        return cls(_known(status), wait_time, suites)

    def build(self) -> bytes:
        """The payload."""
        return _TERMINATE.write("terminate", self.status, self.wait_time, self.suites)


Message = Initiate | EphemeralData | ConfirmKey | Terminate
_PARSERS: dict[int, type[Message]] = {
    Command.INITIATE: Initiate,
    Command.EPHEMERAL_DATA: EphemeralData,
    Command.CONFIRM_KEY: ConfirmKey,
    Command.TERMINATE: Terminate,
}


def parse_message(command: int, payload: bytes) -> Message:
    """The message of a cluster specific ZCL command; DecodeError also for an unknown command."""
    parser = _PARSERS.get(command)
    if parser is None:
        raise DecodeError(f"command {command:02X} is not one of key establishment", offset=0, path="command")
    return parser.parse(payload)


def _known(status: int) -> int:
    return Status(status) if status in Status.__members__.values() else status
