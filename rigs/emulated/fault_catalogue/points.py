"""Named points at which a device's supply can be made to fail: what it is about to write, or has kept."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Point:
    """A write of this section and of keys that begin so; empty for any. ``kept``: only after it is kept."""

    text: str
    section: str = ""
    key: str = ""
    kept: bool = False

    def is_write(self, section: str, key: str) -> bool:
        """Whether a write to storage is one of this point's."""
        return (not self.section or section == self.section) and key.startswith(self.key)


POINTS = {
    "write": Point("something is about to be written into memory"),
    "kept": Point("a piece of work is kept, and nothing of it has left yet", kept=True),
    "block": Point("a block of a firmware image is about to be written", "ota", "block."),
    "block-kept": Point("a block of a firmware image is kept", "ota", "block.", kept=True),
    "image": Point("a verified image is about to be put into its bank", "firmware", "image."),
    "activation": Point("the banks are about to change places", "firmware", "active"),
    "activation-kept": Point("the banks have changed places", "firmware", "active", kept=True),
    "counter": Point("the device's Originator Counter is about to go on", "device", "counter"),
    "credentials": Point("a trust anchor cell is about to be replaced", "trust_anchor"),
    "clock": Point("the clock is about to be set", "clock", "offset_us"),
}
"""Each point by its name."""
