"""Prepayment of an ESME: its registers and terms as COSEM objects (SMETS 5.7.4.11 to 5.7.4.46; dlms.md 7).

An account (class 111), credits (112), charges (113) and values with an activation date (9000). The credit and
charge configuration of the account says which charge is taken from which credit, and when: its first bit
"while disconnected", its third "in a non-disablement period". A charge without an entry for emergency credit
is not taken from it: that is how debt is suspended in emergency.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.dlms.axdr import Data, Tag, enum, parse_data, structure
from rigs.emulated.metering.tariff import Tariff
from rigs.emulated.objects.definition import Place
from rigs.emulated.prepayment.calendar import Calendar, read_calendar
from rigs.emulated.prepayment.logs import CreditLogs
from rigs.emulated.prepayment.side import WIDEST, Charge, Rate, Register, Terms

if TYPE_CHECKING:
    from datetime import datetime

    from rigs.emulated.device import Device
    from rigs.emulated.metering.engine import Interval
    from rigs.emulated.supply import Supply

CREDIT_MODE, PREPAYMENT_MODE, ACTIVE = 1, 2, 2
_SCALE = 5  # thousandths of a penny are 10^-5 of the currency unit
_DAY_S = 86_400
# More than flows through any meter of these kinds, in kW; for planning alone.
_MOST_KW = 100


def place(class_id: int, obis: str, number: int) -> Place:
    """An attribute."""
    return Place(class_id, bytes.fromhex(obis), number)


def money(amount: int) -> Data:
    """An amount in thousandths of a penny."""
    return Data(Tag.DOUBLE_LONG, amount)


ACCOUNT, NEXT_ACCOUNT = "0000130000FF", "0001130000FF"
MODE, CONFIGURATION = place(111, ACCOUNT, 2), place(111, ACCOUNT, 11)
_LOW, _CAP, _CAP_PERIOD = place(111, ACCOUNT, 16), place(111, ACCOUNT, 18), place(111, ACCOUNT, 19)
CREDITS = {
    Register.METER: "0000130A00FF",
    Register.EMERGENCY: "0000130A01FF",
    Register.ACCUMULATED: "0000130A02FF",
}
CHARGES = {Register.TIME_1: "0000131401FF", Register.TIME_2: "0000131402FF", Register.PAYMENT: "0000131403FF"}
BALANCES = {
    **{register: place(112, obis, 2) for register, obis in CREDITS.items()},
    **{register: place(113, obis, 12) for register, obis in CHARGES.items()},
}
LIMIT, THRESHOLD = place(112, CREDITS[Register.EMERGENCY], 9), place(112, CREDITS[Register.EMERGENCY], 10)
_DISABLEMENT = place(21, "0000100001FF", 2)
MAX_CREDIT, MAX_BALANCE = place(9000, "00005E2C020A", 2), place(9000, "00005E2C0214", 2)
_PERCENTAGE = place(113, CHARGES[Register.PAYMENT], 13)
_STANDING = place(113, "0000131404FF", 5)
_RATES = {
    Charge.TIME_1: (place(113, CHARGES[Register.TIME_1], 5), place(113, CHARGES[Register.TIME_1], 8)),
    Charge.TIME_2: (place(113, CHARGES[Register.TIME_2], 5), place(113, CHARGES[Register.TIME_2], 8)),
}
_CHARGED = {Charge.STANDING: "0000131404FF", Charge.TIME_1: "0000131401FF", Charge.TIME_2: "0000131402FF"}
_SCHEDULE, _SPECIAL_DAYS = place(10, "00000C0001FF", 2), place(11, "00000B0002FF", 2)
_DISCONNECTED, _FRIENDLY = 0, 2
_TERMS = [
    MODE, CONFIGURATION, _LOW, _CAP, _CAP_PERIOD, LIMIT, THRESHOLD, _DISABLEMENT, MAX_CREDIT, MAX_BALANCE,
    _PERCENTAGE, _STANDING, *_RATES[Charge.TIME_1], *_RATES[Charge.TIME_2], _SCHEDULE, _SPECIAL_DAYS,
]  # fmt: skip


class CosemSide:
    """An ESME as its ledger sees it."""

    def __init__(self, device: Device, supply: Supply) -> None:
        self.device = device
        self.supply = supply
        self.logs = CreditLogs(device.storage)
        self._changes = -1
        self._octets: list[bytes | None] | None = None
        self._terms = Terms()
        self._collected: dict[tuple[bytes, bytes], set[int]] = {}
        self._calendar = Calendar([], [])

    # ------------------------------------------------------------------ registers

    def balance(self, register: Register) -> int:
        """As `Side`."""
        octets = self.device.storage.get("cosem", BALANCES[register].key)
        return 0 if octets is None else int(parse_data(octets)[0].value)

    def set_balance(self, register: Register, amount: int) -> None:
        """As `Side`."""
        held = max(-WIDEST - 1, min(amount, WIDEST))
        self.device.cosem.put(BALANCES[register], money(held))

    # ------------------------------------------------------------------ terms, read anew when they changed

    def terms(self) -> Terms:
        """As `Side`."""
        self._refresh()
        return self._terms

    def _refresh(self) -> None:
        changes, storage = self.device.cosem.changes, self.device.storage
        if changes == self._changes:
            return
        self._changes = changes
        octets = [storage.get("cosem", each.key) for each in _TERMS]
        if octets == self._octets:
            return
        self._octets = octets
        self._terms = self._read_terms()
        self._collected = _read_collected(self._value(CONFIGURATION))
        self._calendar = read_calendar(self._value(_SCHEDULE), self._value(_SPECIAL_DAYS))

    def _value(self, where: Place) -> Data | None:
        return self.device.cosem.value(where)

    def _number(self, where: Place) -> int:
        value = self._value(where)
        while value is not None and isinstance(value.value, list):
            value = value.value[0] if value.value else None
        return int(value.value) if value is not None and isinstance(value.value, int) else 0

    def _read_terms(self) -> Terms:
        mode = self._value(MODE)
        return Terms(
            prepayment=mode is not None and bool(mode.value) and mode.value[0].value == PREPAYMENT_MODE,
            low_credit=self._number(_LOW),
            emergency_limit=self._number(LIMIT),
            emergency_threshold=self._number(THRESHOLD),
            disablement=self._number(_DISABLEMENT),
            max_balance=self._number(MAX_BALANCE),
            max_credit=self._number(MAX_CREDIT),
            percentage=self._number(_PERCENTAGE),
            cap=self._number(_CAP),
            cap_period_s=max(0, self._number(_CAP_PERIOD)),
            rates={
                charge: Rate(_amount(self._value(rate)), self._number(period))
                for charge, (rate, period) in _RATES.items()
            },
            standing_charge=_amount(self._value(_STANDING)),
        )

    def collects(self, credit: Register, charge: Charge, *, disabled: bool, protected: bool) -> bool:
        """As `Side`; an account that was never configured collects everything from everything."""
        self._refresh()
        if not self._collected:
            return True
        bits = self._collected.get((bytes.fromhex(CREDITS[credit]), bytes.fromhex(_CHARGED[charge])))
        if bits is None:
            return False
        return not (disabled and _DISCONNECTED not in bits) and not (protected and _FRIENDLY not in bits)

    def is_protected(self, at: datetime) -> bool:
        """As `Side`."""
        self._refresh()
        return self._calendar.is_protected(at)

    def next_protection(self, after: datetime) -> datetime | None:
        """As `Side`."""
        self._refresh()
        return self._calendar.next_change(after)

    # ------------------------------------------------------------------ money

    @property
    def tariff(self) -> Tariff | None:
        """The part of the metering that makes costs."""
        parts = self.device.metering.parts if self.device.metering is not None else []
        return next((part for part in parts if isinstance(part, Tariff)), None)

    def cost(self, interval: Interval) -> int:
        """As `Side`: what the tariff, which has had the interval before, made of it."""
        tariff = self.tariff
        return tariff.charge if tariff is not None and (interval.import_wh or interval.secondary_wh) else 0

    def most(self) -> int:
        """As `Side`."""
        return self.tariff.dearest() * _MOST_KW if self.tariff is not None else 0

    def credited(self, at: datetime, amount: int) -> None:
        """As `Side`."""
        self.logs.top_ups.append(at, amount)

    def debt_paid(self, at: datetime, amount: int, left: int) -> None:  # noqa: ARG002  gas logs what is left
        """As `Side`."""
        self.logs.payments.append(at, amount)

    def offer(self, limit: int, threshold: int) -> None:
        """As `Side`."""
        put = self.device.cosem.put
        put(MODE, structure(enum(PREPAYMENT_MODE), enum(ACTIVE)))
        put(LIMIT, money(limit))
        put(THRESHOLD, money(threshold))


def _amount(charge: Data | None) -> int:
    """Amount of a charge with one price, in thousandths of a penny: scaling, reference, table."""
    if charge is None or charge.tag != Tag.STRUCTURE or len(charge.value) != 3 or not charge.value[2].value:
        return 0
    exponent = int(charge.value[0].value[1].value) + _SCALE
    number = int(charge.value[2].value[0].value[1].value)
    return number * int(10**exponent) if exponent >= 0 else number // int(10**-exponent)


def _read_collected(configuration: Data | None) -> dict[tuple[bytes, bytes], set[int]]:
    """Bits of the collection configuration by credit and charge; the first transmitted bit is bit 0."""
    found = {}
    for entry in configuration.value if configuration is not None and configuration.value else []:
        credit, charge, bits = (each.value for each in entry.value)
        octets, count = bits.octets, bits.bits
        found[credit, charge] = {n for n in range(count) if octets[n // 8] >> (7 - n % 8) & 1}
    return found
