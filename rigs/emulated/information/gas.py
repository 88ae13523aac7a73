"""What the gas proxy tells displays: its records and mirrored attributes, as remote parties read them too.

Tariff, calendars, message and supplier are what was tapped off (`rigs.emulated.gas.tap_off`); what was
published last for a moment that is still to come is told with that moment.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from protocols.gbcs.catalogue.zcl import zcl_tables
from protocols.gbcs.zcl import Status as GbzStatus
from protocols.gbcs.zcl_fields import Rules, write_fields
from protocols.zigbee.smart_energy.information import ATTRIBUTES, Said
from protocols.zigbee.smart_energy.settings import CALENDAR, DEVICE_MANAGEMENT, MESSAGING, PREPAYMENT, PRICE
from protocols.zigbee.zcl.foundation import Status, parse_message
from protocols.zigbee.zcl.frame import FrameType, ZclFrame
from rigs.emulated.gas.calendars import Calendars, Kind
from rigs.emulated.information.electricity import BALANCES
from rigs.emulated.objects.zse import CommandPlace
from rigs.emulated.objects.zse_queries import QUERIES, Asked
from rigs.emulated.prepayment.zse_side import PREPAYMENT_BIT

if TYPE_CHECKING:
    from rigs.emulated.gpf import Gpf

_SECTION, _READ = "information", "message read"
_LONGEST = 0xFFFE
_WHAT_COUNTS = ("Price", "Currency", "Price Trailing Digit & Price Tier")
# What is published by which command, and the question that it answers: the one that came last.
_LAST = {
    (PRICE, "Get Tariff Information"): 0x04,
    (PRICE, "Get Price Matrix"): 0x05,
    (PRICE, "Get Block Thresholds"): 0x06,
    (PRICE, "Get Block Period(s)"): 0x01,
    (PRICE, "Get Conversion Factor"): 0x02,
    (PRICE, "Get Calorific Value"): 0x03,
    (PRICE, "Get Billing Period"): 0x09,
    (CALENDAR, "Get Calendar"): 0x00,
    (DEVICE_MANAGEMENT, "Get Change Of Tenancy"): 0x00,
    (DEVICE_MANAGEMENT, "Get Change Of Supplier"): 0x01,
}
# Parts of a calendar: the command that asks for them, and the one that publishes them.
_PARTS = {
    "Get Day Profiles": (0x01, 0x01),
    "Get Week Profiles": (0x02, 0x02),
    "Get Seasons": (0x03, 0x03),
    "Get Special Days": (0x04, 0x04),
}
_SUPPLIER = CommandPlace(DEVICE_MANAGEMENT, True, 0x01)
_MESSAGE, _PRICE = CommandPlace(MESSAGING, True, 0x00), CommandPlace(PRICE, True, 0x00)
_CONTACT = {0x0101: "Proposed Provider Name", 0x0102: "Proposed Provider Contact Details"}
Record = dict[str, Any]


class GasInformation:
    """One proxy's; calls come inside a piece of work, or right after one."""

    def __init__(self, device: Gpf) -> None:
        self._device = device

    def attribute(self, cluster: int, number: int) -> Any:
        """A value as the cluster's table types it; None where the proxy has none."""
        if cluster == DEVICE_MANAGEMENT:
            supplier, name = self._device.records.last(_SUPPLIER), _CONTACT.get(number)
            return None if supplier is None or name is None else bytes.fromhex(supplier[name] or "")
        value = self._device.zcl.value(cluster, number)
        return None if isinstance(value, GbzStatus) else value

    # ------------------------------------------------------------------ commands

    def answer(self, cluster: int, name: str, values: dict[str, Any]) -> list[Said] | int | None:
        """What a display's command is answered with; None where it is not about information."""
        if (cluster, name) == (MESSAGING, "Message Confirmation"):
            return self._confirmed(values["Message ID"])
        if (cluster, name) == (MESSAGING, "Get Last Message"):
            return self._said(_MESSAGE, self._message())
        if (cluster, name) == (PRICE, "Get Current Price"):
            return self._said(_PRICE, self._price())
        if cluster == CALENDAR and name in _PARTS:
            return self._parts(name, values)
        if (cluster, name) not in _LAST:
            return None
        place = CommandPlace(cluster, True, _LAST[cluster, name])
        return self._said(place, self._device.records.last(place))

    def _parts(self, name: str, values: dict[str, Any]) -> list[Said]:
        asked, answer = _PARTS[name]
        place = CommandPlace(CALENDAR, True, answer)
        found = QUERIES[CommandPlace(CALENDAR, False, asked)](self._device, Asked(values, 0, place))
        return [] if isinstance(found, GbzStatus) else [said(place, each) for each in found]

    @staticmethod
    def _said(place: CommandPlace, record: Record | None) -> list[Said]:
        return [] if record is None else [said(place, record)]

    def _price(self) -> Record | None:
        """The price in force, until its calendar says otherwise."""
        found = self._device.records.last(_PRICE)
        calendar = Calendars(self._device.storage).in_force(Kind.TARIFF)
        now = self._device.device_clock.now()
        change = calendar.next_switching(now) if calendar is not None else None
        if found is None or change is None:
            return found
        minutes = -((now - change) // timedelta(minutes=1))
        return found | {"Start Time": found["Current Time"], "Duration In Minutes": min(minutes, _LONGEST)}

    def _message(self) -> Record | None:
        """The message that came last; none once somebody has taken note of it, or it is empty."""
        found = self._device.records.last(_MESSAGE)
        read = self._device.storage.get_json(_SECTION, _READ)
        return None if found is None or not found["Message"] or read == found["Message ID"] else found

    def _confirmed(self, number: int) -> int:
        """No event tells the supplier: 0x81A6 is the meters' alone."""
        message = self._message()
        if message is None or message["Message ID"] != number:
            return Status.NOT_FOUND
        self._device.storage.put_json(_SECTION, _READ, number)
        self._device.note(f"message {number} read")
        return Status.SUCCESS

    # ------------------------------------------------------------------ what is published unasked

    def topics(self) -> dict[str, Any]:
        """What displays are to hear of when it changes, by topic, in a form that can be compared."""
        price = self._device.records.last(_PRICE)
        told = [self.attribute(PREPAYMENT, each) for each in BALANCES]
        prepays = isinstance(told[0], int) and told[0] & PREPAYMENT_BIT
        return {
            "price": price and {key: price[key] for key in _WHAT_COUNTS},
            "message": self._message(),
            "credit": told if prepays else told[:1],
            "supplier": self._device.records.last(_SUPPLIER),
        }

    def publish(self, topic: str, before: Any) -> list[Said]:
        """The commands that tell of a topic; ``before`` is what it was."""
        if topic == "price":
            return self._said(_PRICE, self._price())
        if topic == "supplier":
            return self._said(_SUPPLIER, self._device.records.last(_SUPPLIER))
        if topic == "message":
            message = self._message()
            if message is not None or before is None:
                return self._said(_MESSAGE, message)
            cancelled = {"Message ID": before["Message ID"], "Message Control": 0}
            return [Said(MESSAGING, "Cancel Message", cancelled)]
        values = {each: self.attribute(PREPAYMENT, each) for each in BALANCES}
        known = {number: value for number, value in values.items() if value is not None}
        return [Said(PREPAYMENT, ATTRIBUTES, known)] if known else []


def said(place: CommandPlace, record: Record) -> Said:
    """A record as it goes over the air: from the catalogue's words, by its octets, to those of ZSE."""
    known = zcl_tables().command(place.cluster, place.number, from_server=True)
    assert known is not None, "the tables have it"
    payload = write_fields(known.fields, record, "published", Rules())
    frame = ZclFrame(FrameType.CLUSTER, 0, place.number, payload, from_server=True)
    message = parse_message(place.cluster, frame.build())
    return Said(place.cluster, message.name, message.values)
