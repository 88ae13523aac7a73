"""A PPMID that sleeps: hub and meter keep what is for it until it asks."""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs
from protocols.ports import StimulusKind
from protocols.zigbee.mac import FrameType

from ..reads import read

pytestmark = [
    needs(
        state="commissioned",
        devices=["esme", "sleepy_ppmid"],
        capabilities=["chf.han.watch", "sleepy_ppmid.stimulus"],
    ),
    leaves("restored"),
]

DATA_REQUEST = 0x04  # MAC command of a device that polls
POLLS, LIMIT_S, ANSWER_S = 3, 60.0, 40.0
DISPLAY = StimulusKind.DISPLAY


@pytest.fixture
def sleeper(bench):
    """The rig names such a PPMID ``sleepy_ppmid`` (rigs/sleepy-ppmid.toml)."""
    return bench.devices["sleepy_ppmid"]


def polls(bench, mark):
    """Times of the data requests on the air after a mark, in seconds."""
    frames = [(seen.time_s, seen.frame.mac) for seen in bench.han.since(mark) if seen.frame.mac is not None]
    return [
        at
        for at, mac in frames
        if mac.frame_type is FrameType.COMMAND and mac.payload[:1] == bytes((DATA_REQUEST,))
    ]


@covers("PPMID-02")
def test_commands_wait_until_it_polls(bench, sleeper, check):
    read(bench, sleeper, timeout_s=LIMIT_S)
    bench.wait(ANSWER_S)
    mark = bench.han.mark()
    for _ in range(POLLS):
        check.equal("PPMID-02", sleeper.name, read(bench, sleeper, timeout_s=LIMIT_S).device)
    asked = polls(bench, mark)
    assert len(asked) >= POLLS, f"{len(asked)} polls in {POLLS} commands: this PPMID does not sleep"


@covers("PPMID-02")
def test_meter_answers_although_it_polls_late(bench, sleeper, check):
    sleeper.stimulus.apply(StimulusKind.BUTTON, "enable=1")  # anything but supply on is refused by any meter
    bench.wait(ANSWER_S)
    shown = sleeper.stimulus.apply(DISPLAY).answer
    check.that("PPMID-02", "METER REFUSED" in shown, expected="the meter's answer", observed=shown)
