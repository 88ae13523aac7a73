"""What a consumer does at a PPMID for the gas meter: a top-up (PCS01), emergency credit (PCS02).

They go as GBCS messages through the hub to the gas meter, which fetches them when it wakes; what it answered
stands on the PPMID's display then.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from protocols.errors import DecodeError
from protocols.gbcs.asn1.types import DeviceType
from protocols.gbcs.gbz import parse_gbz
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.message import Message, parse_message
from protocols.gbcs.named.short import command_payload
from protocols.gbcs.protect import protected_octets
from protocols.gbcs.zcl import DEFAULT_RESPONSE
from protocols.ports import StimulusKind, StimulusOutcome
from rigs.emulated import partner_messages
from rigs.emulated.event_rules import EventCode
from rigs.emulated.knobs import Answer, done

if TYPE_CHECKING:
    from rigs.emulated.device import Device, Stimulus

GAS = "gas:"  # before the digits of a top-up that is for gas
TOP_UP, EMERGENCY_CREDIT = "PCS01", "PCS02"
# User interface commands, other information of 0x8161 and 0x8162 (alerts.json).
_TOLD = {TOP_UP: bytes.fromhex("0005"), EMERGENCY_CREDIT: bytes.fromhex("0002")}
_SECTION, _WAITING = "ppmid", "gas"
_ACCEPTED = frozenset((0x00, 0x10, 0x11, 0x12))  # result types of a top-up


def register(device: Device) -> None:
    """The keypad takes ``gas:digits`` too, and there is a button ``gas-emergency-credit``."""
    electricity = device.stimuli[StimulusKind.KEYPAD]
    device.stimuli[StimulusKind.KEYPAD] = partial(_keypad, device, electricity)
    device.knobs["gas-emergency-credit"] = lambda _value: ask(device, EMERGENCY_CREDIT, {})


def _keypad(device: Device, electricity: Stimulus, argument: str) -> Answer:
    if not argument.startswith(GAS):
        return electricity(argument)
    digits = argument.removeprefix(GAS)
    if not (digits.isascii() and digits.isdigit()):
        return StimulusOutcome.REFUSED, "the keypad has digits only"
    return ask(device, TOP_UP, {"Top Up Code": digits.encode().hex()})


def ask(device: Device, code: str, values: dict[str, Any]) -> Answer:
    """Send one of the two to the gas meter with which the device is joined."""
    if not device.powered:
        return StimulusOutcome.REFUSED, "no supply"
    entries = device.join_log.entries()
    meter = next((each.device_id for each in entries if each.device_type == DeviceType.GSME), None)
    secret = None if meter is None else partner_messages.partner_secret(device, meter)
    if meter is None or secret is None:
        reason = "not joined with a gas meter"
        device.events.record(EventCode.USER_COMMAND_FAILED, reason, other=_TOLD[code])
        return StimulusOutcome.REFUSED, reason
    use_case = device.catalogue[code]
    header = GroupingHeader(
        cra_flag=CraFlag.COMMAND,
        originator_counter=device.next_counter(),
        business_originator_id=device.eui64,
        business_target_id=meter,
        message_code=use_case.message_codes[0],
    )
    payload = command_payload(use_case, header, values)
    device.transmit(protected_octets(Message(header, payload, None, None), mac_z=secret))
    device.storage.put_json(_SECTION, _WAITING, {"counter": header.originator_counter, "code": code})
    device.storage.put_json(_SECTION, "answer", "asked")
    return done("passed on to the gas meter")


def take_response(device: Device, octets: bytes, parsed: Message | None = None) -> bool:
    """Take the gas meter's answer to what was asked last; False for every other message."""
    try:
        message = parsed or parse_message(octets)
    except DecodeError:
        return False
    header = message.header
    if header.cra_flag is not CraFlag.RESPONSE or header.business_target_id != device.eui64:
        return False
    if not device.powered or not partner_messages.has_right_mac(
        device, message, octets, header.business_originator_id
    ):
        return False
    waiting = device.storage.get_json(_SECTION, _WAITING) or {}
    if waiting.get("counter") == header.originator_counter:
        _heard(device, waiting["code"], accepted=_is_accepted(message.payload))
    return True


def _heard(device: Device, code: str, *, accepted: bool) -> None:
    word = "done" if accepted else "refused"
    with device.work():
        device.storage.delete(_SECTION, _WAITING)
        device.storage.put_json(_SECTION, "answer", word)
        event = EventCode.USER_COMMAND_DONE if accepted else EventCode.USER_COMMAND_FAILED
        device.events.record(event, f"{code}: {word}", other=_TOLD[code])


def _is_accepted(payload: bytes) -> bool:
    """Of a Consumer Top Up Response the result type, its first octet; of a Default Response the status."""
    try:
        (answer,) = parse_gbz(payload).components
    except (DecodeError, ValueError):
        return False
    if answer.frame_control & 0x03 == 0 and answer.command == DEFAULT_RESPONSE:
        return answer.payload[1:2] == b"\x00"
    return bool(answer.payload) and answer.payload[0] in _ACCEPTED
