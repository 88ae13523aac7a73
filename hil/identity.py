"""What was tested: identity and firmware version of every device, read over the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hil.credentials import ACB_CELL
from hil.exchange import NoResponseError
from hil.state_steps import HUB_TYPES

if TYPE_CHECKING:
    from hil.bench import Bench
    from hil.exchange import Response
    from hil.nodes import DeviceNode
    from hil.state_steps import Steps

# A GSME answers GCS38 to its supplier alone. A GPF is part of a hub and has no version of its own to read.
_READ_VERSION = {
    "chf": ("ECS52", "access_control_broker"),
    "esme": ("ECS52", "access_control_broker"),
    "gsme": ("GCS38", "supplier"),
    "ppmid": ("CS08", "access_control_broker"),
    "hcalcs": ("CS08", "access_control_broker"),
}


def read_identities(bench: Bench, steps: Steps) -> dict[str, Any]:
    """For each device ``{"reachable", "state", "eui64", "authenticated", "firmware_version", "note"}``.

    ``eui64`` is the originator of a response, ``authenticated`` whether its MAC or signature verified with
    the keys declared for that device. A device that does not answer is noted, never an error: a factory state
    device is expected to be silent.
    """
    found: dict[str, Any] = {}
    for name, device in bench.devices.items():
        found[name] = _read(device, steps)
    return found


def _read(device: DeviceNode, steps: Steps) -> dict[str, Any]:
    identity: dict[str, Any] = {
        "reachable": False,
        "eui64": "",
        "authenticated": "",
        "firmware_version": "",
        "note": "",
    }
    try:
        if device.type not in HUB_TYPES and not steps.in_device_log(device):
            return identity | {"note": "not in the hub's device log"}
        if device.type not in _READ_VERSION:
            return _by_credentials(device, steps, identity)
        use_case, role = _READ_VERSION[device.type]
        response = steps.user(role).request(use_case, device, timeout_s=steps.answer_s)
    except NoResponseError:
        return identity | {"note": "in the device log, but it does not answer"}
    version = response.values.get("firmware_version")
    return (
        identity | _answered(response) | {"firmware_version": bytes(version).hex().upper() if version else ""}
    )


def _by_credentials(device: DeviceNode, steps: Steps, identity: dict[str, Any]) -> dict[str, Any]:
    response = steps.acb.request(
        "CS02a",
        device,
        timeout_s=steps.answer_s,
        authorising_cell=ACB_CELL,
        roles=["supplier"],
    )
    return identity | _answered(response) | {"note": "no use case reads a firmware version of its own"}


def _answered(response: Response) -> dict[str, Any]:
    header = response.message.header if response.message is not None else None
    return {
        "reachable": True,
        "eui64": str(header.business_originator_id) if header is not None else "",
        "authenticated": response.mac if response.mac != "none" else response.signature,
    }
