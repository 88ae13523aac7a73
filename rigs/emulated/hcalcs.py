"""The emulated HAN connected auxiliary load control switch (HCALCS)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from protocols.gbcs.asn1.types import DeviceType
from rigs.emulated.asn1_server import credentials, device_certificates, firmware_commands, joining
from rigs.emulated.causes import box
from rigs.emulated.device import Device

if TYPE_CHECKING:
    from protocols.eui64 import Eui64
    from rigs.emulated.command import Command

_SECTION, _DUE = "hcalcs", "event over"


class Hcalcs(Device):
    """A switch on the HAN: joined with a meter, which operates it.

    ``ask`` sends HECS01 to a meter: what is this switch to do? None without a HAN.
    """

    payload_kind = "gbz"
    ask: Callable[[Eui64], None] | None = None

    def register(self) -> None:
        """Credentials, joining, and its version."""
        super().register()
        for module in (credentials, device_certificates, joining, box):
            module.register(self)
        firmware_commands.register_version(self)
        self.due_handlers[_DUE] = lambda _device, _body: self._put(closed=False)

    def partner_needed(self, command: Command) -> Eui64 | None:
        """Method A needs a link key with the partner."""
        return joining.partner_needed(self, command)

    @property
    def closed(self) -> bool:
        """Whether the switch lets current through."""
        return bool(self.storage.get_json(_SECTION, "closed", default=False))

    def join_log_changed(self) -> None:
        """A new meter is asked at once."""
        self.after_work(self.ask_meters)

    def ask_meters(self) -> None:
        """Ask the meters that it is joined with; done after every return to the HAN as well."""
        if self.ask is not None and self.powered:
            for entry in self.join_log.entries():
                if entry.device_type == DeviceType.ESME:
                    self.ask(entry.device_id)

    def told(self, *, closed: bool, minutes: int) -> None:
        """The meter says what to do, and for how long (0: until further notice)."""
        with self.work():
            self._put(closed=closed)
            if closed and minutes:
                self.schedule.put(_DUE, self.device_clock.now() + timedelta(minutes=minutes), _DUE, {})
            else:
                self.schedule.cancel(_DUE)

    def _put(self, *, closed: bool) -> None:
        if closed != self.closed:
            self.storage.put_json(_SECTION, "closed", closed)
            self.note(f"switch {'closed' if closed else 'open'}")

    def display(self) -> str:
        """Whether it has a meter, the switch's position, and the firmware version."""
        state = "CONNECTED" if self.join_log.entries() else "NO METER"
        position = "CLOSED" if self.closed else "OPEN"
        return f"{state}\nSWITCH {position}\nFIRMWARE {self.firmware.version.hex()}"


def is_closed(values: dict[str, Any]) -> bool:
    """What a load control event asks of a switch: a duty cycle of anything above zero closes it."""
    return bool(values["Duty Cycle"])
