"""What an ESME's prepayment objects do: top-ups, adjustments, debts, emergency credit, change of mode.

CS01a, ECS02, ECS03, ECS04a, ECS04b, ECS07, ECS08, ECS09; activation dates themselves are in `objects.dated`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from protocols.dlms.access import AccessResult
from protocols.dlms.axdr import Data, Tag, enum, null_data, structure
from rigs.emulated.prepayment.cosem_side import (
    ACCOUNT,
    ACTIVE,
    CHARGES,
    CREDIT_MODE,
    CREDITS,
    MAX_BALANCE,
    MAX_CREDIT,
    MODE,
    NEXT_ACCOUNT,
    CosemSide,
    money,
    place,
)
from rigs.emulated.prepayment.side import WIDEST, Register

if TYPE_CHECKING:
    from rigs.emulated.command import Command
    from rigs.emulated.device import Device
    from rigs.emulated.objects.definition import Place
    from rigs.emulated.prepayment.ledger import Ledger
    from rigs.emulated.prepayment.tokens import Tokens

Answer = tuple[AccessResult, Data]
_DONE: Answer = (AccessResult.SUCCESS, null_data())
_UPDATE, _SET, _INVOKE = 1, 2, 3
_ACTIVATE_RATE, _ADJUST_DEBT = 2, 4
_RATE, _NEXT_RATE, _ACCOUNT = 5, 6, 111
_BALANCES = (
    Register.METER,
    Register.EMERGENCY,
    Register.ACCUMULATED,
    Register.TIME_1,
    Register.TIME_2,
    Register.PAYMENT,
)


class CosemPrepayment:
    """Joins an ESME's objects with its ledger."""

    def __init__(self, side: CosemSide, ledger: Ledger, tokens: Tokens) -> None:
        self._device: Device = side.device
        self._side = side
        self._ledger = ledger
        self._tokens = tokens
        self._values()
        self._methods()
        self._device.cosem.activated.append(self._activated)

    def _values(self) -> None:
        cosem, logs = self._device.cosem, self._side.logs
        cosem.stored(111, ACCOUNT, 2, structure(enum(CREDIT_MODE), enum(ACTIVE)))
        for where in (MAX_CREDIT, MAX_BALANCE):
            cosem.stored(where.class_id, where.obis.hex(), where.number, money(WIDEST))
        cosem.attribute(1, "00005E2C221E", 2, read=self._collection)
        unsigned = Tag.DOUBLE_LONG_UNSIGNED
        for obis, log, tag in (
            ("0000620104FF", logs.payments, unsigned),
            ("0000620105FF", logs.top_ups, unsigned),
            ("0000620108FF", logs.daily, Tag.DOUBLE_LONG),
        ):
            cosem.attribute(7, obis, 2, read=partial(log.as_cosem, tag))

    def _methods(self) -> None:
        method = self._device.cosem.method
        for register, obis in CREDITS.items():
            method(112, obis, _UPDATE, partial(self._adjust, register, False))
            method(112, obis, _SET, partial(self._adjust, register, True))
        method(112, CREDITS[Register.EMERGENCY], _INVOKE, self._activate_emergency_credit)
        for register, obis in CHARGES.items():
            method(113, obis, _ADJUST_DEBT, partial(self._adjust, register, False))
            method(113, obis, _ACTIVATE_RATE, partial(self._activate_rate, obis))
        method(115, "0000132800FF", 1, self._top_up)

    def _collection(self) -> Data:
        """The six registers, as ECS19 reads them."""
        return structure(*(money(self._side.balance(register)) for register in _BALANCES))

    # ------------------------------------------------------------------ commands

    def _adjust(self, register: Register, replace: bool, _command: Command, amount: Data) -> Answer:
        """ECS04a, ECS04b, ECS07: by an amount, or to a value."""
        if amount.tag != Tag.DOUBLE_LONG:
            return AccessResult.TYPE_UNMATCHED, null_data()
        self._ledger.adjust(register, int(amount.value), replace=replace)
        return _DONE

    def _activate_rate(self, obis: str, _command: Command, _parameter: Data) -> Answer:
        """ECS07: the rate that was set takes effect."""
        cosem = self._device.cosem
        value = cosem.value(place(113, obis, _NEXT_RATE))
        if value is not None:
            cosem.put(place(113, obis, _RATE), value)
        self._ledger.look()
        return _DONE

    def _activate_emergency_credit(self, _command: Command, _parameter: Data) -> Answer:
        """ECS09: success if it is active afterwards, however it came to be."""
        active = self._ledger.activate_emergency_credit()
        return (AccessResult.SUCCESS if active else AccessResult.OTHER_REASON), null_data()

    def _top_up(self, command: Command, token: Data) -> Answer:
        """CS01a; reference replies refuse with hardware-fault."""
        if token.tag != Tag.OCTET_STRING:
            return AccessResult.TYPE_UNMATCHED, null_data()
        taken = self._tokens.take(token.value, command.counter)
        return (AccessResult.SUCCESS if taken.accepted else AccessResult.HARDWARE_FAULT), null_data()

    def _activated(self, where: Place) -> None:
        """Passive values have become active: an account is in use then, and credit is looked at again."""
        if where.class_id == _ACCOUNT and where.obis == bytes.fromhex(NEXT_ACCOUNT):
            mode = self._device.cosem.value(MODE)
            assert mode is not None, "it was activated just now"
            self._device.cosem.put(MODE, structure(mode.value[0], enum(ACTIVE)))
            self._ledger.mode_set()
        self._ledger.look()
