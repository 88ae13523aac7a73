"""The home area network as a port: join, secure, send and hear at APS level (`HanService`), told by events.

`protocols.zigbee.stack.Node` is one over any `FrameRadio`; a stick with a stack of its own is one by itself.
All calls return at once; what comes of them arrives at the `HanListener` as events, in order. Names are the
ZigBee specification's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from protocols.eui64 import Eui64


class HanRole(StrEnum):
    """What a device is on the HAN. The coordinator is the trust centre too."""

    COORDINATOR = "coordinator"
    ROUTER = "router"
    END_DEVICE = "end-device"  # receiver on
    SLEEPY_END_DEVICE = "sleepy-end-device"

    @property
    def routes(self) -> bool:
        """Whether it carries frames of others and takes children."""
        return self in (HanRole.COORDINATOR, HanRole.ROUTER)


class DeviceState(StrEnum):
    """How far the trust centre trusts a device of its whitelist."""

    LISTED = "listed"  # may join inside its window
    KEY_SENT = "key-sent"  # got the network key under its install code; not heard with it yet
    JOINED = "joined"  # proved to hold the network key; only key establishment is accepted from it
    AUTHORISED = "authorised"  # holds a link key of its own (CBKE)


class JoinRefusal(StrEnum):
    """Why somebody did not get in, as the trust centre (or a parent) tells it."""

    UNKNOWN_EUI64 = "unknown-eui64"  # not on the whitelist
    JOINING_CLOSED = "joining-closed"  # nobody permits joining now
    WINDOW_EXPIRED = "window-expired"  # on the whitelist, too late
    NOT_ANNOUNCED = "not-announced"  # key sent, never heard with it: wrong install code, or out of reach
    NO_CAPACITY = "no-capacity"
    NO_LINK_KEY = "no-link-key"  # trust-centre rejoin without a key that CBKE made
    KEY_ESTABLISHMENT_FAILED = "key-establishment-failed"
    KEY_ESTABLISHMENT_TIMEOUT = "key-establishment-timeout"


class JoinFailure(StrEnum):
    """Why this device is not (or no longer) on a network."""

    NO_NETWORK = "no-network"  # no beacon that fits
    ASSOCIATION_REFUSED = "association-refused"
    NO_RESPONSE = "no-response"  # association or rejoin response did not come
    NO_TRANSPORT_KEY = "no-transport-key"
    TRANSPORT_KEY_UNREADABLE = "transport-key-unreadable"  # wrong install code
    LEFT = "left"  # on request
    REJOIN_REFUSED = "rejoin-refused"
    FORMATION_FAILED = "formation-failed"


class JoinKind(StrEnum):
    """How a device came on the network."""

    ASSOCIATION = "association"
    SECURED_REJOIN = "secured-rejoin"
    TRUST_CENTRE_REJOIN = "trust-centre-rejoin"


class DataStatus(StrEnum):
    """What became of data sent."""

    DONE = "done"  # acknowledged end to end, or sent where no acknowledgement was asked for
    NO_ACK = "no-ack"  # the far end did not acknowledge in time, after all retries
    NO_ROUTE = "no-route"
    NOT_DELIVERED = "not-delivered"  # the next hop did not take it
    NO_KEY = "no-key"  # secured, and there is no link key for this partner
    UNKNOWN_ADDRESS = "unknown-address"  # nobody says the short address of this EUI-64
    TOO_LONG = "too-long"
    NO_NETWORK = "no-network"


class FrameSecurity(StrEnum):
    """What protected a frame that was received."""

    NONE = "none"
    NETWORK = "network"
    LINK = "link"  # APS, with the link key shared with the source


class KeySource(StrEnum):
    """Where a link key came from."""

    INSTALL_CODE = "install-code"
    ESTABLISHED = "established"  # installed from above after CBKE
    TRUST_CENTRE = "trust-centre"  # partner link key
    HASHED = "hashed"  # hash of a key established with the hub before: good for coming back to its successor


@dataclass(slots=True)
class Endpoint:
    """An application endpoint, as its simple descriptor tells it."""

    number: int
    profile: int
    device: int
    input_clusters: tuple[int, ...] = ()
    output_clusters: tuple[int, ...] = ()
    device_version: int = 0


@dataclass(slots=True)
class Network:
    """The network a device is on."""

    channel: int
    pan_id: int
    extended_pan_id: Eui64
    short_address: int
    update_id: int = 0
    parent: int | None = None  # short address; None for the coordinator


@dataclass(slots=True)
class NetworkUp:
    """On a network: formed, joined, rejoined or resumed; data may be sent."""

    network: Network
    rejoined: bool = False


@dataclass(slots=True)
class NetworkDown:
    """Not on a network any more, or not got on one."""

    reason: JoinFailure
    detail: str = ""


@dataclass(slots=True)
class ParentLost:
    """The parent does not answer; rejoining begins by itself."""

    parent: int


@dataclass(slots=True)
class DeviceJoined:
    """Trust centre: a device proved to hold the network key."""

    eui64: Eui64
    short_address: int
    parent: int
    kind: JoinKind


@dataclass(slots=True)
class DeviceAuthorised:
    """Trust centre: a device has a link key of its own; everything is accepted from it."""

    eui64: Eui64


@dataclass(slots=True)
class DeviceLeft:
    """A device left, was removed, or (from its parent) was not heard for its end device timeout."""

    eui64: Eui64
    aged: bool = False


@dataclass(slots=True)
class DeviceAnnounced:
    """A device tells its short address (ZDP Device_annce)."""

    eui64: Eui64
    short_address: int
    capability: int


@dataclass(slots=True)
class JoinRefused:
    """Somebody wanted to join or rejoin, and may not."""

    eui64: Eui64
    reason: JoinRefusal


@dataclass(slots=True)
class DataReceived:
    """APS data for one of our endpoints. ``source`` is None: nobody told whose ``short_address`` it is."""

    source: Eui64 | None
    short_address: int
    profile: int
    cluster: int
    source_endpoint: int
    destination_endpoint: int
    payload: bytes
    security: FrameSecurity
    broadcast: bool = False
    lqi: int = 255
    rssi_dbm: int = 0


@dataclass(slots=True)
class DataConfirmed:
    """Data sent with this token is over."""

    token: int
    status: DataStatus


@dataclass(slots=True)
class LinkKeyChanged:
    """There is a (new) link key shared with this partner."""

    partner: Eui64
    source: KeySource


@dataclass(slots=True)
class LinkKeyRefused:
    """No partner link key came of ``request_link_key`` in time."""

    partner: Eui64


@dataclass(slots=True)
class NetworkKeyChanged:
    """Frames are secured with this network key from now on."""

    sequence: int


@dataclass(slots=True)
class FrameRefused:
    """A frame that was not accepted for a reason a test may ask for: replay, bad MIC, policy.

    ``reason`` is one of `protocols.zigbee.stack.core.Refusal`. Malformed frames only count
    (``Node.statistics``).
    """

    layer: str
    reason: str
    source: Eui64 | int | None
    cluster: int | None = None


@dataclass(slots=True)
class AddressConflict:
    """Two devices use one short address; the ones concerned choose again."""

    short_address: int


@dataclass(slots=True)
class PanIdConflict:
    """Another network uses our PAN identifier; the coordinator moves to ``pan_id``."""

    pan_id: int


@dataclass(slots=True)
class StateChanged:
    """Something worth keeping over a power cut changed (``state()`` gives it); before counters are used."""


HanEvent = (
    NetworkUp
    | NetworkDown
    | ParentLost
    | DeviceJoined
    | DeviceAuthorised
    | DeviceLeft
    | DeviceAnnounced
    | JoinRefused
    | DataReceived
    | DataConfirmed
    | LinkKeyChanged
    | LinkKeyRefused
    | NetworkKeyChanged
    | FrameRefused
    | AddressConflict
    | PanIdConflict
    | StateChanged
)


class HanListener(Protocol):
    """Who hears what happens on the HAN."""

    def han_event(self, event: HanEvent) -> None:
        """Take one event; calls back into the service are allowed."""


@runtime_checkable
class HanService(Protocol):
    """One device on the HAN."""

    @property
    def eui64(self) -> Eui64:
        """This device's identifier."""

    @property
    def role(self) -> HanRole:
        """What this device is."""

    @property
    def network(self) -> Network | None:
        """Where it is now; None while on no network."""

    def listen(self, listener: HanListener | None) -> None:
        """Hand events to this listener from now on."""

    def add_endpoint(self, endpoint: Endpoint) -> None:
        """Register an application endpoint (1 to 240)."""

    def form(self, channels: tuple[int, ...], extended_pan_id: Eui64 | None = None) -> None:
        """Coordinator: form a network on the best of these channels; NetworkUp or NetworkDown follows."""

    def allow_device(
        self,
        eui64: Eui64,
        link_key: bytes,
        join_time_s: float,
        source: KeySource = KeySource.INSTALL_CODE,
    ) -> None:
        """Trust centre: this device may join with this link key for so long.

        ``source`` ESTABLISHED: a key that key establishment made before (historic log); HASHED: the hash of
        one made with another hub, with which the device may come back, at any time, for a key of its own. A
        device that is listed already keeps its key; only its window opens again.
        """

    def permit_joining(self, duration_s: float) -> None:
        """Open (0: close) the join window of the network; allow_device opens it by itself."""

    def remove_device(self, eui64: Eui64) -> None:
        """Trust centre: strike a device off the whitelist and off the network."""

    def device_state(self, eui64: Eui64) -> DeviceState | None:
        """Trust centre: how far this device is trusted; None when it is not listed."""

    def join(self, link_key: bytes, channels: tuple[int, ...], extended_pan_id: Eui64 | None = None) -> None:
        """Join with this (install code) link key; NetworkUp or NetworkDown follows."""

    def rejoin(self) -> None:
        """Come back to the network known; NetworkUp follows when that worked."""

    def leave(self) -> None:
        """Leave the network; NetworkDown follows."""

    def send(
        self,
        destination: Eui64 | int,
        *,
        profile: int,
        cluster: int,
        source_endpoint: int,
        destination_endpoint: int,
        payload: bytes,
        secured: bool | None = None,
        acknowledged: bool = True,
    ) -> int:
        """Send APS data; the token returned comes back in DataConfirmed.

        ``secured`` None: as the cluster demands (application link key for all Smart Energy clusters but key
        establishment and basic). Long payloads are fragmented.
        """

    def install_link_key(self, partner: Eui64, key: bytes) -> None:
        """Take a key that key establishment (CBKE) made; on the trust centre this authorises the partner."""

    def key_establishment_failed(self, partner: Eui64) -> None:
        """Tell that CBKE with this partner failed; the trust centre removes it."""

    def request_link_key(self, partner: Eui64) -> None:
        """Ask the trust centre for a link key with a partner; LinkKeyChanged or LinkKeyRefused follows."""

    def refresh_network_key(self) -> None:
        """Trust centre: distribute a new network key and switch to it; NetworkKeyChanged follows."""
