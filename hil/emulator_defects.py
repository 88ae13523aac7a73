"""Errors of the emulator itself as they get into the evidence: none of them is held against a device.

A device that breaks on a message does not answer, which looks like a finding. What the emulator says of
itself makes it an error of the bench, with the traceback in the journal (``emulator.fault``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hil.capture.run import control_at
from protocols.ports import BenchError
from rigs.emulated.defects import defect

if TYPE_CHECKING:
    from hil.emulator import Emulator
    from hil.portal import Portal
    from hil.rigfile import Rig
    from protocols.ports import EmulatedControl

FAULT = "emulator.fault"
Note = Callable[[str, str, Mapping[str, Any]], int]
_LIMIT_S = 10.0


def loop_fault(note: Note, trouble: list[str]) -> Callable[[object, dict[str, Any]], None]:
    """An exception handler for the loop on which emulated devices live together with the bench."""

    def heard(_loop: object, context: dict[str, Any]) -> None:
        error = context.get("exception") or RuntimeError("unknown")
        found = defect(str(context.get("message")), error)
        trouble.append(found["problem"])
        note(FAULT, "", found)

    return heard


class EmulatorDefects:
    """Asks an emulator in a process of its own. ``note`` writes the journal, ``trouble`` is the bench's."""

    def __init__(self, emulator: Emulator, rig: Rig, portal: Portal, note: Note, trouble: list[str]) -> None:
        self._emulator = emulator
        self._node = rig.emulated[0].name
        self._portal = portal
        self._note = note
        self._trouble = trouble
        self._control: EmulatedControl | None = None
        self._over = False
        if emulator.attached:
            self._ask()  # of runs before this one

    def collect(self) -> None:
        """Write down what went wrong since the last time; harmless when the emulator is gone."""
        if self._over:
            return
        try:
            for each in self._ask():
                self._keep(each)
        except BenchError as error:
            self._over = True
            problem = self._emulator.ended() or error.cause
            self._keep({"problem": problem, "traceback": ""})

    def _keep(self, found: Mapping[str, str]) -> None:
        self._trouble.append(found["problem"])
        self._note(FAULT, "", dict(found))

    def _ask(self) -> list[dict[str, str]]:
        if self._control is None:
            self._control = self._portal.call(control_at(self._emulator.endpoints, self._node))
            if self._control is None:
                return []
            self._portal.on_close("the control channel of errors", self._control.close)
        _, answer = self._portal.call(self._control.request("defects-take", self._node), _LIMIT_S)
        found: list[dict[str, str]] = json.loads(answer)
        return found
