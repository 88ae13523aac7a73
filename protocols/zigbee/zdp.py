"""ZigBee device profile messages (05-3474-22 2.4): clusters of profile 0x0000 between endpoints 0.

What each message holds stands in `zdp_table`; values go by the names there. An answer with a status other
than 0 may end early. Octets after the known elements are kept as ``rest``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from protocols.errors import DecodeError, EncodeError
from protocols.zigbee.elements import REST
from protocols.zigbee.zdp_table import MESSAGES, RESPONSE, ZdpCluster

__all__ = ["PROFILE", "RESPONSE", "ZdpCluster", "ZdpMessage", "build_zdp", "parse_zdp"]

PROFILE = 0x0000


@dataclass(slots=True)
class ZdpMessage:
    """A message; ``sequence`` is the transaction sequence number, which an answer repeats."""

    cluster: int
    sequence: int
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def is_response(self) -> bool:
        """It answers a request."""
        return bool(self.cluster & RESPONSE)

    def build(self) -> bytes:
        """As `build_zdp`."""
        return build_zdp(self)


def parse_zdp(cluster: int, octets: bytes) -> ZdpMessage:
    """The message in the payload of an APS data frame; one of an unknown cluster has only ``rest``."""
    if not octets:
        raise DecodeError("the data ends before the sequence number", offset=0, path="sequence")
    layout = MESSAGES.get(cluster)
    values, end = layout.read(octets, 1) if layout else ({}, 1)
    if end < len(octets):
        values[REST] = octets[end:]
    return ZdpMessage(cluster, octets[0], values)


def build_zdp(message: ZdpMessage) -> bytes:
    """The octets of the APS payload."""
    if not 0 <= message.sequence <= 0xFF:
        raise EncodeError(f"{message.sequence!r} does not fit 1 octet", element="sequence")
    values = dict(message.values)
    rest: bytes = values.pop(REST, b"")
    layout = MESSAGES.get(message.cluster)
    if layout is None and values:
        raise EncodeError("the cluster is not known, only rest can be sent", element=min(values))
    known = layout.write(values) if layout else b""
    return bytes((message.sequence,)) + known + rest
