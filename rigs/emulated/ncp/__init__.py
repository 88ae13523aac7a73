"""An emulated EZSP network co-processor: EmberZNet's host interface on our stack and the emulated air.

``EmulatedNcp`` is the NCP, ``NcpPty`` puts it at the far end of a pseudo-terminal; unmodified bellows drives
it. The same stack is behind it as behind all emulated devices.
"""

from rigs.emulated.ncp.kept import KeptTokens
from rigs.emulated.ncp.ncp import EmulatedNcp
from rigs.emulated.ncp.state import NcpFirmware, Violation, ViolationKind
from rigs.emulated.ncp.wires import NcpPty

__all__ = ["EmulatedNcp", "KeptTokens", "NcpFirmware", "NcpPty", "Violation", "ViolationKind"]
