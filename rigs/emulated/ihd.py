"""The emulated in-home display (IHD): a Type 2 device, without GBCS credentials (devices.md 1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from protocols.eui64 import Eui64
from rigs.emulated.device import Device

if TYPE_CHECKING:
    from protocols.gbcs.message import Message

Heard = Callable[[dict[str, Any]], None]
_SECTION = "ihd"


class Ihd(Device):
    """A display that shows what an electricity meter lets it read.

    It has no part in remote party messages. Which meters talk to it, it learns by the link keys that it gets
    from the hub (CS03B at the meter). It asks for figures when somebody looks, and shows those it has: what
    changes stands there at the next look. ``ask`` reads a meter's figures; None without a HAN.
    """

    ask: Callable[[Eui64, Heard], None] | None = None

    def handle(self, message: bytes, parsed: Message | None = None) -> None:
        """Nothing: whatever comes is for nobody here."""

    def met(self, meter: Eui64) -> None:
        """There is a link key with a meter now."""
        with self.work():
            known = self._meters()
            if str(meter) not in known:
                self.storage.put_json(_SECTION, "meters", [*known, str(meter)])
                self.note(f"may read {meter}")

    def _meters(self) -> list[str]:
        meters: list[str] = self.storage.get_json(_SECTION, "meters", default=[])
        return meters

    def left(self) -> None:
        """A device that left the HAN has nobody to read."""
        super().left()
        with self.work():
            for key in ("meters", "figures"):
                self.storage.delete(_SECTION, key)

    def display(self) -> str:
        """The figures as they were at the last look, and a new look."""
        self.after_work(self._look)
        figures: dict[str, Any] = self.storage.get_json(_SECTION, "figures", default={})
        state = "CONNECTED" if self._meters() else "NO METER"
        return "\n".join([state, *(f"{name} {value}" for name, value in figures.items())])

    def _look(self) -> None:
        if self.ask is not None and self.powered:
            for meter in self._meters():
                self.ask(Eui64(meter), self._heard)

    def _heard(self, figures: dict[str, Any]) -> None:
        if self.powered:
            with self.work():
                self.storage.put_json(_SECTION, "figures", figures)
