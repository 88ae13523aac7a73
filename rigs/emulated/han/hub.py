"""The hub's box on the HAN: coordinator and trust centre for the CHF, mirror for the GPF."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from protocols.gbcs.gbt import GbtParameters
from protocols.han import FrameRefused, HanEvent, KeySource
from protocols.zigbee.install_code import InstallCode, link_key
from protocols.zigbee.smart_energy.events import (
    DeviceCommissioned,
    HanSaid,
    HubUp,
    ImageDelivered,
    ImageFailed,
    ImageFailure,
    JoinFailed,
    MessageDelivered,
    MessageFrom,
    MessageNotDelivered,
    MirrorCreated,
    MirrorPublished,
    MirrorUpdated,
    SmartEnergyEvent,
)
from protocols.zigbee.smart_energy.hub import SmartEnergyHub
from protocols.zigbee.smart_energy.mirror import FUNCTIONAL, Flag
from rigs.emulated.han import restored
from rigs.emulated.han.announcing import serve_gas
from rigs.emulated.han.large import LargeMessages
from rigs.emulated.han.memory import HanMemory
from rigs.emulated.han.offered_images import OfferedImage, OfferedImages
from rigs.emulated.han.settings import han_type
from rigs.emulated.han.station import NOWHERE, radio_power
from rigs.emulated.han.stick import hub_station

if TYPE_CHECKING:
    from protocols.eui64 import Eui64
    from rigs.emulated.air.scheduler import Cancellable
    from rigs.emulated.chf import Chf
    from rigs.emulated.device_log import LogEntry
    from rigs.emulated.gpf import Gpf
    from rigs.emulated.han.air import Air
    from rigs.emulated.han.station import Station
    from rigs.emulated.han.stick import StickStation

_MESSAGE_LIMIT = 1200
_SETTLING_S, _AGAIN_S = 15.0, 1.0
_HISTORY = Flag.GET_SNAPSHOT | Flag.GET_SAMPLED_DATA
Outcome = Callable[[bool], None]
ImageOutcome = Callable[[ImageFailure | None, int | None], None]


class HanHub:
    """Joins the hub's functions with the air.

    ``on_message(device, octets)`` gets whole messages of devices; ``on_open(device)`` hears whom the HAN
    would let in now, for the installer who then presses the device's button.
    """

    def __init__(
        self,
        chf: Chf,
        gpf: Gpf | None,
        air: Air,
        *,
        on_message: Callable[[Eui64, bytes], None],
        on_open: Callable[[Eui64], None],
    ) -> None:
        self.chf, self.gpf = chf, gpf
        self._air = air
        self._on_message = on_message
        self._on_open = on_open
        self._memory = HanMemory(chf.storage)
        # The GPF's identifier is the address of the hub's HAN radio, and that is the extended PAN id.
        self.eui64 = chf.eui64 if gpf is None else gpf.eui64
        name = chf.description.name
        self.radio = None if name in air.services else air.radio(name, self.eui64)
        self._station: Station | StickStation | None = None
        self._application: SmartEnergyHub | None = None
        self._large: dict[Eui64, LargeMessages] = {}
        self._outcomes: dict[int, Outcome] = {}
        self._images: dict[int, tuple[Eui64, ImageOutcome]] = {}
        self._offered = OfferedImages(chf.storage)
        self.outcome_of: Callable[[Eui64, bytes], ImageOutcome] = _nobody_asks
        self._windows: dict[Eui64, Cancellable] = {}
        self._settled_at = 0.0  # until then devices are still on their way back after a restart

    # Power ------------------------------------------------------------------------------------------------

    def power_on(self) -> None:
        """Form the HAN, or take it up where it was left."""
        if self._station is not None or not self.chf.powered:
            return
        if self.radio is not None:
            radio_power(self.radio, on=True)
        about = self.chf.description
        station = self._station = hub_station(
            self._air, self.radio, self._memory, about.name, about.manufacturer_code
        )
        self._application = made = SmartEnergyHub(
            station.node,
            about.han.credentials,
            now=station.now,
            random=station.random,
            clock=self.chf.clock.now,
        )
        made.listen(self)
        if self.gpf is not None:
            made.permit_readers(self.gpf.may_read)
            made.answer_history(self.gpf.history)
            serve_gas(self.gpf, made)
        stack, application = self._memory.get("stack"), self._memory.get("application")
        if application is not None:
            made.restore(application)
        if stack is not None:
            station.node.restore(stack)
        station.run(made)
        # A stack that was cut off while it formed its network has a state, and nothing to go on with.
        if stack is not None and (self._memory.get("formed") or stack["extended_pan_id"] != NOWHERE):
            station.node.resume()
        else:
            made.start(self._air.settings.channels, type(self.eui64)(self.chf.han_id))

    def form_anew(self) -> None:
        """Give the network up and form one with the extended PAN id that the CHF now has (GBCS-CCS03-01)."""
        # Not from within the stack that brought the message, if it ever comes that way.
        self._air.scheduler.call_at(self._now, self._form_anew)

    def _form_anew(self) -> None:
        self.power_off()
        for image in list(self._offered.all()):
            self._offered.forget(image.device_id)
        self._memory.put(stack=None, application=None, formed=None)
        self.power_on()

    def power_off(self) -> None:
        """A power cut: messages under way are lost."""
        for timer in self._windows.values():
            timer.cancel()
        for large in self._large.values():
            large.stop()
        for kept in (self._windows, self._large, self._outcomes, self._images):
            kept.clear()
        application, station = self._application, self._station
        self._application = self._station = None
        if application is not None:
            application.close()
        if station is not None:
            station.stop()
        if self.radio is not None:
            radio_power(self.radio, on=False)

    def change_network_key(self) -> bool:
        """Hand out another network key, then switch to it; False without a HAN."""
        if self._station is None:
            return False
        self._station.node.refresh_network_key()
        return True

    def flag(self, device_id: Eui64, bits: int, *, raised: bool) -> bool:
        """Set or clear functional notification flags of a gas meter; False without a HAN."""
        if self._application is None:
            return False
        change = self._application.set_flags if raised else self._application.clear_flags
        change(device_id, FUNCTIONAL, bits)
        return True

    # Whitelist --------------------------------------------------------------------------------------------

    def log_changed(self, device_id: Eui64) -> None:
        """The CHF's device log has changed: the HAN follows."""
        if self._application is None:
            return
        entry = self.chf.log.entries.get(device_id)
        if entry is None:
            self._close_window(device_id)
            self._application.remove(device_id)
        elif not entry.joined:
            self._open_window(entry)

    def _reconcile(self) -> None:
        """Make HAN and device log agree after a start."""
        assert self._application is not None
        for row in self._application.state()["devices"]:
            device_id = type(self.eui64)(row["eui64"])
            if device_id not in self.chf.log.entries:
                self._application.remove(device_id)
        for entry in list(self.chf.log.entries.values()):
            if entry.restored_hash and not entry.joined:
                restored.expect(self._restored, entry)
            elif not entry.joined:
                self._open_window(entry)
        if not self._images:  # not when a stick came back, with which nothing was forgotten
            for image in list(self._offered.all()):
                self._deliver_again(image)

    @property
    def _restored(self) -> restored.Place:
        assert self._station is not None
        assert self._application is not None
        return restored.Place(self.chf, self._station.node, self._application)

    def _open_window(self, entry: LogEntry) -> None:
        """Let a device in: with its historic key first (GBCS-CCS01-05), else with its install code."""
        now = self.chf.clock.now()
        left = (entry.window_ends - now) / timedelta(seconds=1)
        if left <= 0 or han_type(entry.device_type) is None:
            return
        historic = self.chf.log.historic.get(entry.device_id)
        first_half = (entry.historic_window_ends - now) / timedelta(seconds=1)
        if historic is not None and first_half > 0:
            assert self._station is not None
            self._station.node.allow_device(entry.device_id, historic, first_half, KeySource.ESTABLISHED)
            self._allow(entry, first_half)
            due = self._air.scheduler.time() + first_half
            self._windows[entry.device_id] = self._air.scheduler.call_at(due, self._second_half, entry)
        else:
            self._allow(entry, left)
        self._on_open(entry.device_id)

    def _allow(self, entry: LogEntry, seconds: float) -> None:
        kind = han_type(entry.device_type)
        assert self._application is not None
        assert kind is not None
        key = link_key(InstallCode.of(entry.install_code))
        self._application.allow(entry.device_id, key, seconds, device_type=kind)

    def _second_half(self, before: LogEntry) -> None:
        """The historic key was not used: from now on only the install code counts (GBCS-CCS01-07)."""
        self._close_window(before.device_id)
        entry = self.chf.log.entries.get(before.device_id)
        if self._application is None or entry is None or entry.joined:
            return
        self._application.remove(entry.device_id)
        left = (entry.window_ends - self.chf.clock.now()) / timedelta(seconds=1)
        self._allow(entry, max(0.0, left))
        self._on_open(entry.device_id)

    def _close_window(self, device_id: Eui64) -> None:
        timer = self._windows.pop(device_id, None)
        if timer is not None:
            timer.cancel()

    def _commissioned(self, event: DeviceCommissioned) -> None:
        self._close_window(event.eui64)
        entry = self.chf.log.entries.get(event.eui64)
        if entry is not None and not entry.device_type:
            restored.learn_type(self._restored, event.eui64)
        if entry is None:
            return
        # No key in the event: it came with the historic one.
        key = event.link_key or self.chf.log.historic.get(event.eui64, b"")
        if key and key != entry.link_key:
            self.chf.record_join(event.eui64, key)

    # Messages and images ----------------------------------------------------------------------------------

    def send(self, device_id: Eui64, octets: bytes, outcome: Outcome) -> None:
        """Send a whole message to a device; ``outcome`` hears whether it got there."""
        if self._application is None:
            return
        large = self._blocks(device_id)
        if not large.fits(octets):
            large.send(octets, outcome)
            return

        def over(done: bool) -> None:
            if not done and self._now < self._settled_at:
                self._air.scheduler.call_at(self._now + _AGAIN_S, self.send, device_id, octets, outcome)
            else:
                outcome(done)

        self._outcomes[self._application.send_message(device_id, octets)] = over

    @property
    def _now(self) -> float:
        return self._air.scheduler.time()

    def _blocks(self, device_id: Eui64) -> LargeMessages:
        found = self._large.get(device_id)
        if found is None:
            found = self._large[device_id] = LargeMessages(
                self._air.scheduler,
                GbtParameters(message_limit=_MESSAGE_LIMIT),
                lambda octets: self._put(device_id, octets),
                lambda octets: self._on_message(device_id, octets),
            )
        return found

    def _put(self, device_id: Eui64, octets: bytes) -> None:
        if self._application is not None:
            self._application.send_message(device_id, octets)

    def deliver_image(self, device_id: Eui64, image: bytes, outcome: ImageOutcome) -> None:
        """Offer a firmware image; ``outcome`` hears None, or why the device has not got it and its status."""
        if self._application is not None:
            age_s = self._application.settings.image_age_s
            token = self._application.deliver_image(device_id, image)
            self._images[token] = device_id, outcome
            until = self.chf.clock.now() + timedelta(seconds=age_s)
            self._offered.keep(OfferedImage(device_id, image, until), token)

    def _deliver_again(self, image: OfferedImage) -> None:
        """After a power cut: an image that was on its way has time to be asked for again."""
        assert self._application is not None
        left = (image.until - self.chf.clock.now()) / timedelta(seconds=1)
        age_s = max(left, self._application.settings.image_silence_s)
        token = self._application.deliver_image(image.device_id, image.octets, age_s=age_s)
        self._images[token] = image.device_id, self.outcome_of(image.device_id, image.octets)
        self._offered.keep(image, token)

    def is_present(self, device_id: Eui64) -> bool:
        """Whether a device is on the HAN, as far as the hub knows."""
        return self._application is not None and self._application.is_present(device_id)

    # What happens -----------------------------------------------------------------------------------------

    def smart_energy_event(self, event: SmartEnergyEvent) -> None:
        """As `SmartEnergyListener`."""
        if self._station is None:
            return
        self._station.keep(event)
        if isinstance(event, MessageFrom):
            self._blocks(event.partner).receive(event.octets)
        elif isinstance(event, MessageDelivered | MessageNotDelivered):
            self._message_over(event)
        elif isinstance(event, DeviceCommissioned):
            self._commissioned(event)
        elif isinstance(event, JoinFailed):
            self.chf.note_failed_join(event.eui64, f"{event.reason} {event.detail}".rstrip())
        elif isinstance(event, ImageDelivered | ImageFailed):
            self._image_over(event)
        elif isinstance(event, MirrorCreated | MirrorUpdated | MirrorPublished):
            self._mirrored(event)
        elif isinstance(event, HubUp):
            self._memory.put(formed=True)
            self._settled_at = self._now + (_SETTLING_S if event.resumed else 0.0)
            self._reconcile()
        elif isinstance(event, HanSaid):
            self._frame_refused(event.event)

    def _mirrored(self, event: MirrorCreated | MirrorUpdated | MirrorPublished) -> None:
        if self.gpf is None:
            return
        if isinstance(event, MirrorCreated):
            # A29: a proxy that is new to the meter has it tell its history again, or shows a gap.
            if self._application is not None and self.gpf.description.assumes("A29") == "refilled":
                self._application.set_flags(
                    event.eui64, FUNCTIONAL, Flag.GET_SNAPSHOT | Flag.GET_SAMPLED_DATA
                )
        elif isinstance(event, MirrorUpdated):
            self.gpf.take_report(event.eui64, event.attributes)
        else:
            self.gpf.take_published(event.eui64, event.cluster, event.command, event.payload)

    def _message_over(self, event: MessageDelivered | MessageNotDelivered) -> None:
        outcome = self._outcomes.pop(event.token, None)
        if outcome is not None:
            outcome(isinstance(event, MessageDelivered))

    def _image_over(self, event: ImageDelivered | ImageFailed) -> None:
        found = self._images.pop(event.token, None)
        if found is None:
            return
        device_id, outcome = found
        self._offered.forget(device_id, event.token)
        if isinstance(event, ImageFailed):
            outcome(event.reason, event.status)
        else:
            outcome(None, None)

    def _frame_refused(self, event: HanEvent) -> None:
        """Note a frame that somebody replayed or forged."""
        if isinstance(event, FrameRefused):
            self.chf.note_refused_frame(str(event.source), event.reason)


def _nobody_asks(_device_id: Eui64, _octets: bytes) -> ImageOutcome:
    """Of a HAN without a hub around it."""
    return lambda _failure, _status: None
