"""What a display was told, and shows: of electricity, and of gas with ``GAS`` before each line.

A price counts until its time is over, a message until it is cancelled, over, or somebody has taken note of
it. Amounts of money are shown in the currency unit.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from protocols.zigbee.smart_energy.information import ATTRIBUTES
from protocols.zigbee.smart_energy.settings import DEVICE_MANAGEMENT, METERING, PREPAYMENT
from rigs.emulated import knobs
from rigs.emulated.ambient import Usage
from rigs.emulated.events import seconds_since_2000

if TYPE_CHECKING:
    from rigs.emulated.device import Device

_SECTION = "screen"
ELECTRICITY, GAS = "", "GAS "
_CURRENCIES = {826: "GBP", 978: "EUR"}
_UNITS = {0: "kWh", 1: "m3"}
_NO_END, _CONFIRM = 0xFFFF, 0x80
_PREPAYMENT_BIT, _SELECTED = 0x0002, 0x10
_DEBTS = (0x0005, 0x0211, 0x0221, 0x0231)
_SCALE = 100_000
_PRICE, _MESSAGE, _READ, _SUPPLIER = "price", "message", "read", "supplier"
Values = dict[str, Any]


class Screen:
    """One display's. ``look`` asks for everything anew, ``confirm`` says that a message was read.

    Both are of the HAN: None without one. ``confirm`` gets the source and the message's number.
    """

    look: Callable[[], None] | None = None
    confirm: Callable[[str, int], None] | None = None

    def __init__(self, device: Device) -> None:
        self._device = device
        device.knobs["acknowledge"] = self._acknowledge

    # ------------------------------------------------------------------ what comes

    def heard(self, source: str, cluster: int, name: str, values: dict[Any, Any]) -> None:
        """Something was published, or is the answer to a question."""
        if not self._device.powered:
            return
        with self._device.work():
            if name == ATTRIBUTES:
                fresh = {f"{cluster:04X}/{number:04X}": _plain(value) for number, value in values.items()}
                self._keep(source, self._held(source) | fresh)
            elif name == "Publish Price":
                self._put(source, _PRICE, _price(values, self._now()))
            elif name == "Display Message":
                self._put(source, _MESSAGE, _message(values, self._now()))
            elif name == "Cancel Message":
                held = self._held(source).get(_MESSAGE)
                if held is not None and held["number"] == values["Message ID"]:
                    self._put(source, _MESSAGE, None)
            elif name == "Publish Change of Supplier":
                keys = ("Proposed Provider Name", "Proposed Provider Contact Details")
                self._put(source, _SUPPLIER, [_plain(values[key]) for key in keys])

    def gone(self, source: str, what: str) -> None:
        """Whoever was asked says that there is no such thing."""
        if self._device.powered and what in self._held(source):
            with self._device.work():
                self._put(source, what, None)

    def forget(self) -> None:
        """Nobody tells it anything any more; inside a piece of work."""
        for source in (ELECTRICITY, GAS):
            self._device.storage.delete(_SECTION, source)

    def _held(self, source: str) -> Values:
        held: Values = self._device.storage.get_json(_SECTION, source, default={})
        return held

    def _keep(self, source: str, held: Values) -> None:
        self._device.storage.put_json(_SECTION, source, held)

    def _put(self, source: str, key: str, value: Any) -> None:
        held = {name: each for name, each in self._held(source).items() if name != key}
        self._keep(source, held if value is None else held | {key: value})

    def _now(self) -> int:
        return seconds_since_2000(self._device.device_clock.now())

    # ------------------------------------------------------------------ people

    def ask(self) -> None:
        """Somebody looks: what is asked for now stands there at the next look; inside a piece of work."""
        if self.look is not None and self._device.powered:
            self._device.after_work(self.look)

    def _acknowledge(self, _text: str) -> knobs.Answer:
        """The button under a message."""
        for source in (ELECTRICITY, GAS):
            message = self._shown_message(source)
            if message is None:
                continue
            self._put(source, _READ, message["number"])
            if message["confirm"] and self.confirm is not None:
                self._device.after_work(partial(self.confirm, source, message["number"]))
            return knobs.done("message read")
        return knobs.done("nothing to take note of")

    # ------------------------------------------------------------------ what stands there

    def lines(self) -> list[str]:
        """Everything, line by line."""
        return [f"{source}{line}" for source in (ELECTRICITY, GAS) for line in self._lines(source)]

    def _lines(self, source: str) -> list[str]:
        held = self._held(source)
        lines = [*_consumption(held), *_cost(held)]
        price = held.get(_PRICE)
        if price is not None:
            known = price["until"] is None or self._now() < price["until"]
            lines.append(f"PRICE {price['text'] if known else 'UNKNOWN'}")
        lines += _credit(held)
        message = self._shown_message(source)
        if message is not None:
            lines.append(f"MESSAGE {message['text']}")
        supplier = held.get(_SUPPLIER) or [
            held.get(f"{DEVICE_MANAGEMENT:04X}/{each}", "") for each in ("0101", "0102")
        ]
        if any(supplier):
            lines.append(f"SUPPLIER {' '.join(filter(None, supplier))}")
        return lines

    def _shown_message(self, source: str) -> Values | None:
        held = self._held(source)
        message: Values | None = held.get(_MESSAGE)
        if message is None or not message["text"] or held.get(_READ) == message["number"]:
            return None
        over = message["until"] is not None and self._now() >= message["until"]
        return None if over or self._now() < message["from"] else message


def _plain(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _until(values: Values, now: int) -> int | None:
    minutes = values["Duration In Minutes"]
    return None if minutes == _NO_END else (values["Start Time"] or now) + 60 * minutes


def _price(values: Values, now: int) -> Values:
    digits = values["Price Trailing Digit & Price Tier"] >> 4
    amount = f"{values['Price'] / 10**digits:.{digits}f}"
    currency = _CURRENCIES.get(values["Currency"], str(values["Currency"]))
    unit = _UNITS.get(values["Unit of Measure"], "unit")
    return {"text": f"{amount} {currency}/{unit}", "until": _until(values, now)}


def _message(values: Values, now: int) -> Values:
    return {
        "number": values["Message ID"],
        "text": values["Message"],
        "confirm": bool(values["Message Control"] & _CONFIRM),
        "from": values["Start Time"],
        "until": _until(values, now),
    }


def _at(held: Values, cluster: int, number: int) -> Any:
    return held.get(f"{cluster:04X}/{number:04X}")


def _consumption(held: Values) -> list[str]:
    """Register, power and indication, as far as they were read."""
    total, divisor = _at(held, METERING, 0x0000), _at(held, METERING, 0x0302) or 1
    lines = []
    if total is not None:
        scaled = total * (_at(held, METERING, 0x0301) or 1) / divisor
        lines.append(f"IMPORT {scaled:.3f} {_UNITS.get(_at(held, METERING, 0x0300) or 0, '')}".rstrip())
    power, usage = _at(held, METERING, 0x0400), _at(held, METERING, 0x0207)
    if power is not None:
        lines.append(f"POWER {power} W")
    if usage is not None:
        lines.append(f"USAGE {Usage(usage).name}")
    return lines


def _cost(held: Values) -> list[str]:
    """Consumption and cost of the present day, week and month, where the server has them."""
    divisor = _at(held, METERING, 0x0302) or 1
    lines = []
    for name, consumed, cost in (
        ("TODAY", 0x0401, 0x051C),
        ("WEEK", 0x0430, 0x0530),
        ("MONTH", 0x0440, 0x0540),
    ):
        amount, price = _at(held, METERING, consumed), _at(held, PREPAYMENT, cost)
        if amount is not None and price is not None:
            unit = _UNITS.get(_at(held, METERING, 0x0300) or 0, "")
            lines.append(f"{name} {amount / divisor:.3f} {unit} {_money(price)}")
    return lines


def _credit(held: Values) -> list[str]:
    """Credit and debts in prepayment mode; nothing in credit mode."""
    if not (_at(held, PREPAYMENT, 0x0000) or 0) & _PREPAYMENT_BIT:
        return []
    lines = [f"CREDIT {_money(_at(held, PREPAYMENT, 0x0001) or 0)}"]
    status, emergency = _at(held, PREPAYMENT, 0x0003), _at(held, PREPAYMENT, 0x0002) or 0
    # A proxy has no credit status; then emergency credit that there is some of has been selected.
    if emergency if status is None else status & _SELECTED:
        lines.append(f"EMERGENCY {_money(_at(held, PREPAYMENT, 0x0002) or 0)}")
    debt = sum(_at(held, PREPAYMENT, each) or 0 for each in _DEBTS)
    return [*lines, f"DEBT {_money(debt)}"] if debt else lines


def _money(amount: int) -> str:
    return f"{'-' if amount < 0 else ''}{abs(amount) / _SCALE:.2f}"
