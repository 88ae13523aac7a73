"""What the emulator process is told: nodes, their wires, and where state lives.

The harness reads rig files and fills these in; nothing here parses a file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from rigs.emulated.han.settings import HanSettings

if TYPE_CHECKING:
    from pathlib import Path

    from rigs.emulated.description import DeviceDescription
    from rigs.emulated.fault_catalogue import FaultOrder


class WireKind(StrEnum):
    """Far ends that the emulator can put behind a node's port."""

    PTY = "pty"  # a serial line: message port
    TCP = "tcp"  # message port
    UDP = "udp"  # message port
    CONSOLE = "console"  # a serial line on which the device talks to people
    RCP = "rcp"  # a serial line with radio co-processor firmware at its end, for the node's HAN side
    NCP = "ncp"  # likewise, with EZSP firmware: a whole stack
    MEMORY = "memory"  # messages or console, inside the process that also holds the near end


@dataclass(slots=True)
class WireConfig:
    """One port of one node, reached over one wire.

    ``address`` is empty when the emulator may choose; otherwise a path for lines (the emulator puts a link
    there) or ``host:port`` for sockets. ``port`` is the port's name in the rig file: ``wan``, ``serial`` or
    ``gateway`` carry messages, ``console`` text.
    """

    node: str
    port: str
    kind: WireKind
    address: str = ""


@dataclass(slots=True)
class NodeConfig:
    """One emulated device. ``via`` names the hub it stands behind; empty for one on a line of its own.

    ``radio``: it has a radio of its own (`rigs.emulated.han.air.Air.radios`), so that hub may be a real one.
    """

    description: DeviceDescription
    via: str = ""
    radio: bool = False


@dataclass(slots=True)
class EmulatorConfig:
    """Everything that one emulator process runs.

    ``state_dir`` holds one database a device, ``endpoints.json`` and ``emulator.lock``. With
    ``until_stdin_closes`` the process ends when its standard input does, so that a harness that dies leaves
    no emulator behind.
    ``faults`` are had from the start, for good.
    ``durable``: what devices remember outlives the machine's fall, not only the process's.
    """

    name: str
    state_dir: Path
    nodes: list[NodeConfig] = field(default_factory=list)
    wires: list[WireConfig] = field(default_factory=list)
    han: HanSettings = field(default_factory=HanSettings)
    until_stdin_closes: bool = False
    faults: list[FaultOrder] = field(default_factory=list)
    durable: bool = True
