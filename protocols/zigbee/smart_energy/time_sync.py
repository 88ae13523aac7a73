"""The time cluster (0x000A): the hub gives time, devices read it (ZCL 3.12)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from protocols.zigbee.smart_energy.context import Context
from protocols.zigbee.smart_energy.settings import TIME
from protocols.zigbee.smart_energy.zcl_attributes import Attributes
from protocols.zigbee.smart_energy.zcl_endpoint import ZclLayer
from protocols.zigbee.smart_energy.zcl_exchange import Address, Reply

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
INVALID = 0xFFFF_FFFF
_TIME, _STATUS = 0x0000, 0x0001
_MASTER, _SUPERSEDING = 0x01, 0x08

Clock = Callable[[], datetime | None]


def zigbee_time(clock: Clock) -> int:
    """Seconds since 2000, or the invalid value."""
    now = clock()
    if now is None:
        return INVALID
    seconds = int((now - EPOCH).total_seconds())
    return seconds if 0 <= seconds < INVALID else INVALID


def time_attributes(clock: Clock) -> Attributes:
    """What the hub serves: the time, and whether it is one (status 0: it has none)."""

    def read(attribute: int) -> int | None:
        if attribute == _TIME:
            return zigbee_time(clock)
        if attribute == _STATUS:
            return 0 if clock() is None else _MASTER | _SUPERSEDING
        return None

    return Attributes(read, names=lambda: (_TIME, _STATUS))


class HubTime:
    """The hub's time as a device knows it: read, and counted on."""

    def __init__(self, context: Context, zcl: ZclLayer) -> None:
        self._context = context
        self._zcl = zcl
        self._read_at: float = 0.0
        self._time: datetime | None = None

    def now(self) -> datetime | None:
        """The hub's time now; None where it never had one."""
        if self._time is None:
            return None
        return self._time + timedelta(seconds=self._context.now() - self._read_at)

    def forget(self) -> None:
        """A power cut, or another hub."""
        self._time = None

    def read(self, address: Address, done: Callable[[bool], None]) -> None:
        """Ask the hub; ``done`` hears whether it answered (it may have no time)."""

        def answered(reply: Reply) -> None:
            values = reply.attributes() if reply.is_answer else {}
            seconds = values.get(_TIME)
            if isinstance(seconds, int):
                known = seconds != INVALID and bool(values.get(_STATUS, _MASTER))
                self._time = EPOCH + timedelta(seconds=seconds) if known else None
                self._read_at = self._context.now()
            done(isinstance(seconds, int))

        self._zcl.read(address, TIME, (_TIME, _STATUS), answered)
