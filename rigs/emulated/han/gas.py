"""What a gas meter tells its mirror when it wakes, beyond attributes: entries of its logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.zigbee.smart_energy.events import FlagsRaised, MirrorReported
from protocols.zigbee.smart_energy.mirror import FUNCTIONAL, Flag
from rigs.emulated.gsme import Gsme

if TYPE_CHECKING:
    from protocols.zigbee.smart_energy.device import SmartEnergyDevice
    from protocols.zigbee.smart_energy.events import SmartEnergyEvent
    from rigs.emulated.device import Device

_HISTORY = Flag.GET_SNAPSHOT | Flag.GET_SAMPLED_DATA | Flag.PUSH_HISTORICAL_METERING


class GasHistory:
    """Pushes a gas meter's logs; nothing for other devices."""

    def __init__(self, device: Device) -> None:
        self._meter = device if isinstance(device, Gsme) else None
        self._under_way = False

    def settle(self) -> None:
        """Have the registers show what they would at this moment, before they are reported."""
        meter = self._meter
        if meter is not None and meter.powered and not meter.storage.in_transaction:
            with meter.work():
                pass

    def heard(self, event: SmartEnergyEvent, application: SmartEnergyDevice | None) -> None:
        """Something happened on the HAN."""
        meter = self._meter
        if meter is None or application is None or not meter.powered:
            return
        if isinstance(event, FlagsRaised) and event.attribute == FUNCTIONAL and event.flags & _HISTORY:
            with meter.work():
                meter.gas.publishing.again()
        elif isinstance(event, MirrorReported) and not self._under_way:
            self._push(meter, application)

    def _push(self, meter: Gsme, application: SmartEnergyDevice) -> None:
        commands, mark = meter.gas.publishing.waiting()
        if not commands:
            return

        def done(arrived: bool) -> None:
            self._under_way = False
            if arrived and meter.powered:
                with meter.work():
                    meter.gas.publishing.arrived(mark)

        self._under_way = True
        application.publish(commands, done)

    def stop(self) -> None:
        """Off the HAN: what was under way is lost."""
        self._under_way = False
