"""Fixtures of this suite; they stand here because a suite also runs by itself."""

import pytest

from ..meters import device, meter
from .activation import settle

__all__ = ["device", "meter"]


@pytest.fixture(autouse=True)
def nothing_left_waiting(bench, supplier):
    """Where a waiting image keeps others out (A19), no test leaves one behind."""
    mark = bench.alerts.mark()
    yield
    if bench.switches["A19"] == "refuse":
        settle(bench, supplier, mark)
