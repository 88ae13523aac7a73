"""The register of requirements: every obligation that a check can cite, each with the strength of its source.

The bench brings its rows in ``hil/data/register.json``; a rig may name files with rows of its own, which may
not take an id that is already there. All texts are in the project's words, not the documents'.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import Field

from hil.checked_toml import FileModel, Problem, check, raise_problems
from protocols.ports import ConfigError, Strength


@dataclass(slots=True)
class Row:
    """One obligation. ``version`` and ``clause`` are None where the source did not give them.

    ``kind`` says how the row came about (``curated``, ``generated-alert``, ``generated-use-case``,
    ``generated-object``), ``confidence`` whether its obligation was ``read`` or ``inferred``.
    """

    id: str
    document: str
    version: str | None
    clause: str | None
    title: str
    device: str
    topic: str
    text: str
    test_idea: str
    source: str
    confidence: str
    basis: str
    kind: str
    strength: Strength


class _RowModel(FileModel):
    """A row as it stands in a file."""

    id: str = Field(min_length=1, description="an id of its own, never reused")
    document: str = Field(min_length=1, description="name of the document that holds the obligation")
    version: str | None = None
    clause: str | None = None
    title: str = Field(min_length=1, description="a few words")
    device: str = "any"
    topic: str = ""
    text: str = Field(min_length=1, description="the obligation in your own words")
    test_idea: str = ""
    source: str = ""
    confidence: str = "read"
    basis: str = ""
    kind: str = "rig"
    strength: Strength = Field(description="spec, derived, vendor or reasoned")


class _RowsModel(FileModel):
    rows: list[_RowModel]


class Register(Mapping[str, Row]):
    """Rows by id, in the order of the files."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = {row.id: row for row in rows}

    def __getitem__(self, key: str) -> Row:
        return self._rows[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def cite(self, key: str) -> Row:
        """The row with that id; ConfigError that names the nearest ids when there is none."""
        if key in self._rows:
            return self._rows[key]
        raise unknown_row(key, self._rows, f"the register has no row {key!r}")


def unknown_row(key: str, known: Iterable[str], problem: str) -> ConfigError:
    """The error for a row that is not there: ``problem`` in words, the nearest ids, and what to do."""
    near = difflib.get_close_matches(key, list(known), n=3)
    return ConfigError(
        problem + (f"; nearest: {', '.join(near)}" if near else ""),
        next_step="cite a row of hil/data/register.json, or of a file the rig names under `register`",
    )


def load_register(extra: Iterable[Path] = ()) -> Register:
    """The bench's rows and those of ``extra`` files (JSON lists of rows); ConfigError lists what is wrong."""
    text = resources.files("hil").joinpath("data/register.json").read_text(encoding="utf-8")
    rows = {item["id"]: _row(item) for item in json.loads(text)}
    problems = []
    for file in extra:
        found, more = _read(file)
        problems += more
        for index, row in enumerate(found):
            if row.id in rows:
                problems.append(Problem(file, f"{index}.id", "this id is taken", row.id))
            rows[row.id] = row
    raise_problems(problems, "correct the file; the form is that of hil/data/register.json")
    return Register(rows.values())


def _row(item: Mapping[str, Any]) -> Row:
    return Row(**{**item, "strength": Strength(item["strength"])})


def _read(file: Path) -> tuple[list[Row], list[Problem]]:
    try:
        items = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return [], [Problem(file, "(whole file)", f"cannot be read as JSON: {error}")]
    model, problems = check(_RowsModel, {"rows": items}, file)
    if model is None:
        return [], problems
    return [_row(row.model_dump()) for row in model.rows], []
