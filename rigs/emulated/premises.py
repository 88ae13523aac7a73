"""One set of emulated premises: devices with their memories, the hub between them, and their HAN."""

from __future__ import annotations

import base64
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from protocols.eui64 import Eui64
from protocols.gbcs.catalogue import load_catalogue
from protocols.ports import ConfigError, ImageRefusedError, StimulusKind, StimulusOutcome
from rigs.emulated.chf import Chf
from rigs.emulated.config import WireKind
from rigs.emulated.fault_catalogue.acting import Site
from rigs.emulated.fault_catalogue.desk import FaultDesk, Surroundings
from rigs.emulated.fault_catalogue.kinds import Direction
from rigs.emulated.fault_catalogue.power import CutStorage
from rigs.emulated.gpf import Gpf
from rigs.emulated.han.device import HanDevice
from rigs.emulated.han.station import radio_power
from rigs.emulated.hub import Hub
from rigs.emulated.kinds import KINDS
from rigs.emulated.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from protocols.ports import Clock
    from rigs.emulated.config import EmulatorConfig, NodeConfig, WireConfig
    from rigs.emulated.device import Device
    from rigs.emulated.han.air import Air

# The stimuli that are supply by another name; the hub has to know of them as well.
_SUPPLY: dict[str, bool] = {StimulusKind.SUPPLY_LOST: False, StimulusKind.SUPPLY_RESTORED: True}


