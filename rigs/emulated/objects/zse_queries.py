"""Cluster commands that ask a gas meter or its proxy for something: answers from records and attributes.

Each function takes the device and the command's named values, and gives the named values of every answer, or
a status where there is none. Field names are the tables' (``catalogue/zcl``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from protocols.gbcs.zcl import Status
from protocols.gbcs.zcl_values import time_number, time_text
from rigs.emulated.event_rules import RULES, EventCode, Log
from rigs.emulated.events import seconds_since_2000
from rigs.emulated.objects.zse import CommandPlace

if TYPE_CHECKING:
    from rigs.emulated.device import Device
    from rigs.emulated.objects.zse_records import Record

Values = dict[str, Any]
# Ids by which the calendars in force are asked for (gbz.md 6).
IN_FORCE = (0xFFFF_FFFF, 0xFFFF_FFFE)
_NO_SAMPLING = 0xFFFF
_FOREVER = 0xFFFF_FFFF
_ONE_ANSWER = {"Command Index": 0, "Total Number of Commands": 1}


@dataclass(slots=True)
class Asked:
    """One query: its values, the component's From Date Time, the answering command, values that are fixed."""

    values: Values
    earliest: int
    answer: CommandPlace


Query = Callable[["Device", Asked], "Status | list[Values]"]


def _seconds(text: Any) -> int:
    return time_number(text, "time")


def _until(text: Any) -> int:
    seconds = _seconds(text)
    return seconds or _FOREVER


def calendar_slot(calendar: int) -> str:
    """Name of the list of records that a calendar id asks for."""
    return f"{calendar:08X}" if calendar in IN_FORCE else ""


def _calendar(device: Device, asked: Asked) -> list[Record]:
    wanted = asked.values["Issuer Calendar ID"]
    records = device.records.get(asked.answer, calendar_slot(wanted))
    if wanted in IN_FORCE:
        return records
    return [each for each in records if each["Issuer Calendar ID"] == wanted]


def _by_number(first: str, count: str, key: str) -> Query:
    def query(device: Device, asked: Asked) -> Status | list[Values]:
        """Entries from a number on, as many as asked for (0: all there are)."""
        found = [each for each in _calendar(device, asked) if each[key] >= asked.values[first]]
        found = found[: asked.values[count] or None]
        return [dict(each) for each in found] or Status.NOT_FOUND

    return query


def _whole_calendar(device: Device, asked: Asked) -> Status | list[Values]:
    return [dict(each) for each in _calendar(device, asked)] or Status.NOT_FOUND


def snapshots(device: Device, asked: Asked) -> Status | list[Values]:
    """The snapshot at an offset among those of a cause within a time."""
    first, last = _seconds(asked.values["Earliest Start Time"]), _until(asked.values["Latest End Time"])
    found = [
        each
        for each in device.records.get(asked.answer)
        if first <= _seconds(each["Snapshot Time"]) <= last
        and each["Snapshot Cause"] & asked.values["Snapshot Cause"]
    ]
    offset = asked.values["Snapshot Offset"]
    if offset >= len(found):
        return Status.NOT_FOUND
    # A log of fixed depth says how many it can hold, whatever it has so far.
    return [{"Total Snapshots Found": len(found), **found[offset], **_ONE_ANSWER}]


