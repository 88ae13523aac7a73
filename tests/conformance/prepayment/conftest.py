"""Fixtures of this suite; they stand here because a suite also runs by itself."""

from ..meters import device, meter

__all__ = ["device", "meter"]
