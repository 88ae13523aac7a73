"""The emulated stand-alone auxiliary proportional controller (SAPC)."""

from __future__ import annotations

from protocols.dlms.axdr import octet_string
from rigs.emulated import identity, log_objects
from rigs.emulated.asn1_server import credentials, device_certificates, firmware_commands, joining
from rigs.emulated.auxiliary_calendar import AuxiliaryCalendar
from rigs.emulated.boost import Boost
from rigs.emulated.causes import box, controllers
from rigs.emulated.device import Device
from rigs.emulated.dlms_clock import ClockObject
from rigs.emulated.objects import dated
from rigs.emulated.randomised_offset import RandomisedOffset

_FIRMWARE_OBIS = "0000000201FF"


class Sapc(Device):
    """A proportional controller with remote parties of its own: a supplier and a load controller."""

    def register(self) -> None:
        """Credentials, firmware, joining; DLMS objects of the load control use cases."""
        super().register()
        for module in (credentials, device_certificates, firmware_commands, joining, box):
            module.register(self)
        self.cosem.attribute(1, _FIRMWARE_OBIS, 2, read=lambda: octet_string(self.firmware.version))
        log_objects.register(self)
        self.auxiliary = controllers.register(self)
        Boost(self, self.auxiliary)
        AuxiliaryCalendar(self, self.auxiliary, RandomisedOffset(self))
        ClockObject(self)
        identity.register(self)
        dated.register_cosem(self)

    def display(self) -> str:
        """The firmware version."""
        return f"FIRMWARE {self.firmware.version.hex()}"
