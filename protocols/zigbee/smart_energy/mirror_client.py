"""The GSME's side of its mirror: asks for it, sets the scheme, reads its flags, reports."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from protocols.errors import CodecError
from protocols.eui64 import Eui64
from protocols.zigbee.smart_energy.context import Context
from protocols.zigbee.smart_energy.mirror import (
    FLAG_ATTRIBUTES,
    FLAGS_4,
    FLAGS_4_ACTED_ON,
    FUNCTIONAL,
    FUNCTIONAL_ACTED_ON,
    NO_MIRROR,
    SCHEME_B,
)
from protocols.zigbee.smart_energy.settings import DEVICE_ENDPOINT, EVENTS, GAS_ENDPOINT, METERING
from protocols.zigbee.smart_energy.zcl_endpoint import ZclLayer
from protocols.zigbee.smart_energy.zcl_exchange import Address, Incoming, Outcome, Reply, Result
from protocols.zigbee.zcl.foundation import Message, Status, attribute_record, parse_message

_ACTED_ON = {FUNCTIONAL: FUNCTIONAL_ACTED_ON, FLAGS_4: FLAGS_4_ACTED_ON}
_RESPONSE = "Mirror Report Attribute Response"
_AT_ONCE = 12  # attributes of one report
_LONGEST_INTERVAL = 0xFFFFFF
_ALWAYS = (METERING, 0x0000)  # consumption goes every time: the mirror answers with its flags
_WHOLE_S = 1800.0  # so often everything is reported, in between only what has changed

Flags = dict[int, int]


class MirrorClient:
    """``endpoint`` is where the mirror stands, None before; ``on_flags`` hears flags by attribute, masked."""

    def __init__(
        self,
        context: Context,
        zcl: ZclLayer,
        source: Callable[[int, int], Any],
        reported: Mapping[int, Iterable[int]],
    ) -> None:
        self._context = context
        self._zcl = zcl
        self._source = source
        self._reported = reported
        self.endpoint: int | None = None
        self._told: dict[tuple[int, int], Any] = {}
        self._told_whole_at: float | None = None
        self.on_flags: Callable[[Flags], None] = lambda _: None
        zcl.side(DEVICE_ENDPOINT, METERING).commands = self._take

    def set_up(self, hub: Eui64, interval_s: float, done: Callable[[bool], None]) -> None:
        """Ask for the mirror and set scheme B; ``done`` hears whether it stands."""

        def asked(reply: Reply) -> None:
            endpoint = reply.values.get("Endpoint ID", NO_MIRROR) if reply.is_answer else NO_MIRROR
            if not 1 <= endpoint <= 240:
                done(False)
                return
            self._configure(hub, endpoint, interval_s, done)

        self._zcl.request(
            Address(hub, GAS_ENDPOINT, DEVICE_ENDPOINT), METERING, "Request Mirror", {}, asked,
            expects=("Request Mirror Response",), from_server=True,
        )  # fmt: skip

    def _configure(self, hub: Eui64, endpoint: int, interval_s: float, done: Callable[[bool], None]) -> None:
        values = {
            "Issuer Event ID": 0,
            "Reporting Interval": min(int(interval_s), _LONGEST_INTERVAL),
            "Mirror Notification Reporting": True,
            "Notification Scheme": SCHEME_B,
        }

        def configured(reply: Reply) -> None:
            if reply.is_answer:
                self.endpoint = endpoint
                self.forget()
            done(reply.is_answer)

        address = Address(hub, endpoint, DEVICE_ENDPOINT)
        self._zcl.request(address, METERING, "Configure Mirror", values, configured, from_server=True)

    def forget(self) -> None:
        """Report everything next time."""
        self._told_whole_at = None

    def read_flags(self, hub: Eui64, done: Callable[[bool], None]) -> None:
        """Read the flags and act on them; ``done`` comes after that."""
        if self.endpoint is None:
            done(False)
            return

        def read(reply: Reply) -> None:
            values = reply.attributes() if reply.is_answer else {}
            if reply.outcome is Outcome.ANSWERED and FUNCTIONAL not in values:
                self.endpoint = None  # the hub does not know our mirror any more
            self._tell(values)
            done(FUNCTIONAL in values)

        address = Address(hub, self.endpoint, DEVICE_ENDPOINT)
        self._zcl.read(address, METERING, _ACTED_ON, read, client=True)

    def report(self, hub: Eui64, done: Callable[[bool], None]) -> None:
        """Report attributes, a frame at a time; ``done`` hears whether all arrived.

        Those that have changed, and now and then all there are: a hub that was off does not know them.
        """
        now = self._context.now()
        if self._told_whole_at is None or now - self._told_whole_at >= _WHOLE_S:
            self._told, self._told_whole_at = {}, now
        batches = []
        for cluster, attributes in self._reported.items():
            records = list(self._records(cluster, attributes))
            batches += [(cluster, records[at : at + _AT_ONCE]) for at in range(0, len(records), _AT_ONCE)]
        self._send(hub, batches, done)

    def _records(self, cluster: int, attributes: Iterable[int]) -> Iterable[dict[str, Any]]:
        for attribute in attributes:
            value = self._source(cluster, attribute)
            known = self._told.get((cluster, attribute)) == value and (cluster, attribute) != _ALWAYS
            if value is None or known:
                continue
            try:
                yield attribute_record(cluster, attribute, value)
            except CodecError:
                self._context.statistics["mirror.unfit-value"] += 1

    def _send(
        self, hub: Eui64, batches: list[tuple[int, list[dict[str, Any]]]], done: Callable[[bool], None]
    ) -> None:
        if self.endpoint is None or not batches:
            done(self.endpoint is not None)
            return
        (cluster, records), *rest = batches

        def answered(reply: Reply) -> None:
            if not reply.is_answer:
                done(False)
                return
            self._told |= {(cluster, each["Attribute"]): each["Value"] for each in records}
            if reply.name == _RESPONSE:
                self._tell(dict(zip(FLAG_ATTRIBUTES, reply.values["Notification Flags"], strict=False)))
            self._send(hub, rest, done)

        address = Address(hub, self.endpoint, DEVICE_ENDPOINT)
        self._zcl.request(
            address, cluster, "Report Attributes", {"Records": records}, answered,
            expects=(_RESPONSE, "Default Response"), from_server=True, general=True,
        )  # fmt: skip

    def publish(
        self, hub: Eui64, commands: Iterable[tuple[int, bytes]], done: Callable[[bool], None]
    ) -> None:
        """Send whole ZCL commands (cluster, frame) to the mirror, one after the other.

        Events go to the hub's gas interface: a mirror has no such cluster.
        """
        waiting = [parse_message(cluster, octets) for cluster, octets in commands]

        def answered(reply: Reply) -> None:
            if reply.is_answer and waiting:
                following(waiting.pop(0))
            else:
                done(reply.is_answer)

        def following(message: Message) -> None:
            mirror = self.endpoint or 0
            endpoint = GAS_ENDPOINT if message.cluster == EVENTS else mirror
            address = Address(hub, endpoint, DEVICE_ENDPOINT)
            self._zcl.request(
                address, message.cluster, message.name, message.values, answered, from_server=True
            )

        if self.endpoint is None or not waiting:
            done(self.endpoint is not None)
        else:
            following(waiting.pop(0))

    def _take(self, incoming: Incoming) -> Result:
        """A mirror response that matched no report (it was late)."""
        if incoming.name != _RESPONSE:
            return Status.UNSUPPORTED_CLUSTER_COMMAND
        if incoming.address.endpoint == self.endpoint:
            self._tell(dict(zip(FLAG_ATTRIBUTES, incoming.values["Notification Flags"], strict=False)))
        return Status.SUCCESS

    def _tell(self, flags: dict[int, Any]) -> None:
        acted_on = {each: flags.get(each, 0) & mask for each, mask in _ACTED_ON.items()}
        if any(acted_on.values()):
            self.on_flags(acted_on)
