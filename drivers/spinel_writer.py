"""Property writes to an RCP, and what becomes of those that are refused or stay without an answer."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from protocols.errors import DecodeError
from protocols.ports import BenchError
from protocols.spinel.datatypes import unpack
from protocols.spinel.frame import Command, SpinelFrame
from protocols.spinel.properties import Property
from protocols.spinel.status import Status, status_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivers.spinel_link import SpinelLink
    from drivers.spinel_settings import Write
    from drivers.spinel_statistics import RadioStatistics

_SILENCE = 3  # requests in a row without an answer: the RCP is gone
_TABLES = {Property.MAC_SRC_MATCH_SHORT_ADDRESSES, Property.MAC_SRC_MATCH_EXTENDED_ADDRESSES}


class PropertyWriter:
    """Writes in order. ``note`` gets what the firmware refused, ``rearm`` is to write everything again.

    ``on_dead`` is called once the RCP has stopped answering. Nothing is judged while ``idle``.
    """

    def __init__(
        self,
        link: SpinelLink,
        name: str,
        limit_s: float,
        statistics: RadioStatistics,
        *,
        note: Callable[[str], None],
        rearm: Callable[[], None],
        on_dead: Callable[[BenchError], None],
    ) -> None:
        self.idle = True
        self._link = link
        self._name = name
        self._limit_s = limit_s
        self._statistics = statistics
        self._note = note
        self._rearm = rearm
        self._on_dead = on_dead
        self._silence = 0
        self._rearming = False

    def write(self, writes: list[Write]) -> None:
        """Send these after those before them."""
        for command, key, value in writes:

            def done(answer: SpinelFrame | None, key: int = key) -> None:
                self._written(key, answer)

            self._link.request(command, key, value, done, self._limit_s)

    def answered(self) -> None:
        """The RCP lives."""
        self._silence = 0

    def silent(self) -> bool:
        """Count a request without an answer; False when it was one too many, or nobody waits for it."""
        if self.idle:
            return False
        self._statistics.timeouts += 1
        # Octets get lost on lines; only silence tells that nobody is there any more.
        self._silence = self._silence + 1 if self._link.silent_for(self._limit_s) else 0
        if self._silence < _SILENCE:
            return True
        self._on_dead(
            BenchError(
                f"the radio of {self._name} stopped answering: {_SILENCE} requests, {self._limit_s} s",
                next_step="unplug it and plug it in; if it happens again, check baud and flow_control",
            )
        )
        return False

    def _write_again(self) -> None:
        self._rearming = False
        if not self.idle:
            self._rearm()

    def _written(self, key: int, answer: SpinelFrame | None) -> None:
        if answer is None:
            if self.silent() and not self._rearming:
                # Whether it was done nobody knows, and repeating it alone could undo a later one.
                self._rearming = True
                asyncio.get_running_loop().call_soon(self._write_again)
            return
        self.answered()
        if answer.property == key:
            return
        code = -1
        with contextlib.suppress(DecodeError):
            (code,) = unpack("i", answer.value)
        if code == Status.NOMEM and key in _TABLES:
            # Children that do not fit would never get their frames: let all of them wait for one instead.
            self._note(f"the source match table of {self._name} is full: all polls are told to wait")
            self.write([(Command.SET, Property.MAC_SRC_MATCH_ENABLED, b"\x00")])
        elif code != Status.OK:
            self._note(f"the radio of {self._name} refuses {Property(key).name}: {status_name(code)}")
