"""Keys and devices of an EZSP stick: link keys in its table, devices sent away, the network key anew."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import bellows.types as bt

from drivers.zigpy_ezsp_command import Commands, StickRefusedError, check
from drivers.zigpy_words import to_eui64
from protocols.eui64 import Eui64
from protocols.zigbee.stack.constants import BROADCAST_FIRST

_SETTLE_S = 0.5


class EzspKeys:
    """Part of `drivers.zigpy_stick.Stick`."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands
        self.network_keys: dict[int, bytes] = {}

    async def allow(self, eui64: Eui64, link_key: bytes) -> None:
        """Import a transient key for one device; never one for all."""
        status = await self._commands.ezsp.add_transient_link_key(to_eui64(eui64), bt.KeyData(link_key))
        check(status, "transient key")

    async def import_key(self, eui64: Eui64, key: bytes) -> None:
        """Put a link key into the stick's table."""
        ieee, value = to_eui64(eui64), bt.KeyData(key)
        if int(self._commands.ezsp.ezsp_version) < 13:
            await self._commands("addOrUpdateKeyTableEntry", ieee, True, value)
            return
        index = await self._place(ieee)
        await self._commands("importLinkKey", index, ieee, value)

    async def _place(self, ieee: Any) -> int:
        (index,) = await self._commands.ezsp.findKeyTableEntry(ieee, True)
        if int(index) != 0xFF:
            return int(index)
        _, size = await self._commands("getConfigurationValue", bt.EzspConfigId.CONFIG_KEY_TABLE_SIZE)
        for free in range(int(size)):
            answer = await self._commands.ezsp.exportLinkKeyByIndex(free)
            statuses = [value for value in answer if isinstance(value, bt.sl_Status)]
            if statuses and statuses[0] != bt.sl_Status.OK:
                return free
        raise StickRefusedError(f"the key table is full ({int(size)} keys)")

    async def forget_key(self, eui64: Eui64) -> None:
        """Erase a key from the stick's table."""
        (index,) = await self._commands.ezsp.findKeyTableEntry(to_eui64(eui64), True)
        if int(index) != 0xFF:
            await self._commands("eraseKeyTableEntry", int(index))

    async def remove(self, eui64: Eui64, short: int, parent: int) -> None:
        """By the device's parent where that is a router (APS Remove-Device), else the device itself."""
        target, address, ieee = to_eui64(eui64), short, to_eui64(eui64)
        if parent not in (0x0000, 0xFFFF):
            answer = await self._commands.ezsp.lookupEui64ByNodeId(parent)
            if bt.sl_Status.from_ember_status(answer[0]) == bt.sl_Status.OK:
                address, ieee = parent, answer[1]
        await self._commands.ezsp.removeDevice(address, ieee, target)

    async def lookup(self, eui64: Eui64) -> int | None:
        """A device's short address, as far as the stick knows."""
        answer = await self._commands.ezsp.lookupNodeIdByEui64(to_eui64(eui64))
        return None if int(answer[-1]) >= BROADCAST_FIRST else int(answer[-1])

    async def sleeper(self, eui64: Eui64, *, sleeps: bool) -> None:
        """Have acknowledgements of a sleeper waited for longer."""
        await self._commands.ezsp.setExtendedTimeout(to_eui64(eui64), sleeps)

    async def refresh_network_key(self, devices: list[tuple[Eui64, int]]) -> None:
        """Give each device the new key, then switch; the stick tells of the switch."""
        octets = secrets.token_bytes(16)
        key = bt.KeyData(octets)
        self.network_keys[(max(self.network_keys, default=-1) + 1) & 0xFF] = octets
        if not devices:
            await self._commands("broadcastNextNetworkKey", key)
        for eui64, short in devices:
            await self._commands("unicastNwkKeyUpdate", short, to_eui64(eui64), key)
        await asyncio.sleep(_SETTLE_S)
        await self._commands("broadcastNetworkKeySwitch")
