"""A HAN of all roles under attack by a member gone mad: recorded frames, what is made of them, and what must hold.

Whoever attacks holds every key: what it damages is sealed again by the layers above the damage, so that it gets
past them. Frames reach the target as its radio would hand them over; what the target does then is on the air.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from functools import cache

from protocols.eui64 import Eui64
from protocols.han import HanRole
from protocols.ota import OtaHeader, OtaImage, build_ota
from protocols.radio import ReceivedFrame
from protocols.zigbee.aps import ApsFrame, ApsFrameType
from protocols.zigbee.mac import FrameType, MacFrame, build_mac, parse_mac
from protocols.zigbee.nwk import NwkFrame, NwkFrameType, SourceRoute, build_nwk
from protocols.zigbee.security import AuxiliaryHeader, KeyIdentifier
from protocols.zigbee.smart_energy.events import MessageDelivered
from protocols.zigbee.smart_energy.settings import DeviceType
from protocols.zigbee.stack.link_keys import LinkKey
from protocols.zigbee.zcl.clusters import load
from protocols.zigbee.zdp import ZdpCluster
from tests.fuzz.test_mutations import mutate
from tests.smart_energy_han import CHANNELS, KEY, Han, Member

TYPES = {
    HanRole.ROUTER: DeviceType.ESME,
    HanRole.END_DEVICE: DeviceType.PPMID,
    HanRole.SLEEPY_END_DEVICE: DeviceType.GSME,
}
KEPT = 40  # different frames of one kind
AIRTIME_S = 0.004
ZDP_CLUSTERS = (*range(0x40), *range(0x8000, 0x8040))
IDENTIFIERS = (None, KeyIdentifier.LINK, KeyIdentifier.KEY_TRANSPORT, KeyIdentifier.KEY_LOAD)
SENDING_AWAY = (b"\x04", b"\x07", b"\x0a")  # leave, rejoin response, network update: meant to do that
MANAGING = (ZdpCluster.MGMT_LEAVE_REQ, ZdpCluster.MGMT_NWK_UPDATE_REQ)
SPARED = 0.98
BROADCASTS = (0xFFFC, 0xFFFD, 0xFFFF)
Kind = tuple[ApsFrameType, int | None, int | None]


@dataclass(slots=True)
class Said:
    """An APS frame in plain, and which of the link key's keys it went under."""

    frame: ApsFrame
    identifier: KeyIdentifier | None


@dataclass(slots=True)
class Corpus:
    """Frames of how a HAN came to be and worked, in plain, by layer."""

    mac: list[MacFrame] = field(default_factory=list)
    commands: list[bytes] = field(default_factory=list)  # of the NWK layer
    aps: dict[Kind, list[Said]] = field(default_factory=dict)

    def hear(self, member: Member) -> None:
        """Note what this member's layers seal from now on."""
        nwk, keys = member.node.nwk, member.node.aps.keys
        seal_nwk, seal_aps = nwk.seal, keys.seal

        def network(frame: NwkFrame, *, secured: bool = True) -> bytes:
            if frame.frame_type is NwkFrameType.COMMAND and frame.payload not in self.commands:
                self.commands.append(frame.payload)
            return seal_nwk(frame, secured=secured)

        def application(
            frame: ApsFrame, link: LinkKey | None, identifier: KeyIdentifier = KeyIdentifier.LINK
        ) -> bytes:
            command = frame.payload[0] if frame.frame_type is ApsFrameType.COMMAND else frame.profile
            known = self.aps.setdefault((frame.frame_type, command, frame.cluster), [])
            if len(known) < KEPT and all(frame.payload != other.frame.payload for other in known):
                known.append(Said(replace(frame), None if link is None else identifier))
            return seal_aps(frame, link, identifier)

        nwk.seal, keys.seal = network, application


@cache
def corpus() -> Corpus:
    """All that a HAN of four says while it is commissioned and works."""
    found = Corpus()
    octets: dict[bytes, None] = {}
    han = Han(seed=77)
    han.medium.tap(lambda frame: octets.setdefault(frame.psdu[:-2]))
    found.hear(han.hub)
    for number, device_type in enumerate(TYPES.values()):
        member = han.device(device_type, 0xA0 + number)
        found.hear(member)
        han.join(member)
        han.hub.app.send_message(member.eui64, bytes(range(200)))
        member.app.send_message(bytes(range(60)))
        member.app.wake()
        image = OtaImage(OtaHeader(0x121D, 0, 2, 0, 0xFFFF), random.Random(number).randbytes(1500))
        han.hub.app.deliver_image(member.eui64, build_ota(image))
        han.run(40)
        member.node.request_link_key(han.members[0].eui64)
        member.node.request_link_key(han.members[number - 1].eui64)
    han.run(100)
    han.hub.node.refresh_network_key()
    han.run(60)
    han.members[1].node.leave()
    han.hub.app.remove(han.members[0].eui64)
    han.run(30)
    kinds: dict[object, list[MacFrame]] = {}
    for each in octets:
        frame = parse_mac(each)
        kinds.setdefault((frame.frame_type, frame.payload[:1], len(frame.payload)), []).append(frame)
    found.mac = [frame for frames in kinds.values() for frame in frames[:KEPT]]
    return found


