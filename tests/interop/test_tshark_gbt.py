"""Wireshark's GBCS dissector must read the routing and GBT headers of our blocks, and reassemble them."""

from __future__ import annotations

from protocols.eui64 import Eui64
from protocols.gbcs.gbt import Block, GbtParameters, encode_block, segment
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.message import Message, build_message
from tests.interop.wireshark import dissect, needs_tshark

ROUTING = "gbcs_message.routing_header."
GBT = "gbcs_message.gbt_header."
FIELDS = {
    "cra_flag": ROUTING + "cra_flag",
    "originator_counter": ROUTING + "originator_counter",
    "business_originator_id": ROUTING + "business_originator_id",
    "business_target_id": ROUTING + "business_target_id",
    "message_code": ROUTING + "message_code",
    "security_control": ROUTING + "security_control_byte",
    "invocation_counter": ROUTING + "invocation_counter",
    "tag": GBT + "general_block_transfer",
    "last": GBT + "block_control.last_block",
    "streaming": GBT + "block_control.streaming",
    "window": GBT + "block_control.window",
    "number": GBT + "block_number",
    "acknowledged": GBT + "block_number_ack",
}
REASSEMBLED = "gbcs_message.gbt.reassembled.length"
INNER_COUNTER = "gbcs_message.grouping_header.originator_counter"

ESME, SUPPLIER = Eui64("00-DB-12-34-56-78-90-A0"), Eui64("90-B3-D5-1F-30-01-00-00")

pytestmark = needs_tshark


def shown(layers: dict[str, list[str]], name: str) -> int | bytes:
    text = layers[FIELDS[name]][0]
    if ":" in text:
        return bytes.fromhex(text.replace(":", ""))
    return {"true": 1, "false": 0}.get(text.lower()) if text.lower() in {"true", "false"} else int(text, 0)


def check(block: Block, layers: dict[str, list[str]]) -> None:
    header = block.header
    expected = {
        "cra_flag": int(header.cra_flag),
        "originator_counter": header.originator_counter,
        "business_originator_id": bytes(header.business_originator_id),
        "business_target_id": bytes(header.business_target_id),
        "message_code": header.message_code,
        "security_control": header.security_control,
        "invocation_counter": header.invocation_counter,
        "tag": 0xE0,
        "last": int(block.last),
        "streaming": int(block.streaming),
        "window": block.window,
        "number": block.number,
        "acknowledged": block.acknowledged,
    }
    assert {name: shown(layers, name) for name in FIELDS} == expected


def large_message(octets: int, counter: int) -> bytes:
    header = GroupingHeader(CraFlag.RESPONSE, counter, ESME, SUPPLIER, 0x0033)
    return build_message(Message(header, b"\xda" + bytes(octets), signature=b"", mac=bytes(range(12))))


def test_our_blocks_read_as_meant_and_are_reassembled(tmp_path):
    # One odd size, one whose last block is full, one of many small blocks.
    full = 2400 - (len(large_message(2000, 3)) - 2000)
    messages = [large_message(4000, 0x1_0000_0002), large_message(full, 3), large_message(900, 4)]
    parameters = [GbtParameters(), GbtParameters(window=1), GbtParameters(block_octets=100, window=63)]
    transfers = [segment(message, chosen) for message, chosen in zip(messages, parameters, strict=True)]
    assert [len(blocks) for blocks in transfers] == [4, 2, 10]
    flat = [block for blocks in transfers for block in blocks]
    layers = dissect(
        [encode_block(block) for block in flat], (*FIELDS.values(), REASSEMBLED, INNER_COUNTER), tmp_path
    )
    for block, seen in zip(flat, layers, strict=True):
        check(block, seen)
    ends = [seen for block, seen in zip(flat, layers, strict=True) if block.last]
    assert [int(seen[REASSEMBLED][0]) for seen in ends] == [len(message) for message in messages]
    assert [int(seen[INNER_COUNTER][0]) for seen in ends] == [0x1_0000_0002, 3, 4]
    assert not any(REASSEMBLED in seen for block, seen in zip(flat, layers, strict=True) if not block.last)


def test_the_headers_of_an_acknowledgement_read_as_meant(tmp_path):
    header = segment(large_message(2000, 5))[0].header
    answers = [Block(header.swapped(), 1, b"", 2, 4), Block(header, 255, b"", 255, 63)]
    for block, seen in zip(
        answers,
        dissect(
            [encode_block(block) for block in answers],
            (*FIELDS.values(), REASSEMBLED, INNER_COUNTER),
            tmp_path,
        ),
        strict=True,
    ):
        check(block, seen)
