"""What hub and devices tell their listener."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from protocols.eui64 import Eui64
from protocols.han import HanEvent, JoinFailure, JoinKind, JoinRefusal


class NotDelivered(StrEnum):
    """Why a message did not reach its device."""

    NOT_ON_NETWORK = "not-on-network"  # never commissioned, gone, or removed meanwhile
    NO_ANSWER = "no-answer"  # the HAN could not deliver it (0x8F84 for an ESME)
    TUNNEL_REFUSED = "tunnel-refused"  # (0x81BA)
    REFUSED = "refused"  # the far end answered with an error
    TOO_LONG = "too-long"  # does not fit a transfer: split it with general block transfer first
    QUEUE_FULL = "queue-full"
    NOT_RETRIEVED = "not-retrieved"  # a sleeper did not fetch it in time (0x819D)
    REMOVED = "removed"  # forgotten by order


class ImageFailure(StrEnum):
    """Why an image did not reach its device."""

    NOT_ON_NETWORK = "not-on-network"
    NOT_AN_IMAGE = "not-an-image"  # no OTA file
    NOT_WANTED = "not-wanted"  # the device asked, and the image does not fit it (type, version, hardware)
    NOT_ASKED = "not-asked"  # the device never came for it
    STALLED = "stalled"  # it began, and came no more
    REFUSED = "refused"  # whole, but the device found it wrong
    REPLACED = "replaced"  # by another image for the device, or withdrawn


class KeyFailure(StrEnum):
    """Why a device did not get its link key with the hub; more in the event's ``detail``."""

    REFUSED = "key-establishment-refused"  # by either side: issuer, confirmation, certificate
    NO_ANSWER = "key-establishment-no-answer"


# ---------------------------------------------------------------- both sides


@dataclass(slots=True)
class MessageFrom:
    """A message arrived by the tunnel; the octets of PUT and GET-RESPONSE before it are taken off."""

    partner: Eui64
    octets: bytes


@dataclass(slots=True)
class MessageDelivered:
    """The message sent with this token is at its partner."""

    token: int
    partner: Eui64


@dataclass(slots=True)
class MessageNotDelivered:
    """The message sent with this token did not arrive, or may not have."""

    token: int
    partner: Eui64
    reason: NotDelivered


@dataclass(slots=True)
class TunnelOpened:
    """There is a tunnel with this partner; ``requested`` by us."""

    partner: Eui64
    requested: bool


@dataclass(slots=True)
class TunnelClosed:
    """The tunnel is closed, by either side or since it was idle."""

    partner: Eui64


@dataclass(slots=True)
class TunnelRefused:
    """A tunnel was refused with this status of RequestTunnelResponse (0x81BA), ``by_partner`` or by us."""

    partner: Eui64
    status: int
    by_partner: bool


@dataclass(slots=True)
class TunnelCloseRefused:
    """The partner refused to close a tunnel (0x81A4)."""

    partner: Eui64
    status: int


@dataclass(slots=True)
class KeepState:
    """``state()`` changed and should be kept before the next power cut. The service has its own."""


@dataclass(slots=True)
class Malformed:
    """ZCL octets that do not follow their layout, or a command nobody expects.

    Only the first per partner, cluster and reason is told; all are counted in ``statistics``.
    """

    partner: Eui64 | None
    cluster: int
    reason: str


@dataclass(slots=True)
class HanSaid:
    """An event of the HAN service, passed on after it was acted on (data and confirmations are not)."""

    event: HanEvent


# ---------------------------------------------------------------- the hub


@dataclass(slots=True)
class HubUp:
    """The HAN stands: formed, or taken up again after a restart."""

    resumed: bool


@dataclass(slots=True)
class DeviceJoinedHan:
    """A device has the network key; key establishment follows unless it has a link key from before."""

    eui64: Eui64
    kind: JoinKind


@dataclass(slots=True)
class DeviceCommissioned:
    """Key establishment succeeded: the device has a link key of its own (CS14 now carries its hash).

    Comes again with a new key when the device establishes one anew. ``link_key`` is empty where the device
    came back with a key from before.
    """

    eui64: Eui64
    link_key: bytes = field(default=b"", repr=False)


@dataclass(slots=True)
class DeviceReady:
    """The device can be sent messages: its tunnel is open (and, GSME, its mirror stands)."""

    eui64: Eui64


@dataclass(slots=True)
class JoinFailed:
    """A device did not get in (0x8F48); ``detail`` is for people."""

    eui64: Eui64
    reason: JoinRefusal
    detail: str = ""


@dataclass(slots=True)
class DeviceGone:
    """A device left, was removed, or (``aged``) was not heard for too long."""

    eui64: Eui64
    aged: bool = False


