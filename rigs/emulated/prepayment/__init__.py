"""Prepayment: one ledger for electricity and gas, written against a small `Side` of the meter.

How a meter gets it, once its metering stands (``supply`` is its `Supply`):

- ESME: ``register_esme(device, supply)``; objects and methods are joined by `cosem_methods`.
- GSME: ``register_gsme(device, supply, gas)`` with its `GasMetering`; cluster commands (GCS02 to GCS06,
  GCS40a to GCS40d, CS01b, PCS01, PCS02) and records (GCS15d, GCS15e) are joined by `zse_commands`.

Both give a `Prepayment`: ``ledger.look()`` after other changes of settings, ``ledger.account()`` for the
registers (in a settlement too), ``ledger.mode_heard`` for whoever logs changes of payment mode. Both have the
supply decide whether energy passes, and serve the keypad and the button ``emergency-credit``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.ports import StimulusOutcome
from rigs.emulated.event_rules import EventCode
from rigs.emulated.gas.calendars import Calendars, Kind
from rigs.emulated.knobs import Answer, done
from rigs.emulated.prepayment.cosem_methods import CosemPrepayment
from rigs.emulated.prepayment.cosem_side import CosemSide
from rigs.emulated.prepayment.ledger import Ledger
from rigs.emulated.prepayment.side import Side
from rigs.emulated.prepayment.tokens import Taken, Tokens
from rigs.emulated.prepayment.zse_commands import GasPrepayment
from rigs.emulated.prepayment.zse_side import GasSide

if TYPE_CHECKING:
    from datetime import datetime

    from rigs.emulated.gas.metering import GasMetering
    from rigs.emulated.meter import Meter
    from rigs.emulated.metering.engine import Part
    from rigs.emulated.supply import Supply

# User interface commands, other information of 0x8161 and 0x8162 (alerts.json).
FRIENDLY = 1  # what a day profile of a non-disablement calendar says where supply stays on
ADD_CREDIT, ACTIVATE_EMERGENCY_CREDIT = bytes.fromhex("0005"), bytes.fromhex("0002")


@dataclass(slots=True)
class Prepayment:
    """A meter's prepayment, and what a consumer does at the meter."""

    device: Meter
    supply: Supply
    ledger: Ledger
    tokens: Tokens

    def keyed(self, digits: str) -> Answer:
        """A UTRN typed in at the meter."""
        taken = self.tokens.enter(digits)
        return self._told(ADD_CREDIT, "" if taken.accepted else taken.why, str(taken.result))

    def emergency_credit(self, _value: str) -> Answer:
        """The button that activates emergency credit."""
        active = self.ledger.activate_emergency_credit()
        return self._told(ACTIVATE_EMERGENCY_CREDIT, "" if active else "not offered", "active")

    # What a PPMID brings as plain ZSE commands; the log has the message codes that GBCS gives them.

    def keyed_by_air(self, digits: str) -> Taken:
        """PECS01: a UTRN typed in at a PPMID."""
        taken = self.tokens.enter(digits)
        self._logged(0x0116, done=taken.accepted)
        return taken

    def emergency_credit_by_air(self) -> bool:
        """PECS02."""
        active = self.ledger.activate_emergency_credit()
        self._logged(0x0117, done=active)
        return active

    def supply_by_air(self, *, wanted: bool) -> bool:
        """PECS03: whether supply came back; ``wanted`` False is a request for anything but supply."""
        restored = wanted and self.supply.by_air and not self.supply.restore()
        self._logged(0x0118, done=restored)
        return restored

    def _logged(self, message_code: int, *, done: bool) -> None:
        code = EventCode.HAN_COMMAND_DONE if done else EventCode.HAN_COMMAND_FAILED
        self.device.events.record(code, other=message_code.to_bytes(2, "big"))

    def _told(self, command: bytes, problem: str, answer: str) -> Answer:
        code = EventCode.USER_COMMAND_FAILED if problem else EventCode.USER_COMMAND_DONE
        self.device.events.record(code, problem, other=command)
        if problem:
            return StimulusOutcome.REFUSED, problem
        return done(answer)

    def lines(self) -> list[str]:
        """What the display shows of it, in currency units; nothing in credit mode."""
        if not self.ledger.side.terms().prepayment:
            return []
        account = self.ledger.account()
        lines = [f"CREDIT {_money(account.meter)}"]
        if account.active:
            lines.append(f"EMERGENCY {_money(account.emergency)}")
        owed = self.ledger.to_clear()
        if owed:
            lines.append(f"TO CLEAR {_money(owed)}")
        return lines


def register_esme(device: Meter, supply: Supply) -> Prepayment:
    """Prepayment on an ESME."""
    side = CosemSide(device, supply)
    prepayment = _joined(device, supply, side, after=side.tariff)
    CosemPrepayment(side, prepayment.ledger, prepayment.tokens)
    prepayment.ledger.daily.append(side.logs.midnight)
    return prepayment


def register_gsme(device: Meter, supply: Supply, gas: GasMetering) -> Prepayment:
    """Prepayment on a GSME; the gas registers say what gas costs, its calendars when supply stays on."""
    calendars, registers = Calendars(device.storage), gas.registers

    def friendly(at: datetime) -> bool:
        calendar = calendars.in_force(Kind.FRIENDLY_CREDIT)
        return calendar is not None and calendar.at(at) == FRIENDLY

    def next_friendly(after: datetime) -> datetime | None:
        calendar = calendars.in_force(Kind.FRIENDLY_CREDIT)
        return None if calendar is None else calendar.next_switching(after)

    def dearest() -> int:
        tariff = registers.tariff
        return max([*tariff.block_prices, *tariff.tier_prices], default=0)

    side = GasSide(
        device,
        supply,
        lambda interval: registers.cost if interval.gas else 0,
        dearest,
        friendly=friendly,
        next_friendly=next_friendly,
    )
    prepayment = _joined(device, supply, side, after=registers)
    GasPrepayment(side, prepayment.ledger, prepayment.tokens)
    return prepayment


def _joined(device: Meter, supply: Supply, side: Side, after: Part | None) -> Prepayment:
    """Join the ledger with the metering: after the part that makes costs, before those that log balances."""
    ledger = Ledger(side)
    prepayment = Prepayment(device, supply, ledger, Tokens(device, ledger))
    if device.metering is not None:
        parts = device.metering.parts
        device.metering.connected = supply.connected
        parts.insert(parts.index(after) + 1 if after is not None else len(parts), ledger)
    device.knobs["emergency-credit"] = prepayment.emergency_credit
    device.keyed = prepayment.keyed
    return prepayment


def _money(amount: int) -> str:
    return f"{'-' if amount < 0 else ''}{abs(amount) / 100_000:.2f}"
