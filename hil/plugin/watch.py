"""A journal that also tells listeners in this process what it keeps.

The journal file is locked for its one writer while a run goes on, so progress, restoration and verdicts
listen here instead of reading it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hil.journal import Journal

Listener = Callable[[str, str, str, Mapping[str, Any]], None]  # kind, node, test, body


class WatchedJournal(Journal):
    """Journal with listeners; they are called after the record is on disk, in the thread that appended it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.listeners: list[Listener] = []

    def append(
        self,
        kind: str,
        *,
        node: str = "",
        test: str = "",
        body: Mapping[str, Any] | None = None,
        attachment: bytes | None = None,
    ) -> int:
        """Keep the record, then tell."""
        number = super().append(kind, node=node, test=test, body=body, attachment=attachment)
        for listener in self.listeners:
            listener(kind, node, test, body or {})
        return number
