"""The Communications Hub as a box: where messages go between the WAN port, its own functions and the HAN.

Commands come in at the WAN port alone. The hub's own functions (CHF, GPF) take theirs; everybody else is
reached over the HAN (`rigs.emulated.han`), only while the CHF's device log lists it and it has joined. What
devices send leaves by the WAN port.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from protocols.errors import DecodeError
from protocols.gbcs.message import parse_message
from protocols.ports import ImageRefusedError
from protocols.zigbee.smart_energy.events import ImageFailure
from rigs.emulated.chf import DISCARDED, NOT_TRANSFERRED, TRANSFERRED, WRONG_HARDWARE
from rigs.emulated.han import hub_knobs
from rigs.emulated.han.hub import HanHub, ImageOutcome
from rigs.emulated.throttling import throttle_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocols.eui64 import Eui64
    from protocols.gbcs.message import Message
    from protocols.ports import Clock
    from rigs.emulated.chf import Chf
    from rigs.emulated.gpf import Gpf
    from rigs.emulated.han.air import Air

# How long a gas meter may leave a command with the hub before that is reported: two of its usual rounds. No
# source has a figure (A24).
HOLDING_S = 3600.0
# Devices whose images the hub reports on with CCS08 (devices.md 6).
_REPORTED_IMAGES = frozenset({"ppmid", "hcalcs"})
# Devices that send each other GBCS messages through the hub: PCS01, PCS02 and their responses.
_TALK_TO_EACH_OTHER = frozenset({"ppmid", "gsme"})
_RESPONSES = {
    None: TRANSFERRED,
    ImageFailure.NOT_AN_IMAGE: DISCARDED,
    ImageFailure.REFUSED: DISCARDED,
    ImageFailure.NOT_WANTED: WRONG_HARDWARE,
}


class HubHan(Protocol):
    """What a hub has its HAN for; `HanHub` is the one on the air."""

    @property
    def eui64(self) -> Eui64:
        """Identifier of its radio, which is the extended PAN id."""

    def send(self, device_id: Eui64, octets: bytes, outcome: Callable[[bool], None], /) -> None:
        """Send a whole message to a device; ``outcome`` hears whether it got there."""

    def log_changed(self, device_id: Eui64, /) -> None:
        """The CHF's device log has changed."""

    def deliver_image(
        self, device_id: Eui64, image: bytes, outcome: Callable[[ImageFailure | None, int | None], None], /
    ) -> None:
        """Offer a firmware image; ``outcome`` hears None, or why the device has not got it and its status."""

    def power_on(self) -> None:
        """Start."""

    def power_off(self) -> None:
        """A power cut."""


