"""The emulated air: acknowledged frames a second among five radios, and what a firmware's frames cost.

By itself, and on the virtual loop on which a whole rig runs.
"""

from __future__ import annotations

import asyncio
from functools import partial

from hil.portal import Portal
from hil.virtual_time import VirtualLoop
from protocols.eui64 import Eui64
from protocols.radio import RadioSettings, TransmitResult
from rigs.emulated.air import EmulatedRadio, HeapScheduler, Link, Medium, Scheduler
from tests.bench.measure import in_turns, rate

FRAMES = 5_000
EXCHANGES = 25_000  # a firmware of 500 kB: 8,000 and more blocks, each a request and a response, and repeats


class _Sender:
    """Sends its next frame when the last one is over."""

    def __init__(self, radio: EmulatedRadio, frame: bytes, count: int) -> None:
        self.left = count
        self._radio = radio
        self._frame = frame
        radio.listen(self)
        radio.transmit(count, frame)

    def frame_transmitted(self, _token: int, _result: TransmitResult) -> None:
        self.left -= 1
        if self.left > 0:
            self._radio.transmit(self.left, self._frame)

    def frame_received(self, _frame: object) -> None:
        """Others send to us, too."""

    def energy_measured(self, channel: int, rssi_dbm: int) -> None:
        """Not asked for."""

    def radio_reset(self, cause: str) -> None:
        """Does not happen."""


def _start(scheduler: Scheduler, senders: int, loss: float, *, tapped: bool) -> None:
    medium = Medium(scheduler, seed=1, default_link=Link(loss=loss))
    if tapped:
        medium.tap(lambda _frame: None)
    radios = [EmulatedRadio(medium, str(number), Eui64(bytes(7) + bytes((number,)))) for number in range(5)]
    for number, radio in enumerate(radios):
        radio.configure(RadioSettings(15, 0x1234, number, radio.eui64))
    for number in range(senders):
        to = ((number + 1) % 5).to_bytes(2, "little")
        frame = b"\x61\x88\x01\x34\x12" + to + number.to_bytes(2, "little") + bytes(60)
        _Sender(radios[number], frame, FRAMES // senders)


def _run(senders: int, loss: float, *, tapped: bool) -> None:
    scheduler = HeapScheduler()
    _start(scheduler, senders, loss, tapped=tapped)
    scheduler.run()


def _run_on_virtual_loop() -> None:
    loop = VirtualLoop()

    async def work() -> None:
        _start(loop, 1, 0.0, tapped=False)
        await asyncio.sleep(3600)

    with Portal(loop=loop) as portal:
        portal.call(work())


def bench_air() -> None:
    """Print the figures."""
    cases = {
        "one sender": partial(_run, 1, 0.0, tapped=False),
        "one sender, with a tap": partial(_run, 1, 0.0, tapped=True),
        "one sender, 5 % loss": partial(_run, 1, 0.05, tapped=False),
        "one sender, virtual loop": _run_on_virtual_loop,
        "five senders at once": partial(_run, 5, 0.0, tapped=False),
    }
    print(
        "\nThe emulated air: frames with acknowledgement, back-off and filter, five radios (goal: 20,000/s)"
    )
    for name, figure in in_turns(cases, rounds=5).items():
        spent = EXCHANGES * figure.median / FRAMES
        print(f"  {name:<26}{rate(FRAMES, figure)}   {EXCHANGES:,} take {spent:.2f} s")
