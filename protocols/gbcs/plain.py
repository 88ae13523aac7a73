"""Decoded values as JSON has them: octets in hex, times in ISO 8601, enumerations and records by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum, Flag
from typing import Any

from protocols.eui64 import Eui64


def plain(value: Any) -> Any:
    """JSON-able form of a decoded value; what has no such form becomes its text."""
    if isinstance(value, Enum):
        return _name(value)
    if value is None or isinstance(value, bool | str | float | int):
        return value
    if isinstance(value, list | set | frozenset) or (
        isinstance(value, tuple) and not hasattr(value, "_asdict")
    ):
        return [plain(item) for item in value]
    if isinstance(value, Mapping | tuple):
        items = value.items() if isinstance(value, Mapping) else value._asdict().items()  # type: ignore[attr-defined]
        return {str(plain(key)): plain(item) for key, item in items}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value) if item.compare
        }
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, Eui64):
        return str(value)
    if isinstance(value, bytes | bytearray):
        return value.hex().upper()
    return value.isoformat() if isinstance(value, datetime | date) else str(value)


def _name(value: Enum) -> Any:
    if isinstance(value, Flag) and value.name is None:
        return value.value
    return str(value.name).lower()
