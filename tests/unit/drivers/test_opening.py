"""Finding drivers by name and checking the settings of ports."""

from __future__ import annotations

import pytest

from hil.drivers import capabilities, check_ports, find_driver
from hil.rigfile import load_rig
from protocols.ports import ConfigError, Driver

OWN = """
from pydantic import BaseModel, ConfigDict, Field
from protocols.ports import Driver

class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")
    relay: int = Field(ge=1, le=8, description="1 to 8")

async def open_relay(config, context):
    raise NotImplementedError

DRIVER = Driver("relay", Settings, open_relay, frozenset({"power"}))
NOT_ONE = 3
"""

RIG = """
schema = 1
name = "own"
[keys]
seed = "s"
[nodes.esme]
kind = "device"
device = "esme.toml"
[nodes.esme.ports.serial]
driver = "serial"
url = "/dev/ttyUSB0"
[nodes.esme.ports.power]
driver = "relay.py:DRIVER"
relay = 3
"""


@pytest.fixture
def rig(tmp_path):
    (tmp_path / "relay.py").write_text(OWN)
    (tmp_path / "esme.toml").write_text(
        'type = "esme"\neui64 = "00-DB-12-34-56-78-90-A0"\nfirmware_version = "02000001"\ncapabilities = ["load-switch"]\n'
    )

    def write(old="", new=""):
        (tmp_path / "rig.toml").write_text(RIG.replace(old, new))
        return load_rig(tmp_path / "rig.toml", {})

    return write


def test_installed_drivers_are_found_by_name(tmp_path):
    driver = find_driver("serial", tmp_path)
    assert isinstance(driver, Driver)
    assert "message" in driver.capabilities


def test_a_rig_brings_a_driver_in_a_file(rig):
    opened = rig()
    check_ports(opened)
    assert {"power", "message", "load-switch"} <= capabilities(opened, "esme")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('driver = "serial"', 'driver = "seriel"', "there is no driver 'seriel'; installed: "),
        ("relay = 3", "relay = 9", "nodes.esme.ports.power.relay = 9: "),
        ("relay = 3", "relai = 3", "relai: no such key, did you mean relay?"),
        ("relay.py:DRIVER", "missing.py:DRIVER", "missing.py: no such driver file"),
        ("relay.py:DRIVER", "relay.py:NOT_ONE", "is a int, not a protocols.ports.Driver"),
        ("relay.py:DRIVER", "relay.py:OTHER", "has no attribute 'OTHER'"),
    ],
)
def test_errors_name_the_key_in_the_rig_file(rig, old, new, message):
    opened = rig(old, new)
    with pytest.raises(ConfigError) as caught:
        check_ports(opened)
    assert message in caught.value.cause
    assert caught.value.cause.startswith(f"{opened.path}: nodes.esme.ports.")


def test_all_ports_are_checked_at_once(rig):
    opened = rig('driver = "serial"\nurl', 'driver = "nothing"\nurl')
    opened.devices["esme"].ports["power"].settings["relay"] = "x"
    with pytest.raises(ConfigError) as caught:
        check_ports(opened)
    assert len(caught.value.cause.splitlines()) == 2
