"""Random values for the fields of ZCL commands, as their tables say."""

import random
from typing import Any

from protocols.eui64 import Eui64
from protocols.zigbee.zcl.fields import RAW, TYPED, Field, Fields, Switch
from protocols.zigbee.zcl.types import BY_CODE, BY_NUMBER, Array, DataType, Structure

_SIMPLE = [row for row in BY_NUMBER.values() if row.octets]


def values_for(fields: Fields, rng: random.Random, *, whole: bool = False) -> dict[str, Any]:
    """Values that the writer takes; ``whole`` leaves out no optional field, entry or string, and counts right."""
    values: dict[str, Any] = {}
    _fill(fields, values, rng, whole=whole)
    return values


def _fill(fields: Fields, values: dict[str, Any], rng: random.Random, *, whole: bool) -> None:
    wanted = _wanted(fields)
    for member in fields:
        if isinstance(member, Switch):
            _fill(member.cases.get(values[member.name], ()), values, rng, whole=whole)
            continue
        if not all(each.holds(values) for each in member.conditions):
            continue
        if member.optional and not whole and rng.random() < 0.3:
            break
        value = _value(member, values, wanted.get(member.name), rng, whole=whole)
        if whole and member.type in {"octets", "chars"}:
            value = "meter" if member.type == "chars" else b"meter"
        values[member.name] = value


def _wanted(fields: Fields) -> dict[str, list[int]]:
    """Values by field that conditions and switches of the others ask for."""
    found: dict[str, list[int]] = {}
    for member in fields:
        if isinstance(member, Switch):
            found[member.name] = list(member.cases)
            continue
        for condition in member.conditions:
            found.setdefault(condition.name, []).extend(
                condition.values or ([condition.mask] * bool(condition.mask))
            )
    return found


def _value(  # noqa: PLR0911  # one line per kind of field
    member: Field, values: dict[str, Any], wanted: list[int] | None, rng: random.Random, *, whole: bool
) -> Any:
    if member.entries is not None:
        return _entries(member, values, rng, whole=whole)
    if member.type == TYPED:
        return typed_value(BY_NUMBER[values[member.of]], rng)
    if member.type == RAW:
        return rng.randbytes(values[member.of] if member.of else member.octets or rng.randrange(1, 60))
    if member.name == "Data Type":
        return rng.choice(list(BY_NUMBER))
    if wanted and (whole or rng.random() < 0.7):
        return rng.choice(wanted)
    if (
        member.name.startswith(("Number of", "Total Number", "Protocol Count", "Tier/Number"))
        or member.name == "Indicator"
    ):
        return rng.randrange(1, 6)
    if member.name == "Data Size":
        return rng.randrange(64)
    return typed_value(BY_CODE[member.type], rng)


def _entries(member: Field, values: dict[str, Any], rng: random.Random, *, whole: bool) -> list[Any]:
    count = member.announced(values[member.count]) if member.count in values else rng.randrange(whole, 5)
    if member.rest and not whole:
        count = rng.randrange(5)
    if whole and "Total Number of Devices" in values:
        values["Total Number of Devices"] = count
    made = [values_for(member.entries or (), rng, whole=True) for _ in range(count)]
    return [each.get("", each) for each in made]


def typed_value(  # noqa: PLR0911  # one line per kind of type
    row: DataType, rng: random.Random, depth: int = 0
) -> Any:
    """A value of a type, sometimes the one that says there is none."""
    if row.has_invalid and row.octets and rng.random() < 0.1:
        return row.invalid
    if row.code in {"octets", "octets16"}:
        return rng.choice([None, rng.randbytes(rng.randrange(12))])
    if row.code in {"chars", "chars16"}:
        return rng.choice([None, "meter", "caf\u00e9 \udcff"])
    if row.code in {"tod", "date", "key"}:
        return rng.randbytes(row.octets or 0)
    if row.code == "eui64":
        return Eui64(rng.randbytes(8))
    if row.code in {"f16", "f32", "f64"}:
        return rng.choice([0.0, -0.5, 2.25, float("inf")])
    if row.code in {"none", "unknown"}:
        return None
    if row.code == "struct":
        return rng.choice([Structure(None), Structure([_typed(rng, depth) for _ in range(rng.randrange(3))])])
    if row.octets is None:
        inner = rng.choice(_SIMPLE)
        return Array(
            inner.number, rng.choice([None, [typed_value(inner, rng) for _ in range(rng.randrange(3))]])
        )
    bits = 8 * row.octets
    return (
        rng.randrange(-(1 << bits - 1), 1 << bits - 1)
        if row.code.startswith("i")
        else rng.randrange(1 << bits)
    )


def _typed(rng: random.Random, depth: int) -> tuple[int, Any]:
    row = rng.choice(list(BY_NUMBER.values()) if depth < 3 else _SIMPLE)
    return row.number, typed_value(row, rng, depth + 1)
