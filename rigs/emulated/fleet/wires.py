"""A HAN of wires: what a hub has its HAN for, without stacks and frames.

Whoever the hub's log lists, with the right install code, has joined at once; nothing on the way is lost. A
gas meter's mirror is brought up to date when somebody asks the GPF, not every half hour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.gbcs.zcl import Status
from protocols.zigbee.smart_energy.events import ImageFailure
from protocols.zigbee.zcl.frame import parse_zcl
from rigs.emulated.firmware import ImageOutcome as Taken
from rigs.emulated.gpf import MIRRORED, Gpf
from rigs.emulated.gsme import Gsme
from rigs.emulated.hub import Box

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocols.eui64 import Eui64
    from protocols.gbcs.message import Message
    from rigs.emulated.chf import Chf
    from rigs.emulated.device import Device

# What a hub hears of an image that a device has not stored.
_REFUSALS = {Taken.MISMATCH: ImageFailure.NOT_WANTED, Taken.DISCARDED: ImageFailure.REFUSED}


class WiredBox(Box):
    """A hub that has such a HAN: what it has read nobody in the household reads again."""

    han: Wires

    def _hand_over(self, target: Eui64, message: Message, octets: bytes) -> None:
        self.han.send(target, octets, lambda done: self._forwarded(target, message, done=done), message)


class Wires:
    """``find`` gives a device of the household by its identifier, ``link_key`` its key with the hub.

    ``arrive`` is the hub's: it takes what a device sends.
    """

    def __init__(
        self,
        chf: Chf,
        eui64: Eui64,
        arrive: Callable[[Eui64, bytes], None],
        find: Callable[[Eui64], Device | None],
        link_key: Callable[[Eui64], bytes],
    ) -> None:
        self.eui64 = eui64
        self.arrive = arrive
        self._chf = chf
        self._find = find
        self._link_key = link_key
        self.to_mirror = True  # the gas meter may have worked since the mirror was told

    # Power ------------------------------------------------------------------------------------------------

    def power_on(self) -> None:
        """Who was entered in the log meanwhile joins now."""
        for device_id in list(self._chf.log.entries):
            self.log_changed(device_id)

    def power_off(self) -> None:
        """Wires need no supply; the hub itself takes and sends nothing without."""

    # Joining ----------------------------------------------------------------------------------------------

    def log_changed(self, device_id: Eui64) -> None:
        """Who is in the hub's log now joins; who is no longer has left."""
        device = self._find(device_id)
        if device is None:
            return
        entry = self._chf.log.entries.get(device_id)
        if entry is None:
            device.left()
        elif not entry.joined and device.powered and entry.install_code == device.description.install_code:
            self._chf.record_join(device_id, self._link_key(device_id))
            device.joined(self.eui64)

    # Messages and images ----------------------------------------------------------------------------------

    def send(
        self,
        device_id: Eui64,
        octets: bytes,
        outcome: Callable[[bool], None],
        message: Message | None = None,
    ) -> None:
        """To a device that is there, has supply, and has joined; ``message`` is the same, read already."""
        device = self._find(device_id)
        there = device is not None and device.powered and device.hub is not None
        outcome(there)
        if device is not None and there:
            device.handle(octets, message)

    def deliver_image(
        self, device_id: Eui64, image: bytes, outcome: Callable[[ImageFailure | None, int | None], None]
    ) -> None:
        """All of an image at once; a device that waits for no command runs it (GBCS 11.9)."""
        device = self._find(device_id)
        taken = None if device is None or device.hub is None else device.receive_image(image)
        if device is None or taken is None:
            return
        outcome(_REFUSALS.get(taken), None)
        if taken is Taken.STORED:
            device.upgrade_due()

    # Mirror -----------------------------------------------------------------------------------------------

    def meter_worked(self) -> None:
        """The gas meter may have something new for its mirror."""
        self.to_mirror = True

    def mirror(self, gsme: Device, gpf: Device) -> None:
        """What the gas meter has pushed to the GPF by now, if they are paired."""
        if not self.to_mirror or not isinstance(gsme, Gsme) or not isinstance(gpf, Gpf):
            return
        self.to_mirror = False
        if not gsme.powered or gsme.hub is None or gsme.join_log.get(gpf.eui64) is None:
            return
        commands, mark = gsme.gas.publishing.waiting()
        if commands:
            with gsme.work():
                gsme.gas.publishing.arrived(mark)
        values = {where: gsme.zcl.value(*where) for where in MIRRORED}
        gpf.take_report(
            gsme.eui64, {where: value for where, value in values.items() if not isinstance(value, Status)}
        )
        for cluster, octets in commands:
            frame = parse_zcl(octets)
            gpf.take_published(gsme.eui64, cluster, frame.command, frame.payload)
        self.to_mirror = False
