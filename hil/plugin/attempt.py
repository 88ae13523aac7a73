"""One attempt of one test: its phases, its checks, and what it did on the wires."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hil.checks import Verify
from hil.emulator_defects import FAULT
from hil.plugin.items import TestSpec
from hil.plugin.outcome import Phases
from protocols.ports import StimulusOutcome

# What a message whose protection does not verify goes against, whether or not the test looks at it.
_PROTECTION_ROWS = {"mac": "GBCS-MAC-01", "signature": "GBCS-SIG-01"}


@dataclass(slots=True)
class Unsound:
    """A message that a device sent with a MAC or signature that does not verify."""

    row: str
    what: str
    octets: bytes


@dataclass(slots=True)
class Attempt:
    """What is known of the attempt that runs now."""

    spec: TestSpec
    number: int
    check: Verify
    phases: Phases = field(default_factory=Phases)
    phase: str = "prepare"  # prepare (by the harness), setup (fixtures), call, teardown, restore
    sent: set[tuple[str, str]] = field(default_factory=set)  # (use case, device) of commands that left
    disturbed: set[str] = field(default_factory=set)  # nodes with power, stimuli, images or raw octets used
    unsound: list[Unsound] = field(default_factory=list)  # received, and not protected as they should be
    defects: list[str] = field(default_factory=list)  # what went wrong inside the emulator meanwhile

    def listen(self, kind: str, node: str, body: Mapping[str, Any]) -> None:
        """Take note of what the test itself does; what the harness does to prepare and restore is its own."""
        if kind == FAULT:
            self.defects.append(str(body.get("problem", "")))
        if self.phase in {"prepare", "restore"}:
            return
        if kind == "message.sent":
            self._note_command(str(body.get("use_case", "")), str(body.get("device", "") or node), body)
        elif kind == "message.received":
            self._note_protection(node, body)
        elif kind.startswith(("power.", "image.", "octets.")):
            self.disturbed.add(node)
        elif kind.startswith("fault."):
            self.disturbed |= {node} if node else set(self.spec.devices)
        elif kind.startswith("stimulus"):
            self.disturbed.add(node)
            if body.get("outcome") == StimulusOutcome.UNANSWERED:
                self.check.unanswered.append(f"{node} {body.get('kind', 'stimulus')}".strip())

    def _note_command(self, use_case: str, device: str, body: Mapping[str, Any]) -> None:
        values = body.get("values")
        time = values.get("execution_time") if isinstance(values, Mapping) else None
        if use_case != "CS06" or (
            time and time != "cancel"
        ):  # only a dated activation leaves something pending
            self.sent.add((use_case, device))

    def _note_protection(self, node: str, body: Mapping[str, Any]) -> None:
        for part, row in _PROTECTION_ROWS.items():
            if body.get(part) == "bad":
                name = body.get("use_case") or body.get("alert_name") or "message"
                what = f"{part} of {node}'s {body.get('message_kind', '')} {name} does not verify"
                self.unsound.append(Unsound(row, what, bytes(body.get("octets", b""))))
