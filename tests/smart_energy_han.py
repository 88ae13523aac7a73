"""A hub and devices with the whole stack on emulated air in virtual time, for tests of the Smart Energy layer."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar

from protocols.eui64 import Eui64
from protocols.han import HanRole
from protocols.zigbee.cbke.authority import TestAuthority
from protocols.zigbee.cbke.credentials import Credentials
from protocols.zigbee.cbke.suites import SUITE_2
from protocols.zigbee.ota_cluster import ImageId, ImageStore
from protocols.zigbee.smart_energy.device import SmartEnergyDevice
from protocols.zigbee.smart_energy.hub import SmartEnergyHub
from protocols.zigbee.smart_energy.settings import DeviceSettings, DeviceType, HubSettings
from protocols.zigbee.stack.node import Node
from rigs.emulated.air import EmulatedRadio, HeapScheduler, Link, Medium

HUB = Eui64("00-DB-12-34-56-78-90-A3")
ISSUER = Eui64("11-12-13-14-15-16-17-18")
START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CHANNELS = (11, 15, 20)
KEY = bytes(range(16))
Event = TypeVar("Event")


@lru_cache(maxsize=64)
def credentials(eui64: Eui64, issuer: Eui64 = ISSUER, seed: bytes = b"rig") -> Credentials:
    return TestAuthority(SUITE_2, issuer, seed).issue(eui64)


class Pump:
    """Calls ``run_due`` of something when it is due."""

    def __init__(self, scheduler: HeapScheduler, what: Any) -> None:
        self.scheduler, self.what = scheduler, what
        self.call: Any = None
        self.at = 0.0
        what.on_earlier = self.plan
        due = what.next_due()
        if due is not None:
            self.plan(due)

    def plan(self, due: float) -> None:
        if self.call is not None:
            if self.at <= due:
                return
            self.call.cancel()
        self.at = max(due, self.scheduler.time())
        self.call = self.scheduler.call_at(self.at, self.run)

    def run(self) -> None:
        self.call = None
        self.what.run_due(self.scheduler.time())
        due = self.what.next_due()
        if due is not None and self.call is None:
            self.plan(due)

    def stop(self) -> None:
        if self.call is not None:
            self.call.cancel()
        self.what.on_earlier = None


class Member:
    """A hub or device: radio, node, application, what it said and (``kept``) what it would remember."""

    app: Any

    def __init__(self, han: Han, role: HanRole, eui64: Eui64, make: Callable[[Node], Any]) -> None:
        self.han, self.role, self.eui64, self.make = han, role, eui64, make
        self.events: list[Any] = []
        self.hear: Callable[[Any], None] = lambda _: None
        self.radio = EmulatedRadio(han.medium, str(eui64), eui64)
        self.boot()

    def boot(self, node_state: Any = None, app_state: Any = None) -> None:
        scheduler = self.han.scheduler
        self.node = Node(
            self.role, self.radio, scheduler.time, random.Random(f"node {self.eui64} {self.han.seed}")
        )
        self.app = self.make(self.node)
        self.app.listen(self)
        self.pumps = [Pump(scheduler, self.node), Pump(scheduler, self.app)]
        if node_state is not None:
            self.app.restore(app_state)
            self.node.restore(node_state)
            self.node.resume()

    def smart_energy_event(self, event: Any) -> None:
        self.events.append(event)
        self.hear(event)

    def of(self, *kinds: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kinds)]

    def cut_power(self) -> None:
        """Without warning; ``power`` brings it back with what it kept."""
        self.kept = (self.node.state(), self.app.state())
        for pump in self.pumps:
            pump.stop()
        self.app.close()
        self.node.close()
        self.radio.power_off()

    def power(self) -> None:
        self.radio.power_on()
        self.boot(*self.kept)


class Han:
    """The air and who is on it."""

    def __init__(self, seed: int = 1, loss: float = 0.0, hub_settings: HubSettings | None = None) -> None:
        self.seed = seed
        self.scheduler = HeapScheduler(1000.0)
        self.medium = Medium(self.scheduler, seed=seed, default_link=Link(loss=loss))
        self.has_time = True
        self.members: list[Member] = []
        settings = hub_settings or HubSettings()

        def hub(node: Node) -> SmartEnergyHub:
            return SmartEnergyHub(
                node, [credentials(HUB)], now=self.scheduler.time, random=random.Random(f"hub {seed}"),
                clock=self.clock, settings=settings,
            )  # fmt: skip

        self.hub = Member(self, HanRole.COORDINATOR, HUB, hub)
        self.hub.app.start(CHANNELS)
        self.run(3)

    def clock(self) -> datetime | None:
        return START + timedelta(seconds=self.scheduler.time() - 1000) if self.has_time else None

    def device(
        self,
        device_type: DeviceType,
        number: int,
        *,
        role: HanRole | None = None,
        issued: Credentials | None = None,
        settings: DeviceSettings | None = None,
        attributes: Callable[[int, int], Any] | None = None,
        store: ImageStore | None = None,
        check: Callable[[bytes], bool] | None = None,
    ) -> Member:
        eui64 = Eui64(bytes.fromhex("00DB1234567890") + bytes((number,)))
        options = settings or DeviceSettings(image=ImageId(0x121D, 0, 1), hardware_version=1)
        default = {
            DeviceType.GSME: HanRole.SLEEPY_END_DEVICE,
            DeviceType.ESME: HanRole.ROUTER,
        }.get(device_type, HanRole.END_DEVICE)

        def make(node: Node) -> SmartEnergyDevice:
            return SmartEnergyDevice(
                node, device_type, [issued or credentials(eui64)], now=self.scheduler.time,
                random=random.Random(f"device {number} {self.seed}"), settings=options, attributes=attributes,
                image_store=store, check_image=check,
            )  # fmt: skip

        member = Member(self, role or default, eui64, make)
        self.members.append(member)
        return member

    def allow(self, member: Member, key: bytes = KEY, join_time_s: float = 600.0) -> None:
        self.hub.app.allow(member.eui64, key, join_time_s, device_type=member.app.device_type)

    def join(self, member: Member, wait_s: float = 60.0) -> Member:
        self.allow(member)
        member.app.join(KEY, CHANNELS)
        self.run(wait_s)
        return member

    def run(self, seconds: float) -> None:
        self.scheduler.run(self.scheduler.time() + seconds)

    def run_until(self, condition: Callable[[], object], limit_s: float = 600.0) -> float:
        """Virtual seconds it took; AssertionError after ``limit_s``."""
        start = self.scheduler.time()
        while not condition():
            assert self.scheduler.time() < start + limit_s, "it does not happen"
            self.run(0.05)
        return self.scheduler.time() - start
