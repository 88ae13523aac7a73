"""General block transfer: segmenting, and each side of a transfer on its own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64
from protocols.gbcs.gbt import (
    Block,
    GbtParameters,
    RoutingHeader,
    parse_block,
    routing_header_of,
    segment,
)
from protocols.gbcs.gbt_events import Failed, FailureReason, Ignored, IgnoredReason, Received, Transmit
from protocols.gbcs.gbt_receive import Reassembler
from protocols.gbcs.gbt_send import BlockSender, SenderState
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.message import Message, build_message

ESME, SUPPLIER = Eui64("00-DB-12-34-56-78-90-A0"), Eui64("90-B3-D5-1F-30-01-00-00")
HEADER = RoutingHeader(CraFlag.RESPONSE, 0x0102030405060708, ESME, SUPPLIER, 0x0033)
SMALL = GbtParameters(block_octets=4, window=3)


def message_of(octets: int, counter: int = 7, cra: CraFlag = CraFlag.RESPONSE) -> bytes:
    """An encoded message of at least this many octets whose payload repeats nothing."""
    header = GroupingHeader(cra, counter, ESME, SUPPLIER, 0x0033)
    payload = b"".join(number.to_bytes(3, "big") for number in range(octets // 3 + 1))
    return build_message(Message(header, payload, signature=b"", mac=bytes(12)))


def acknowledgement(number: int, window: int = 3) -> Block:
    return Block(HEADER.swapped(), 1, b"", number, window)


def numbers(sent: list[Block]) -> list[int]:
    return [block.number for block in sent]


def sent_blocks(events) -> list[Block]:
    return [parse_block(event.octets) for event in events if isinstance(event, Transmit)]


# --- segmenting -------------------------------------------------------------------------------------


def test_segments_of_a_message():
    message = message_of(3000)
    made = segment(message)
    assert b"".join(block.data for block in made) == message
    assert [len(block.data) for block in made[:-1]] == [1200, 1200]
    assert numbers(made) == [1, 2, 3]
    assert [block.last for block in made] == [False, False, True]
    header = made[0].header
    assert (header.cra_flag, header.originator_counter, header.message_code) == (CraFlag.RESPONSE, 7, 0x0033)
    assert (header.business_originator_id, header.business_target_id) == (ESME, SUPPLIER)


def test_windows_end_without_the_streaming_bit():
    made = segment(bytes(29), SMALL, HEADER)
    assert [block.streaming for block in made] == [True, True, False, True, True, False, True, False]
    assert {block.window for block in made} == {3}


def test_a_message_without_mac_has_a_routing_header_too():
    header = GroupingHeader(CraFlag.ALERT, 9, ESME, SUPPLIER, 0x1000)
    alert = build_message(Message(header, b"\x0f" + bytes(9), signature=bytes(64)))
    assert routing_header_of(alert) == RoutingHeader(CraFlag.ALERT, 9, ESME, SUPPLIER, 0x1000)
    with pytest.raises(DecodeError):
        routing_header_of(b"no message")


def test_what_cannot_be_segmented():
    assert len(segment(bytes(255 * 1200), None, HEADER)) == 255
    with pytest.raises(EncodeError, match="256 blocks"):
        segment(bytes(255 * 1200 + 1), None, HEADER)
    with pytest.raises(EncodeError, match="nothing"):
        segment(b"", None, HEADER)


@pytest.mark.parametrize(
    "wrong",
    [
        {"block_octets": 0},
        {"block_octets": 1201},
        {"window": 0},
        {"window": 64},
        {"tries": 0},
        {"asks": 0},
        {"ask_again_s": 0},
        {"acknowledge_once_s": 10.0},
        {"linger_s": 59.0},
        {"transfers": 0},
        {"message_limit": 0},
    ],
)
def test_parameters_have_to_make_sense(wrong):
    with pytest.raises(EncodeError) as caught:
        GbtParameters(**wrong)
    assert caught.value.element in wrong


# --- sending ----------------------------------------------------------------------------------------


def test_windows_follow_acknowledgements():
    sender = BlockSender(bytes(28), SMALL, HEADER)
    assert numbers(sender.start(0.0)) == [1, 2, 3]
    assert numbers(sender.acknowledge(acknowledgement(3), 1.0)) == [4, 5, 6]
    last = sender.acknowledge(acknowledgement(6), 2.0)
    assert numbers(last) == [7]
    assert last[0].last
    assert not last[0].streaming
    assert sender.acknowledge(acknowledgement(7), 3.0) == []
    assert sender.state is SenderState.DELIVERED
    assert sender.deadline is None


def test_the_other_sides_window_counts():
    sender = BlockSender(bytes(40), SMALL, HEADER)
    sender.start(0.0)
    two = sender.acknowledge(acknowledgement(3, window=2), 1.0)
    assert [(block.number, block.streaming) for block in two] == [(4, True), (5, False)]
    assert numbers(sender.acknowledge(acknowledgement(5, window=0), 2.0)) == [6]
    assert numbers(sender.acknowledge(acknowledgement(6, window=60), 2.0)) == [7, 8, 9]


def test_exactly_what_is_missing_is_sent_again():
    sender = BlockSender(bytes(40), SMALL, HEADER)
    sender.start(0.0)
    assert numbers(sender.acknowledge(acknowledgement(1, window=1), 1.0)) == [2]
    assert sender.missing == list(range(2, 11))


def test_old_and_impossible_acknowledgements_change_nothing():
    sender = BlockSender(bytes(28), SMALL, HEADER)
    sender.start(0.0)
    sender.acknowledge(acknowledgement(3), 1.0)
    deadline = sender.deadline
    assert sender.acknowledge(acknowledgement(2), 2.0) == []
    assert sender.acknowledge(acknowledgement(8), 2.0) == []
    assert sender.deadline == deadline
    assert numbers(sender.acknowledge(acknowledgement(3), 2.0)) == [4, 5, 6]


def test_a_sender_tries_again_and_gives_up():
    sender = BlockSender(bytes(28), SMALL, HEADER)
    sender.start(0.0)
    assert sender.advance(9.9) == []
    for turn in range(1, 6):
        assert numbers(sender.advance(10.0 * turn)) == [1, 2, 3]
        # Asking without progress gets an answer, but does not keep the transfer alive.
        assert numbers(sender.acknowledge(acknowledgement(0), 10.0 * turn + 5)) == [1, 2, 3]
    assert sender.advance(60.0) == []
    assert sender.state is SenderState.FAILED
    failure = sender.failure()
    assert isinstance(failure, Failed)
    assert failure.reason is FailureReason.NOT_ACKNOWLEDGED
    assert failure.missing == [1, 2, 3, 4, 5, 6, 7]
    assert "block 1 of 7 was not acknowledged after 6 tries" in failure.problem
    assert sender.acknowledge(acknowledgement(7), 61.0) == []
    assert sender.advance(1000.0) == []


# --- receiving --------------------------------------------------------------------------------------

PIECES = segment(bytes(range(28)), SMALL, HEADER)


def test_blocks_in_order_are_acknowledged_at_the_end_of_each_window():
    receiver = Reassembler(SMALL)
    assert receiver.receive(PIECES[0], 0.0) == []
    assert receiver.receive(PIECES[1], 0.0) == []
    (answer,) = sent_blocks(receiver.receive(PIECES[2], 0.0))
    assert (answer.acknowledged, answer.window, answer.data) == (3, 3, b"")
    assert answer.header == HEADER.swapped()
    for piece in PIECES[3:6]:
        receiver.receive(piece, 0.0)
    assert receiver.transfers == [HEADER]
    final = receiver.receive(PIECES[6], 0.0)
    assert sent_blocks(final)[0].acknowledged == 7
    assert sent_blocks(final)[0].number == 3
    assert final[1] == Received(bytes(range(28)), HEADER)
    assert (receiver.transfers, receiver.buffered_octets, receiver.deadline) == ([], 0, None)


def test_the_gap_is_asked_for():
    receiver = Reassembler(SMALL)
    receiver.receive(PIECES[0], 0.0)
    (answer,) = sent_blocks(receiver.receive(PIECES[2], 0.0))
    assert (answer.acknowledged, answer.window) == (1, 1)
    (answer,) = sent_blocks(receiver.receive(PIECES[5], 0.0))
    assert (answer.acknowledged, answer.window) == (1, 1)
    (answer,) = sent_blocks(receiver.receive(replace(PIECES[1], streaming=False), 0.0))
    assert (answer.acknowledged, answer.window) == (3, 2)


def test_a_receiver_asks_again_and_gives_up():
    receiver = Reassembler(SMALL)
    receiver.receive(PIECES[0], 0.0)
    receiver.receive(PIECES[3], 5.0)
    assert receiver.deadline == 15.0
    for turn in range(7):
        (answer,) = sent_blocks(receiver.advance(15.0 + 10 * turn))
        assert (answer.acknowledged, answer.window) == (1, 2)
    (failed,) = receiver.advance(85.0)
    assert isinstance(failed, Failed)
    assert (failed.reason, failed.missing) == (FailureReason.BLOCKS_MISSING, [2, 3, 5])
    assert "no new block within 80 s" in failed.problem
    assert receiver.buffered_octets == 0
    assert receiver.receive(PIECES[1], 86.0) == []
    assert receiver.receive(PIECES[1], 85.0 + SMALL.linger_s) == []
    assert receiver.transfers == [HEADER]


def test_stragglers_are_acknowledged_but_not_delivered_twice():
    receiver = Reassembler(SMALL)
    events = [event for piece in PIECES for event in receiver.receive(piece, 0.0)]
    assert sum(isinstance(event, Received) for event in events) == 1
    assert receiver.receive(PIECES[6], 0.5) == []
    (answer,) = sent_blocks(receiver.receive(PIECES[6], 2.0))
    assert answer.acknowledged == 7
    assert receiver.receive(PIECES[4], 4.0) == []  # streaming: its sender is not waiting
    assert receiver.remembered == 1
    receiver.advance(SMALL.linger_s)
    assert receiver.remembered == 0


def test_repeated_blocks_breed_no_acknowledgements():
    receiver = Reassembler(SMALL)
    events = [event for _ in range(100) for event in receiver.receive(PIECES[2], 0.0)]
    assert len(events) == 1


def test_contradictions_are_told_and_change_nothing():
    receiver = Reassembler(SMALL)
    receiver.receive(PIECES[0], 0.0)
    conflicting = replace(PIECES[0], data=b"else")
    assert receiver.receive(conflicting, 0.0) == [Ignored(HEADER, 1, IgnoredReason.CONFLICTING_DATA)]
    assert receiver.receive(replace(PIECES[0], last=True), 0.0) == [
        Ignored(HEADER, 1, IgnoredReason.CONFLICTING_DATA)
    ]
    receiver.receive(PIECES[6], 0.0)
    beyond = [Ignored(HEADER, 8, IgnoredReason.BEYOND_LAST)]
    assert receiver.receive(replace(PIECES[6], number=8), 0.0) == beyond
    assert receiver.receive(replace(PIECES[6], number=8, last=False), 0.0) == beyond
    early = [Ignored(HEADER, 5, IgnoredReason.BEYOND_LAST)]
    assert receiver.receive(replace(PIECES[4], last=True), 0.0) == early
    nothing = [Ignored(HEADER.swapped(), 1, IgnoredReason.NOTHING_TO_ACKNOWLEDGE)]
    assert receiver.receive(acknowledgement(1), 0.0) == nothing
    events = [event for piece in PIECES for event in receiver.receive(piece, 0.0)]
    assert Received(bytes(range(28)), HEADER) in events


def test_an_acknowledgement_may_name_the_parties_as_the_message_does():
    receiver = Reassembler(replace(SMALL, swap_parties=False))
    (answer,) = sent_blocks(receiver.receive(PIECES[2], 0.0))
    assert answer.header == HEADER


def test_transfers_and_octets_are_limited():
    limits = replace(SMALL, transfers=3, transfers_per_peer=2, octets_per_peer=10, finished=2)
    receiver = Reassembler(limits)

    def take(counter: int, originator: Eui64 = ESME, number: int = 1):
        header = replace(HEADER, originator_counter=counter, business_originator_id=originator)
        return receiver.receive(Block(header, number, b"1234", streaming=True), 0.0)

    assert take(1) == take(2) == []
    (refused,) = take(3)
    assert isinstance(refused, Ignored)
    assert refused.reason is IgnoredReason.TOO_MANY_TRANSFERS
    assert take(3, SUPPLIER) == []
    assert take(4, Eui64(bytes(8)))[0].reason is IgnoredReason.TOO_MANY_TRANSFERS
    (failed,) = take(1, number=2)
    assert isinstance(failed, Failed)
    assert failed.reason is FailureReason.NO_MEMORY
    assert receiver.buffered_octets == 8
    assert len(receiver.transfers) == 2
    for counter in range(10, 20):
        header = replace(HEADER, originator_counter=counter, business_originator_id=SUPPLIER)
        events = receiver.receive(Block(header, 1, b"x", last=True), 0.0)
        assert Received(b"x", header) in events
    assert receiver.remembered == 2
