"""Rig and device files: what is read, and how errors help."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.rigfile import load_rig
from protocols.eui64 import Eui64
from protocols.ports import ConfigError

ROOT = Path(__file__).parents[3]

DEVICE = """
type = "esme"
eui64 = "00-DB-12-34-56-78-90-A0"
firmware_version = "02000001"
"""

RIG = """
schema = 1
name = "bench"
minimum_tests = 3
[keys]
seed = "s"
[nodes.supplier]
kind = "user"
role = "supplier"
eui64 = "90B3D51F30010000"
[nodes.esme]
kind = "device"
device = "devices/esme.toml"
[nodes.esme.ports.serial]
driver = "serial"
url = "/dev/ttyUSB0"
baudrate = 9600
"""


@pytest.fixture
def bench(tmp_path):
    def write(rig=RIG, **devices):
        (tmp_path / "devices").mkdir(exist_ok=True)
        for name, text in ({"esme": DEVICE} | devices).items():
            (tmp_path / "devices" / f"{name}.toml").write_text(text)
        (tmp_path / "rig.toml").write_text(rig)
        return tmp_path / "rig.toml"

    return write


def _error(path):
    with pytest.raises(ConfigError) as caught:
        load_rig(path, {})
    return caught.value


def test_reads_a_rig(bench, tmp_path):
    rig = load_rig(bench(), {"XDG_STATE_HOME": str(tmp_path / "state")})
    assert (rig.name, rig.minimum_tests, rig.base_dir) == ("bench", 3, tmp_path)
    assert rig.users["supplier"].eui64 == Eui64("90-B3-D5-1F-30-01-00-00")
    esme = rig.devices["esme"]
    assert (esme.emulated, esme.message_port) == (False, "serial")
    assert esme.file.firmware_version == bytes.fromhex("02000001")
    assert esme.ports["serial"].settings == {"url": "/dev/ttyUSB0", "baudrate": 9600}
    assert rig.carrier("esme") is esme
    assert rig.switches["A02"] == "greater"
    assert rig.state_root == tmp_path / "state" / "smets-hil"
    assert rig.state_dir.parent == rig.state_root


@pytest.mark.parametrize("name", ["emulated", "serial", "desk-esme"])
def test_the_rigs_of_the_project_are_right(name):
    rig = load_rig(ROOT / "rigs" / f"{name}.toml")
    assert rig.users["acb"].role == "access_control_broker"
    assert all(rig.carrier(device).message_port for device in rig.devices)


def test_state_goes_where_it_is_told(bench, tmp_path):
    rig = bench(RIG.replace("[keys]", '[state]\ndir = "mine"\n[keys]'))
    assert load_rig(rig, {}).state_root == tmp_path / "mine"
    assert load_rig(rig, {"SMETS_HIL_STATE": "/elsewhere"}).state_root == Path("/elsewhere")
    other = tmp_path / "copy"
    other.mkdir()
    (tmp_path / "devices").rename(other / "devices")
    second = other / "rig.toml"
    second.write_text(rig.read_text())
    assert load_rig(second, {}).state_dir.name != rig.name  # same name, other rig: no shared memory


def test_a_rig_elsewhere_brings_files_of_its_own(bench, tmp_path):
    (tmp_path / "rows.json").write_text("[]")
    (tmp_path / "suites").mkdir()
    rig = load_rig(
        bench(
            RIG.replace("[keys]", "[keys]", 1).replace(
                "minimum_tests = 3", 'register = ["rows.json"]\nsuites = ["suites"]'
            )
        )
    )
    assert rig.register_files == [tmp_path / "rows.json"]
    assert rig.suites == [tmp_path / "suites"]


def test_all_problems_come_at_once_and_name_file_key_value_and_what_is_allowed(bench, tmp_path):
    rig = (
        RIG.replace('role = "supplier"', 'role = "suplier"')
        .replace("minimum_tests = 3", "minimum_tests = -1\nminimumtests = 4")
        .replace('eui64 = "90B3D51F30010000"', 'eui64 = "90B3"')
        .replace('kind = "device"', 'kind = "device"\nemulate = true')
    )
    error = _error(bench(rig))
    lines = error.cause.splitlines()
    assert len(lines) == 5
    assert all(line.startswith(f"{tmp_path / 'rig.toml'}: ") for line in lines)
    text = error.cause
    assert 'nodes.supplier.role = "suplier"' in text
    assert "not one of the allowed values; allowed: 'supplier', 'network_operator'" in text
    assert "minimum_tests = -1" in text
    assert "a whole number, 0 or more" in text
    assert "minimumtests: no such key, did you mean minimum_tests?" in text
    assert 'nodes.supplier.eui64 = "90B3": ' in text
    assert (
        "nodes.esme.emulate: no such key, did you mean emulated?; allowed: device, emulated, faults, kind, ports, via"
        in text
    )
    assert f"hil doctor --rig {tmp_path / 'rig.toml'}" in error.next_step


def test_problems_of_device_files_are_reported_with_those_of_the_rig(bench, tmp_path):
    device = (
        DEVICE.replace("02000001", "0200").replace('"esme"', '"meter"') + 'install_code = "zz"\nmpan = "1"\n'
    )
    error = _error(bench(RIG + '[switches]\nA02 = "equal"\nA2 = "x"\n', esme=device))
    file = tmp_path / "devices" / "esme.toml"
    assert f'{file}: firmware_version = "0200": 2 octets where 4 are needed' in error.cause
    assert f'{file}: type = "meter"' in error.cause
    assert f"{file}: install_code" in error.cause
    assert f"{file}: mpan: no such key" in error.cause
    assert 'switches.A02 = "equal"' in error.cause
    assert "allowed: greater, greater-or-equal" in error.cause
    assert "switches.A2" in error.cause


def test_keys_that_a_device_must_declare(bench):
    error = _error(bench(esme='type = "esme"\n'))
    assert "eui64: is missing; allowed: eight octets" in error.cause
    assert "firmware_version: is missing; allowed: 8 hexadecimal digits" in error.cause


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('driver = "serial"', ""), "nodes.esme.ports.serial.driver: is missing"),
        (("[nodes.esme.ports.serial]", "[nodes.esme.ports.uart]"), "nodes.esme.ports.uart"),
        (('seed = "s"', ""), "names no source of keys; allowed: seed, folder or json"),
        (('seed = "s"', 'folder = "nowhere"'), 'keys.folder = "nowhere": no such folder'),
        (('seed = "s"', 'json = "nowhere.json"'), 'keys.json = "nowhere.json": no such file'),
        (("schema = 1", "schema = 2"), "schema = 2"),
        (("schema = 1", ""), "schema: is missing; allowed: 1"),
        (('kind = "user"', 'kind = "users"'), "nodes.supplier"),
        (('kind = "user"', ""), "nodes.supplier"),
        (
            ("devices/esme.toml", "devices/missing.toml"),
            'nodes.esme.device = "devices/missing.toml": no such file',
        ),
        (("[nodes.esme.ports.serial]", "[nodes.esme.ports.power]"), "nodes.esme: no port for messages"),
        (("90B3D51F30010000", "00DB1234567890A0"), "has the EUI-64 of nodes.supplier"),
        (('name = "bench"', 'name = "a/b"'), 'name = "a/b"'),
        (("minimum_tests = 3", 'suites = ["missing"]'), 'suites.0 = "missing": no such file'),
        (("[nodes.supplier]", "[nodes.'a b']"), "nodes.a b"),
    ],
)
def test_each_error_names_its_key(bench, change, message):
    assert message in _error(bench(RIG.replace(*change))).cause


def test_via_must_lead_to_a_message_port(bench):
    def rig(via_one, via_two):
        base = RIG[: RIG.index("[nodes.esme]")]
        return base + "".join(
            f'[nodes.{name}]\nkind = "device"\ndevice = "devices/{name}.toml"\nvia = "{via}"\n'
            for name, via in (("one", via_one), ("two", via_two))
        )

    devices = {name: DEVICE.replace("A0", number) for name, number in (("one", "B1"), ("two", "B2"))}
    assert (
        "goes round in a circle; allowed: two"
        in _error(bench(rig("two", "one"), **devices)).cause.splitlines()[0]
    )
    assert 'nodes.two.via = "three": no device node' in _error(bench(rig("two", "three"), **devices)).cause


def test_what_is_no_toml_names_line_and_column(bench):
    assert "line 2" in _error(bench("schema = 1\nname = \n")).cause
    assert "esme.toml: the device file is not TOML" in _error(bench(esme="=")).cause


def test_a_missing_rig_names_the_next_step(tmp_path):
    error = _error(tmp_path / "none.toml")
    assert "none.toml: the rig file cannot be read" in error.cause
    assert "hil doctor" in error.next_step


def test_paths_of_a_device_file_start_from_its_folder(bench, tmp_path):
    device = DEVICE + '[images]\nnext = "../images/next.ota"\n[certificates]\nds = "ds.pem"\nka = "ka.pem"\n'
    error = _error(bench(esme=device))
    assert error.cause.count("no such file") == 3
    (tmp_path / "images").mkdir()
    for name in ("images/next.ota", "devices/ds.pem", "devices/ka.pem"):
        (tmp_path / name).write_text("")
    file = load_rig(bench(esme=device)).devices["esme"].file
    assert file.images["next"].samefile(tmp_path / "images" / "next.ota")
    assert file.certificates.ka == tmp_path / "devices" / "ka.pem"