class Premises:
    """Devices, hub and their routes.

    ``on_message(node, octets)`` gets each message that leaves by a node's own port (the hub's ``wan``, or the
    port of a device on a line of its own), from ``begin`` on; ``on_console(node, octets)`` what it prints,
    from the start. ``air`` is what the HAN lives on; ``on_work`` is told to look at ``next_due``
    again. ``faults`` outlives these premises where its owner makes them anew; ``on_spoilt(node, line)`` gets
    lines that a fault has made unreadable. ``open_memory`` gives a device's memory by its name; without it
    that is a file in the state folder. Raises ConfigError for nodes that do not fit together.
    """

    def __init__(
        self,
        config: EmulatorConfig,
        clock: Clock,
        *,
        on_message: Callable[[str, bytes], None],
        on_console: Callable[[str, bytes], None],
        air: Air,
        on_work: Callable[[], None],
        faults: FaultDesk | None = None,
        open_memory: Callable[[str], Storage] | None = None,
    ) -> None:
        self.air = air
        self._on_message = on_message
        self.on_spoilt: Callable[[str, bytes], None] = _unheard
        self.faults = faults or FaultDesk(config.han.seed, config.faults)
        self._ports = _message_ports(config.wires)
        self._around: Surroundings | None = None
        self.devices: dict[str, Device] = {}
        self.on_han: dict[str, HanDevice] = {}
        self._clock = clock
        self._on_console = on_console
        self._on_work = on_work
        # What devices say while they start, before there is a way for it.
        self._waiting: list[tuple[str, bytes]] | None = []
        self._catalogue = load_catalogue()
        self._via = {node.description.name: node.via for node in config.nodes}
        self._open_memory = open_memory or partial(_open_file, config)
        _check_nodes(config.nodes)
        with ExitStack() as stack:
            for node in config.nodes:
                self._build(node, stack)
            self.hub = self._build_hub()
            if self.hub is not None:
                stack.callback(self.hub.chf.keep_traffic)
            self._memories = stack.pop_all()

    def _build(self, node: NodeConfig, stack: ExitStack) -> None:
        description = node.description
        memory = self._open_memory(description.name)
        stack.callback(memory.close)
        storage = CutStorage(memory)
        kind = KINDS[description.device_type]
        self.devices[description.name] = kind(
            description,
            storage,
            self._clock,
            partial(self._sent, description.name),
            console=partial(self._on_console, description.name),
            catalogue=self._catalogue,
        )

    def _build_hub(self) -> Hub | None:
        chf = next((device for device in self.devices.values() if isinstance(device, Chf)), None)
        if chf is None:
            return None
        gpf = next((device for device in self.devices.values() if isinstance(device, Gpf)), None)
        leave = partial(self._leave, chf.description.name)
        return Hub(chf, gpf, self._clock, leave, air=self.air, on_open=self._press_button)

    def begin(self) -> None:
        """Let messages out, first those of the start, and give the HAN power."""
        for name, device in self.devices.items():
            if self._via[name] and not isinstance(device, Gpf):
                self.on_han[name] = HanDevice(device, self.air)
        for device in self.devices.values():
            device.worked = self._on_work
        self._around = self._surroundings()
        self.faults.attach(self._around)
        waiting, self._waiting = self._waiting or [], None
        for node, octets in waiting:
            self.devices[node].outbox.let_out([octets])
        if self.hub is not None:
            self.hub.han.power_on()
        for member in self.on_han.values():
            member.power_on()

    def _press_button(self, device_id: Eui64) -> None:
        """The installer who had a device entered in the log sees to it that it looks for the hub."""
        for member in self.on_han.values():
            if member.device.eui64 == device_id:
                member.look()

    # Messages ---------------------------------------------------------------------------------------------

    def check_message_port(self, node: str, port: str) -> None:
        """ConfigError unless messages can go in and out at this port of this node."""
        device = self.devices.get(node)
        if device is None:
            raise ConfigError(
                f"{node}.{port}: there is no emulated node {node!r}",
                next_step=f"emulated nodes of this rig: {', '.join(self.devices)}",
            )
        if self._via[node]:
            raise ConfigError(
                f"{node}.{port}: {node} stands behind {self._via[node]}, whose port its messages take",
                next_step=f"remove this port, or remove via to put {node} on a line of its own",
            )

    def receive(self, node: str, octets: bytes) -> None:
        """Take a message that came in at a node's own port."""
        self.faults.passing(node, octets, Direction.IN, partial(self._received, node), _lost)

    def _received(self, node: str, octets: bytes) -> None:
        device = self.devices[node]
        if self.hub is not None and device is self.hub.chf:
            self.hub.from_wan(octets)
        else:
            device.handle(octets)

    def take_image(self, node: str, target: Eui64, image: bytes) -> None:
        """Take a firmware image at a node's own port, for one of the devices it reaches.

        ImageRefusedError where the hub, or the device itself, does not take it.
        """
        device = self.devices[node]
        if self.hub is not None and device is self.hub.chf:
            self.hub.deliver_image(target, image)
        elif device.eui64 == target and not self._via[node]:
            device.receive_image(image)
        else:
            raise ImageRefusedError(f"{node} delivers no images")

    def _sent(self, node: str, octets: bytes) -> bool:
        """Route a message that a device has sent; True where there is no way for it yet."""
        if self._waiting is not None:
            self._waiting.append((node, octets))
            return True
        self.faults.leaving(node, octets, partial(self._route, node))
        return False

    def _route(self, node: str, octets: bytes) -> None:
        device = self.devices[node]
        if self.hub is not None and device in (self.hub.chf, self.hub.gpf):
            self.hub.from_function(octets)
        elif node in self.on_han:
            self.on_han[node].send(octets)
        else:
            self._leave(node, octets)

    def _leave(self, node: str, octets: bytes) -> None:
        """Let a message out by a node's own port."""
        go, spoil = partial(self._on_message, node), partial(self.on_spoilt, node)
        self.faults.passing(node, octets, Direction.OUT, go, spoil)

    # Faults -----------------------------------------------------------------------------------------------

    def _surroundings(self) -> Surroundings:
        sites = {name: self._site(name, device) for name, device in self.devices.items()}
        on_han = set(self.on_han)
        if self.hub is not None:
            on_han.add(self.hub.chf.description.name)
        air = self.air
        return Surroundings(air.scheduler, air.medium, sites, self._ports, on_han, air.sticks)

    def _site(self, name: str, device: Device) -> Site:
        switch_on = partial(self._power, device, on=True)
        hub, member, scheduler = self.hub, self.on_han.get(name), self.air.scheduler
        spoilt = self.air.access.spoilt
        if hub is not None and device in (hub.chf, hub.gpf):
            box: list[Device] = [hub.chf] if hub.gpf is None else [hub.chf, hub.gpf]
            radio = hub.han.radio
            silence = _unpowered if radio is None else partial(radio_power, radio, on=False)
            return Site(device, scheduler, box, silence, hub.han.power_off, switch_on, spoilt)
        if member is None:
            return Site(device, scheduler, [device], _unpowered, _unpowered, switch_on, spoilt)
        silence = partial(radio_power, member.radio, on=False)
        return Site(device, scheduler, [device], silence, member.power_off, switch_on, spoilt)

    # Time -------------------------------------------------------------------------------------------------

    def next_due(self) -> datetime | None:
        """When a device has to do something by its clock; the HAN's timers are the scheduler's."""
        times = [device.next_due() for device in self.devices.values()]
        return min((time for time in times if time is not None), default=None)

    def run_due(self) -> None:
        """Do what has become due."""
        for device in self.devices.values():
            device.run_due()

    def doze(self, period_s: float | None) -> None:
        """Gas meters wake only so often until told None, so that long waits are not spent on their polls."""
        for member in self.on_han.values():
            member.doze(period_s)

    # Control ----------------------------------------------------------------------------------------------

    def control(self, op: str, node: str, kind: str, argument: str) -> tuple[str, str]:
        """Power and stimuli, as the control channel asks for them: outcome and answer.

        ``op`` is ``power-on``, ``power-off``, ``power-state`` (answer ``on`` or ``off``), ``stimulus``,
        ``image`` (``kind``: the target's EUI-64, ``argument``: the OTA file in base 64; answer: why it was
        refused), one for the air (`rigs.emulated.air_access`), or ``fault-begin`` and ``fault-end``
        (`rigs.emulated.fault_catalogue.desk`). Raises ConfigError for an unknown node and
        ValueError for an unknown stimulus.
        """
        if op.startswith("air-"):
            return self.air.access.request(op, argument)
        if op.startswith("fault-"):
            return self.faults.request(op, argument)
        device = self.devices.get(node)
        if device is None:
            raise ConfigError(
                f"there is no emulated node {node!r}", next_step=f"known: {', '.join(self.devices)}"
            )
        if op == "image":
            return self._image(node, kind, argument)
        if op == "stimulus" and kind not in _SUPPLY:
            outcome, answer = device.stimulus(StimulusKind(kind), argument)
            return str(outcome), answer
        if op != "power-state":
            self._power(device, on=_SUPPLY[kind] if op == "stimulus" else op == "power-on")
        return str(StimulusOutcome.DONE), "on" if device.powered else "off"

    def _image(self, node: str, target: str, argument: str) -> tuple[str, str]:
        try:
            self.take_image(node, Eui64(target), base64.b64decode(argument))
        except ImageRefusedError as refusal:
            return str(StimulusOutcome.REFUSED), str(refusal)
        return str(StimulusOutcome.DONE), ""

    def _power(self, device: Device, *, on: bool) -> None:
        if self.hub is not None and device in (self.hub.chf, self.hub.gpf):
            self.hub.power(on)
            return
        member = self.on_han.get(device.description.name)
        if member is not None and not on:
            member.power_off()
        device.power(on)
        if member is not None and on:
            member.power_on()

    def close(self) -> None:
        """Silence the HAN and close every device's memory; calling it twice is harmless."""
        if self._around is not None:
            self._around.closed = True
        for member in self.on_han.values():
            member.power_off()
        if self.hub is not None:
            self.hub.han.power_off()
        self._memories.close()


