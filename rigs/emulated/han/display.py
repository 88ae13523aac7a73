"""Displays on the HAN, IHD and PPMID: what they ask meter and gas proxy for, and are told (ZSE 1.4).

A display asks when somebody looks, all of it in one go; nothing is asked for periodically.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from protocols.eui64 import Eui64
from protocols.gbcs.asn1.types import DeviceType
from protocols.zigbee.smart_energy.information import Done, Reader
from protocols.zigbee.smart_energy.settings import (
    DEVICE_ENDPOINT,
    DEVICE_MANAGEMENT,
    FIRST_MIRROR_ENDPOINT,
    GAS_ENDPOINT,
    MESSAGING,
    METERING,
    PREPAYMENT,
    PRICE,
)
from protocols.zigbee.smart_energy.zcl_exchange import Address
from rigs.emulated.events import seconds_since_2000
from rigs.emulated.ihd import Ihd
from rigs.emulated.information.screen import ELECTRICITY, GAS

if TYPE_CHECKING:
    from protocols.zigbee.smart_energy.device import SmartEnergyDevice
    from rigs.emulated.ppmid import Ppmid

# Register, indication, unit, multiplier and divisor, power; consumption of day, week and month.
_METERING = (0x0000, 0x0207, 0x0300, 0x0301, 0x0302, 0x0400)
_PERIODS = (0x0401, 0x0430, 0x0440)
# Mode, balance, emergency credit, status, accumulated debt; the three debts.
_PREPAYMENT = (0x0000, 0x0001, 0x0002, 0x0003, 0x0005, 0x0211, 0x0221, 0x0231)
_COSTS = (0x051C, 0x0530, 0x0540)
_CONTACT = (0x0101, 0x0102)
_PRICE, _MESSAGE, _CONFIRMATION = "Get Current Price", "Get Last Message", "Message Confirmation"
_QUESTIONS = 7
_Questions = list[Callable[[Done], None]]
"""What is asked of one server, a meter or the gas proxy, in this order."""


class Display:
    """One display, joined with its running application."""

    def __init__(self, device: Ihd | Ppmid, application: SmartEnergyDevice) -> None:
        self._device, self._screen, self._application = device, device.screen, application
        self._reader = Reader(application.zcl, DEVICE_ENDPOINT, self._heard, self._may_tell)
        self._asking: set[str] = set()
        self._again = False
        device.screen.look, device.screen.confirm = self._look, self._confirm

    def _meters(self) -> list[Eui64]:
        device = self._device
        if isinstance(device, Ihd):
            return device.meters()
        return [each.device_id for each in device.join_log.entries() if each.device_type == DeviceType.ESME]

    def _may_tell(self, partner: Eui64) -> bool:
        return partner == self._application.hub or partner in self._meters()

    def _heard(self, address: Address, cluster: int, name: str, values: dict[Any, Any]) -> None:
        source = GAS if address.partner == self._application.hub else ELECTRICITY
        self._screen.heard(source, cluster, name, values)

    def _look(self) -> None:
        """Ask for all there is, one thing after the other; a look meanwhile makes another afterwards.

        A proxy that does not answer keeps nobody from the meter's figures.
        """
        self._again = ELECTRICITY in self._asking
        if not self._again:
            self._asking.add(ELECTRICITY)
            self._next(ELECTRICITY, self._of_meters())

    def _over(self, source: str) -> None:
        self._asking.discard(source)
        if source == ELECTRICITY:
            if GAS not in self._asking:
                self._asking.add(GAS)
                self._next(GAS, self._of_gas())
            if self._again:
                self._look()

    def _of_meters(self) -> list[_Questions]:
        addresses = [Address(meter, DEVICE_ENDPOINT, DEVICE_ENDPOINT) for meter in self._meters()]
        return [self._questions(ELECTRICITY, address, address) for address in addresses]

    def _of_gas(self) -> list[_Questions]:
        hub = self._application.hub
        if hub is None:
            return []
        # That the mirror of a meter is the first, and where it stands, no hub tells (a choice of ours).
        mirror = Address(hub, FIRST_MIRROR_ENDPOINT, DEVICE_ENDPOINT)
        return [self._questions(GAS, mirror, Address(hub, GAS_ENDPOINT, DEVICE_ENDPOINT))]

    def _next(self, source: str, servers: list[_Questions]) -> None:
        """The next question to the first server; one that does not answer its first is left out."""
        while servers and not servers[0]:
            servers = servers[1:]
        if not servers:
            self._over(source)
            return
        (question, *rest), *others = servers
        is_first = len(rest) == _QUESTIONS - 1
        question(lambda answered: self._next(source, [rest if answered or not is_first else [], *others]))

    def _questions(self, source: str, meter: Address, interface: Address) -> _Questions:
        """Questions for the register, which nobody gives who gives nothing, and for the rest.

        So many attributes at a time that every answer fits one frame.
        """
        reader, gone = self._reader, partial(partial, self._screen.gone, source)
        current = {"Command Options": 1}  # its receiver is on when idle; one that sleeps polls for the answer
        return [
            lambda done: reader.read(meter, METERING, _METERING, done),
            lambda done: reader.ask(interface, PRICE, _PRICE, current, none=gone("price"), done=done),
            lambda done: reader.read(meter, PREPAYMENT, _PREPAYMENT, done),
            lambda done: reader.ask(interface, MESSAGING, _MESSAGE, none=gone("message"), done=done),
            lambda done: reader.read(interface, DEVICE_MANAGEMENT, _CONTACT, done),
            lambda done: reader.read(meter, METERING, _PERIODS, done),
            lambda done: reader.read(meter, PREPAYMENT, _COSTS, done),
        ]

    def _confirm(self, source: str, number: int) -> None:
        """A message was read."""
        hub, meters = self._application.hub, self._meters()
        now = seconds_since_2000(self._device.device_clock.now())
        values = {"Message ID": number, "Confirmation Time": now}
        if source == GAS and hub is not None:
            self._reader.ask(Address(hub, GAS_ENDPOINT, DEVICE_ENDPOINT), MESSAGING, _CONFIRMATION, values)
        elif source == ELECTRICITY:
            for meter in meters:
                address = Address(meter, DEVICE_ENDPOINT, DEVICE_ENDPOINT)
                self._reader.ask(address, MESSAGING, _CONFIRMATION, values)
