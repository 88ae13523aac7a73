"""The capture of one run, seen from the bench: begun, told of tests, ended, counted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivers.emulated_control import ControlClient
from hil.capture.counts import count_file
from hil.capture.recorder import CAPTURE_NAME
from protocols.ports import BenchError

if TYPE_CHECKING:
    from hil.portal import Portal
    from protocols.ports import EmulatedControl

_LIMIT_S = 10.0


class RunCapture:
    """What the emulated premises record into the folder of a run.

    ``control`` leads to them, ``hub`` is the node whose HAN it is.
    """

    def __init__(self, portal: Portal, control: EmulatedControl, hub: str, folder: Path) -> None:
        self._portal = portal
        self._control = control
        self._hub = hub
        self._folder = folder
        self._test = ""
        self.active = False

    def _ask(self, op: str, argument: str = "") -> tuple[str, str]:
        return self._portal.call(self._control.request(op, self._hub, "", argument), _LIMIT_S)

    def begin(self) -> bool:
        """Record from now on; False where there is no HAN, or nobody who records."""
        outcome, _ = self._ask("capture-begin", str(self._folder.absolute()))
        self.active = outcome == "done"
        return self.active

    def note(self, test: str) -> None:
        """This test runs from now on."""
        if self.active and test != self._test:
            self._test = test
            self._ask("capture-note", test)

    def hostile(self, octets: bytes, why: str) -> None:
        """A message that is malformed on purpose is about to be sent."""
        if self.active:
            self._ask("capture-hostile", f"{octets.hex()} {why}")

    def end(self) -> dict[str, Any]:
        """Close the file; what it holds, counted layer by layer. BenchError when the recorder is gone."""
        self.active = False
        _, answer = self._ask("capture-end")
        summary: dict[str, Any] = {"file": CAPTURE_NAME, **json.loads(answer)}
        try:
            summary["layers"] = count_file(self._folder / CAPTURE_NAME).as_json()
        except BenchError as error:
            summary["problem"] = error.cause
        return summary


async def control_at(endpoints: Mapping[str, str], node: str) -> ControlClient | None:
    """The control channel of an emulator process; None where it serves none for this node."""
    address = endpoints.get(f"{node}.control")
    if address is None:
        return None
    client = ControlClient(address)
    await client.open()
    return client
