"""The emulated in-home display (IHD): a Type 2 device, without GBCS credentials (devices.md 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.eui64 import Eui64
from rigs.emulated.device import Device
from rigs.emulated.information.screen import Screen

if TYPE_CHECKING:
    from protocols.gbcs.message import Message

_SECTION = "ihd"


class Ihd(Device):
    """A display that shows what an electricity meter, and the gas proxy, let it read and tell it.

    It has no part in remote party messages. Which meters talk to it, it learns by the link keys that it gets
    from the hub (CS03B at the meter); the proxy, with which it has a key, answers once it is in its log.
    """

    def register(self) -> None:
        """A screen, and the button under it."""
        super().register()
        self.screen = Screen(self)

    def handle(self, message: bytes, parsed: Message | None = None) -> None:
        """Nothing: whatever comes is for nobody here."""

    def met(self, meter: Eui64) -> None:
        """There is a link key with a meter now."""
        with self.work():
            known = self._known()
            if str(meter) not in known:
                self.storage.put_json(_SECTION, "meters", [*known, str(meter)])
                self.note(f"may read {meter}")

    def meters(self) -> list[Eui64]:
        """Those that it has a link key with."""
        return [Eui64(each) for each in self._known()]

    def _known(self) -> list[str]:
        meters: list[str] = self.storage.get_json(_SECTION, "meters", default=[])
        return meters

    def left(self) -> None:
        """A device that left the HAN has nobody to read."""
        super().left()
        with self.work():
            self.storage.delete(_SECTION, "meters")
            self.screen.forget()

    def display(self) -> str:
        """What it was told last; and it asks anew, so that the next look is of now."""
        self.screen.ask()
        return "\n".join(["CONNECTED" if self._known() else "NO METER", *self.screen.lines()])
