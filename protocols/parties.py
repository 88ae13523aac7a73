"""Who takes part: roles of remote parties and types of devices, under the names that the bench has for them.

The catalogue, rig files and device files read these. Numbers of roles and device types on the wire stand in
``protocols.gbcs.asn1.types`` under the same names.
"""

from __future__ import annotations

from typing import Literal, get_args

RoleName = Literal[
    "supplier",
    "network_operator",
    "access_control_broker",
    "transitional_cos",
    "load_controller",
    "wan_provider",
    "recovery",
    "root",
    "other",
]
"""A remote party that sends commands or is told of events."""
DeviceName = Literal["chf", "gpf", "esme", "gsme", "ppmid", "hcalcs", "ihd", "cad", "sapc"]
"""A device on the home area network; an IHD or CAD (type 2 devices) has no use cases of its own."""
ROLES: frozenset[str] = frozenset(get_args(RoleName))
DEVICES: frozenset[str] = frozenset(get_args(DeviceName))
