"""Counters: durable, shared by processes, never back."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hil.counters import CounterStore
from protocols.eui64 import Eui64
from protocols.ports import BenchError

PARTY = Eui64("90-B3-D5-1F-30-01-00-00")
OTHER = Eui64("90-B3-D5-1F-30-02-00-00")

WORKER = """
import sys
from hil.counters import CounterStore
from protocols.eui64 import Eui64
store = CounterStore(sys.argv[1])
party = Eui64("90-B3-D5-1F-30-01-00-00")
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    print(store.next(party), flush=True)
"""


def test_starts_at_one_and_goes_up_for_each_party_and_kind(tmp_path):
    store = CounterStore(tmp_path / "state" / "counters.sqlite")
    assert [store.next(PARTY) for _ in range(3)] == [1, 2, 3]
    assert store.next(PARTY, "utrn") == 1
    assert store.next(OTHER) == 1
    assert (store.last(PARTY), store.last(OTHER, "utrn")) == (3, 0)


def test_survives_reopening(tmp_path):
    path = tmp_path / "counters.sqlite"
    first = CounterStore(path)
    first.next(PARTY)
    first.close()
    assert CounterStore(path).next(PARTY) == 2
    assert first.next(PARTY) == 3  # opens again by itself


def test_never_goes_back(tmp_path):
    store = CounterStore(tmp_path / "counters.sqlite")
    assert store.next(PARTY, at_least=1000) == 1000
    assert store.next(PARTY) == 1001
    assert store.next(PARTY, at_least=5) == 1002
    assert store.next(PARTY, at_least=5000) == 5000


def test_holds_the_largest_values_and_then_says_so(tmp_path):
    store = CounterStore(tmp_path / "counters.sqlite")
    assert store.next(PARTY, at_least=2**63 - 1) == 2**63 - 1
    with pytest.raises(BenchError, match="the largest is"):
        store.next(PARTY)
    assert store.last(PARTY) == 2**63 - 1
    with pytest.raises(BenchError, match="utrn"):
        store.next(PARTY, "utrn", at_least=2**32)
    with pytest.raises(ValueError, match="no kind of counter"):
        store.next(PARTY, "sequence")


def test_an_unusable_folder_names_the_next_step(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("")
    with pytest.raises(BenchError, match="SMETS_HIL_STATE"):
        CounterStore(blocker / "counters.sqlite").next(PARTY)


def test_four_processes_never_share_a_value(tmp_path):
    path = tmp_path / "counters.sqlite"
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(path), "200"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    given = []
    for worker in workers:
        out, _ = worker.communicate(timeout=100)
        assert worker.returncode == 0
        values = [int(line) for line in out.split()]
        assert values == sorted(set(values))
        given += values
    assert sorted(given) == list(range(1, 801))


def test_a_killed_process_takes_no_value_back(tmp_path):
    path = tmp_path / "counters.sqlite"
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(path), "100000"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    worker.stdin.write("go\n")
    worker.stdin.flush()
    seen = [int(worker.stdout.readline()) for _ in range(30)]
    worker.kill()
    rest, _ = worker.communicate()
    whole_lines = rest.split("\n")[:-1]
    seen += [int(line) for line in whole_lines]
    assert CounterStore(path).next(PARTY) > max(seen)
