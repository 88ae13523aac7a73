"""The mirror that the hub keeps of a sleepy GSME: where it reports to, and finds its flags (ZSE 1.4 D.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import IntFlag
from typing import Any

from protocols.eui64 import Eui64
from protocols.han import Endpoint
from protocols.zigbee.smart_energy.context import Context
from protocols.zigbee.smart_energy.events import MirrorCreated, MirrorPublished, MirrorUpdated
from protocols.zigbee.smart_energy.settings import (
    BASIC,
    EVENTS,
    FIRST_MIRROR_ENDPOINT,
    GAS_ENDPOINT,
    METERING,
    METERING_DEVICE,
    PREPAYMENT,
    PROFILE,
)
from protocols.zigbee.smart_energy.zcl_attributes import Attributes
from protocols.zigbee.smart_energy.zcl_endpoint import ZclLayer
from protocols.zigbee.smart_energy.zcl_exchange import Answer, Incoming, Result
from protocols.zigbee.zcl.foundation import Status, parse_message
from protocols.zigbee.zcl.frame import FrameType, ZclFrame

FUNCTIONAL, FLAGS_4 = 0, 3
"""Attributes of the mirror's client side that a GSME acts on."""
FLAG_ATTRIBUTES = range(5)
SCHEME_A, SCHEME_B = 0x01, 0x02
NO_MIRROR = 0xFFFF
_FLAGS_OF_SCHEME = {SCHEME_A: 1, SCHEME_B: 5}
_MIRRORED = (METERING, PREPAYMENT, BASIC)
_ATTRIBUTES = 512  # kept of one meter


class Flag(IntFlag):
    """Functional notification flags that a GSME acts on (devices.md 5)."""

    NEW_FIRMWARE = 1 << 0
    KEY_UPDATE = 1 << 1
    STAY_AWAKE_HAN = 1 << 4
    STAY_AWAKE_WAN = 1 << 5
    PUSH_HISTORICAL_METERING = 0b111 << 6
    PUSH_HISTORICAL_PREPAYMENT = 0b111 << 9
    PUSH_BASIC = 1 << 12
    PUSH_METERING = 1 << 13
    PUSH_PREPAYMENT = 1 << 14
    NETWORK_KEY_ACTIVE = 1 << 15
    TUNNEL_MESSAGE_PENDING = 1 << 21
    GET_SNAPSHOT = 1 << 22
    GET_SAMPLED_DATA = 1 << 23


PUSH_FLAGS = Flag(0x7FC0)
# What a meter publishes to its mirror, and the flag that is answered by it.
_PUBLISHED = {
    (METERING, "Publish Snapshot"): Flag.GET_SNAPSHOT,
    (METERING, "Get Sampled Data Response"): Flag.GET_SAMPLED_DATA,
    (PREPAYMENT, "Publish Prepay Snapshot"): Flag(0),
    (PREPAYMENT, "Publish Top Up Log"): Flag(0),
    (PREPAYMENT, "Publish Debt Log"): Flag(0),
}
FUNCTIONAL_ACTED_ON = int(
    Flag.NEW_FIRMWARE | Flag.KEY_UPDATE | Flag.STAY_AWAKE_HAN | Flag.STAY_AWAKE_WAN | PUSH_FLAGS
    | Flag.NETWORK_KEY_ACTIVE | Flag.TUNNEL_MESSAGE_PENDING | Flag.GET_SNAPSHOT | Flag.GET_SAMPLED_DATA
)  # fmt: skip
FLAGS_4_ACTED_ON = 1 << 6 | 1 << 7 | 1 << 9  # prepayment snapshot, top-up log, debt repayment log


def mirror_endpoints(limit: int) -> list[Endpoint]:
    """The endpoints of so many mirrors, for services that take endpoints before there is a network only."""
    numbers = range(FIRST_MIRROR_ENDPOINT, FIRST_MIRROR_ENDPOINT + limit)
    return [Endpoint(number, PROFILE, METERING_DEVICE, _MIRRORED, _MIRRORED) for number in numbers]


@dataclass(slots=True, eq=False)
class Mirror:
    """One meter's mirror. ``shown`` are the flags that the meter has seen since they were set."""

    owner: Eui64
    endpoint: int
    scheme: int = 0
    reporting: bool = False
    flags: list[int] = field(default_factory=lambda: [0] * len(FLAG_ATTRIBUTES))
    shown: int = 0
    values: dict[tuple[int, int], Any] = field(default_factory=dict)


