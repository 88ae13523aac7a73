"""Opening serial ports in tests."""

from __future__ import annotations

import asyncio
from pathlib import Path

from drivers.serial_line import DRIVER, SerialLineConfig
from hil.clock import RealClock
from protocols.ports import DriverContext, Frame, FrameKind


def context(**endpoints: str) -> DriverContext:
    named = {name.replace("_", "."): address for name, address in endpoints.items()}
    return DriverContext(RealClock(), "chf", "wan", Path("/nowhere"), named)


def open_port(url: str, **keys):
    return DRIVER.open(SerialLineConfig(url=url, **keys), context())


def gbcs(data: bytes) -> Frame:
    return Frame(FrameKind.GBCS, data)


async def within(work, seconds=5.0):
    return await asyncio.wait_for(work, seconds)
