"""APS fragmentation: the sequence of the alliance's conformance test, losses, disorder, bounds."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import EncodeError
from protocols.zigbee.aps import ExtendedHeader, Fragmentation
from protocols.zigbee.fragments import (
    Block,
    FragmentParameters,
    FragmentReassembler,
    FragmentReceiver,
    FragmentSender,
    TransferState,
)
from tests.unit.zigbee.frames import relaxed

FIRST, PART = Fragmentation.FIRST, Fragmentation.PART


def numbers(blocks: list[Block]) -> list[int]:
    return [block.number for block in blocks]


def drain(sender: FragmentSender, now: float) -> tuple[list[Block], float]:
    """All blocks that the sender spaces out, up to when it waits for an acknowledgement."""
    out: list[Block] = []
    while sender.deadline is not None and sender.deadline - now < 0.5:
        now = sender.deadline
        out += sender.advance(now)
    return out, now


def test_a_window_of_three_with_one_block_lost():
    # What TP/PRO/BV-43 expects: 240 octets in 8 blocks, apscMaxWindowSize 3, block 1 lost once, 100 ms apart.
    sender = FragmentSender(bytes(240), FragmentParameters(30, window=3, interframe_delay_s=0.1))
    first = sender.start(0.0)
    assert [block.extended for block in first] == [ExtendedHeader(FIRST, 8)]
    more, now = drain(sender, 0.0)
    assert [block.extended for block in more] == [ExtendedHeader(PART, 1), ExtendedHeader(PART, 2)]
    assert now == pytest.approx(0.2)
    again = sender.acknowledge(ExtendedHeader(FIRST, 0, 0xFD), now + 0.1)
    assert numbers(again) == [1]
    second = sender.acknowledge(ExtendedHeader(FIRST, 0, 0xFF), now + 0.3)
    more, now = drain(sender, now + 0.3)
    assert numbers(second + more) == [3, 4, 5]
    third = sender.acknowledge(ExtendedHeader(PART, 3, 0xFF), now + 0.1)
    more, now = drain(sender, now + 0.1)
    assert numbers(third + more) == [6, 7]
    assert sender.acknowledge(ExtendedHeader(PART, 6, 0xFF), now) == []
    assert (sender.state, sender.deadline) == (TransferState.DONE, None)


def test_what_the_receiver_of_that_test_says():
    parameters = FragmentParameters(30, window=3)
    receiver = FragmentReceiver(parameters, 0.0)
    blocks = FragmentSender(bytes(range(240)), parameters)._blocks
    arriving = [blocks[number] for number in (0, 2, 1, 3, 4, 5, 6)]
    said = [receiver.receive(block.extended, block.payload, 0.0) for block in arriving]
    assert said == [
        (None, None),
        (ExtendedHeader(FIRST, 0, 0xFD), None),  # the window's last block is here, its second is not
        (ExtendedHeader(FIRST, 0, 0xFF), None),
        (None, None),
        (None, None),
        (ExtendedHeader(PART, 3, 0xFF), None),
        (None, None),
    ]
    # A repetition of an earlier window: its acknowledgement was lost.
    assert receiver.receive(blocks[4].extended, blocks[4].payload, 1.0) == (
        ExtendedHeader(PART, 3, 0xFF),
        None,
    )
    final = receiver.receive(blocks[7].extended, blocks[7].payload, 1.0)
    assert final == (ExtendedHeader(PART, 6, 0xFF), bytes(range(240)))
    # Later repetitions are acknowledged, but deliver nothing.
    assert receiver.receive(blocks[7].extended, b"other", 1.1) == (ExtendedHeader(PART, 6, 0xFF), None)


def test_a_sender_gives_up_after_its_retries():
    parameters = FragmentParameters(10, window=2, interframe_delay_s=0.0, retries=2)
    sender = FragmentSender(bytes(30), parameters)
    assert numbers(sender.start(5.0)) == [0, 1]
    assert sender.deadline == pytest.approx(6.6)
    assert sender.advance(6.5) == []
    assert numbers(sender.advance(6.6)) == [0, 1]
    assert numbers(sender.acknowledge(ExtendedHeader(FIRST, 0, 0xFD), 6.7)) == [
        1
    ]  # progress: tries start anew
    assert numbers(sender.advance(8.3)) == [1]
    assert numbers(sender.acknowledge(ExtendedHeader(FIRST, 0, 0xFD), 8.4)) == [1]  # no progress: a try
    assert sender.acknowledge(ExtendedHeader(FIRST, 0, 0xFD), 8.5) == []
    assert (sender.state, sender.deadline) == (TransferState.FAILED, None)
    assert sender.acknowledge(ExtendedHeader(FIRST, 0, 0xFF), 8.6) == []
    assert sender.advance(99.0) == []


@pytest.mark.parametrize(
    "header",
    [None, ExtendedHeader(PART, 3, 0xFF), ExtendedHeader(FIRST, 0), ExtendedHeader(Fragmentation.NONE)],
)
def test_acknowledgements_of_something_else_change_nothing(header):
    sender = FragmentSender(bytes(30), FragmentParameters(10))
    sender.start(0.0)
    deadline = sender.deadline
    assert sender.acknowledge(header, 0.1) == []
    assert (sender.state, sender.deadline) == (TransferState.UNDER_WAY, deadline)


def test_acknowledgements_that_bring_nothing_new_do_not_keep_a_transfer_alive():
    sender = FragmentSender(bytes(30), FragmentParameters(10, window=3))
    sender.start(0.0)
    now, sent = 0.0, 0
    while sender.state is TransferState.UNDER_WAY:
        now += 0.01
        assert now < 10
        sent += len(sender.acknowledge(ExtendedHeader(FIRST, 0, 0x00), now)) + len(sender.advance(now))
    assert sent <= 3 * 4


def test_limits():
    with pytest.raises(EncodeError, match="255 blocks"):
        FragmentSender(bytes(2551), FragmentParameters(10))
    with pytest.raises(EncodeError, match="16000 in all"):
        FragmentSender(bytes(16_001), FragmentParameters(100))
    with pytest.raises(EncodeError, match="window"):
        FragmentParameters(window=9)
    with pytest.raises(EncodeError, match="block_octets"):
        FragmentParameters(block_octets=0)
    assert FragmentSender(b"", FragmentParameters()).total == 1
    assert FragmentSender(bytes(2550), FragmentParameters(10)).total == 255


def test_a_receiver_holds_no_more_than_it_may():
    receiver = FragmentReceiver(FragmentParameters(window=8, max_octets=100), 0.0)
    for number in range(7, 0, -1):
        receiver.receive(ExtendedHeader(PART, number), bytes(16), 0.0)
    assert receiver.state is TransferState.FAILED
    assert receiver._pieces == {}
    assert receiver.receive(ExtendedHeader(FIRST, 8), b"", 0.0) == (None, None)


@pytest.mark.parametrize(
    ("before", "header"),
    [
        ([], ExtendedHeader(PART, 2)),  # beyond the window
        ([], ExtendedHeader(PART, 0)),  # the first block has to say that it is
        ([], ExtendedHeader(FIRST, 0)),  # no blocks at all
        ([], ExtendedHeader(Fragmentation.NONE)),
        ([], ExtendedHeader(PART)),
        ([ExtendedHeader(FIRST, 5)], ExtendedHeader(FIRST, 4)),  # another number of blocks
        ([ExtendedHeader(PART, 1)], ExtendedHeader(FIRST, 1)),  # fewer than already seen
        ([ExtendedHeader(FIRST, 1)], ExtendedHeader(PART, 1)),
    ],
)
def test_blocks_that_do_not_belong_are_ignored(before, header):
    receiver = FragmentReceiver(FragmentParameters(window=2), 0.0)
    for earlier in before:
        receiver.receive(earlier, b"x", 0.0)
    acknowledgement, asdu = receiver.receive(header, b"y", 0.0)
    assert asdu is None
    assert acknowledgement is None
    assert b"y" not in receiver._pieces.values()


def test_a_reassembler_keeps_few_transfers_and_forgets_old_ones():
    parameters = FragmentParameters(max_transfers=2)
    reassembler = FragmentReassembler(parameters)
    first = ExtendedHeader(FIRST, 2)
    assert reassembler.deadline is None
    assert reassembler.receive("a", first, b"a", 0.0)[0] == ExtendedHeader(FIRST, 0, 0xFF)
    assert reassembler.receive("b", first, b"b", 1.0)[0] is not None
    assert reassembler.receive("c", first, b"c", 2.0) == (None, None)
    assert reassembler.receive("a", ExtendedHeader(PART, 1), b"A", 2.0)[1] == b"aA"
    # A transfer that is done makes room; one under way does not.
    assert reassembler.receive("c", first, b"c", 3.0)[0] is not None
    assert reassembler.receive("d", first, b"d", 3.0) == (None, None)
    assert reassembler.deadline == 1.0 + parameters.persistence_s
    assert reassembler.advance(reassembler.deadline) == ["b"]
    assert reassembler.receive("d", first, b"d", 8.0)[0] is not None
    assert reassembler.advance(100.0) == ["c", "d"]
    assert reassembler.deadline is None


def test_a_transfer_that_is_done_is_not_delivered_again():
    reassembler = FragmentReassembler(FragmentParameters())
    only = ExtendedHeader(FIRST, 1)
    assert reassembler.receive(1, only, b"x", 0.0) == (ExtendedHeader(FIRST, 0, 0xFF), b"x")
    assert reassembler.receive(1, only, b"x", 1.0) == (ExtendedHeader(FIRST, 0, 0xFF), None)
    assert reassembler.advance(100.0) == []
    assert reassembler.receive(1, only, b"x", 100.0)[1] == b"x"


class Link:
    """A sender and a reassembler over a way that loses, repeats, delays and so disorders."""

    def __init__(self, asdu: bytes, parameters: FragmentParameters, seed: int, loss: float) -> None:
        self.random = random.Random(seed)
        self.loss = loss
        self.sender = FragmentSender(asdu, parameters)
        self.reassembler = FragmentReassembler(parameters)
        self.way: list[tuple[float, int, object]] = []
        self.delivered: list[bytes] = []
        self.count = 0

    def put(self, now: float, *things: object) -> None:
        for thing in things:
            for _ in range(self.random.choice((1, 1, 1, 2))):
                if self.random.random() >= self.loss:
                    self.count += 1
                    self.way.append((now + self.random.uniform(0.001, 0.2), self.count, thing))

    def run(self) -> None:
        now = 0.0
        self.put(now, *self.sender.start(now))
        for _ in range(20_000):
            due = [self.sender.deadline] if self.sender.deadline is not None else []
            due += [min(self.way)[0]] if self.way else []
            if not due:
                return
            now = max(now, min(due))
            arrived = sorted(item for item in self.way if item[0] <= now)
            self.way = [item for item in self.way if item[0] > now]
            for _, _, thing in arrived:
                self.arrive(thing, now)
            self.put(now, *self.sender.advance(now))
        raise AssertionError("the transfer never ends")

    def arrive(self, thing: object, now: float) -> None:
        if isinstance(thing, Block):
            acknowledgement, asdu = self.reassembler.receive("key", thing.extended, thing.payload, now)
            if asdu is not None:
                self.delivered.append(asdu)
            if acknowledgement is not None:
                self.put(now, acknowledgement)
        else:
            assert isinstance(thing, ExtendedHeader)
            self.put(now, *self.sender.acknowledge(thing, now))


@relaxed
@given(
    st.binary(max_size=600), st.integers(1, 60), st.integers(1, 8), st.integers(0, 2**32), st.sampled_from((0.0, 0.05, 0.3, 0.6))
)  # fmt: skip
def test_whatever_happens_on_the_way_the_asdu_arrives_once_or_the_sender_knows(
    asdu, size, window, seed, loss
):
    parameters = FragmentParameters(max(size, len(asdu) // 255 + 1), window=window, retries=5)
    link = Link(asdu, parameters, seed, loss)
    link.run()
    assert link.delivered in ([], [asdu])
    if link.sender.state is TransferState.DONE:
        assert link.delivered == [asdu]
    if loss == 0.0:
        assert link.sender.state is TransferState.DONE


@relaxed
@given(st.data())
def test_any_blocks_in_any_order_never_raise_nor_grow(data):
    parameters = FragmentParameters(window=data.draw(st.integers(1, 8)), max_octets=200)
    reassembler = FragmentReassembler(parameters)
    now = 0.0
    for _ in range(data.draw(st.integers(0, 30))):
        header = ExtendedHeader(
            data.draw(st.sampled_from(Fragmentation)), data.draw(st.none() | st.integers(0, 255)), data.draw(st.none() | st.just(0))
        )  # fmt: skip
        now += data.draw(st.floats(0, 3))
        acknowledgement, _ = reassembler.receive(
            data.draw(st.integers(0, 9)), header, data.draw(st.binary(max_size=60)), now
        )
        if acknowledgement is not None:
            assert acknowledgement.ack_bitfield is not None
            assert acknowledgement.block_number is not None
            assert acknowledgement.block_number % parameters.window == 0
        assert len(reassembler._receivers) <= parameters.max_transfers
        for receiver in reassembler._receivers.values():
            assert sum(len(piece) for piece in receiver._pieces.values()) <= 200
