"""The catalogue of faults: what can go wrong on purpose, by name, and how it is done to emulated premises."""

from rigs.emulated.fault_catalogue.kinds import CATALOGUE, FaultKind, Parameter, Target
from rigs.emulated.fault_catalogue.orders import FORM, FaultOrder, allowed, make_order, parse_order

__all__ = [
    "CATALOGUE",
    "FORM",
    "FaultKind",
    "FaultOrder",
    "Parameter",
    "Target",
    "allowed",
    "make_order",
    "parse_order",
]
