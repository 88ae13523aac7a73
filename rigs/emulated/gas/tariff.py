"""What tariffs, prices, thresholds and calendars change in a gas meter, at once or at their date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.gbcs.zcl import Status
from protocols.gbcs.zcl_values import time_text
from rigs.emulated.events import seconds_since_2000
from rigs.emulated.gas import calendars
from rigs.emulated.gas.calendars import Calendars, Kind, TooMuchError
from rigs.emulated.gas.registers import BLOCK_PRICES, BLOCKS, THRESHOLDS, TIER_PRICES, TIERS
from rigs.emulated.gas.snapshots import CHANGES, Cause, Snapshots
from rigs.emulated.objects.zse import AttributePlace, CommandPlace
from rigs.emulated.objects.zse_queries import IN_FORCE, calendar_slot

if TYPE_CHECKING:
    from rigs.emulated.command import Command
    from rigs.emulated.device import Device
    from rigs.emulated.gas.registers import GasRegisters

Record = dict[str, Any]
PRICE = CommandPlace(0x0700, True, 0x00)
TARIFF, PRICE_MATRIX, THRESHOLD_TABLE = (CommandPlace(0x0700, True, each) for each in (0x04, 0x05, 0x06))
PAYMENT_MODE = CommandPlace(0x0705, False, 0x06)
_CALENDAR_PARTS = (
    calendars.CALENDAR, calendars.DAYS, calendars.WEEKS, calendars.SEASONS, calendars.SPECIAL_DAYS
)  # fmt: skip
_SECTION, _SCHEME = "gas", "scheme"
# Charging scheme, the upper half of the octet: time of use, or block.
_BLOCK_SCHEME = 0x10
_SCHEME_BITS = 0xF0
_TIERS_SUB_PAYLOAD = 0x01
_BLOCK_BITS, _TIER_SHIFT = 0x0F, 4
_CURRENCY, _DIGITS = AttributePlace(0x0700, 0x0616), AttributePlace(0x0700, 0x0617)
_UNIT = AttributePlace(0x0700, 0x0615)
_UNTIL_CHANGED = 0xFFFF  # minutes for which a price holds


class GasTariff:
    """Takes over what is published. ``keeps_changes``: the billing data log gets an entry of each."""

    def __init__(self, device: Device, registers: GasRegisters, *, keeps_changes: bool = True) -> None:
        self._device = device
        self._registers = registers
        self._keeps_changes = keeps_changes
        self._calendars = Calendars(device.storage)
        zcl = device.zcl
        for place in _CALENDAR_PARTS:
            zcl.before(place, self._publish_calendar(place))
            for identifier, kind in zip(IN_FORCE, (Kind.TARIFF, Kind.FRIENDLY_CREDIT), strict=True):
                device.records.source(place, self._in_force(place, kind), calendar_slot(identifier))
        for place in (calendars.CALENDAR, calendars.SPECIAL_DAYS):
            zcl.taking_over(place, self._calendar_in_force(place))
        zcl.before(PRICE_MATRIX, self._check_prices)
        zcl.before(THRESHOLD_TABLE, self._check_thresholds)
        zcl.taking_over(TARIFF, self._tariff)
        zcl.taking_over(PRICE_MATRIX, self._prices)
        zcl.taking_over(THRESHOLD_TABLE, self._thresholds)
        zcl.taking_over(PAYMENT_MODE, self._mode)
        device.records.source(PRICE, self._present_price)

    # ------------------------------------------------------------------ calendars

    def _publish_calendar(self, place: CommandPlace) -> Any:
        def publish(_device: Device, _command: Command | None, values: Record) -> Status:
            try:
                self._calendars.publish(place, values)
            except TooMuchError as error:
                self._device.note(f"refused: {error}")
                return Status.INSUFFICIENT_SPACE
            return Status.SUCCESS

        return publish

    def _calendar_in_force(self, place: CommandPlace) -> Any:
        return lambda values: self._calendars.take_over(place, values)

    def _in_force(self, place: CommandPlace, kind: Kind) -> Any:
        return lambda: self._calendars.parts(kind, place)

    # ------------------------------------------------------------------ prices

    def _tariff(self, values: Record) -> None:
        """A tariff comes into force: first an entry of what was charged under the one before (GCS15b)."""
        self.note_change(Cause.TARIFF)
        scheme = {
            "blocks": values["Tariff Type / Charging Scheme"] & _SCHEME_BITS == _BLOCK_SCHEME,
            "thresholds": min(values["Number of Block Thresholds in Use"], BLOCKS - 1),
            "tiers": min(values["Number of Price Tiers in Use"], TIERS),
            "event": values["Issuer Event ID"],
            "since": seconds_since_2000(self._device.device_clock.now()),
        }
        self._device.storage.put_json(_SECTION, _SCHEME, scheme)

    def _mode(self, _values: Record) -> None:
        self.note_change(Cause.PAYMENT_MODE)

    def note_change(self, cause: Cause) -> None:
        """Keep an entry in the billing data log for a change of tariff or payment mode (SMETS-TAR-07)."""
        if self._keeps_changes:
            now = self._device.device_clock.now()
            volumes = self._registers.volumes
            Snapshots(self._device.storage).take(self._device, CHANGES, cause, now, volumes)

    def _check_prices(self, _device: Device, _command: Command | None, values: Record) -> Status:
        tiers = values["Sub-payload Control"] & _TIERS_SUB_PAYLOAD
        numbers = [each["Tier/Block ID"] for each in values["Price Matrix Entries"]]
        fits = all(1 <= each <= TIERS if tiers else each < BLOCKS for each in numbers)
        # SMETS-TAR-03: four prices for time of use, four blocks.
        return Status.SUCCESS if fits else Status.INVALID_VALUE

    def _check_thresholds(self, _device: Device, _command: Command | None, values: Record) -> Status:
        fits = all(
            len(each["Block Thresholds"]) <= len(THRESHOLDS) for each in values["Block Threshold Entries"]
        )
        return Status.SUCCESS if fits else Status.INVALID_VALUE

    def _prices(self, values: Record) -> None:
        tiers = values["Sub-payload Control"] & _TIERS_SUB_PAYLOAD
        for each in values["Price Matrix Entries"]:
            number = each["Tier/Block ID"]
            self._device.zcl.put(TIER_PRICES[number - 1] if tiers else BLOCK_PRICES[number], each["Price"])

    def _thresholds(self, values: Record) -> None:
        for entry in values["Block Threshold Entries"]:
            for place, threshold in zip(THRESHOLDS, entry["Block Thresholds"], strict=False):
                self._device.zcl.put(place, threshold)

    def _present_price(self) -> list[Record]:
        """The price in force now, as Publish Price carries it (SMETS 4.6.5.2); nothing without a tariff."""
        registers, zcl = self._registers, self._device.zcl
        now = self._device.device_clock.now()
        price = registers.price_at(now)
        scheme = self._device.storage.get_json(_SECTION, _SCHEME)
        if price is None or scheme is None:
            return []
        tier = registers.tier_at(now)
        digits = zcl.number(_DIGITS) & ~_BLOCK_BITS
        return [
            {
                "Provider ID": 0,
                "Rate Label": "",
                "Issuer Event ID": scheme["event"],
                "Current Time": time_text(seconds_since_2000(now)),
                "Unit of Measure": zcl.number(_UNIT),
                "Currency": zcl.number(_CURRENCY),
                "Price Trailing Digit & Price Tier": digits | tier,
                "Number of Price Tiers & Register Tier": scheme["tiers"] << _TIER_SHIFT | tier,
                "Start Time": time_text(scheme["since"]),
                "Duration In Minutes": _UNTIL_CHANGED,
                "Price": price,
            }
        ]
