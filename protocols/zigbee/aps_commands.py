"""APS commands (05-3474-22 4.4.10): how keys and the news of devices travel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar

from protocols.eui64 import Eui64
from protocols.zigbee.commands import Command, OtherCommand, by_identifier, parse_command
from protocols.zigbee.elements import IEEE, KEY, U8, U16, Layout, Rest, When


class ApsCommandId(IntEnum):
    """All command identifiers; those of SKKE and entity authentication are of old, the relays of R23."""

    SKKE_1 = 0x01
    SKKE_2 = 0x02
    SKKE_3 = 0x03
    SKKE_4 = 0x04
    TRANSPORT_KEY = 0x05
    UPDATE_DEVICE = 0x06
    REMOVE_DEVICE = 0x07
    REQUEST_KEY = 0x08
    SWITCH_KEY = 0x09
    EA_INITIATOR_CHALLENGE = 0x0A
    EA_RESPONDER_CHALLENGE = 0x0B
    EA_INITIATOR_MAC_DATA = 0x0C
    EA_RESPONDER_MAC_DATA = 0x0D
    TUNNEL = 0x0E
    VERIFY_KEY = 0x0F
    CONFIRM_KEY = 0x10
    RELAY_MESSAGE_DOWNSTREAM = 0x11
    RELAY_MESSAGE_UPSTREAM = 0x12


class StandardKeyType(IntEnum):
    """Key types (4.4.10.1.3.1 and on); masters and high security are of old."""

    TRUST_CENTER_MASTER = 0
    STANDARD_NETWORK = 1
    APPLICATION_MASTER = 2
    APPLICATION_LINK = 3
    TRUST_CENTER_LINK = 4
    HIGH_SECURITY_NETWORK = 5


class RequestKeyType(IntEnum):
    """What a request key command asks for (4.4.10.4.3)."""

    NETWORK = 1
    APPLICATION_LINK = 2
    TRUST_CENTER_LINK = 4


class UpdateDeviceStatus(IntEnum):
    """What happened to a device (4.4.10.2.3.3)."""

    STANDARD_SECURED_REJOIN = 0
    STANDARD_UNSECURED_JOIN = 1
    DEVICE_LEFT = 2
    STANDARD_TRUST_CENTER_REJOIN = 3


def _of_type(*types: int) -> Callable[[Mapping[str, Any]], bool]:
    return lambda values: values["key_type"] in types


_TO_DEVICE = _of_type(0, 1, 4, 5)
_NETWORK = _of_type(1, 5)
_TO_PARTNER = _of_type(2, 3)


@dataclass(slots=True)
class TransportKey(Command):
    """Transport key; ``key_type`` says what follows the key, the others are None.

    Network: sequence, destination, source (both EUI-64); trust centre link: destination, source;
    application link: partner, initiator (1: the receiver asked for it).
    """

    IDENTIFIER: ClassVar[int] = ApsCommandId.TRANSPORT_KEY
    LAYOUT: ClassVar[Layout] = Layout(
        {
            "key_type": U8,
            "key": KEY,
            "sequence": When(_NETWORK, U8),
            "destination": When(_TO_DEVICE, IEEE),
            "source": When(_TO_DEVICE, IEEE),
            "partner": When(_TO_PARTNER, IEEE),
            "initiator": When(_TO_PARTNER, U8),
        }
    )

    key_type: int
    key: bytes
    sequence: int | None = None
    destination: Eui64 | None = None
    source: Eui64 | None = None
    partner: Eui64 | None = None
    initiator: int | None = None


@dataclass(slots=True)
class UpdateDevice(Command):
    """Update device, from a router to the trust centre; ``status`` as `UpdateDeviceStatus`."""

    IDENTIFIER: ClassVar[int] = ApsCommandId.UPDATE_DEVICE
    LAYOUT: ClassVar[Layout] = Layout({"device": IEEE, "short_address": U16, "status": U8})

    device: Eui64
    short_address: int
    status: int


@dataclass(slots=True)
class RemoveDevice(Command):
    """Remove device, from the trust centre to a router."""

    IDENTIFIER: ClassVar[int] = ApsCommandId.REMOVE_DEVICE
    LAYOUT: ClassVar[Layout] = Layout({"target": IEEE})

    target: Eui64


@dataclass(slots=True)
class RequestKey(Command):
    """Request key; ``key_type`` as `RequestKeyType`, ``partner`` for application link keys only."""

    IDENTIFIER: ClassVar[int] = ApsCommandId.REQUEST_KEY
    LAYOUT: ClassVar[Layout] = Layout({"key_type": U8, "partner": When(_of_type(2), IEEE)})

    key_type: int
    partner: Eui64 | None = None


@dataclass(slots=True)
class SwitchKey(Command):
    """Switch to the network key with this sequence number."""

    IDENTIFIER: ClassVar[int] = ApsCommandId.SWITCH_KEY
    LAYOUT: ClassVar[Layout] = Layout({"sequence": U8})

    sequence: int


@dataclass(slots=True)
class Tunnel(Command):
    """An APS frame (header, auxiliary header, secured command) for a device that has no network key yet."""

    IDENTIFIER: ClassVar[int] = ApsCommandId.TUNNEL
    LAYOUT: ClassVar[Layout] = Layout({"destination": IEEE, "frame": Rest()})

    destination: Eui64
    frame: bytes


@dataclass(slots=True)
class VerifyKey(Command):
    """Verify key, to the trust centre; ``hash`` is `security.verify_hash` of the link key."""

    IDENTIFIER: ClassVar[int] = ApsCommandId.VERIFY_KEY
    LAYOUT: ClassVar[Layout] = Layout({"key_type": U8, "source": IEEE, "hash": KEY})

    key_type: int
    source: Eui64
    hash: bytes


@dataclass(slots=True)
class ConfirmKey(Command):
    """Confirm key, from the trust centre; status 0: the hash was right."""

    IDENTIFIER: ClassVar[int] = ApsCommandId.CONFIRM_KEY
    LAYOUT: ClassVar[Layout] = Layout({"status": U8, "key_type": U8, "destination": IEEE})

    status: int
    key_type: int
    destination: Eui64


ApsCommand = (
    TransportKey
    | UpdateDevice
    | RemoveDevice
    | RequestKey
    | SwitchKey
    | Tunnel
    | VerifyKey
    | ConfirmKey
    | OtherCommand
)
_KINDS: dict[int, type[Command]] = by_identifier(
    TransportKey, UpdateDevice, RemoveDevice, RequestKey, SwitchKey, Tunnel, VerifyKey, ConfirmKey
)


def parse_aps_command(octets: bytes) -> ApsCommand:
    """The command in the (plain) payload of an APS command frame."""
    command: ApsCommand = parse_command(octets, _KINDS)
    return command
