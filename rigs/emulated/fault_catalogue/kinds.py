"""What can be made to go wrong on purpose, by name: one row a fault, with what it takes and whom it befalls.

The names are the same wherever a fault is ordered: ``hil emulate --fault``, ``faults`` of a node in the rig
file, ``@pytest.mark.fault``, and the journal. ``docs/reference/faults.md`` is made from this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import get_args

from protocols.parties import RoleName
from rigs.emulated.fault_catalogue.points import POINTS
from rigs.emulated.fault_catalogue.quirks import QUIRKS

Value = str | int | float


class Target(StrEnum):
    """What a fault befalls."""

    NODE = "node"  # an emulated device
    WIRE = "wire"  # what an emulated device sends and hears at its message port, or on the HAN
    STICK = "stick"  # the emulated stick (radio co-processor) of a node: serial line and firmware
    COMMAND = "command"  # a single command, as the user node makes it (`hil.exchange.Faults`)


class Direction(StrEnum):
    """Which way, seen from the node."""

    IN = "in"
    OUT = "out"
    BOTH = "both"


@dataclass(slots=True)
class Parameter:
    """One value that a fault takes. ``default`` None: it has to be given; ``choices`` empty: any of the kind.

    ``kind`` is ``int``, ``float`` or ``str``; ``low`` and ``high`` bound numbers.
    """

    name: str
    kind: type
    text: str
    default: Value | None = None
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


@dataclass(slots=True)
class FaultKind:
    """One row of the catalogue; ``types`` are the device types that can have it, empty for all."""

    name: str
    target: Target
    text: str
    parameters: tuple[Parameter, ...] = ()
    types: tuple[str, ...] = ()

    def parameter(self, name: str) -> Parameter | None:
        """The parameter of that name."""
        return next((each for each in self.parameters if each.name == name), None)


_WHICH = (
    Parameter("direction", str, "which way, seen from the node", "both", choices=tuple(Direction)),
    Parameter("probability", float, "of each message (on the HAN: frame) to be hit", 1.0, 0.0, 1.0),
    Parameter("skip", int, "messages that pass before the first is hit", 0, 0),
    Parameter("count", int, "how many are hit; 0 for no end", 0, 0),
    Parameter("seed", str, "decides which are hit, with the rig's own seed", ""),
)


def _wire(name: str, text: str, *parameters: Parameter) -> FaultKind:
    return FaultKind(name, Target.WIRE, text, (*_WHICH, *parameters))


def _node(name: str, text: str, *parameters: Parameter, types: tuple[str, ...] = ()) -> FaultKind:
    return FaultKind(name, Target.NODE, text, parameters, types)


def _stick(name: str, text: str, *parameters: Parameter) -> FaultKind:
    return FaultKind(name, Target.STICK, text, parameters)


def _octets(what: str) -> tuple[Parameter, ...]:
    return (
        Parameter("direction", str, "which way, seen from the node", "both", choices=tuple(Direction)),
        Parameter("probability", float, f"of each octet to be {what}", 0.001, 0.0, 1.0),
        Parameter("seed", str, "decides which are, with the rig's own seed", ""),
    )


def _seconds(text: str, default: float, low: float | None = 0.0) -> Parameter:
    return Parameter("seconds", float, text, default, low)


_ON_HAN = ("esme", "gsme", "ppmid", "hcalcs", "ihd", "cad")
_KINDS = (
    _wire("drop", "What is sent is not heard."),
    _wire("duplicate", "What is sent arrives twice."),
    _wire("delay", "What is sent arrives late; what follows may overtake it.", _seconds("how late", 1.0)),
    _wire(
        "reorder",
        "A message waits until the next of its direction has passed, or for so many seconds; on the HAN the "
        "frame is late.",
        _seconds("longest wait", 1.0),
    ),
    _wire("corrupt", "What is sent arrives so damaged that the wire's own check finds it."),
    _wire("alter", "One bit of what is sent is turned, and no check of the wire finds it."),
    _node(
        "slow-responses",
        "Responses leave late; alerts do not.",
        _seconds("between execution and leaving", 3.0),
    ),
    _node(
        "full-buffers",
        "Messages that arrive while the input buffer is full are lost.",
        Parameter("messages", int, "that the buffer holds", 0, 0),
        _seconds("that each message stays in it", 1.0),
    ),
    _node(
        "refuse",
        "An element gives a result instead of doing what it is for, as with a broken memory or relay.",
        Parameter(
            "element",
            str,
            "such as 9/00000A006AFF/m1 (COSEM method), 8/0000010000FF/2 (attribute), 0705>02 (ZCL command)",
        ),
        Parameter("result", int, "data access result, action result or ZCL status", 1, 0, 255),
    ),
    _node(
        "cut-power",
        "Supply fails at a named point, without a last gasp; what was not kept by then is lost.",
        Parameter("at", str, "the point", "now", choices=("now", *POINTS)),
        Parameter("number", int, "the how manieth time that the point is reached", 1, 1),
        _seconds("until supply is back; 0: only once the fault is lifted", 1.0),
    ),
    _node(
        "clock-jump",
        "The device's clock jumps; it jumps back when the fault is lifted, unless it was set meanwhile.",
        Parameter("seconds", float, "forwards; negative: backwards"),
        Parameter(
            "status",
            str,
            "of the clock from then on",
            "unchanged",
            choices=("unchanged", "reliable", "invalid", "unreliable"),
        ),
    ),
    _node(
        "counter-rollback",
        "Counters stand where they stood before, as in a restored memory; lifted, none is lower than before.",
        Parameter("by", int, "how far back", 1, 1),
        Parameter(
            "counter",
            str,
            "the device's own Originator Counter, or those that it remembers of remote parties",
            "own",
            choices=("own", "parties"),
        ),
    ),
    _node(
        "certificate-expiry",
        "The device takes the certificates in a role's trust anchor cells for expired and uses none.",
        Parameter("role", str, "remote party role", choices=get_args(RoleName)),
    ),
    _node(
        "quirk",
        "The device has a defect of its own in what it sends or leaves unsent.",
        Parameter("behaviour", str, "the defect", choices=tuple(QUIRKS)),
    ),
    _node("damaged-firmware", "A bit of the image that runs is turned over in memory; a start looks at it."),
    _node("wrong-issuer", "HAN certificates of an authority that the hub does not know.", types=_ON_HAN),
    _node("wrong-private-key", "The private key is not that of the HAN certificate.", types=_ON_HAN),
    _node("old-counters", "Frame counters on the HAN that were used before.", types=_ON_HAN),
    _stick("stick-octets-lost", "Octets get lost on the serial line.", *_octets("lost")),
    _stick("stick-octets-altered", "A bit of an octet is turned on the serial line.", *_octets("altered")),
    _stick(
        "stick-late",
        "What goes over the serial line arrives late, in its order.",
        Parameter("direction", str, "which way, seen from the node", "in", choices=tuple(Direction)),
        _seconds("how late", 0.3),
    ),
    _stick("stick-silent", "The firmware hangs: it hears nothing and says nothing."),
    _stick(
        "stick-reset",
        "The firmware crashes and starts anew; what the host has set is lost.",
        Parameter("count", int, "how often, the first time at once", 1, 1, 1000),
        _seconds("between two", 1.0),
    ),
    FaultKind("wrong-mac", Target.COMMAND, "The MAC's last octet is inverted."),
    FaultKind(
        "wrong-signer", Target.COMMAND, "Signed with another key.", (Parameter("key", str, "the key"),)
    ),
    FaultKind("unsigned", Target.COMMAND, "No signature."),
    FaultKind(
        "target", Target.COMMAND, "Another Business Target ID, protected.", (Parameter("eui64", str, "it"),)
    ),
    FaultKind(
        "originator",
        Target.COMMAND,
        "Another Business Originator ID, protected.",
        (Parameter("eui64", str, "it"),),
    ),
    FaultKind(
        "message-code", Target.COMMAND, "Another message code, protected.", (Parameter("code", int, "it"),)
    ),
    FaultKind("tamper", Target.COMMAND, "A function of the test changes the finished octets."),
)
CATALOGUE: dict[str, FaultKind] = {kind.name: kind for kind in _KINDS}
"""Every fault by its name."""
