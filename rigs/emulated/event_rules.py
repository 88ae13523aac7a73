"""What each event means to a device: where it is logged, and who is told how.

The rules are data, ``event_rules.json``, one row per code; ``row`` names the register row that a rule was
read from. Where the register is silent the rule was taken from the nearest sibling and ``row`` is null.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.resources import files
from typing import Any

from rigs.emulated.event_codes import EventCode

__all__ = ["RULES", "EventCode", "Log", "Recipient", "Rule", "read_rules"]


class Log(StrEnum):
    """The logs that devices keep. Only an ESME has all of them."""

    EVENT = "event"
    SECURITY = "security"
    POWER = "power"
    AUXILIARY = "auxiliary"  # of the load controllers of an ESME
    SUB_GHZ = "sub-GHz"  # channel changes of a dual band hub


class Recipient(StrEnum):
    """Who is told, where that depends on the device."""

    RESPONSIBLE = "responsible"  # the supplier of a meter, the ACB of anything else
    NETWORK_OPERATOR = "network operator"
    BROKER = "broker"  # the access control broker, whatever the device
    ORIGINATOR = "originator"  # whoever sent the command


@dataclass(slots=True)
class Rule:
    """What one code means.

    ``critical`` None: never sent to the WAN. ``configurable``: ECS25 and GCS20 have settings for it. ``han``:
    devices on the HAN are told. ``message_codes`` is that of the alert by device type, where it is richer
    than the generic one. ``own_alert``: the code that records the event sends the alert, not `Events.record`.
    ``devices`` are the types that may raise it; ``row`` is the register's.
    """

    log: Log | None
    critical: bool | None
    to: list[Recipient]
    configurable: bool
    devices: list[str]
    han: bool = False
    own_alert: bool = False
    message_codes: dict[str, int] = field(default_factory=dict)
    row: str | None = None


def read_rules() -> dict[int, Rule]:
    """All rules by code, as the table beside this file has them."""
    rows = json.loads(files("rigs.emulated").joinpath("event_rules.json").read_text(encoding="utf-8"))
    return {int(row.pop("code"), 16): _rule(row) for row in rows}


def _rule(row: dict[str, Any]) -> Rule:
    codes = {device: int(code, 16) for device, code in row.pop("message_codes", {}).items()}
    log, to = row.pop("log"), [Recipient(each) for each in row.pop("to")]
    return Rule(log=None if log is None else Log(log), to=to, message_codes=codes, **row)


RULES = read_rules()
