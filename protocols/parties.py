"""Who takes part: roles of remote parties and types of devices, under the names that the bench has for them.

The catalogue, rig files and device files read these. Numbers of roles and device types in ASN.1 stand in
``protocols.gbcs.asn1.types`` under the same names; those of the hub's device log, which differ, stand here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

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
DEVICE_LOG_TYPES: Mapping[str, int] = {
    "esme": 0,
    "gsme": 1,
    "hcalcs": 13,
    "sapc": 14,
    "ihd": 128,
    "cad": 130,
    "ppmid": 132,
    "gpf": 254,
}
"""Device types in CCS01 and the hub's device log. No source gives that of an SAPC: 14 is a choice of ours."""
