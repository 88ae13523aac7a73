"""Meter and gas proxy as servers of information: they answer displays, and tell them what has changed.

Displays of the device log are told, without a binding of theirs (a choice of ours). What has changed is seen
after each piece of the device's work: nothing is published periodically.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from protocols.gbcs.asn1.types import DeviceType
from protocols.han import DataStatus
from protocols.zigbee.smart_energy.information import Publisher
from protocols.zigbee.smart_energy.settings import (
    CALENDAR,
    DEVICE_ENDPOINT,
    DEVICE_MANAGEMENT,
    FIRST_MIRROR_ENDPOINT,
    GAS_ENDPOINT,
    GAS_INFORMATION,
    MESSAGING,
    METERING,
    PREPAYMENT,
    PRICE,
)
from protocols.zigbee.smart_energy.zcl_attributes import Attributes
from protocols.zigbee.smart_energy.zcl_exchange import Address
from rigs.emulated.information.electricity import ElectricityInformation
from rigs.emulated.information.gas import GasInformation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocols.eui64 import Eui64
    from protocols.zigbee.smart_energy.device import SmartEnergyDevice
    from protocols.zigbee.smart_energy.hub import SmartEnergyHub
    from protocols.zigbee.smart_energy.information import Said
    from protocols.zigbee.smart_energy.zcl_endpoint import ZclLayer
    from protocols.zigbee.smart_energy.zcl_exchange import Incoming
    from rigs.emulated.device import Device
    from rigs.emulated.esme import Esme
    from rigs.emulated.gpf import Gpf

Done = Callable[[bool], None]
_TRIES = 3
_DISPLAYS = (DeviceType.PPMID, DeviceType.TYPE_2)
_ESME_CLUSTERS = (PRICE, MESSAGING, PREPAYMENT, METERING, CALENDAR, DEVICE_MANAGEMENT)


class Information(Protocol):
    """What there is to tell."""

    def attribute(self, cluster: int, number: int) -> Any:
        """An attribute's value, None where there is none."""

    def answer(self, cluster: int, name: str, values: dict[str, Any]) -> list[Said] | int | None:
        """Answer a display's command."""

    def topics(self) -> dict[str, Any]:
        """What displays hear of when it changes."""

    def publish(self, topic: str, before: Any) -> list[Said]:
        """The commands that tell of it."""


class Announcer:
    """Stands in for ``device.worked``: after each piece of work displays hear of what has changed.

    ``displays`` gives those that can be told now, by where they are; the server's endpoint on our side.
    """

    def __init__(self, device: Device, information: Information) -> None:
        self._device, self._information, self._worked = device, information, device.worked
        self._settled: tuple[Any, int] | None = None
        self._publisher: Publisher | None = None
        self._displays: Callable[[], list[Address]] = list
        self._elsewhere: dict[int, int] = {}
        self._told: dict[str, Any] = {}
        self._known: set[Eui64] = set()
        self._lines: dict[Eui64, _Line] = {}

    def serve(
        self,
        zcl: ZclLayer,
        endpoint: int,
        clusters: tuple[int, ...],
        *,
        permits: Callable[[Eui64], bool],
        displays: Callable[[], list[Address]],
        elsewhere: Mapping[int, int] | None = None,
    ) -> None:
        """Take part in a HAN by this layer; the one before is gone.

        ``elsewhere``: clusters that stand at other endpoints.
        """
        self._elsewhere = dict(elsewhere or {})
        self._publisher, self._lines = Publisher(zcl, endpoint, self._answer), {}
        self._displays = displays
        for cluster in clusters:
            self._publisher.serve(cluster, permits)

    def attribute(self, cluster: int, number: int) -> Any:
        """A value for those who read; None where there is none."""
        device = self._device
        if not device.powered:
            return None
        now = device.clock.now(), device.cosem.changes
        if now != self._settled:
            # Registers are brought up to now, once for all attributes that one request names.
            with device.work():
                self._settled = now
        return self._information.attribute(cluster, number)

    def _answer(self, incoming: Incoming) -> list[Said] | int | None:
        if not self._device.powered or incoming.message.frame.from_server:
            return None
        with self._device.work():
            return self._information.answer(incoming.message.cluster, incoming.name, incoming.values)

    def __call__(self) -> None:
        """A piece of work is done."""
        self._worked()
        publisher, device = self._publisher, self._device
        displays = self._displays() if publisher is not None and device.powered else []
        before, self._told = self._told, self._information.topics() if displays else {}
        known, self._known = self._known, {each.partner for each in displays}
        if self._known - known:
            before = {}  # whoever is new is told everything
        if publisher is None:
            return
        changed = {topic: before.get(topic) for topic, now in self._told.items() if now != before.get(topic)}
        for display in displays if changed else ():
            line = self._lines.get(display.partner)
            if line is None:
                line = self._lines[display.partner] = _Line(partial(self._say, publisher, display))
            line.tell(changed)

    def _say(self, publisher: Publisher, display: Address, topic: str, before: Any, done: Done) -> None:
        """Publish a topic to a display as it is now; ``done`` hears what became of it."""
        waiting = self._information.publish(topic, before) if self._device.powered else []

        def following(status: DataStatus) -> None:
            if status is not DataStatus.DONE or not waiting:
                done(status is DataStatus.DONE)
                return
            said = waiting.pop(0)
            own = self._elsewhere.get(said.cluster, display.own)
            publisher.tell(Address(display.partner, display.endpoint, own), said, following)

        following(DataStatus.DONE)


