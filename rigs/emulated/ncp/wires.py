"""An emulated NCP at the far end of a pseudo-terminal, under a path that stays the same."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from protocols.ports import PortClosedError
from rigs.emulated.wires_pty import PtyEnd

if TYPE_CHECKING:
    from pathlib import Path

    from rigs.emulated.fault_catalogue.sticks import StickLine
    from rigs.emulated.ncp.ncp import EmulatedNcp

_LIMIT = 256 * 1024


class NcpPty:
    """The endpoint is the path, for the driver ``zigpy`` and for any program that knows EZSP."""

    def __init__(self, path: Path, ncp: EmulatedNcp | StickLine) -> None:
        self._ncp = ncp
        self._end = PtyEnd(path, ncp.feed, limit=_LIMIT, whole=True)

    async def start(self) -> str:
        """Open; the endpoint is the path."""
        self._end.open()
        self._ncp.write = self._write
        return str(self._end.path)

    def _write(self, octets: bytes) -> None:
        with contextlib.suppress(PortClosedError):
            self._end.write(octets)

    async def close(self) -> None:
        """Close and remove the path; twice is harmless."""
        self._ncp.write = None
        await self._end.close()