def _message_ports(wires: list[WireConfig]) -> dict[str, str]:
    """Port by node, of those that messages go in and out by."""
    others = {WireKind.CONSOLE, WireKind.RCP, WireKind.NCP}
    return {wire.node: wire.port for wire in wires if wire.kind not in others and wire.port != "console"}


def _lost(_octets: bytes) -> None:
    """A line that holds no message ends where it arrives."""


def _unheard(_node: str, _octets: bytes) -> None:
    """Nobody is at the other end of these wires."""


def _unpowered() -> None:
    """There is no radio that would have to be switched off."""


def _open_file(config: EmulatorConfig, name: str) -> Storage:
    memories = config.state_dir / "devices"
    memories.mkdir(parents=True, exist_ok=True)
    return Storage(memories / f"{name}.db", durable=config.durable)


def _check_nodes(nodes: list[NodeConfig]) -> None:
    hubs = [node.description.name for node in nodes if node.description.device_type == "chf"]
    if len(hubs) > 1:
        raise ConfigError(
            f"several emulated hubs in one rig: {', '.join(hubs)}",
            next_step="one emulator process emulates one hub: keep one, or make a second rig file",
        )
    names: set[str] = set()
    identifiers: set[bytes] = set()
    for node in nodes:
        description = node.description
        if description.device_type not in KINDS:
            raise ConfigError(
                f"{description.name}: there is no emulated device of type {description.device_type!r}",
                next_step=f"known types: {', '.join(sorted(KINDS))}",
            )
        if description.name in names or description.eui64 in identifiers:
            raise ConfigError(
                f"{description.name}: its name or its EUI-64 {description.eui64} is that of another node",
                next_step="give every node a name and a device file of its own",
            )
        if node.via and node.via not in hubs and not node.radio:
            raise ConfigError(
                f"{description.name}: via {node.via!r} is no emulated hub of this rig",
                next_step=f"emulated hubs: {', '.join(hubs) or 'none'}; without via it is on its own line",
            )
        names.add(description.name)
        identifiers.add(description.eui64)
