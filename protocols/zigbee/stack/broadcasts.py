"""Broadcasts with passive acknowledgement and the broadcast transaction table (NWK 3.6.5)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from protocols.eui64 import Eui64
from protocols.han import HanRole
from protocols.zigbee.nwk import NwkFrame
from protocols.zigbee.stack.constants import (
    BROADCAST_ALL,
    BROADCAST_ROUTERS,
    BROADCAST_RX_ON,
    MAC_BROADCAST,
    NWK_BROADCAST_DELIVERY_TIME_S,
    NWK_MAX_BROADCAST_JITTER_S,
    NWK_MAX_BROADCAST_RECORDS,
    NWK_MAX_BROADCAST_RETRIES,
    NWK_PASSIVE_ACK_TIMEOUT_S,
)
from protocols.zigbee.stack.core import Refusal

if TYPE_CHECKING:
    from protocols.zigbee.stack.nwk_layer import Arrival, NwkLayer


@dataclass(slots=True, eq=False)
class _Record:
    expires: float
    relayed_by: set[Eui64] = field(default_factory=set)
    retries: int = NWK_MAX_BROADCAST_RETRIES


class Broadcasts:
    """What was broadcast lately, and who of the neighbouring routers passed it on."""

    def __init__(self, nwk: NwkLayer) -> None:
        self._nwk = nwk
        self._records: dict[tuple[int, int], _Record] = {}

    def originate(self, frame: NwkFrame) -> None:
        """Broadcast a frame of ours; an end device hands it to its parent."""
        nwk = self._nwk
        record = self._record(frame)
        if record is None:
            return
        if nwk.role.routes:
            self._spread(frame, record)
        elif nwk.parent is not None:
            nwk.transmit(frame, nwk.parent)

    def receive(self, frame: NwkFrame, arrival: Arrival) -> bool:
        """Whether a broadcast is new and for us; passes it on where that is our part."""
        nwk = self._nwk
        known = self._records.get((frame.source, frame.sequence))
        if known is not None and known.expires > nwk.core.now():
            if arrival.hop_eui64 is not None:
                known.relayed_by.add(arrival.hop_eui64)
            return False
        if frame.source == nwk.short:
            return False
        record = self._record(frame)
        if record is None:
            return False
        if arrival.hop_eui64 is not None:
            record.relayed_by.add(arrival.hop_eui64)
        if nwk.role.routes and frame.radius > 1:
            copy = replace(frame, radius=frame.radius - 1, security=None)
            jitter = nwk.core.random.random() * NWK_MAX_BROADCAST_JITTER_S
            nwk.core.after(jitter, lambda: self._spread(copy, record))
        return self._concerns_us(frame.destination)

    def clear(self) -> None:
        """Forget all."""
        self._records.clear()

    def _concerns_us(self, destination: int) -> bool:
        role = self._nwk.role
        if destination == BROADCAST_ALL:
            return True
        if destination == BROADCAST_RX_ON:
            return role is not HanRole.SLEEPY_END_DEVICE
        return destination == BROADCAST_ROUTERS and role.routes

    def _record(self, frame: NwkFrame) -> _Record | None:
        now = self._nwk.core.now()
        if len(self._records) >= NWK_MAX_BROADCAST_RECORDS:
            self._records = {key: record for key, record in self._records.items() if record.expires > now}
            if len(self._records) >= NWK_MAX_BROADCAST_RECORDS:
                self._nwk.core.refuse("nwk", Refusal.TABLE_FULL)
                return None
        record = _Record(now + NWK_BROADCAST_DELIVERY_TIME_S)
        self._records[frame.source, frame.sequence] = record
        return record

    def _spread(self, frame: NwkFrame, record: _Record) -> None:
        self._transmit(frame, record)
        if frame.destination == BROADCAST_ALL:
            for child in self._nwk.neighbours.children():
                if not child.rx_on and child.short != frame.source:
                    self._nwk.transmit(replace(frame), child.short)

    def _transmit(self, frame: NwkFrame, record: _Record) -> None:
        nwk = self._nwk
        if not nwk.on_network:
            return
        nwk.mac.send(MAC_BROADCAST, nwk.seal(frame))
        if record.retries > 0:
            nwk.core.after(NWK_PASSIVE_ACK_TIMEOUT_S, lambda: self._check(frame, record))

    def _check(self, frame: NwkFrame, record: _Record) -> None:
        waiting = [
            router for router in self._nwk.neighbours.routers() if router.eui64 not in record.relayed_by
        ]
        if waiting and frame.radius > 1:
            record.retries -= 1
            self._transmit(frame, record)
