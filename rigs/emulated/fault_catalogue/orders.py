"""An ordered fault: its name, whom it befalls, its values; as text ``NAME[:node[.port]][,key=value ...]``."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from protocols.ports import ConfigError
from rigs.emulated.fault_catalogue.kinds import CATALOGUE, FaultKind, Target, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rigs.emulated.fault_catalogue.kinds import Parameter

FORM = "NAME[:node[.port]][,key=value ...]"


@dataclass(slots=True)
class FaultOrder:
    """One fault to be had. ``values`` has every parameter of the kind; no ``node``: whoever can have it.

    ``port`` is that of a wire: a message port, or ``han``; empty for the message port, where there is none
    the HAN.
    """

    kind: FaultKind
    node: str = ""
    port: str = ""
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def where(self) -> str:
        """Node and port as the text names them."""
        return f"{self.node}.{self.port}" if self.port else self.node

    def __str__(self) -> str:
        """As text; `parse_order` reads it."""
        given = {name: value for name, value in self.values.items() if value != self._parameter(name).default}
        head = f"{self.kind.name}:{self.where}" if self.where else self.kind.name
        return ",".join((head, *(f"{name}={value}" for name, value in given.items())))

    def _parameter(self, name: str) -> Parameter:
        found = self.kind.parameter(name)
        assert found is not None, "an order has its kind's values"
        return found


def parse_order(text: str) -> FaultOrder:
    """The order that a text gives; ConfigError says what is wrong with it."""
    head, *settings = [part.strip() for part in text.split(",")]
    name, _, where = head.partition(":")
    node, _, port = where.partition(".")
    values: dict[str, Value] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise ConfigError(f"fault {text!r}: {setting!r} is no key=value", next_step=f"write it as {FORM}")
        values[key.strip()] = value.strip()
    return make_order(name, node, port, values)


def make_order(
    name: str, node: str = "", port: str = "", values: Mapping[str, object] | None = None
) -> FaultOrder:
    """An order with every value checked and defaults filled in; ConfigError says what is wrong with it."""
    kind = CATALOGUE.get(name)
    if kind is None:
        near = get_close_matches(name, CATALOGUE, n=3, cutoff=0.5)
        step = f"perhaps {', '.join(near)}; `hil faults` lists all" if near else "see `hil faults`"
        raise ConfigError(f"no fault is called {name!r}", next_step=step)
    if kind.target is Target.COMMAND:
        raise ConfigError(
            f"{name} is a fault of a single command",
            next_step="give it with the command: faults=Faults(...) of hil.exchange",
        )
    if port and kind.target is not Target.WIRE:
        whom = "a node" if kind.target is Target.NODE else "a node's stick"
        raise ConfigError(f"{name} befalls {whom}, not its port {port!r}", next_step="leave the port out")
    given = dict(values or {})
    unknown = [key for key in given if kind.parameter(key) is None]
    if unknown:
        known = ", ".join(each.name for each in kind.parameters) or "none"
        raise ConfigError(f"{name} takes no {', '.join(unknown)}", next_step=f"it takes: {known}")
    checked = {each.name: _value(name, each, given.get(each.name)) for each in kind.parameters}
    return FaultOrder(kind, node, port, checked)


def _value(fault: str, parameter: Parameter, given: object) -> Value:
    if given is None:
        if parameter.default is None:
            raise ConfigError(
                f"{fault} needs {parameter.name}", next_step=f"{parameter.name}: {parameter.text}"
            )
        return parameter.default
    try:
        value: Value = parameter.kind(given)
    except (TypeError, ValueError):
        raise _wrong(fault, parameter, given) from None
    low, high = parameter.low, parameter.high
    out = not isinstance(value, str) and (
        (low is not None and value < low) or (high is not None and value > high)
    )
    if out or (parameter.choices and value not in parameter.choices) or value != value:  # noqa: PLR0124  NaN
        raise _wrong(fault, parameter, given)
    return value


def _wrong(fault: str, parameter: Parameter, given: object) -> ConfigError:
    return ConfigError(
        f"{fault}: {parameter.name} = {given!r} is not possible",
        next_step=f"{parameter.name}: {parameter.text} ({allowed(parameter)})",
    )


def allowed(parameter: Parameter) -> str:
    """What a parameter can be, in words."""
    if parameter.choices:
        return ", ".join(parameter.choices)
    if parameter.kind is str:
        return "text"
    word = "a whole number" if parameter.kind is int else "a number"
    if parameter.low is not None and parameter.high is not None:
        return f"{word} from {parameter.low:g} to {parameter.high:g}"
    return word if parameter.low is None else f"{word} from {parameter.low:g}"
