"""A raw EZSP host in virtual time: our own codec on the near end of an emulated NCP, and devices on its air."""

from __future__ import annotations

import random
from typing import Any

from protocols.eui64 import Eui64
from protocols.ezsp.ash_link import AshConnected, AshEnd, AshReceived
from protocols.ezsp.fields import Values
from protocols.ezsp.frame import tables
from protocols.ezsp.names import ApsOption, JoinPolicy, PolicyId
from protocols.ezsp.status import SlStatus, from_wire
from protocols.han import DataConfirmed, DataReceived, Endpoint, HanEvent, HanRole, KeySource
from protocols.zigbee.stack.node import Node
from rigs.emulated.air import EmulatedRadio, HeapScheduler, Medium
from rigs.emulated.ncp import EmulatedNcp, NcpFirmware

HUB = Eui64("90-B3-D5-1F-30-00-00-01")
DEVICE = Eui64("90-B3-D5-1F-30-00-00-10")
EXTENDED = Eui64("00-11-22-33-44-55-66-77")
INSTALL_KEY = bytes.fromhex("66B6900981E1EE3CA4206B6B861C02BB")
LINK_KEY = bytes(range(16))
NETWORK_KEY = bytes(range(16, 32))
CHANNEL = 20
PROFILE, TUNNEL = 0x0109, 0x0704


class AirNode:
    """A device on the scheduler's time, and what it told."""

    def __init__(self, host: NcpHost, role: HanRole, eui64: Eui64, seed: int) -> None:
        self.scheduler = host.scheduler
        self.radio = EmulatedRadio(host.medium, str(eui64), eui64)
        self.node = Node(role, self.radio, self.scheduler.time, random.Random(seed))
        self.events: list[HanEvent] = []
        self.node.listen(self)
        self.node.on_earlier = self._plan
        self.node.add_endpoint(Endpoint(1, PROFILE, 0x0500, (TUNNEL,)))

    def _plan(self, due: float) -> None:
        self.scheduler.call_at(due, self._run)

    def _run(self) -> None:
        self.node.run_due(self.scheduler.time())
        due = self.node.next_due()
        if due is not None:
            self.scheduler.call_at(due, self._run)

    def han_event(self, event: HanEvent) -> None:
        self.events.append(event)

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def received(self) -> list[bytes]:
        return [event.payload for event in self.of(DataReceived)]

    def send(self, payload: bytes, **more: Any) -> int:
        return self.node.send(
            0,
            profile=PROFILE,
            cluster=TUNNEL,
            source_endpoint=1,
            destination_endpoint=1,
            payload=payload,
            **more,
        )

    def status(self, token: int) -> str | None:
        found = [event.status.value for event in self.of(DataConfirmed) if event.token == token]
        return found[0] if found else None


