"""Commands for the gas meter that the Gas Proxy Function takes note of as they pass (GBCS 10.3.4).

What passes is kept until the meter's response is seen: only what the meter took over does the proxy take
over. A response that cannot be read is reported (0x819E). Dated components are discarded or held until their
date (A17).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.errors import DecodeError
from protocols.gbcs.catalogue.zcl import zcl_tables
from protocols.gbcs.gbz import parse_gbz, to_datetime
from protocols.gbcs.zcl import DEFAULT_RESPONSE, Status, decode_default_response
from protocols.gbcs.zcl_fields import read_fields
from rigs.emulated.event_rules import EventCode
from rigs.emulated.objects import zse_settings
from rigs.emulated.objects.zse import CommandPlace
from rigs.emulated.schedule import work_name

if TYPE_CHECKING:
    from protocols.gbcs.catalogue import UseCase
    from protocols.gbcs.gbz import Component
    from protocols.gbcs.message import Message
    from rigs.emulated.device import Device

# Use cases, and the clusters of theirs that are the proxy's concern.
TAPPED: dict[str, frozenset[int]] = {
    "CS11": frozenset((0x0709,)),
    "GCS01a": frozenset((0x0700, 0x0707)),
    "GCS01b": frozenset((0x0700,)),
    "GCS05": frozenset((0x0707,)),
    "GCS07": frozenset((0x0703,)),
    "GCS23": frozenset((0x0700,)),
    "GCS25": frozenset((0x0700,)),
    "GCS25a": frozenset((0x0700,)),
    "GCS44": frozenset((0x0708,)),
}
_SECTION, _KIND = "gpf.tapped", "tapped"
_WAITING = 64  # commands whose response is still out
_NEVER = 0xFFFF_FFFF
_CLEARED = (0x0709, 0x02)
_FROM_SERVER = 0x08


class TapOff:
    """What one GPF takes note of. All calls come inside a piece of work."""

    def __init__(self, device: Device) -> None:
        self._device = device
        device.due_handlers[_KIND] = lambda _device, body: self._take_over(body)

    def command(self, message: Message) -> None:
        """A command passes on its way to a gas meter."""
        use_case = self._use_case(message)
        if use_case is None:
            return
        storage = self._device.storage
        kept = storage.items(_SECTION)
        if len(kept) >= _WAITING:
            storage.delete(_SECTION, kept[0][0])
        body = {"use_case": use_case.code, "payload": message.payload.hex()}
        storage.put_json(_SECTION, _name(message), body)

    def is_for_both(self, message: Message) -> bool:
        """Whether a command for a gas meter is one that the GPF takes over as well."""
        return self._use_case(message) is not None

    def awaits(self, message: Message) -> bool:
        """Whether a gas meter's response is one to such a command."""
        return self._device.storage.get(_SECTION, _name(message)) is not None

    def _use_case(self, message: Message) -> UseCase | None:
        header = message.header
        use_case = self._device.catalogue.by_message_code(header.message_code, header.cra_flag)
        return use_case if use_case is not None and use_case.code in TAPPED else None

    def response(self, message: Message) -> None:
        """A response of a gas meter passes on its way to the WAN."""
        body = self._device.storage.get_json(_SECTION, _name(message))
        if body is None:
            return
        self._device.storage.delete(_SECTION, _name(message))
        try:
            answers = parse_gbz(message.payload).components
            statuses = dict(map(_status, answers))
            asked = parse_gbz(bytes.fromhex(body["payload"])).components
        except DecodeError as error:
            self._device.events.record(EventCode.TAP_OFF_FAILED, str(error))
            return
        wanted = TAPPED[body["use_case"]]
        for component in asked:
            if component.cluster in wanted and statuses.get(component.sequence) == Status.SUCCESS:
                self._component(body["use_case"], component)

    def _component(self, use_case: str, component: Component) -> None:
        place = CommandPlace(
            component.cluster, bool(component.frame_control & _FROM_SERVER), component.command
        )
        known = zcl_tables().command(place.cluster, place.number, from_server=place.from_server)
        try:
            values = {} if known is None else read_fields(known.fields, component.payload)
        except DecodeError as error:
            self._device.events.record(EventCode.TAP_OFF_FAILED, f"{use_case}: {error}")
            return
        check = self._device.zcl.checks.get(place)
        if check is not None:
            check(self._device, None, values)
        moment = zse_settings.moment_of(values, component.from_date_time)
        zse_settings.apply(self._device, place, values, component.from_date_time)
        if moment:
            self._dated(use_case, place, moment, values)

    def _dated(self, use_case: str, place: CommandPlace, moment: int, values: dict[str, Any]) -> None:
        name = work_name(0, f"{_KIND} {place}")
        self._device.schedule.cancel(name)
        if moment == _NEVER:
            return
        if self._device.description.assumes("A17") == "discard":
            self._device.note(f"{use_case}: dated {place} discarded")
            return
        body = {
            "cluster": place.cluster,
            "from_server": place.from_server,
            "command": place.number,
            "values": values,
        }
        self._device.schedule.put(name, to_datetime(moment), _KIND, body)

    def _take_over(self, body: dict[str, Any]) -> None:
        place = CommandPlace(body["cluster"], body["from_server"], body["command"])
        zse_settings.take_over(self._device, place, body["values"])


def _name(message: Message) -> str:
    header = message.header
    party = header.business_originator_id if message.kind == "command" else header.business_target_id
    return f"{bytes(party).hex()}.{header.originator_counter:016x}"


def _status(component: Component) -> tuple[int, int]:
    """Sequence and status of an answer; one that is more than a default response is a success.

    A Clear Event Log Response has a bit for each log that is empty now.
    """
    if not component.frame_control & 0x01 and component.command == DEFAULT_RESPONSE:
        return component.sequence, decode_default_response(component.payload)[1]
    if (component.cluster, component.command) == _CLEARED and not any(component.payload):
        return component.sequence, Status.FAILURE
    return component.sequence, Status.SUCCESS
