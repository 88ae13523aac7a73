"""The attacker on the air of a HAN, as synchronous tests use it; journal and capture tell what it sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from protocols.ports import BenchError

if TYPE_CHECKING:
    from hil.portal import Portal
    from protocols.ports import Clock, EmulatedControl

CAPABILITY = "han.inject"
Note = Callable[[str, str, Mapping[str, Any]], int]


class Attacker:
    """A radio that hears the HAN of ``hub`` and puts octets on its air as they are."""

    def __init__(self, portal: Portal, control: EmulatedControl, hub: str, clock: Clock, note: Note) -> None:
        self._portal = portal
        self._control = control
        self.hub = hub
        self._clock = clock
        self._note = note
        self.counter = 0  # the last frame counter used under the attacker's own identifier

    def _ask(self, op: str, argument: str = "") -> str:
        outcome, answer = self._portal.call(self._control.request(op, self.hub, "", argument))
        if outcome != "done":
            raise BenchError(f"the attacker: {answer}", next_step="see the emulator's log")
        return answer

    def state(self) -> dict[str, Any]:
        """Who is on the HAN, with addresses and keys; from the first call on the attacker listens."""
        if not self.counter:
            # Devices that remember an earlier run must not take this one's frames for replays.
            self.counter = int(self._clock.now().timestamp()) - 1_500_000_000
        found: dict[str, Any] = json.loads(self._ask("air-state"))
        return found

    def heard(self, count: int = 200) -> list[bytes]:
        """The last frames heard, without FCS."""
        return [bytes.fromhex(text) for text in json.loads(self._ask("air-heard", str(count)))]

    def inject(self, frames: Iterable[bytes], comment: str) -> int:
        """Put frames on the air, FCS included; how many. ``comment`` (``hostile: ...``) marks them."""
        sent = 0
        for psdu in frames:
            self._note("hostile.sent", self.hub, {"comment": comment, "psdu": psdu})
            self._ask("air-inject", json.dumps({"psdu": psdu.hex(), "comment": comment}))
            sent += 1
        return sent
