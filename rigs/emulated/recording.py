"""The recording of emulated premises, as the control channel switches it on and off.

What is recorded, where to, and which keys may be written down is the desk's, which the harness brings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from protocols.capture import CaptureDesk, HanRecorder
    from rigs.emulated.air_access import AirAccess

OPERATIONS = ("capture-begin", "capture-note", "capture-hostile", "capture-end")


class Recording:
    """Joins desk, air and message wires. Without a desk everything is refused."""

    def __init__(self, desk: CaptureDesk | None) -> None:
        self._desk = desk
        self._recorder: HanRecorder | None = None
        self._access: AirAccess | None = None
        self._folder = ""

    def attach(self, access: AirAccess) -> None:
        """The premises (new ones after a kill) are on this air."""
        self._access = access
        access.record(self._recorder)

    def message(self, node: str, octets: bytes, *, outbound: bool) -> None:
        """A GBCS message came in (or went out) at the port of a node."""
        if self._recorder is not None:
            self._recorder.message(octets, node=node, outbound=outbound)

    def request(self, op: str, argument: str) -> tuple[str, str]:
        """What the control channel asks for.

        ``capture-begin`` (a folder), ``capture-note`` (a test), ``capture-hostile`` (a message, hexadecimal,
        and why after a blank), ``capture-end`` (answer: JSON).
        """
        if self._desk is None or self._access is None:
            return "refused", "nothing is recorded here"
        if op == "capture-begin" and self._recorder is not None and argument == self._folder:
            return "done", ""  # since the start of this process
        if op == "capture-begin":
            self._folder = argument
            self._recorder = self._desk.begin(argument)
            self._access.record(self._recorder)
        elif op == "capture-note":
            self._desk.note(argument)
        elif op == "capture-hostile":
            octets, _, why = argument.partition(" ")
            self._desk.hostile(bytes.fromhex(octets), why)
        else:
            self.stop()
            return "done", self._desk.end()
        return "done", ""

    def stop(self) -> None:
        """Nothing more is recorded."""
        self._recorder = None
        if self._access is not None:
            self._access.record(None)
