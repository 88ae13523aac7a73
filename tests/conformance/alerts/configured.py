"""Setting what configurable events of an electricity meter do, bit by bit (ECS25a to ECS25b3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hil.exchange import Response
    from hil.nodes import DeviceNode, UserNode

WAN, HAN, AUDIBLE, LOG = "wan", "han", "audible", "log"
_OCTETS = 32
# By owner's role and behaviour: the use case that sets, its element, and the element that reads back.
_PLACES = {
    ("supplier", WAN): (
        "ECS25a",
        "Alerts Configuration Settings - Supplier: Bit string",
        "Alerts Configuration Settings - Supplier: settingsForWANAlerting",
    ),
    ("supplier", HAN): (
        "ECS25a1",
        "Alerts Configuration Settings - Supplier: maskAndActionsForHANDeviceSharing",
        "Alerts Configuration Settings - Supplier: settingsForHANDeviceSharing",
    ),
    ("supplier", AUDIBLE): (
        "ECS25a2",
        "Events Configuration Settings - Supplier: maskAndActionsForAlarms",
        "Events Configuration Settings - Supplier: settingsForAlarms",
    ),
    ("supplier", LOG): (
        "ECS25a3",
        "Events Configuration Settings - Supplier: maskAndActionsForLogging",
        "Events Configuration Settings - Supplier: settingForLogging",
    ),
    ("network_operator", WAN): (
        "ECS25b",
        "Alerts Configuration Settings - DNO: Bit string",
        "Alerts Configuration Settings - Network Operator: settingsForWANAlerting",
    ),
    ("network_operator", LOG): (
        "ECS25b3",
        "Events Configuration Settings - Network Operator: maskAndActionsForLogging",
        "Events Configuration Settings - Network Operator: settingForLogging",
    ),
}
_READS = {"supplier": "ECS25r1", "network_operator": "ECS25r2"}
ALL = (1 << 8 * _OCTETS) - 1


def bit(code: int) -> int:
    """The bit of a code: bit nn, the lowest numbered 0, stands for 0x80nn or 0x81nn (GBCS-16-04)."""
    return 1 << (code & 0xFF)


def configure(owner: UserNode, esme: DeviceNode, what: str, mask: int, action: int) -> Response:
    """Change the settings of the bits in ``mask`` to those in ``action``."""
    use_case, element, _read = _PLACES[owner.role, what]
    octets = mask.to_bytes(_OCTETS, "big") + action.to_bytes(_OCTETS, "big")
    return owner.request(use_case, esme, values={element: octets.hex().upper()})


def settings(owner: UserNode, esme: DeviceNode) -> dict[str, int]:
    """The present bits by behaviour, as the owner of a group of codes reads them."""
    response = owner.request(_READS[owner.role], esme)
    elements = response.named["elements"]
    return {
        what: int(elements[read], 16) for (role, what), (_, _, read) in _PLACES.items() if role == owner.role
    }
