"""A device process killed at a random moment: its memory is from before or after a piece of work, never between."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.emulated_devices import DeviceBench
from protocols.gbcs.message import parse_message

ROOT = Path(__file__).parents[3]
# A meter that gets one command after another and, for each, sends a response or an alert. Every message that
# leaves is written down in one write, so that the test sees what the world saw.
CHILD = """
import os, sys
from fixtures.emulated_devices import DeviceBench

bench = DeviceBench("esme", path=sys.argv[1])
out = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
bench.device.send = lambda message: os.write(out, message.hex().encode() + b"\\n")
first = bench.device.trust_anchors.counter(2) + 1
os.write(1, b"ready\\n")
for number in range(first, first + 100_000):
    bench.device.handle(bench.command("ECS39a", mpan=f"{number:013}", counter=number))
    bench.device.handle(bench.command("ECS52", "second_supplier"))
"""


def run_and_kill(database: Path, sent: Path, delay_s: float) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(database), str(sent)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert child.stdout is not None
    with child, child.stdout:
        assert child.stdout.readline() == b"ready\n"
        try:
            child.wait(delay_s)
        except subprocess.TimeoutExpired:
            os.kill(child.pid, signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_any_moment(tmp_path, seed):
    database, sent = tmp_path / "esme.db", tmp_path / "sent"
    chance = random.Random(seed)
    for _ in range(3):
        run_and_kill(database, sent, chance.uniform(0.02, 0.3))
        assert sqlite3.connect(database).execute("PRAGMA integrity_check").fetchone() == ("ok",)
        bench = DeviceBench("esme", path=str(database))
        counter = bench.device.trust_anchors.counter(2)
        mpan = bench.device.mpan.read().value.decode()
        # Counter and value belong to the same command, as do refusal, log entry (every tenth has two) and the
        # alert's counter.
        assert mpan == (f"{counter:013}" if counter else bench.device.description.mpxn)
        refused = bench.storage.get_json("log", "refused", 0)
        assert refused == bench.storage.get_json("device", "counter", 0)
        assert bench.storage.get_json("log", "security", 0) == refused + refused // 10
        bench.storage.close()
    messages = [parse_message(bytes.fromhex(line)) for line in sent.read_text().split()]
    alerts = [each.header.originator_counter for each in messages if each.kind == "alert"]
    responses = [each.header.originator_counter for each in messages if each.kind == "response"]
    assert alerts == sorted(set(alerts))
    assert responses == sorted(set(responses))
    assert len(responses) > 10
    assert responses[-1] <= counter
    assert alerts[-1] <= refused
