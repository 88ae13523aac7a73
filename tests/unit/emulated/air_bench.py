"""A few radios on the air, and what they heard."""

from __future__ import annotations

import asyncio

from protocols.eui64 import Eui64
from protocols.radio import RadioSettings, ReceivedFrame, TransmitResult
from rigs.emulated.air import AirFrame, EmulatedRadio, HeapScheduler, Medium

PAN = 0x1234


def eui(number: int) -> Eui64:
    return Eui64(bytes((0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, number)))


def data(
    sequence: int, to: int, source: int, size: int = 20, *, ack: bool = True, pending: bool = False
) -> bytes:
    control = 0x41 | (0x20 if ack else 0) | (0x10 if pending else 0)
    addresses = PAN.to_bytes(2, "little") + to.to_bytes(2, "little") + source.to_bytes(2, "little")
    return bytes((control, 0x88, sequence)) + addresses + bytes(size)


def data_request(sequence: int, to: int, source: int | Eui64) -> bytes:
    pan = PAN.to_bytes(2, "little")
    if isinstance(source, int):
        return (
            b"\x63\x88"
            + bytes((sequence,))
            + pan
            + to.to_bytes(2, "little")
            + source.to_bytes(2, "little")
            + b"\x04"
        )
    return b"\x63\xc8" + bytes((sequence,)) + pan + to.to_bytes(2, "little") + source[::-1] + b"\x04"


class Ear:
    """A listener that keeps everything."""

    def __init__(self, radio) -> None:
        self.radio = radio
        self.frames: list[ReceivedFrame] = []
        self.results: dict[int, TransmitResult] = {}
        self.energy: list[tuple[int, int]] = []
        self.resets: list[str] = []
        self._changed = asyncio.Event()
        radio.listen(self)

    def frame_received(self, frame):
        self.frames.append(frame)
        self._changed.set()

    def frame_transmitted(self, token, result):
        self.results[token] = result
        self._changed.set()

    def energy_measured(self, channel, rssi_dbm):
        self.energy.append((channel, rssi_dbm))
        self._changed.set()

    def radio_reset(self, cause):
        self.resets.append(cause)
        self._changed.set()

    async def until(self, condition, seconds: float = 10.0) -> None:
        """Wait, looking again whenever something came; TimeoutError."""
        async with asyncio.timeout(seconds):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    @property
    def octets(self) -> list[bytes]:
        return [frame.octets for frame in self.frames]


class Air:
    """``count`` radios with short addresses 0, 1, 2... in one PAN on channel 15, in virtual time."""

    def __init__(self, count: int = 3, **keywords) -> None:
        self.scheduler = HeapScheduler()
        self.medium = Medium(self.scheduler, **keywords)
        self.shown: list[AirFrame] = []
        self.medium.tap(self.shown.append)
        self.radios = [EmulatedRadio(self.medium, f"r{number}", eui(number)) for number in range(count)]
        self.ears = [Ear(radio) for radio in self.radios]
        for number, radio in enumerate(self.radios):
            radio.configure(self.settings(number))

    @staticmethod
    def settings(number: int, **changes) -> RadioSettings:
        settings = RadioSettings(15, PAN, number, eui(number))
        for name, value in changes.items():
            setattr(settings, name, value)
        return settings

    def run(self, seconds: float = 10.0) -> None:
        self.scheduler.run(self.scheduler.time() + seconds)
