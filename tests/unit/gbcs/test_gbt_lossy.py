"""Both ends of general block transfer against each other, over a channel that loses, repeats and reorders."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64
from protocols.gbcs.gbt import GbtParameters, RoutingHeader, encode_block, parse_block, segment
from protocols.gbcs.gbt_endpoint import BlockTransfer
from protocols.gbcs.gbt_events import Delivered, Event, Failed, Ignored, IgnoredReason, Received, Transmit
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.message import Message, build_message

relaxed = settings(deadline=None)
ESME, SUPPLIER = Eui64("00-DB-12-34-56-78-90-A0"), Eui64("90-B3-D5-1F-30-01-00-00")
SMALL = GbtParameters(message_limit=60, block_octets=20, window=3)
TRIP_S = 0.25


def message(counter: int, octets: int, originator: Eui64 = ESME, cra: CraFlag = CraFlag.RESPONSE) -> bytes:
    target = SUPPLIER if originator == ESME else ESME
    header = GroupingHeader(cra, counter, originator, target, 0x0033)
    payload = bytes((counter * 7 + number) & 0xFF for number in range(octets))
    return build_message(Message(header, payload, signature=b"", mac=bytes(12)))


@dataclass
class Bench:
    """Two ends, and what happened at each. ``fates`` are delays of each packet's copies, in order of sending.

    When they run out the channel is perfect.
    """

    fates: list[list[float]] = field(default_factory=list)
    parameters: GbtParameters = field(default_factory=lambda: SMALL)
    now: float = 0.0

    def __post_init__(self) -> None:
        self.ends = {name: BlockTransfer(self.parameters) for name in (ESME, SUPPLIER)}
        self.events: dict[Eui64, list[Event]] = {ESME: [], SUPPLIER: []}
        self.air: list[tuple[float, int, Eui64, bytes]] = []
        self.packets = 0
        self.most_octets = 0

    def take(self, end: Eui64, events: list[Event]) -> None:
        other = SUPPLIER if end == ESME else ESME
        for event in events:
            if not isinstance(event, Transmit):
                self.events[end].append(event)
                continue
            fate = self.fates[self.packets] if self.packets < len(self.fates) else [0.0]
            self.packets += 1
            for delay in fate:
                heapq.heappush(self.air, (self.now + TRIP_S + delay, self.packets, other, event.octets))

    def send(self, end: Eui64, octets: bytes) -> None:
        self.take(end, self.ends[end].send(octets, self.now))

    def run(self) -> None:
        """Until nothing is in the air and nobody waits."""
        while True:
            deadlines = [end.deadline for end in self.ends.values() if end.deadline is not None]
            times = deadlines + ([self.air[0][0]] if self.air else [])
            if not times:
                return
            self.now = max(self.now, min(times))
            while self.air and self.air[0][0] <= self.now:
                _, _, end, octets = heapq.heappop(self.air)
                self.take(end, self.ends[end].receive(octets, self.now))
            for name, end in self.ends.items():
                self.take(name, end.advance(self.now))
                self.most_octets = max(self.most_octets, end.reassembler.buffered_octets)
            assert self.packets < 20_000, "it never ends"

    def received(self, end: Eui64) -> list[bytes]:
        return [event.message for event in self.events[end] if isinstance(event, Received)]

    def ended(self, end: Eui64, kind: type) -> set[int]:
        # A receiver fails transfers too; here it is the sender's word that counts.
        own = [event for event in self.events[end] if isinstance(event, kind)]
        return {e.header.originator_counter for e in own if e.header.business_originator_id == end}


def check(bench: Bench, sent: dict[Eui64, dict[int, bytes]]) -> None:
    """Every message ended in exactly one way; what arrived is what was sent, and once."""
    for end, messages in sent.items():
        other = SUPPLIER if end == ESME else ESME
        delivered, failed = bench.ended(end, Delivered), bench.ended(end, Failed)
        assert delivered | failed == set(messages)
        assert not delivered & failed
        here = Counter(bench.received(other))
        assert set(here) <= set(messages.values())
        assert all(times == 1 for times in here.values())
        assert all(messages[counter] in here for counter in delivered)


def test_a_perfect_channel_takes_a_message_of_the_largest_size():
    bench = Bench(parameters=GbtParameters())
    large = message(1, 60_000)
    bench.send(ESME, large)
    bench.run()
    assert bench.received(SUPPLIER) == [large]
    assert bench.ended(ESME, Delivered) == {1}
    assert bench.now < 20 * 2 * TRIP_S
    assert bench.ends[ESME].sending == []


def test_messages_that_fit_travel_as_they_are():
    short = message(1, 3)
    assert len(short) > SMALL.message_limit
    end = BlockTransfer(GbtParameters())
    assert end.send(short, 0.0) == [Transmit(short)]
    assert end.receive(short, 0.0) == [Received(short)]
    assert end.deadline is None


def test_a_dead_channel_fails_clearly_on_both_sides():
    bench = Bench(fates=[[0.0], [0.0]] + [[]] * 500)
    bench.send(ESME, message(1, 300))
    bench.run()
    (failed,) = [event for event in bench.events[ESME] if isinstance(event, Failed)]
    assert failed.missing[0] == 1
    (failed,) = [event for event in bench.events[SUPPLIER] if isinstance(event, Failed)]
    assert failed.missing == [3]
    assert bench.received(SUPPLIER) == []
    assert bench.ends[ESME].sending == []


@pytest.mark.parametrize("copies", [2, 3, 5])
def test_a_channel_that_repeats_everything_breeds_no_storm(copies):
    bench = Bench(fates=[[0.0] * (copies - 1) + [0.5]] * 20_000)
    sent = message(1, 400)
    bench.send(ESME, sent)
    bench.run()
    assert bench.received(SUPPLIER) == [sent]
    assert bench.ended(ESME, Delivered) == {1}
    assert bench.packets < 100 * copies


def test_commands_and_responses_with_one_counter_do_not_mix():
    bench = Bench()
    command = message(5, 200, SUPPLIER, CraFlag.COMMAND)
    response = message(5, 300, ESME, CraFlag.RESPONSE)
    bench.send(SUPPLIER, command)
    bench.send(ESME, response)
    bench.run()
    assert bench.received(ESME) == [command]
    assert bench.received(SUPPLIER) == [response]


def test_a_message_under_way_is_not_sent_twice_and_can_be_cancelled():
    end = BlockTransfer(SMALL)
    end.send(message(1, 100), 0.0)
    with pytest.raises(EncodeError, match="under way"):
        end.send(message(1, 100), 1.0)
    (header,) = end.sending
    assert end.cancel(header)
    assert not end.cancel(header)
    assert end.deadline is None
    stray = encode_block(replace(segment(message(1, 9))[0], data=b"", acknowledged=1))
    (ignored,) = end.receive(stray, 2.0)
    assert isinstance(ignored, Ignored)
    assert ignored.reason is IgnoredReason.NOTHING_TO_ACKNOWLEDGE


@pytest.mark.parametrize("swap", [True, False])
def test_either_form_of_acknowledgement_is_understood(swap):
    bench = Bench(parameters=replace(SMALL, swap_parties=swap))
    bench.send(ESME, message(1, 200))
    bench.run()
    assert bench.ended(ESME, Delivered) == {1}


FATES = st.lists(
    st.one_of(st.just([]), st.just([0.0]), st.lists(st.floats(0, 30, allow_subnormal=False), max_size=3)),
    max_size=120,
)


@relaxed
@given(
    FATES,
    st.lists(st.tuples(st.integers(20, 400), st.booleans()), min_size=1, max_size=5),
    st.integers(1, 63),
    st.booleans(),
)
def test_any_channel_ends_with_the_message_or_a_clear_failure(fates, wishes, window, swap):
    bench = Bench(fates, replace(SMALL, window=window, swap_parties=swap))
    sent: dict[Eui64, dict[int, bytes]] = {ESME: {}, SUPPLIER: {}}
    for counter, (octets, from_meter) in enumerate(wishes):
        end = ESME if from_meter else SUPPLIER
        sent[end][counter] = message(counter, octets, end)
        bench.send(end, sent[end][counter])
    bench.run()
    check(bench, sent)


@relaxed
@given(st.data(), st.integers(20, 400), st.integers(1, 8))
def test_a_channel_that_loses_less_than_the_tries_delivers(data, octets, window):
    delays = st.lists(st.floats(0, 2, allow_subnormal=False), min_size=1, max_size=3)
    fates = data.draw(st.lists(delays, max_size=60))
    for _ in range(data.draw(st.integers(0, SMALL.tries))):
        fates.insert(data.draw(st.integers(0, len(fates))), [])
    bench = Bench(fates, replace(SMALL, window=window))
    sent = message(1, octets)
    bench.send(ESME, sent)
    bench.run()
    assert bench.received(SUPPLIER) == [sent]
    assert bench.ended(ESME, Delivered) == {1}


@relaxed
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 255), st.binary(max_size=20), st.integers(0, 3)))
)
def test_a_hostile_sender_cannot_fill_the_memory(packets):
    limits = replace(SMALL, transfers=3, transfers_per_peer=2, octets_per_peer=50, finished=2)
    end = BlockTransfer(limits)
    for number, (counter, index, data, bits) in enumerate(packets):
        originator = Eui64(counter.to_bytes(8, "big"))
        header = RoutingHeader(CraFlag.RESPONSE, counter % 4, originator, SUPPLIER, 0)
        block = segment(b"x", limits, header)[0]
        block = replace(block, number=index or 1, data=data, last=bool(bits & 1), streaming=bool(bits & 2))
        end.receive(encode_block(block), number * 0.5)
        assert len(end.reassembler.transfers) <= 3
        assert end.reassembler.buffered_octets <= 3 * 50
        assert end.reassembler.remembered <= 2


@relaxed
@given(st.data(), st.integers(20, 200))
def test_flipped_bits_raise_nothing_but_decode_errors(data, octets):
    end = BlockTransfer(SMALL)
    for now, block in enumerate(segment(message(1, octets), SMALL)):
        packet = bytearray(encode_block(block))
        for _ in range(data.draw(st.integers(0, 3))):
            position = data.draw(st.integers(0, 8 * len(packet) - 1))
            packet[position // 8] ^= 1 << position % 8
        try:
            end.receive(bytes(packet), float(now))
        except DecodeError as error:
            assert 0 <= error.offset <= len(packet)
        assert end.reassembler.buffered_octets <= 20 * 255


@relaxed
@given(st.binary(max_size=80), st.booleans())
def test_noise_raises_nothing_but_decode_errors(noise, like_a_block):
    packet = (b"\xdd\x09\x01" if like_a_block else b"") + noise
    try:
        BlockTransfer(SMALL).receive(packet, 0.0)
    except DecodeError as error:
        assert 0 <= error.offset <= len(packet)


class LossyChannel(RuleBasedStateMachine):
    """The channel does what hypothesis wants, then turns perfect."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench(parameters=replace(SMALL, transfers_per_peer=3))
        self.sent: dict[Eui64, dict[int, bytes]] = {ESME: {}, SUPPLIER: {}}
        self.counter = 0

    @rule(octets=st.integers(20, 250), end=st.sampled_from([ESME, SUPPLIER]))
    def send(self, octets, end):
        self.counter += 1
        self.sent[end][self.counter] = message(self.counter, octets, end)
        self.bench.send(end, self.sent[end][self.counter])

    @precondition(lambda self: self.bench.air)
    @rule(which=st.integers(0, 1000), copies=st.integers(0, 2))
    def deliver(self, which, copies):
        """Any packet in the air: lost, delivered, or delivered twice."""
        packet = self.bench.air.pop(which % len(self.bench.air))
        heapq.heapify(self.bench.air)
        for _ in range(copies):
            _, _, end, octets = packet
            self.bench.take(end, self.bench.ends[end].receive(octets, self.bench.now))

    @rule(seconds=st.floats(0, 15))
    def wait(self, seconds):
        self.bench.now += seconds
        for name, end in self.bench.ends.items():
            self.bench.take(name, end.advance(self.bench.now))

    @invariant()
    def bounded(self):
        for end in self.bench.ends.values():
            assert len(end.reassembler.transfers) <= 3
            assert end.reassembler.buffered_octets <= 3 * 400
            assert end.reassembler.remembered <= SMALL.finished

    @invariant()
    def blocks_follow_the_parameters(self):
        for _, _, _, octets in self.bench.air:
            block = parse_block(octets)
            assert len(block.data) <= 20
            assert block.window <= 3

    def teardown(self):
        self.bench.run()
        check(self.bench, self.sent)


TestLossyChannel = LossyChannel.TestCase
TestLossyChannel.settings = settings(deadline=None, max_examples=60, stateful_step_count=40)
