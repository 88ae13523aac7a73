"""Errors of the emulator itself, kept until the bench asks for them: none is the fault of a device.

They are printed as well, for whoever runs the emulator by hand.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from protocols.ports import BenchError, StimulusOutcome

OPERATIONS = ("defects-take",)
_MOST, _SHORT, _LONGEST = 6, 1_000, 8_000  # one answer of the control channel holds 64 KiB


class Defects:
    """What went wrong inside the emulator since somebody last asked, oldest first."""

    def __init__(self) -> None:
        self._kept: list[dict[str, str]] = []

    def add(self, where: str, error: BaseException) -> None:
        """Keep an error with its traceback; of many the first, from which the others often follow."""
        found = defect(where, error)
        sys.stderr.write(f"{found['problem']}\n{found['traceback']}")
        sys.stderr.flush()
        if len(self._kept) < _MOST:
            self._kept.append(found)

    def heard(self, _loop: object, context: dict[str, Any]) -> None:
        """As an event loop's exception handler."""
        error = context.get("exception")
        where = str(context.get("message", "the event loop"))
        self.add(where, error if isinstance(error, BaseException) else RuntimeError(where))

    @contextmanager
    def caught(self, where: str) -> Iterator[None]:
        """Keep whatever the block raises, and go on behind it."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  it stands in the evidence, which is what it is kept for
            self.add(where, error)

    @contextmanager
    def noted(self, where: str) -> Iterator[None]:
        """Keep what the block raises, but for what it tells its caller on purpose; all of it is raised."""
        try:
            yield
        except (BenchError, ValueError):
            raise
        except Exception as error:
            self.add(where, error)
            raise

    def request(self) -> tuple[str, str]:
        """Hand over what is kept, as JSON: an array of objects with ``problem`` and ``traceback``."""
        kept, self._kept = self._kept, []
        return str(StimulusOutcome.DONE), json.dumps(kept)


def defect(where: str, error: BaseException) -> dict[str, str]:
    """An error as it stands in the journal."""
    text = "".join(traceback.format_exception(error))
    problem = f"{where}: {type(error).__name__}: {error}"
    return {"problem": problem[:_SHORT], "traceback": text[-_LONGEST:]}
