"""zigpy, fed with our cluster tables, decodes and builds a message of every command as we do."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from protocols.zigbee.zcl.clusters import load

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("zigpy") is None, reason="zigpy is not here: make interop installs it"
)
ROOT = Path(__file__).parents[2]
# What zigpy 2.4.0 has attributes or commands of; the rest are names to it.
ITS_OWN = {"0000", "0003", "000A", "0019", "0025", "0702"}


@pytest.fixture(scope="module")
def seen():
    command = [sys.executable, "-m", "tests.interop.zigpy_peer"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return json.loads(done.stdout)


def test_it_decodes_every_command_as_we_do(seen):
    assert seen["differences"] == []
    assert set(seen["registered"]) == {f"{number:04X}" for number in load()} - ITS_OWN
    registered = [load()[int(number, 16)] for number in seen["registered"]]
    commands = sum(len(each.commands_received) + len(each.commands_generated) for each in registered)
    assert seen["commands"] == commands
    assert all(seen["attributes"][f"{each.number:04X}"] >= len(each.attributes) for each in registered)


def test_attribute_types_of_the_clusters_it_knows_are_ours(seen):
    assert seen["known"] == []
