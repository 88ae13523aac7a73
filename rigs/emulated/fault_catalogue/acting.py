"""Faults of devices at work: what each does to a device, and how it is undone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from protocols.errors import DecodeError
from protocols.gbcs.header import CraFlag
from protocols.gbcs.message import parse_message
from protocols.ports import ConfigError, StimulusKind, StimulusOutcome
from rigs.emulated.alone import always
from rigs.emulated.clock import ClockStatus
from rigs.emulated.fault_catalogue.quirks import QUIRKS, sent_with
from rigs.emulated.trust_anchors import ROLES

if TYPE_CHECKING:
    from rigs.emulated.air import Scheduler
    from rigs.emulated.device import Device

Go = Callable[[bytes], None]


@dataclass(slots=True)
class Site:
    """A device and what surrounds it. ``box``: all that share its supply, itself included.

    ``silence`` switches its radio off at once, ``leave`` takes it off the HAN, ``switch_on`` gives supply.
    ``spoilt`` tells whoever records that a message is malformed on purpose, and why.
    """

    device: Device
    scheduler: Scheduler
    box: list[Device]
    silence: Callable[[], None]
    leave: Callable[[], None]
    switch_on: Callable[[], None]
    spoilt: Callable[[bytes, str], None]


@dataclass(slots=True)
class Acting:
    """One fault on one device; ``values`` are those of its order. This one does nothing."""

    values: dict[str, Any]

    def begin(self, site: Site) -> None:
        """From now on."""

    def restarted(self, site: Site) -> None:
        """The device was made anew with what it remembers, as after a kill of its process."""
        self.begin(site)

    def end(self, site: Site) -> None:
        """Not any more."""

    def leaving(self, octets: bytes, go: Go, site: Site) -> None:
        """A message would leave."""
        _ = site
        go(octets)


@dataclass(slots=True)
class SlowResponses(Acting):
    """``slow-responses``."""

    def leaving(self, octets: bytes, go: Go, site: Site) -> None:
        """Later, where it is a response."""
        if _is_response(octets):
            site.scheduler.call_at(site.scheduler.time() + self.values["seconds"], go, octets)
        else:
            go(octets)


def _is_response(octets: bytes) -> bool:
    try:
        return parse_message(octets).header.cra_flag is CraFlag.RESPONSE
    except DecodeError:
        return False


@dataclass(slots=True)
class Quirky(Acting):
    """``quirk``."""

    def leaving(self, octets: bytes, go: Go, site: Site) -> None:
        """What leaves instead."""
        behaviour = self.values["behaviour"]
        for each in sent_with(QUIRKS[behaviour], octets):
            if each != octets:
                site.spoilt(each, f"quirk {behaviour}")
            go(each)


@dataclass(slots=True)
class FullBuffers(Acting):
    """``full-buffers``."""

    _until: list[float] = field(default_factory=list)

    def begin(self, site: Site) -> None:
        """Count what comes."""
        site.device.has_room = lambda: self._has_room(site.scheduler.time())

    def end(self, site: Site) -> None:
        """There is room again."""
        site.device.has_room = always

    def _has_room(self, now: float) -> bool:
        self._until = [until for until in self._until if until > now]
        if len(self._until) >= self.values["messages"]:
            return False
        self._until.append(now + self.values["seconds"])
        return True


@dataclass(slots=True)
class Refusing(Acting):
    """``refuse``."""

    def begin(self, site: Site) -> None:
        """The element is broken."""
        site.device.faults.refuse(self.values["element"], self.values["result"])

    def end(self, site: Site) -> None:
        """It works."""
        site.device.faults.repair(self.values["element"])


@dataclass(slots=True)
class ClockJump(Acting):
    """``clock-jump``."""

    _left: timedelta = timedelta()
    _before: ClockStatus = ClockStatus.UNRELIABLE
    _after: ClockStatus = ClockStatus.UNRELIABLE

    def begin(self, site: Site) -> None:
        """Jump."""
        self._before = site.device.device_clock.status
        chosen = self.values["status"]
        self._after = self._before if chosen == "unchanged" else ClockStatus[chosen.upper()]
        self._jump(site.device, self.values["seconds"], self._after)
        self._left = site.device.device_clock.offset

    def restarted(self, site: Site) -> None:
        """The memory has it."""

    def end(self, site: Site) -> None:
        """Jump back, unless the clock was set."""
        if site.device.device_clock.offset == self._left:
            self._jump(site.device, -self.values["seconds"], self._before)

    @staticmethod
    def _jump(device: Device, seconds: float, status: ClockStatus) -> None:
        with device.work():
            device.device_clock.drift(timedelta(seconds=seconds))
            device.device_clock.set_status(status)


@dataclass(slots=True)
class CounterRollback(Acting):
    """``counter-rollback``."""

    _highest: dict[int, int] = field(default_factory=dict)

    def begin(self, site: Site) -> None:
        """Go back."""
        device, by = site.device, self.values["by"]
        with device.work():
            for role, counter in self._counters(device).items():
                self._highest[role] = counter
                self._put(device, role, max(0, counter - by))

    def restarted(self, site: Site) -> None:
        """The memory has it."""

    def end(self, site: Site) -> None:
        """None is lower than it ever was."""
        device = site.device
        with device.work():
            for role, counter in self._counters(device).items():
                self._put(device, role, max(counter, self._highest.get(role, 0)))

    def _counters(self, device: Device) -> dict[int, int]:
        """By role; the device's own under -1."""
        if self.values["counter"] == "own":
            return {-1: int(device.storage.get_json("device", "counter", default=0))}
        roles = {cell.role for cell in device.trust_anchors.cells()}
        return {role: device.trust_anchors.counter(role) for role in sorted(roles)}

    @staticmethod
    def _put(device: Device, role: int, counter: int) -> None:
        if role < 0:
            device.storage.put_json("device", "counter", counter)
        elif counter != device.trust_anchors.counter(role):
            device.trust_anchors.set_floor(role, counter)


