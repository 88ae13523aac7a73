"""Two devices that establish keys with each other over a wire the test controls."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from protocols.eui64 import Eui64
from protocols.zigbee.cbke.authority import TestAuthority
from protocols.zigbee.cbke.credentials import Credentials
from protocols.zigbee.cbke.machine import Established, Failed, KeyEstablishment, Output, Send
from protocols.zigbee.cbke.messages import Status, Terminate
from protocols.zigbee.cbke.suites import SUITE_1, SUITE_2, Suite

ISSUER = Eui64("11-12-13-14-15-16-17-18")
HUB = Eui64("90-B3-D5-1F-30-00-00-01")
METER = Eui64("90-B3-D5-1F-30-01-00-02")


@dataclass(slots=True)
class Packet:
    """A command on the wire."""

    source: Eui64
    target: Eui64
    command: int
    payload: bytes
    from_server: bool
    sequence: int


def issued(
    device: Eui64, suite: Suite = SUITE_2, issuer: Eui64 = ISSUER, seed: bytes = b"rig", **options: int
) -> Credentials:
    return TestAuthority(suite, issuer, seed).issue(device, **options)


# Issuing takes two multiplications; the same devices come again and again.
STANDARD = {
    (device, suite.number): issued(device, suite) for device in (HUB, METER) for suite in (SUITE_1, SUITE_2)
}


def device(eui64: Eui64, *credentials: Credentials, seed: int = 0, **options: object) -> KeyEstablishment:
    chosen = credentials or (STANDARD[eui64, 2],)
    return KeyEstablishment(eui64, chosen, random.Random(f"{eui64} {seed}").randbytes, **options)  # type: ignore[arg-type]


@dataclass
class Pair:
    """``through`` decides what becomes of each packet: the packets that arrive in its place."""

    devices: dict[Eui64, KeyEstablishment]
    through: Callable[[int, Packet], list[Packet]] = field(default=lambda _number, packet: [packet])
    events: list[tuple[Eui64, Established | Failed]] = field(default_factory=list)
    sent: list[Packet] = field(default_factory=list)
    wire: deque[Packet] = field(default_factory=deque)
    now: float = 0.0
    sequences: int = 100

    def take(self, source: Eui64, outputs: list[Output]) -> None:
        for output in outputs:
            if not isinstance(output, Send):
                self.events.append((source, output))
                continue
            sequence = output.sequence
            if sequence is None:
                self.sequences = sequence = self.sequences + 1
            packet = Packet(
                source,
                output.partner,
                output.message.command,
                output.message.build(),
                not output.to_server,
                sequence & 0xFF,
            )
            self.sent.append(packet)
            self.wire.extend(self.through(len(self.sent) - 1, packet))

    def deliver(self, packet: Packet) -> None:
        machine = self.devices[packet.target]
        outputs = machine.receive(
            packet.source,
            packet.command,
            packet.payload,
            from_server=packet.from_server,
            sequence=packet.sequence,
            now=self.now,
        )
        self.take(packet.target, outputs)

    def start(self, source: Eui64, target: Eui64, **options: object) -> None:
        self.take(source, self.devices[source].start(target, self.now, **options))  # type: ignore[arg-type]

    def run(self, *, until_idle: bool = True) -> None:
        """Deliver everything; with ``until_idle`` let time pass until nobody waits for anything."""
        for _ in range(200):
            if self.wire:
                self.deliver(self.wire.popleft())
                continue
            due = [when for machine in self.devices.values() if (when := machine.next_due()) is not None]
            if not until_idle or not due:
                return
            self.now = min(due)
            for eui64, machine in self.devices.items():
                self.take(eui64, machine.run_due(self.now))
        raise AssertionError("the devices never come to rest")

    def link_keys(self) -> dict[Eui64, bytes]:
        return {eui64: event.link_key for eui64, event in self.events if isinstance(event, Established)}

    def failures(self, eui64: Eui64) -> list[Failed]:
        return [event for at, event in self.events if at == eui64 and isinstance(event, Failed)]


def pair(through=None, hub=None, meter=None) -> Pair:
    made = Pair({HUB: hub or device(HUB), METER: meter or device(METER)})
    if through is not None:
        made.through = through
    return made


def run(made: Pair) -> Pair:
    made.start(METER, HUB)
    made.run()
    return made


def refused(made: Pair, at: Eui64, status: Status, reason: str) -> None:
    """``at`` refused, the other heard why, nobody has a key."""
    run(made)
    other = METER if at == HUB else HUB
    assert made.link_keys() == {}
    here, there = made.failures(at), made.failures(other)
    assert [(failed.status, failed.by_partner) for failed in here] == [(status, False)]
    assert reason in here[0].reason
    assert [(failed.status, failed.by_partner) for failed in there] == [(status, True)]
    assert status.name in there[0].reason
    terminate = Terminate.parse(made.sent[-1].payload)
    assert terminate.status is status
    assert terminate.suites == made.devices[at].suites


def changed(number: int, **fields: object):
    """Replace fields of the packet with that number."""
    return lambda index, packet: [replace(packet, **fields) if index == number else packet]
