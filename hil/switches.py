"""Switches for what the specifications leave open, or what the sources at hand did not settle.

A rig sets them under ``[switches]``; they steer the emulated devices and what the suites accept of real ones,
and every report prints the values it was made with. A value that is a number is written in quotes.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hil.checked_toml import Problem


@dataclass(slots=True)
class Switch:
    """One open question; ``allowed`` lists the values, ``number`` takes any whole number instead."""

    id: str
    subject: str
    default: str
    allowed: tuple[str, ...]
    number: bool = False

    def accepts(self, value: str) -> bool:
        """Whether ``value`` is one of the values of this switch."""
        return value in self.allowed or (self.number and value.isascii() and value.isdigit())

    @property
    def allowed_text(self) -> str:
        """What may stand in a rig file."""
        return ", ".join([*self.allowed, *(["a whole number"] if self.number else [])])


def _numbered(id_: str, subject: str, default: str, *allowed: str) -> Switch:
    return Switch(id_, subject, default, allowed, number=True)


def _named(id_: str, subject: str, *allowed: str) -> Switch:
    return Switch(id_, subject, allowed[0], allowed)  # the first value is the default


# Which parts act on a switch today; the others are asked by nothing yet, and reports say so.
_DEVICES, _SUITES = "emulated devices", "suites"
READ_BY: dict[str, tuple[str, ...]] = {
    "A02": (_DEVICES, _SUITES),
    "A05": (_DEVICES,),
    "A06": (_DEVICES, _SUITES),
    "A08": (_DEVICES,),
    "A09": (_DEVICES,),
    "A10": (_DEVICES,),
    "A11": (_DEVICES,),
    "A12": (_DEVICES, _SUITES),
    "A13": (_DEVICES,),
    "A14": (_DEVICES,),
    "A15": (_DEVICES,),
    "A16": (_DEVICES, _SUITES),
    "A17": (_DEVICES, _SUITES),
    "A19": (_DEVICES, _SUITES),
    "A20": (_DEVICES, _SUITES),
    "A22": (_DEVICES,),
    "A28": (_DEVICES, _SUITES),
    "A29": (_DEVICES,),
    "A30": (_DEVICES, _SUITES),
}

SWITCHES: dict[str, Switch] = {
    switch.id: switch
    for switch in (
        _named("A01", "order of a device's checks on a command", "role-counter-signature-mac", "any"),
        _named("A02", "counter a device takes from a party again", "greater", "greater-or-equal"),
        _named(
            "A03",
            "what shows that authentication failed",
            "any-event",
            "0x8F3D",
            "0x8F53",
            "0x8F3E",
            "0x8F30",
        ),
        _named(
            "A04", "what says which events must be supported and always alert", "event-rows", "code-range"
        ),
        _named("A05", "log that records 0x8F3D", "either", "none", "security"),
        _named("A06", "log that records 0x8F66 and 0x8F67", "either", "none", "event"),
        _named("A07", "who logs 0x8F12, a change of the hub's device log", "hub", "hub-and-meter"),
        _named("A08", "where 0x8F0C, a large clock difference, is sent", "wan", "wan-and-han", "han"),
        _named("A09", "one clock setting in 24 hours only", "off", "on"),
        _named("A10", "a clock difference of exactly 10 s", "corrected", "refused"),
        _numbered("A11", "shortest supply outage that counts, in seconds", "180"),
        _numbered("A12", "wrong UTRN entries until keypad entry locks", "5", "unlimited"),
        _named(
            "A13", "order in which a top-up is used up", "debts-emergency-balance", "emergency-debts-balance"
        ),
        _named("A14", "top-up sent to a meter in credit mode", "observe", "accepted", "refused"),
        _numbered("A15", "UTRN Counters a meter remembers", "100"),
        _named(
            "A16",
            "unit of the uncontrolled gas flow threshold",
            "profile",
            "m3-per-hour",
            "m3-per-hour-10000",
        ),
        _named("A17", "future-dated changes that reach a GPF", "discard", "hold"),
        _named("A18", "dated command whose time falls into an outage", "late", "at-restore", "fail"),
        _named("A19", "image that arrives while another waits for activation", "replace", "refuse"),
        _named(
            "A20", "counter in a CS02b or CS06 payload unequal to the header's", "warn", "refuse", "accept"
        ),
        _named("A21", "half of a join period with an odd number of seconds", "floor", "ceiling"),
        _numbered("A22", "entries in the device log of a HAN device", "16"),
        _numbered("A23", "seconds between keep-alive messages on the HAN", "600"),
        _numbered("A24", "minutes between wake-ups of a gas meter", "30"),
        _numbered("A25", "seconds between refreshes of an IHD's electricity figures", "10"),
        _named("A26", "history while the time of a meter is invalid", "current-version", "before-MP099"),
        _named("A27", "reading of logs on ESME, GSME and GPF", "current-version", "before-MP099"),
        _named("A28", "alert throttling", "off", "on"),
        _named("A29", "gas history after a hub exchange", "gap-detectable", "refilled"),
        _named("A30", "supply on emergency credit after it was disabled", "armed", "enabled"),
    )
}


def resolve_switches(given: Mapping[str, str], file: Path) -> tuple[dict[str, str], list[Problem]]:
    """Value of every switch, with the rig's own in place of defaults, and what is wrong with those."""
    values = {switch.id: switch.default for switch in SWITCHES.values()}
    problems = []
    for name, value in given.items():
        key = f"switches.{name}"
        switch = SWITCHES.get(name)
        if switch is None:
            near = difflib.get_close_matches(name, SWITCHES, n=1)
            hint = f"no such switch, did you mean {near[0]}?" if near else "no such switch"
            problems.append(Problem(file, key, hint, value, f"{min(SWITCHES)} to {max(SWITCHES)}"))
        elif not switch.accepts(value):
            problems.append(
                Problem(
                    file, key, f"not a value of this switch ({switch.subject})", value, switch.allowed_text
                )
            )
        else:
            values[name] = value
    return values, problems
