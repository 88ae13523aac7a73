"""A rig file of the smallest rig there is: one emulated ESME, its supplier and its access control broker."""

from __future__ import annotations

from pathlib import Path

_DEVICES = Path(__file__).parents[1] / "rigs" / "devices"
DESK_RIG = """
schema = 1
name = "desk"
[bench]
time = "virtual"
[keys]
seed = "s"
[nodes.supplier]
kind = "user"
role = "supplier"
eui64 = "90-B3-D5-1F-30-01-00-00"
[nodes.acb]
kind = "user"
role = "access_control_broker"
eui64 = "90-B3-D5-1F-30-00-00-02"
[nodes.esme]
kind = "device"
device = "DEVICES/esme.toml"
emulated = true
[nodes.esme.ports]
serial = { driver = "memory" }
console = { driver = "memory" }
power = { driver = "memory" }
stimulus = { driver = "memory" }
firmware = { driver = "memory" }
""".replace("DEVICES", str(_DEVICES))
