"""Fixtures of this suite; they stand here because a suite also runs by itself."""

from ..meters import device

__all__ = ["device"]
