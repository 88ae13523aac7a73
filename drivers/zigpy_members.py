"""The whitelist of a trust centre whose stack is a stick's: who may join, and how far each device is.

The stick admits a device and gives it the network key; everything else (windows, devices that are never
heard, key establishment in time, who is trusted) is decided here, as `protocols.zigbee.stack` does it on a
raw radio.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from protocols.eui64 import Eui64
from protocols.han import (
    DeviceAuthorised,
    DeviceJoined,
    DeviceLeft,
    DeviceState,
    HanEvent,
    JoinKind,
    JoinRefusal,
    JoinRefused,
)

_TOLD_S = 2.0  # a stick that has let somebody in tells of it when the association is over
_ANNOUNCE_S = 12.0  # sleepy devices poll for the key several times
_ON_NETWORK = (DeviceState.JOINED, DeviceState.AUTHORISED)


@dataclass(slots=True, eq=False)
class Member:
    """A device of the whitelist."""

    eui64: Eui64
    link_key: bytes  # of its install code, or the historic one
    historic: bool = False
    own_key: bytes = b""  # that key establishment made
    state: DeviceState = DeviceState.LISTED
    window_until: float = 0.0
    short: int | None = None
    parent: int = 0x0000
    kind: JoinKind = JoinKind.ASSOCIATION
    established: bool = False
    timer: asyncio.TimerHandle | None = None
    window: asyncio.TimerHandle | None = None

    @property
    def on_network(self) -> bool:
        """Whether it proved to hold the network key."""
        return self.state in _ON_NETWORK

    def stop(self) -> None:
        """Cancel what was to come."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def close(self) -> None:
        """Cancel the window, too."""
        self.stop()
        if self.window is not None:
            self.window.cancel()
            self.window = None


