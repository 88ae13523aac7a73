"""What a receiver keeps, and whom it has something for (802.15.4-2006 7.5.6.2 and 7.5.6.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.radio_frames import BEACON, BROADCAST, COMMAND, FrameHeader

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from protocols.eui64 import Eui64
    from protocols.radio import RadioSettings


class AddressFilter:
    """A radio's own addresses and its source match tables."""

    __slots__ = ("_extended", "_match", "_match_extended", "_match_short", "_pan", "_short")

    def __init__(self) -> None:
        self._pan = self._short = -1
        self._extended = b""
        self.match(enabled=False, short=frozenset(), extended=frozenset())

    def configure(self, settings: RadioSettings) -> None:
        """Take over addresses."""
        self._pan = settings.pan_id
        self._short = settings.short_address if settings.short_address < 0xFFFE else -1
        self._extended = bytes(settings.extended_address)

    def match(self, *, enabled: bool, short: AbstractSet[int], extended: AbstractSet[Eui64]) -> None:
        """Take over source match tables."""
        self._match = enabled
        self._match_short = frozenset(short)
        self._match_extended = frozenset(bytes(address) for address in extended)

    def takes(self, header: FrameHeader) -> bool:
        """Whether a frame (no acknowledgement) is for this radio."""
        to = header.destination
        if to is not None and header.frame_type <= COMMAND:
            in_pan = header.destination_pan in {self._pan, BROADCAST, None}
            return in_pan and to in {self._short, BROADCAST, self._extended}
        if header.frame_type == BEACON:
            return self._pan in {BROADCAST, header.source_pan}
        # Without a destination a frame is for the PAN's coordinator.
        return 0 < header.frame_type <= COMMAND and self._short == 0 and header.source_pan == self._pan

    def has_for(self, source: int | bytes | None) -> bool:
        """Whether a data request from there is acknowledged with frame pending."""
        if not self._match:
            return True
        return source in (self._match_short if isinstance(source, int) else self._match_extended)
