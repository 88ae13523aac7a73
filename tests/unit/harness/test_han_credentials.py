"""CBKE credentials of a rig: made from its seed, or read from the files that a device file names."""

from __future__ import annotations

import pytest

from hil.emulated import emulator_config
from hil.han_credentials import load_credentials, radio_of
from hil.rigfile import load_rig
from protocols.eui64 import Eui64
from protocols.ports import ConfigError
from protocols.zigbee.cbke.authority import TestAuthority
from protocols.zigbee.cbke.suites import SUITE_1, SUITE_2

HUB, PROXY = Eui64("00-DB-12-34-56-78-90-A2"), Eui64("00-DB-12-34-56-78-90-A3")
RIG = """
schema = 1
name = "one"
[keys]
seed = "s"
[han]
channels = [11, 26]
loss = 0.01
[nodes.chf]
kind = "device"
device = "chf.toml"
emulated = true
[nodes.chf.ports.wan]
driver = "serial"
[nodes.gpf]
kind = "device"
device = "gpf.toml"
emulated = true
via = "chf"
"""
AUTHORITY = TestAuthority(SUITE_2, Eui64("00-11-22-33-44-55-66-77"), b"an issuer")


@pytest.fixture
def rig(tmp_path):
    def write(han=""):
        for name, eui64, more in (("chf", HUB, han), ("gpf", PROXY, "")):
            text = f'type = "{name}"\neui64 = "{eui64}"\nfirmware_version = "01000001"\n{more}\n'
            (tmp_path / f"{name}.toml").write_text(text)
        (tmp_path / "rig.toml").write_text(RIG)
        return load_rig(tmp_path / "rig.toml", {})

    return write


def files(tmp_path, credentials):
    parts = {
        "certificate": credentials.certificate_octets,
        "private_key": credentials.private_key_octets,
        "authority": credentials.authority_octets,
    }
    for name, octets in parts.items():
        (tmp_path / name).write_text(octets.hex())
    return "[han]\n" + "".join(f'{name} = "{name}"\n' for name in parts)


def test_a_seed_makes_a_certificate_for_the_hubs_radio_which_is_its_proxys(rig):
    made = rig()
    hub = made.devices["chf"]
    assert radio_of(made, hub) == PROXY
    (credentials,) = load_credentials(made, hub)
    assert (credentials.subject, credentials.suite) == (PROXY, SUITE_2)
    assert credentials.problem() is None
    config = emulator_config(made)
    assert config.han.channels == (11, 26)
    assert (config.han.seed, config.han.loss) == ("s", 0.01)
    assert [len(node.description.han.credentials) for node in config.nodes] == [1, 0]


def test_files_of_an_issuing_authority_are_used_instead(rig, tmp_path):
    issued = AUTHORITY.issue(PROXY)
    made = rig(files(tmp_path, issued))
    (credentials,) = load_credentials(made, made.devices["chf"])
    assert credentials.issuer == AUTHORITY.issuer
    assert credentials.certificate_octets == issued.certificate_octets


def test_a_certificate_for_another_radio_is_refused_with_both_named(rig, tmp_path):
    made = rig(files(tmp_path, AUTHORITY.issue(HUB)))
    with pytest.raises(ConfigError, match=rf"radio's EUI-64 is {PROXY}.*issued to {HUB}") as error:
        emulator_config(made)
    assert error.value.next_step


def test_parts_that_do_not_belong_together_are_refused(rig, tmp_path):
    han = files(tmp_path, AUTHORITY.issue(PROXY))
    (tmp_path / "private_key").write_text(AUTHORITY.issue(HUB).private_key_octets.hex())
    made = rig(han)
    with pytest.raises(ConfigError, match="do not belong together"):
        load_credentials(made, made.devices["chf"])


def test_a_missing_part_and_a_file_of_something_else_are_named(rig, tmp_path):
    han = files(tmp_path, AUTHORITY.issue(PROXY))
    made = rig(han.replace('authority = "authority"\n', ""))
    with pytest.raises(ConfigError, match=r"han\.authority is missing"):
        load_credentials(made, made.devices["chf"])
    (tmp_path / "certificate").write_text("no certificate")
    made = rig(han)
    with pytest.raises(ConfigError, match="certificate"):
        load_credentials(made, made.devices["chf"])


def test_files_of_several_suites_and_files_that_are_not_there(rig, tmp_path):
    one = TestAuthority(SUITE_1, AUTHORITY.issuer).issue(PROXY)
    lines = {
        "CA Pub Key": one.authority_octets,
        "Device Implicit Cert": one.certificate_octets,
        "Device Private Key": one.private_key_octets,
    }
    (tmp_path / "suite1.txt").write_text(
        "".join(f"{name}:\n{octets.hex()}\n" for name, octets in lines.items())
    )
    made = rig(files(tmp_path, AUTHORITY.issue(PROXY)) + 'credentials = ["suite1.txt"]\n')
    assert [each.suite for each in load_credentials(made, made.devices["chf"])] == [SUITE_1, SUITE_2]
    with pytest.raises(ConfigError, match=r"han\.credentials\.0.*no such file"):
        rig('[han]\ncredentials = ["nothing.txt"]\n')
