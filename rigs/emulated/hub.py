"""The Communications Hub as a box: where messages go between the WAN port, its own functions and the HAN.

Commands come in at the WAN port alone. The hub's own functions (CHF, GPF) take theirs; everybody else is
reached over the HAN (`rigs.emulated.han`), only while the CHF's device log lists it and it has joined. What
devices send leaves by the WAN port.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.errors import DecodeError
from protocols.gbcs.message import parse_message
from protocols.ports import ImageRefusedError
from protocols.zigbee.smart_energy.events import ImageFailure
from rigs.emulated.chf import DISCARDED, NOT_TRANSFERRED, TRANSFERRED, WRONG_HARDWARE
from rigs.emulated.han.hub import HanHub

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocols.eui64 import Eui64
    from protocols.gbcs.message import Message
    from protocols.ports import Clock
    from rigs.emulated.chf import Chf
    from rigs.emulated.gpf import Gpf
    from rigs.emulated.han.air import Air

# Devices whose images the hub reports on with CCS08 (devices.md 6).
_REPORTED_IMAGES = frozenset({"ppmid", "hcalcs"})
_RESPONSES = {
    None: TRANSFERRED,
    ImageFailure.NOT_AN_IMAGE: DISCARDED,
    ImageFailure.REFUSED: DISCARDED,
    ImageFailure.NOT_WANTED: WRONG_HARDWARE,
}


class Hub:
    """Routes messages between the WAN port, the hub's own functions and the devices on the HAN.

    ``send`` gets every message that leaves by the WAN port; ``on_open`` hears whom the HAN would let in now.
    """

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
        self.chf = chf
        self.gpf = gpf
        self._clock = clock
        self._send = send
        self.han = HanHub(chf, gpf, air, on_message=self._from_device, on_open=on_open)
        chf.on_log_change = self.han.log_changed
        chf.han_id = bytes(self.han.eui64)

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
            self.chf.handle(octets)
        elif self.gpf is not None and target == self.gpf.eui64:
            self.gpf.handle(octets)
        else:
            self._forward(target, message, octets)

    def from_function(self, octets: bytes) -> None:
        """Take one message from the CHF or the GPF."""
        if self.chf.powered:
            self._send(octets)

    def _from_device(self, device_id: Eui64, octets: bytes) -> None:
        """Take one message from a device on the HAN; one that is not in the log talks to nobody."""
        entry = self.chf.log.entries.get(device_id)
        if entry is not None:
            entry.last_communication = self._clock.now()
            self._send(octets)

    def _forward(self, target: Eui64, message: Message, octets: bytes) -> None:
        if target in self.chf.log.entries:
            self.han.send(target, octets, lambda done: self._forwarded(target, message, done=done))
        else:
            self.chf.note_unknown_target(target)

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
        reported = entry.device_type in _REPORTED_IMAGES

        def over(failure: ImageFailure | None, _status: int | None) -> None:
            if reported and self.chf.powered:
                self.chf.report_transfer(target, image, _RESPONSES.get(failure, NOT_TRANSFERRED))

        self.han.deliver_image(target, image, over)

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
