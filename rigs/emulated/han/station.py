"""One member of the HAN while it has power: radio, stack, timers, and what it keeps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from protocols.han import StateChanged
from protocols.radio import RadioSettings
from protocols.zigbee.smart_energy.events import HanSaid, KeepState, SmartEnergyEvent
from protocols.zigbee.stack.node import Node, NodeSettings
from rigs.emulated.air import EmulatedRadio
from rigs.emulated.han.memory import COUNTERS
from rigs.emulated.han.pump import Pump

if TYPE_CHECKING:
    from random import Random

    from protocols.eui64 import Eui64
    from protocols.han import HanRole
    from protocols.radio import FrameRadio
    from protocols.zigbee.smart_energy.device import SmartEnergyDevice
    from protocols.zigbee.smart_energy.hub import SmartEnergyHub
    from rigs.emulated.han.air import Air
    from rigs.emulated.han.memory import HanMemory

NOWHERE = bytes(8).hex()
"""The extended PAN id of a stack that is on no network, as its state has it."""

_HOST_WAIT_S = 0.5  # for the frame that a poll brings, over a serial line


class Stack(Protocol):
    """What is beneath the application."""

    @property
    def eui64(self) -> Eui64:
        """The radio's identifier."""

    def state(self) -> dict[str, Any]:
        """What is to be kept."""


class Keeper(ABC):
    """A member's timers and its application, one power cut long.

    What is to be kept is written to ``memory`` at every change, before anything is sent that depends on it.
    """

    node: Stack

    def __init__(self, air: Air, memory: HanMemory, *, name: str) -> None:
        self._air = air
        self._memory = memory
        self._name = name
        self.random: Random = air.chance(name, memory.next_boot())
        self.now: Callable[[], float] = air.scheduler.time
        self._application: SmartEnergyDevice | SmartEnergyHub | None = None
        self._pumps: list[Pump] = []

    def run(self, application: SmartEnergyDevice | SmartEnergyHub) -> None:
        """Put the application on; its timers run from now on."""
        self._application = application
        self._air.access.stack_state(self._name, self.node.state())  # as restored
        self._pumps.append(Pump(self._air.scheduler, application))

    def keep(self, event: SmartEnergyEvent) -> None:
        """Write down what changed, where the event says that something did."""
        if isinstance(event, HanSaid) and isinstance(event.event, StateChanged):
            self.keep_stack()
        elif isinstance(event, KeepState) and self._application is not None:
            self._memory.put(application=self._application.state())

    @abstractmethod
    def keep_stack(self) -> None:
        """Write down the stack's state."""

    @property
    def eui64(self) -> Eui64:
        """The radio's."""
        return self.node.eui64

    def stop(self) -> None:
        """No more timers."""
        for pump in self._pumps:
            pump.stop()


class Station(Keeper):
    """A stack on a radio, with the application that is put on it."""

    def __init__(
        self,
        air: Air,
        radio: FrameRadio,
        role: HanRole,
        memory: HanMemory,
        settings: NodeSettings,
        *,
        name: str,
    ) -> None:
        super().__init__(air, memory, name=name)
        if not isinstance(radio, EmulatedRadio):
            settings.frame_wait_s = _HOST_WAIT_S
        self.node: Node = Node(role, radio, self.now, self.random, settings)
        self.is_member: Callable[[], bool] = lambda: False  # of the network that the stack is on
        self._pumps.append(Pump(air.scheduler, self.node))

    def keep_stack(self) -> None:
        """Write down the stack's state; the network that it has just lost is remembered beside it."""
        state = self.node.state()
        kept = self._memory.get("stack")
        if kept is not None:
            # Whatever a faulty stack believes, no counter that was ever reserved is written down again.
            state |= {counter: max(state[counter], kept[counter]) for counter in COUNTERS}
        self._air.access.stack_state(self._name, state)
        if state["extended_pan_id"] == NOWHERE and self.is_member():
            self._memory.put(former=[kept, self._memory.get("application")], stack=state)
        else:
            self._memory.put(stack=state)

    def stop(self) -> None:
        """No more timers; the radio hears of nobody."""
        super().stop()
        self.node.close()


def radio_power(radio: FrameRadio, *, on: bool) -> None:
    """Supply of a radio that is emulated here; one that stands elsewhere is made deaf instead."""
    if not isinstance(radio, EmulatedRadio):
        if not on:
            radio.configure(RadioSettings(11, 0xFFFF, 0xFFFF, radio.eui64, receiver_on_when_idle=False))
    elif radio.powered != on:
        if on:
            radio.power_on()
        else:
            radio.power_off()


def quieten(radio: FrameRadio) -> None:
    """Nothing of what a stack before has asked for is to be told to the next."""
    if isinstance(radio, EmulatedRadio):
        radio.stop()
