"""What an ESME tells displays: its COSEM objects and registers in the words of ZSE.

Everything is read when it is asked for, from where remote parties read it too. Money is in 10^-5 of the
currency unit, energy in Wh (multiplier 1, divisor 1000 for kWh).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.zigbee.smart_energy.information import ATTRIBUTES, Said
from protocols.zigbee.smart_energy.settings import (
    CALENDAR,
    DEVICE_MANAGEMENT,
    MESSAGING,
    METERING,
    PREPAYMENT,
    PRICE,
)
from protocols.zigbee.zcl.foundation import Status
from rigs.emulated.ambient import usage
from rigs.emulated.causes.messages import acknowledge, message_number, message_of
from rigs.emulated.information.history import attributes
from rigs.emulated.information.periods import history_of
from rigs.emulated.information.price import PRICE_DIGITS, currency, present_price, standing_charge
from rigs.emulated.information.tariff import tariff_answers
from rigs.emulated.objects.definition import Place
from rigs.emulated.prepayment.watch import is_offered
from rigs.emulated.prepayment.zse_side import CREDIT_MODE, PREPAYMENT_MODE

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rigs.emulated.esme import Esme

_TELEPHONE, _NAME = (Place(9000, bytes.fromhex(each), 2) for each in ("0000600D00FF", "0000600D01FF"))
_CONFIRM, _UNTIL_CHANGED = 0x80, 0xFFFF
# Bits of the credit status.
_OK, _LOW, _ENABLED, _AVAILABLE, _SELECTED, _IN_USE, _EXHAUSTED = (1 << bit for bit in range(7))
# Where consumption and its cost stand by period.
_PERIODS = {METERING: range(0x0401, 0x045C), PREPAYMENT: range(0x051C, 0x055C)}
# Attributes that tell of prepayment as it stands, in the order in which they are reported.
BALANCES = (0x0000, 0x0001, 0x0002, 0x0003, 0x0005, 0x0211, 0x0221, 0x0231)
CONTACT = (0x0101, 0x0102)


class ElectricityInformation:
    """One meter's; calls come inside a piece of work, so that what they read is settled up to now."""

    def __init__(self, device: Esme) -> None:
        self._device = device
        self._seen: tuple[datetime, dict[int, dict[int, int]]] | None = None

    # ------------------------------------------------------------------ attributes

    def attribute(self, cluster: int, number: int) -> Any:
        """A value as the cluster's table types it; None where the meter has none."""
        sources: dict[int, Callable[[], dict[int, Callable[[], Any]]]] = {
            METERING: self._metering,
            PREPAYMENT: self._prepayment,
            PRICE: self._price,
            DEVICE_MANAGEMENT: self._supplier,
        }
        read = sources[cluster]().get(number) if cluster in sources else None
        if read is not None:
            return read()
        return self._periods(cluster).get(number) if number in _PERIODS.get(cluster, ()) else None

    def _periods(self, cluster: int) -> dict[int, int]:
        """Consumption (metering) or cost (prepayment) by period, made once for all attributes of a moment."""
        now = self._device.device_clock.now()
        if self._seen is None or self._seen[0] != now:
            energy, cost = attributes(history_of(self._device))
            self._seen = now, {METERING: energy, PREPAYMENT: cost}
        return self._seen[1][cluster]

    def _metering(self) -> dict[int, Callable[[], Any]]:
        device = self._device
        return {
            0x0000: lambda: device.import_wh,
            0x0207: lambda: int(usage(device, self._watts())),
            0x0301: lambda: 1,
            0x0302: lambda: 1000,
            0x0400: self._watts,
        }

    def _watts(self) -> int:
        rate = self._device.electricity.metering.rate()
        return rate.import_wh + rate.secondary_wh - rate.export_wh

    def _prepayment(self) -> dict[int, Callable[[], Any]]:
        ledger = self._device.prepayment.ledger
        terms, account = ledger.side.terms(), ledger.account()
        return {
            0x0000: lambda: PREPAYMENT_MODE if terms.prepayment else CREDIT_MODE,
            0x0001: lambda: account.meter,
            0x0002: lambda: account.emergency,
            0x0003: self._credit_status,
            0x0005: lambda: account.accumulated,
            0x0010: lambda: max(0, terms.emergency_limit),
            0x0011: lambda: max(0, terms.emergency_threshold),
            0x0021: lambda: max(0, terms.max_balance),
            0x0022: lambda: max(0, terms.max_credit),
            0x0031: lambda: max(0, terms.low_credit),
            0x0040: lambda: terms.disablement,
            0x0211: lambda: max(0, account.time_1),
            0x0221: lambda: max(0, account.time_2),
            0x0231: lambda: max(0, account.payment),
        }

    def _credit_status(self) -> int:
        """Bits as ZSE names them; what they are of credit mode is the balance alone."""
        ledger = self._device.prepayment.ledger
        terms, account = ledger.side.terms(), ledger.account()
        bits = {
            _OK: account.combined > terms.low_credit,
            _LOW: account.combined <= terms.low_credit,
            _ENABLED: terms.emergency_limit > 0,
            _AVAILABLE: terms.prepayment and is_offered(account, terms),
            _SELECTED: account.active,
            _IN_USE: account.borrowed > 0,
            _EXHAUSTED: account.combined <= terms.disablement,
        }
        return sum(bit for bit, holds in bits.items() if holds)

    def _price(self) -> dict[int, Callable[[], Any]]:
        return {
            0x0301: lambda: standing_charge(self._device),
            0x0615: lambda: 0,
            0x0616: lambda: currency(self._device),
            0x0617: lambda: PRICE_DIGITS,
        }

    def _supplier(self) -> dict[int, Callable[[], Any]]:
        return {0x0101: lambda: self._text(_NAME), 0x0102: lambda: self._text(_TELEPHONE)}

    def _text(self, place: Place) -> bytes:
        value = self._device.cosem.value(place)
        found = b"" if value is None else value.value
        return found if isinstance(found, bytes) else str(found or "").encode()

    # ------------------------------------------------------------------ commands

    def answer(self, cluster: int, name: str, values: dict[str, Any]) -> list[Said] | int | None:
        """What a display's command is answered with; None where it is not about information."""
        if (cluster, name) == (MESSAGING, "Message Confirmation"):
            return self._confirmed(values["Message ID"])
        answers = {(PRICE, "Get Current Price"): self.price, (MESSAGING, "Get Last Message"): self.message}
        found = answers.get((cluster, name))
        if found is not None:
            return found()
        return tariff_answers(self._device, name, values) if cluster in (PRICE, CALENDAR) else None

    def price(self) -> list[Said]:
        """The price in force."""
        found = present_price(self._device)
        return [] if found is None else [Said(PRICE, "Publish Price", found)]

    def message(self) -> list[Said]:
        """The supplier's message, none once somebody has taken note of it."""
        text = message_of(self._device, unread=True)
        if not text:
            return []
        about = {"Message ID": message_number(self._device), "Message Control": _CONFIRM, "Start Time": 0}
        return [
            Said(
                MESSAGING,
                "Display Message",
                {**about, "Duration In Minutes": _UNTIL_CHANGED, "Message": text},
            )
        ]

    def _confirmed(self, number: int) -> int:
        """Somebody has taken note of it at a display (0x81A6)."""
        text = message_of(self._device, unread=True)
        if not text or message_number(self._device) != number:
            return Status.NOT_FOUND
        acknowledge(self._device)
        return Status.SUCCESS

    # ------------------------------------------------------------------ what is published unasked

    def topics(self) -> dict[str, Any]:
        """What displays are to hear of when it changes, by topic, in a form that can be compared.

        Balances are a topic in prepayment mode alone: in credit mode nothing happens by them.
        """
        price = present_price(self._device)
        prepayment = self._prepayment()
        told = [prepayment[each]() for each in BALANCES]
        return {
            "price": price
            and {key: price[key] for key in ("Price", "Currency", "Price Trailing Digit & Price Tier")},
            "message": [message_number(self._device), message_of(self._device, unread=True)],
            "credit": told if told[0] == PREPAYMENT_MODE else told[:1],
            "supplier": [self._text(_NAME), self._text(_TELEPHONE)],
        }

    def publish(self, topic: str, before: Any) -> list[Said]:
        """The commands that tell of a topic; ``before`` is what it was."""
        if topic == "price":
            return self.price()
        if topic == "message":
            number, text = before or (0, "")
            cancelled = {"Message ID": number, "Message Control": 0}
            return self.message() or ([Said(MESSAGING, "Cancel Message", cancelled)] if text else [])
        cluster, numbers = (PREPAYMENT, BALANCES) if topic == "credit" else (DEVICE_MANAGEMENT, CONTACT)
        return [Said(cluster, ATTRIBUTES, {each: self.attribute(cluster, each) for each in numbers})]
