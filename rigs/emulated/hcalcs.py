"""The emulated HAN connected auxiliary load control switch (HCALCS)."""

from __future__ import annotations

from rigs.emulated.asn1_server import credentials, device_certificates, firmware_commands, joining
from rigs.emulated.device import Device


class Hcalcs(Device):
    """A switch on the HAN: joined with a meter, which operates it."""

    payload_kind = "gbz"

    def register(self) -> None:
        """Credentials, joining, and its version."""
        super().register()
        for module in (credentials, device_certificates, joining):
            module.register(self)
        firmware_commands.register_version(self)

    def display(self) -> str:
        """Whether it has a meter, and the firmware version."""
        state = "CONNECTED" if self.join_log.entries() else "NO METER"
        return f"{state}\nFIRMWARE {self.firmware.version.hex()}"
