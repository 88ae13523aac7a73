"""Reading the values a caller gives for a payload: each taken by name, checked, and none left over."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from protocols.errors import EncodeError
from protocols.eui64 import Eui64

if TYPE_CHECKING:
    from collections.abc import Mapping

_REQUIRED = object()


class Fields:
    """The values of one payload, or of one entry in it.

    ``prefix`` names where they stand (``"devices.0"``), so that an EncodeError's ``element`` finds the value.
    A value that has a default may be left out; None is a value like any other.
    """

    __slots__ = ("_prefix", "_rest")

    def __init__(self, values: Mapping[str, Any], prefix: str = "") -> None:
        self._rest = dict(values)
        self._prefix = prefix

    def name(self, name: str) -> str:
        """Full name of a value."""
        return f"{self._prefix}.{name}" if self._prefix else name

    def any(self, name: str, default: Any = _REQUIRED) -> Any:
        """A value as it is."""
        value = self._rest.pop(name, default)
        if value is _REQUIRED:
            raise EncodeError("value missing", element=self.name(name))
        return value

    def given(self, name: str) -> bool:
        """Whether an optional value is there; a None is taken as left out."""
        if self._rest.get(name) is not None:
            return True
        self._rest.pop(name, None)
        return False

    def integer(self, name: str, low: int, high: int, default: Any = _REQUIRED) -> int:
        """An integer from ``low`` to ``high``."""
        value = self.any(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise EncodeError(f"{value!r} is not an integer from {low} to {high}", element=self.name(name))
        return int(value)

    def flag(self, name: str, default: Any = _REQUIRED) -> bool:
        """A boolean."""
        value = self.any(name, default)
        if not isinstance(value, bool):
            raise EncodeError(f"{value!r} is not a boolean", element=self.name(name))
        return value

    def octets(self, name: str, *lengths: int, default: Any = _REQUIRED) -> bytes:
        """Octets of one of these lengths (any length without)."""
        value = self.any(name, default)
        if not isinstance(value, bytes | bytearray):
            raise EncodeError(f"{value!r} is not octets", element=self.name(name))
        if lengths and len(value) not in lengths:
            allowed = " or ".join(map(str, lengths))
            raise EncodeError(f"{allowed} octets, not {len(value)}", element=self.name(name))
        return bytes(value)

    def eui64(self, name: str, default: Any = _REQUIRED) -> Eui64:
        """An EUI-64 as Eui64, octets or text."""
        value = self.any(name, default)
        try:
            return Eui64(value)
        except (ValueError, TypeError) as error:
            raise EncodeError(str(error), element=self.name(name)) from None

    def text(self, name: str, default: Any = _REQUIRED) -> str:
        """Text."""
        value = self.any(name, default)
        if not isinstance(value, str):
            raise EncodeError(f"{value!r} is not text", element=self.name(name))
        return value

    def moment(self, name: str, default: Any = _REQUIRED) -> datetime:
        """A timezone-aware time."""
        value = self.any(name, default)
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise EncodeError(f"{value!r} is not a time with zone", element=self.name(name))
        return value

    def choice(self, name: str, table: Mapping[str, int], default: Any = _REQUIRED) -> int:
        """Code of a name in ``table``."""
        value = self.any(name, default)
        if value not in table:
            raise EncodeError(f"{value!r} is not among {', '.join(table)}", element=self.name(name))
        return table[value]

    def entries(self, name: str, default: Any = _REQUIRED) -> list[Fields]:
        """A list of mappings, each as Fields of its own."""
        value = self.any(name, default)
        if not isinstance(value, list | tuple):
            raise EncodeError(f"{value!r} is not a list", element=self.name(name))
        return [Fields(entry, f"{self.name(name)}.{index}") for index, entry in enumerate(value)]

    def done(self) -> None:
        """Refuse whatever was not taken."""
        if self._rest:
            surplus = min(self._rest)
            raise EncodeError("no such value here", element=self.name(surplus))