@dataclass(slots=True)
class CertificateExpiry(Acting):
    """``certificate-expiry``."""

    def begin(self, site: Site) -> None:
        """The role's certificates count for nothing."""
        site.device.trust_anchors.expired.add(ROLES[self.values["role"]])

    def end(self, site: Site) -> None:
        """They do again."""
        site.device.trust_anchors.expired.discard(ROLES[self.values["role"]])


@dataclass(slots=True)
class DamagedFirmware(Acting):
    """``damaged-firmware``. Lifted, it stays: what runs by then is another image, or nothing is to be had."""

    def begin(self, site: Site) -> None:
        """Damage it; ConfigError for the factory's image, of which the emulated device has no octets."""
        device = site.device
        with device.work():
            damaged = device.firmware.damage()
        if not damaged:
            raise ConfigError(
                f"{device.description.name} runs the factory's firmware, which cannot be damaged here",
                next_step="have it run an image that was sent to it first",
            )

    def restarted(self, site: Site) -> None:
        """The memory has it."""


@dataclass(slots=True)
class HanFaulty(Acting):
    """Faults of the HAN side, which holds them from the next start of its stack on."""

    name: str

    def begin(self, site: Site) -> None:
        """Tell it; ConfigError where the device has no HAN."""
        outcome, answer = site.device.stimulus(StimulusKind.HAN_FAULT, self.name)
        if outcome is not StimulusOutcome.DONE:
            raise ConfigError(
                f"{site.device.description.name} cannot have {self.name}: {answer}",
                next_step="give it to a device that stands behind an emulated hub",
            )

    def end(self, site: Site) -> None:
        """Nothing is wrong from the next start on."""
        site.device.stimulus(StimulusKind.HAN_FAULT, "")