class Members:
    """All devices; ``expel`` sends one off the network, ``forget_key`` drops its established key.

    ``install_key`` puts a historic key in place.
    """

    def __init__(
        self,
        emit: Callable[[HanEvent], None],
        expel: Callable[[Eui64, int, int], None],
        forget_key: Callable[[Eui64], None],
        install_key: Callable[[Eui64, bytes], None],
        establishment_s: float,
    ) -> None:
        self._emit = emit
        self._expel = expel
        self._forget_key = forget_key
        self._install_key = install_key
        self._establishment_s = establishment_s
        self._loop = asyncio.get_running_loop()
        self._by_eui64: dict[Eui64, Member] = {}
        self._by_short: dict[int, Eui64] = {}

    def get(self, eui64: Eui64) -> Member | None:
        """A device of the whitelist."""
        return self._by_eui64.get(eui64)

    def eui64(self, short: int) -> Eui64 | None:
        """Whose short address this is."""
        return self._by_short.get(short)

    def on_network(self) -> list[Member]:
        """Devices that hold the network key."""
        return [member for member in self._by_eui64.values() if member.on_network]

    def waiting(self) -> list[Member]:
        """Devices whose window is open, the one that closes last at the end."""
        now = self._loop.time()
        waiting = [member for member in self._by_eui64.values() if member.window_until > now]
        return sorted(waiting, key=lambda member: member.window_until)

    def all(self) -> list[Member]:
        """The whitelist."""
        return list(self._by_eui64.values())

    def close(self) -> None:
        """Stop all timers."""
        for member in self._by_eui64.values():
            member.close()

    # The whitelist

    def add(self, eui64: Eui64, link_key: bytes, *, historic: bool) -> Member:
        """Put on the list, without a window; one that stands there stays as it is."""
        return self._by_eui64.setdefault(eui64, Member(eui64, link_key, historic))

    def allow(self, eui64: Eui64, link_key: bytes, join_time_s: float, *, historic: bool = False) -> Member:
        """Put on the list, or open the window of one that stands there."""
        if eui64 not in self._by_eui64 and historic:
            # It comes back by a rejoin that this key secures.
            self._begin_anew(self.add(eui64, link_key, historic=True))
        member = self.add(eui64, link_key, historic=historic)
        member.window_until = self._loop.time() + join_time_s
        if member.window is not None:
            member.window.cancel()
        member.window = self._loop.call_later(join_time_s, self._window_over, member)
        return member

    def _window_over(self, member: Member) -> None:
        member.window = None
        if member.state is DeviceState.LISTED:
            self._emit(JoinRefused(member.eui64, JoinRefusal.WINDOW_EXPIRED))

    def strike(self, eui64: Eui64) -> None:
        """Off the list and off the network."""
        member = self._by_eui64.pop(eui64, None)
        if member is None:
            return
        member.close()
        self._send_away(member)
        self._forget_key(eui64)
        self._emit(DeviceLeft(eui64))

    def learn(self, eui64: Eui64, short: int) -> None:
        """A device has this short address."""
        old = [known for known, whose in self._by_short.items() if whose == eui64]
        for known in old:
            del self._by_short[known]
        self._by_short[short] = eui64
        member = self._by_eui64.get(eui64)
        if member is not None and member.short is not None:
            member.short = short

    # What the stick tells

    def came(self, eui64: Eui64, short: int, parent: int, kind: JoinKind) -> None:
        """A device joined or rejoined; the network key is on its way to it."""
        member = self._by_eui64.get(eui64)
        refusal = self._refusal(member, kind)
        if member is None or refusal is not None:
            self._emit(JoinRefused(eui64, refusal or JoinRefusal.UNKNOWN_EUI64))
            self._expel(eui64, short, parent)
            return
        member.stop()
        member.short, member.parent, member.kind = short, parent, kind
        self.learn(eui64, short)
        if kind is JoinKind.SECURED_REJOIN:
            self._joined(member)
            return
        if kind is JoinKind.ASSOCIATION:
            if member.state is DeviceState.KEY_SENT:
                # It begins anew: what it was sent before was of no use to it.
                self._emit(JoinRefused(eui64, JoinRefusal.NOT_ANNOUNCED))
            self._begin_anew(member)
        member.state = DeviceState.KEY_SENT
        member.timer = self._loop.call_later(_ANNOUNCE_S, self._fail, member, JoinRefusal.NOT_ANNOUNCED)

    def _begin_anew(self, member: Member) -> None:
        """Only a historic key outlives a new association."""
        member.established = member.historic
        if member.historic:
            member.own_key = member.link_key
            self._install_key(member.eui64, member.link_key)
        else:
            member.own_key = b""
            self._forget_key(member.eui64)

    def _refusal(self, member: Member | None, kind: JoinKind) -> JoinRefusal | None:
        if member is None:
            return JoinRefusal.UNKNOWN_EUI64
        if kind is JoinKind.ASSOCIATION:
            late = self._loop.time() - member.window_until
            return JoinRefusal.WINDOW_EXPIRED if late > _TOLD_S else None
        if kind is JoinKind.TRUST_CENTRE_REJOIN and not member.established:
            return JoinRefusal.NO_LINK_KEY
        return None

    def denied(self, eui64: Eui64, kind: JoinKind) -> None:
        """The stick itself refused a device."""
        reason = self._refusal(self._by_eui64.get(eui64), kind) or JoinRefusal.JOINING_CLOSED
        self._emit(JoinRefused(eui64, reason))

    def gone(self, eui64: Eui64) -> None:
        """A device left."""
        member = self._by_eui64.get(eui64)
        if member is not None:
            member.stop()
            self._emit(DeviceLeft(eui64))

    def heard(self, short: int) -> None:
        """A frame under the network key came from this address."""
        eui64 = self._by_short.get(short)
        member = self._by_eui64.get(eui64) if eui64 is not None else None
        if member is not None and member.state is DeviceState.KEY_SENT:
            self._joined(member)

    def _joined(self, member: Member) -> None:
        member.stop()
        member.state = DeviceState.AUTHORISED if member.established else DeviceState.JOINED
        self._emit(DeviceJoined(member.eui64, member.short or 0, member.parent, member.kind))
        if not member.established:
            member.timer = self._loop.call_later(
                self._establishment_s, self._fail, member, JoinRefusal.KEY_ESTABLISHMENT_TIMEOUT
            )

    # Trust

    def authorise(self, eui64: Eui64, key: bytes) -> None:
        """A device's own link key is in place."""
        member = self._by_eui64.get(eui64)
        if member is not None:
            member.stop()
            member.established, member.own_key = True, key
            member.state = DeviceState.AUTHORISED
            self._emit(DeviceAuthorised(eui64))

    def establishment_failed(self, eui64: Eui64) -> None:
        """CBKE failed: the device goes, and may try again while its window is open."""
        member = self._by_eui64.get(eui64)
        if member is not None:
            self._fail(member, JoinRefusal.KEY_ESTABLISHMENT_FAILED)

    def _fail(self, member: Member, reason: JoinRefusal) -> None:
        self._emit(JoinRefused(member.eui64, reason))
        self._send_away(member)
        member.state = DeviceState.LISTED

    def _send_away(self, member: Member) -> None:
        member.stop()
        short, member.short = member.short, None
        if short is not None:
            self._expel(member.eui64, short, member.parent)