class _Line:
    """What one display is to hear, one after the other.

    Two reports under way at once could overtake each other, and the older one be shown. A topic that changes
    again while it waits is told once, as it is then; one that does not arrive is tried again.
    """

    def __init__(self, say: Callable[[str, Any, Done], None]) -> None:
        self._say = say
        self._waiting: dict[str, Any] = {}
        self._tries: dict[str, int] = {}
        self._busy = False

    def tell(self, changed: Mapping[str, Any]) -> None:
        """These topics have changed; with what they were."""
        for topic, before in changed.items():
            self._waiting.setdefault(topic, before)
            self._tries[topic] = _TRIES
        self._next()

    def _next(self) -> None:
        if self._busy or not self._waiting:
            return
        topic = next(iter(self._waiting))
        before, self._busy = self._waiting.pop(topic), True

        def done(arrived: bool) -> None:
            self._busy = False
            self._tries[topic] -= 1
            if not arrived and self._tries[topic] > 0:
                self._waiting.setdefault(topic, before)
            self._next()

        self._say(topic, before, done)


def _announcer(device: Device, information: Information) -> Announcer:
    """The one there is, or one in the place of ``device.worked``."""
    if not isinstance(device.worked, Announcer):
        device.worked = Announcer(device, information)
    assert isinstance(device.worked, Announcer)
    return device.worked


def serve_electricity(device: Esme, application: SmartEnergyDevice) -> None:
    """An ESME's information on its running application."""
    announcer = _announcer(device, ElectricityInformation(device))

    def displays() -> list[Address]:
        partners = application.partners
        if not partners:
            return []
        entries = device.join_log.entries()
        known = [
            each.device_id for each in entries if each.device_type in _DISPLAYS and each.device_id in partners
        ]
        return [Address(each, DEVICE_ENDPOINT, DEVICE_ENDPOINT) for each in known]

    announcer.serve(
        application.zcl,
        DEVICE_ENDPOINT,
        _ESME_CLUSTERS,
        permits=lambda partner: partner in application.partners,
        displays=displays,
    )


def serve_gas(device: Gpf, hub: SmartEnergyHub) -> None:
    """The gas proxy's information at the hub's gas interface; what the meter reports stands at its mirror."""
    announcer = _announcer(device, GasInformation(device))

    def displays() -> list[Address]:
        entries = [each for each in device.join_log.entries() if each.device_type in _DISPLAYS]
        present = [each.device_id for each in entries if hub.is_commissioned(each.device_id)]
        return [Address(each, DEVICE_ENDPOINT, GAS_ENDPOINT) for each in present]

    announcer.serve(
        hub.zcl,
        GAS_ENDPOINT,
        GAS_INFORMATION,
        permits=device.may_read,
        displays=displays,
        elsewhere={PREPAYMENT: FIRST_MIRROR_ENDPOINT},
    )
    for cluster in GAS_INFORMATION:
        read = partial(announcer.attribute, cluster)
        hub.zcl.side(GAS_ENDPOINT, cluster).attributes = Attributes(read)
