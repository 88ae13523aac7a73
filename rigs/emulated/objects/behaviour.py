"""What COSEM objects do beyond storing values, whatever the kind of device: ``METHODS`` is the table.

Dates of activation (ECS01a, 08, 28a ...) are in ``dated``, the hub's device log in ``hub_log``. What one kind
of device does stands with its part: an ESME's load switch (ECS42 to ECS45) in ``load_switch``, its credit and
debts (CS01a, ECS02 to ECS09) in ``prepayment.cosem_methods``, load limiting in ``load_limit``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from protocols.dlms.access import AccessResult
from protocols.dlms.axdr import Data, null_data
from rigs.emulated.event_rules import EventCode, Log
from rigs.emulated.log_objects import log_of
from rigs.emulated.objects import protected

if TYPE_CHECKING:
    from rigs.emulated.command import Command
    from rigs.emulated.device import Device
    from rigs.emulated.objects.definition import Place

Answer = tuple[AccessResult, Data]
Behaviour = Callable[["Device", "Command", "Place", Data], Answer]

_PROFILE = 7
_CLEARABLE = (Log.EVENT, Log.AUXILIARY)


def method(place: Place) -> Behaviour | None:
    """What a method does; None where it is taken and nothing follows."""
    found = METHODS.get((place.class_id, place.obis, place.number))
    return found or METHODS.get((place.class_id, None, place.number))


def _reset(device: Device, _command: Command, place: Place, _parameter: Data) -> Answer:
    """ECS15a, ECS15c: an emptied log; the security log has no such method."""
    log = log_of(place.obis)
    if log in _CLEARABLE:
        device.events.clear(log)
        if log is Log.EVENT:
            device.events.record(EventCode.EVENT_LOG_CLEARED)
    device.cosem.forget(place._replace(number=2, is_method=False))
    return AccessResult.SUCCESS, null_data()


# By class, OBIS code (None: every object of the class) and number.
METHODS: dict[tuple[int, bytes | None, int], Behaviour] = {
    (_PROFILE, None, 1): _reset,
    (protected.CLASS, None, 1): protected.read,
}
