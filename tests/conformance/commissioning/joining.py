"""Join commands between devices (CS03) and what the devices say about them (CS07)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.eui64 import Eui64
from protocols.gbcs.keystore import KeyUse

if TYPE_CHECKING:
    from hil.bench import Bench
    from hil.exchange import Response
    from hil.nodes import DeviceNode, UserNode

SUCCESS = 0
WRONG_CODE_FOR_METHOD = 1
WRONG_METHOD = 2
BAD_CERTIFICATE = 11

METHOD_A_INITIATOR, METHOD_A_RESPONDER, METHOD_B, METHOD_C = range(4)


def other(device: DeviceNode, **values: object) -> dict[str, object]:
    """The values of a join command that name the other device."""
    return {"other_device_id": device.eui64, "other_device_type": device.type, **values}


def certificate(bench: Bench, device: DeviceNode) -> bytes:
    """Key agreement certificate (DER) of a device of this rig."""
    return bench.keys.keystore.certificate(device.eui64, KeyUse.KA)


def partners(user: UserNode, device: DeviceNode) -> tuple[dict[Eui64, str], Response]:
    """With which devices a device says it is joined, by type; and the response that says so."""
    response = user.request("CS07", device)
    return {Eui64(e["device_id"]): str(e["device_type"]) for e in response.values["devices"]}, response
