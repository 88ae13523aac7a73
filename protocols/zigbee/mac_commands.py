"""802.15.4 MAC commands (2006, 7.3), beacons (7.2.2.1) and what ZigBee puts into them (05-3474-22 3.6.7)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import ClassVar

from protocols.errors import DecodeError
from protocols.eui64 import Eui64
from protocols.zigbee.commands import Command, OtherCommand, by_identifier, parse_command
from protocols.zigbee.elements import (
    IEEE,
    U8,
    U16,
    U24,
    Bits,
    Layout,
    Maybe,
    Octets,
    Repeat,
    When,
    attributes,
)

ZIGBEE_PROTOCOL_ID = 0
NO_TX_OFFSET = 0xFFFFFF


class Capability(IntFlag):
    """Capability information of a device (7.3.1.2)."""

    ALTERNATE_COORDINATOR = 0x01
    FULL_FUNCTION = 0x02
    MAINS_POWERED = 0x04
    RECEIVER_ON_WHEN_IDLE = 0x08
    SECURITY = 0x40
    ALLOCATE_ADDRESS = 0x80


class AssociationStatus(IntEnum):
    """Association status (7.3.2.3)."""

    SUCCESSFUL = 0
    PAN_AT_CAPACITY = 1
    ACCESS_DENIED = 2


@dataclass(slots=True)
class AssociationRequest(Command):
    """Association request."""

    IDENTIFIER: ClassVar[int] = 0x01
    LAYOUT: ClassVar[Layout] = Layout({"capability": U8})

    capability: int


@dataclass(slots=True)
class AssociationResponse(Command):
    """Association response; ``status`` as `AssociationStatus`, or another value."""

    IDENTIFIER: ClassVar[int] = 0x02
    LAYOUT: ClassVar[Layout] = Layout({"short_address": U16, "status": U8})

    short_address: int
    status: int = AssociationStatus.SUCCESSFUL


@dataclass(slots=True)
class DisassociationNotification(Command):
    """Disassociation; reason 1: the coordinator wishes it, 2: the device does."""

    IDENTIFIER: ClassVar[int] = 0x03
    LAYOUT: ClassVar[Layout] = Layout({"reason": U8})

    reason: int


@dataclass(slots=True)
class DataRequest(Command):
    """A poll for frames that wait at the coordinator or parent."""

    IDENTIFIER: ClassVar[int] = 0x04


@dataclass(slots=True)
class PanIdConflict(Command):
    """PAN identifier conflict notification."""

    IDENTIFIER: ClassVar[int] = 0x05


@dataclass(slots=True)
class OrphanNotification(Command):
    """A device that lost its coordinator."""

    IDENTIFIER: ClassVar[int] = 0x06


@dataclass(slots=True)
class BeaconRequest(Command):
    """Asks whoever hears it for a beacon."""

    IDENTIFIER: ClassVar[int] = 0x07


@dataclass(slots=True)
class CoordinatorRealignment(Command):
    """Answer to an orphan, or new settings for all; ``channel_page`` may be absent."""

    IDENTIFIER: ClassVar[int] = 0x08
    LAYOUT: ClassVar[Layout] = Layout(
        {"pan_id": U16, "coordinator": U16, "channel": U8, "short_address": U16, "channel_page": Maybe(U8)}
    )

    pan_id: int
    coordinator: int
    channel: int
    short_address: int
    channel_page: int | None = None


@dataclass(slots=True)
class GtsRequest(Command):
    """Guaranteed time slots: not used by ZigBee."""

    IDENTIFIER: ClassVar[int] = 0x09
    LAYOUT: ClassVar[Layout] = Layout({"characteristics": U8})

    characteristics: int


MacCommand = (
    AssociationRequest
    | AssociationResponse
    | DisassociationNotification
    | DataRequest
    | PanIdConflict
    | OrphanNotification
    | BeaconRequest
    | CoordinatorRealignment
    | GtsRequest
    | OtherCommand
)
_KINDS: dict[int, type[Command]] = by_identifier(
    AssociationRequest,
    AssociationResponse,
    DisassociationNotification,
    DataRequest,
    PanIdConflict,
    OrphanNotification,
    BeaconRequest,
    CoordinatorRealignment,
    GtsRequest,
)


def parse_mac_command(octets: bytes) -> MacCommand:
    """The command in the payload of a MAC command frame."""
    command: MacCommand = parse_command(octets, _KINDS)
    return command


_SUPERFRAME = {
    "beacon_order": 4,
    "superframe_order": 4,
    "final_cap_slot": 4,
    "battery_life_extension": 1,
    "superframe_reserved": 1,
    "pan_coordinator": 1,
    "association_permit": 1,
}
_BEACON = Layout(
    {
        "*superframe": Bits(2, **_SUPERFRAME),
        "*gts": Bits(gts_count=3, gts_reserved=4, gts_permit=1),
        "gts_directions": When(lambda values: values["gts_count"] > 0, U8),
        "gts_descriptors": Repeat(Octets(3), "gts_count"),
        "*pending": Bits(short_count=3, pending_reserved_3=1, extended_count=3, pending_reserved_7=1),
        "pending_short": Repeat(U16, "short_count"),
        "pending_extended": Repeat(IEEE, "extended_count"),
    }
)


@dataclass(slots=True)
class Beacon:
    """The payload of a beacon frame (7.2.2.1.2 on); defaults are those of a network without superframes.

    ``gts_descriptors``: 3 octets each; ``gts_directions`` is there only with them. ``payload`` is what the
    layer above put in.
    """

    beacon_order: int = 15
    superframe_order: int = 15
    final_cap_slot: int = 15
    battery_life_extension: bool = False
    superframe_reserved: int = 0
    pan_coordinator: bool = False
    association_permit: bool = False
    gts_permit: bool = False
    gts_reserved: int = 0
    gts_directions: int | None = None
    gts_descriptors: list[bytes] = field(default_factory=list)
    pending_short: list[int] = field(default_factory=list)
    pending_extended: list[Eui64] = field(default_factory=list)
    pending_reserved_3: int = 0
    pending_reserved_7: int = 0
    payload: bytes = b""

    def build(self) -> bytes:
        """The octets of the MAC payload."""
        counts = {
            "gts_count": len(self.gts_descriptors),
            "short_count": len(self.pending_short),
            "extended_count": len(self.pending_extended),
        }
        own = [name for name in _BEACON.names if name not in counts]
        return _BEACON.write(attributes(self, own) | counts) + self.payload


def parse_beacon(octets: bytes) -> Beacon:
    """The payload of a MAC beacon frame."""
    values, end = _BEACON.read(octets)
    for name in ("gts_count", "short_count", "extended_count"):
        del values[name]
    for name in ("battery_life_extension", "pan_coordinator", "association_permit", "gts_permit"):
        values[name] = bool(values[name])
    return Beacon(**values, payload=octets[end:])


_ZIGBEE_BEACON = Layout(
    {
        "protocol_id": U8,
        "*versions": Bits(stack_profile=4, protocol_version=4),
        "*capacity": Bits(reserved=2, router_capacity=1, device_depth=4, end_device_capacity=1),
        "extended_pan_id": IEEE,
        "tx_offset": U24,
        "update_id": U8,
    }
)


@dataclass(slots=True)
class ZigbeeBeacon:
    """The beacon payload of a ZigBee network (3.6.7); ``reserved``: the two bits beside router capacity."""

    extended_pan_id: Eui64
    stack_profile: int = 2
    protocol_version: int = 2
    router_capacity: bool = False
    end_device_capacity: bool = False
    device_depth: int = 0
    tx_offset: int = NO_TX_OFFSET
    update_id: int = 0
    reserved: int = 0
    protocol_id: int = ZIGBEE_PROTOCOL_ID
    rest: bytes = b""

    def build(self) -> bytes:
        """The octets of the beacon's payload."""
        return _ZIGBEE_BEACON.write(attributes(self, _ZIGBEE_BEACON.names)) + self.rest


def parse_zigbee_beacon(octets: bytes) -> ZigbeeBeacon:
    """The payload of a `Beacon`; another protocol than ZigBee's is a DecodeError."""
    if octets and octets[0] != ZIGBEE_PROTOCOL_ID:
        raise DecodeError(f"protocol {octets[0]} is not ZigBee", offset=0, path="protocol_id")
    values, end = _ZIGBEE_BEACON.read(octets)
    for name in ("router_capacity", "end_device_capacity"):
        values[name] = bool(values[name])
    return ZigbeeBeacon(**values, rest=octets[end:])