class MirrorHost:
    """The hub's side. ``may_have`` says who gets a mirror, ``readers`` who may read those there are.

    ``history`` answers readers that ask for snapshots or samples.
    """

    def __init__(self, context: Context, zcl: ZclLayer, limit: int) -> None:
        self._context = context
        self._zcl = zcl
        self._limit = limit
        self._flags: dict[Eui64, list[int]] = {}  # of meters without a mirror yet
        self.mirrors: dict[Eui64, Mirror] = {}
        self.endpoints: dict[int, Mirror | None] = {}
        self.may_have: Callable[[Eui64], bool] = lambda _: True
        self.readers: Callable[[Eui64], bool] = lambda _: True
        self.history: Callable[[Incoming], Result] = lambda _: Status.UNSUPPORTED_CLUSTER_COMMAND
        zcl.side(GAS_ENDPOINT, METERING, client=True).commands = self._ask
        zcl.side(GAS_ENDPOINT, EVENTS, client=True).commands = self._logged

    # Flags

    def flags(self, owner: Eui64) -> list[int]:
        """A meter's five flag attributes."""
        mirror = self.mirrors.get(owner)
        return (
            mirror.flags if mirror is not None else self._flags.setdefault(owner, [0] * len(FLAG_ATTRIBUTES))
        )

    def change_flags(self, owner: Eui64, attribute: int, *, set_bits: int = 0, clear_bits: int = 0) -> None:
        """Set and clear bits of a flag attribute."""
        flags = self.flags(owner)
        changed = (flags[attribute] | set_bits) & ~clear_bits & 0xFFFF_FFFF
        if changed != flags[attribute]:
            flags[attribute] = changed
            mirror = self.mirrors.get(owner)
            if mirror is not None and attribute == FUNCTIONAL:
                mirror.shown &= ~set_bits
            self._context.keep()

    # Mirrors

    def _ask(self, incoming: Incoming) -> Result:
        """What a meter says at the gas interface's endpoint."""
        if incoming.name == "Request Mirror":
            mirror = self._mirror_for(incoming.partner)
            return Answer(
                "Request Mirror Response", {"Endpoint ID": NO_MIRROR if mirror is None else mirror.endpoint}
            )
        if incoming.name == "Remove Mirror":
            mirror = self.mirrors.get(incoming.partner)
            if mirror is None:
                return Status.NOT_FOUND
            self.remove(incoming.partner)
            return Answer("Mirror Removed", {"Endpoint ID": mirror.endpoint})
        return Status.UNSUPPORTED_CLUSTER_COMMAND

    def _logged(self, incoming: Incoming) -> Result:
        """Events that a meter publishes; a mirror endpoint has no such cluster."""
        if incoming.partner not in self.mirrors:
            return Status.NOT_AUTHORISED
        if incoming.name != "Publish Event Log":
            return Status.UNSUPPORTED_CLUSTER_COMMAND
        frame = incoming.message.frame
        self._context.emit(MirrorPublished(incoming.partner, EVENTS, frame.command, frame.payload))
        return Status.SUCCESS

    def _mirror_for(self, owner: Eui64) -> Mirror | None:
        mirror = self.mirrors.get(owner)
        if mirror is not None:
            return mirror
        if not self.may_have(owner):
            return None
        free = next((number for number, user in self.endpoints.items() if user is None), None)
        if free is None:
            if len(self.endpoints) >= self._limit:
                return None
            free = FIRST_MIRROR_ENDPOINT + len(self.endpoints)
        mirror = Mirror(owner, free, flags=self._flags.pop(owner, [0] * len(FLAG_ATTRIBUTES)))
        self._stand(mirror)
        self._context.emit(MirrorCreated(owner, free))
        self._context.keep()
        return mirror

    def _stand(self, mirror: Mirror) -> None:
        number = mirror.endpoint
        if number not in self.endpoints:
            self._zcl.add_endpoint(number, METERING_DEVICE, servers=_MIRRORED, clients=_MIRRORED)
        self.endpoints[number] = mirror
        self.mirrors[mirror.owner] = mirror
        for cluster in _MIRRORED:
            server = self._zcl.side(number, cluster)
            server.attributes = _mirrored(mirror, cluster)
            server.permits = self._may_read
            server.commands = self._history
            client = self._zcl.side(number, cluster, client=True)
            client.reports = lambda incoming, values: self._report(number, incoming, values)
            client.commands = lambda incoming: self._told(number, incoming)
        client = self._zcl.side(number, METERING, client=True)
        client.attributes = Attributes(
            lambda each: self._read_flag(number, each), names=lambda: FLAG_ATTRIBUTES
        )

    def _may_read(self, reader: Eui64) -> bool:
        return self.readers(reader)

    def remove(self, owner: Eui64) -> None:
        """Forget a meter and its mirror; the endpoint is free for another."""
        self._flags.pop(owner, None)
        mirror = self.mirrors.pop(owner, None)
        if mirror is not None:
            self.endpoints[mirror.endpoint] = None
            for cluster in _MIRRORED:
                self._zcl.side(mirror.endpoint, cluster).attributes = None
            self._context.keep()

    def _owned(self, number: int, incoming: Incoming) -> Mirror | None:
        mirror = self.endpoints.get(number)
        if mirror is None or mirror.owner != incoming.partner:
            self._context.refuse("not-its-mirror", incoming.partner, incoming.message.cluster)
            return None
        return mirror

    def _told(self, number: int, incoming: Incoming) -> Result:
        """A command at the mirror: how it is to be, or something from the meter's logs."""
        mirror = self._owned(number, incoming)
        if mirror is None:
            return Status.NOT_AUTHORISED
        cluster, frame = incoming.message.cluster, incoming.message.frame
        answered = _PUBLISHED.get((cluster, incoming.name))
        if answered is not None:
            self.change_flags(mirror.owner, FUNCTIONAL, clear_bits=answered)
            self._context.emit(MirrorPublished(mirror.owner, cluster, frame.command, frame.payload))
            return Status.SUCCESS
        if cluster != METERING or incoming.name != "Configure Mirror":
            return Status.UNSUPPORTED_CLUSTER_COMMAND
        return self._configure(mirror, incoming)

    def _configure(self, mirror: Mirror, incoming: Incoming) -> Result:
        scheme = incoming.values["Notification Scheme"]
        if scheme not in _FLAGS_OF_SCHEME:
            return Status.INVALID_VALUE
        mirror.scheme, mirror.reporting = scheme, bool(incoming.values["Mirror Notification Reporting"])
        self._context.keep()
        return Status.SUCCESS

    def _read_flag(self, number: int, attribute: int) -> int | None:
        mirror = self.endpoints.get(number)
        if mirror is None or attribute not in FLAG_ATTRIBUTES:
            return None
        if attribute == FUNCTIONAL:
            mirror.shown = mirror.flags[FUNCTIONAL]
        return mirror.flags[attribute]

    def _report(self, number: int, incoming: Incoming, values: dict[int, Any]) -> Result:
        mirror = self._owned(number, incoming)
        if mirror is None:
            return Status.NOT_AUTHORISED
        cluster = incoming.message.cluster
        for attribute, value in values.items():
            if (cluster, attribute) in mirror.values or len(mirror.values) < _ATTRIBUTES:
                mirror.values[cluster, attribute] = value
        # What the meter was asked to push, and knew of, is here.
        self.change_flags(mirror.owner, FUNCTIONAL, clear_bits=mirror.shown & PUSH_FLAGS)
        self._context.emit(
            MirrorUpdated(mirror.owner, {(cluster, each): value for each, value in values.items()})
        )
        if not mirror.reporting or cluster != METERING:
            return Status.SUCCESS
        mirror.shown = mirror.flags[FUNCTIONAL]
        flags = mirror.flags[: _FLAGS_OF_SCHEME[mirror.scheme]]
        values_told = {"Notification Scheme": mirror.scheme, "Notification Flags": flags}
        return Answer("Mirror Report Attribute Response", values_told, general=False)

    def _history(self, incoming: Incoming) -> Result:
        return self.history(incoming)

    def answer_history(self, answer: Callable[[int, int, bytes], tuple[int, bytes] | int]) -> None:
        """See `SmartEnergyHub.answer_history`."""

        def history(incoming: Incoming) -> Result:
            cluster, frame = incoming.message.cluster, incoming.message.frame
            found = answer(cluster, frame.command, frame.payload)
            if isinstance(found, int):
                return found
            made = ZclFrame(FrameType.CLUSTER, frame.sequence, *found, from_server=True)
            said = parse_message(cluster, made.build())
            return Answer(said.name, said.values)

        self.history = history

    # Persistence

    def state(self) -> list[dict[str, Any]]:
        """What to keep: not the mirrored values, which the meter reports again."""
        rows = [
            {
                "owner": mirror.owner.hex(),
                "endpoint": mirror.endpoint,
                "scheme": mirror.scheme,
                "reporting": mirror.reporting,
                "flags": list(mirror.flags),
            }
            for mirror in self.mirrors.values()
        ]
        return rows + [{"owner": owner.hex(), "flags": list(flags)} for owner, flags in self._flags.items()]

    def restore(self, state: Iterable[dict[str, Any]]) -> None:
        """Take it back."""
        for row in sorted(state, key=lambda each: each.get("endpoint", 0)):
            owner = Eui64(row["owner"])
            if "endpoint" in row:
                self._stand(
                    Mirror(owner, row["endpoint"], row["scheme"], row["reporting"], list(row["flags"]))
                )
            else:
                self._flags[owner] = list(row["flags"])


def _mirrored(mirror: Mirror, cluster: int) -> Attributes:
    return Attributes(
        lambda attribute: mirror.values.get((cluster, attribute)),
        names=lambda: [attribute for where, attribute in mirror.values if where == cluster],
    )
