"""What may differ from node to node."""

from __future__ import annotations

from dataclasses import dataclass

from protocols.zigbee.stack.constants import NWK_END_DEVICE_TIMEOUT_DEFAULT


@dataclass(slots=True)
class NodeSettings:
    """What may differ from device to device.

    ``frame_wait_s``: how long a poll waits for its frame; macMaxFrameTotalWaitTime is too short where a host
    behind a serial line answers.
    """

    poll_interval_s: float = 5.0
    fast_poll_interval_s: float = 0.1
    keep_alive_s: float = 60.0
    parent_failures: int = 4
    end_device_timeout: int = NWK_END_DEVICE_TIMEOUT_DEFAULT
    key_establishment_timeout_s: float = 1200.0
    manufacturer_code: int = 0
    extended_nonce: bool = True
    frame_wait_s: float | None = None
