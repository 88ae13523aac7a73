"""Far ends of the emulated premises' wires, and what drivers take as ``url`` to reach each of them.

========================  =========================  ==============================
far end                   endpoint                   driver
========================  =========================  ==============================
PtyWire                   ``/path/to/link``          ``serial``
TcpWire                   ``socket://host:port``     ``tcp``, ``serial``
UdpWire                   ``udp://host:port``        ``udp``
ConsoleWire               ``/path/to/link``          ``console``
ControlServer             ``unix:/path``             ``power-emulated``, ``stimulus-emulated``
========================  =========================  ==============================
"""

from rigs.emulated.wires_control import OPERATIONS, ControlServer
from rigs.emulated.wires_net import TcpWire, UdpWire
from rigs.emulated.wires_pty import ConsoleWire, PtyWire

__all__ = ["OPERATIONS", "ConsoleWire", "ControlServer", "PtyWire", "TcpWire", "UdpWire"]
