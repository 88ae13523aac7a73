"""An open rig: its nodes, their ports, the alerts, and the way everything is closed again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hil import attacker, emulator
from hil.alerts import AlertLog, Alerts
from hil.attacker import Attacker
from hil.capture.desk import Desk, withheld
from hil.capture.recorder import CAPTURE_NAME
from hil.capture.run import RunCapture, control_at
from hil.capture.watch import CAPABILITY as WATCH
from hil.capture.watch import HanWatch
from hil.clock import clock_of, keep_time
from hil.counters import CounterStore
from hil.drivers import capabilities, check_ports, open_port
from hil.emulated import emulator_config, latencies
from hil.emulated_in_process import EmulatedInProcess
from hil.emulator_defects import EmulatorDefects, loop_fault
from hil.exchange import Alert
from hil.facades import Console, Firmware, Power, Stimulus
from hil.faults import BenchFaults, faults_of
from hil.journal import Journal
from hil.keys import RigKeys, load_keys
from hil.lease import lease
from hil.nodes import DeviceNode, Services, UserNode
from hil.opening import Opener
from hil.portal import Portal
from hil.rigfile import MESSAGE_PORTS, DeviceSpec, Rig, User
from hil.router import Router
from hil.verdicts import NotRunError, SkipKind
from hil.virtual_time import VirtualClock
from protocols.eui64 import Eui64
from protocols.gbcs.catalogue import load_catalogue
from protocols.ports import (
    BenchError,
    Clock,
    ConfigError,
    ConsolePort,
    DriverContext,
    EmulatedControl,
    ImagePort,
    MessagePort,
    Port,
    PowerPort,
    StimulusPort,
)

__all__ = ["Alert", "Bench"]

COUNTERS_NAME = "counters.sqlite"
# Consoles first, so that nothing said at power-on is missed; the lines on which devices speak last.
_OPENING_ORDER = ("console", "power", "stimulus", "firmware", *MESSAGE_PORTS, "han")


class Bench:
    """A rig with all its ports open; made by `Bench.open`, used as a context manager.

    ``current_test`` is set by whoever runs tests and stands in every journal record made meanwhile, and in
    the comments of captured frames.
    """

    users: dict[str, UserNode]
    devices: dict[str, DeviceNode]
    alerts: Alerts
    keys: RigKeys
    counters: CounterStore
    faults: BenchFaults

    def __init__(self, rig: Rig, journal: Journal, clock: Clock) -> None:
        self.rig = rig
        self.journal = journal
        self.clock = clock
        self.switches: Mapping[str, str] = rig.switches
        self._current_test = ""
        self._capture: RunCapture | None = None
        self._attacker: Attacker | None = None
        self._watch: HanWatch | None = None
        self.users = {}
        self.devices = {}
        self.endpoints: dict[str, str] = {}
        self._stack = ExitStack()
        self._trouble: list[str] = []
        self._emulated: EmulatedInProcess | None = None
        self._defects: EmulatorDefects | None = None

    @classmethod
    def open(
        cls, rig: Rig, journal: Journal, *, clock: Clock | None = None, log_dir: Path | None = None
    ) -> Self:
        """Start or attach to the emulator, open every port, and begin to listen.

        ``log_dir`` takes the emulator's log, by default the journal's folder. ConfigError for a rig that
        cannot be opened as written, BenchError when something does not work; nothing stays open then.
        """
        check_ports(rig)
        rig = rig.in_run(journal.path.parent)
        bench = cls(rig, journal, clock or clock_of(rig))
        try:
            bench._open(log_dir or journal.path.parent)
        except BaseException:
            bench._close_all()
            raise
        return bench

    def _open(self, log_dir: Path) -> None:
        self._stack.enter_context(lease(self.rig))
        self.keys = load_keys(self.rig)
        self.counters = CounterStore(self.rig.state_root / COUNTERS_NAME, durable=self.rig.keep_state)
        self._stack.callback(self.counters.close)
        running = None
        if self.rig.emulated and not self.rig.virtual:
            running = self._open_emulator(log_dir)
        self._stack.callback(keep_time, self.rig, self.clock)
        self._portal = Portal(loop=self.clock.loop if isinstance(self.clock, VirtualClock) else None)
        self._stack.callback(lambda: self._trouble.extend(self._portal.close()))
        if self.rig.virtual:
            self._open_in_process()
        if running is not None:
            self._defects = EmulatorDefects(running, self.rig, self._portal, self._note, self._trouble)
        if self.rig.emulated:
            self._open_capture()
        catalogue = load_catalogue()
        log = AlertLog()
        opener = Opener(self.keys, catalogue, self._names())
        self._router = Router(opener, log, catalogue, self.clock, self._note)
        self.alerts = Alerts(log, self._portal, self.clock, self._router)
        services = Services(
            self.keys,
            self.counters,
            catalogue,
            self._router,
            self._portal,
            self.clock,
            self._note,
            self._acb,
        )
        self.users = {name: UserNode(user, services) for name, user in self.rig.users.items()}
        self.devices = {
            name: DeviceNode(spec, capabilities(self.rig, name) | self._on_air(name) | faults_of(spec))
            for name, spec in self.rig.devices.items()
        }
        self.faults = BenchFaults(
            self.rig,
            self._portal,
            self._note,
            control=self._emulated.control if self._emulated is not None else None,
            endpoints=self.endpoints,
        )
        self._portal.on_close("the message ports", self._router.close)
        for name in _OPENING_ORDER:
            for spec in self.rig.devices.values():
                # The radio of an emulated node is the emulator's.
                if name in spec.ports and not (name == "han" and spec.emulated):
                    self._open_port(spec, name)
        for device in self.rig.devices:
            self._router.route(device, self.rig.carrier(device).name)
        self._note("bench.opened", "", {"nodes": sorted(self.devices), "users": sorted(self.users)})

    def _open_emulator(self, log_dir: Path) -> emulator.Emulator:
        running = emulator.open_emulator(self.rig, log_dir, capture=self.journal.path.parent)
        self._stack.callback(lambda: self._trouble.extend(running.stop()))
        self.endpoints = running.endpoints
        where = {"pid": running.pid, "endpoints": running.endpoints}
        self._note("emulator.ready", "", {"attached": running.attached, "volatile": where})
        return running

    def _open_in_process(self) -> None:
        self._portal.loop.set_exception_handler(loop_fault(self._note, self._trouble))
        desk = Desk(self.rig, self.clock)
        emulated = EmulatedInProcess(emulator_config(self.rig), self.clock, latencies(self.rig), desk)
        self._portal.on_close("the emulated devices", emulated.close)
        self._portal.call(emulated.open())
        self._emulated = emulated
        self._note("emulator.ready", "", {"attached": False, "in_process": True})

    def _open_capture(self) -> None:
        """Have the frames of the emulated HAN kept, where there is one."""
        hub = next((device.name for device in self.rig.emulated if device.file.type == "chf"), "")
        control: EmulatedControl | None = None
        if hub and self._emulated is not None:
            control = self._emulated.control
        elif hub:
            control = self._portal.call(control_at(self.endpoints, hub))
        if control is None:
            return
        self._portal.on_close("the control channel of the capture", control.close)
        capture = RunCapture(self._portal, control, hub, self.journal.path.parent)
        if capture.begin():
            self._capture = capture
            self._note("capture.opened", hub, {"file": CAPTURE_NAME})
            self._attacker = Attacker(self._portal, control, hub, self.clock, self._note)
            self._watch = HanWatch(self.journal.path.parent) if not withheld(self.rig) else None

    def _end_capture(self) -> None:
        capture, self._capture = self._capture, None
        if capture is None:
            return
        try:
            self._note("capture.closed", "", capture.end())
        except BenchError as error:
            self._trouble.append(f"the capture: {error.cause}")

    def _on_air(self, node: str) -> frozenset[str]:
        """What can be done to a node's HAN beside its ports."""
        if self._attacker is None or self._attacker.hub != node:
            return frozenset()
        return frozenset({attacker.CAPABILITY} | ({WATCH} if self._watch is not None else set()))

    @property
    def han(self) -> HanWatch:
        """The frames of the HAN, decrypted; ConfigError where nobody captures them with their keys."""
        if self._watch is None:
            raise ConfigError(
                f"{self.rig.path}: nobody sees the frames of a HAN with its keys here",
                next_step='mark the test @needs(capabilities=["chf.han.watch"])',
            )
        return self._watch

    @property
    def attacker(self) -> Attacker:
        """Hostile frames on the HAN; ConfigError where the rig has no such air."""
        if self._attacker is None:
            raise ConfigError(
                f"{self.rig.path}: nobody can put frames on the air of this rig",
                next_step='mark the test @needs(capabilities=["chf.han.inject"])',
            )
        return self._attacker

    @property
    def current_test(self) -> str:
        """The test that runs now; empty between tests."""
        return self._current_test

    @current_test.setter
    def current_test(self, test: str) -> None:
        self._current_test = test
        if self._capture is not None:
            self._capture.note(test)

    def _open_port(self, spec: DeviceSpec, name: str) -> None:
        console = Console(spec.name, self._portal, self._note, self.clock) if name == "console" else None
        context = DriverContext(
            clock=self.clock,
            node=spec.name,
            port=name,
            base_dir=self.rig.base_dir,
            endpoints=self.endpoints,
            console_sink=console.take if console is not None else None,
            wires=self._emulated.near_ends if self._emulated is not None else {},
            control=self._emulated.control if self._emulated is not None else None,
        )
        port = self._portal.call(open_port(self.rig, context))
        if name in MESSAGE_PORTS:
            self._open_line(spec, name, port)
            return
        self._portal.on_close(f"{spec.name}.{name}", port.close)
        if hasattr(port, "on_fault"):
            port.on_fault = lambda fault: self._port_fault(spec.name, name, fault)
        self._give(self.devices[spec.name], name, port, console)

    def _open_line(self, spec: DeviceSpec, name: str, port: Port) -> None:
        if not isinstance(port, MessagePort):
            self._portal.on_close(f"{spec.name}.{name}", port.close)
            raise self._wrong_port(spec.name, name, "messages")
        if name == spec.message_port:
            self._portal.call(self._router.add_link(spec.name, name, port))
        else:
            self._portal.on_close(f"{spec.name}.{name}", port.close)

    def _give(self, device: DeviceNode, name: str, port: Port, console: Console | None) -> None:
        if console is not None and isinstance(port, ConsolePort):
            console.attach(port)
            device.give(console)
        elif name == "power" and isinstance(port, PowerPort):
            device.give(Power(device.name, port, self._portal, self._note))
        elif name == "stimulus" and isinstance(port, StimulusPort):
            device.give(Stimulus(device.name, port, self._portal, self._note))
        elif name == "firmware" and isinstance(port, ImagePort):
            device.give(Firmware(device.name, port, self._portal))
        else:
            raise self._wrong_port(device.name, name, name)

    def _wrong_port(self, node: str, port: str, needed: str) -> BenchError:
        driver = self.rig.devices[node].ports[port].driver
        return BenchError(
            f"{self.rig.path}: nodes.{node}.ports.{port}.driver = {driver!r} does not do {needed}",
            next_step=f"name a driver for {needed}; hil doctor lists those installed",
        )

    # For tests --------------------------------------------------------------------------------------------

    def send_image(self, device: DeviceNode, ota: bytes, *, target: Eui64 | None = None) -> None:
        """Hand an OTA file to the hub (or the device on a line of its own) for ``device`` or ``target``.

        It goes on by the OTA cluster, which takes its time. An image that is not taken stands in the journal
        (``image.refused``) and is no error: what devices then do not say is for the test to judge.
        """
        aimed = target or device.eui64
        digest = hashlib.sha256(ota).hexdigest()
        body = {"device": device.name, "target": aimed, "size": len(ota), "sha256": digest}
        self._note("image.sent", device.name, body, attachment=ota)
        refusal = self.devices[self.rig.carrier(device.name).name].firmware.deliver(aimed, ota)
        if refusal:
            self._note("image.refused", device.name, {"target": aimed, "reason": refusal})

    def send_octets(self, device: DeviceNode, octets: bytes) -> None:
        """Put octets on the wire that leads to ``device``, as they are."""
        self._note("octets.sent", device.name, {"device": device.name, "octets": octets})
        self._portal.call(self._router.send_octets(device.name, octets))

    def wait(self, seconds: float) -> None:
        """Let time pass on the bench's clock; messages go on being received.

        NotRunError, which ends the test as skipped, for more than the rig's ``longest_wait_s``.
        """
        longest = self.rig.longest_wait_s
        if longest is not None and seconds > longest:
            reason = f"it waits {seconds:.0f} s, and this rig at most {longest:.0f} s (bench.longest_wait_s)"
            raise NotRunError(reason, SkipKind.NOT_APPLICABLE)
        sleeper = self.clock if self._emulated is None else self._emulated
        self._portal.call(sleeper.sleep(seconds))

    def kill_emulated(self) -> None:
        """End the emulated devices as a kill of their process would, and start them with what they remember.

        What is on the wires is lost. ConfigError where they do not live in this process.
        """
        if self._emulated is None:
            raise ConfigError(
                f"{self.rig.path}: the emulated devices do not live in this process",
                next_step='use a rig with time = "virtual" in [bench], or kill the emulator process',
            )
        self._note("emulator.killed", "", {})
        self._portal.call(self._emulated.kill())
        self._portal.call(self._emulated.start())

    @property
    def counts(self) -> dict[str, int]:
        """How many messages were late, duplicate, unsolicited or unreadable, and how many lines were bad."""
        return dict(self._router.counts)

    # Inside -----------------------------------------------------------------------------------------------

    def _note(self, kind: str, node: str, body: Mapping[str, Any], attachment: bytes | None = None) -> int:
        if kind == "message.sent" and "tamper" in body.get("faults", ()) and self._capture is not None:
            self._capture.hostile(body["octets"], "message spoilt on purpose")
        return self.journal.append(kind, node=node, test=self.current_test, body=body, attachment=attachment)

    def note_defects(self) -> None:
        """Write down what went wrong inside an emulator process since the last time."""
        if self._defects is not None:
            self._defects.collect()

    def _port_fault(self, node: str, port: str, fault: object) -> None:
        self._note("wire.fault", node, {"port": port, "problem": getattr(fault, "problem", str(fault))})

    def _names(self) -> dict[Eui64, str]:
        users = {user.eui64: user.name for user in self.rig.users.values()}
        return users | {spec.file.eui64: spec.name for spec in self.rig.devices.values()}

    def _acb(self) -> User | None:
        users = self.rig.users.values()
        return next((user for user in users if user.role == "access_control_broker"), None)

    # Closing ----------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close ports, loop, emulator and counters in order; BenchError lists what did not close."""
        self._close_all()
        if self._trouble:
            trouble, self._trouble = self._trouble, []
            self._note("bench.trouble", "", {"trouble": trouble})
            raise BenchError("; ".join(trouble), next_step="look for processes that were left: hil doctor")

    def _close_all(self) -> None:
        self.note_defects()
        self._defects = None
        self._end_capture()
        self._stack.close()
        if self.devices:
            self._note("bench.closed", "", {"counts": self.counts})
            self.devices = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._close_all()
