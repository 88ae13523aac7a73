"""Link keys shared with partners, and the APS security that rests on them (SEC 4.4)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

from protocols.eui64 import Eui64
from protocols.han import KeySource, LinkKeyChanged, StateChanged
from protocols.zigbee.aps import ApsFrame, build_aps, open_aps
from protocols.zigbee.security import (
    AuxiliaryHeader,
    KeyIdentifier,
    SecurityError,
    load_key,
    mmo_hash,
    transport_key,
)
from protocols.zigbee.stack.constants import MAC_TRANSACTION_PERSISTENCE_S
from protocols.zigbee.stack.core import Core, Refusal
from protocols.zigbee.stack.nwk_tables import AddressMap, OutgoingCounter


@dataclass(slots=True, eq=False)
class LinkKey:
    """A key shared with a partner; ``incoming`` is the lowest counter accepted (apsDeviceKeyPairSet)."""

    partner: Eui64 | None
    key: bytes
    source: KeySource
    incoming: int = 0
    accepted_at: float = float("-inf")
    transport: bytes = field(default=b"", repr=False)
    load: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        if len(self.key) != 16:
            raise ValueError(f"a link key has 16 octets, not {len(self.key)}")

    @property
    def established(self) -> bool:
        """Whether application data may rest on it."""
        return self.source not in (KeySource.INSTALL_CODE, KeySource.HASHED)

    @property
    def lets_rejoin(self) -> bool:
        """Whether its holder may come back through the trust centre."""
        return self.source is not KeySource.INSTALL_CODE

    def for_identifier(self, identifier: KeyIdentifier) -> bytes | None:
        """The key a frame with this key identifier is under; None for the network key."""
        if identifier is KeyIdentifier.LINK:
            return self.key
        if identifier is KeyIdentifier.KEY_TRANSPORT:
            self.transport = self.transport or transport_key(self.key)
            return self.transport
        if identifier is KeyIdentifier.KEY_LOAD:
            self.load = self.load or load_key(self.key)
            return self.load
        return None


class LinkKeys:
    """Link keys by partner, and frames under them.

    ``preconfigured`` is a joiner's install code key, while it does not know who the trust centre is.
    """

    def __init__(self, core: Core, addresses: AddressMap) -> None:
        self._core = core
        self._addresses = addresses
        self.by_partner: dict[Eui64, LinkKey] = {}
        self.preconfigured: LinkKey | None = None
        self.trust_centre: Eui64 | None = None
        self.counter = OutgoingCounter(lambda: core.emit(StateChanged()))
        self.extended_nonce = True
        self.on_unreadable: Callable[[KeyIdentifier], None] = lambda _: None
        self.successor_expected: Callable[[], bool] = lambda: False

    def install(self, partner: Eui64, key: bytes, source: KeySource) -> LinkKey:
        """Take a key in place of the one there was; the same key again changes nothing but its source."""
        known = self.by_partner.get(partner)
        if known is not None and known.key == key:
            known.source = source
            return known
        entry = self.by_partner[partner] = LinkKey(partner, key, source)
        self._core.emit(LinkKeyChanged(partner, source))
        self._core.emit(StateChanged())
        return entry

    def present(self, link: LinkKey | None) -> LinkKey | None:
        """The established key that has taken this one's place, if any has: repeated frames go under it."""
        if link is None or link.partner is None or not link.established:
            return link
        now = self.by_partner.get(link.partner)
        return link if now is None or not now.established else now

    def remove(self, partner: Eui64) -> None:
        """Forget a partner."""
        if self.by_partner.pop(partner, None) is not None:
            self._core.emit(StateChanged())

    def adopt(self, trust_centre: Eui64) -> None:
        """The key we were configured with turned out to be shared with this trust centre."""
        self.trust_centre = trust_centre
        if self.preconfigured is not None:
            entry, self.preconfigured = self.preconfigured, None
            entry.partner = trust_centre
            self.by_partner[trust_centre] = entry
            self._core.emit(LinkKeyChanged(trust_centre, entry.source))

    def _successors_key(self, source: Eui64) -> LinkKey | None:
        """What a replacement trust centre would know of us: the hash of the key we shared with the old one.

        (Smart Energy's trust centre swap-out.)
        """
        old = self.with_trust_centre() if self.successor_expected() else None
        if old is None or not old.established:
            return None
        return LinkKey(source, mmo_hash(old.key), KeySource.HASHED)

    def succeed(self, trust_centre: Eui64, link: LinkKey) -> None:
        """The network has another trust centre now, which proved to know the hash of the old one's key."""
        if self.trust_centre is not None:
            self.by_partner.pop(self.trust_centre, None)
        self.trust_centre = trust_centre
        self.by_partner[trust_centre] = link
        self._core.emit(LinkKeyChanged(trust_centre, link.source))

    def with_trust_centre(self) -> LinkKey | None:
        """The link key shared with the trust centre."""
        return self.by_partner.get(self.trust_centre) if self.trust_centre is not None else None

    def seal(
        self, frame: ApsFrame, link: LinkKey | None, identifier: KeyIdentifier = KeyIdentifier.LINK
    ) -> bytes:
        """The octets of a frame, under this key where one is given, with the next frame counter."""
        if link is None:
            frame.security = None
            return build_aps(frame)
        # Whoever gets a key need not know yet whose short address the frame came from.
        extended = self.extended_nonce or identifier is not KeyIdentifier.LINK
        source = self._core.eui64
        frame.security = AuxiliaryHeader(
            identifier, self.counter.take(), source if extended else None, None, extended
        )
        return build_aps(frame, link.for_identifier(identifier), source)

    def open(self, frame: ApsFrame, short: int, ieee: Eui64 | None) -> tuple[ApsFrame, LinkKey] | None:
        """The frame in plain and the key it was under; notes and refuses what is wrong with its security."""
        security = frame.security
        if security is None or security.key_identifier is KeyIdentifier.NETWORK:
            self._core.refuse("aps", Refusal.UNEXPECTED, short)
            return None
        source = security.source or ieee or self._addresses.eui64(short)
        if source is None:
            self._core.refuse("aps", Refusal.UNKNOWN_SOURCE, short)
            return None
        links = self._candidates(source)
        found, refusal = _opened(frame, source, security.key_identifier, links)
        if found is None:
            self._core.refuse("aps", refusal, source)
            self.on_unreadable(security.key_identifier)
            return None
        opened, link = found
        now = self._core.now()
        if security.frame_counter < link.incoming:
            last = security.frame_counter == link.incoming - 1
            if last and now - link.accepted_at < MAC_TRANSACTION_PERSISTENCE_S:
                # A parent that missed the sleeper's acknowledgement hands over the same frame again.
                self._core.statistics["aps.repeated"] += 1
            else:
                self._core.refuse("aps", Refusal.REPLAY, source, frame.cluster)
            return None
        link.incoming = security.frame_counter + 1
        link.accepted_at = now
        return opened, link

    def _candidates(self, source: Eui64) -> list[LinkKey]:
        """Keys that a frame of this source may be under, the likeliest first."""
        known = self.by_partner.get(source)
        if known is None and self.trust_centre is None:
            known = self.preconfigured
        # A hub that lost its memory and was given its log back knows no more of us than a successor does.
        of_trust_centre = known is None or source == self.trust_centre
        successor = self._successors_key(source) if of_trust_centre else None
        return [link for link in (known, successor) if link is not None]

    def forget_all(self) -> None:
        """Drop everything but what was preconfigured."""
        self.by_partner.clear()
        self.trust_centre = None


def _opened(
    frame: ApsFrame, source: Eui64, identifier: KeyIdentifier, links: list[LinkKey]
) -> tuple[tuple[ApsFrame, LinkKey] | None, Refusal]:
    """The frame in plain and its key, else why it cannot be had."""
    refusal = Refusal.UNKNOWN_KEY
    for link in links:
        key = link.for_identifier(identifier)
        if key is None:
            continue
        refusal = Refusal.BAD_MIC
        with contextlib.suppress(SecurityError):
            return (open_aps(frame, key, source), link), refusal
    return None, refusal
