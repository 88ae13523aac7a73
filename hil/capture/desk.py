"""Opens recordings for whoever runs the HAN: this process, or the emulator's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.capture.keys import FOLDER_NAME, WiresharkKeys
from hil.capture.recorder import CAPTURE_NAME, CaptureRecorder
from protocols.gbcs.catalogue import load_catalogue

if TYPE_CHECKING:
    from hil.rigfile import Rig
    from protocols.ports import Clock


class Desk:
    """A `protocols.capture.CaptureDesk` of one rig: one recording at a time."""

    def __init__(self, rig: Rig, clock: Clock) -> None:
        self._comment = f"rig {rig.name}"
        self._withheld = withheld(rig)
        self._clock = clock
        self._recorder: CaptureRecorder | None = None
        self._keys: WiresharkKeys | None = None
        self._summary: dict[str, Any] = {}

    def begin(self, folder: str) -> CaptureRecorder:
        """Record into ``capture.pcapng`` and ``wireshark`` of a folder."""
        self.end()
        place = Path(folder)
        self._keys = WiresharkKeys(place / FOLDER_NAME, self._withheld)
        self._recorder = CaptureRecorder(
            place / CAPTURE_NAME, self._clock, self._keys, load_catalogue(), self._comment
        )
        return self._recorder

    def note(self, test: str) -> None:
        """The test that runs from now on; usable from any thread."""
        if self._recorder is not None:
            self._recorder.note(test)

    def hostile(self, octets: bytes, why: str) -> None:
        """Mark this message, and the frame that carries the last of it, while the test runs."""
        if self._recorder is not None:
            self._recorder.expect_hostile(octets, why)

    def end(self) -> str:
        """Close; JSON with what it holds and what went wrong; ``{}`` where nothing was recorded."""
        recorder, keys = self._recorder, self._keys
        if recorder is None or keys is None:
            return "{}"
        recorder.close()
        self._recorder = self._keys = None
        return json.dumps(
            {
                "frames": recorder.frames,
                "messages": recorder.messages,
                "hostile": recorder.hostile,
                "keys": keys.count,
                "keys_withheld": self._withheld,
                "problem": recorder.problem,
            }
        )


def withheld(rig: Rig) -> str:
    """Why the keys of a run may not be written down; empty: they may."""
    if rig.keys.test:
        return ""
    return f"[keys] of {rig.path.name} does not say test = true, so they may protect something real"
