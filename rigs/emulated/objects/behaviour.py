"""What COSEM objects do beyond storing values: "what does an ESME do on ECS44" is answered here.

``METHODS`` is the table. Dates of activation (ECS01a, 08, 28a ...) are in ``dated``, the hub's device log in
``hub_log``; what a kind of device computes it registers itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from protocols.dlms.access import AccessResult
from protocols.dlms.axdr import Data, Tag, boolean, null_data
from protocols.errors import EncodeError
from protocols.gbcs.prepayment import UtrnError
from rigs.emulated.event_rules import Log
from rigs.emulated.objects import protected
from rigs.emulated.objects.definition import Place
from rigs.emulated.objects.zse_settings import accept_top_up

if TYPE_CHECKING:
    from rigs.emulated.command import Command
    from rigs.emulated.device import Device

Answer = tuple[AccessResult, Data]
Behaviour = Callable[["Device", "Command", Place, Data], Answer]

_PROFILE, _SCRIPTS, _CREDIT, _TOKENS = 7, 9, 112, 115
_SUPPLY_SCRIPTS, _TOKEN_GATEWAY = bytes.fromhex("00000A006AFF"), bytes.fromhex("0000132800FF")
_EVENT_LOG = bytes.fromhex("0000636200FF")
_SUPPLY = Place(70, bytes.fromhex("000060030AFF"), 2)
_METER_BALANCE = Place(_CREDIT, bytes.fromhex("0000130A00FF"), 2)
_ENABLE, _DISABLE = 51, 52
_PENCE = 1000  # hundred-thousandths of a pound
_UPDATE, _SET, _INVOKE = 1, 2, 3


def method(place: Place) -> Behaviour | None:
    """What a method does; None where it is taken and nothing follows."""
    found = METHODS.get((place.class_id, place.obis, place.number))
    return found or METHODS.get((place.class_id, None, place.number))


def _reset(device: Device, _command: Command, place: Place, _parameter: Data) -> Answer:
    """ECS15a, ECS15c: an emptied log; the security log has no such method."""
    if place.obis == _EVENT_LOG:
        device.events.clear(Log.EVENT)
    device.cosem.forget(place._replace(number=2, is_method=False))
    return AccessResult.SUCCESS, null_data()


def _supply(device: Device, _command: Command, _place: Place, script: Data) -> Answer:
    """ECS42 enables, ECS43 disables, ECS44 arms the supply: scripts of the load switch."""
    if script.tag != Tag.LONG_UNSIGNED:
        return AccessResult.TYPE_UNMATCHED, null_data()
    if _SUPPLY in device.cosem.objects.members and script.value in {_ENABLE, _DISABLE}:
        device.cosem.put(_SUPPLY, boolean(script.value == _ENABLE))
    device.storage.put_json("supply", "script", script.value)
    device.note(f"supply script {script.value}")
    return AccessResult.SUCCESS, null_data()


def _credit(device: Device, _command: Command, place: Place, amount: Data) -> Answer:
    """ECS04a, 04b, 07: update adds to a credit, set replaces it."""
    if amount.tag != Tag.DOUBLE_LONG:
        return AccessResult.TYPE_UNMATCHED, null_data()
    held = place._replace(number=2, is_method=False)
    before = _amount(device, held) if place.number == _UPDATE else 0
    _put_amount(device, held, before + amount.value)
    return AccessResult.SUCCESS, null_data()


def _amount(device: Device, place: Place) -> int:
    value = device.cosem.value(place)
    return int(value.value) if value is not None and value.value else 0


def _put_amount(device: Device, place: Place, amount: int) -> None:
    value = Data(Tag.DOUBLE_LONG, max(-(1 << 31), min(amount, (1 << 31) - 1)))
    device.cosem.put(place, value)


def _top_up(device: Device, command: Command, _place: Place, parameter: Data) -> Answer:
    """CS01a: a UTRN adds credit once; not when it is not authentic or was used before."""
    if parameter.tag != Tag.OCTET_STRING:
        return AccessResult.TYPE_UNMATCHED, null_data()
    try:
        pence = accept_top_up(device, command, parameter.value)
    except (UtrnError, EncodeError) as error:
        device.note(f"top-up refused: {error}")
        return AccessResult.HARDWARE_FAULT, null_data()
    _put_amount(device, _METER_BALANCE, _amount(device, _METER_BALANCE) + pence * _PENCE)
    return AccessResult.SUCCESS, null_data()


# By class, OBIS code (None: every object of the class) and number.
METHODS: dict[tuple[int, bytes | None, int], Behaviour] = {
    (_PROFILE, None, 1): _reset,
    (_SCRIPTS, _SUPPLY_SCRIPTS, 1): _supply,
    (_CREDIT, None, _UPDATE): _credit,
    (_CREDIT, None, _SET): _credit,
    (_TOKENS, _TOKEN_GATEWAY, 1): _top_up,
    (protected.CLASS, None, 1): protected.read,
}
