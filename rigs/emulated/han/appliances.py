"""What switches and displays do on the HAN by themselves, and the ESME's part in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.han import HanEvent, KeySource, LinkKeyChanged
from rigs.emulated.esme import Esme
from rigs.emulated.han.announcing import Announcer, serve_electricity
from rigs.emulated.han.auxiliary import Switch, SwitchingMeter
from rigs.emulated.han.display import Display
from rigs.emulated.hcalcs import Hcalcs
from rigs.emulated.ihd import Ihd
from rigs.emulated.ppmid import Ppmid

if TYPE_CHECKING:
    from protocols.zigbee.smart_energy.device import SmartEnergyDevice
    from rigs.emulated.device import Device


def join(device: Device, application: SmartEnergyDevice) -> None:
    """Join a device with its running application."""
    if isinstance(device, Esme):
        SwitchingMeter(device, application)
        serve_electricity(device, application)
    elif isinstance(device, Hcalcs):
        Switch(device, application)
    elif isinstance(device, Ihd | Ppmid):
        Display(device, application)


def ready(device: Device) -> None:
    """The device is on the HAN, new or again."""
    if isinstance(device, Hcalcs):
        device.ask_meters()


def heard(device: Device, event: HanEvent) -> None:
    """A display learns from the hub's keys which meters it may read."""
    is_key = isinstance(event, LinkKeyChanged) and event.source is KeySource.TRUST_CENTRE
    if isinstance(device, Ihd) and isinstance(event, LinkKeyChanged) and is_key:
        device.met(event.partner)


def attribute(device: Device, cluster: int, number: int) -> Any:
    """A value that a meter has for its displays; None where it has none."""
    announcer = device.worked
    return announcer.attribute(cluster, number) if isinstance(announcer, Announcer) else None
