"""Faults of the emulated devices, as tests order them: given, lifted, and both in the journal.

The names are those of ``hil faults``. A rig's real devices have none, which is a reason to skip a test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hil.capture.run import control_at
from hil.emulated import has_emulated_stick
from protocols.ports import ConfigError
from rigs.emulated.fault_catalogue import FaultOrder, Target, make_order, parse_order

if TYPE_CHECKING:
    from hil.portal import Portal
    from hil.rigfile import DeviceSpec, Rig
    from protocols.ports import EmulatedControl

Note = Callable[[str, str, Mapping[str, Any]], int]
_HAN = "han"
CAPABILITY = "faults"


def faults_of(spec: DeviceSpec) -> frozenset[str]:
    """The capability of devices that can be given faults: that of the emulated ones."""
    return frozenset({CAPABILITY}) if spec.emulated else frozenset()


def ordered(name: str, node: str = "", port: str = "", **values: Any) -> FaultOrder:
    """The order of a fault by its name and values, or by the text that ``--fault`` takes; ConfigError."""
    if ":" in name or "," in name:
        if node or port or values:
            raise ConfigError(
                f"fault {name!r} and more beside it",
                next_step="give either the whole as text, or name, node, port and values",
            )
        return parse_order(name)
    return make_order(name, node, port, values)


class BenchFaults:
    """What a bench does about faults. ``control`` leads to devices in this process; else ``endpoints`` do."""

    def __init__(
        self,
        rig: Rig,
        portal: Portal,
        note: Note,
        *,
        control: EmulatedControl | None,
        endpoints: Mapping[str, str],
    ) -> None:
        self._rig = rig
        self._portal = portal
        self._note = note
        self._control = control
        self._endpoints = endpoints
        self._begun: dict[int, FaultOrder] = {}
        if control is None and rig.emulated:
            # An emulator that outlives runs may still have the faults of one that was killed.
            self._ask("fault-end")

    def begin(self, name: str, node: str = "", port: str = "", **values: Any) -> int:
        """Have a fault from now on; the number by which `end` lifts it.

        ConfigError for one that is not in the catalogue or that this rig cannot have.
        """
        return self.begin_order(ordered(name, node, port, **values))

    def begin_order(self, order: FaultOrder) -> int:
        """Likewise, of an order that was made before."""
        refusal = self.refusal(order)
        if refusal:
            raise ConfigError(refusal, next_step="see `hil faults` for what each befalls")
        number = int(self._ask("fault-begin", str(order)))
        self._begun[number] = order
        self._note("fault.begun", order.node, {"fault": str(order), "number": number})
        return number

    def end(self, number: int) -> None:
        """Lift a fault; lifting it twice is harmless."""
        order = self._begun.pop(number, None)
        if order is not None:
            self._ask("fault-end", str(number))
            self._note("fault.ended", order.node, {"fault": str(order), "number": number})

    @contextmanager
    def given(self, name: str, node: str = "", port: str = "", **values: Any) -> Iterator[None]:
        """Have a fault inside the block."""
        number = self.begin(name, node, port, **values)
        try:
            yield
        finally:
            self.end(number)

    def refusal(self, order: FaultOrder) -> str:
        """Why nobody in this rig can have a fault; empty where somebody can."""
        if not order.node:
            fit = [spec for spec in self._rig.emulated if not self._lacks_stick(spec, order)]
            return "" if fit else f"no node is emulated that can have {order.kind.name}"
        spec = self._rig.devices.get(order.node)
        if spec is None:
            return f"this rig has no device node {order.node}"
        if not spec.emulated:
            return f"{spec.name} is real, so it cannot be given the fault {order.kind.name}"
        lack = self._lack(spec, order)
        return f"{spec.name} has no {lack} for the fault {order.kind.name}" if lack else ""

    def _lack(self, spec: DeviceSpec, order: FaultOrder) -> str:
        """What an emulated node would need."""
        if self._lacks_stick(spec, order):
            return "emulated stick on this rig"
        if order.kind.types and (spec.file.type not in order.kind.types or not self._on_han(spec)):
            return "HAN side of its own"
        if order.kind.target is Target.WIRE and not self._has_wire(spec, order.port):
            return f"{order.port or 'message port, nor a radio'} on this rig"
        return ""

    def _lacks_stick(self, spec: DeviceSpec, order: FaultOrder) -> bool:
        return order.kind.target is Target.STICK and not has_emulated_stick(self._rig, spec)

    def _has_wire(self, spec: DeviceSpec, port: str) -> bool:
        if port and port != _HAN:
            return port == spec.message_port
        return (not port and bool(spec.message_port)) or self._on_han(spec)

    def _on_han(self, spec: DeviceSpec) -> bool:
        if spec.file.type == "chf":
            return True
        return spec.file.type != "gpf" and bool(spec.via) and not spec.message_port

    def _ask(self, op: str, argument: str = "") -> str:
        node = self._rig.emulated[0].name
        if self._control is None:
            control = self._portal.call(control_at(self._endpoints, node))
            if control is None:
                raise ConfigError(
                    f"the emulator of {self._rig.path} has no control channel", next_step="start it again"
                )
            self._portal.on_close("the control channel of faults", control.close)
            self._control = control
        _, answer = self._portal.call(self._control.request(op, node, "", argument))
        return answer
