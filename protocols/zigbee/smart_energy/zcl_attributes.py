"""Attributes served by the general commands (ZCL 2.5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from protocols.errors import CodecError
from protocols.zigbee.zcl.clusters import Attribute, load
from protocols.zigbee.zcl.foundation import Message, Status
from protocols.zigbee.zcl.types import write_value

_AT_ONCE = 64  # attributes that one request may name
_WRITES = frozenset({"Write Attributes", "Write Attributes Undivided", "Write Attributes No Response"})
_SILENT = frozenset({"Report Attributes"})
_NOT_REQUESTS = frozenset(
    {
        "Read Attributes Response",
        "Write Attributes Response",
        "Configure Reporting Response",
        "Read Reporting Configuration Response",
        "Discover Attributes Response",
    }
)


@dataclass(slots=True)
class Attributes:
    """The attributes of one side of a cluster. ``read`` gives None where there is no such attribute.

    ``write`` gives a status; without it all are read only. ``names`` lists them, for discovery.
    """

    read: Callable[[int], Any]
    write: Callable[[int, Any], int] | None = None
    names: Callable[[], Iterable[int]] = tuple


Result = tuple[str, dict[str, Any]] | int | None


def general_answer(message: Message, attributes: Attributes | None, *, client: bool) -> Result:
    """What a general command that is no report gives: an answer's name and values, a status, or nothing."""
    name = message.name
    if name == "Read Attributes":
        asked = message.values.get("Attributes", [])[:_AT_ONCE]
        records = [_record(message.cluster, attribute, attributes, client=client) for attribute in asked]
        return "Read Attributes Response", {"Records": records}
    if name in _WRITES:
        return _written(message, attributes, client=client)
    if name == "Discover Attributes":
        return _discovered(message, attributes, client=client)
    if name in _SILENT:
        return Status.SUCCESS
    return None if name in _NOT_REQUESTS else Status.UNSUPPORTED_GENERAL_COMMAND


def described(cluster: int, attribute: int, *, client: bool) -> Attribute | None:
    """What the table says of an attribute."""
    if cluster not in load():
        return None
    known = load()[cluster]
    return (known.client_attributes if client else known.attributes).get(attribute)


def _record(cluster: int, attribute: int, attributes: Attributes | None, *, client: bool) -> dict[str, Any]:
    row = described(cluster, attribute, client=client)
    value = attributes.read(attribute) if attributes is not None and row is not None else None
    if row is None or value is None:
        return {"Attribute": attribute, "Status": Status.UNSUPPORTED_ATTRIBUTE}
    try:
        write_value(row.type.number, value, row.name)
    except CodecError:
        return {"Attribute": attribute, "Status": Status.FAILURE}
    return {"Attribute": attribute, "Status": 0, "Data Type": row.type.number, "Value": value}


def _written(message: Message, attributes: Attributes | None, *, client: bool) -> Result:
    records = message.values.get("Records", [])[:_AT_ONCE]
    allowed = [_may_write(message.cluster, record, attributes, client=client) for record in records]
    if message.name == "Write Attributes Undivided" and any(allowed):
        outcomes = allowed
    else:
        outcomes = []
        for record, status in zip(records, allowed, strict=True):
            write = attributes.write if attributes is not None else None
            if status == Status.SUCCESS and write is not None:
                status = write(record["Attribute"], record["Value"])  # noqa: PLW2901 - the outcome
            outcomes.append(status)
    if message.name == "Write Attributes No Response":
        return None
    failed = [
        {"Status": status, "Attribute": record["Attribute"]}
        for record, status in zip(records, outcomes, strict=True)
        if status != Status.SUCCESS
    ]
    return "Write Attributes Response", {"Records": failed or [{"Status": Status.SUCCESS}]}


def _may_write(cluster: int, record: dict[str, Any], attributes: Attributes | None, *, client: bool) -> int:
    row = described(cluster, record["Attribute"], client=client)
    if row is None or attributes is None or attributes.read(record["Attribute"]) is None:
        return Status.UNSUPPORTED_ATTRIBUTE
    if record["Data Type"] != row.type.number:
        return Status.INVALID_DATA_TYPE
    return Status.READ_ONLY if "w" not in row.access or attributes.write is None else Status.SUCCESS


def _discovered(message: Message, attributes: Attributes | None, *, client: bool) -> Result:
    start = message.values.get("Start Attribute", 0)
    most = message.values.get("Maximum Number", _AT_ONCE)
    found = sorted(attributes.names()) if attributes is not None else []
    rows = [(each, described(message.cluster, each, client=client)) for each in found if each >= start]
    told = [(each, row) for each, row in rows if row is not None]
    shown = told[: min(most, _AT_ONCE)]
    records = [{"Attribute": each, "Data Type": row.type.number} for each, row in shown]
    return "Discover Attributes Response", {"Complete": len(shown) == len(told), "Attributes": records}
