"""What a run keeps of its HAN: the file, its comments, its keys, also when the run is killed."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hil.capture.desk import Desk, withheld
from hil.capture.keys import WiresharkKeys, read_keys
from hil.capture.recorder import CaptureRecorder
from hil.clock import RealClock
from hil.rigfile import load_rig
from hil.virtual_time import VirtualClock
from protocols.capture import CapturedFrame, CapturingRadio, parse_exported_pdu, parse_tap
from protocols.eui64 import Eui64
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.message import Message, build_message
from protocols.pcapng import Direction, Packet, Statistics, read_pcapng
from protocols.ports import BenchError
from protocols.radio_frames import with_fcs
from rigs.emulated.air_access import AirAccess
from tests.unit.emulated.air_bench import Air, data

RIG = Path(__file__).parents[3] / "rigs/emulated.toml"
KEY, OTHER = bytes(range(16)), bytes(range(16, 32))
USER, METER = Eui64("90B3D51F30010000"), Eui64("00DB1234567890A0")


def message(code=0x0062, flag=CraFlag.COMMAND):
    header = GroupingHeader(flag, 7, USER, METER, code)
    return build_message(Message(header, b"\xd9" + bytes(20), signature=b"", mac=bytes(12)))


def frame(number, **more):
    return CapturedFrame(float(number), with_fcs(bytes((0x41, 0x88, number))), 15, "a", **more)


def recorder(folder, clock=None, reason=""):
    keys = WiresharkKeys(folder / "wireshark", reason)
    return CaptureRecorder(
        folder / "capture.pcapng", clock or VirtualClock(), keys, load_catalogue(), "rig x"
    )


def packets(path, **options):
    return [block for block in read_pcapng(path.read_bytes(), **options) if isinstance(block, Packet)]


def test_frames_and_messages_have_their_times_interfaces_and_comments(tmp_path):
    start = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
    kept = recorder(tmp_path, VirtualClock(start))
    kept.frame(frame(0, rssi_dbm=-50, lqi=200))
    kept.note("suite/test_x.py::test_a[esme]")
    kept.message(message(), node="chf", outbound=False)
    kept.frame(frame(1, comment="hostile: cut", direction=Direction.OUTBOUND))
    kept.message(message(flag=CraFlag.RESPONSE), node="chf", outbound=True)
    kept.note("suite/test_x.py::test_b")
    kept.frame(frame(2))
    kept.note("")
    kept.frame(frame(3))
    kept.close()
    kept.close()
    first, command, second, response, third, last = packets(tmp_path / "capture.pcapng")
    zero = round(start.timestamp()) * 10**9
    assert [packet.time_ns - zero for packet in (first, second, third, last)] == [
        0,
        10**9,
        2 * 10**9,
        3 * 10**9,
    ]
    assert [packet.interface for packet in (first, command, second, response)] == [0, 1, 0, 1]
    assert first.comments == last.comments == ()
    assert command.comments == ("to chf", "test: suite/test_x.py::test_a[esme]; use case: ECS70")
    assert second.comments == ("hostile: cut", "test: suite/test_x.py::test_a[esme]; use case: ECS70")
    assert response.comments == ("from chf", "test: suite/test_x.py::test_a[esme]; use case: ECS70")
    assert third.comments == ("test: suite/test_x.py::test_b",)
    assert second.direction is response.direction is Direction.OUTBOUND
    tap = parse_tap(first.octets)
    assert (tap.psdu, tap.channel, tap.rssi_dbm, tap.lqi) == (frame(0).psdu, 15, -50.0, 200)
    assert parse_exported_pdu(command.octets) == ("gbcs_message", message())
    assert (kept.frames, kept.messages, kept.hostile) == (4, 2, 1)
    statistics = [
        block
        for block in read_pcapng((tmp_path / "capture.pcapng").read_bytes())
        if isinstance(block, Statistics)
    ]
    assert [block.received for block in statistics] == [4, 2]


def test_an_unknown_code_and_octets_that_are_no_message_are_kept(tmp_path):
    kept = recorder(tmp_path)
    kept.message(b"\x00" * 5, node="chf", outbound=False)
    kept.message(message(0xFFFE), node="chf", outbound=False)
    first, second = packets(tmp_path / "capture.pcapng", whole=False)
    assert first.comments == ("to chf",)
    assert second.comments == ("to chf", "use case: message code FFFE")


def test_each_frame_is_in_the_file_when_the_call_returns(tmp_path):
    kept = recorder(tmp_path)
    for number in range(5):
        kept.frame(frame(number))
        assert len(packets(tmp_path / "capture.pcapng")) == number + 1


KILLED = """
import sys, itertools
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.unit.harness.test_capture import frame, recorder
kept = recorder(Path(sys.argv[1]))
for number in itertools.count():
    kept.frame(frame(number % 256))
    kept.key(number.to_bytes(16, "big"), "a key")
    if number == 50:
        print("going", flush=True)
