"""One value that a command takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Slot:
    """Place and meaning of a value: ``path`` leads to it through the payload's objects and lists.

    ``fixed`` is the value it has to have, None where it is free; ``choices`` names those it may have, in
    words. ``is_text`` says that its JSON form is a string. ``alias`` is another name of the place, for values
    of components that may be repeated or left out.
    """

    path: tuple[str | int, ...]
    type: str
    name: str = ""
    clause: str = ""
    fixed: Any = None
    optional: bool = False
    is_text: bool = False
    choices: str = ""
    alias: str = ""

    @property
    def place(self) -> str:
        """The path as text, its steps joined by slashes."""
        return "/".join(map(str, self.path))
