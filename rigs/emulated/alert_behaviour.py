"""What events may do beyond happening, and what of it can be set."""

from __future__ import annotations

from enum import StrEnum

from rigs.emulated.event_rules import RULES, Log

_SETTABLE = frozenset({0x80, 0x81})  # upper octets: the network operator's, the supplier's


class Behaviour(StrEnum):
    """What an event may do beyond happening."""

    WAN = "wan"
    HAN = "han"
    AUDIBLE = "audible"
    LOG = "log"


def usual(code: int, what: Behaviour) -> bool:
    """What an event does by its rule, on a device without settings or before anybody has set them.

    No source has the settings of a new meter: everything is sent and logged, the HAN is told what the
    register wants it told, and nothing sounds.
    """
    if what is Behaviour.HAN:
        return RULES[code].han
    return what is not Behaviour.AUDIBLE


def is_settable(code: int, what: Behaviour) -> bool:
    """Whether anybody may set it: 0x80nn and 0x81nn, but never entries of the security log (GBCS-16-03)."""
    rule = RULES[code]
    if code >> 8 not in _SETTABLE or rule.log is Log.SECURITY:
        return False
    return what is not Behaviour.WAN or rule.configurable
