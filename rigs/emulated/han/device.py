"""An emulated device on the HAN: looking for a hub, joining, speaking through its tunnel, coming back."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from protocols.gbcs.gbt import GbtParameters
from protocols.gbcs.zcl import Status
from protocols.han import HanEvent, HanRole, JoinFailure, NetworkDown
from protocols.ports import StimulusKind, StimulusOutcome
from protocols.zigbee.install_code import InstallCode, link_key
from protocols.zigbee.ota_cluster import ImageId
from protocols.zigbee.smart_energy.device import SmartEnergyDevice
from protocols.zigbee.smart_energy.events import (
    HanSaid,
    ImageReceived,
    Joined,
    Left,
    MessageDelivered,
    MessageFrom,
    MessageNotDelivered,
    NotJoined,
    PartnerFailed,
    PartnerReady,
    Ready,
    Rejoined,
    SmartEnergyEvent,
    UpgradeDue,
    UpgradePostponed,
)
from protocols.zigbee.smart_energy.settings import DeviceSettings
from protocols.zigbee.stack.node import NodeSettings
from rigs.emulated.gpf import MIRRORED
from rigs.emulated.han import appliances, local
from rigs.emulated.han.departing import Departing
from rigs.emulated.han.faults import HanFault, faulty, forgetful
from rigs.emulated.han.gas import GasHistory
from rigs.emulated.han.large import LargeMessages
from rigs.emulated.han.memory import HanMemory, KeptImage, State
from rigs.emulated.han.partners import Partners
from rigs.emulated.han.settings import han_type
from rigs.emulated.han.station import NOWHERE, Station, quieten, radio_power

if TYPE_CHECKING:
    from protocols.eui64 import Eui64
    from rigs.emulated.air.scheduler import Cancellable
    from rigs.emulated.device import Device
    from rigs.emulated.han.air import Air

_REPORTED = {
    cluster: tuple(attribute for where, attribute in MIRRORED if where == cluster) for cluster, _ in MIRRORED
}
_MESSAGE_LIMIT = 1200  # larger ones go in blocks (GBCS 7.2.11)
# A dozing gas meter polls so often between two times that it wakes, and while it expects something.
_POLLS_DOZING, _FAST_DOZING_S = 10, 1.0


class HanDevice:
    """Joins a device with the air.

    A device that is on no HAN looks for one at power-on and whenever somebody tells it to (``look``: the
    installer's button); first with what it remembers of a HAN that it was on, then with its install code.
    """

    def __init__(self, device: Device, air: Air) -> None:
        self.device = device
        self._air = air
        self._profile = device.description.han
        self._memory = HanMemory(device.storage)
        self.radio = air.radio(device.description.name, device.eui64)
        self._station: Station | None = None
        self._application: SmartEnergyDevice | None = None
        self._large: LargeMessages | None = None
        self._trying = ""  # "resume", "former", "install", "leaving" or nothing
        self._fresh_until = 0.0
        self._timer: Cancellable | None = None
        self._departing = Departing(device.outbox, self._put, self._way)
        self._partners = Partners(device, air.scheduler, lambda: self._application)
        self._image_octets = b""
        self._fault = HanFault.NONE
        self._history = GasHistory(device)
        device.stimuli[StimulusKind.HAN_FAULT] = self._take_fault
        device.hub_time = self.hub_time
        device.seek_partner = self._partners.seek
        device.partners_changed = self._partners.changed
        device.image_changed = self.image_changed

    # Power ------------------------------------------------------------------------------------------------

    def doze(self, period_s: float | None) -> None:
        """A gas meter wakes and polls only so often until told None."""
        if self._application is None or self.device.description.device_type != "gsme":
            return
        poller, usual = self._node.poller, NodeSettings(poll_interval_s=self._profile.poll_s)
        poller.interval_s, poller.fast_interval_s = usual.poll_interval_s, usual.fast_poll_interval_s
        if period_s is not None:
            poller.interval_s = max(poller.interval_s, period_s / _POLLS_DOZING)
            poller.fast_interval_s = _FAST_DOZING_S
        self._application.doze(period_s)

    def power_on(self) -> None:
        """Start the stack: go back to the HAN that is remembered, or look for one."""
        if self._station is not None or not self.device.powered:
            return
        radio_power(self.radio, on=True)
        stack = self._memory.get("stack")
        if stack is not None and stack["extended_pan_id"] != NOWHERE:
            # Perhaps without a link key yet: the hub may know of one that the power cut kept from us.
            self._trying = "" if self.device.hub is not None else "resume"
            self._fresh_until = self._now + self._air.settings.fresh_s
            self._start(stack, self._memory.get("application"))
            self._node.resume()
        else:
            self.look()

    def power_off(self) -> None:
        """A power cut: what was under way is lost."""
        self._stop()
        self._trying = ""
        self._departing.lost()
        self._partners.stop()
        radio_power(self.radio, on=False)

    def _start(self, stack: State | None, application: State | None) -> SmartEnergyDevice:
        """A stack and its application with what they are to remember."""
        self._stop()
        self._departing.interrupted()
        quieten(self.radio)
        about, profile = self.device.description, self._profile
        kind = han_type(about.device_type)
        assert kind is not None
        settings = NodeSettings(poll_interval_s=profile.poll_s, manufacturer_code=about.manufacturer_code)
        station = self._station = Station(
            self._air, self.radio, self._role, self._memory, settings, name=about.name
        )
        station.node.rejoiner.channels = self._air.settings.channels
        station.is_member = lambda: self.device.hub is not None
        made = self._application = SmartEnergyDevice(
            station.node,
            kind,
            faulty(self._fault, about.eui64, profile.credentials),
            now=station.now,
            random=station.random,
            settings=self._settings(),
            attributes=self._attribute,
            check_image=self._check_image,
            image_store=KeptImage(self.device.storage),
        )
        made.listen(self)
        local.join(self.device, made)
        appliances.join(self.device, made)
        self._large = LargeMessages(
            self._air.scheduler, GbtParameters(message_limit=_MESSAGE_LIMIT), self._put, self._take
        )
        self._partners.started(restored=application is not None)
        if application is not None:
            made.restore(application)
        if stack is not None:
            station.node.restore(forgetful(self._fault, stack) or stack)
        station.run(made)
        return made

    def _stop(self) -> None:
        self._history.stop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._large is not None:
            self._large.stop()
        application, station = self._application, self._station
        self._application = self._station = self._large = None
        if application is not None:
            application.listen(None)
            application.close()
        if station is not None:
            station.stop()

    @property
    def _role(self) -> HanRole:
        sleeps = self.device.description.device_type == "gsme"
        return HanRole.SLEEPY_END_DEVICE if sleeps else self._profile.role

    @property
    def _node(self) -> Any:
        assert self._station is not None
        return self._station.node

    def _settings(self) -> DeviceSettings:
        about, profile = self.device.description, self._profile
        return DeviceSettings(
            wake_period_s=profile.wake_s,
            awake_period_s=profile.awake_every_s,
            awake_s=profile.awake_s,
            channels=self._air.settings.channels,
            image=self._image(),
            hardware_version=about.hardware_version,
            reported=_REPORTED,
            manufacturer_name="smets-hil",
            model=about.variant or about.device_type,
        )

    def _image(self) -> ImageId:
        about = self.device.description
        version = int.from_bytes(self.device.firmware.version)
        return ImageId(about.manufacturer_code, about.image_type, version)

    def _take_fault(self, argument: str) -> tuple[StimulusOutcome, str]:
        try:
            self._fault = HanFault(argument)
        except ValueError:
            return StimulusOutcome.REFUSED, f"the faults are {', '.join(filter(None, HanFault))}"
        return StimulusOutcome.DONE, ""

    # Looking for a HAN ------------------------------------------------------------------------------------

    def look(self) -> None:
        """Look for a HAN now, and often for a while; nothing for a device that is on one."""
        if self.device.hub is not None or not self.device.powered:
            return
        self._fresh_until = self._now + self._air.settings.fresh_s
        if not self._trying:
            self._try("former")

    @property
    def _now(self) -> float:
        return self._air.scheduler.time()

    def _try(self, way: str) -> None:
        former = self._memory.former() if way == "former" else None
        if former is not None:
            self._trying = "former"
            self._start(*former)
            self._node.lifecycle.rejoin(secured=False)
            return
        self._trying = "install"
        key = link_key(InstallCode.of(self.device.description.install_code))
        self._start(self._memory.get("stack"), None).join(key, self._air.settings.channels)

    def _failed(self) -> None:
        """One way led nowhere: the other, or a pause."""
        way, self._trying = self._trying, ""
        if self._timer is not None:
            self._timer.cancel()
        settings = self._air.settings
        if way in {"former", "resume"}:
            self._timer = self._air.scheduler.call_at(self._now, self._try, "install")
            self._trying = "install"
            return
        fresh = self._now < self._fresh_until
        pause = settings.retry_s if fresh else settings.patience_s
        self._timer = self._air.scheduler.call_at(self._now + pause, self._try_again)

    def _try_again(self) -> None:
        if self.device.hub is None and not self._trying:
            self._try("former")

    # What happens -----------------------------------------------------------------------------------------

    def smart_energy_event(self, event: SmartEnergyEvent) -> None:
        """As `SmartEnergyListener`."""
        if self._station is None:
            return
        self._station.keep(event)
        self._history.heard(event, self._application)
        if isinstance(event, MessageFrom):
            assert self._large is not None
            self._large.receive(event.octets)
        elif isinstance(event, MessageDelivered | MessageNotDelivered):
            self._departing.heard(event.token, done=isinstance(event, MessageDelivered))
        elif isinstance(event, Joined | Rejoined):
            self._joined(event.hub)
        elif isinstance(event, Ready):
            self._let_out()
            self._finish_download()
            appliances.ready(self.device)
        elif isinstance(event, HanSaid):
            self._network(event.event)
        elif isinstance(event, ImageReceived):
            self._image_octets = event.octets
        elif isinstance(event, UpgradeDue | UpgradePostponed):
            self._take_image(run=isinstance(event, UpgradeDue))
        else:
            self._outcome(event)

    def _outcome(self, event: SmartEnergyEvent) -> None:
        if isinstance(event, NotJoined):
            self.device.say(f"joining failed: {event.reason} {event.detail}".rstrip())
            if self._trying:
                self._failed()
        elif isinstance(event, Left):
            self._left()
        elif isinstance(event, PartnerReady | PartnerFailed):
            self._partners.sought(event.partner, isinstance(event, PartnerReady))

    def _network(self, event: HanEvent) -> None:
        appliances.heard(self.device, event)
        if not isinstance(event, NetworkDown):
            return
        if self._trying in {"former", "resume"}:
            self._failed()
        elif event.reason is JoinFailure.REJOIN_REFUSED and self.device.hub is not None:
            # The hub does not know this device any more, and nothing will tell it so but this.
            self._memory.put(former=[self._memory.get("stack"), self._memory.get("application")])
            self._left()

    def _joined(self, hub: Eui64) -> None:
        self._trying = ""
        self._memory.put(former=None)
        self.device.joined(hub)
        self._partners.changed()
        self._let_out()

    def _left(self) -> None:
        if self.device.hub is None:
            return
        self.device.left()
        self._departing.removed()
        # Not from within the stack that tells it.
        self._trying = "leaving"
        self._timer = self._air.scheduler.call_at(self._now, self._look_anew)

    def _look_anew(self) -> None:
        self._trying = ""
        self.look()

    # Messages ---------------------------------------------------------------------------------------------

    def send(self, octets: bytes) -> None:
        """Send a message to the hub; one said before the HAN is reached again waits for that."""
        if self.device.hub is not None:
            self._departing.send(octets)

    def _way(self) -> LargeMessages | None:
        there = self._application is not None and self._station is not None and self._node.ready
        return self._large if there else None

    def _put(self, octets: bytes) -> int | None:
        return None if self._application is None else self._application.send_message(octets)

    def _take(self, octets: bytes) -> None:
        self.device.handle(octets)

    def _let_out(self) -> None:
        self._departing.let_out()

    # Time, attributes, firmware ---------------------------------------------------------------------------

    def hub_time(self) -> datetime | None:
        """The hub's time as the time cluster gave it."""
        return None if self._application is None else self._application.hub_time()

    def _attribute(self, cluster: int, attribute: int) -> Any:
        self._history.settle()
        value = self.device.zcl.value(cluster, attribute)
        own = appliances.attribute(self.device, cluster, attribute)
        return own if isinstance(value, Status) else value

    def _check_image(self, ota: bytes) -> bool:
        """Look at a whole file. A good one is taken once the hub knows that it is here (`_take_image`)."""
        accepted = self.device.firmware.accepts(ota)
        if not accepted:
            self.device.receive_image(ota)
        return accepted

    def _take_image(self, *, run: bool) -> None:
        octets, self._image_octets = self._image_octets, b""
        if octets:
            self.device.receive_image(octets)
        if run:
            self.device.upgrade_due()
        # It lies in the device's bank now; another of the same version would be another image.
        self.image_changed()

    def _finish_download(self) -> None:
        """A power cut came between the last block and the hub's answer: ask once more."""
        kept = KeptImage(self.device.storage).load()
        if kept is not None and kept.offset >= kept.size and self._application is not None:
            self._application.query_image()

    def image_changed(self) -> None:
        """Another image runs."""
        if self._application is not None:
            self._application.set_image(self._image())
