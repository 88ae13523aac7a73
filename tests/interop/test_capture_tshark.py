"""tshark over the capture of a full run, with nothing but the folder that the run made for it.

Frame by frame it has to see what the bench's own codecs see, decrypt everything, and find nothing malformed but what
is hostile on purpose.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.interop.two_views import Views, compare
from tests.interop.wireshark import needs_tshark

pytestmark = [needs_tshark, pytest.mark.timeout(1_500)]

ROOT = Path(__file__).parents[2]
RIG = os.environ.get("HIL_CAPTURE_RIG", str(ROOT / "rigs/emulated.toml"))


@pytest.fixture(scope="module")
def views(tmp_path_factory):
    """Of a run that somebody names (HIL_CAPTURE_RUN), or of a full one made here."""
    named = os.environ.get("HIL_CAPTURE_RUN")
    folder = Path(named) if named else tmp_path_factory.mktemp("runs") / "run"
    if not named:
        command = [sys.executable, "-m", "hil", "run", "--rig", RIG, "--run-dir", str(folder)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return compare(folder)


def test_nothing_is_malformed_but_what_is_hostile_on_purpose(views: Views):
    assert views.malformed == {}
    assert views.counts.malformed == 0
    assert views.hostile == views.counts.hostile >= 20
    assert views.hostile_malformed >= 20
    assert len(views.hostile_kinds) >= 25


def test_every_payload_is_decrypted(views: Views):
    assert views.closed == {}
    assert views.counts.closed == {}
    assert views.nwk_secured > 1_000
    assert views.aps_secured > 500


def test_every_message_is_recognised(views: Views):
    assert views.messages_differ == {}
    assert views.tunnelled == views.counts.tunnelled > 100
    assert views.strange_alone == {}
    assert views.alone == views.counts.messages > 100


def test_layers_are_those_we_count(views: Views):
    assert views.layers_differ == {}
    assert views.compared == sum(views.counts.mac.values()) > 5_000


def test_tshark_needed_a_second_look_at_few(views: Views):
    """Where fragments were left over that it takes for those of a later transfer; no more than one frame in 10,000."""
    assert len(views.confused) <= views.packets // 10_000


def test_comments_name_tests_and_use_cases(views: Views):
    assert any("::test_" in comment and "use case: ECS52" in comment for comment in views.comments)
    assert (views.folder / "wireshark" / "zigbee_pc_keys").is_file()
    document = json.loads((views.folder / "results.json").read_text())
    assert document["capture"]["layers"] == views.counts.as_json()
