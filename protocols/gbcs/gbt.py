"""Blocks of General Block Transfer, which carries messages too large for one transfer (GBCS section 7.2.11).

A block is a Message Routing Header, a GBT header and block data; the data of all blocks of a transfer, one
after the other, is an ordinary message. A block without data is an acknowledgement. Sending and receiving are
in ``gbt_send``, ``gbt_receive`` and ``gbt_endpoint``. All integers are big-endian.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from protocols.dlms.layout import Layout
from protocols.dlms.length import encode_length, read_length, take
from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64
from protocols.gbcs.header import (
    GENERAL_CIPHERING,
    CraFlag,
    GroupingHeader,
    parse_grouping_header,
    parse_mac_header,
)

GENERAL_BLOCK_TRANSFER = 0xE0
# Limits that another implementation enforces; the specification's own are not public.
MAX_BLOCK_OCTETS = 1200
MAX_BLOCKS = 255
MAX_WINDOW = 63
_LAST_BLOCK = 0x80
_STREAMING = 0x40
_SECURITY_OCTETS = 5

TransferKey = tuple[Eui64, Eui64, int, CraFlag]
"""Originator, target, Originator Counter and CRA flag: what tells transfers apart."""


@dataclass(slots=True)
class RoutingHeader:
    """Message Routing Header: whose message the block is part of, so that it can be passed on unopened.

    Nothing protects it; only the reassembled message's own header can be trusted. ``security_control`` and
    ``invocation_counter`` are zero as far as is known, and kept as they came.
    """

    cra_flag: CraFlag
    originator_counter: int
    business_originator_id: Eui64
    business_target_id: Eui64
    message_code: int
    security_control: int = 0
    invocation_counter: int = 0

    @property
    def transfer(self) -> TransferKey:
        """What identifies the transfer."""
        return (self.business_originator_id, self.business_target_id, self.originator_counter, self.cra_flag)

    def swapped(self) -> RoutingHeader:
        """The header that goes back to where this one came from."""
        return RoutingHeader(
            self.cra_flag,
            self.originator_counter,
            self.business_target_id,
            self.business_originator_id,
            self.message_code,
            self.security_control,
            self.invocation_counter,
        )


@dataclass(slots=True)
class Block:
    """One block. ``number`` counts from 1; ``acknowledged`` is the highest number up to which all arrived.

    ``window`` is how many blocks its sender takes (an acknowledgement) or sends (data) without another
    acknowledgement between, 0 to 63. ``streaming`` says that more blocks follow unasked; after a block
    without it the sender waits for an acknowledgement.
    """

    header: RoutingHeader
    number: int
    data: bytes
    acknowledged: int = 0
    window: int = 0
    streaming: bool = False
    last: bool = False

    @property
    def is_acknowledgement(self) -> bool:
        """Whether the block carries no data."""
        return not self.data


@dataclass(slots=True)
class GbtParameters:
    """What public sources leave open, with defaults; EncodeError for values that contradict each other.

    - ``message_limit``: the largest message, in octets, that goes without blocks. 1200, like a block's data:
      a block is then at most 1251 octets, within the 1500 of a HAN tunnel.
    - ``block_octets``: data in every block but the last, 1 to 1200.
    - ``window``: blocks sent, and taken, between two acknowledgements, 1 to 63.
    - ``retry_s``, ``tries``: a sender sends again what was not acknowledged this long after the last
      progress, so many times, then gives up.
    - ``ask_again_s``, ``asks``: the same for a receiver that misses blocks. In the default it is more patient
      than a sender, who knows better when there is nothing left to come.
    - ``acknowledge_once_s``: a block that comes again is not acknowledged again within this time, which keeps
      duplicated blocks from breeding acknowledgements, and those from breeding blocks.
    - ``linger_s``: how long the receiver remembers a finished transfer, to acknowledge stragglers without
      delivering twice. At least a sender's whole patience.
    - ``transfers``, ``transfers_per_peer``, ``octets_per_peer``, ``finished``: what a receiver holds at
      most; a peer is an originator, ``finished`` counts remembered transfers.
    - ``swap_parties``: whether an acknowledgement names its own sender as originator (its message code,
      counter and CRA flag are the transfer's). Either form is understood.
    """

    message_limit: int = 1200
    block_octets: int = MAX_BLOCK_OCTETS
    window: int = 4
    retry_s: float = 10.0
    tries: int = 5
    ask_again_s: float = 10.0
    asks: int = 7
    acknowledge_once_s: float = 1.0
    linger_s: float = 120.0
    transfers: int = 16
    transfers_per_peer: int = 4
    octets_per_peer: int = MAX_BLOCK_OCTETS * MAX_BLOCKS
    finished: int = 64
    swap_parties: bool = True

    def __post_init__(self) -> None:
        _within(self.block_octets, 1, MAX_BLOCK_OCTETS, "block_octets")
        _within(self.window, 1, MAX_WINDOW, "window")
        for name in ("message_limit", "tries", "asks", "transfers", "transfers_per_peer", "octets_per_peer"):
            if getattr(self, name) < 1:
                raise EncodeError(f"{getattr(self, name)} is less than 1", element=name)
        if not 0 <= self.acknowledge_once_s < self.retry_s:
            raise EncodeError("has to be shorter than retry_s", element="acknowledge_once_s")
        if self.ask_again_s <= 0:
            raise EncodeError("has to be longer than 0", element="ask_again_s")
        if self.linger_s < self.retry_s * (self.tries + 1):
            raise EncodeError("has to outlast all tries of a sender", element="linger_s")


def _within(value: int, lowest: int, highest: int, element: str) -> None:
    if not lowest <= value <= highest:
        raise EncodeError(f"{value} is not within {lowest} to {highest}", element=element)


def is_block(data: bytes) -> bool:
    """Whether octets begin like a block, and not like a whole message."""
    return data[:2] == bytes((GENERAL_CIPHERING, 9))


def routing_header_of(message: bytes) -> RoutingHeader:
    """The routing header for the blocks of an encoded message; DecodeError without a Grouping Header."""
    start = parse_mac_header(message)[1] if message[:1] == bytes((GENERAL_CIPHERING,)) else 0
    header: GroupingHeader = parse_grouping_header(message, start)[0]
    return RoutingHeader(
        header.cra_flag,
        header.originator_counter,
        header.business_originator_id,
        header.business_target_id,
        header.message_code,
    )


def segment(
    message: bytes, parameters: GbtParameters | None = None, header: RoutingHeader | None = None
) -> list[Block]:
    """The blocks of an encoded message, numbered from 1, the last one marked.

    Streaming bits are as for sending all at once, in windows. ``header`` is taken from the message unless
    given. EncodeError where 255 blocks are too few.
    """
    parameters = parameters or GbtParameters()
    header = header or routing_header_of(message)
    if not message:
        raise EncodeError("nothing to send", element="message")
    size, window = parameters.block_octets, parameters.window
    count = -(-len(message) // size)
    if count > MAX_BLOCKS:
        raise EncodeError(f"{len(message)} octets need {count} blocks, at most 255", element="message")
    return [
        Block(
            header,
            number,
            message[(number - 1) * size : number * size],
            window=window,
            streaming=number % window != 0 and number != count,
            last=number == count,
        )
        for number in range(1, count + 1)
    ]


def encode_block(block: Block) -> bytes:
    """Octets of a block; EncodeError names the field that does not fit."""
    header = block.header
    _within(block.number, 0 if block.is_acknowledgement else 1, MAX_BLOCKS, "block_number")
    _within(block.acknowledged, 0, MAX_BLOCKS, "block_number_ack")
    _within(block.window, 0, MAX_WINDOW, "window")
    _within(len(block.data), 0, MAX_BLOCK_OCTETS, "block_data")
    _within(header.originator_counter, 0, 2**64 - 1, "originator_counter")
    _within(header.message_code, 0, 0xFFFF, "message_code")
    _within(header.security_control, 0, 0xFF, "security_control")
    _within(header.invocation_counter, 0, 0xFFFFFFFF, "invocation_counter")
    control = block.window | _LAST_BLOCK * block.last | _STREAMING * block.streaming
    content = b"".join(
        (
            header.security_control.to_bytes(1, "big"),
            header.invocation_counter.to_bytes(4, "big"),
            bytes((GENERAL_BLOCK_TRANSFER, control)),
            block.number.to_bytes(2, "big"),
            block.acknowledged.to_bytes(2, "big"),
            encode_length(len(block.data), "block_data"),
            block.data,
        )
    )
    return _encode_routing(header) + encode_length(len(content)) + content


def _encode_routing(header: RoutingHeader) -> bytes:
    return b"".join(
        (
            bytes((GENERAL_CIPHERING, 9, header.cra_flag)),
            header.originator_counter.to_bytes(8, "big"),
            b"\x08",
            header.business_originator_id,
            b"\x08",
            header.business_target_id,
            b"\x00\x02",
            header.message_code.to_bytes(2, "big"),
            b"\x00",
        )
    )


def parse_block(data: bytes) -> Block:
    """Parse one block; every octet has to belong to it, else DecodeError with offset and path."""
    block, end = _read_block(data, 0)
    if end != len(data):
        raise DecodeError(f"{len(data) - end} octets left over", offset=end, path="block")
    return block


def _fixed(data: bytes, offset: int, expected: bytes, path: str) -> int:
    octets, end = take(data, offset, len(expected), path)
    if octets != expected:
        problem = f"0x{octets.hex().upper()} where 0x{expected.hex().upper()} belongs"
        raise DecodeError(problem, offset=offset, path=path)
    return end


def _read_block(data: bytes, offset: int) -> tuple[Block, int]:
    header, at = _read_routing(data, offset)
    length, start = read_length(data, at, "routing_header.length")
    end = start + length
    if end > len(data):
        raise DecodeError(f"{end - len(data)} octets missing", offset=len(data), path="block")
    if length < _SECURITY_OCTETS:
        raise DecodeError(f"{length} octets cannot hold the security header", offset=at, path="block")
    header.security_control = data[start]
    header.invocation_counter = int.from_bytes(data[start + 1 : start + _SECURITY_OCTETS], "big")
    block = _read_gbt(data[:end], start + _SECURITY_OCTETS, header)
    return block, end


def _read_routing(data: bytes, offset: int) -> tuple[RoutingHeader, int]:
    path = "routing_header."
    at = _fixed(data, offset, bytes((GENERAL_CIPHERING,)), path + "tag")
    at = _fixed(data, at, b"\x09", path + "transaction_id.length")
    transaction, after = take(data, at, 9, path + "transaction_id")
    if transaction[0] not in {1, 2, 3}:
        raise DecodeError(f"CRA flag 0x{transaction[0]:02X}", offset=at, path=path + "cra_flag")
    at = _fixed(data, after, b"\x08", path + "business_originator_id.length")
    originator, at = take(data, at, 8, path + "business_originator_id")
    at = _fixed(data, at, b"\x08", path + "business_target_id.length")
    target, at = take(data, at, 8, path + "business_target_id")
    at = _fixed(data, at, b"\x00", path + "date_time.length")
    at = _fixed(data, at, b"\x02", path + "other_information.length")
    code, at = take(data, at, 2, path + "message_code")
    at = _fixed(data, at, b"\x00", path + "key_info.length")
    header = RoutingHeader(
        CraFlag(transaction[0]),
        int.from_bytes(transaction[1:], "big"),
        Eui64(originator),
        Eui64(target),
        int.from_bytes(code, "big"),
    )
    return header, at


def _read_gbt(data: bytes, offset: int, header: RoutingHeader) -> Block:
    """GBT header and block data, which have to fill the octets up to their end."""
    path = "gbt_header."
    at = _fixed(data, offset, bytes((GENERAL_BLOCK_TRANSFER,)), path + "tag")
    fields, at = take(data, at, 5, path + "block_control")
    control = fields[0]
    number, acknowledged = int.from_bytes(fields[1:3], "big"), int.from_bytes(fields[3:5], "big")
    length, start = read_length(data, at, path + "length")
    _limit(length, MAX_BLOCK_OCTETS, at, "block_data")
    _limit(number, MAX_BLOCKS, offset + 2, path + "block_number")
    _limit(acknowledged, MAX_BLOCKS, offset + 4, path + "block_number_ack")
    if not number and length:
        raise DecodeError("blocks are numbered from 1", offset=offset + 2, path=path + "block_number")
    content, end = take(data, start, length, "block_data")
    if end != len(data):
        raise DecodeError(f"{len(data) - end} octets left over", offset=end, path="block_data")
    return Block(
        header,
        number,
        content,
        acknowledged,
        control & MAX_WINDOW,
        streaming=bool(control & _STREAMING),
        last=bool(control & _LAST_BLOCK),
    )


def _limit(value: int, highest: int, offset: int, path: str) -> None:
    if value > highest:
        raise DecodeError(f"{value} is more than {highest}", offset=offset, path=path)


def _write_block(block: Any) -> bytes:
    return encode_block(block)


BLOCK = Layout(_read_block, _write_block)
