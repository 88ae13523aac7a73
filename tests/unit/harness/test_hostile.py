"""The hostile frames themselves: what they are, and that nothing else needs scapy."""

import random
import subprocess
import sys

import pytest

pytest.importorskip("scapy", reason="scapy is not here: pip install 'smets-hil[capture]'")

from hil.capture.dissect import Dissector
from hil.hostile import APPLICATION_KINDS, KINDS, MAC_KINDS, NWK_KINDS
from hil.hostile.situation import Party, Situation, situation_of
from protocols.eui64 import Eui64
from protocols.radio_frames import LARGEST_PSDU, has_right_fcs
from tests.unit.emulated.air_bench import data

KEY = bytes(range(16))
HUB = Party("chf", Eui64("90B3D51F30020000"), 0)
METER = Party("esme", Eui64("00DB1234567890A0"), 0x1234)
ATTACKER = Party("attacker", Eui64("02BAD00000000001"), 0xBAD0)
HEARD = [data(1, METER.short, 0), data(2, 0, METER.short)]


def situation(target=METER, heard=HEARD):
    return Situation(0x1234, HUB, target, ATTACKER, KEY, 0, 1_000, random.Random(1), heard)


def test_there_are_enough_and_each_has_frames():
    assert len(KINDS) == len(MAC_KINDS) + len(NWK_KINDS) + len(APPLICATION_KINDS) >= 50
    for name, kind in KINDS.items():
        assert kind.name == name
        assert kind.comment == f"hostile: {name}"
        for target in (METER, HUB):
            frames = list(kind.craft(situation(target)))
            assert frames
            assert all(2 <= len(psdu) <= LARGEST_PSDU for psdu in frames)
            assert all(has_right_fcs(psdu) for psdu in frames) == (name != "802.15.4: wrong FCS")
            assert frames == list(kind.craft(situation(target)))


def test_frames_of_the_upper_layers_pass_those_below():
    """Only so do they reach the code they are meant for."""
    for name, kind in APPLICATION_KINDS.items():
        dissector = Dissector([KEY])
        found = [dissector.open(psdu) for psdu in kind.craft(situation())]
        assert all(frame.nwk is not None and frame.closed != "nwk" for frame in found), name
        assert any(frame.nwk.security is not None for frame in found), name
        if name.startswith(("ZCL", "ZDP")):
            assert any(frame.aps is not None for frame in found), name


def test_what_is_wrong_is_wrong():
    def opened(name):
        dissector = Dissector([KEY])
        return [dissector.open(psdu) for psdu in KINDS[name].craft(situation())]

    assert {frame.closed for frame in opened("NWK: wrong MIC")} == {"nwk"}
    assert {frame.closed for frame in opened("NWK: under a key of no network")} == {"nwk"}
    assert {frame.closed for frame in opened("APS: wrong MIC under a link key")} == {"aps"}
    for name in (
        "802.15.4: reserved frame types",
        "NWK: ends within its header",
        "APS: ends within its header",
    ):
        assert all(frame.problem for frame in opened(name)), name
    replayed = [frame.mac.payload for frame in opened("NWK: frame heard before, sent again") if frame.mac]
    assert replayed == [HEARD[0][9:]]
    assert list(KINDS["NWK: frame heard before, sent again"].craft(situation(heard=[]))) == []


def test_counters_are_used_once():
    s = situation()
    for kind in KINDS.values():
        before = s.counter
        list(kind.craft(s))
        assert s.counter >= before
    assert s.counter > 1_050


def test_the_situation_is_read_from_the_air():
    node = {"eui64": HUB.eui64.hex(), "role": "coordinator", "pan_id": 7, "short_address": 0, "active_key": 1}
    keys = [{"key": bytes(16).hex(), "sequence": 0}, {"key": KEY.hex(), "sequence": 1}]
    meter = node | {"eui64": METER.eui64.hex(), "role": "end-device", "short_address": 9}
    state = {"attacker": ATTACKER.eui64.hex(), "nodes": {"esme": meter, "chf": node | {"network_keys": keys}}}
    s = situation_of(state, "esme", 5, [], "seed")
    assert (s.hub.name, s.target.short, s.network_key, s.key_sequence, s.pan_id) == ("chf", 9, KEY, 1, 7)
    assert s.octets(4) == situation_of(state, "esme", 5, [], "seed").octets(4)
    with pytest.raises(KeyError):
        situation_of(state, "gsme", 5, [], "seed")


def test_only_the_suites_load_scapy():
    code = (
        "import sys, hil.bench, hil.plugin.session, hil.capture.run, hil.capture.sniffer, hil.cli.capture, "
        "hil.cli.sniff; sys.exit('scapy' in sys.modules or 'hil.hostile' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
