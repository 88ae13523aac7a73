"""NWK commands (05-3474-22 3.4): what stands in the payload of a network command frame.

Bits of an options octet that tell what follows (counts, addresses that may be absent) are made from what
follows; ``options`` holds the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from protocols.eui64 import Eui64
from protocols.zigbee.commands import Command, OtherCommand, by_identifier, parse_command
from protocols.zigbee.elements import IEEE, S8, U8, U16, Bits, Control, Count, Layout, Record, Repeat, marked


class ManyToOne(IntEnum):
    """Bits 3 and 4 of route request options, shifted to their place."""

    NO = 0x00
    WITH_ROUTE_RECORDS = 0x08
    WITHOUT_ROUTE_RECORDS = 0x10


class NetworkStatusCode(IntEnum):
    """Status codes of the network status command (3.4.3.3)."""

    NO_ROUTE_AVAILABLE = 0x00
    TREE_LINK_FAILURE = 0x01
    NON_TREE_LINK_FAILURE = 0x02
    LOW_BATTERY = 0x03
    NO_ROUTING_CAPACITY = 0x04
    NO_INDIRECT_CAPACITY = 0x05
    INDIRECT_TRANSACTION_EXPIRY = 0x06
    TARGET_DEVICE_UNAVAILABLE = 0x07
    TARGET_ADDRESS_UNALLOCATED = 0x08
    PARENT_LINK_FAILURE = 0x09
    VALIDATE_ROUTE = 0x0A
    SOURCE_ROUTE_FAILURE = 0x0B
    MANY_TO_ONE_ROUTE_FAILURE = 0x0C
    ADDRESS_CONFLICT = 0x0D
    VERIFY_ADDRESSES = 0x0E
    PAN_ID_UPDATE = 0x0F
    NETWORK_ADDRESS_UPDATE = 0x10
    BAD_FRAME_COUNTER = 0x11
    BAD_KEY_SEQUENCE_NUMBER = 0x12


@dataclass(slots=True)
class RouteRequest(Command):
    """Route request; options: many-to-one (`ManyToOne`), 0x40 multicast."""

    IDENTIFIER: ClassVar[int] = 0x01
    LAYOUT: ClassVar[Layout] = Layout(
        {
            "options": Control(present={"destination_ieee": 0x20}),
            "request_id": U8,
            "destination": U16,
            "path_cost": U8,
            "destination_ieee": marked("destination_ieee", IEEE),
        }
    )

    request_id: int
    destination: int
    path_cost: int = 0
    destination_ieee: Eui64 | None = None
    options: int = 0


@dataclass(slots=True)
class RouteReply(Command):
    """Route reply; options: 0x40 multicast."""

    IDENTIFIER: ClassVar[int] = 0x02
    LAYOUT: ClassVar[Layout] = Layout(
        {
            "options": Control(present={"originator_ieee": 0x10, "responder_ieee": 0x20}),
            "request_id": U8,
            "originator": U16,
            "responder": U16,
            "path_cost": U8,
            "originator_ieee": marked("originator_ieee", IEEE),
            "responder_ieee": marked("responder_ieee", IEEE),
        }
    )

    request_id: int
    originator: int
    responder: int
    path_cost: int = 0
    originator_ieee: Eui64 | None = None
    responder_ieee: Eui64 | None = None
    options: int = 0


@dataclass(slots=True)
class NetworkStatus(Command):
    """Network status; ``status`` as `NetworkStatusCode`, or another value."""

    IDENTIFIER: ClassVar[int] = 0x03
    LAYOUT: ClassVar[Layout] = Layout({"status": U8, "destination": U16})

    status: int
    destination: int


@dataclass(slots=True)
class Leave(Command):
    """Leave; a request to leave, or (not ``request``) the news that the sender leaves."""

    IDENTIFIER: ClassVar[int] = 0x04
    LAYOUT: ClassVar[Layout] = Layout({"options": U8})

    options: int = 0

    @classmethod
    def of(cls, *, request: bool, rejoin: bool = False, remove_children: bool = False) -> Leave:
        """A leave command with these options."""
        return cls(options=request << 6 | rejoin << 5 | remove_children << 7)

    @property
    def request(self) -> bool:
        """The receiver is to leave."""
        return bool(self.options & 0x40)

    @property
    def rejoin(self) -> bool:
        """Whoever leaves will join again."""
        return bool(self.options & 0x20)

    @property
    def remove_children(self) -> bool:
        """The children leave as well."""
        return bool(self.options & 0x80)


@dataclass(slots=True)
class RouteRecord(Command):
    """The relays that the frame passed."""

    IDENTIFIER: ClassVar[int] = 0x05
    LAYOUT: ClassVar[Layout] = Layout({"#relays": Count("relays"), "relays": Repeat(U16, "relays")})

    relays: list[int]


@dataclass(slots=True)
class RejoinRequest(Command):
    """Rejoin request; ``capability`` as `mac_commands.Capability`."""

    IDENTIFIER: ClassVar[int] = 0x06
    LAYOUT: ClassVar[Layout] = Layout({"capability": U8})

    capability: int


@dataclass(slots=True)
class RejoinResponse(Command):
    """Rejoin response; ``status`` as `mac_commands.AssociationStatus`."""

    IDENTIFIER: ClassVar[int] = 0x07
    LAYOUT: ClassVar[Layout] = Layout({"short_address": U16, "status": U8})

    short_address: int
    status: int = 0


@dataclass(slots=True)
class Link:
    """One neighbour in a link status command; costs are 0 (unknown) or 1 to 7."""

    address: int
    incoming_cost: int
    outgoing_cost: int
    reserved_3: int = 0
    reserved_7: int = 0


_LINK = Record(
    Link,
    Layout({"address": U16, "*costs": Bits(incoming_cost=3, reserved_3=1, outgoing_cost=3, reserved_7=1)}),
)


@dataclass(slots=True)
class LinkStatus(Command):
    """Link status; ``options``: 0x20 first, 0x40 last frame of the list."""

    IDENTIFIER: ClassVar[int] = 0x08
    LAYOUT: ClassVar[Layout] = Layout({"options": Control("links", 0x1F), "links": Repeat(_LINK, "links")})

    links: list[Link]
    options: int = 0x60


@dataclass(slots=True)
class NetworkReport(Command):
    """PAN identifier conflict report; ``options``: report identifier in bits 5 to 7 (0: conflict)."""

    IDENTIFIER: ClassVar[int] = 0x09
    LAYOUT: ClassVar[Layout] = Layout(
        {"options": Control("pan_ids", 0x1F), "extended_pan_id": IEEE, "pan_ids": Repeat(U16, "pan_ids")}
    )

    extended_pan_id: Eui64
    pan_ids: list[int]
    options: int = 0


@dataclass(slots=True)
class NetworkUpdate(Command):
    """PAN identifier update; ``options``: update identifier in bits 5 to 7 (0: PAN identifier)."""

    IDENTIFIER: ClassVar[int] = 0x0A
    LAYOUT: ClassVar[Layout] = Layout(
        {
            "options": Control("pan_ids", 0x1F),
            "extended_pan_id": IEEE,
            "update_id": U8,
            "pan_ids": Repeat(U16, "pan_ids"),
        }
    )

    extended_pan_id: Eui64
    update_id: int
    pan_ids: list[int]
    options: int = 0


@dataclass(slots=True)
class EndDeviceTimeoutRequest(Command):
    """End device timeout request; timeout 0: 10 s, n: 2^n minutes (up to 14)."""

    IDENTIFIER: ClassVar[int] = 0x0B
    LAYOUT: ClassVar[Layout] = Layout({"timeout": U8, "configuration": U8})

    timeout: int
    configuration: int = 0


@dataclass(slots=True)
class EndDeviceTimeoutResponse(Command):
    """End device timeout response; status 0: success, 1: incorrect value.

    Parent information: 0x01 keep-alive by MAC data poll, 0x02 by timeout request, 0x04 power negotiation.
    """

    IDENTIFIER: ClassVar[int] = 0x0C
    LAYOUT: ClassVar[Layout] = Layout({"status": U8, "parent_information": U8})

    status: int
    parent_information: int = 0


@dataclass(slots=True)
class PowerDelta:
    """By how many dB a neighbour should change its power."""

    address: int
    delta_db: int


@dataclass(slots=True)
class LinkPowerDelta(Command):
    """Link power delta (sub-GHz); options: 0 notification, 1 request, 2 response."""

    IDENTIFIER: ClassVar[int] = 0x0D
    LAYOUT: ClassVar[Layout] = Layout(
        {
            "options": U8,
            "#deltas": Count("deltas"),
            "deltas": Repeat(Record(PowerDelta, Layout({"address": U16, "delta_db": S8})), "deltas"),
        }
    )

    options: int
    deltas: list[PowerDelta]


NwkCommand = (
    RouteRequest
    | RouteReply
    | NetworkStatus
    | Leave
    | RouteRecord
    | RejoinRequest
    | RejoinResponse
    | LinkStatus
    | NetworkReport
    | NetworkUpdate
    | EndDeviceTimeoutRequest
    | EndDeviceTimeoutResponse
    | LinkPowerDelta
    | OtherCommand
)
_KINDS: dict[int, type[Command]] = by_identifier(
    RouteRequest,
    RouteReply,
    NetworkStatus,
    Leave,
    RouteRecord,
    RejoinRequest,
    RejoinResponse,
    LinkStatus,
    NetworkReport,
    NetworkUpdate,
    EndDeviceTimeoutRequest,
    EndDeviceTimeoutResponse,
    LinkPowerDelta,
)


def parse_nwk_command(octets: bytes) -> NwkCommand:
    """The command in the (plain) payload of a network command frame."""
    command: NwkCommand = parse_command(octets, _KINDS)
    return command