class NcpHost:
    """The host. ``callbacks`` holds (name, values) of all that came by itself."""

    def __init__(self, version: int = 13, **more: Any) -> None:
        self.version = version
        self.scheduler = HeapScheduler(100.0)
        self.medium = Medium(self.scheduler, seed=1)
        radio = EmulatedRadio(self.medium, "ncp", HUB)
        self.ncp = EmulatedNcp(radio, self._hear, firmware=NcpFirmware(version=version), **more)
        self.ash = AshEnd(host=True)
        self.table = tables(version)
        self.callbacks: list[tuple[str, Values]] = []
        self.answers: dict[int, tuple[str, Values]] = {}
        self.connections = 0
        self.sequence = 0
        self.legacy = True
        self._flushing = False

    # The line

    def _hear(self, octets: bytes) -> None:
        for event in self.ash.receive(octets, self.scheduler.time()):
            if isinstance(event, AshReceived):
                # The version command is answered in the format it came in.
                legacy = self.legacy or event.data[2] == 0
                header, command, values = self.table.parse_answer(event.data, legacy=legacy)
                if header.direction == 2:
                    self.callbacks.append((command.name, values))
                else:
                    self.answers[header.sequence] = (command.name, values)
            elif isinstance(event, AshConnected):
                self.connections += 1
                self.legacy = True
        self.flush()

    def flush(self) -> None:
        if self._flushing:
            return
        self._flushing = True
        while octets := self.ash.take():
            self.ncp.feed(octets)
        self._flushing = False

    def reset(self) -> None:
        self.ash.reset(self.scheduler.time())
        self.flush()

    def raw(self, octets: bytes) -> None:
        self.ash.send(octets, self.scheduler.time())
        self.flush()

    def ask(self, name: str, **values: Any) -> Values:
        """One command; its answer."""
        self.sequence = (self.sequence + 1) & 0xFF
        self.answers.pop(self.sequence, None)
        self.raw(self.table.build_command(name, values, self.sequence, legacy=self.legacy))
        answered, answer = self.answers[self.sequence]
        assert answered == name, (answered, answer)
        return answer

    def status(self, name: str, **values: Any) -> SlStatus:
        return self.meant(name, self.ask(name, **values))

    def meant(self, name: str, answer: Values) -> SlStatus:
        command = self.table.commands.get(name) or self.table.callbacks[name]
        fields = command.request if command.response is None else command.response
        (field,) = (each for each in fields if each.name in ("status", "reason"))
        if not field.status:
            return SlStatus(answer[field.name])
        return from_wire(answer[field.name], field.status, self.version)

    def of(self, name: str) -> list[Values]:
        return [values for told, values in self.callbacks if told == name]

    def run(self, seconds: float = 1.0) -> None:
        self.scheduler.run(self.scheduler.time() + seconds)

    # What a host does

    def start(self) -> None:
        """Reset, and agree on the version."""
        self.reset()
        assert self.ask("version", desired=4)["protocol"] == self.version
        self.legacy = False
        assert self.ask("version", desired=self.version)["protocol"] == self.version

    def form(self) -> None:
        state = {
            "bitmask": 0x0200 | 0x0100 | 0x0800,
            "preconfigured_key": bytes(16),
            "network_key": NETWORK_KEY,
            "sequence": 0,
            "trust_center": bytes(8),
        }
        assert self.status("setInitialSecurityState", state=state) is SlStatus.OK
        parameters = {
            "extended_pan_id": EXTENDED,
            "pan_id": 0x1234,
            "tx_power": 8,
            "channel": CHANNEL,
            "join_method": 0,
            "manager": 0,
            "update_id": 0,
            "channels": 1 << CHANNEL,
        }
        endpoint = {"endpoint": 1, "profile": PROFILE, "device": 7, "version": 0}
        clusters = {"input_count": 1, "output_count": 0, "input_clusters": [TUNNEL], "output_clusters": []}
        self.ask("addEndpoint", **endpoint, **clusters)
        assert self.status("formNetwork", parameters=parameters) is SlStatus.OK
        self.run()
        (up,) = self.of("stackStatusHandler")
        assert self.meant("stackStatusHandler", up) is SlStatus.NETWORK_UP

    def allow(self, eui64: Eui64 = DEVICE, key: bytes = INSTALL_KEY, seconds: int = 60) -> None:
        if self.version < 13:
            self.ask("addTransientLinkKey", partner=eui64, key=key)
        elif self.version < 14:
            self.ask("importTransientKey", eui64=eui64, key=key, flags=0)
        else:
            self.ask("importTransientKey", eui64=eui64, key=key)
        decision = JoinPolicy.ALLOW_JOINS | JoinPolicy.JOINS_USE_INSTALL_CODE_KEY
        self.ask("setPolicy", policy=PolicyId.TRUST_CENTER, decision=decision)
        self.ask("permitJoining", duration_s=seconds)

    def device(self, role: HanRole = HanRole.END_DEVICE, eui64: Eui64 = DEVICE) -> AirNode:
        return AirNode(self, role, eui64, seed=eui64[-1])

    def join(self, role: HanRole = HanRole.END_DEVICE, eui64: Eui64 = DEVICE) -> AirNode:
        """A device on the network, with an established link key on both sides."""
        device = self.device(role, eui64)
        self.allow(eui64)
        device.node.join(INSTALL_KEY, (CHANNEL,))
        self.run(5.0)
        assert device.node.network is not None
        self.import_key(eui64, LINK_KEY)
        device.node.aps.keys.install(HUB, LINK_KEY, KeySource.ESTABLISHED)
        return device

    def import_key(self, eui64: Eui64, key: bytes, index: int = 0) -> SlStatus:
        if self.version < 13:
            return self.status("addOrUpdateKeyTableEntry", eui64=eui64, link_key=True, key=key)
        while True:
            free = self.ask("exportLinkKeyByIndex", index=index)
            if free["key"] == bytes(16):
                break
            index += 1
        return self.status("importLinkKey", index=index, eui64=eui64, key=key)

    def aps(self, options: int = ApsOption.RETRY | ApsOption.ENCRYPTION, **more: Any) -> Values:
        aps = {
            "profile": PROFILE,
            "cluster": TUNNEL,
            "source_endpoint": 1,
            "destination_endpoint": 1,
            "options": int(options),
            "group": 0,
            "sequence": 0,
        }
        return aps | more

    def send(self, device: AirNode, message: bytes, tag: int = 1, **aps: Any) -> Values:
        short = device.node.network.short_address
        return self.ask(
            "sendUnicast", type=0, destination=short, aps_frame=self.aps(**aps), tag=tag, message=message
        )

    def sent(self, tag: int = 1) -> SlStatus | None:
        found = [values for values in self.of("messageSentHandler") if values["tag"] == tag]
        return self.meant("messageSentHandler", found[-1]) if found else None

    def messages(self) -> list[Values]:
        """Messages of applications that came, with ``sender`` in whatever version."""
        came = [values | values.get("info", {}) for values in self.of("incomingMessageHandler")]
        return [values for values in came if values["aps_frame"]["destination_endpoint"]]