class Attack:
    """A commissioned HAN, and one of its members that hears what `frame` makes."""

    def __init__(self, role: HanRole, seed: object) -> None:
        self.corpus = corpus()
        self._data = [kind for kind in self.corpus.aps if kind[0] is ApsFrameType.DATA]
        self._rest = [kind for kind in self.corpus.aps if kind[0] is not ApsFrameType.DATA]
        self._clusters = [*ZDP_CLUSTERS, *load()]
        self.han = han = Han(seed=random.Random(f"{seed}").randrange(1 << 30))
        self.by_role = {HanRole.COORDINATOR: han.hub}
        for number, (each, device_type) in enumerate(TYPES.items()):
            self.by_role[each] = han.join(han.device(device_type, 0xA0 + number), 20)
        self.target = self.by_role[role]
        self.others = [member for member in self.by_role.values() if member is not self.target]
        self.outcomes: Counter[str] = Counter()
        for member in self.by_role.values():
            member.events = deque(maxlen=100)
        self.check()

    # What is sent

    def frame(self, rng: random.Random) -> bytes:
        """The next hostile frame: MAC octets."""
        way = rng.randrange(10)
        if way == 0:
            return mutate(rng, build_mac(rng.choice(self.corpus.mac)), build_mac(rng.choice(self.corpus.mac)))
        if way == 1:
            return self._mac(rng)
        sender = self.others[0] if rng.random() < 0.6 else rng.choice(self.others)
        if way == 2:
            sealed = self._network(rng, sender, self._application(rng, sender))
            return self._carried(rng, sender, mutate(rng, sealed, b"\xff"))
        if way == 3:
            command = damage(rng, rng.choice(self.corpus.commands), rng.choice(self.corpus.commands))
            if command[:1] in SENDING_AWAY and rng.random() < SPARED:
                command = rng.randbytes(1) + command
            return self._carried(rng, sender, self._network(rng, sender, command, NwkFrameType.COMMAND))
        octets = self._application(rng, sender)
        if way == 4:
            octets = mutate(rng, octets, octets)
        return self._carried(rng, sender, self._network(rng, sender, octets))

    def _mac(self, rng: random.Random) -> bytes:
        """A frame as the MAC has them, for this target now, from anybody."""
        frame = replace(rng.choice(self.corpus.mac), sequence=rng.randrange(256))
        node = self.target.node
        pan = node.mac.settings.pan_id
        if frame.destination_pan not in (None, 0xFFFF):
            frame.destination_pan = pan
            frame.destination = node.eui64 if isinstance(frame.destination, Eui64) else node.nwk.short
        if frame.source is not None:
            frame.source_pan = pan
            if isinstance(frame.source, Eui64):
                frame.source = rng.choice([Eui64(rng.randbytes(8)), *(each.eui64 for each in self.others)])
            else:
                frame.source = rng.choice(
                    [rng.randrange(65536), *(each.node.nwk.short for each in self.others)]
                )
        frame.payload = damage(rng, frame.payload, frame.payload)
        return build_mac(frame)[:125]

    def _carried(self, rng: random.Random, sender: Member, octets: bytes) -> bytes:
        """Network octets in a MAC data frame."""
        mac, source = self.target.node.mac.settings, sender.node.nwk.short
        if rng.random() < 0.05:
            source = rng.choice((rng.randrange(65536), 0xFFFF, mac.short_address))
        return build_mac(
            MacFrame(
                FrameType.DATA, rng.randrange(256), mac.pan_id, mac.short_address, mac.pan_id, source, octets
            )
        )

    def _network(
        self, rng: random.Random, sender: Member, payload: bytes, kind: NwkFrameType = NwkFrameType.DATA
    ) -> bytes:
        """A network frame under the network key."""
        nwk, target = sender.node.nwk, self.target.node.nwk
        destination = rng.choice(BROADCASTS) if rng.random() < 0.08 else target.short
        frame = nwk.frame(kind, destination, payload)
        claimed = sender.eui64
        if rng.random() < 0.1:
            self._unusual(rng, frame)
            if rng.random() < 0.3:
                claimed = Eui64(rng.randbytes(8))
        key = target.keys.active or self.han.hub.node.nwk.keys.active
        if key is None or rng.random() < 0.01:
            return build_nwk(frame)
        frame.security = AuxiliaryHeader(KeyIdentifier.NETWORK, nwk.counter.take(), claimed, key.sequence)
        return build_nwk(frame, key.key)

    def _unusual(self, rng: random.Random, frame: NwkFrame) -> None:
        shorts = [0, rng.randrange(65536), *(each.node.nwk.short for each in self.by_role.values())]
        eui64s = [None, Eui64(rng.randbytes(8)), *(each.eui64 for each in self.by_role.values())]
        frame.source = rng.choice(shorts)
        frame.radius = rng.choice((0, 1, 2, 30, 255))
        frame.source_ieee, frame.destination_ieee = rng.choice(eui64s), rng.choice(eui64s)
        frame.discover_route = rng.randrange(4)
        match rng.randrange(4):
            case 0:
                frame.destination = rng.choice(shorts)
            case 1:
                relays = tuple(rng.choice(shorts) for _ in range(rng.randrange(5)))
                frame.source_route = SourceRoute(rng.randrange(len(relays) or 1), relays)

    def _application(self, rng: random.Random, sender: Member) -> bytes:
        """An APS frame, damaged within, under the link key shared with the target where there is one."""
        said = self.corpus.aps[rng.choice(self._data if rng.random() < 0.75 else self._rest)]
        known, other = rng.choice(said), rng.choice(said)
        payload = damage(rng, known.frame.payload, other.frame.payload)
        frame = replace(known.frame, counter=sender.node.aps.next_counter(), payload=payload)
        if frame.cluster is not None and rng.random() < 0.1:
            frame.cluster = rng.choice(self._clusters)
            if frame.cluster in MANAGING and rng.random() < SPARED:
                frame.cluster = ZdpCluster.NODE_DESC_REQ
        keys = sender.node.aps.keys
        link = keys.by_partner.get(self.target.eui64)
        identifier = known.identifier if rng.random() < 0.95 else rng.choice(IDENTIFIERS)
        if link is None or identifier is None:
            return keys.seal(frame, None)
        return keys.seal(frame, link, identifier)

    # What becomes of it

    def send(self, rng: random.Random) -> None:
        """Let the target hear one frame, and go on for as long as the air needs for it."""
        octets = self.frame(rng)
        node, scheduler = self.target.node, self.han.scheduler
        heard = ReceivedFrame(
            octets, node.mac.settings.channel, scheduler.time(), -50, 255, rng.random() < 0.3
        )
        try:
            node.mac.frame_received(heard)
            scheduler.run(scheduler.time() + AIRTIME_S)
        except Exception as error:
            raise AssertionError(f"{error!r} for {octets.hex()}") from error

    @property
    def target_is_away(self) -> bool:
        """Whether the target was sent away, so that it hears nothing much."""
        return self.target is not self.han.hub and not self._belongs(self.target)

    def check(self) -> None:
        """Messages go both ways between hub and every device. Who was sent away, joins anew."""
        self.han.run(30)
        for member in self.by_role.values():
            own = [name for name in member.node.statistics if name.startswith("own.")]
            assert not own, f"{member.role}: {own}"
        for member in self.by_role.values():
            if member is self.han.hub or self._works(member):
                continue
            if self._belongs(member):
                assert self._heals(member), f"{member.role} does not come back"
            else:
                self._revive(member)
                assert self._works(member), f"{member.role} does not work any more"

    def _heals(self, member: Member) -> bool:
        """Whether keep-alive and rejoining bring it back, or it finds out that it does not belong here."""
        # The last wait is for the longest keep-alive interval that somebody may have told the device.
        for wait_s in (*[600] * 6, 3600, 40 * 3600):
            self.han.run(wait_s)
            if not self._belongs(member):
                self._revive(member)
            if self._works(member):
                self.outcomes[f"{member.role.value} came back by itself"] += 1
                return True
        return False

    def _belongs(self, member: Member) -> bool:
        hub = self.han.hub
        return hub.app.is_commissioned(member.eui64) and member.app.hub == hub.eui64

    def _works(self, member: Member) -> bool:
        hub = self.han.hub
        for _ in range(3):
            if not self._belongs(member):
                return False
            wanted = [
                (hub, MessageDelivered(hub.app.send_message(member.eui64, b"still"), member.eui64)),
                (member, MessageDelivered(member.app.send_message(b"here"), hub.eui64)),
            ]
            for _ in range(30):
                member.app.wake()
                self.han.run(4)
                if all(event in who.events for who, event in wanted):
                    return True
        return False

    def _revive(self, member: Member) -> None:
        hub = self.han.hub
        self.outcomes[f"{member.role.value} had been sent away"] += 1
        hub.app.remove(member.eui64)
        member.app.leave()
        self.han.run(30)
        self.han.allow(member)
        member.app.join(KEY, CHANNELS)
        self.han.run(60)


def damage(rng: random.Random, octets: bytes, other: bytes) -> bytes:
    """Mutated, mostly; what is right comes at a wrong moment."""
    if rng.random() < 0.15:
        return octets
    return mutate(rng, octets, other or b"\x00")[:100]


def sizes(root: object) -> dict[str, int]:
    """How many entries each container has that can be reached from our own objects, by path."""
    found: dict[str, int] = {}
    seen: set[int] = set()
    waiting: list[tuple[str, object]] = [("", root)]
    while waiting:
        path, thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, (dict, list, set, deque)):
            found[path] = max(found.get(path, 0), len(thing))
            inner = thing.values() if isinstance(thing, dict) else thing
            waiting += [(f"{path}[]", each) for each in inner]
        elif type(thing).__module__.startswith("protocols."):
            names = [*getattr(thing, "__dict__", ()), *getattr(type(thing), "__slots__", ())]
            waiting += [(f"{path}.{name}", getattr(thing, name, None)) for name in names]
    return found
