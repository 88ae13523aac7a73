"""Fixtures of this suite; they stand here because a suite also runs by itself."""

import pytest

from .. import device_log as log
from ..meters import device, meter

__all__ = ["device", "meter"]


@pytest.fixture
def nobody_removed(acb, chf):
    """Whatever happened: the device that does not exist is not in the hub's device log."""
    yield
    if log.NOBODY in log.listed(acb, chf):
        log.remove(acb, chf, log.NOBODY)
