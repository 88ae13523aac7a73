"""Reading TOML files that people write, with errors that help them.

All problems of a file are reported together. Each names the file, the key with dots, the value, what is
allowed there, and for a misspelt key the nearest right one.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, ValidationError
from pydantic.fields import FieldInfo

from protocols.eui64 import Eui64
from protocols.ports import ConfigError

ModelT = TypeVar("ModelT", bound=BaseModel)
_MISSING = object()


class FileModel(BaseModel):
    """Base of all tables in our files: an unknown key is an error, never ignored."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)


@dataclass(slots=True)
class Problem:
    """One thing wrong in a file."""

    file: Path
    key: str
    problem: str
    value: Any = _MISSING
    allowed: str = ""

    def __str__(self) -> str:
        shown = "" if self.value is _MISSING else f" = {_shown(self.value)}"
        allowed = f"; allowed: {self.allowed}" if self.allowed else ""
        return f"{self.file}: {self.key}{shown}: {self.problem}{allowed}"


def _shown(value: Any) -> str:
    text = repr(value) if not isinstance(value, str) else f'"{value}"'
    return text if len(text) <= 80 else text[:77] + "..."


def raise_problems(problems: Sequence[Problem], next_step: str) -> None:
    """Raise one ConfigError that lists all ``problems``; nothing when there are none."""
    if problems:
        raise ConfigError("\n".join(str(problem) for problem in problems), next_step=next_step)


def read_toml(path: Path, what: str, next_step: str) -> dict[str, Any]:
    """The tables of ``path``; ConfigError when it cannot be read or is not TOML (names line and column)."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the {what} cannot be read: {error}", next_step=next_step) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: the {what} is not TOML: {error}", next_step=next_step) from error


def check(
    model: type[ModelT], data: Mapping[str, Any], file: Path, prefix: str = ""
) -> tuple[ModelT | None, list[Problem]]:
    """``data`` as ``model``, or None and every problem; ``prefix`` is the key that ``data`` stands under."""
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        return None, [_problem(model, item, file, prefix) for item in error.errors()]


def _problem(model: type[BaseModel], item: Any, file: Path, prefix: str) -> Problem:
    place = _place(model, item["loc"])
    name = ".".join([*filter(None, [prefix]), *place.keys]) or "(whole file)"
    last = place.keys[-1] if place.keys else ""
    kind, context = item["type"], item.get("ctx", {})
    if kind == "missing":
        return Problem(file, name, "is missing", allowed=place.description)
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(last, place.fields, n=1)
        hint = f"no such key, did you mean {near[0]}?" if near else "no such key"
        return Problem(file, name, hint, allowed=", ".join(sorted(place.fields)))
    allowed = str(context.get("expected") or context.get("expected_tags") or place.description)
    if kind == "literal_error":
        return Problem(
            file, name, "not one of the allowed values", item["input"], allowed.replace(" or ", ", ")
        )
    message = str(context["error"]) if kind == "value_error" else item["msg"]
    return Problem(file, name, message, item["input"], allowed)


@dataclass(slots=True)
class _Place:
    """Where an error is: its key as written in the file, and the fields of the table that holds that key."""

    keys: list[str]
    fields: dict[str, FieldInfo]

    @property
    def description(self) -> str:
        field = self.fields.get(self.keys[-1]) if self.keys else None
        return (field.description or "") if field is not None else ""


def _place(model: Any, location: Sequence[Any]) -> _Place:
    """Follow a pydantic location, which has parts beside the keys: tags of unions, and ``[key]``."""
    keys: list[str] = []
    fields: dict[str, FieldInfo] = {}
    for part in location:
        model = _without_none(model)
        if part == "[key]":
            break
        if isinstance(model, tuple):  # a union of tables told apart by `kind`: the part is the tag
            model = next(
                option for option in model if part in get_args(option.model_fields["kind"].annotation)
            )
            continue
        keys.append(str(part))
        fields = _fields(model)
        model = fields[part].annotation if part in fields else _items(model)
    return _Place(keys, fields)


def _fields(model: Any) -> dict[str, FieldInfo]:
    """Fields by the name used in files."""
    if isinstance(model, type) and issubclass(model, BaseModel):
        return {field.alias or name: field for name, field in model.model_fields.items()}
    return {}


def _items(model: Any) -> Any:
    return get_args(model)[-1] if get_origin(model) in {dict, list} else None


def _without_none(model: Any) -> Any:
    """A type without ``Annotated`` and ``None`` around it; a tuple when several tables remain."""
    if get_origin(model) is Annotated:
        return _without_none(get_args(model)[0])
    if get_origin(model) in {Union, UnionType}:
        options = [option for option in get_args(model) if option is not type(None)]
        return tuple(options) if len(options) > 1 else _without_none(options[0])
    return model


def _eui64(value: Any) -> Eui64:
    if isinstance(value, Eui64):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not an EUI-64; write it like 90-B3-D5-1F-30-01-00-00")  # noqa: TRY004
    return Eui64(value)


def _octets(count: int | None) -> Any:
    def parse(value: Any) -> bytes:
        if isinstance(value, bytes):
            return value
        try:
            octets = bytes.fromhex(value)
        except (TypeError, ValueError):
            raise ValueError("not hexadecimal digits in quotes") from None
        if count is not None and len(octets) != count:
            raise ValueError(
                f"{len(octets)} octets where {count} are needed ({2 * count} hexadecimal digits)"
            )
        return octets

    return parse


_AS_HEX = PlainSerializer(lambda octets: octets.hex().upper())
Eui64Text = Annotated[Eui64, BeforeValidator(_eui64), PlainSerializer(str)]
Hex4 = Annotated[bytes, BeforeValidator(_octets(4)), _AS_HEX]
Hex16 = Annotated[bytes, BeforeValidator(_octets(16)), _AS_HEX]
