"""The emulated gas meter (GSME). That it sleeps and fetches its messages is the hub's affair."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.gbcs.asn1.types import RemotePartyRole
from protocols.gbcs.zcl import Cluster
from protocols.ports import StimulusOutcome
from rigs.emulated.asn1_server import set_clock
from rigs.emulated.event_rules import EventCode
from rigs.emulated.meter import Meter
from rigs.emulated.objects import dated

if TYPE_CHECKING:
    from protocols.gbcs.catalogue import UseCase

# Metering attributes.
CURRENT_SUMMATION, METER_ID, UNIT_OF_MEASURE = 0x0000, 0x0206, 0x0300
MULTIPLIER, DIVISOR, SITE_ID = 0x0301, 0x0302, 0x0307
_CUBIC_METRES = 0x01


class Gsme(Meter):
    """A gas meter in credit mode, running on its battery."""

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
        zcl, metering = self.zcl, Cluster.METERING
        zcl.attribute(metering, CURRENT_SUMMATION, lambda: self.consumption)
        zcl.attribute(metering, UNIT_OF_MEASURE, lambda: _CUBIC_METRES)
        zcl.attribute(metering, MULTIPLIER, lambda: 1)
        zcl.attribute(metering, DIVISOR, lambda: 1000)
        zcl.attribute(metering, METER_ID, lambda: self.firmware.version)
        zcl.attribute(metering, SITE_ID, lambda: self.description.mpxn.encode("ascii"))

    def authorised_roles(self, use_case: UseCase) -> set[int]:
        """The consumption register of the meter itself is for the supplier alone; others ask the GPF."""
        if use_case.code == "GCS13a":
            return {RemotePartyRole.SUPPLIER}
        return super().authorised_roles(use_case)

    @property
    def consumption(self) -> int:
        """Consumption register in units of 1/1000 cubic metre."""
        return int(self.storage.get_json("gsme", "consumption", default=0))

    def display(self) -> str:
        """MPRN, consumption and firmware version."""
        site_id = self.zcl.value(Cluster.METERING, SITE_ID)
        mprn = site_id.decode("ascii") if isinstance(site_id, bytes) else ""
        return f"MPRN {mprn}\nGAS {self.consumption / 1000:09.3f} m3\nFIRMWARE {self.firmware.version.hex()}"

    def supply_restored(self) -> None:
        """A battery that was out is a loss of power supply (0x8F1D)."""
        self.events.record(EventCode.POWER_SUPPLY_LOSS)
        super().supply_restored()

    def knob(self, name: str, number: float) -> tuple[StimulusOutcome, str]:
        """``consume=n`` lets n units of 1/1000 cubic metre of gas through."""
        if name != "consume":
            return super().knob(name, number)
        self.storage.put_json("gsme", "consumption", (self.consumption + round(number)) % 10**9)
        return StimulusOutcome.DONE, str(self.consumption)
