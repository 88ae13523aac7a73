"""What the hub's messages carry for a link key."""

from __future__ import annotations

from protocols.zigbee.security import mmo_hash


def hashed_link_key(link_key: bytes) -> bytes:
    """What CS14 and CCS07 carry for a link key (ZigBee trust centre swap-out uses the same hash)."""
    return mmo_hash(link_key)
