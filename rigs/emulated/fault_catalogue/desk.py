"""Where faults are ordered and lifted, and what messages pass on their way through the premises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from protocols.ports import ConfigError
from rigs.emulated.air.faults import Fault, FaultAction
from rigs.emulated.fault_catalogue.acting import (
    Acting,
    CertificateExpiry,
    ClockJump,
    CounterRollback,
    DamagedFirmware,
    FullBuffers,
    HanFaulty,
    Quirky,
    Refusing,
    Site,
    SlowResponses,
)
from rigs.emulated.fault_catalogue.kinds import Direction, Target
from rigs.emulated.fault_catalogue.lines import LineFault, Passage
from rigs.emulated.fault_catalogue.orders import FaultOrder, parse_order
from rigs.emulated.fault_catalogue.sticks import StickFault
from rigs.emulated.fault_catalogue.supply import CutPower
from rigs.emulated.han.air import number as number_of

if TYPE_CHECKING:
    from rigs.emulated.air import Medium, Scheduler
    from rigs.emulated.fault_catalogue.sticks import StickLine

OPERATIONS = ("fault-begin", "fault-end")
HAN = "han"
Go = Callable[[bytes], None]
_NODE_FAULTS: dict[str, type[Acting]] = {
    "slow-responses": SlowResponses,
    "full-buffers": FullBuffers,
    "refuse": Refusing,
    "cut-power": CutPower,
    "clock-jump": ClockJump,
    "counter-rollback": CounterRollback,
    "certificate-expiry": CertificateExpiry,
    "quirk": Quirky,
    "damaged-firmware": DamagedFirmware,
}


@dataclass(slots=True)
class Surroundings:
    """What a desk has to know of the premises, which may be made anew while it stays.

    ``sites`` by node; ``ports`` are the message port of each node that has one, ``on_han`` the nodes with a
    radio, ``sticks`` the lines of those whose radio is an emulated stick.
    """

    scheduler: Scheduler
    medium: Medium
    sites: dict[str, Site]
    ports: dict[str, str]
    on_han: set[str]
    sticks: dict[str, StickLine] = field(default_factory=dict)
    closed: bool = False


@dataclass(slots=True)
class _Active:
    """One order at one place; exactly one of the four is set."""

    number: int
    node: str
    acting: Acting | None = None
    line: LineFault | None = None
    air: Fault | None = None
    stick: StickFault | None = None


class FaultDesk:
    """The faults of one set of premises. ``seed`` decides what happens by chance.

    ``standing`` are those that stay for good, from the first start on.
    """

    def __init__(self, seed: str, standing: Sequence[FaultOrder] = ()) -> None:
        self._seed = seed
        self._standing = list(standing)
        self._active: list[_Active] = []
        self._last = 0
        self._around: Surroundings | None = None

    # Orders -----------------------------------------------------------------------------------------------

    def request(self, op: str, argument: str) -> tuple[str, str]:
        """What the control channel asks for: outcome and answer.

        ``fault-begin``: the order as text; the answer is its number. ``fault-end``: the number, or nothing
        for all that were begun so.
        """
        if op == "fault-begin":
            return "done", str(self.begin(parse_order(argument)))
        self.end(int(argument) if argument else None)
        return "done", ""

    def begin(self, order: FaultOrder, *, standing: bool = False) -> int:
        """Have a fault from now on; its number, 0 for those that stay. ConfigError: nobody can have it."""
        around = self._surroundings
        places = _places(order, around)
        number = 0
        if not standing:
            number = self._last = self._last + 1
        for node, port in places:
            active = self._make(number, order, node, port, around)
            self._active.append(active)
            if active.acting is not None:
                active.acting.begin(around.sites[node])
            else:
                _put_on(active, around)
        return number

    def end(self, number: int | None) -> None:
        """Lift a fault, None: all but those that stay. Lifting twice is harmless."""
        ended = [each for each in self._active if each.number and number in {None, each.number}]
        self._active = [each for each in self._active if each not in ended]
        for each in ended:
            if each.acting is not None:
                each.acting.end(self._surroundings.sites[each.node])
            elif each.line is not None:
                each.line.end()
            elif each.stick is not None:
                self._surroundings.sticks[each.node].end(each.stick)
            elif each.air in self._surroundings.medium.faults:
                self._surroundings.medium.faults.remove(each.air)

    def attach(self, around: Surroundings) -> None:
        """Go on with premises that were made (anew): what they do not remember they are told again."""
        self._around = around
        for each in self._active:
            if each.acting is not None:
                each.acting.restarted(around.sites[each.node])
            else:
                _put_on(each, around)
        standing, self._standing = self._standing, []
        for order in standing:
            self.begin(order, standing=True)

    @property
    def _surroundings(self) -> Surroundings:
        assert self._around is not None, "premises attach themselves"
        return self._around

    def _make(self, number: int, order: FaultOrder, node: str, port: str, around: Surroundings) -> _Active:
        active = _Active(number, node)
        if order.kind.target is Target.NODE:
            made = _NODE_FAULTS.get(order.kind.name)
            values = order.values
            active.acting = HanFaulty(values, order.kind.name) if made is None else made(values)
            return active
        if order.kind.target is Target.STICK:
            active.stick = StickFault(order, partial(self._chance, order, node), around.scheduler)
            return active
        chance = self._chance(order, node, port)
        if port == HAN:
            active.air = _of_air(order, node, chance)
        else:
            active.line = LineFault(order, chance, around.scheduler)
        return active

    def _chance(self, order: FaultOrder, node: str, where: str) -> Random:
        seed = order.values.get("seed", "")
        return Random(number_of(self._seed, seed, order.kind.name, node, where))  # noqa: S311  repeatable

    # Messages ---------------------------------------------------------------------------------------------

    def leaving(self, node: str, octets: bytes, go: Go) -> None:
        """A device sends a message: let it pass its faults, in the order in which they were begun."""
        for each in reversed(self._active):
            if each.node == node and each.acting is not None:
                go = partial(each.acting.leaving, go=self._guarded(go), site=self._surroundings.sites[node])
        go(octets)

    def passing(self, node: str, octets: bytes, direction: Direction, go: Go, spoil: Go) -> None:
        """A message passes the message port of a node; ``spoil`` puts a line there that is none."""
        for each in reversed(self._active):
            if each.node == node and each.line is not None:
                passage = Passage(direction, self._guarded(go), spoil)
                go = partial(each.line.take, passage=passage)
        go(octets)

    def _guarded(self, go: Go) -> Go:
        """What is late may come when these premises are gone."""
        around = self._surroundings

        def unless_closed(octets: bytes) -> None:
            if not around.closed:
                go(octets)

        return unless_closed


def _put_on(active: _Active, around: Surroundings) -> None:
    """Have the air or a stick have its fault."""
    if active.air is not None:
        around.medium.faults.append(active.air)
    elif active.stick is not None:
        around.sticks[active.node].begin(active.stick)


def _of_air(order: FaultOrder, node: str, chance: Random) -> Fault:
    """The same on the air; a frame that is late is overtaken by those behind it."""
    values, name = order.values, order.kind.name
    action = FaultAction.DELAY if name == "reorder" else FaultAction(name)
    direction = values["direction"]
    return Fault(
        str(order),
        action,
        sender=node if direction == Direction.OUT else "",
        receiver=node if direction == Direction.IN else "",
        party=node if direction == Direction.BOTH else "",
        count=values["count"] or None,
        skip=values["skip"],
        probability=values["probability"],
        delay_s=values.get("seconds", 0.0),
        chance=chance,
    )


def _places(order: FaultOrder, around: Surroundings) -> list[tuple[str, str]]:
    """Nodes and ports that an order is for; ConfigError when there are none."""
    if order.node and order.node not in around.sites:
        raise ConfigError(
            f"fault {order}: there is no emulated node {order.node!r}",
            next_step=f"emulated nodes: {', '.join(around.sites)}",
        )
    nodes = [order.node] if order.node else list(around.sites)
    places = [place for node in nodes for place in _at(order, node, around)]
    if not places:
        where = order.where or "no node of these premises"
        raise ConfigError(
            f"{where} cannot have the fault {order.kind.name}",
            next_step=_remedy(order, around),
        )
    return places


def _at(order: FaultOrder, node: str, around: Surroundings) -> list[tuple[str, str]]:
    kind, port = order.kind, around.ports.get(node, "")
    if kind.target is Target.NODE:
        fits = not kind.types or (
            around.sites[node].device.description.device_type in kind.types and node in around.on_han
        )
        return [(node, "")] if fits else []
    if kind.target is Target.STICK:
        return [(node, HAN)] if node in around.sticks else []
    if order.port == HAN or (not order.port and not port and order.node):
        return [(node, HAN)] if node in around.on_han else []
    return [(node, port)] if port and order.port in {"", port} else []


def _remedy(order: FaultOrder, around: Surroundings) -> str:
    if order.kind.target is Target.STICK:
        return f"emulated sticks: {', '.join(around.sticks) or 'none'}"
    if order.kind.types:
        return f"it is for {', '.join(order.kind.types)} behind an emulated hub"
    ports = [f"{node}.{port}" for node, port in around.ports.items()]
    return f"wires: {', '.join(ports + [f'{node}.{HAN}' for node in sorted(around.on_han)]) or 'none'}"
