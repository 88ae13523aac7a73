"""``hil sniff``: capture live from a radio."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from protocols.ports import ConfigError

if TYPE_CHECKING:
    from hil.capture.sniffer import Output, Sniffer

_DEFAULT_FILE = "sniff.pcapng"


@click.command()
@click.option("--channel", type=click.IntRange(11, 26), help="Default: each in turn, until one has frames.")
@click.option("--radio", metavar="URL", help="Serial path of a stick, or socket://host:port.")
@click.option("--driver", default="spinel", show_default=True, help="How the radio at URL is spoken to.")
@click.option("--rig", metavar="RIG", help="Rig file whose radio is to be used, instead of --radio.")
@click.option("--node", metavar="NAME", help="Node of the rig whose port han is that radio.")
@click.option(
    "-o", "--output", metavar="FILE", default=_DEFAULT_FILE, show_default=True, help="pcapng; - for a pipe."
)
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), help="End by itself after so long.")
def command(
    *,
    channel: int | None,
    radio: str | None,
    driver: str,
    rig: str | None,
    node: str | None,
    output: str,
    seconds: float | None,
) -> None:
    """Capture the 802.15.4 frames of one channel until Ctrl-C.

    Live in Wireshark: hil sniff --radio /dev/ttyACM0 --channel 15 -o - | wireshark -k -i -
    """
    if output == "-" and sys.stdout.isatty():
        raise ConfigError("a capture is not for a terminal", next_step="-o FILE, or | wireshark -k -i -")
    descriptor = 1 if output == "-" else _create(output)
    try:
        asyncio.run(_sniff(channel, (radio, rig, node, driver), descriptor, seconds))
    finally:
        if output != "-":
            os.close(descriptor)


def _create(path: str) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}", next_step="-o FILE") from error


async def _sniff(
    channel: int | None,
    named: tuple[str | None, str | None, str | None, str],
    descriptor: int,
    seconds: float | None,
) -> None:
    from hil.capture.radios import open_radio
    from hil.capture.recorder import section
    from hil.capture.sniffer import Output, Sniffer
    from hil.clock import RealClock

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(ValueError, NotImplementedError, RuntimeError):  # not in the main thread
            loop.add_signal_handler(number, stop.set)
    clock = RealClock()
    radio = await open_radio(*named, clock)
    out = Output(descriptor)
    sniffer = Sniffer(radio, clock, out, section())
    live = _Live(sys.stderr.isatty())
    try:
        await sniffer.run(channel, stop, seconds=seconds, on_look=live.show)
    finally:
        sniffer.finish()
        await radio.close()
        live.end(sniffer)
    _check(out)


def _check(out: Output) -> None:
    """A reader that went away ends a capture in order; a full disk does not."""
    if out.problem is not None and not isinstance(out.problem, BrokenPipeError):
        raise ConfigError(f"the capture is not whole: {out.problem}", next_step="make room, or name -o FILE")


class _Live:
    """Counts on standard error: as they grow on a terminal, and at the end."""

    def __init__(self, terminal: bool) -> None:
        self._terminal = terminal
        self._shown = ""

    def show(self, sniffer: Sniffer) -> None:
        text = sniffer.summary()
        if self._terminal and text != self._shown:
            sys.stderr.write(f"\r\033[K{text}")
            sys.stderr.flush()
            self._shown = text

    def end(self, sniffer: Sniffer) -> None:
        lead = "\r\033[K" if self._terminal else ""
        sys.stderr.write(f"{lead}{sniffer.summary()}\n")
        for cause in sniffer.resets:
            sys.stderr.write(f"the radio was reset ({cause}): frames may be missing\n")
