"""The Gas Proxy Function's copy of its meter's event log (CHTS 4.6.3.8), and how the meter keeps it true.

The meter publishes new entries when it reports to its mirror; a CS11 that passes the proxy and was carried
out empties the copy too (GBCS-10.3.4-01). The copy is read as log 6 (gbz.md 6). Entries carry no number on
the HAN, so the meter always begins with the first of the second at which it stopped: what the proxy has of
that is found again in the copy, and nothing comes twice or is taken for a repetition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.gbcs.zcl_values import time_text
from rigs.emulated.event_rules import Log
from rigs.emulated.events import CAPACITY, seconds_since_2000
from rigs.emulated.objects.zse import CommandPlace

if TYPE_CHECKING:
    from rigs.emulated.device import Device

Record = dict[str, Any]
EVENT_LOG, CLEAR_LOG = CommandPlace(0x0709, True, 0x01), CommandPlace(0x0709, False, 0x01)
COPY = 6  # "GBCS General Event Log" of the ZCL's enumeration
_AT_ONCE = 24  # entries of one waking; more of them in one second go with the next
_SENT = "event"


def waiting(device: Device, mark: dict[str, Any]) -> list[tuple[CommandPlace, Record]]:
    """Of a meter's event log what was not published yet, as one command; ``mark`` becomes the last's."""
    entries = device.events.numbered(Log.EVENT)
    new = [number > mark.get(_SENT, -1) for number, _entry in entries].count(False)
    if new == len(entries):
        return []
    begins = entries[max(0, new - 1)][1].time
    chosen = [each for each in entries[: new + _AT_ONCE] if each[1].time >= begins]
    mark[_SENT] = chosen[-1][0]
    log = [
        {
            "Log ID": COPY,
            "Event ID": entry.code,
            "Event Time": time_text(seconds_since_2000(entry.time)),
            "Event Data": entry.other.hex().upper(),
        }
        for _number, entry in chosen
    ]
    head = {"Total Number of Events": len(log), "Command Index": 0, "Total Commands": 1}
    return [(EVENT_LOG, {**head, "Number of Events / Log Payload Control": 0, "Log Entries": log})]


def take(device: Device, values: Record) -> None:
    """A proxy hears entries of its meter's log; inside a piece of work."""
    entries = [each for each in values["Log Entries"] if each["Log ID"] == COPY]
    held = device.records.get(EVENT_LOG, f"{COPY}")
    device.records.put(EVENT_LOG, _merged(held, entries)[-CAPACITY:], f"{COPY}")


def clear(device: Device) -> None:
    """The meter's log was emptied by a command that passed; inside a piece of work."""
    device.records.put(EVENT_LOG, [], f"{COPY}")


def _merged(held: list[Record], told: list[Record]) -> list[Record]:
    """Both, with what they have in common once: told again somewhere within, or the end of the one."""
    starts = range(len(held) - len(told) + 1)
    if any(held[at : at + len(told)] == told for at in starts):
        return held
    common = next(n for n in range(min(len(held), len(told)), -1, -1) if held[len(held) - n :] == told[:n])
    return [*held, *told[common:]]
