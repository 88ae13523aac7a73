"""From a rig to what its emulator runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.emulated import emulator_config
from hil.rigfile import load_rig
from protocols.eui64 import Eui64
from protocols.gbcs.asn1.types import CellUsage, KeyUsage
from protocols.ports import ConfigError
from protocols.smki import Hierarchy, parse_certificate, verify_certificate
from rigs.emulated.config import WireKind

ROOT = Path(__file__).parents[3]
SUPPLIER = Eui64("90-B3-D5-1F-30-01-00-00")

RIG = """
schema = 1
name = "one"
[keys]
seed = "s"
[nodes.second]
kind = "user"
role = "supplier"
eui64 = "90-B3-D5-1F-30-03-00-00"
[nodes.supplier]
kind = "user"
role = "supplier"
eui64 = "90-B3-D5-1F-30-01-00-00"
[nodes.esme]
kind = "device"
device = "esme.toml"
emulated = true
[nodes.esme.ports.serial]
driver = "serial"
url = "emulated:"
"""


@pytest.fixture
def rig(tmp_path):
    def write(old="", new="", device=""):
        (tmp_path / "esme.toml").write_text(
            'type = "esme"\neui64 = "00-DB-12-34-56-78-90-A0"\nfirmware_version = "02000001"\n' + device
        )
        (tmp_path / "rig.toml").write_text(RIG.replace(old, new))
        return load_rig(tmp_path / "rig.toml", {"SMETS_HIL_STATE": str(tmp_path / "state")})

    return write


def test_the_whole_premises(tmp_path):
    rig = load_rig(ROOT / "rigs" / "serial.toml", {"SMETS_HIL_STATE": str(tmp_path)})
    config = emulator_config(rig, until_stdin_closes=True)
    assert config.state_dir == rig.state_dir
    assert config.until_stdin_closes
    assert {node.description.name: node.via for node in config.nodes} == {
        "chf": "",
        "gpf": "chf",
        "esme": "chf",
        "gsme": "chf",
        "ppmid": "chf",
    }
    wires = {f"{wire.node}.{wire.port}": wire.kind for wire in config.wires}
    assert wires["chf.wan"] is WireKind.PTY
    assert {kind for name, kind in wires.items() if name != "chf.wan"} == {WireKind.CONSOLE}


def test_a_meter_leaves_the_factory_with_the_cells_of_the_reference_messages(rig):
    description = emulator_config(rig()).nodes[0].description
    cells = {
        (a.role, a.key_usage, a.cell_usage): parse_certificate(a.certificate)
        for a in description.trust_anchors
    }
    assert cells[0, KeyUsage.KEY_CERT_SIGN, CellUsage.MANAGEMENT].key_id
    for usage in ((KeyUsage.DIGITAL_SIGNATURE, 0), (KeyUsage.KEY_AGREEMENT, 0), (KeyUsage.KEY_AGREEMENT, 1)):
        assert cells[2, *usage].subject_eui == SUPPLIER  # named after the role, though not the first
    assert sorted({role for role, _, _ in cells}) == [0, 1, 2, 3, 4, 5, 8]
    authorities = Hierarchy("s").authorities
    for identity in description.identities:
        verify_certificate(identity.certificate, authorities, None)
    assert description.switches["A02"] == "greater"


@pytest.mark.parametrize(
    ("old", "new", "kind", "address"),
    [
        ('url = "emulated:"', "", WireKind.PTY, ""),
        ('"serial"\nurl = "emulated:"', '"tcp"', WireKind.TCP, ""),
        ('"serial"\nurl = "emulated:"', '"udp"', WireKind.UDP, ""),
        ("emulated:", "/tmp/line", WireKind.PTY, "/tmp/line"),
        ("emulated:", "socket://127.0.0.1:4059", WireKind.TCP, "127.0.0.1:4059"),
    ],
)
def test_wires_follow_the_rig(rig, old, new, kind, address):
    (wire,) = emulator_config(rig(old, new)).wires
    assert (wire.kind, wire.address) == (kind, address)


def test_a_relative_line_starts_from_the_rig(rig, tmp_path):
    (wire,) = emulator_config(rig("emulated:", "lines/esme")).wires
    assert wire.address == str(tmp_path / "lines" / "esme")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("emulated = true", "", "no node of this rig is emulated"),
        ("emulated:", "rfc2217://lab:4000", "the emulator has no such wire"),
    ],
)
def test_what_cannot_be_emulated(rig, old, new, message):
    with pytest.raises(ConfigError, match=message):
        emulator_config(rig(old, new))


def test_a_device_type_that_is_not_emulated(rig, tmp_path):
    opened = rig()
    (tmp_path / "esme.toml").write_text((tmp_path / "esme.toml").read_text().replace('"esme"', '"cad"'))
    opened = load_rig(opened.path, {})
    with pytest.raises(ConfigError, match="type = 'cad' cannot be emulated"):
        emulator_config(opened)


def test_an_emulated_device_behind_a_real_hub(tmp_path):
    text = (ROOT / "rigs" / "serial.toml").read_text()
    text = text.replace('device = "devices/chf.toml"\nemulated = true', 'device = "devices/chf.toml"')
    text = text.replace("devices/", f"{ROOT}/rigs/devices/")
    (tmp_path / "rig.toml").write_text(text)
    with pytest.raises(ConfigError, match="stands behind chf, which is real"):
        emulator_config(load_rig(tmp_path / "rig.toml", {}))
