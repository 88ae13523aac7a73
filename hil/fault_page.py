"""The catalogue of faults as people read it: a list on the terminal, and docs/reference/faults.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rigs.emulated.fault_catalogue import CATALOGUE, FORM, Target, allowed
from rigs.emulated.fault_catalogue.points import POINTS
from rigs.emulated.fault_catalogue.quirks import QUIRKS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rigs.emulated.fault_catalogue import FaultKind, Parameter

_INTRODUCTION = f"""# Faults

What can be made to go wrong on purpose. This page is made from the catalogue (`hil faults --markdown`).

Faults of nodes, wires and sticks are ordered by the same names everywhere; `{FORM}` is the text of an order.

| for | how |
| --- | --- |
| as long as the emulator runs | `hil emulate RIG --fault slow-responses:esme,seconds=3`, any number of them |
| good, in the rig file | `faults = ["slow-responses,seconds=3", "drop:han,count=9"]` at an emulated node |
| one test | `@pytest.mark.fault("slow-responses", node="esme", seconds=3)` |
| some lines of a test | `with bench.faults.given("drop", node="chf", port="wan", count=1):` |

In the rig file what stands after the colon is a port of the node. Without a node the order is for every
emulated node that can have the fault. A wire is the message port of a node, or its radio (`chf.han`); without
a port it is the message port, and the radio where the node has none. What happens by chance is decided by the
seed of the rig's `[han]` (or `[keys]`) and that of the order.

A marked test is skipped, with the reason, where the node is real or lacks the wire. Its faults begin once the
state that it needs is reached, and are lifted after it even when it fails; `fault.begun` and `fault.ended`
stand in the journal."""
_TITLES = {
    Target.NODE: "Faults of a node",
    Target.WIRE: "Faults of a wire",
    Target.STICK: "Faults of a stick",
    Target.COMMAND: "Faults of a single command",
}
_NOTES = {
    Target.NODE: "",
    Target.WIRE: "",
    Target.STICK: "Of a node whose `han` port is an emulated stick (driver `spinel` or `zigpy`).",
    Target.COMMAND: "Given with the command, on any rig, as fields of `hil.exchange.Faults` (`_` for `-`).",
}


def as_json() -> list[dict[str, Any]]:
    """The catalogue as JSON."""
    return [
        {
            "name": kind.name,
            "target": str(kind.target),
            "text": kind.text,
            "types": list(kind.types),
            "parameters": [
                {"name": each.name, "text": each.text, "default": each.default, "allowed": allowed(each)}
                for each in kind.parameters
            ],
        }
        for kind in CATALOGUE.values()
    ]


def lines() -> Iterator[str]:
    """The catalogue for the terminal."""
    for kind in CATALOGUE.values():
        yield f"{kind.name:<20} {kind.target:<8} {kind.text}"
        for each in kind.parameters:
            yield f"{'':<20} {'':<8}   {each.name}: {each.text} ({allowed(each)}{_default(each)})"


def _default(parameter: Parameter) -> str:
    if parameter.default is None:
        return "; needed"
    return f"; {parameter.default!r} unless given" if parameter.default != "" else ""


def page() -> str:
    """The page as Markdown."""
    parts = [_INTRODUCTION]
    for target, title in _TITLES.items():
        kinds = [kind for kind in CATALOGUE.values() if kind.target is target]
        common = [each for each in kinds[0].parameters if all(each in kind.parameters for kind in kinds)]
        rows = "\n".join(_row(kind, common) for kind in kinds)
        note = f"\n\n{_NOTES[target]}" if _NOTES[target] else ""
        if common:
            note += f"\n\nAll take {'; '.join(map(_value, common))}."
        parts.append(f"## {title}{note}\n\n| name | what happens | values |\n| --- | --- | --- |\n{rows}")
    parts.append(_table("Points of `cut-power`", {name: each.text for name, each in POINTS.items()}))
    parts.append(_table("Behaviours of `quirk`", {name: each.text for name, each in QUIRKS.items()}))
    return "\n\n".join(parts) + "\n"


def _row(kind: FaultKind, common: list[Parameter]) -> str:
    values = "; ".join(_value(each) for each in kind.parameters if each not in common)
    only = (
        f" Only {', '.join(kind.types)}, behind a hub; from the next start of its stack."
        if kind.types
        else ""
    )
    return f"| `{kind.name}` | {kind.text}{only} | {values or '-'} |"


def _value(parameter: Parameter) -> str:
    if parameter.default is None:
        return f"`{parameter.name}` {parameter.text}"
    shown = f" ({parameter.default})" if parameter.default != "" else ""
    return f"`{parameter.name}` {parameter.text}{shown}"


def _table(title: str, rows: dict[str, str]) -> str:
    body = "\n".join(f"| `{name}` | {text} |" for name, text in rows.items())
    return f"## {title}\n\n| name | when or what |\n| --- | --- |\n{body}"
