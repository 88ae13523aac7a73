"""tshark over the capture of a full run, with nothing but the folder that the run made for it.

Frame by frame it has to see what the bench's own codecs see, decrypt everything, and find nothing malformed but what
is hostile on purpose.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from hil.capture.counts import count_file
from protocols.zigbee.mac import Ack
from tests.interop.wireshark import needs_tshark

pytestmark = [needs_tshark, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
RIG = os.environ.get("HIL_CAPTURE_RIG", str(ROOT / "rigs/emulated.toml"))
ENCRYPTED, MALFORMED = "zbee_sec.encrypted_payload", "_ws.malformed"
MESSAGE_CODE = "gbcs_message.grouping_header.message_code"
SLICE = 400  # frames before one that are enough to put its fragments together
FIELDS = (
    "frame.protocols", "frame.comment", "frame.interface_name", "wpan.frame_type", "wpan.fcs_ok", "zbee_nwk.frame_type",
    "zbee_aps.type", "zbee_aps.cluster", "gbcs_gbz.alert_code", MESSAGE_CODE, ENCRYPTED, MALFORMED,
)  # fmt: skip


# Of a run of all suites (240,000 frames) tshark also calls three malformed that we do not, of tests with power cuts
# and voltages: not understood yet, so these suites are left out here; so is a test of images to several devices at once,
# where it leaves a fragmented message alone.
_FILES = (
    "commissioning or han or test_activation or test_dated or test_distribution or test_ppmid_image or test_display "
    "or test_network or test_refusals or test_supply or test_tamper"
)
_SUITES = ("commissioning", "firmware", "alerts", "han")
SOME = (
    *(word for suite in _SUITES for word in ("--suite", suite)),
    "-k",
    f"not test_interrupted and ({_FILES})",
)


@dataclass(slots=True)
class Capture:
    """A capture as tshark shows it and as we do, packet by packet."""

    folder: Path
    shown: list[dict[str, list[str]]]
    ours: list[object]
    counts: dict[str, object]

    def honest(self):
        """Packets that are not hostile, both ways, with their number."""
        for number, (shown, ours) in enumerate(zip(self.shown, self.ours, strict=True), start=1):
            if not is_hostile(shown):
                yield number, shown, ours

    def frames(self):
        return ((number, shown, ours) for number, shown, ours in self.honest() if ours is not None)


def is_hostile(shown):
    return any(comment.startswith("hostile:") for comment in shown.get("frame.comment", []))


def layers(shown):
    return shown["frame.protocols"][0].split(":")


def dissected(path, keys):
    command = ["tshark", "-r", str(path), "-T", "json", "--no-duplicate-keys"]
    for field in FIELDS:
        command += ["-e", field]
    environment = {**os.environ, "WIRESHARK_CONFIG_DIR": str(keys)}
    done = subprocess.run(command, capture_output=True, check=True, text=True, env=environment)
    return [packet["_source"]["layers"] for packet in json.loads(done.stdout)]


def reassembled_again(folder, shown, ours):
    """Show tshark again, with few frames before them, the fragments that it did not put together.

    APS counters have 8 bits, and in a long capture it takes fragments of different transfers for those of one.
    """
    missed = [
        number
        for number, (seen, frame) in enumerate(zip(shown, ours, strict=True), start=1)
        if frame is not None and frame.fragment and frame.zcl is not None and "zbee_zcl" not in layers(seen)
    ]
    assert len(missed) <= len(shown) // 1_000
    for number in missed:
        part = folder.parent / f"part-{number}.pcapng"
        numbers = f"{max(1, number - SLICE)}-{number}"
        subprocess.run(
            ["editcap", "-r", str(folder / "capture.pcapng"), str(part), numbers],
            check=True,
            capture_output=True,
        )
        shown[number - 1] = dissected(part, folder / "wireshark")[-1]
        part.unlink()


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    """Of a run that somebody names (HIL_CAPTURE_RUN), or of a full one made here."""
    named = os.environ.get("HIL_CAPTURE_RUN")
    folder = Path(named) if named else tmp_path_factory.mktemp("runs") / "run"
    if not named:
        command = [sys.executable, "-m", "hil", "run", "--rig", RIG, "--run-dir", str(folder), *SOME]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode in {0, 1, 4}, done.stdout[-2000:] + done.stderr[-2000:]
    shown = dissected(folder / "capture.pcapng", folder / "wireshark")
    ours = []
    counts = count_file(folder / "capture.pcapng", show=lambda _, frame, __: ours.append(frame))
    reassembled_again(folder, shown, ours)
    return Capture(folder, shown, ours, counts.as_json())


def is_generic_firmware_alert(shown):
    """A GBZ alert 8F1C or 8F72 under message code 1000: tshark goes by the alert code alone, and misses the image hash
    that only the receipt alert of a GSME (message code 00CF) has.
    """
    codes = {int(code, 0) for code in shown.get("gbcs_gbz.alert_code", [])}
    return codes <= {0x8F1C, 0x8F72} and {int(code, 0) for code in shown.get(MESSAGE_CODE, [])} == {0x1000}


def test_nothing_is_malformed_but_what_is_hostile_on_purpose(capture):
    malformed = [(number, shown) for number, shown, _ in capture.honest() if MALFORMED in shown]
    assert [
        (number, layers(shown)) for number, shown in malformed if not is_generic_firmware_alert(shown)
    ] == []
    assert capture.counts["malformed"] == 0
    both = zip(capture.shown, capture.ours, strict=True)
    hostile = [shown for shown, ours in both if is_hostile(shown) and ours is not None]
    assert len(hostile) == capture.counts["hostile"] >= 20
    assert sum(MALFORMED in shown for shown in hostile) >= 20
    assert len({shown["frame.comment"][0] for shown in hostile}) >= 25


def test_every_payload_is_decrypted(capture):
    assert [(number, layers(shown)) for number, shown, _ in capture.honest() if ENCRYPTED in shown] == []
    assert capture.counts["closed"] == {}
    secured = [
        ours for _, _, ours in capture.frames() if ours.nwk is not None and ours.nwk.security is not None
    ]
    assert len(secured) > 1_000
    assert sum(ours.aps is not None and ours.aps.security is not None for ours in secured) > 500


@pytest.mark.xfail(
    strict=False, reason="known and open: one fragmented message in 100,000 frames that tshark leaves alone"
)
def test_every_message_is_recognised(capture):
    tunnelled = {number for number, _, ours in capture.frames() if ours.gbcs is not None}
    assert {number for number, shown, _ in capture.frames() if "gbcs_message" in layers(shown)} == tunnelled
    assert len(tunnelled) > 100
    both = zip(capture.shown, capture.ours, strict=True)
    alone = [shown for shown, ours in both if ours is None]
    assert all(layers(shown)[:2] == ["exported_pdu", "gbcs_message"] for shown in alone)
    assert {name for shown in alone for name in shown["frame.interface_name"]} == {"gbcs"}
    assert len(alone) == capture.counts["gbcs"]["alone"] > 100


def names_of(ours):
    """Our layers in tshark's values: 802.15.4, NWK and APS types, APS cluster."""
    mac = 2 if isinstance(ours.mac, Ack) else int(ours.mac.frame_type)
    nwk = None if ours.nwk is None else int(ours.nwk.frame_type)
    if ours.aps is None:
        return mac, nwk, None, None
    return mac, nwk, int(ours.aps.frame_type), ours.aps.cluster


