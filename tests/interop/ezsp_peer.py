"""bellows' tables read what ours built, and build it again; prints as JSON what differs.

A process of its own, with bellows' Python: bellows and zigpy are GPL-3.0.
"""

import json
import random
import sys
from typing import Any

from bellows.ezsp import EZSP
from bellows.types import deserialize_dict, serialize_dict

from protocols.eui64 import Eui64
from protocols.ezsp.fields import Field, Fields, write_fields
from protocols.ezsp.frame import Command, tables

SAMPLES = 20


def sample(field: Field, values: dict[str, Any], rng: random.Random) -> Any:
    if field.count is not None:
        number = values[field.count] if field.count else 40
        return [one(field, rng) for _ in range(number)]
    if field.name.endswith("count") and field.type == "u8":
        return rng.randrange(5)
    return one(field, rng)


def one(field: Field, rng: random.Random) -> Any:
    if field.entries:
        return values_of(field.entries, rng)
    if field.type == "bool":
        return rng.random() < 0.5
    if field.type == "i8":
        return rng.randrange(-128, 128)
    if field.type == "eui64":
        return Eui64(rng.randbytes(8))
    if field.type.startswith("octets"):
        return rng.randbytes(rng.randrange(60))
    return rng.randbytes(field.size) if field.type == "raw" else rng.randrange(256**field.size)


def values_of(fields: Fields, rng: random.Random) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in fields:
        values[field.name] = sample(field, values, rng)
    return values


def ours(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [item for each in value.values() for item in ours(each)]
    if isinstance(value, Eui64):
        return [value.hex()]
    if isinstance(value, list):
        return [item for each in value for item in ours(each)]
    return [value.hex() if isinstance(value, bytes) else int(value)]


def theirs(value: Any) -> list[Any]:  # noqa: PLR0911
    if type(value).__name__ in {"EUI64", "ExtendedPanId"}:
        return [value.serialize()[::-1].hex()]
    if isinstance(value, bytes):
        return [bytes(value).hex()]
    if isinstance(value, int):
        return [int(value)]
    if hasattr(value, "as_dict"):
        return [item for each in value.as_dict().values() if each is not None for item in theirs(each)]
    if type(value).__name__.startswith(("KeyData", "FixedList", "EmberPublic", "EmberSmac", "EmberCert")):
        return [bytes(int(each) for each in value).hex()]
    if isinstance(value, list):
        return [item for each in value for item in theirs(each)]
    return [bytes(value).hex()]


def compare(command: Command, fields: Fields, schema: Any, rng: random.Random) -> str | None:
    for _ in range(SAMPLES):
        values = values_of(fields, rng)
        if command.name == "getTokenData" and "status" in values:
            values["status"] = 0  # they expect data only then
        octets = write_fields(fields, values)
        try:
            if isinstance(schema, dict):
                read, rest = deserialize_dict(octets, schema)
                seen, again = (
                    [item for each in read.values() for item in theirs(each)],
                    serialize_dict((), read, schema),
                )
            else:
                read, rest = schema.deserialize(octets)
                seen, again = theirs(read), read.serialize()
        except Exception as error:  # noqa: BLE001 - whatever it says
            return f"{error!r}"
        if rest or again != octets:
            return f"{octets.hex()} read as {read}, left {rest.hex()}, built as {again.hex()}"
        meant = ours(values)
        if not same_octets(seen, meant) and not same_octets(seen, ours(without_counts(fields, values))):
            return f"{meant} read as {seen}"
    return None


def without_counts(fields: Fields, values: dict[str, Any]) -> dict[str, Any]:
    """Lists that know their length, as bellows has some."""
    counts = {field.count for field in fields if field.count}
    return {name: value for name, value in values.items() if name not in counts}


def same_octets(seen: list[Any], meant: list[Any]) -> bool:
    """Octets may be lists of numbers there."""

    def plain(items: list[Any]) -> str:
        return "".join(each if isinstance(each, str) else f"{each & 0xFF:02x}" for each in items)

    return plain(seen) == plain(meant)


def main() -> None:
    rng = random.Random(7)
    differences: list[str] = []
    compared, missing = 0, []
    for version in map(int, sys.argv[1:]):
        known = {
            number: (name, tx, rx) for name, (number, tx, rx) in EZSP._BY_VERSION[version].COMMANDS.items()
        }
        table = tables(version)
        for command in (*table.commands.values(), *table.callbacks.values()):
            if command.number not in known:
                missing.append(f"{version} {command.name}")
                continue
            name, tx, rx = known[command.number]
            pairs = (
                [(command.request, tx), (command.response, rx)]
                if command.response is not None
                else [(command.request, rx)]
            )
            for fields, schema in pairs:
                problem = compare(command, fields, schema, rng)
                compared += 1
                if problem:
                    differences.append(f"{version} {command.name} ({name}): {problem}")
            if name != command.name:
                differences.append(f"{version} {command.name} is called {name}")
    json.dump({"compared": compared, "differences": differences, "missing": missing}, sys.stdout)


if __name__ == "__main__":
    main()
