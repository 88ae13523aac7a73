"""What a gas meter publishes to its mirror when it wakes: entries of its logs that it has not sent before.

Without them the proxy could not answer for the meter (GBCS-GPF-READ). Asked by the flags of its mirror the
meter begins again with the oldest entry that it has (HAN-XCHG-01: history after an exchange of the hub).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from protocols.gbcs.catalogue.zcl import zcl_tables
from protocols.gbcs.zcl_fields import Rules, write_fields
from protocols.gbcs.zcl_values import time_number, time_text
from protocols.zigbee.zcl.frame import FrameType, ZclFrame
from rigs.emulated.events import EPOCH, seconds_since_2000
from rigs.emulated.gas import event_copy
from rigs.emulated.gas.samples import PROFILE, SAMPLES
from rigs.emulated.gas.snapshots import METERING, PREPAYMENT
from rigs.emulated.objects.zse import CommandPlace

if TYPE_CHECKING:
    from rigs.emulated.device import Device

Record = dict[str, Any]
Mark = dict[str, Any]
TOP_UPS, DEBTS = CommandPlace(0x0705, True, 0x05), CommandPlace(0x0705, True, 0x06)
_SECTION, _MARK = "gas", "published"
_AT_ONCE = 48  # snapshots of one waking
_SAMPLES_AT_ONCE, _SAMPLE_COMMANDS = 20, 24  # samples in a command (about 80 octets), commands of one waking
_HALF_HOUR_S = 1800


class Publishing:
    """What is still to be published of one meter; ``mark`` of what was is kept when it has arrived."""

    def __init__(self, device: Device) -> None:
        self._device = device

    def waiting(self) -> tuple[list[tuple[int, bytes]], Mark]:
        """ZCL commands (cluster, frame) for the mirror, and the mark to keep once they have arrived."""
        mark: Mark = dict(self._device.storage.get_json(_SECTION, _MARK, default={}))
        events = event_copy.waiting(self._device, mark)
        found = [*self._snapshots(mark), *self._samples(mark), *self._logs(mark), *events]
        return [(place.cluster, _frame(place, values)) for place, values in found], mark

    def arrived(self, mark: Mark) -> None:
        """They have arrived; inside a piece of work."""
        self._device.storage.put_json(_SECTION, _MARK, mark)

    def again(self) -> None:
        """Begin anew; inside a piece of work."""
        self._device.storage.delete(_SECTION, _MARK)

    def _snapshots(self, mark: Mark) -> list[tuple[CommandPlace, Record]]:
        after = mark.get("snapshot", -1)
        held = [
            (each["Snapshot ID"], place, each)
            for place in (METERING, PREPAYMENT)
            for each in self._device.records.get(place)
            if each["Snapshot ID"] > after
        ]
        # Both halves of a snapshot have one number, and an even limit keeps them together.
        found = sorted(held, key=lambda each: each[:2])[:_AT_ONCE]
        if found:
            mark["snapshot"] = found[-1][0]
        return [(place, {"Total Snapshots Found": 1, **each}) for _number, place, each in found]

    def _samples(self, mark: Mark) -> list[tuple[CommandPlace, Record]]:
        profile = next((e for e in self._device.records.get(SAMPLES) if e["Sample ID"] == PROFILE), None)
        if profile is None:
            return []
        start = time_number(profile["Sample Start Time"], "time")
        skip = max(0, (mark.get("sample", 0) - start) // _HALF_HOUR_S + 1) if "sample" in mark else 0
        found = []
        for first in range(skip, len(profile["Samples"]), _SAMPLES_AT_ONCE)[:_SAMPLE_COMMANDS]:
            samples = profile["Samples"][first : first + _SAMPLES_AT_ONCE]
            begins = start + first * _HALF_HOUR_S
            about = {"Sample Start Time": time_text(begins), "Number of Samples": len(samples)}
            found.append((SAMPLES, {**profile, **about, "Samples": samples}))
            mark["sample"] = begins + (len(samples) - 1) * _HALF_HOUR_S
        return found

    def _logs(self, mark: Mark) -> list[tuple[CommandPlace, Record]]:
        found = []
        for place in (TOP_UPS, DEBTS):
            record = self._device.records.last(place)
            if record is not None and record != mark.get(f"{place}"):
                mark[f"{place}"] = record
                found.append((place, record))
        return found


def _frame(place: CommandPlace, values: Record) -> bytes:
    known = zcl_tables().command(place.cluster, place.number, from_server=True)
    assert known is not None, "the tables have it"
    payload = write_fields(known.fields, values, "published", Rules())
    return ZclFrame(FrameType.CLUSTER, 0, place.number, payload, from_server=True).build()


def half_hours(record: Record) -> list[tuple[Any, int]]:
    """The samples of a published set, each with the moment at which it ended."""
    start = time_number(record["Sample Start Time"], "time")
    step = timedelta(seconds=_HALF_HOUR_S)
    first = EPOCH + timedelta(seconds=start)
    assert seconds_since_2000(first) == start, "whole seconds"
    return [(first + number * step, each) for number, each in enumerate(record["Samples"])]
