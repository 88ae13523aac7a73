"""Execution times of ASN.1 payloads (messages.md 8)."""

from __future__ import annotations

from datetime import datetime

_CANCELLATION_YEAR = 9999


def is_cancellation(when: datetime) -> bool:
    """Whether a GeneralizedTime says: forget what is stored (99991231235959Z)."""
    return when.year == _CANCELLATION_YEAR
