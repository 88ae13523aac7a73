"""The serial line of an emulated stick, for tests that have it go wrong without a rig."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from rigs.emulated.fault_catalogue import parse_order
from rigs.emulated.fault_catalogue.sticks import StickFault

if TYPE_CHECKING:
    from rigs.emulated.air import Scheduler
    from rigs.emulated.fault_catalogue.sticks import StickLine


def stick_fault(line: StickLine, scheduler: Scheduler, text: str) -> StickFault:
    """Have the fault that the text orders, from now on; ``line.end`` lifts it."""
    fault = StickFault(parse_order(text), lambda direction: Random(f"{text} {direction}"), scheduler)
    line.begin(fault)
    return fault
