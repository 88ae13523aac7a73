"""Reading the logs of a device, each with the use case that the specification has for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hil.api import inconclusive

if TYPE_CHECKING:
    from hil.bench import Bench
    from hil.exchange import Response
    from hil.nodes import DeviceNode, UserNode

EVENT, SECURITY, POWER, AUXILIARY = "event", "security", "power", "auxiliary"
COPY = "copy"  # of the gas meter's event log, at the proxy
_DAY = timedelta(days=1)
# By device type and log: the use case, and the element that holds the entries.
_DLMS = {
    ("esme", EVENT): ("ECS35a", "EventLog(incGPF): readLog"),
    ("esme", SECURITY): ("ECS35b", "SecurityLog(notCHF): readLog"),
    ("esme", POWER): ("ECS35e", "PowerEventLog: readLog"),
    ("esme", AUXILIARY): ("ECS35f", "AuxiliaryControllerEventLog: readLog"),
    ("chf", EVENT): ("ECS35c", "EventLog(CHF): readLog"),
    ("chf", SECURITY): ("ECS35d", "SecurityLog(CHF): readLog"),
}
_GAS = {EVENT: ("CS10a", 0x13), SECURITY: ("CS10b", 0x04), COPY: ("CS10a", 0x16)}


@dataclass(slots=True)
class Entry:
    """One entry: time, code (for a controller its number and action), other information as it is decoded."""

    time: datetime
    code: int
    other: Any = None


def entries(
    bench: Bench,
    reader: UserNode,
    device: DeviceNode,
    log: str,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
) -> list[Entry]:
    """All entries of a log, or those of a time, oldest first."""
    first = start or bench.clock.now() - _DAY
    last = end or bench.clock.now() + _DAY
    if device.type in {"gsme", "gpf"}:
        return _gas_entries(reader, device, log, first, last)
    code, element = _DLMS[device.type, log]
    response = reader.request(code, device, fromDateTime=first, toDateTime=last)
    return [_entry(each) for each in _found(response, element)]


def codes(bench: Bench, reader: UserNode, device: DeviceNode, log: str) -> list[int]:
    """The codes of all entries of a log, oldest first."""
    return [entry.code for entry in entries(bench, reader, device, log)]


def _found(response: Response, element: str) -> list[Any]:
    if any(response.statuses.values()):
        inconclusive(f"{element} was not read: {response.statuses}")
    return list(response.named["elements"][element])


def _entry(value: dict[str, Any]) -> Entry:
    code = value.get("logCode", value.get("switchNumberAndAction"))
    other = value.get("otherInformation", value.get("outcome"))
    return Entry(_moment(value["timestamp"]), int(code), other)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _gas_entries(
    reader: UserNode, device: DeviceNode, log: str, first: datetime, last: datetime
) -> list[Entry]:
    code, log_id = _GAS[log]
    values = {
        "*/Event Control / Log ID": log_id,
        "*/Start Time": first.replace(microsecond=0),
        "*/End Time": last.replace(microsecond=0),
    }
    response = reader.request(code, device, values=values)
    found = response.find_all("Log Entries")
    return [
        Entry(_moment(each["Event Time"]), int(each["Event ID"]), each["Event Data"])
        for each in (found[0] if found else [])
    ]
