"""The emulated devices of a rig inside the harness's own process, on its event loop and its clock.

The second way beside the emulator process (`hil.emulator`): no descriptors, no threads, no other process, so
the whole rig can run on virtual time. Devices whose state the rig keeps have it in files here too; where
every run begins anew they have it in memory, which outlives their being killed, but not the run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from hil.memory_wire import MemoryWire
from protocols.gfi_line import LineDecoder, encode_line
from protocols.ports import EmulatedControl, Frame, FrameKind, PortClosedError, WireEnd
from rigs.emulated.fault_catalogue.desk import FaultDesk
from rigs.emulated.han.air import make_air
from rigs.emulated.memory_storage import MemoryStorage
from rigs.emulated.premises import Premises
from rigs.emulated.recording import OPERATIONS as CAPTURE_OPERATIONS
from rigs.emulated.recording import Recording
from rigs.emulated.wires_frames import FrameSorter

if TYPE_CHECKING:
    from protocols.capture import CaptureDesk
    from protocols.ports import Clock
    from rigs.emulated.config import EmulatorConfig
    from rigs.emulated.storage import Storage

CONSOLE = "console"

# A wait that is long for devices that wake every second, and how often gas meters wake in it, in seconds.
_LONG_S, _DOZING_S = 120.0, 900.0


class EmulatedInProcess:
    """Premises, their wires and their one timer.

    ``latencies`` holds seconds by ``node.port`` for every wire of ``config``. Everything runs on the loop on
    which `open` is awaited.
    """

    def __init__(
        self,
        config: EmulatorConfig,
        clock: Clock,
        latencies: Mapping[str, float],
        desk: CaptureDesk | None = None,
    ) -> None:
        self._config = config
        self._clock = clock
        self._latencies = latencies
        self._wires: dict[str, MemoryWire] = {}
        self._lines: dict[str, list[MemoryWire]] = {}
        self._consoles: dict[str, list[MemoryWire]] = {}
        self._recording = Recording(desk)
        self._premises: Premises | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._arming = False
        self._memories: dict[str, Storage] = {}
        self._faults = FaultDesk(config.han.seed, config.faults)  # they outlive a kill of the devices

    # Life -------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Make the wires and start the devices; ConfigError when they do not fit together."""
        loop = asyncio.get_running_loop()
        for wire in self._config.wires:
            name = f"{wire.node}.{wire.port}"
            made = self._wires[name] = MemoryWire(name, self._latencies[name], loop)
            group = self._consoles if wire.port == CONSOLE else self._lines
            group.setdefault(wire.node, []).append(made)
            if wire.port == CONSOLE:
                made.far.listen(_ignore)
        await self.start()
        for wire in self._config.wires:
            if wire.port != CONSOLE:
                self.premises.check_message_port(wire.node, wire.port)

    async def start(self) -> None:
        """Start the devices with what they remember."""
        self._premises = Premises(
            self._config,
            self._clock,
            on_message=self._leave,
            on_console=self._write_console,
            air=make_air(asyncio.get_running_loop(), self._config.han),
            on_work=self._arm_soon,
            faults=self._faults,
            open_memory=None if self._config.durable else self._memory,
        )
        self._premises.on_spoilt = self._leave_spoilt
        if self._premises.hub is not None:
            self._recording.attach(self._premises.air.access)
        for node, lines in self._lines.items():
            for line in lines:
                # A new decoder: half a line that the devices before had heard is forgotten with them.
                sorter = FrameSorter(LineDecoder(), partial(self._arrive, node), None)
                line.far.listen(sorter.feed)
        self._premises.begin()
        self._arm()

    def _memory(self, name: str) -> Storage:
        """A device's memory: what its last life left, if this run has seen one."""
        return self._memories.setdefault(name, MemoryStorage(path=f"the memory of {name}"))

    async def kill(self) -> None:
        """End the devices as a kill of their process would: what is on its way is lost, memories stay."""
        self._stop()
        for wire in self._wires.values():
            wire.far.listen(_ignore)
            wire.lose()

    async def close(self) -> None:
        """End the devices and close their wires; twice is harmless."""
        self._stop()
        for wire in self._wires.values():
            wire.far.close()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        premises, self._premises, self._timer = self._premises, None, None
        if premises is not None:
            premises.close()

    async def sleep(self, seconds: float) -> None:
        """Let time pass; in a long wait gas meters wake less often, as real ones do, and at its end."""
        if seconds < _LONG_S:
            await self._clock.sleep(seconds)
            return
        self.premises.doze(_DOZING_S)
        try:
            await self._clock.sleep(seconds)
        finally:
            if self._premises is not None:
                self._premises.doze(None)

    @property
    def premises(self) -> Premises:
        """The running devices; PortClosedError when there are none."""
        if self._premises is None:
            raise PortClosedError("the emulated devices are not running", next_step="start them again")
        return self._premises

    @property
    def control(self) -> EmulatedControl:
        """Power and stimuli, for ports."""
        return _Control(self)

    @property
    def near_ends(self) -> Mapping[str, WireEnd]:
        """The harness's ends of the wires by ``node.port``."""
        return {name: wire.near for name, wire in self._wires.items()}

    # Messages ---------------------------------------------------------------------------------------------

    def _arrive(self, node: str, frame: Frame) -> None:
        self._recording.message(node, frame.data, outbound=False)
        self.premises.receive(node, frame.data)
        self._arm()

    def _leave(self, node: str, octets: bytes) -> None:
        self._recording.message(node, octets, outbound=True)
        line = encode_line(Frame(FrameKind.GBCS, octets))
        for wire in self._lines.get(node, ()):
            with suppress(PortClosedError):  # the bench hears nothing more; devices do not mind
                wire.far.send(line)

    def _leave_spoilt(self, node: str, line: bytes) -> None:
        for wire in self._lines.get(node, ()):
            with suppress(PortClosedError):
                wire.far.send(line)

    def _write_console(self, node: str, octets: bytes) -> None:
        for wire in self._consoles.get(node, ()):
            with suppress(PortClosedError):
                wire.far.send(octets)

    def request(self, op: str, node: str, kind: str, argument: str) -> tuple[str, str]:
        """Power and stimuli: outcome and answer (`rigs.emulated.premises.Premises.control`)."""
        if op in CAPTURE_OPERATIONS:
            return self._recording.request(op, argument)
        premises = self.premises
        try:
            return premises.control(op, node, kind, argument)
        finally:
            self._arm()

    # Time -------------------------------------------------------------------------------------------------

    def _arm_soon(self) -> None:
        """A device has worked, by the HAN perhaps, of which nobody else hears."""
        if not self._arming:
            self._arming = True
            asyncio.get_running_loop().call_soon(self._arm)

    def _arm(self) -> None:
        """Set the timer to what the devices have to do next."""
        self._arming = False
        if self._premises is None:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.premises.next_due()
        if due is not None:
            wait_s = max(0.0, (due - self._clock.now()).total_seconds())
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._run_due)

    def _run_due(self) -> None:
        self.premises.run_due()
        self._arm()


class _Control:
    """What ports are given: closing a port does not end the devices."""

    def __init__(self, emulated: EmulatedInProcess) -> None:
        self._emulated = emulated

    async def request(self, op: str, node: str, kind: str = "", argument: str = "") -> tuple[str, str]:
        """Outcome and answer."""
        return self._emulated.request(op, node, kind, argument)

    async def close(self) -> None:
        """Nothing to be done."""


def _ignore(_octets: bytes) -> None:
    """Nobody is there who minds."""
