"""The state of a meter's supply, read and commanded: load switch or valve."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hil.exchange import Response
    from hil.nodes import DeviceNode, UserNode

DISABLED, ENABLED, ARMED = "disabled", "enabled", "armed"
_ESME = {0: DISABLED, 1: ENABLED, 2: ARMED}
_GSME = {0: DISABLED, 1: ARMED, 2: ENABLED}
_ISSUER = {"*/Issuer Event ID": 1}


def state(supplier: UserNode, meter: DeviceNode) -> str:
    """By ECS45 or GCS33."""
    if meter.type == "esme":
        return _ESME[supplier.request("ECS45", meter).find("SupplyState: value.output_state")]
    return _GSME[supplier.request("GCS33", meter).find("Supply Status")]


def disable(supplier: UserNode, meter: DeviceNode) -> Response:
    """ECS43 or GCS32."""
    if meter.type == "esme":
        return supplier.request("ECS43", meter)
    return supplier.request("GCS32", meter, values=_ISSUER)


def arm(supplier: UserNode, meter: DeviceNode) -> Response:
    """ECS44 or GCS39."""
    if meter.type == "esme":
        return supplier.request("ECS44", meter)
    return supplier.request("GCS39", meter, values=_ISSUER)


def succeeded(response: Response) -> bool:
    """Whether every item of a command was done."""
    return not any(response.statuses.values())