@dataclass(slots=True)
class MirrorCreated:
    """A GSME asked for its mirror; it stands at this endpoint of the hub."""

    eui64: Eui64
    endpoint: int


@dataclass(slots=True)
class MirrorUpdated:
    """A GSME reported: values by (cluster, attribute), those that came now."""

    eui64: Eui64
    attributes: dict[tuple[int, int], Any]


@dataclass(slots=True)
class MirrorPublished:
    """A GSME published a snapshot, samples or a log to its mirror: the command's number and payload."""

    eui64: Eui64
    cluster: int
    command: int
    payload: bytes


@dataclass(slots=True)
class MirrorReported:
    """This GSME has reported all attributes to its mirror; it is awake, so logs can follow (``publish``)."""


@dataclass(slots=True)
class ImageStarted:
    """A device began to fetch its image."""

    token: int
    eui64: Eui64


@dataclass(slots=True)
class ImageDelivered:
    """A device has the whole image and found it right."""

    token: int
    eui64: Eui64


@dataclass(slots=True)
class ImageFailed:
    """An image did not get to its device; ``status`` is the ZCL status of the device where it gave one."""

    token: int
    eui64: Eui64
    reason: ImageFailure
    status: int | None = None


# ---------------------------------------------------------------- a device


@dataclass(slots=True)
class Joined:
    """On this hub's HAN with a link key of its own (CBKE done)."""

    hub: Eui64
    link_key: bytes = field(default=b"", repr=False)


@dataclass(slots=True)
class Ready:
    """Commissioned to the end: time asked for, (GSME) mirror and scheme set, tunnel open."""

    hub: Eui64


@dataclass(slots=True)
class Rejoined:
    """Back on the HAN after a restart or after the hub was lost."""

    hub: Eui64


@dataclass(slots=True)
class NotJoined:
    """Joining failed; the device is on no network."""

    reason: JoinFailure | KeyFailure
    detail: str = ""


@dataclass(slots=True)
class Left:
    """Not on the HAN any more: left, or removed by the hub."""


@dataclass(slots=True)
class HubLost:
    """The keep-alive found no answer; the device looks for its network."""


@dataclass(slots=True)
class TimeRead:
    """The hub's time; None while the hub has none."""

    time: datetime | None


@dataclass(slots=True)
class PartnerReady:
    """There is a link key with this partner: application data may flow both ways."""

    partner: Eui64


@dataclass(slots=True)
class PartnerFailed:
    """No link key with this partner could be had."""

    partner: Eui64


@dataclass(slots=True)
class FlagsRaised:
    """A GSME found these notification flags set and acts on them (bits it ignores are left out).

    ``attribute`` is 0 for the functional flags, 3 for NotificationFlags4. New firmware (bit 0), key update
    (1) and tunnel message pending (21) are seen to by the device itself.
    """

    attribute: int
    flags: int


@dataclass(slots=True)
class ImageReceived:
    """A whole OTA file arrived and was found right; the device waits to be told to run it."""

    octets: bytes = field(repr=False)


@dataclass(slots=True)
class ImageNotReceived:
    """A transfer ended without an image (ZCL ``status``); what is ``kept`` is resumed at the next offer."""

    status: int
    kept: bool


@dataclass(slots=True)
class UpgradeDue:
    """The hub says: run the image now (PPMID and HCALCS; meters wait for CS06)."""


@dataclass(slots=True)
class UpgradePostponed:
    """The hub knows that the image is here, and leaves running it to somebody else (CS06)."""


SmartEnergyEvent = (
    MessageFrom
    | MessageDelivered
    | MessageNotDelivered
    | TunnelOpened
    | TunnelClosed
    | TunnelRefused
    | TunnelCloseRefused
    | KeepState
    | Malformed
    | HanSaid
    | HubUp
    | DeviceJoinedHan
    | DeviceCommissioned
    | DeviceReady
    | JoinFailed
    | DeviceGone
    | MirrorCreated
    | MirrorUpdated
    | MirrorPublished
    | MirrorReported
    | ImageStarted
    | ImageDelivered
    | ImageFailed
    | Joined
    | Ready
    | Rejoined
    | NotJoined
    | Left
    | HubLost
    | TimeRead
    | PartnerReady
    | PartnerFailed
    | FlagsRaised
    | ImageReceived
    | ImageNotReceived
    | UpgradeDue
    | UpgradePostponed
)


class SmartEnergyListener(Protocol):
    """Who hears what happens."""

    def smart_energy_event(self, event: SmartEnergyEvent) -> None:
        """Take one event; calls back into hub or device are allowed."""
