"""Whom data goes to, as the stick has to be told it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.han import DataStatus
from protocols.zigbee.stack.constants import BROADCAST_FIRST

if TYPE_CHECKING:
    from drivers.zigpy_members import Members
    from drivers.zigpy_stick import Outgoing, Stick
    from protocols.eui64 import Eui64


async def address(
    data: Outgoing, destination: Eui64 | int, members: Members, stick: Stick, *, needed: bool
) -> DataStatus | None:
    """Fill in the short address; why the data cannot be sent, or None.

    ``needed``: only under a link key that key establishment made.
    """
    if isinstance(destination, int):
        eui64 = members.eui64(destination)
        data.short = destination
    else:
        eui64 = destination
        member = members.get(eui64)
        short = member.short if member is not None else None
        short = await stick.lookup(eui64) if short is None else short
        if short is None:
            return DataStatus.UNKNOWN_ADDRESS
        data.short = short
    if data.encrypted and data.short < BROADCAST_FIRST:
        member = members.get(eui64) if eui64 is not None else None
        if member is None or (needed and not member.established):
            return DataStatus.NO_KEY
    return None
