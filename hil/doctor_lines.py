"""What the doctor says of one thing it looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """What a check found; only MISSING makes the exit code 2."""

    OK = "ok"
    MISSING = "missing"
    NOTE = "note"


@dataclass(slots=True)
class Checked:
    """One line of the doctor."""

    subject: str
    status: Status
    detail: str = ""
    fix: str = ""
