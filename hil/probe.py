"""Is the wire alive? Asked after a device did not answer, before the silence is held against it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hil.credentials import ACB_CELL
from hil.exchange import NoResponseError
from protocols.ports import BenchError

if TYPE_CHECKING:
    from hil.bench import Bench
    from hil.nodes import DeviceNode

_ANSWER_S = 3.0


def wire_alive(bench: Bench, silent: Sequence[str], *, ask_silent: bool = False) -> tuple[bool, str]:
    """Whether something else on the same wire answers, and how that was found out.

    Asked are the hub and the other devices that share the wire of the silent ones, by CS02a from the ACB;
    with ``ask_silent`` (an alert did not come) the silent ones themselves first. Where no other can be asked,
    or none answers, the silence may be ours.
    """
    concerned = [
        device for device in bench.devices.values() if device.name in silent or device.type in silent
    ]
    others = [device for device in bench.devices.values() if device not in concerned]
    acb = next((user for user in bench.users.values() if user.role == "access_control_broker"), None)
    if acb is None:
        return False, "the rig has no access control broker to ask with"
    asked: list[str] = []
    others.sort(key=lambda device: device.type not in {"chf", "gpf"})
    for device in [*concerned, *others] if ask_silent else others:
        if not _same_wire(bench, device, concerned):
            continue
        asked.append(device.name)
        try:
            acb.request(
                "CS02a",
                device,
                timeout_s=_ANSWER_S,
                authorising_cell=ACB_CELL,
                roles=["supplier"],
            )
        except (NoResponseError, BenchError):
            continue
        return True, f"{device.name} answered CS02a on the same wire"
    return False, f"no answer from {', '.join(asked)}" if asked else "nothing else on this wire can be asked"


def _same_wire(bench: Bench, device: DeviceNode, concerned: Sequence[DeviceNode]) -> bool:
    carriers = {_carrier(bench, other).name for other in concerned}
    return not concerned or _carrier(bench, device).name in carriers


def _carrier(bench: Bench, device: DeviceNode) -> DeviceNode:
    seen = {device.name}
    while device.via and device.via in bench.devices and device.via not in seen:
        device = bench.devices[device.via]
        seen.add(device.name)
    return device
