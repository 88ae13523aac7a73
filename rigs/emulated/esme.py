"""The emulated electricity meter (ESME), single element."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from protocols.dlms.axdr import (
    Data,
    boolean,
    double_long_unsigned,
    enum,
    integer,
    octet_string,
    structure,
)
from protocols.dlms.date_time import encode_date_time
from protocols.ports import StimulusOutcome
from rigs.emulated import log_objects
from rigs.emulated.alert_settings import AlertSettings
from rigs.emulated.dlms_clock import ClockObject
from rigs.emulated.event_rules import EventCode
from rigs.emulated.meter import Meter
from rigs.emulated.objects import dated

if TYPE_CHECKING:
    from rigs.emulated.dlms_server import StoredData

_OUTAGE_ALERT = 0x0067
# Average RMS voltage thresholds, in volts: the statutory limits.
OVER_VOLTAGE, UNDER_VOLTAGE = 253.0, 216.2
_VALUE = 2
_MPAN_OBIS, _REGISTERS_OBIS, _FIRMWARE_OBIS = "00005E2C220B", "00005E2C220A", "0000000201FF"
_LOAD_LIMIT_STATE_OBIS, _LOAD_LIMIT_COUNTER_OBIS, _LIMITER_OBIS = (
    "00005E2C0003",
    "00005E2C2AFF",
    "0000110000FF",
)
_DATA, _REGISTER, _LIMITER, _EXTENDED_DATA = 1, 3, 71, 0x2328
_WATT_HOUR, _VAR_HOUR, _COUNT = 30, 32, 255


class Esme(Meter):
    """A single-element electricity meter in credit mode."""

    covers = {  # noqa: RUF012  a table, never changed
        "terminal": (EventCode.TERMINAL_COVER_REMOVED, EventCode.TERMINAL_COVER_CLOSED),
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
        self._load_limit()
        cosem.attribute(_DATA, _REGISTERS_OBIS, _VALUE, read=self._import_registers)
        self.alert_settings = AlertSettings(self)
        log_objects.register(self)
        dated.register_cosem(self)

    def _load_limit(self) -> None:
        """Load limiting disabled by a threshold beyond any single-phase supply; never triggered so far."""
        cosem = self.cosem
        cosem.stored(_EXTENDED_DATA, _LOAD_LIMIT_STATE_OBIS, _VALUE, boolean(False))
        cosem.stored(_REGISTER, _LOAD_LIMIT_COUNTER_OBIS, _VALUE, double_long_unsigned(0))
        cosem.stored(_REGISTER, _LOAD_LIMIT_COUNTER_OBIS, 3, structure(integer(0), enum(_COUNT)))
        for member, value in ((4, 23_000), (6, 30), (7, 300)):
            cosem.stored(_LIMITER, _LIMITER_OBIS, member, double_long_unsigned(value))

    @property
    def import_wh(self) -> int:
        """Active import register."""
        return int(self.storage.get_json("esme", "import_wh", default=0))

    def _import_registers(self) -> Data:
        reactive = int(self.storage.get_json("esme", "import_varh", default=0))
        return structure(
            double_long_unsigned(self.import_wh),
            structure(integer(0), enum(_WATT_HOUR)),
            double_long_unsigned(reactive),
            structure(integer(0), enum(_VAR_HOUR)),
        )

    def alert_enabled(self, code: int) -> bool:
        """As the supplier and the network operator have set it."""
        return self.alert_settings.enabled(code)

    def display(self) -> str:
        """MPAN, import register and firmware version."""
        mpan = self.mpan.read().value.decode("ascii")
        register = f"{self.import_wh / 1000:09.3f}"
        return f"MPAN {mpan}\nIMPORT {register} kWh\nFIRMWARE {self.firmware.version.hex()}"

    # ------------------------------------------------------------------ supply

    def supply_lost(self) -> None:
        """The last thing a meter writes down."""
        now = self.device_clock.now()
        self.events.record(EventCode.SUPPLY_INTERRUPTED)
        self.storage.put_json("esme", "lost_at", now.isoformat())

    def supply_restored(self) -> None:
        """Tell the network operator how long supply was away (ECS80)."""
        lost_at = self.storage.get_json("esme", "lost_at")
        if lost_at is not None:
            self.storage.delete("esme", "lost_at")
            self._outage_restored(datetime.fromisoformat(lost_at), self.device_clock.now())
        super().supply_restored()

    def _outage_restored(self, lost: datetime, restored: datetime) -> None:
        # A11: an outage of exactly this length is a long one.
        long_one = restored - lost >= timedelta(seconds=int(self.description.assumes("A11")))
        code = EventCode.LONG_OUTAGE_RESTORED if long_one else EventCode.OUTAGE_RESTORED
        times = [octet_string(encode_date_time(moment)) for moment in (lost, restored)]
        reason = f"out for {(restored - lost).total_seconds():.0f} s"
        self.events.record(code, reason, message_code=_OUTAGE_ALERT, values={"further": times})

    # ------------------------------------------------------------------ knobs of the bench

    def knob(self, name: str, number: float) -> tuple[StimulusOutcome, str]:
        """``voltage=V`` sets the average RMS voltage, ``consume=Wh`` lets energy through."""
        if name == "voltage":
            self._voltage(number)
            return StimulusOutcome.DONE, f"{number:.1f} V"
        if name == "consume":
            self.storage.put_json("esme", "import_wh", (self.import_wh + round(number)) % 2**32)
            return StimulusOutcome.DONE, f"{self.import_wh} Wh"
        return super().knob(name, number)

    def _voltage(self, volts: float) -> None:
        """Crossing a threshold, either way, is an event for the network operator (SMETS 5.7.4.4)."""
        before = self.storage.get_json("esme", "voltage", default=230.0)
        self.storage.put_json("esme", "voltage", volts)
        crossings = (
            (before > OVER_VOLTAGE, volts > OVER_VOLTAGE, EventCode.AVERAGE_OVER_VOLTAGE),
            (before < UNDER_VOLTAGE, volts < UNDER_VOLTAGE, EventCode.AVERAGE_UNDER_VOLTAGE),
            (before <= OVER_VOLTAGE, volts <= OVER_VOLTAGE, EventCode.AVERAGE_OVER_VOLTAGE_ENDED),
            (before >= UNDER_VOLTAGE, volts >= UNDER_VOLTAGE, EventCode.AVERAGE_UNDER_VOLTAGE_ENDED),
        )
        for was, now, code in crossings:
            if now and not was:
                self.events.record(code, f"{volts:.1f} V")


def _is_mpan(value: Data) -> bool:
    return len(value.value) in {13, 26} and value.value.isdigit()
