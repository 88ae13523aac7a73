"""The emulated electricity meter (ESME), single element."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from protocols.dlms.axdr import Data, boolean, octet_string
from protocols.ports import StimulusOutcome
from rigs.emulated import identity, load_limit, log_objects
from rigs.emulated.alert_settings import AlertSettings
from rigs.emulated.auxiliary_calendar import AuxiliaryCalendar
from rigs.emulated.boost import Boost
from rigs.emulated.causes import controllers, current
from rigs.emulated.causes.outages import Outages
from rigs.emulated.causes.voltage import Voltage, phases_of
from rigs.emulated.dlms_clock import ClockObject
from rigs.emulated.event_rules import EventCode
from rigs.emulated.load_switch import LoadSwitch
from rigs.emulated.meter import Meter
from rigs.emulated.metering.amounts import Amounts
from rigs.emulated.metering.electricity import ElectricityMetering
from rigs.emulated.metering.registers import IMPORT
from rigs.emulated.objects import dated
from rigs.emulated.objects.definition import Place
from rigs.emulated.prepayment import register_esme
from rigs.emulated.randomised_offset import RandomisedOffset
from rigs.emulated.supply import Reason, Supply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rigs.emulated.alert_behaviour import Behaviour
    from rigs.emulated.dlms_server import StoredData

_VALUE = 2
_MPAN_OBIS, _FIRMWARE_OBIS = "00005E2C220B", "0000000201FF"
_DATA = 1
_TAMPER_STATE = Place(1, bytes.fromhex("00005E2C0004"), 2)


class Esme(Meter):
    """An electricity meter, in credit mode from manufacture."""

    covers = {  # noqa: RUF012  a table, never changed
        "terminal": (EventCode.TERMINAL_COVER_REMOVED, EventCode.TERMINAL_COVER_CLOSED),
        "second-terminal": (EventCode.SECOND_TERMINAL_COVER_REMOVED, EventCode.TERMINAL_COVER_CLOSED),
        "meter": (EventCode.METER_COVER_REMOVED, EventCode.METER_COVER_CLOSED),
    }
    mpan: StoredData

    def register(self) -> None:
        """COSEM objects of the use cases that this meter answers."""
        super().register()
        cosem = self.cosem
        cosem.attribute(_DATA, _FIRMWARE_OBIS, _VALUE, read=lambda: octet_string(self.firmware.version))
        factory = octet_string(self.description.mpxn.encode("ascii"))
        self.mpan = cosem.stored(_DATA, _MPAN_OBIS, _VALUE, factory, check=_is_mpan)
        ClockObject(self)
        identity.register(self)
        self.supply = Supply(self, by_air=True)
        LoadSwitch(self, self.supply)
        self.electricity = ElectricityMetering(self)
        self.metering = self.electricity.metering
        self.alert_settings = AlertSettings(self)
        log_objects.register(self)
        phases = phases_of(self.description.variant)
        self.auxiliary = controllers.register(self)
        Boost(self, self.auxiliary)
        AuxiliaryCalendar(self, self.auxiliary, RandomisedOffset(self))
        current.register(self, phases=phases)
        self.voltage, self.outages = Voltage(self, phases=phases), Outages(self, phases=phases)
        dated.register_cosem(self)
        self.prepayment = register_esme(self, self.supply)
        self.electricity.complete(self._balances)
        self.prepayment.ledger.mode_heard.append(lambda _at: self.electricity.billing.changed())
        load_limit.register(self, self.supply)

    def _balances(self) -> list[int]:
        """The prepayment registers as the billing data log has them."""
        account = self.prepayment.ledger.account()
        debts = [account.payment, account.time_1, account.time_2, account.accumulated]
        return [account.emergency, account.meter, *debts]

    @property
    def import_wh(self) -> int:
        """Active import register."""
        return self.electricity.registers.read(IMPORT)

    def event_does(self, code: int, what: Behaviour) -> bool:
        """As the supplier and the network operator have set it."""
        return self.alert_settings.does(code, what)

    def display(self) -> str:
        """MPAN, import register and firmware version."""
        mpan = self.mpan.read().value.decode("ascii")
        register = f"{self.import_wh / 1000:09.3f}"
        lines = [f"MPAN {mpan}", f"IMPORT {register} kWh", *self.prepayment.lines()]
        return "\n".join([*lines, f"FIRMWARE {self.firmware.version.hex()}"])

    # ------------------------------------------------------------------ supply

    def tampered(self) -> None:
        """Lock supply if the supplier has set that (ECS81, SMETS-TAMP-LOCK)."""
        if self.cosem.value(_TAMPER_STATE) == boolean(True):
            self.supply.disable(Reason.TAMPER)

    @contextmanager
    def work(self) -> Iterator[None]:
        """The voltage is brought up to now first, and in the end seen against new thresholds."""
        with super().work():
            if self.powered:
                self.voltage.glance()
            yield
            if self.powered:
                self.voltage.glance()

    def supply_lost(self) -> None:
        """The last thing a meter writes down."""
        self.outages.lost()
        self.voltage.lost()

    def supply_restored(self) -> None:
        """Tell the network operator how long supply was away (ECS80)."""
        self.outages.restored()
        self.voltage.look()
        super().supply_restored()

    # ------------------------------------------------------------------ knobs of the bench

    def knob(self, name: str, number: float) -> tuple[StimulusOutcome, str]:
        """``consume=Wh`` lets energy through while supply is on, the others change what flows from now on.

        ``load=W`` sets the power (export below zero), ``second-load=W`` that of a second element; with
        ``own-load`` the device file's load flows again.
        """
        metering = self.electricity.metering
        if name == "consume":
            if metering.connected():
                metering.let_through(Amounts(import_wh=max(round(number), 0)))
            return StimulusOutcome.DONE, f"{self.import_wh} Wh"
        if name == "own-load":
            metering.hold(None)
            return StimulusOutcome.DONE, ""
        watts, flowing = round(number), metering.present_load.rate(self.clock.now())
        if name == "load":
            flowing = flowing._replace(import_wh=max(watts, 0), export_wh=max(-watts, 0))
        elif name == "second-load" and self.electricity.twin:
            flowing = flowing._replace(secondary_wh=max(watts, 0))
        else:
            return super().knob(name, number)
        metering.hold(flowing)
        return StimulusOutcome.DONE, f"{watts} W"


def _is_mpan(value: Data) -> bool:
    return len(value.value) in {13, 26} and value.value.isdigit()
