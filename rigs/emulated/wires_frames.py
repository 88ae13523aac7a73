"""What every message wire does with the octets it takes in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from protocols.ports import Frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocols.gfi_line import LineDecoder, LineError


class FrameSorter:
    """Feeds a line decoder and sorts what comes out: frames to one callback, bad lines to another.

    A callback that raises is reported to the event loop and does not cost the wire its connection.
    """

    def __init__(
        self,
        decoder: LineDecoder,
        on_frame: Callable[[Frame], None],
        on_error: Callable[[LineError], None] | None,
    ) -> None:
        self._decoder = decoder
        self._on_frame = on_frame
        self._on_error = on_error

    def feed(self, octets: bytes) -> None:
        """Take octets in; callbacks run before this returns."""
        self._sort(self._decoder.feed(octets))

    def end(self) -> None:
        """The stream is over: half a line that still stands there is an error."""
        self._sort(self._decoder.close())

    def _sort(self, items: list[Frame | LineError]) -> None:
        for item in items:
            try:
                if isinstance(item, Frame):
                    self._on_frame(item)
                elif self._on_error is not None:
                    self._on_error(item)
            except Exception as error:  # noqa: BLE001 - the loop's handler reports it, the wire goes on
                asyncio.get_running_loop().call_exception_handler(
                    {"message": "a wire's callback failed", "exception": error}
                )
