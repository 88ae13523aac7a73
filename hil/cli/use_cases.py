"""``hil use-cases``: what the catalogue knows of every use case."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from protocols.gbcs.catalogue import Catalogue, UseCase, load_catalogue
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.ports import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from protocols.gbcs.named.slot import Slot

_ANYBODY = bytes(8)


@click.command("use-cases")
@click.argument("code", required=False)
@click.option("--device", help="Only those of a device type, such as esme.")
@click.option("--role", help="Only those of a remote party role, such as supplier.")
@click.option("--gbcs", "version", default="", help="Version of GBCS; the newest without it.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(code: str | None, device: str | None, role: str | None, version: str, *, as_json: bool) -> None:
    """List the use cases, or show everything about the one with this CODE, with the values its command takes.

    CODE is a use case such as ECS27 or a message code such as 0x0042. Cells marked with * are inferred.
    """
    catalogue = load_catalogue(version)
    if code is not None:
        use_case = find_use_case(catalogue, code)
        shown = _whole(catalogue, use_case)
        click.echo(json.dumps(shown, indent=2) if as_json else "\n".join(_page(use_case, shown)))
        return
    found = [
        each for each in catalogue if _matches(each, "devices", device) and _matches(each, "roles", role)
    ]
    if not found:
        known = sorted({name for each in catalogue for name in (each.devices if device else each.roles)})
        step = f"known names are {', '.join(known)}"
        raise ConfigError("no use case is like that", next_step=step)
    if as_json:
        click.echo(json.dumps([_row(each) for each in found], indent=2))
    else:
        click.echo("\n".join(_list(found)))


def find_use_case(catalogue: Catalogue, code: str) -> UseCase:
    """Use case by its code (in any case) or by a message code; ConfigError with near names."""
    wanted = code.casefold()
    for use_case in catalogue:
        if use_case.code.casefold() == wanted:
            return use_case
    try:
        number = int(code, 16) if wanted.startswith("0x") else -1
    except ValueError:
        number = -1
    found = [use_case for use_case in catalogue if number in use_case.message_codes]
    if found:
        return found[0]
    from difflib import get_close_matches

    near = get_close_matches(code.upper(), [each.code for each in catalogue], n=5, cutoff=0.4)
    raise ConfigError(
        f"no use case {code!r} in GBCS {catalogue.version}",
        next_step=f"perhaps {', '.join(near)}; `hil use-cases` lists all" if near else "see `hil use-cases`",
    )


def _matches(use_case: UseCase, cell: str, wanted: str | None) -> bool:
    return wanted is None or wanted.lower() in getattr(use_case, cell)


def _row(use_case: UseCase) -> dict[str, Any]:
    row = asdict(use_case)
    row["message_codes"] = [f"0x{code:04X}" for code in use_case.message_codes]
    return row


def _list(found: list[UseCase]) -> Iterator[str]:
    yield f"{'code':<11} {'message code':<13} {'devices':<22} {'':<5} title"
    for each in found:
        codes = [f"{code:04X}" for code in each.message_codes]
        shown = codes[0] + (f"-{codes[-1]}" if len(codes) > 1 else "") if codes else "-"
        yield f"{each.code:<11} {shown:<13} {' '.join(each.devices):<22} {_marks(each):<5} {each.title}"
    yield f"{len(found)} use cases; c critical, f future datable, e encrypted, r replay protected, a alert"


def _marks(use_case: UseCase) -> str:
    flags = (
        ("c", use_case.critical),
        ("f", use_case.future_datable),
        ("e", use_case.encrypted),
        ("r", use_case.replay_protected),
        ("a", use_case.is_alert),
    )
    return "".join(letter for letter, is_set in flags if is_set)


def _whole(catalogue: Catalogue, use_case: UseCase) -> dict[str, Any]:
    """All cells, and the values of the command where there is one."""
    shown = _row(use_case) | {"gbcs": catalogue.version}
    if use_case.payload_kind is not None and not use_case.is_alert:
        several = len(use_case.message_codes) > 1
        found = command_slots(use_case, use_case.message_codes[0])
        shown["command"] = [_slot(slot, several=several) for slot in found]
        if use_case.payload_kind == "gbz":
            from protocols.gbcs.named.slots_gbz import repeats

            rows = repeats(use_case)
            shown["repeats"] = [{"component": name, "least": low, "most": high} for name, low, high in rows]
    return shown


def command_slots(use_case: UseCase, message_code: int) -> list[Slot]:
    """Values that a command takes, whoever sends it."""
    from protocols.eui64 import Eui64
    from protocols.gbcs.named.slots import slots

    nobody = Eui64(_ANYBODY)
    return slots(use_case, GroupingHeader(CraFlag.COMMAND, 0, nobody, nobody, message_code))


def _slot(slot: Slot, *, several: bool) -> dict[str, Any]:
    """One value; those that follow from the counter, or from one of several codes, have no number here."""
    row = {
        "name": slot.name,
        "place": slot.place,
        "type": slot.type,
        "clause": slot.clause,
        "optional": slot.optional,
    }
    if several and slot.name == "credentialsReplacementMode":
        return row | {"choices": f"as the message code: {slot.choices}"}
    if slot.name in {"originatorCounter", "authorisingRemotePartySeqNumber"}:
        return row | {"choices": "the Originator Counter"}
    if slot.fixed is not None:
        row["fixed"] = slot.fixed
    return row | ({"choices": slot.choices} if slot.choices else {})


_CELLS = (
    ("message_codes", "message codes"),
    ("message_type", "message type"),
    ("devices", "devices"),
    ("roles", "roles"),
    ("critical", "critical"),
    ("future_datable", "future datable"),
    ("encrypted", "encrypted"),
    ("replay_protected", "protected against replay"),
    ("payload_kind", "payload"),
    ("service_references", "service requests"),
)


def _page(use_case: UseCase, shown: dict[str, Any]) -> Iterator[str]:
    yield f"{use_case.code} {use_case.title}{_star(use_case, 'title')} (GBCS {shown['gbcs']})"
    for cell, title in _CELLS:
        yield f"  {title + _star(use_case, cell):<26} {_text(shown[cell])}"
    for reference, roles in use_case.eligible_user_roles.items():
        yield f"  {'eligible for ' + reference:<26} {' '.join(roles)}"
    if "command" in shown:
        yield f"command values{_star(use_case, 'elements')}" + ("" if shown["command"] else ": none")
        yield from (_value_line(row) for row in shown["command"])
    for row in shown.get("repeats", ()):
        name, least, most = row["component"], row["least"], row["most"]
        yield f"  {name}: {least} to {most} of them; `--set '{name}[{most}]/...'` adds them"
    if use_case.inferred:
        yield "* inferred: no public source gives it"


def _star(use_case: UseCase, cell: str) -> str:
    return "*" if cell in use_case.inferred else ""


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(map(str, value)) or "-"
    return "-" if value is None else str(value)


def _value_line(row: dict[str, Any]) -> str:
    notes = [row["type"]]
    if "fixed" in row:
        notes.append(f"always {json.dumps(row['fixed'])}")
    elif "choices" in row:
        notes.append(row["choices"])
    notes += ["optional"] if row["optional"] else []
    notes += [row["clause"]] if row["clause"] else []
    return f"  {row['place']}: {'; '.join(notes)}"
