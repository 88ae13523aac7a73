"""Counting a capture by layer."""

import json
import struct

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.capture.counts import count_blocks, count_file
from hil.capture.dissect import Dissector, tunnelled
from hil.cli.capture import command
from protocols.capture import CapturedFrame, exported_pdu, tap_packet
from protocols.pcapng import (
    Interface,
    LinkType,
    Packet,
    Section,
    build_interface,
    build_packet,
    build_section,
)
from protocols.ports import BenchError
from protocols.radio_frames import with_fcs
from protocols.zigbee.zcl.frame import ZclFrame
from tests.interop.zigbee_frames import LINK_KEY, conversation, gbcs_message

FRAMES = [octets for _, octets in conversation()]


def capture(frames, messages=(), comments=()):
    blocks = [build_section(Section())]
    blocks += [
        build_interface(Interface(link))
        for link in (LinkType.IEEE802_15_4_TAP, LinkType.EXPORTED_PDU, 195, 1)
    ]
    for number, psdu in enumerate(frames):
        tap = tap_packet(CapturedFrame(0, psdu, 15))
        blocks.append(build_packet(Packet(0, number, tap, comments)))
    blocks += [build_packet(Packet(1, 0, exported_pdu(octets))) for octets in messages]
    return b"".join(blocks)


def test_layers_are_counted_with_one_key_and_what_it_opens():
    counts = count_blocks(capture([with_fcs(octets) for octets in FRAMES], [gbcs_message()]), [LINK_KEY])
    found = counts.as_json()
    assert found["frames"] == len(FRAMES) == sum(found["mac"].values())
    assert (found["malformed"], found["closed"], found["bad_fcs"], found["hostile"]) == (0, {}, 0, 0)
    assert found["mac"] == {"ack": 1, "beacon": 1, "command": 4, "data": len(FRAMES) - 6}
    assert found["nwk"]["command"] == 14
    assert found["zcl"] == {"Metering": 2, "Tunneling": 1, "zdp": 2}
    assert found["gbcs"] == {"tunnelled": 1, "alone": 1}
    assert found["fragments"] > 5


def test_without_keys_payloads_stay_closed():
    counts = count_blocks(capture([with_fcs(octets) for octets in FRAMES]), [])
    assert counts.closed["nwk"] > 20
    assert counts.malformed == 0
    assert counts.zcl == {}


def test_hostile_frames_count_for_nothing_else():
    frames = [with_fcs(FRAMES[0])[:-1], with_fcs(b"\x61\x88\x00"), with_fcs(FRAMES[0])]
    honest = count_blocks(capture(frames), [])
    assert (honest.frames, honest.bad_fcs, honest.malformed, honest.hostile) == (3, 1, 1, 0)
    hostile = count_blocks(capture(frames, comments=("hostile: cut", "test: x")), [])
    assert (hostile.frames, hostile.bad_fcs, hostile.malformed, hostile.hostile) == (3, 0, 0, 3)
    assert not hostile.mac


def test_packets_that_do_not_follow_their_link_type_are_malformed():
    octets = capture([], [b"\xdf\x09"])
    octets += build_packet(Packet(0, 0, b"\x01")) + build_packet(Packet(1, 0, b"\x00"))
    octets += build_packet(Packet(2, 0, with_fcs(FRAMES[0]))) + build_packet(Packet(3, 0, b"what"))
    counts = count_blocks(octets, [])
    assert (counts.malformed, counts.messages, counts.frames) == (3, 1, 1)


@pytest.mark.parametrize(
    ("from_server", "command_number", "payload", "expected"),
    [
        (False, 0x02, b"\x01\x00\xdf\x09", b"\xdf\x09"),
        (True, 0x01, b"\x01\x00\xdd\x00", b"\xdd\x00"),
        (True, 0x01, b"\x01\x00\x02\x05\xdf\x09", b"\xdf\x09"),  # GET-RESPONSE, five more waiting
        (False, 0x02, b"\x01\x00\x03\xdf\x09", b"\xdf\x09"),  # PUT
        (False, 0x02, b"\x01\x00\x01", None),  # GET
        (True, 0x01, b"\x01\x00\x02\x00", None),  # nothing waits
        (False, 0x00, b"\x01\x00\xdf\x09", None),
        (False, 0x02, b"\x01", None),
    ],
)
def test_messages_in_tunnels(from_server, command_number, payload, expected):
    frame = ZclFrame(1, 0, command_number, payload, from_server=from_server)
    assert tunnelled(frame) == expected


@given(st.binary(max_size=130), st.booleans())
def test_the_dissector_takes_anything(octets, whole):
    Dissector([LINK_KEY]).open(with_fcs(octets) if whole else octets)


@settings(deadline=None)
@given(st.data())
def test_the_dissector_takes_changed_frames(data):
    dissector = Dissector([LINK_KEY])
    for octets in data.draw(st.lists(st.sampled_from(FRAMES), max_size=20)):
        changed = bytearray(octets)
        for _ in range(data.draw(st.integers(0, 2))):
            changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
        dissector.open(with_fcs(bytes(changed)[: data.draw(st.integers(0, len(changed)))]))


def test_fragments_that_never_end_are_forgotten():
    dissector = Dissector([LINK_KEY])
    for octets in FRAMES * 3:
        dissector.open(with_fcs(octets))
    assert len(dissector._fragments) <= 64


def test_the_command_shows_counts_frames_and_json(tmp_path):
    path = tmp_path / "capture.pcapng"
    path.write_bytes(capture([with_fcs(octets) for octets in FRAMES], [gbcs_message()]))
    (tmp_path / "wireshark").mkdir()
    (tmp_path / "wireshark/zigbee_pc_keys").write_text(f'"{LINK_KEY.hex(":")}","Normal","x"\n')
    run = CliRunner().invoke
    shown = run(command, [str(tmp_path), "--frames"], catch_exceptions=False).output
    assert "GBCS           1 in tunnels, 1 on their own" in shown
    assert "APS data Tunneling ZCL fragment GBCS" in shown
    assert len(shown.splitlines()) == len(FRAMES) + 1 + 9
    counts = json.loads(run(command, [str(path), "--json"], catch_exceptions=False).output)
    assert counts == count_file(path).as_json()
    without = run(command, [str(path), "--keys", str(tmp_path)], catch_exceptions=False).output
    assert "NWK" in next(line for line in without.splitlines() if line.startswith("not decrypted")).upper()


def test_what_is_no_capture_is_said(tmp_path):
    (tmp_path / "x").write_bytes(struct.pack("<I", 0xA1B2C3D4) + bytes(20))
    with pytest.raises(BenchError, match="editcap"):
        count_file(tmp_path / "x")
    with pytest.raises(BenchError, match="cannot be read"):
        count_file(tmp_path / "y")
    with pytest.raises(BenchError, match="is no folder"):
        count_file(tmp_path / "x", tmp_path / "nowhere")
