"""zigpy decodes messages by our cluster tables; prints as JSON what it saw otherwise than we do.

A process of its own: zigpy is GPL-3.0, and other interop checks import scapy, which is GPL-2.0-only.
"""

import json
import random
import sys
from typing import Any
from unittest.mock import MagicMock

from zigpy.zcl import Cluster

from drivers.zigpy_clusters import identifier, register
from protocols.zigbee.zcl.clusters import load
from protocols.zigbee.zcl.fields import Switch
from protocols.zigbee.zcl.foundation import build_command, parse_message
from tests.zcl_samples import values_for

SAMPLES = 10


def plain(value: Any) -> Any:
    """A value as both sides would print it."""
    if hasattr(value, "as_dict"):
        values = value.as_dict()
        if set(values) == {"years_since_1900", "month", "day", "day_of_week"}:
            return value.serialize().hex()
        return {name: plain(each) for name, each in values.items() if each is not None}
    if isinstance(value, int):
        return int(value)
    if (
        hasattr(value, "serialize")
        and isinstance(value, list)
        and type(value).__name__ in {"EUI64", "KeyData"}
    ):
        octets = value.serialize()
        return (octets[::-1] if type(value).__name__ == "EUI64" else octets).hex()
    if isinstance(value, list):
        return [plain(each) for each in value]
    return bytes(value).hex() if isinstance(value, bytes) else str(value)


def ours(fields: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Our values in zigpy's shape."""
    made: dict[str, Any] = {}
    for member in fields:
        if isinstance(member, Switch):
            value = values[member.name]
            if value in member.cases:
                made[f"{identifier(member.name)}_{value}"] = ours(member.cases[value], values)
        elif member.name in values:
            value = values[member.name]
            if member.entries is not None and not getattr(member.entries[0], "name", ""):
                value = [plain(each) for each in value]
            elif member.entries is not None:
                value = [ours(member.entries, each) for each in value]
            elif member.type == "raw" and member.of:
                value = list(value)
            else:
                value = plain(value)
            made[identifier(member.name)] = value
    return made


def main() -> None:
    registered = register()
    rng = random.Random(5)
    differences: list[str] = []
    commands = set()
    for number in registered:
        peer = Cluster._registry[number](MagicMock())
        for from_server in (False, True):
            for command in load()[number].commands(from_server=from_server).values():
                for _ in range(SAMPLES):
                    values = values_for(command.fields, rng, whole=True)
                    octets = build_command(number, command.name, values, sequence=1, from_server=from_server)
                    _, theirs = peer.deserialize(octets)
                    commands.add((number, from_server, command.number))
                    if isinstance(theirs, bytes):
                        differences.append(f"{number:04X} {command.name}: zigpy does not know it")
                        break
                    seen, meant = plain(theirs), ours(command.fields, parse_message(number, octets).values)
                    if seen != meant or theirs.serialize() != octets[3:]:
                        differences.append(f"{number:04X} {command.name}: {seen} instead of {meant}")
                        break
    attributes = {
        f"{number:04X}": len(list(Cluster._registry[number].AttributeDefs)) for number in registered
    }
    json.dump(
        {
            "registered": [f"{number:04X}" for number in registered],
            "commands": len(commands),
            "attributes": attributes,
            "differences": differences,
            "known": zigpy_types(registered),
        },
        sys.stdout,
    )


def zigpy_types(registered: list[int]) -> list[str]:
    """Where zigpy's own definitions have another type or no such attribute."""
    found = []
    for number in set(load()) - set(registered):
        known, table = Cluster._registry[number], load()[number]
        attributes = {**table.client_attributes, **table.attributes}
        for attribute in known.AttributeDefs:
            mine = attributes.get(int(attribute.id))
            if mine is None or mine.type.number != int(attribute.zcl_type):
                found.append(f"{number:04X} {attribute.name}")
    return found


if __name__ == "__main__":
    main()
