"""Long messages over EZSP: cut for sending, and put together with the acknowledgements the host owes."""

from __future__ import annotations

from collections.abc import Callable

from protocols.ezsp.fields import Values
from protocols.zigbee.aps import ExtendedHeader, Fragmentation
from protocols.zigbee.fragments import MAX_BLOCKS, FragmentParameters, FragmentReassembler
from protocols.zigbee.stack.constants import APS_SLEEPY_ACK_WAIT_S

_TRANSFERS = 16


def blocks_of(payload: bytes, size: int) -> list[bytes] | None:
    """A message in blocks; None when they are too many."""
    blocks = [payload[start : start + size] for start in range(0, len(payload), size)] if size > 0 else []
    return blocks if 0 < len(blocks) <= MAX_BLOCKS else None


class Reassembly:
    """Blocks of messages to us; ``now`` gives monotonic seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        parameters = FragmentParameters(ack_wait_s=APS_SLEEPY_ACK_WAIT_S, max_transfers=_TRANSFERS)
        self._blocks = FragmentReassembler(parameters)
        self._whole: dict[tuple[int, ...], int] = {}

    def take(self, sender: int, aps: Values, payload: bytes) -> tuple[int | None, bytes | None]:
        """A block; the ``group`` of the acknowledgement where one is due, and the message when whole."""
        group = aps["group"]
        first = group & 0xFF == 0
        key = (
            sender,
            aps["sequence"],
            aps["source_endpoint"],
            aps["destination_endpoint"],
            aps["cluster"],
        )
        if first and key in self._whole:
            self._whole[key] += 1  # counters have 8 bits: the next message with this one
        kind = Fragmentation.FIRST if first else Fragmentation.PART
        header = ExtendedHeader(kind, group >> 8 if first else group & 0xFF)
        acknowledgement, whole = self._blocks.receive(
            (key, self._whole.get(key, 0)), header, payload, self._now()
        )
        if whole is not None:
            if len(self._whole) >= 4 * _TRANSFERS:
                del self._whole[next(iter(self._whole))]
            self._whole.setdefault(key, 0)
        if acknowledgement is None:
            return None, whole
        bits, number = acknowledgement.ack_bitfield or 0, acknowledgement.block_number or 0
        return bits << 8 | number, whole