class Box:
    """Routes messages between the WAN port, the hub's own functions and the devices on a HAN.

    ``send`` gets every message that leaves by the WAN port. ``make_han`` gives the HAN; it is told who takes
    the messages of its devices.
    """

    han: HubHan

    def __init__(
        self,
        chf: Chf,
        gpf: Gpf | None,
        clock: Clock,
        send: Callable[[bytes], None],
        make_han: Callable[[Callable[[Eui64, bytes], None]], HubHan],
    ) -> None:
        self.chf = chf
        self.gpf = gpf
        self._clock = clock
        self._send = send
        self.throttle = throttle_of(chf.description.assumes("A28"))
        self.han = make_han(self._from_device)
        chf.on_log_change = self.han.log_changed
        chf.radio_id = bytes(self.han.eui64)

    # Messages ---------------------------------------------------------------------------------------------

    def from_wan(self, octets: bytes) -> None:
        """Take one message from the WAN port; nothing is raised for what it holds."""
        if not self.chf.powered:
            return
        try:
            message = parse_message(octets)
        except DecodeError:
            # Nobody can say whom it was for; the CHF keeps the record of it.
            self.chf.handle(octets)
            return
        target = message.header.business_target_id
        if target == self.chf.eui64:
            self.chf.handle(octets, message)
        elif self.gpf is not None and target == self.gpf.eui64:
            self.gpf.handle(octets, message)
        else:
            self._forward(target, message, octets)

    def from_function(self, octets: bytes) -> None:
        """Take one message from the CHF or the GPF."""
        if self.chf.powered:
            self._leave(octets)

    def _leave(self, octets: bytes) -> None:
        """Out by the WAN port, unless it is one alert too many of its kind (A28)."""
        told = self.throttle.passes(octets, self._clock.now())
        if told:
            self.chf.say(told)
        if told is not None:
            self._send(octets)

    def _from_device(self, device_id: Eui64, octets: bytes) -> None:
        """Take one message from a device on the HAN; one that is not in the log talks to nobody."""
        entry = self.chf.log.entries.get(device_id)
        if entry is not None:
            entry.last_communication = self._clock.now()
            message = _read(octets) if entry.device_type in _TALK_TO_EACH_OTHER else None
            if message is not None and self._passed_on(message, octets):
                return
            self._leave(octets)
            if self.gpf is not None and entry.device_type == "gsme":
                self._tap(self.gpf, message)

    def _passed_on(self, message: Message, octets: bytes) -> bool:
        """Hand a message for another device of the log over to it: no business of the WAN's."""
        target = message.header.business_target_id
        if target not in self.chf.log.entries:
            return False
        self._forward(target, message, octets)
        return True

    @staticmethod
    def _tap(gpf: Gpf, message: Message | None) -> None:
        """Show the GPF what a gas meter answered."""
        if message is not None and message.kind == "response":
            gpf.tap_response(message)

    def _forward(self, target: Eui64, message: Message, octets: bytes) -> None:
        if target not in self.chf.log.entries:
            self.chf.note_unknown_target(target)
        elif self.chf.sub_ghz.is_suspended(target):
            self.chf.report_discarded(message.header)
        else:
            if self.gpf is not None and self.chf.log.entries[target].device_type == "gsme":
                self.gpf.tap_command(message)
            self._hand_over(target, message, octets)

    def _hand_over(self, target: Eui64, message: Message, octets: bytes) -> None:
        """Send on the HAN."""
        self.han.send(target, octets, lambda done: self._forwarded(target, message, done=done))

    def _forwarded(self, target: Eui64, message: Message, *, done: bool) -> None:
        """What became of a message: counted, and for an ESME that was not reached reported."""
        entry = self.chf.log.entries.get(target)
        if entry is None or not self.chf.powered:
            return
        if done:
            entry.transmission_successes += 1
            entry.last_communication = self._clock.now()
            return
        entry.transmission_failures += 1
        if entry.device_type == "esme":
            self.chf.report_undelivered(message.header)

    # Images -----------------------------------------------------------------------------------------------

    def deliver_image(self, target: Eui64, image: bytes) -> None:
        """Take an image for a device, as CS05 brings it; ImageRefusedError when it has no way there."""
        if not self.chf.powered:
            raise ImageRefusedError("the hub has no supply")
        entry = self.chf.log.entries.get(target)
        if entry is None:
            self.chf.note_unknown_target(target)
            raise ImageRefusedError(f"{target} is not in the device log")
        self.han.deliver_image(target, image, self._image_outcome(target, image))

    def _image_outcome(self, target: Eui64, image: bytes) -> ImageOutcome:
        """Who hears what became of an image: the broker, where it is for a device of such a type."""
        entry = self.chf.log.entries.get(target)
        reported = entry is not None and entry.device_type in _REPORTED_IMAGES

        def over(failure: ImageFailure | None, _status: int | None) -> None:
            if reported and self.chf.powered:
                self.chf.report_transfer(target, image, _RESPONSES.get(failure, NOT_TRANSFERRED))

        return over

    # Supply -----------------------------------------------------------------------------------------------

    def power(self, on: bool) -> None:
        """Supply of the box: both functions, and with them the HAN."""
        if not on:
            self.han.power_off()
        self.chf.power(on)
        if self.gpf is not None:
            self.gpf.power(on)
        if on:
            self.han.power_on()


def _read(octets: bytes) -> Message | None:
    try:
        return parse_message(octets)
    except DecodeError:
        return None


class Hub(Box):
    """A hub whose HAN is on the air; ``on_open`` hears whom the HAN would let in now."""

    han: HanHub

    def __init__(
        self,
        chf: Chf,
        gpf: Gpf | None,
        clock: Clock,
        send: Callable[[bytes], None],
        *,
        air: Air,
        on_open: Callable[[Eui64], None],
    ) -> None:
        super().__init__(
            chf, gpf, clock, send, lambda taken: HanHub(chf, gpf, air, on_message=taken, on_open=on_open)
        )
        self._air = air
        chf.on_restore = self.han.form_anew
        self.han.outcome_of = self._image_outcome
        hub_knobs.register(self.han)

    def _hand_over(self, target: Eui64, message: Message, octets: bytes) -> None:
        """Send on the HAN; what a gas meter has not fetched in time is reported (GBCS-16-16)."""
        if self.chf.log.entries[target].device_type != "gsme":
            super()._hand_over(target, message, octets)
            return
        answered = False

        def over(done: bool) -> None:
            nonlocal answered
            answered = True
            self._forwarded(target, message, done=done)

        def late() -> None:
            if not answered and self.chf.powered and target in self.chf.log.entries:
                self.chf.report_not_retrieved(target)

        self._air.scheduler.call_at(self._air.scheduler.time() + HOLDING_S, late)
        self.han.send(target, octets, over)
