"""Data to devices over raw EZSP: unicasts with their outcome, broadcasts, long messages in blocks."""

from __future__ import annotations

import asyncio
from typing import Any

import bellows.types as bt

from drivers.zigpy_ezsp_command import Commands, StickRefusedError, check
from drivers.zigpy_fragments import blocks_of
from drivers.zigpy_stick import Outgoing
from protocols.ezsp.fields import Values
from protocols.ezsp.names import ApsOption
from protocols.han import DataStatus
from protocols.zigbee.stack.constants import BROADCAST_FIRST

_ENCRYPTION_OCTETS = 9
_EXTENDED_OCTETS = 2
_SENT_S = 60.0  # a sleeper's acknowledgement after all repeats
_RETRY_S = 0.1


class EzspSender:
    """Sends; ``sent`` has to be told of messageSentHandler. ``longest``: payload that fits, not encrypted."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands
        self.longest = 0
        self._tag = 0
        self._waiting: dict[int, asyncio.Future[DataStatus]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()  # blocks of different messages are not mixed

    def awaits(self, tag: int) -> bool:
        """Whether a message with this tag is under way."""
        return tag in self._waiting

    def close(self) -> None:
        """Give up what is under way."""
        for task in tuple(self._tasks):
            task.cancel()
        for done in self._waiting.values():
            if not done.done():
                done.set_result(DataStatus.NOT_DELIVERED)
        self._waiting.clear()

    async def submit(self, data: Outgoing) -> asyncio.Future[DataStatus]:
        """Hand data over."""
        room = self.longest - (_ENCRYPTION_OCTETS if data.encrypted else 0)
        if data.short >= BROADCAST_FIRST:
            await self.broadcast(data)
            return self._over(DataStatus.DONE)
        if len(data.payload) <= room:
            return await self._unicast(data, data.payload, self._options(data), 0, 0)
        blocks = blocks_of(data.payload, room - _EXTENDED_OCTETS)
        if blocks is None:
            return self._over(DataStatus.TOO_LONG)
        done: asyncio.Future[DataStatus] = asyncio.get_running_loop().create_future()
        self._aside(self._send_blocks(data, blocks, done))
        return done

    def _over(self, status: DataStatus) -> asyncio.Future[DataStatus]:
        done: asyncio.Future[DataStatus] = asyncio.get_running_loop().create_future()
        done.set_result(status)
        return done

    def _aside(self, job: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _options(self, data: Outgoing) -> int:
        options = ApsOption.ENABLE_ROUTE_DISCOVERY
        if data.acknowledged:
            options |= ApsOption.RETRY
        if data.encrypted:
            options |= ApsOption.ENCRYPTION
        return int(options)

    async def _unicast(
        self, data: Outgoing, payload: bytes, options: int, group: int, sequence: int
    ) -> asyncio.Future[DataStatus]:
        done, _ = await self._unicast_as(data, payload, options, group, sequence)
        return done

    async def _unicast_as(
        self, data: Outgoing, payload: bytes, options: int, group: int, sequence: int
    ) -> tuple[asyncio.Future[DataStatus], int]:
        frame = self._frame(data, options, group, sequence)
        async with asyncio.timeout(_SENT_S):
            while True:
                tag, done = self._next_tag()
                status, used = await self._commands.ezsp.send_unicast(data.short, frame, tag, payload)
                if status == bt.sl_Status.OK:
                    asyncio.get_running_loop().call_later(_SENT_S, self._too_late, tag, done)
                    return done, int(used)
                del self._waiting[tag]
                if status != bt.sl_Status.ZIGBEE_MAX_MESSAGE_LIMIT_REACHED:
                    return self._over(_refused(status)), 0
                await asyncio.sleep(_RETRY_S)

    def _frame(self, data: Outgoing, options: int, group: int, sequence: int) -> Any:
        return bt.EmberApsFrame(
            profileId=bt.uint16_t(data.profile),
            clusterId=bt.uint16_t(data.cluster),
            sourceEndpoint=bt.uint8_t(data.source_endpoint),
            destinationEndpoint=bt.uint8_t(data.destination_endpoint),
            options=bt.EmberApsOption(options),
            groupId=bt.uint16_t(group),
            sequence=bt.uint8_t(sequence),
        )

    def _next_tag(self) -> tuple[int, asyncio.Future[DataStatus]]:
        for _ in range(255):
            self._tag = self._tag % 255 + 1
            if self._tag not in self._waiting:
                break
        else:
            raise StickRefusedError("255 messages wait for their acknowledgement")
        done: asyncio.Future[DataStatus] = asyncio.get_running_loop().create_future()
        self._waiting[self._tag] = done
        return self._tag, done

    async def _send_blocks(
        self, data: Outgoing, blocks: list[bytes], done: asyncio.Future[DataStatus]
    ) -> None:
        """One block after the other, each acknowledged: Smart Energy's window is one."""
        options = self._options(data) | ApsOption.FRAGMENT | ApsOption.RETRY
        status, sequence = DataStatus.NOT_DELIVERED, 0
        try:
            async with self._turn:
                for number, block in enumerate(blocks):
                    group = len(blocks) << 8 | number
                    sent, used = await self._unicast_as(data, block, int(options), group, sequence)
                    sequence = used if number == 0 else sequence
                    status = await sent
                    if status is not DataStatus.DONE:
                        break
        finally:
            if not done.done():
                done.set_result(status)

    async def broadcast(self, data: Outgoing) -> None:
        """Send to many; nobody acknowledges."""
        frame = self._frame(data, 0, 0, 0)
        status, _ = await self._commands.ezsp.send_broadcast(
            address=bt.BroadcastAddress(data.short),
            aps_frame=frame,
            radius=bt.uint8_t(0),
            message_tag=bt.uint8_t(0),
            aps_sequence=bt.uint8_t(0),
            data=data.payload,
        )
        check(status, "broadcast")

    def sent(self, tag: int, status: DataStatus) -> None:
        """A message with this tag is over."""
        done = self._waiting.pop(tag, None)
        if done is not None and not done.done():
            done.set_result(status)

    def _too_late(self, tag: int, done: asyncio.Future[DataStatus]) -> None:
        """Nobody acknowledged; by now the tag may be another message's."""
        if self._waiting.get(tag) is done:
            self.sent(tag, DataStatus.NO_ACK)

    def acknowledge(self, sender: int, aps: Values, group: int) -> None:
        """Acknowledge blocks of a device's message."""
        self._aside(self._acknowledge(sender, aps, group))

    async def _acknowledge(self, sender: int, aps: Values, group: int) -> None:
        kept = aps["options"] & (ApsOption.ENCRYPTION | ApsOption.FRAGMENT)
        data = Outgoing(
            sender, aps["profile"], aps["cluster"], aps["destination_endpoint"], aps["source_endpoint"], b""
        )
        await self._commands.ezsp.sendReply(
            sender, self._frame(data, kept, group, aps["sequence"]), bt.LVBytes(b"")
        )


def _refused(status: Any) -> DataStatus:
    """What it means that the stick did not take data."""
    known = {
        "MESSAGE_TOO_LONG": DataStatus.TOO_LONG,
        "NETWORK_DOWN": DataStatus.NO_NETWORK,
        "NOT_JOINED": DataStatus.NO_NETWORK,
        "ZIGBEE_APS_ENCRYPTION_ERROR": DataStatus.NO_KEY,
        "INVALID_KEY": DataStatus.NO_KEY,
    }
    return known.get(getattr(status, "name", ""), DataStatus.NOT_DELIVERED)