def names_shown(shown):
    def value(field):
        return int(shown[field][0], 0) if field in shown else None

    return tuple(
        value(field)
        for field in ("wpan.frame_type", "zbee_nwk.frame_type", "zbee_aps.type", "zbee_aps.cluster")
    )


@pytest.mark.xfail(
    strict=False, reason="known and open: one fragmented message in 100,000 frames that tshark leaves alone"
)
def test_layers_are_those_we_count(capture):
    seen = 0
    for number, shown, ours in capture.frames():
        if not ours.right_fcs:
            continue
        expected = names_of(ours)
        # Clusters of the device profile have a field of their own.
        cluster = None if ours.zdp or (ours.aps is not None and ours.aps.profile == 0) else expected[3]
        assert (number, *names_shown(shown)) == (number, *expected[:3], cluster)
        assert (number, "zbee_zcl" in layers(shown)) == (number, ours.zcl is not None)
        assert (number, "zbee_zdp" in layers(shown)) == (number, ours.zdp)
        seen += 1
    assert seen == sum(capture.counts["mac"].values()) > 5_000


def test_comments_name_tests_and_use_cases(capture):
    comments = {comment for shown in capture.shown for comment in shown.get("frame.comment", [])}
    assert any("::test_" in comment and "use case: ECS52" in comment for comment in comments)
    assert (capture.folder / "wireshark" / "zigbee_pc_keys").is_file()
    document = json.loads((capture.folder / "results.json").read_text())
    assert document["capture"]["layers"] == capture.counts
