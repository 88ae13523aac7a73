"""Cluster commands of a GSME's prepayment: GCS02 to GCS06, GCS40a to GCS40d, CS01b, PCS01, PCS02."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.gbcs.zcl import Status
from protocols.gbcs.zcl_values import time_text
from rigs.emulated.objects.zse import CommandPlace
from rigs.emulated.prepayment.side import Charge, Register
from rigs.emulated.prepayment.tokens import RESULT_TYPES, Result, Taken
from rigs.emulated.prepayment.zse_side import PERCENTAGE, RATES, GasSide

if TYPE_CHECKING:
    from rigs.emulated.command import Command
    from rigs.emulated.device import Device
    from rigs.emulated.prepayment.ledger import Ledger
    from rigs.emulated.prepayment.tokens import Tokens

Values = dict[str, Any]
_CLUSTER = 0x0705
SELECT_EMERGENCY, CHANGE_DEBT, TOP_UP, ADJUST, MODE = (
    CommandPlace(_CLUSTER, False, number) for number in (0x00, 0x02, 0x04, 0x05, 0x06)
)
# What changes terms: credit is looked at again once one of them is in force.
_SETTINGS = [CommandPlace(_CLUSTER, False, number) for number in (0x03, 0x06, 0x09, 0x0B, 0x0C)]
TOP_UP_LOG, DEBT_LOG = CommandPlace(_CLUSTER, True, 0x05), CommandPlace(_CLUSTER, True, 0x06)
_NO_VALUE = -1
RESULT_TYPE = "Result Type"  # the part of a top-up that a fault can be injected into
_DEBTS = (Register.TIME_1, Register.TIME_2, Register.PAYMENT)
_PERCENTAGE_BASED = 1
_PAYMENT_DEBT = 2  # number of the payment debt in the log
# Credit adjustment types: those of ZSE are for prepayment mode, GBCS adds two for credit mode (GCS40c, 40d).
_INCREMENT, _RESET, _CREDIT_RESET, _CREDIT_INCREMENT = range(4)


class GasPrepayment:
    """Joins a GSME's commands with its ledger."""

    def __init__(self, side: GasSide, ledger: Ledger, tokens: Tokens) -> None:
        self._device: Device = side.device
        self._side = side
        self._ledger = ledger
        self._tokens = tokens
        zcl = self._device.zcl
        zcl.setting(SELECT_EMERGENCY, self._select)
        zcl.setting(CHANGE_DEBT, self._change_debt)
        zcl.setting(TOP_UP, self._top_up)
        zcl.setting(ADJUST, self._adjust)
        for place in _SETTINGS:
            zcl.taking_over(place, lambda _values: self._device.after_work(self._look))
        zcl.taking_over(MODE, lambda _values: self._ledger.mode_set())
        self._device.records.source(TOP_UP_LOG, self._top_ups)
        self._device.records.source(DEBT_LOG, self._debts)

    def _look(self) -> None:
        """The command's values are in force now: they are taken over after whoever hears of them."""
        with self._device.work():
            self._ledger.look()

    # ------------------------------------------------------------------ commands

    def _select(self, _device: Device, _command: Command, _values: Values) -> Status | list[Values]:
        """GCS06, PCS02: success if emergency credit is active afterwards, however it came to be."""
        return Status.SUCCESS if self._ledger.activate_emergency_credit() else Status.FAILURE

    def _change_debt(self, _device: Device, _command: Command, values: Values) -> Status | list[Values]:
        """GCS04: amount and recovery of one of three debts."""
        number, by = divmod(values["Debt Amount Type"], 2)
        if number >= len(_DEBTS):
            return Status.INVALID_VALUE
        register = _DEBTS[number]
        put = self._device.zcl.put
        if register is Register.PAYMENT:
            put(PERCENTAGE, values["Debt Recovery Balance Percentage"])
        elif values["Debt Recovery Method"] == _PERCENTAGE_BASED:
            return Status.INVALID_VALUE
        else:
            frequency, amount = RATES[Charge.TIME_1 if register is Register.TIME_1 else Charge.TIME_2]
            put(frequency, values["Debt Recovery Frequency"])
            put(amount, values["Debt Recovery Amount"])
        self._ledger.adjust(register, values["Debt Amount"], replace=not by)
        return Status.SUCCESS

    def _adjust(self, _device: Device, _command: Command, values: Values) -> Status | list[Values]:
        """GCS40a and 40b the balance of prepayment mode, GCS40c and 40d that of credit mode."""
        kind, amount = values["Credit Adjustment Type"], values["Credit Adjustment Value"]
        if kind == _INCREMENT:
            self._prepayment_balance(amount)
        elif kind == _RESET:
            self._reset()
        elif kind == _CREDIT_RESET:
            self._side.credit_mode_balance = 0
        elif kind == _CREDIT_INCREMENT:
            # The attribute falls by what is commanded (GCS40c): the balance rises.
            self._side.credit_mode_balance += amount
        else:
            return Status.INVALID_VALUE
        return Status.SUCCESS

    def _prepayment_balance(self, amount: int) -> None:
        if self._side.prepayment:
            self._ledger.adjust(Register.METER, amount)
        else:
            self._side.change_credit(amount)

    def _reset(self) -> None:
        if self._side.prepayment:
            self._ledger.reset()
        else:
            self._side.change_credit(None)

    def _top_up(self, _device: Device, command: Command, values: Values) -> Status | list[Values]:
        """CS01b by the supplier's counter, PCS01 as typed in at a PPMID."""
        utrn = bytes.fromhex(values["Top Up Code"])
        fault = self._device.fault(f"{TOP_UP}/{RESULT_TYPE}")
        if fault is not None:
            return [self.answer(_broken(fault), values["Originating Device"])]
        if command.use_case.code == "PCS01":
            taken = self._tokens.enter(utrn.decode("ascii", "replace"))
        else:
            taken = self._tokens.take(utrn, command.counter)
        return [self.answer(taken, values["Originating Device"])]

    def answer(self, taken: Taken, source: int) -> Values:
        """Consumer Top Up Response; a refused one has no amounts."""
        credit = self._side.balance(Register.METER)
        # Reference replies refuse with "invalid" whatever the cause is; other causes are told apart here.
        return {
            RESULT_TYPE: RESULT_TYPES[taken.result],
            "Top Up Value": taken.amount if taken.accepted else _NO_VALUE,
            "Source of Top Up": source,
            "Credit Remaining": credit if taken.accepted else _NO_VALUE,
        }

    # ------------------------------------------------------------------ logs

    def _top_ups(self) -> list[Values]:
        """GCS15e; the code itself is not kept."""
        entries = [
            {"Top Up Code": "", "Top Up Amount": amount, "Top Up Time": time_text(at)}
            for at, amount in self._side.logs.top_ups.rows()
        ]
        return [{"Command Index": 0, "Total Number of Commands": 1, "Top Up Entries": entries}]

    def _debts(self) -> list[Values]:
        """GCS15d."""
        entries = [
            {
                "Collection Time": time_text(at),
                "Amount Collected": amount,
                "Debt Type": _PAYMENT_DEBT,
                "Outstanding Debt": left,
            }
            for at, amount, left in self._side.logs.payments.rows()
        ]
        return [{"Command Index": 0, "Total Number of Commands": 1, "Debt Entries": entries}]


def _broken(fault: int) -> Taken:
    """A top-up that comes to nothing with this result type."""
    named = {number: result for result, number in RESULT_TYPES.items()}
    return Taken(named.get(fault, Result.ERROR), why="a fault")
