"""The emulated gas meter (GSME). That it sleeps and fetches its messages is the hub's affair."""

from __future__ import annotations

from protocols.gbcs.zcl import Cluster
from protocols.ports import StimulusOutcome
from rigs.emulated.alert_behaviour import Behaviour
from rigs.emulated.alert_settings import gas_does
from rigs.emulated.asn1_server import set_clock
from rigs.emulated.event_rules import EventCode
from rigs.emulated.gas.metering import GasMetering
from rigs.emulated.meter import Meter
from rigs.emulated.objects import dated
from rigs.emulated.prepayment import register_gsme
from rigs.emulated.supply import Supply

# Metering attributes.
METER_ID, UNIT_OF_MEASURE = 0x0206, 0x0300
MULTIPLIER, DIVISOR, SITE_ID = 0x0301, 0x0302, 0x0307
_CUBIC_METRES = 0x01


class Gsme(Meter):
    """A gas meter, in credit mode from manufacture, running on its battery."""

    payload_kind = "gbz"
    covers = {  # noqa: RUF012  a table, never changed
        "battery": (EventCode.BATTERY_COVER_REMOVED, EventCode.BATTERY_COVER_CLOSED),
        "meter": (EventCode.METER_COVER_REMOVED, EventCode.METER_COVER_CLOSED),
    }

    def register(self) -> None:
        """ZCL attributes and commands of the use cases that this meter answers."""
        super().register()
        set_clock.register(self)
        dated.register_zse(self)
        self.supply = Supply(self, by_air=False)
        self.gas = GasMetering(self, self.supply)
        self.prepayment = register_gsme(self, self.supply, self.gas)
        zcl, metering = self.zcl, Cluster.METERING
        zcl.attribute(metering, UNIT_OF_MEASURE, lambda: _CUBIC_METRES)
        zcl.attribute(metering, MULTIPLIER, lambda: 1)
        zcl.attribute(metering, DIVISOR, lambda: 1000)
        zcl.attribute(metering, METER_ID, lambda: self.firmware.version)
        zcl.attribute(metering, SITE_ID, lambda: self.description.mpxn.encode("ascii"))

    def tampered(self) -> None:
        """Close the valve if the supplier has set that (SMETS-TAMP-LOCK)."""
        self.gas.valve.tampered()

    def event_does(self, code: int, what: Behaviour) -> bool:
        """As the supplier has set it."""
        return gas_does(self, code, what)

    @property
    def consumption(self) -> int:
        """Consumption register in units of 1/1000 cubic metre."""
        return self.gas.registers.volumes.total

    def display(self) -> str:
        """MPRN, consumption and firmware version."""
        site_id = self.zcl.value(Cluster.METERING, SITE_ID)
        mprn = site_id.decode("ascii") if isinstance(site_id, bytes) else ""
        return f"MPRN {mprn}\nGAS {self.consumption / 1000:09.3f} m3\nFIRMWARE {self.firmware.version.hex()}"

    def _tamper(self, code: EventCode) -> tuple[StimulusOutcome, str]:
        """As of every meter; a valve may be to close at that (GCS24a)."""
        outcome = super()._tamper(code)
        self.gas.valve.tampered()
        return outcome

    def supply_lost(self) -> None:
        """The battery is out: what the valve is to do then."""
        self.gas.valve.depleted()
        super().supply_lost()

    def supply_restored(self) -> None:
        """A battery that was out is a loss of power supply (0x8F1D)."""
        self.events.record(EventCode.POWER_SUPPLY_LOSS)
        super().supply_restored()

    def knob(self, name: str, number: float) -> tuple[StimulusOutcome, str]:
        """Knobs of the gas side: ``consume=n`` lets n units of 1/1000 cubic metre of gas through, ..."""
        turn = self.gas.knobs().get(name)
        return super().knob(name, number) if turn is None else turn(number)