"""


def test_a_killed_run_leaves_a_readable_file(tmp_path):
    root = str(Path(__file__).parents[3])
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path), root], stdout=subprocess.PIPE, cwd=root
    )
    assert process.stdout.readline() == b"going\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert len(packets(tmp_path / "capture.pcapng", whole=False)) > 50
    assert len(list(read_keys(tmp_path / "wireshark"))) > 50


def test_a_full_disk_ends_the_file_and_not_the_run(tmp_path):
    (tmp_path / "capture.pcapng").symlink_to("/dev/full")
    kept = recorder(tmp_path)
    kept.frame(frame(0))
    kept.close()
    assert "No space left" in kept.problem
    with pytest.raises(BenchError, match="cannot be written"):
        recorder(tmp_path / "capture.pcapng")


def test_keys_are_written_once_and_read_back(tmp_path):
    keys = WiresharkKeys(tmp_path / "w")
    keys.add(KEY, 'link "key" \\ with é')
    keys.add(OTHER, "network key 0")
    keys.add(KEY, "again")
    assert list(read_keys(tmp_path / "w")) == [(KEY, "link ?key? ? with ?"), (OTHER, "network key 0")]
    assert keys.count == 2
    (tmp_path / "w" / "zigbee_pc_keys").write_text(f'# x\n\n"{KEY.hex(":")}","Reverse","r"\n')
    assert list(read_keys(tmp_path / "w")) == [(KEY[::-1], "r")]
    (tmp_path / "w" / "zigbee_pc_keys").write_text('"01:02","Normal","short"\n')
    with pytest.raises(BenchError, match="line 1"):
        list(read_keys(tmp_path / "w"))
    assert list(read_keys(tmp_path / "none")) == []


def test_real_keys_stay_out_and_the_folder_says_why(tmp_path):
    rig = load_rig(RIG)
    assert withheld(rig) == ""
    real = replace(rig, keys=replace(rig.keys, test=False))
    desk = Desk(real, RealClock())
    assert desk.end() == "{}"
    desk.begin(str(tmp_path)).key(KEY, "network key")
    said = json.loads(desk.end())
    assert said["keys"] == 0
    assert "test = true" in said["keys_withheld"]
    assert not (tmp_path / "wireshark" / "zigbee_pc_keys").exists()
    assert "test = true" in (tmp_path / "wireshark" / "README.txt").read_text()


@pytest.mark.parametrize(
    ("keys", "test"),
    [
        ('seed = "x"', True),
        ('seed = "x"\ntest = false', False),
        ('seed = "x"\nfolder = "."', False),
        ('seed = "x"\nfolder = "."\ntest = true', True),
    ],
)
def test_which_keys_are_test_keys(tmp_path, keys, test):
    text = RIG.read_text().replace('seed = "emulated premises"', keys, 1)
    (tmp_path / "rig.toml").write_text(text.replace('"devices/', f'"{RIG.parent}/devices/'))
    assert load_rig(tmp_path / "rig.toml").keys.test is test


class Kept:
    def __init__(self):
        self.frames, self.keys = [], {}

    def frame(self, frame):
        self.frames.append(frame)

    def key(self, key, label):
        self.keys[key] = label


STATE = {
    "eui64": METER.hex(), "role": "coordinator", "channel": 15, "pan_id": 0x1234, "short_address": 0,
    "extended_pan_id": METER.hex(), "parent": None, "active_key": 0, "nwk_counter": 0, "preconfigured": None,
    "network_keys": [{"key": KEY.hex(), "sequence": 0, "incoming": {}}],
    "link_keys": [{"partner": USER.hex(), "key": OTHER.hex(), "source": "established", "incoming": 0}],
}  # fmt: skip


def test_the_air_tells_frames_keys_and_what_is_hostile():
    air, kept = Air(2), Kept()
    access = AirAccess(air.medium)
    access.stack_state("chf", STATE)
    access.record(kept)
    assert kept.keys == {KEY: "chf: network key 0", OTHER: f"chf: link key with {USER.hex()} (established)"}
    state = json.loads(access.request("air-state", "")[1])
    assert state["nodes"]["chf"]["short_address"] == 0
    air.radios[0].transmit(1, data(1, 1, 0, ack=False))
    air.run(1)
    order = json.dumps({"psdu": "010203", "comment": "cut"})
    assert access.request("air-inject", order) == ("done", "")
    air.run(1)
    first, second = kept.frames
    assert (first.sender, first.psdu, first.channel, first.rssi_dbm) == (
        "r0",
        with_fcs(data(1, 1, 0, ack=False)),
        15,
        -50,
    )
    assert (second.psdu, second.comment, second.sender) == (b"\x01\x02\x03", "hostile: cut", "attacker")
    assert json.loads(access.request("air-heard", "5")[1]) == [data(1, 1, 0, ack=False).hex()]
    assert access.request("air-heard", "0") == ("done", "[]")
    assert access.request("air-conditioning", "")[0] == "refused"
    access.record(None)
    access.key(bytes(16), "late")
    air.radios[0].transmit(2, data(2, 1, 0, ack=False))
    air.run(1)
    assert len(kept.frames) == 2
    assert bytes(16) not in kept.keys


def test_a_radio_tells_what_it_sends_and_receives():
    air, kept = Air(2), Kept()
    access = AirAccess(Air(0).medium)  # on which the far end is not
    radio = access.wrap("chf", air.radios[0])
    access.record(kept)
    ear = air.ears[0]
    radio.listen(ear)
    radio.configure(Air.settings(0))
    radio.transmit(1, data(1, 1, 0, ack=False))
    air.run(1)
    air.radios[1].transmit(1, data(2, 0, 1, ack=False))
    air.run(1)
    radio.measure_energy(15, 0.01)
    radio.match_sources(enabled=False, short=frozenset(), extended=frozenset())
    air.run(1)
    air.radios[0].reset("test")
    sent, received = kept.frames
    assert (sent.direction, sent.psdu, sent.channel) == (
        Direction.OUTBOUND,
        with_fcs(data(1, 1, 0, ack=False)),
        15,
    )
    assert (received.direction, received.psdu) == (Direction.INBOUND, with_fcs(data(2, 0, 1, ack=False)))
    assert ear.octets == [data(2, 0, 1, ack=False)]
    assert ear.results.keys() == {1}
    assert ear.energy
    assert ear.resets == ["test"]
    assert isinstance(radio, CapturingRadio)
    assert radio.eui64 == air.radios[0].eui64
    access.key(KEY, "network key")
    assert kept.keys == {KEY: "network key"}
    access.record(None)
    radio.transmit(2, data(3, 1, 0, ack=False))
    assert len(kept.frames) == 2


def test_frames_of_a_radio_on_this_very_air_are_kept_once():
    air, kept = Air(2), Kept()
    access = AirAccess(air.medium)
    access.record(kept)
    radio = access.wrap("chf", air.radios[0])
    air.radios[1].transmit(1, data(1, 9, 1, ack=False))
    air.run(1)
    radio.transmit(1, data(2, 1, 0, ack=False))
    air.run(1)
    assert [frame.psdu for frame in kept.frames] == [
        with_fcs(data(1, 9, 1, ack=False)),
        with_fcs(data(2, 1, 0, ack=False)),
    ]
