"""An in-home display reads a meter's attributes over the HAN; an ESME has them to be read (ZSE metering)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.zigbee.smart_energy.settings import DEVICE_ENDPOINT, METERING
from protocols.zigbee.smart_energy.zcl_exchange import Address, Reply
from rigs.emulated.ambient import Usage, usage
from rigs.emulated.ihd import Heard, Ihd

if TYPE_CHECKING:
    from protocols.eui64 import Eui64
    from protocols.zigbee.smart_energy.device import SmartEnergyDevice
    from rigs.emulated.esme import Esme

IMPORT, POWER = 0x0000, 0x0400  # Current Summation Delivered, Instantaneous Demand
USAGE = 0x0207  # Ambient Consumption Indicator
_MULTIPLIER, _DIVISOR = 0x0301, 0x0302
_WATTS_IN_A_KILOWATT = 1000


def figures(device: Esme, cluster: int, attribute: int) -> Any:
    """An ESME's attributes for displays: energy and power in kWh and kW, by multiplier 1 and divisor 1000."""
    if cluster != METERING:
        return None
    rate = device.electricity.metering.rate()
    power = rate.import_wh + rate.secondary_wh - rate.export_wh
    values = {
        IMPORT: device.import_wh,
        POWER: power,
        USAGE: int(usage(device, power)),
        _MULTIPLIER: 1,
        _DIVISOR: _WATTS_IN_A_KILOWATT,
    }
    return values.get(attribute)


def join(device: Ihd, application: SmartEnergyDevice) -> None:
    """Have a display read through its running application."""

    def ask(meter: Eui64, heard: Heard) -> None:
        def read(reply: Reply) -> None:
            found = reply.attributes()
            if IMPORT in found and POWER in found:
                kwh = found[IMPORT] / found.get(_DIVISOR, 1)
                shown = {"IMPORT": f"{kwh:.3f} kWh", "POWER": f"{found[POWER]} W"}
                heard(shown | ({"USAGE": Usage(found[USAGE]).name} if USAGE in found else {}))

        address = Address(meter, DEVICE_ENDPOINT, DEVICE_ENDPOINT)
        application.zcl.read(address, METERING, [IMPORT, POWER, USAGE, _MULTIPLIER, _DIVISOR], read)

    device.ask = ask
