"""The first words with an RCP: is it one, is it new enough, what can it do; else, what is there instead."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from protocols.errors import DecodeError
from protocols.eui64 import Eui64
from protocols.ports import BenchError
from protocols.spinel.datatypes import unpack
from protocols.spinel.frame import Command, ResetKind, SpinelFrame
from protocols.spinel.properties import (
    FORMATS,
    HOST_API_VERSION,
    OLDEST_RCP_API_VERSION,
    PROTOCOL_MAJOR,
    Capability,
    Property,
    RadioCapability,
)
from protocols.spinel.status import status_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivers.spinel_link import SpinelLink

_NEEDED = RadioCapability.ACK_TIMEOUT | RadioCapability.TRANSMIT_RETRIES | RadioCapability.CSMA_BACKOFF
_TRIES = 3
_FLASH = "flash OpenThread RCP firmware (ot-rcp) for this stick"
_SILABS = "universal-silabs-flasher --device {address} flash --firmware ot-rcp.gbl"
_ASH_RESET = bytes.fromhex("1AC038BC7E")
_MT_PING = bytes.fromhex("FE00210120")
_PROBE_S = 0.4


@dataclass(slots=True)
class RcpInfo:
    """What an RCP says of itself."""

    version: str
    api_version: int
    eui64: Eui64
    capabilities: frozenset[int]
    radio_capabilities: RadioCapability


class Dialogue:
    """The start-up of one RCP on ``address``; ``table`` names its port in the rig file.

    ``write`` sends octets that are no Spinel.
    """

    def __init__(
        self, link: SpinelLink, address: str, table: str, write: Callable[[bytes], None], limit_s: float
    ) -> None:
        self._link = link
        self._where = f"{address} ({table})"
        self._silabs = f"{_FLASH}: {_SILABS.format(address=address)}"
        self._write = write
        self._limit_s = limit_s

    async def run(self, reset_seen: asyncio.Event) -> RcpInfo:
        """Check and reset; ``reset_seen`` is set by whoever gets the RCP's notification."""
        await self._check_protocol()
        capabilities = await self._check_kind()
        version = str((await self._get(Property.NCP_VERSION))[0])
        api_version = await self._check_api(capabilities, version)
        radio = RadioCapability((await self._get(Property.RADIO_CAPS))[0])
        missing = [bit.name.lower() for bit in _NEEDED if bit not in radio and bit.name]
        if missing:
            raise self._refusal(f"its firmware ({version}) leaves to the host: {', '.join(missing)}", _FLASH)
        eui64 = Eui64((await self._get(Property.HWADDR))[0])
        reset_seen.clear()
        self._link.send(SpinelFrame(Command.RESET, value=bytes((ResetKind.STACK,))))
        try:
            await asyncio.wait_for(reset_seen.wait(), self._limit_s)
        except TimeoutError:
            raise self._refusal(
                "it does not reset when told to", "unplug it, plug it in and try again"
            ) from None
        return RcpInfo(version, api_version, eui64, capabilities, radio)

    async def _check_protocol(self) -> None:
        self._write(b"\x7e\x7e")  # ends half a frame of a session that was killed
        for _ in range(_TRIES):
            try:
                major, minor = await self._get(Property.PROTOCOL_VERSION, limit_s=self._limit_s / _TRIES)
            except TimeoutError:
                continue
            if major != PROTOCOL_MAJOR:
                raise self._refusal(
                    f"it speaks Spinel {major}.{minor}, and {PROTOCOL_MAJOR}.x is needed", _FLASH
                )
            return
        raise await self._something_else()

    async def _check_kind(self) -> frozenset[int]:
        (listed,) = await self._get(Property.CAPS)
        capabilities = frozenset(listed)
        if Capability.MAC_RAW not in capabilities or Capability.CONFIG_RADIO not in capabilities:
            (version,) = await self._get(Property.NCP_VERSION)
            is_ncp = capabilities & {Capability.CONFIG_FTD, Capability.CONFIG_MTD}
            kind = "a whole Thread stack (NCP)" if is_ncp else "no radio co-processor"
            raise self._refusal(f"its firmware ({version}) is {kind}", _FLASH)
        return capabilities

    async def _check_api(self, capabilities: frozenset[int], version: str) -> int:
        api = 0
        if Capability.RCP_API_VERSION in capabilities:
            (api,) = await self._get(Property.RCP_API_VERSION)
        if api < OLDEST_RCP_API_VERSION:
            raise self._refusal(
                f"its firmware ({version}) has RCP API {api}, older than {OLDEST_RCP_API_VERSION}",
                f"{_FLASH}, a newer one",
            )
        if Capability.RCP_MIN_HOST_API_VERSION in capabilities:
            (oldest,) = await self._get(Property.RCP_MIN_HOST_API_VERSION)
            if oldest > HOST_API_VERSION:
                raise self._refusal(
                    f"its firmware ({version}) wants RCP API {oldest}, newer than {HOST_API_VERSION}",
                    f"{_FLASH}, an older one",
                )
        return int(api)

    async def _get(self, key: Property, *, limit_s: float | None = None) -> tuple[Any, ...]:
        try:
            answer = await self._link.ask(Command.GET, key, limit_s=limit_s or self._limit_s)
        except TimeoutError:
            if limit_s is not None:
                raise
            raise self._refusal(
                f"it stopped answering at {key.name}",
                "check cable, baud and flow_control, or plug it in anew",
            ) from None
        try:
            if answer.property == key:
                return unpack(FORMATS[key], answer.value)
            (code,) = unpack("i", answer.value)
        except DecodeError as error:
            raise self._refusal(f"its {key.name} makes no sense: {error}", _FLASH) from error
        raise self._refusal(f"it has no {key.name}: {status_name(code)}", _FLASH)

    def _refusal(self, problem: str, remedy: str) -> BenchError:
        return BenchError(f"the radio of {self._where} cannot be used: {problem}", next_step=remedy)

    async def _something_else(self) -> BenchError:
        """Nothing answers Spinel: find out which of the other firmwares of such sticks it is."""
        for probe, mark, kind, remedy in (
            (_ASH_RESET, b"\xc1\x02", "Silicon Labs EZSP (NCP)", self._silabs),
            (_MT_PING, b"\xfe\x02\x61\x01", "Texas Instruments Z-Stack (ZNP)", _FLASH),
        ):
            self._write(probe)
            await asyncio.sleep(_PROBE_S)
            if mark in self._link.octets:
                return self._refusal(
                    f"its firmware is {kind} and not an RCP",
                    f"use a driver for {kind.split()[-2]}, or {remedy}",
                )
        heard = bytes(self._link.octets)
        if b"ootloader" in heard:
            return self._refusal(
                "it stands in its boot loader", self._silabs if b"Gecko" in heard else _FLASH
            )
        if heard:
            return self._refusal(
                f"it sends no Spinel but {len(heard)} other octets, {heard[:12].hex(' ')} ...",
                f"correct baud and flow_control; if they are right, {_FLASH}",
            )
        return self._refusal(
            "nothing answers", f"check url, baud and flow_control; if they are right, {_FLASH}"
        )
