"""``--set NAME=VALUE``: the place of a value by its name, and the value as its type wants it.

NAME is the value's name, its place (``Components/3/Week ID``), or the component's name, its number among
those of that name, and the value's name: ``Publish Week Profile[2]/Week ID``. The last adds what is not
there: a component that may be left out, or one that may be repeated, together with those before it.
"""

from __future__ import annotations

import json
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from protocols.errors import EncodeError
from protocols.ports import ConfigError

if TYPE_CHECKING:
    from protocols.gbcs.named.slot import Slot


def apply_setting(payload: dict[str, Any], slots: list[Slot], setting: str, use_case: str) -> None:
    """Put one value into a payload; ConfigError where its name is unknown or stands for several places."""
    from protocols.gbcs.named.slots import put

    name, text = name_of(setting), setting.partition("=")[2]
    slot = _find(slots, name, use_case)
    try:
        put(payload, slot.path, _value(slot, text))
    except (IndexError, KeyError, TypeError):
        step = "set the values before it first, or give all of them with --values"
        raise ConfigError(f"--set {name}: there is nothing yet at {slot.place}", next_step=step) from None


def name_of(setting: str) -> str:
    """The name in ``NAME=VALUE``; ConfigError where there is none."""
    name, equals, _ = setting.partition("=")
    if not equals:
        raise ConfigError(f"--set {setting}: no equals sign", next_step="write --set NAME=VALUE")
    return name.strip()


def _find(known: list[Slot], name: str, use_case: str) -> Slot:
    from protocols.gbcs.named.slots import find

    try:
        return find(known, name)
    except EncodeError as error:
        near = get_close_matches(name, [slot.name for slot in known], n=3, cutoff=0.3)
        step = f"`hil use-cases {use_case}` shows what it takes" + (
            f"; near: {', '.join(near)}" if near else ""
        )
        raise ConfigError(f"--set {name}: {use_case}: {error.problem}", next_step=step) from None


def _value(slot: Slot, text: str) -> Any:
    """Text where the value's JSON form is a string, else JSON; ``null`` is null everywhere."""
    if text == "null":
        return None
    if slot.is_text:
        return text.removeprefix('"').removesuffix('"')
    try:
        return json.loads(text)
    except ValueError:
        step = f"give {slot.type} as JSON" + (f": {slot.choices}" if slot.choices else "")
        raise ConfigError(f"--set {slot.name}: {text!r} is not JSON", next_step=step) from None
