"""One set of emulated premises: devices with their memories, and the hub between them when there is one."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from protocols.gbcs.catalogue import load_catalogue
from protocols.ports import ConfigError, Frame, FrameKind, StimulusKind, StimulusOutcome
from rigs.emulated.chf import Chf
from rigs.emulated.device import Device
from rigs.emulated.esme import Esme
from rigs.emulated.gpf import Gpf
from rigs.emulated.gsme import Gsme
from rigs.emulated.hub import Hub
from rigs.emulated.ppmid import Ppmid
from rigs.emulated.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from protocols.ports import Clock
    from rigs.emulated.config import EmulatorConfig, NodeConfig

_KINDS: dict[str, type[Device]] = {"chf": Chf, "gpf": Gpf, "esme": Esme, "gsme": Gsme, "ppmid": Ppmid}
# The stimuli that are supply by another name; the hub has to know of them as well.
_SUPPLY: dict[str, bool] = {StimulusKind.SUPPLY_LOST: False, StimulusKind.SUPPLY_RESTORED: True}


class Premises:
    """Devices, hub and their routes.

    ``on_message(node, octets)`` gets each message that leaves by a node's own port (the hub's ``wan``, or the
    port of a device on a line of its own), from ``begin`` on; ``on_console(node, octets)`` what it prints,
    from the start. Raises ConfigError for nodes that do not fit together.
    """

    def __init__(
        self,
        config: EmulatorConfig,
        clock: Clock,
        *,
        on_message: Callable[[str, bytes], None],
        on_console: Callable[[str, bytes], None],
    ) -> None:
        self._on_message = on_message
        self.devices: dict[str, Device] = {}
        self._clock = clock
        self._on_console = on_console
        # What devices say while they start, before there is a way for it.
        self._waiting: list[tuple[str, bytes]] | None = []
        self._catalogue = load_catalogue()
        self._via = {node.description.name: node.via for node in config.nodes}
        _check_nodes(config.nodes)
        with ExitStack() as stack:
            for node in config.nodes:
                self._build(config, node, stack)
            self.hub = self._build_hub(config)
            if self.hub is not None:
                stack.callback(self.hub.chf.keep_traffic)
            self._memories = stack.pop_all()

    def _build(self, config: EmulatorConfig, node: NodeConfig, stack: ExitStack) -> None:
        description = node.description
        memories = config.state_dir / "devices"
        memories.mkdir(parents=True, exist_ok=True)
        storage = Storage(memories / f"{description.name}.db", durable=config.durable)
        stack.callback(storage.close)
        kind = _KINDS[description.device_type]
        self.devices[description.name] = kind(
            description,
            storage,
            self._clock,
            partial(self._sent, description.name),
            console=partial(self._on_console, description.name),
            catalogue=self._catalogue,
        )

    def _build_hub(self, config: EmulatorConfig) -> Hub | None:
        chf = next((device for device in self.devices.values() if isinstance(device, Chf)), None)
        if chf is None:
            return None
        gpf = next((device for device in self.devices.values() if isinstance(device, Gpf)), None)
        leave = partial(self._on_message, chf.description.name)
        return Hub(chf, gpf, self._clock, leave, join_delay_s=config.join_delay_s)

    def begin(self) -> None:
        """Let messages out, first those of the start, and bring devices within reach of the hub."""
        waiting, self._waiting = self._waiting or [], None
        for node, octets in waiting:
            self._sent(node, octets)
        if self.hub is None:
            return
        for name, device in self.devices.items():
            if self._via[name] and device is not self.hub.gpf:
                self.hub.attach(device)

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

    def receive(self, node: str, frame: Frame) -> None:
        """Take a frame that came in at a node's own port."""
        device = self.devices[node]
        if self.hub is not None and device is self.hub.chf:
            self.hub.from_wan(frame)
        elif frame.kind is FrameKind.GBCS:
            device.handle(frame.data)
        elif frame.data[:8] == device.eui64:
            device.receive_image(frame.data[8:])

    def _sent(self, node: str, octets: bytes) -> None:
        """Route a message that a device has sent."""
        if self._waiting is not None:
            self._waiting.append((node, octets))
            return
        device = self.devices[node]
        if self.hub is not None and device in (self.hub.chf, self.hub.gpf):
            self.hub.from_function(octets)
        elif self.hub is not None and self._via[node]:
            self.hub.from_device(device, octets)
        else:
            self._on_message(node, octets)

    # Time -------------------------------------------------------------------------------------------------

    def next_due(self) -> datetime | None:
        """When something has to be done without a message coming in; None when nothing has."""
        times = [device.next_due() for device in self.devices.values()]
        if self.hub is not None:
            times.append(self.hub.next_due())
        return min((time for time in times if time is not None), default=None)

    def run_due(self) -> None:
        """Do what has become due."""
        if self.hub is not None:
            self.hub.run_due()
        for device in self.devices.values():
            device.run_due()

    # Control ----------------------------------------------------------------------------------------------

    def control(self, op: str, node: str, kind: str, argument: str) -> tuple[str, str]:
        """Power and stimuli, as the control channel asks for them: outcome and answer.

        ``op`` is ``power-on``, ``power-off``, ``power-state`` (answer ``on`` or ``off``) or ``stimulus``.
        Raises ConfigError for an unknown node and ValueError for an unknown stimulus.
        """
        device = self.devices.get(node)
        if device is None:
            raise ConfigError(
                f"there is no emulated node {node!r}", next_step=f"known: {', '.join(self.devices)}"
            )
        if op == "stimulus" and kind not in _SUPPLY:
            outcome, answer = device.stimulus(StimulusKind(kind), argument)
            return str(outcome), answer
        if op != "power-state":
            self._power(device, on=_SUPPLY[kind] if op == "stimulus" else op == "power-on")
        return str(StimulusOutcome.DONE), "on" if device.powered else "off"

    def _power(self, device: Device, *, on: bool) -> None:
        if self.hub is not None and device in (self.hub.chf, self.hub.gpf):
            self.hub.power(on)
            return
        device.power(on)
        if self.hub is not None and self._via[device.description.name]:
            self.hub.device_powered(device)

    def close(self) -> None:
        """Close every device's memory; calling it twice is harmless."""
        self._memories.close()


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
        if description.device_type not in _KINDS:
            raise ConfigError(
                f"{description.name}: there is no emulated device of type {description.device_type!r}",
                next_step=f"known types: {', '.join(sorted(_KINDS))}",
            )
        if description.name in names or description.eui64 in identifiers:
            raise ConfigError(
                f"{description.name}: its name or its EUI-64 {description.eui64} is that of another node",
                next_step="give every node a name and a device file of its own",
            )
        if node.via and node.via not in hubs:
            raise ConfigError(
                f"{description.name}: via {node.via!r} is no emulated hub of this rig",
                next_step=f"emulated hubs: {', '.join(hubs) or 'none'}; without via it is on its own line",
            )
        names.add(description.name)
        identifiers.add(description.eui64)
