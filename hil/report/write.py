"""Makes all views of a run and puts them beside its journal."""

from __future__ import annotations

import os
from pathlib import Path

from hil.journal_reader import JournalReader
from hil.report import html, junit, results
from hil.report.model import RunView, read_run
from protocols.ports import BenchError

VIEWS = {"report.html": html.render, "junit.xml": junit.render, "results.json": results.render}


def write_report(journal: Path) -> RunView:
    """Write report.html, junit.xml and results.json beside ``journal``; BenchError when it cannot."""
    with JournalReader(journal) as reader:
        view = read_run(reader)
    for name, render in VIEWS.items():
        _write(journal.parent / name, render(view))
    return view


def _write(path: Path, text: str) -> None:
    """Replace the file in one step: a reader sees the old view or the new one."""
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise BenchError(
            f"{path} cannot be written: {error}",
            next_step="copy the journal to a folder you can write, report there",
        ) from error