def samples(device: Device, asked: Asked) -> Status | list[Values]:
    """Samples of a set from a time on, as many as asked for."""
    wanted = asked.values
    for each in device.records.get(asked.answer):
        if (each["Sample ID"], each["Sample Type"]) != (wanted["Sample ID"], wanted["Sample Type"]):
            continue
        interval, start = _interval_s(each["Sample Request Interval"]), _seconds(each["Sample Start Time"])
        # What was taken before the earliest time asked for stays out.
        skip = max(0, -(-(_seconds(wanted["Earliest Sample Time"]) - start) // interval))
        found = each["Samples"][skip:][: wanted["Number of Samples"]]
        if found:
            begins = time_text(start + skip * interval)
            return [{**each, "Sample Start Time": begins, "Number of Samples": len(found), "Samples": found}]
    return Status.NOT_FOUND


def _interval_s(interval: int) -> int:
    """Seconds between samples; GCS61 says FFFF where it means a day."""
    return 86_400 if interval == _NO_SAMPLING else max(interval, 1)


def start_sampling(device: Device, asked: Asked) -> Status | list[Values]:
    """Begin a set of network data samples; the answer is its id."""
    sample_id = 2  # the set that GCS18 reads
    place = CommandPlace(0x0702, True, 0x07)
    device.note(f"sampling every {asked.values['Sample Request Interval']} s as set {sample_id}")
    if device.records.held(place):
        others = [each for each in device.records.get(place) if each["Sample ID"] != sample_id]
        device.records.put(place, others)
    for follow in device.zcl.followers.get(CommandPlace(0x0702, False, 0x07), ()):
        follow(asked.values)
    return [{"Sample ID": sample_id}]


def event_log(device: Device, asked: Asked) -> Status | list[Values]:
    """Entries of a log within a time, after an offset."""
    log = asked.values["Event Control / Log ID"] & 0x0F
    first, last = _seconds(asked.values["Start Time"]), _until(asked.values["End Time"])
    wanted = asked.values["Event ID"]
    found = [
        each
        for each in _log_entries(device, log, asked.answer)
        if first <= _seconds(each["Event Time"]) <= last and wanted in {0, each["Event ID"]}
    ]
    entries = found[asked.values["Event Offset"] :]
    if asked.values["Number of Events"]:
        entries = entries[: asked.values["Number of Events"]]
    if not entries:
        return Status.NOT_FOUND
    head = {"Total Number of Events": len(found), "Command Index": 0, "Total Commands": 1}
    return [{**head, "Number of Events / Log Payload Control": 0, "Log Entries": entries}]


_COPY = 6  # of its meter's event log, at a GPF
_LOGS = {3: Log.EVENT, 4: Log.SECURITY, _COPY: Log.EVENT}


def _log_entries(device: Device, log: int, place: CommandPlace) -> list[Record]:
    copied = log == _COPY and device.description.device_type == "gpf"
    if copied or device.records.held(place, f"{log}"):
        return device.records.get(place, f"{log}")
    known = _LOGS.get(log)
    return [
        {
            "Log ID": log,
            "Event ID": each.code,
            "Event Time": time_text(seconds_since_2000(each.time)),
            "Event Data": each.other.hex().upper(),
        }
        for each in (device.events.entries(known) if known else ())
    ]


def clear_event_log(device: Device, asked: Asked) -> Status | list[Values]:
    """Empty a log; the answer has a bit for each log that is empty now. The security log is never emptied."""
    log = asked.values["Log ID"]
    cleared = _LOGS.get(log) is Log.EVENT
    if cleared:
        device.events.clear(Log.EVENT)
        device.events.record(EventCode.EVENT_LOG_CLEARED)
        device.records.forget(CommandPlace(0x0709, True, 0x01), f"{log}")
    return [{"Cleared Event Logs": 1 << log if cleared else 0}]


def entries(name: str, time: str, count: str, kind: str = "", kind_of: str = "") -> Query:
    """Query for entries of a log of credit: from the component's date to the latest time, of one kind."""

    def query(device: Device, asked: Asked) -> Status | list[Values]:
        held = [entry for record in device.records.get(asked.answer) for entry in record[name]]
        last = _until(asked.values["Latest End Time"])
        found = [
            each
            for each in held
            if asked.earliest <= _seconds(each[time]) <= last
            and (not kind or asked.values[kind] in {0x02, each[kind_of]} or each[kind_of] == 0xFF)
        ][: asked.values[count] or None]
        return (
            [{"Command Index": 0, "Total Number of Commands": 1, name: found}] if found else Status.NOT_FOUND
        )

    return query


def published(device: Device, asked: Asked) -> Status | list[Values]:
    """What was published last."""
    records = device.records.get(asked.answer)
    return [dict(records[-1])] if records else Status.NOT_FOUND


def event_configuration(device: Device, asked: Asked) -> Status | list[Values]:
    """Configuration of one event, or of all of a group (81FF: every 0x81nn)."""
    wanted = asked.values["Event ID"]
    everything = wanted & 0xFF == 0xFF
    found = [
        {"Event ID": code, "Event Configuration": configuration}
        for code, configuration in event_configurations(device).items()
        if code == wanted or (everything and code >> 8 == wanted >> 8)
    ]
    if not found:
        return Status.NOT_FOUND
    return [{"Command Index": 0, "Total Commands": 1, "Event Configuration Entries": found}]


REPORT = CommandPlace(0x0708, False, 0x04)
# Kept in the third log, the event log, and pushed to the WAN; and pushed to the HAN.
_AS_MANUFACTURED, _ON_THE_HAN = 0x0B, 0x10


def event_configurations(device: Device) -> dict[int, int]:
    """All configurable events with their configuration; as manufactured every one is reported and logged."""
    held = device.records.get(REPORT)
    if held:
        return {each["Event ID"]: each["Event Configuration"] for each in held}
    return dict(_manufactured(device.description.device_type))


@cache
def _manufactured(kind: str) -> dict[int, int]:
    codes = sorted(code for code, rule in RULES.items() if code >> 8 == 0x81 and kind in rule.devices)
    return {code: _AS_MANUFACTURED | (_ON_THE_HAN if RULES[code].han else 0) for code in codes}


QUERIES: dict[CommandPlace, Query] = {
    CommandPlace(0x0700, False, 0x00): published,
    CommandPlace(0x0700, False, 0x0B): published,
    CommandPlace(0x0702, False, 0x06): snapshots,
    CommandPlace(0x0705, False, 0x07): snapshots,
    CommandPlace(0x0702, False, 0x07): start_sampling,
    CommandPlace(0x0702, False, 0x08): samples,
    CommandPlace(0x0705, False, 0x08): entries("Top Up Entries", "Top Up Time", "Number of Records"),
    CommandPlace(0x0705, False, 0x0A): entries(
        "Debt Entries", "Collection Time", "Number of Debts", "Debt Type", "Debt Type"
    ),
    CommandPlace(0x0707, False, 0x01): _by_number("Start Day ID", "Number of Days", "Day ID"),
    CommandPlace(0x0707, False, 0x02): _by_number("Start Week ID", "Number of Weeks", "Week ID"),
    CommandPlace(0x0707, False, 0x03): _whole_calendar,
    CommandPlace(0x0707, False, 0x04): _whole_calendar,
    CommandPlace(0x0708, True, 0x05): event_configuration,
    CommandPlace(0x0709, False, 0x00): event_log,
    CommandPlace(0x0709, False, 0x01): clear_event_log,
}
# What a query answers in place of a default response while a fault is injected into it; a fault of the part
# ``NO_ANSWER`` makes it a default response after all.
NO_ANSWER = "Default Response"
FAULTY: dict[CommandPlace, Values] = {
    CommandPlace(0x0702, False, 0x07): {"Sample ID": _NO_SAMPLING},
    CommandPlace(0x0709, False, 0x01): {"Cleared Event Logs": 0},
}
