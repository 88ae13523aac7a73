"""An ideal 802.15.4 medium in virtual time for tests of the stack: no collisions, loss and links as told."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from heapq import heappop, heappush
from itertools import count
from typing import Any

from protocols.eui64 import Eui64
from protocols.han import (
    DataConfirmed,
    DataReceived,
    DataStatus,
    DeviceState,
    Endpoint,
    HanEvent,
    HanRole,
)
from protocols.radio import (
    RadioListener,
    RadioSettings,
    ReceivedFrame,
    TransmitResult,
    TransmitStatus,
)
from protocols.zigbee.stack.node import Node
from protocols.zigbee.stack.settings import NodeSettings

OCTET_S = 32e-6
PROFILE = 0x0109


class Medium:
    """Time, what is to come, and who hears whom."""

    def __init__(self, seed: int = 1, loss: float = 0.0) -> None:
        self.time = 100.0
        self.random = random.Random(seed)
        self.loss = loss
        self.radios: list[MediumRadio] = []
        self.cuts: set[frozenset[Eui64]] = set()
        self.frames: list[bytes] = []
        self.record = False
        self.noise: dict[int, int] = {}
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def at(self, time: float, action: Callable[[], None]) -> None:
        heappush(self._heap, (time, next(self._order), action))

    def step(self) -> bool:
        if not self._heap:
            return False
        time, _, action = heappop(self._heap)
        self.time = max(self.time, time)
        action()
        return True

    def run(self, seconds: float) -> None:
        end = self.time + seconds
        while self._heap and self._heap[0][0] <= end:
            self.step()
        self.time = end

    def run_until(self, condition: Callable[[], bool], limit_s: float = 60.0) -> bool:
        end = self.time + limit_s
        while not condition():
            if not self._heap or self._heap[0][0] > end:
                self.time = end
                return condition()
            self.step()
        return True

    def lost(self) -> bool:
        return self.loss > 0 and self.random.random() < self.loss

    def cut(self, one: Eui64, other: Eui64) -> None:
        self.cuts.add(frozenset((one, other)))


class MediumRadio:
    """A `FrameRadio` on the medium."""

    def __init__(self, medium: Medium, eui64: Eui64) -> None:
        self.medium = medium
        self._eui64 = eui64
        self.listener: RadioListener | None = None
        self.settings = RadioSettings(11, 0xFFFF, 0xFFFF, eui64)
        self.short: frozenset[int] = frozenset()
        self.extended: frozenset[Eui64] = frozenset()
        self.enabled = False
        self.powered = True
        self.queue: deque[tuple[int, bytes, int]] = deque()
        self.busy = False
        self.on_time_s = 0.0
        self.dropped_while_off = 0
        medium.radios.append(self)

    @property
    def eui64(self) -> Eui64:
        return self._eui64

    def listen(self, listener: RadioListener | None) -> None:
        self.listener = listener

    def configure(self, settings: RadioSettings) -> None:
        self.settings = replace(settings)

    def transmit(self, token: int, frame: bytes, *, clear_channel: bool = True, retries: int = 3) -> None:
        del clear_channel  # there are no collisions
        self.queue.append((token, frame, retries))
        if not self.busy:
            self._next()

    def match_sources(self, *, enabled: bool, short: Any, extended: Any) -> None:
        self.enabled, self.short, self.extended = enabled, frozenset(short), frozenset(extended)

    def measure_energy(self, channel: int, duration_s: float) -> None:
        level = self.medium.noise.get(channel, -95)
        self.medium.at(
            self.medium.time + duration_s,
            lambda: self.listener.energy_measured(channel, level) if self.listener else None,
        )

    async def close(self) -> None:
        self.listener = None

    def _next(self) -> None:
        if self.queue and self.powered:
            self.busy = True
            token, frame, retries = self.queue.popleft()
            self._attempt(token, frame, retries, 1)
        else:
            self.busy = False

    def _attempt(self, token: int, frame: bytes, retries: int, attempt: int) -> None:
        medium = self.medium
        if medium.record and attempt == 1:
            medium.frames.append(frame)
        end = medium.time + (len(frame) + 8) * OCTET_S + 128e-6
        channel = self.settings.channel
        medium.at(end, lambda: self._arrive(token, frame, retries, attempt, channel))

    def _arrive(self, token: int, frame: bytes, retries: int, attempt: int, channel: int) -> None:
        medium = self.medium
        wants_ack = bool(frame[0] & 0x20)
        acked, pending = not wants_ack, False
        for radio in medium.radios:
            if radio is self or not radio.hears(self, channel):
                continue
            addressed, exact = radio.addressed(frame)
            if not (addressed or radio.settings.promiscuous) or medium.lost():
                continue
            told = exact and radio.pending_for(frame)
            if wants_ack and exact and not medium.lost():
                acked, pending = True, told
            heard = ReceivedFrame(frame, channel, medium.time, -50, 255, told)
            medium.at(medium.time + (192e-6 if wants_ack else 0), lambda r=radio, h=heard: r.hand(h))
        after = medium.time + (544e-6 if wants_ack else 0)
        if acked or attempt > retries:
            status = TransmitStatus.DONE if acked else TransmitStatus.NO_ACK
            result = TransmitResult(status, after, pending, attempt)
            medium.at(after, lambda: self._over(token, result))
        else:
            medium.at(after, lambda: self._attempt(token, frame, retries, attempt + 1))

    def _over(self, token: int, result: TransmitResult) -> None:
        if self.powered and self.listener is not None:
            self.listener.frame_transmitted(token, result)
        self._next()

    def hears(self, other: MediumRadio, channel: int) -> bool:
        if not self.powered or not other.powered or self.settings.channel != channel:
            return False
        if not self.settings.receiver_on_when_idle:
            self.dropped_while_off += 1
            return False
        return not self.medium.cuts or frozenset((self.eui64, other.eui64)) not in self.medium.cuts

    def addressed(self, frame: bytes) -> tuple[bool, bool]:
        """Whether the frame passes the filter, and whether it is for this radio alone."""
        mode = frame[1] >> 2 & 3
        kind = frame[0] & 7
        if mode == 0:
            return kind == 0, False
        pan = frame[3] | frame[4] << 8
        if pan not in (self.settings.pan_id, 0xFFFF):
            return False, False
        if mode == 2:
            address = frame[5] | frame[6] << 8
            exact = address == self.settings.short_address and address != 0xFFFF
            return exact or address == 0xFFFF, exact
        exact = frame[5:13] == self.eui64[::-1]
        return exact, exact

    def pending_for(self, frame: bytes) -> bool:
        """The frame pending bit of the acknowledgement: set for data requests of matched sources only."""
        if frame[0] & 7 != 3 or frame[-1] != 4:
            return False
        if not self.enabled:
            return True
        at = 7 if frame[1] >> 2 & 3 == 2 else 13
        if not frame[0] & 0x40:
            at += 2
        if frame[1] >> 6 == 2:
            return frame[at] | frame[at + 1] << 8 in self.short
        return Eui64(frame[at : at + 8][::-1]) in self.extended

    def hand(self, heard: ReceivedFrame) -> None:
        if self.powered and self.listener is not None:
            self.listener.frame_received(heard)


class Device:
    """A node with its radio, its timers on the medium, and what it told."""

    def __init__(
        self, medium: Medium, role: HanRole, number: int, settings: NodeSettings | None = None
    ) -> None:
        self.medium = medium
        self.role = role
        self.number = number
        self.settings = settings
        self.eui64 = Eui64(bytes.fromhex("90B3D51F30") + number.to_bytes(3, "big"))
        self.radio = MediumRadio(medium, self.eui64)
        self.events: list[HanEvent] = []
        self.kept: dict[str, Any] | None = None
        self.starts = 0
        self.boot()

    def boot(self) -> None:
        self.starts += 1
        self.booted_at = len(self.events)
        self.node = Node(
            self.role,
            self.radio,
            lambda: self.medium.time,
            random.Random(self.number * 100 + self.starts),
            self.settings,
        )
        self.node.listen(self)
        for number in (1, 2):
            self.node.add_endpoint(Endpoint(number, PROFILE, 0x0500, (0, 0x0702, 0x0800), (0x0704,)))
        node = self.node
        self.wake_at = float("inf")
        node.on_earlier = lambda due: self._plan(node, due)

    def _plan(self, node: Node, due: float | None) -> None:
        if due is not None and due < self.wake_at:
            self.wake_at = due
            self.medium.at(due, lambda: self._wake(node, due))

    def _wake(self, node: Node, due: float) -> None:
        if node is not self.node or not self.radio.powered or due != self.wake_at:
            return
        self.wake_at = float("inf")
        node.run_due(self.medium.time)
        self._plan(node, node.next_due())

    def han_event(self, event: HanEvent) -> None:
        self.events.append(event)
        if type(event).__name__ == "StateChanged" and self.kept is not None:
            self.kept = self.node.state()

    def cut_power(self) -> None:
        self.radio.powered = False
        self.radio.queue.clear()
        self.node.close()

    def restore_power(self, state: dict[str, Any]) -> None:
        self.radio.powered, self.radio.busy = True, False
        self.boot()
        self.node.restore(state)
        self.node.resume()

    def own_faults(self) -> list[str]:
        return [name for name in self.node.statistics if name.startswith("own.")]

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def send(self, to: Eui64 | int, payload: bytes, cluster: int = 0x0702, **how: Any) -> int:
        return self.node.send(
            to,
            profile=PROFILE,
            cluster=cluster,
            source_endpoint=1,
            destination_endpoint=1,
            payload=payload,
            **how,
        )

    def status(self, token: int) -> Any:
        told = (event for event in self.events[self.booted_at :] if isinstance(event, DataConfirmed))
        return next((event.status for event in told if event.token == token), None)

    def payloads(self) -> list[bytes]:
        return [event.payload for event in self.of(DataReceived)]


CHANNELS = (11, 15, 20)
INSTALL_KEY = bytes(range(16))
ESTABLISHED_KEY = b"established-key."


class Han:
    """A hub that formed its network, and devices that join it."""

    def __init__(self, seed: int = 1, loss: float = 0.0, hub_settings: NodeSettings | None = None) -> None:
        self.medium = Medium(seed, loss)
        self.hub = Device(self.medium, HanRole.COORDINATOR, 1, hub_settings)
        self.hub.node.form(CHANNELS)
        assert self.medium.run_until(lambda: self.hub.node.network is not None, 10)
        self.devices: list[Device] = []

    def device(
        self, role: HanRole, settings: NodeSettings | None = None, *, behind: Device | None = None
    ) -> Device:
        """A device that is not on the network yet; ``behind`` a router it hears the hub no more."""
        device = Device(self.medium, role, 10 + len(self.devices), settings)
        if behind is not None:
            for other in (self.hub, *self.devices):
                if other is not behind:
                    self.medium.cut(device.eui64, other.eui64)
        self.devices.append(device)
        return device

    def start_join(self, device: Device, join_time_s: float = 300, key: bytes = INSTALL_KEY) -> None:
        self.hub.node.allow_device(device.eui64, INSTALL_KEY, join_time_s)
        self.medium.run(0.5)  # routers hear that joining is permitted
        device.node.join(key, CHANNELS)

    def join(
        self,
        role: HanRole,
        settings: NodeSettings | None = None,
        *,
        behind: Device | None = None,
        established: bool = True,
        limit_s: float = 60,
    ) -> Device:
        device = self.device(role, settings, behind=behind)
        self.start_join(device)
        assert self.medium.run_until(lambda: device.node.network is not None, limit_s), device.events
        joined = (DeviceState.JOINED, DeviceState.AUTHORISED)
        assert self.medium.run_until(lambda: self.hub.node.device_state(device.eui64) in joined, limit_s)
        if established:
            self.establish(device)
        return device

    def establish(self, device: Device) -> None:
        """What key establishment does at the end."""
        key = ESTABLISHED_KEY[:-3] + device.number.to_bytes(3, "big")
        self.hub.node.install_link_key(device.eui64, key)
        device.node.install_link_key(self.hub.eui64, key)

    def confirmed(self, sender: Device, token: int, limit_s: float = 60) -> DataStatus | None:
        self.medium.run_until(lambda: sender.status(token) is not None, limit_s)
        return sender.status(token)
