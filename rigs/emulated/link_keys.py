"""What the hub's messages carry for a link key."""

from __future__ import annotations

from functools import lru_cache

from protocols.zigbee.security import mmo_hash


# Each change of a hub's log tells it of every device in it.
@lru_cache(maxsize=64)
def hashed_link_key(link_key: bytes) -> bytes:
    """What CS14 and CCS07 carry for a link key (ZigBee trust centre swap-out uses the same hash)."""
    return mmo_hash(link_key)
