"""The HAN service over a stick with a stack of its own: whitelist, keys, data, events.

Knows no zigpy; the stick comes as a `drivers.zigpy_stick.Stick`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

from drivers.line_inbox import FaultLog, KeepsFaults, LineFault
from drivers.zigpy_addressing import address
from drivers.zigpy_members import Members
from drivers.zigpy_received import announcement, received
from drivers.zigpy_recovery import Recovery
from drivers.zigpy_state import restore_into, state_of
from drivers.zigpy_stick import Heard, JobQueue, Outgoing, Stick
from protocols.eui64 import Eui64
from protocols.han import (
    DataConfirmed,
    DataStatus,
    DeviceAnnounced,
    DeviceAuthorised,
    DeviceJoined,
    DeviceLeft,
    DeviceState,
    Endpoint,
    HanEvent,
    HanListener,
    HanRole,
    JoinFailure,
    JoinKind,
    KeySource,
    LinkKeyChanged,
    LinkKeyRefused,
    Network,
    NetworkDown,
    NetworkKeyChanged,
    NetworkUp,
    StateChanged,
)
from protocols.zigbee.stack.constants import CAPABILITY_RX_ON, ENDPOINT_ZDO
from protocols.zigbee.stack.policy import needs_link_key

if TYPE_CHECKING:
    from protocols.ports import DriverContext

# Events after which there is something new to keep.
_KEPT = (NetworkUp, NetworkKeyChanged, DeviceJoined, DeviceAuthorised, DeviceAnnounced, DeviceLeft)
_LONGEST_OPEN_S = 254
_RENEW_S = 240.0


class ZigpyHan(KeepsFaults):
    """A HanService. ``faults`` and ``on_fault`` as with other ports."""

    def __init__(self, where: str, context: DriverContext, key_establishment_timeout_s: float) -> None:
        self._where = where
        self._context = context
        self._log = FaultLog()
        self._listener: HanListener | None = None
        self._stick: Stick | None = None
        self._network: Network | None = None
        self._endpoints: dict[int, Endpoint] = {}
        self._token = 0
        self._loop = asyncio.get_running_loop()
        self._jobs = JobQueue(self._failed)
        self._recovery = Recovery(self._failed)
        self._establishment_s = key_establishment_timeout_s
        self._members = self._no_members()
        self._renewal: asyncio.TimerHandle | None = None
        self._closed = False

    def _no_members(self) -> Members:
        return Members(self._emit, self._expel, self._forget_key, self._install_key, self._establishment_s)

    def attach(self, stick: Stick) -> None:
        """Use this stick."""
        self._stick = stick

    @property
    def stick(self) -> Stick:
        """The stick, for what goes beyond HanService."""
        assert self._stick is not None
        return self._stick

    # What it is

    @property
    def eui64(self) -> Eui64:
        """The stick's identifier."""
        return self.stick.eui64

    @property
    def role(self) -> HanRole:
        """Coordinator: zigpy knows nothing else."""
        return HanRole.COORDINATOR

    @property
    def network(self) -> Network | None:
        """Where it is now."""
        return self._network

    def listen(self, listener: HanListener | None) -> None:
        """Hand events to this listener from now on."""
        self._listener = listener

    def _emit(self, event: HanEvent) -> None:
        if self._listener is not None and not self._closed:
            if isinstance(event, _KEPT):
                self._listener.han_event(StateChanged())
            self._listener.han_event(event)

    def _failed(self, what: str, error: Exception) -> None:
        self._log.add(LineFault(f"{what}: {error!r} ({self._where})", at=self._context.clock.now()))

    def _job(self, what: str, job: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if not self._closed:
            self._jobs.add(what, job)

    async def close(self) -> None:
        """Let the stick go; it keeps its network. Twice is harmless."""
        if self._closed:
            return
        self._closed = True
        self._cancel_renewal()
        self._members.close()
        await self._jobs.close()
        if self._stick is not None:
            await self._stick.close()

    # The network

    def add_endpoint(self, endpoint: Endpoint) -> None:
        """Register an application endpoint, before the network is formed; the same again is no news."""
        if self._endpoints.get(endpoint.number) == endpoint:
            return
        if not 1 <= endpoint.number <= 240 or endpoint.number in self._endpoints:
            raise ValueError(f"endpoint {endpoint.number} is taken or not 1 to 240")
        if self._network is not None:
            raise ValueError("a stick takes endpoints before it is on a network only")
        self._endpoints[endpoint.number] = endpoint

    def form(self, channels: tuple[int, ...], extended_pan_id: Eui64 | None = None) -> None:
        """As `HanService`."""
        self._job("form", lambda: self._start(partial(self.stick.form, tuple(channels), extended_pan_id)))

    def resume(self) -> None:
        """Go on with the network that the stick has kept; NetworkUp or NetworkDown follows."""
        self._job("resume", lambda: self._start(self.stick.resume, again=True))

    def suspend(self) -> None:
        """Fall silent, as after a power cut: endpoints, whitelist and listener are given anew.

        The stick keeps its network, for `restore` and `resume`.
        """
        self._listener = self._network = None
        self._endpoints.clear()
        self._cancel_renewal()
        self._members.close()
        self._members = self._no_members()
        self._jobs.forget()
        self._job("suspend", self.stick.suspend)

    def state(self) -> dict[str, Any]:
        """What to keep over a power cut, at every StateChanged."""
        return state_of(self.eui64, self._network, self.stick.network_keys, self._members)

    def restore(self, state: dict[str, Any]) -> None:
        """Take the kept whitelist; ValueError where it is another stick's."""
        restore_into(self._members, self.eui64, state)

    async def _start(
        self, start: Callable[[list[Endpoint]], Coroutine[Any, Any, Network]], *, again: bool = False
    ) -> None:
        try:
            self._network = await start(list(self._endpoints.values()))
        except Exception as error:
            self._network = None
            self._emit(NetworkDown(JoinFailure.FORMATION_FAILED, repr(error)))
            raise
        self._emit(NetworkUp(self._network, rejoined=again))

    def join(self, link_key: bytes, channels: tuple[int, ...], extended_pan_id: Eui64 | None = None) -> None:
        """A coordinator joins nothing."""
        del link_key, channels, extended_pan_id
        raise ValueError("a coordinator joins no network")

    def rejoin(self) -> None:
        """A coordinator rejoins nothing."""
        raise ValueError("there is no network to rejoin")

    def leave(self) -> None:
        """As `HanService`."""

        async def leave() -> None:
            await self.stick.leave()
            self._network = None
            self._emit(NetworkDown(JoinFailure.LEFT))

        self._job("leave", leave)

    # Who may join

    def allow_device(
        self,
        eui64: Eui64,
        link_key: bytes,
        join_time_s: float,
        source: KeySource = KeySource.INSTALL_CODE,
    ) -> None:
        """As `HanService`."""
        self._members.allow(eui64, link_key, join_time_s, historic=source is not KeySource.INSTALL_CODE)
        self._renew()
        self._emit(StateChanged())

    def _renew(self) -> None:
        """Keys and window in the stick last minutes only: give both again while somebody may join."""
        self._cancel_renewal()
        waiting = self._members.waiting()
        if not waiting:
            self._job("close joining", lambda: self.stick.open_joining(0))
            return
        for member in waiting:
            self._job("allow", partial(self.stick.allow, member.eui64, member.link_key))
        left = waiting[-1].window_until - self._loop.time()
        self._job("permit", partial(self.stick.open_joining, max(1, min(int(left) + 1, _LONGEST_OPEN_S))))
        self._renewal = self._loop.call_later(min(left, _RENEW_S), self._renew)

    def _cancel_renewal(self) -> None:
        if self._renewal is not None:
            self._renewal.cancel()
            self._renewal = None

    def permit_joining(self, duration_s: float) -> None:
        """As `HanService`; a stick opens for at most 254 s at a time."""
        seconds = max(0, min(int(duration_s), _LONGEST_OPEN_S))
        self._job("permit", partial(self.stick.open_joining, seconds))

    def remove_device(self, eui64: Eui64) -> None:
        """As `HanService`."""
        self._members.strike(eui64)

    def device_state(self, eui64: Eui64) -> DeviceState | None:
        """As `HanService`."""
        member = self._members.get(eui64)
        return member.state if member is not None else None

    def _expel(self, eui64: Eui64, short: int, parent: int) -> None:
        self._job("remove", partial(self.stick.remove, eui64, short, parent))

    def _forget_key(self, eui64: Eui64) -> None:
        self._job("forget key", partial(self.stick.forget_key, eui64))

    def _install_key(self, eui64: Eui64, key: bytes) -> None:
        self._job("historic key", partial(self.stick.import_key, eui64, key))

    # Keys

    def install_link_key(self, partner: Eui64, key: bytes) -> None:
        """As `HanService`; data sent after this call is under the key."""

        async def install() -> None:
            await self.stick.import_key(partner, key)
            self._emit(LinkKeyChanged(partner, KeySource.ESTABLISHED))
            self._members.authorise(partner, key)

        self._job("import link key", install)

    def key_establishment_failed(self, partner: Eui64) -> None:
        """As `HanService`."""
        self._members.establishment_failed(partner)

    def request_link_key(self, partner: Eui64) -> None:
        """The trust centre asks nobody for keys."""
        self._loop.call_soon(self._emit, LinkKeyRefused(partner))

    def refresh_network_key(self) -> None:
        """As `HanService`."""

        async def refresh() -> None:
            devices = [
                (member.eui64, member.short)
                for member in self._members.on_network()
                if member.short is not None
            ]
            await self.stick.refresh_network_key(devices)

        self._job("refresh network key", refresh)

    # Data

    def send(
        self,
        destination: Eui64 | int,
        *,
        profile: int,
        cluster: int,
        source_endpoint: int,
        destination_endpoint: int,
        payload: bytes,
        secured: bool | None = None,
        acknowledged: bool = True,
    ) -> int:
        """As `HanService`."""
        self._token = token = self._token + 1
        needed = needs_link_key(profile, cluster)
        data = Outgoing(
            0xFFFF,
            profile,
            cluster,
            source_endpoint,
            destination_endpoint,
            payload,
            needed if secured is None else secured,
            acknowledged,
        )
        self._job("send", lambda: self._send(token, destination, data, needed=needed))
        return token

    async def _send(self, token: int, destination: Eui64 | int, data: Outgoing, *, needed: bool) -> None:
        status: DataStatus | None = DataStatus.NO_NETWORK
        if self._network is not None:
            status = await address(data, destination, self._members, self.stick, needed=needed)
        if status is not None:
            self._emit(DataConfirmed(token, status))
            return
        try:
            done = await self.stick.submit(data)
        except Exception:
            self._emit(DataConfirmed(token, DataStatus.NOT_DELIVERED))
            raise
        done.add_done_callback(lambda future: self._confirm(token, future))

    def _confirm(self, token: int, future: asyncio.Future[DataStatus]) -> None:
        bad = future.cancelled() or future.exception() is not None
        self._emit(DataConfirmed(token, DataStatus.NOT_DELIVERED if bad else future.result()))

    # What the stick tells

    def stick_heard(self, data: Heard) -> None:
        """Data came."""
        if data.eui64 is not None:
            self._members.learn(data.eui64, data.short)
        self._members.heard(data.short)
        if data.destination_endpoint == ENDPOINT_ZDO:
            self._announced(data)  # the stick's stack answers requests
        else:
            self._emit(received(data, self._members))

    def _announced(self, data: Heard) -> None:
        event = announcement(data)
        if event is None:
            return
        self._members.learn(event.eui64, event.short_address)
        self._members.heard(event.short_address)
        sleeps = not event.capability & CAPABILITY_RX_ON
        self._job("extended time-out", lambda: self.stick.sleeper(event.eui64, sleeps=sleeps))
        self._emit(event)

    def stick_joined(self, eui64: Eui64, short: int, parent: int, kind: JoinKind) -> None:
        """A device joined or rejoined."""
        self._members.came(eui64, short, parent, kind)

    def stick_denied(self, eui64: Eui64, kind: JoinKind) -> None:
        """The stick did not let a device in."""
        self._members.denied(eui64, kind)

    def stick_left(self, eui64: Eui64) -> None:
        """A device left."""
        self._members.gone(eui64)

    def stick_switched_key(self, sequence: int) -> None:
        """Frames are secured with another network key."""
        self._emit(NetworkKeyChanged(sequence))

    def stick_lost(self, cause: str) -> None:
        """The stick does not work any more: NetworkDown, and NetworkUp once it does again."""
        if self._closed:
            return
        self._failed("the stick was lost", RuntimeError(cause))
        had_network, self._network = self._network is not None, None
        if had_network:
            self._emit(NetworkDown(JoinFailure.NO_RESPONSE, cause))
        if self._recovery.lost(begin=had_network):
            self._job("recover", self._recover)

    async def _recover(self) -> None:
        network = await self._recovery.run(self._resume_again)
        if network is not None and self._listener is not None:  # else it was suspended meanwhile
            self._network = network
            self._emit(NetworkUp(network, rejoined=True))
            self._renew()

    async def _resume_again(self) -> Network:
        return await self.stick.resume(list(self._endpoints.values()))
