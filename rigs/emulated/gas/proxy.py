"""What the Gas Proxy Function holds of its gas meter: attributes that it reports, logs that it publishes.

Attributes of the metering, prepayment and basic clusters come through the mirror; those of price and calendar
come from commands that are tapped off (`tap_off`). The threshold of uncontrolled flow is not among them, so
nobody reads that here (SMETS-UGFR-03).
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any

from protocols.errors import DecodeError
from protocols.gbcs.catalogue.zcl import zcl_tables
from protocols.gbcs.zcl import Cluster, Status
from protocols.gbcs.zcl_fields import read_fields
from rigs.emulated.gas import event_copy
from rigs.emulated.gas.publishing import DEBTS, TOP_UPS, half_hours
from rigs.emulated.gas.registers import GasRegisters
from rigs.emulated.gas.samples import PROFILE, SAMPLES, DailyConsumption, ProfileLog
from rigs.emulated.gas.snapshots import METERING, PREPAYMENT, Snapshots, log_of
from rigs.emulated.gas.tariff import GasTariff
from rigs.emulated.objects.zse import AttributePlace, CommandPlace, zse_objects

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from rigs.emulated.device import Device

_UNKNOWN = 0xFFFFFF
_CLUSTERS = frozenset((Cluster.METERING, Cluster.PREPAYMENT, Cluster.BASIC))
_SECTION, _MIRROR = "gpf", "mirror"
_TIERS, _BLOCKS = ("0100", "0102", "0104", "0106"), ("0700", "0701", "0702", "0703")


@cache
def mirrored() -> dict[tuple[int, int], int]:
    """Attributes that a gas meter reports to its mirror, with their data types."""
    return {
        (place.cluster, place.number): attribute.data_type
        for place, attribute in zse_objects("gpf").attributes.items()
        if place.cluster in _CLUSTERS
    }


class Proxy:
    """The copy of one gas meter's data in a GPF's storage."""

    def __init__(self, device: Device) -> None:
        self._device = device
        storage, records = device.storage, device.records
        self.snapshots = Snapshots(storage)
        self.profile, self.daily = ProfileLog(storage), DailyConsumption(storage)
        # Not counting anything itself: it is told what the registers show, and knows prices by it.
        self.registers = GasRegisters(device)
        GasTariff(device, self.registers, keeps_changes=False)
        device.zcl.taking_over(event_copy.CLEAR_LOG, lambda _values: event_copy.clear(device))
        for place in (METERING, PREPAYMENT):
            records.source(place, lambda place=place: self.snapshots.all(place))  # type: ignore[misc]
        records.source(SAMPLES, self._samples)
        for cluster, number in mirrored():
            device.zcl.attribute(cluster, number, partial(self._mirrored, AttributePlace(cluster, number)))

    # ------------------------------------------------------------------ attributes

    def take_report(self, values: Mapping[tuple[int, int], Any]) -> bool:
        """Take what the meter reported; False where nothing is new."""
        held = self._mirror()
        fresh = {
            AttributePlace(*where).key: value if isinstance(value, int) else bytes(value).hex()
            for where, value in values.items()
            if where in mirrored() and isinstance(value, int | bytes)
        }
        if {**held, **fresh} == held:
            return False
        self._device.storage.put_json(_SECTION, _MIRROR, {**held, **fresh})
        self._show({**held, **fresh})
        return True

    def _show(self, mirror: Mapping[str, Any]) -> None:
        volumes = self.registers.volumes
        volumes.tiers = [mirror.get(f"0702/{each}", 0) for each in _TIERS]
        volumes.blocks = [mirror.get(f"0702/{each}", 0) for each in _BLOCKS]
        self.registers.put(volumes)

    def _mirror(self) -> dict[str, Any]:
        held: dict[str, Any] = self._device.storage.get_json(_SECTION, _MIRROR, {})
        return held

    def _mirrored(self, where: AttributePlace) -> int | bytes | Status:
        value: int | str | None = self._mirror().get(where.key)
        if value is None:
            # Nothing has ever been pushed: for a reader the attribute is not there.
            return Status.UNSUPPORTED_ATTRIBUTE
        return bytes.fromhex(value) if isinstance(value, str) else value

    # ------------------------------------------------------------------ logs

    def take_published(self, cluster: int, command: int, payload: bytes) -> None:
        """Take a snapshot, samples or a log; inside a piece of work. One that cannot be read is noted."""
        place = CommandPlace(cluster, True, command)
        known = zcl_tables().command(cluster, command, from_server=True)
        try:
            values = {} if known is None else read_fields(known.fields, payload)
        except DecodeError as error:
            self._device.note(f"cannot read what the gas meter published: {error}")
            return
        if place in {METERING, PREPAYMENT}:
            values.pop("Total Snapshots Found", None)
            self.snapshots.add(place, log_of(values["Snapshot Cause"]), values)
        elif place == SAMPLES and values["Sample ID"] == PROFILE:
            for end, amount in half_hours(values):
                self._take_sample(end, amount)
        elif place in {TOP_UPS, DEBTS}:
            self._device.records.put(place, [values])
        elif place == event_copy.EVENT_LOG:
            event_copy.take(self._device, values)

    def _take_sample(self, end: datetime, amount: int) -> None:
        if amount == _UNKNOWN:
            return
        self.profile.put(end, amount)
        if not (end.hour or end.minute):
            total = self.profile.day_total(end)
            if total is not None:
                self.daily.add(end, total)

    def _samples(self) -> list[dict[str, Any]]:
        return [each for each in (self.profile.record(), self.daily.record()) if each is not None]
