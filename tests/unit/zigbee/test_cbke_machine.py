from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.eui64 import Eui64
from protocols.zigbee.cbke.machine import Established, Failed, KeyEstablishment, KeyEstablishmentError, Send
from protocols.zigbee.cbke.messages import Command, Status, Terminate
from protocols.zigbee.cbke.session import Times
from protocols.zigbee.cbke.suites import SUITE_1, SUITE_2
from tests.unit.zigbee.cbke_pair import (
    HUB,
    METER,
    STANDARD,
    Packet,
    Pair,
    changed,
    device,
    issued,
    pair,
    refused,
    run,
)

relaxed = settings(deadline=None, max_examples=40)
BOTH = pytest.mark.parametrize("suite", [SUITE_1, SUITE_2], ids=["suite 1", "suite 2"])


@BOTH
@pytest.mark.parametrize("initiator", [METER, HUB], ids=["meter starts", "hub starts"])
def test_both_sides_get_the_same_key(suite, initiator):
    made = pair(
        hub=device(HUB, STANDARD[HUB, suite.number]), meter=device(METER, STANDARD[METER, suite.number])
    )
    responder = METER if initiator == HUB else HUB
    made.start(initiator, responder)
    made.run()
    keys = made.link_keys()
    assert keys[HUB] == keys[METER]
    assert len(keys[HUB]) == 16
    assert [packet.command for packet in made.sent] == [0, 0, 1, 1, 2, 2]
    assert [packet.from_server for packet in made.sent] == [False, True] * 3
    assert all(one.sequence == two.sequence for one, two in zip(made.sent[::2], made.sent[1::2], strict=True))
    events = [event for _, event in made.events]
    assert [event.initiator for event in events if isinstance(event, Established)] == [False, True]
    assert {event.suite for event in events if isinstance(event, Established)} == {suite.number}
    assert {machine.next_due() for machine in made.devices.values()} == {None}


def test_every_exchange_has_another_key():
    made = run(pair())
    first = made.link_keys()[HUB]
    made.start(METER, HUB)
    made.run()
    assert made.link_keys()[HUB] == made.link_keys()[METER] != first


def test_the_best_suite_or_the_wanted_one():
    both = [STANDARD[METER, 1], STANDARD[METER, 2]]
    meter = device(METER, *both)
    assert meter.suites == 3
    hub = device(HUB, STANDARD[HUB, 1], STANDARD[HUB, 2])
    for wanted, expected in ((None, 2), (SUITE_1, 1), (SUITE_2, 2)):
        made = pair(hub=hub, meter=meter)
        made.start(METER, HUB, suite=wanted)
        made.run()
        assert {event.suite for _, event in made.events if isinstance(event, Established)} == {expected}
    with pytest.raises(KeyEstablishmentError, match="no certificate for suite 1"):
        device(METER).start(HUB, 0.0, SUITE_1)
    with pytest.raises(KeyEstablishmentError, match="no certificate for any suite"):
        KeyEstablishment(METER, [], random.Random(0).randbytes).start(HUB, 0.0)


@given(number=st.integers(0, 5), data=st.data(), suite=st.sampled_from([1, 2]))
@settings(deadline=None, max_examples=120)
def test_a_flipped_bit_never_leaves_a_key_behind(number, data, suite):
    """Times and the validity of a certificate nobody checks may change; then the hash of it does not fit."""

    def flip(index, packet):
        if index != number:
            return [packet]
        payload = bytearray(packet.payload)
        bit = data.draw(st.integers(0, 8 * len(payload) - 1))
        payload[bit // 8] ^= 1 << bit % 8
        only_times = number < 2 and bit // 8 in {2, 3}
        flipped.append(only_times)
        return [replace(packet, payload=bytes(payload))]

    flipped: list[bool] = []
    made = run(pair(flip, device(HUB, STANDARD[HUB, suite]), device(METER, STANDARD[METER, suite])))
    keys = made.link_keys()
    if METER in keys:
        assert keys[HUB] == keys[METER]
        assert flipped == [True]
    elif HUB in keys:
        # The last message was spoilt, and the initiator said so.
        assert number == 5
        assert made.failures(HUB)[0].status is Status.BAD_KEY_CONFIRM
    assert not any(machine.is_busy(eui) for machine in made.devices.values() for eui in (HUB, METER))


@pytest.mark.parametrize("number", range(6))
def test_each_message_lost(number):
    made = run(pair(lambda index, packet: [] if index == number else [packet]))
    assert METER not in made.link_keys()
    assert (HUB in made.link_keys()) == (number == 5)
    for eui64 in (METER, *([HUB] if 0 < number < 5 else [])):
        failed = made.failures(eui64)
        assert len(failed) == 1
        assert failed[0].status is None
        assert (
            f"no {('INITIATE', 'EPHEMERAL_DATA', 'CONFIRM_KEY')[number // 2 if eui64 == METER else (number + 1) // 2]}"
            in failed[0].reason
        )
    # And no Terminate is sent for it; the next attempt succeeds.
    assert Command.TERMINATE not in {packet.command for packet in made.sent}
    made.through = lambda _index, packet: [packet]
    made.start(METER, HUB)
    made.run()
    assert made.link_keys()[HUB] == made.link_keys()[METER]


@pytest.mark.parametrize("number", range(6))
def test_each_message_repeated(number):
    made = run(pair(lambda index, packet: [packet, packet] if index == number else [packet]))
    keys = made.link_keys()
    assert keys[HUB] == keys[METER]
    assert len(made.events) == 2


@given(st.lists(st.integers(0, 3), min_size=12, max_size=12))
@relaxed
def test_lost_repeated_and_late_messages(fates):
    """0 lost, 1 delivered, 2 twice, 3 delivered and once more at the end."""
    late: list[Packet] = []

    def through(index, packet):
        fate = fates[index % len(fates)]
        if fate == 3:
            late.append(packet)
        return [packet] * min(fate, 2) if fate < 3 else [packet]

    made = pair(through)
    made.start(METER, HUB)
    made.run(until_idle=False)
    made.through = lambda _index, packet: [packet]
    made.wire.extend(late)
    made.run()
    keys = made.link_keys()
    if METER in keys and HUB in keys and not made.failures(HUB) and not made.failures(METER):
        assert keys[HUB] == keys[METER]
    assert all(machine.next_due() is None for machine in made.devices.values())


def test_declared_times_are_waited_for():
    made = pair(hub=device(HUB, times=Times(ephemeral=30, confirm=50, transmission=5.0)))
    made.start(METER, HUB)
    meter = made.devices[METER]
    assert meter.next_due() == 10.0
    made.deliver(made.wire.popleft())
    made.deliver(made.wire.popleft())
    assert meter.next_due() == 30 + 10.0
    assert made.devices[HUB].next_due() == 2 + 5.0
    made.deliver(made.wire.popleft())
    made.deliver(made.wire.popleft())
    assert meter.next_due() == 50 + 10.0
    assert made.devices[HUB].next_due() == 2 + 5.0
    assert meter.run_due(59.9) == []
    failed = meter.run_due(60.0)
    assert isinstance(failed[0], Failed)
    assert "no CONFIRM_KEY from the partner in 60 s" in failed[0].reason


def test_messages_out_of_order():
    hub = device(HUB)
    for command, payload in ((1, bytes(37)), (2, bytes(16))):
        sent = hub.receive(METER, command, payload, from_server=False, sequence=7, now=0.0)
        assert sent == [Send(METER, Terminate(Status.BAD_MESSAGE, 0, 2), to_server=False, sequence=7)]
    made = pair(changed(2, command=2, payload=bytes(16)))
    refused(made, HUB, Status.BAD_MESSAGE, "CONFIRM_KEY came while EPHEMERAL_DATA was awaited")
    # An answer nobody waits for: the server is told, so that it does not wait either.
    sent = device(METER).receive(HUB, 1, bytes(37), from_server=True, sequence=7, now=0.0)
    assert sent == [Send(HUB, Terminate(Status.BAD_MESSAGE, 0, 2), to_server=True)]


def test_terminate_is_never_answered():
    hub = device(HUB)
    for payload in (bytes.fromhex("01000200"), b"", bytes(9)):
        assert hub.receive(METER, 3, payload, from_server=False, sequence=1, now=0.0) == []
    made = pair()
    made.start(METER, HUB)
    failed = made.devices[METER].receive(HUB, 3, b"", from_server=True, sequence=1, now=0.0)
    assert isinstance(failed[0], Failed)
    assert "malformed" in failed[0].reason
    made.start(METER, HUB)
    failed = made.devices[METER].receive(HUB, 3, b"\x99\x00\x02\x00", from_server=True, sequence=1, now=0.0)
    assert isinstance(failed[0], Failed)
    assert failed[0].status == 0x99
    assert not failed[0].is_final


def test_unknown_commands_end_the_exchange():
    made = pair()
    made.start(METER, HUB)
    made.deliver(made.wire.popleft())
    outputs = made.devices[HUB].receive(METER, 9, b"", from_server=False, sequence=1, now=0.0)
    assert isinstance(outputs[1], Failed)
    assert "command 09" in outputs[1].reason


def test_more_partners_than_resources():
    hub = device(HUB, limit=1)
    others = [Eui64(bytes(7) + bytes([n])) for n in (1, 2)]
    machines = {other: device(other, issued(other)) for other in others}
    made = Pair({HUB: hub, **machines})
    made.start(others[0], HUB)
    made.start(others[1], HUB)
    made.run(until_idle=False)
    assert set(made.link_keys()) == {HUB, others[0]}
    failed = made.failures(others[1])[0]
    assert failed.status is Status.NO_RESOURCES
    assert failed.wait_time == 12
    assert made.failures(HUB)[0].status is Status.NO_RESOURCES
    with pytest.raises(KeyEstablishmentError, match="asked to wait another 12 s"):
        machines[others[1]].start(HUB, made.now)
    made.now += 12
    made.start(others[1], HUB)
    made.run()
    assert made.link_keys()[HUB] == made.link_keys()[others[1]]


def test_waiting_can_be_left_out_on_purpose():
    meter = device(METER)
    meter.start(HUB, 0.0)
    meter.receive(HUB, 3, Terminate(4, 30, 2).build(), from_server=True, sequence=1, now=0.0)
    assert meter.start(HUB, 0.0, force=True)


def test_several_partners_at_once():
    others = [Eui64(bytes(7) + bytes([n])) for n in range(1, 5)]
    made = Pair({HUB: device(HUB), **{other: device(other, issued(other)) for other in others}})
    for other in others:
        made.start(other, HUB)
    made.run()
    hub_keys = {
        event.partner: event.link_key
        for at, event in made.events
        if at == HUB and isinstance(event, Established)
    }
    assert hub_keys == {other: made.link_keys()[other] for other in others}
    assert len(set(hub_keys.values())) == 4


@pytest.mark.parametrize("first", [HUB, METER])
def test_both_start_at_once(first):
    made = pair()
    second = METER if first == HUB else HUB
    made.start(first, second)
    made.start(second, first)
    made.run()
    keys = made.link_keys()
    assert keys[HUB] == keys[METER]
    # The exchange of the higher EUI-64 went on, and nobody heard of a failure.
    assert [event.initiator for at, event in made.events if at == METER] == [True]
    assert [event.initiator for at, event in made.events if at == HUB] == [False]


def test_no_second_attempt_while_one_is_under_way():
    made = pair()
    made.start(METER, HUB)
    with pytest.raises(KeyEstablishmentError, match="under way"):
        made.devices[METER].start(HUB, 0.0)
    made.run(until_idle=False)
    made.start(HUB, METER)
    made.run()
    assert made.link_keys()[HUB] == made.link_keys()[METER]


def test_the_partner_restarts():
    made = pair()
    made.start(METER, HUB)
    made.deliver(made.wire.popleft())
    made.wire.clear()
    made.devices[METER] = device(METER, seed=1)
    made.start(METER, HUB)
    made.run()
    assert made.link_keys()[HUB] == made.link_keys()[METER]
    assert [failed.reason for failed in made.failures(HUB)] == ["the partner started again"]


def test_undeliverable_messages():
    made = pair()
    made.start(METER, HUB)
    failed = made.devices[METER].undeliverable(HUB)
    assert [event.reason for event in failed if isinstance(event, Failed)] == [
        "a message could not be delivered"
    ]
    assert made.devices[METER].next_due() is None
    assert made.devices[METER].undeliverable(HUB) == []
    made.wire.clear()
    made.start(METER, HUB)
    made.run(until_idle=False)
    failed = made.devices[HUB].undeliverable(METER)
    assert isinstance(failed[0], Failed)
    assert "may not have the key" in failed[0].reason
    assert made.devices[METER].undeliverable(HUB) == []


def test_forgetting_a_partner():
    meter = device(METER)
    meter.start(HUB, 0.0)
    meter.forget(HUB)
    assert meter.next_due() is None
    assert not meter.is_busy(HUB)


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.binary(max_size=90), st.booleans(), st.integers(0, 3)), max_size=12
    )
)
@relaxed
def test_anything_leaves_the_machine_alive(packets):
    made = pair()
    made.start(METER, HUB)
    for command, payload, from_server, sequence in packets:
        for eui64, partner in ((HUB, METER), (METER, HUB)):
            outputs = made.devices[eui64].receive(
                partner, command, payload, from_server=from_server, sequence=sequence, now=made.now
            )
            assert not any(isinstance(output, Established) for output in outputs)
    for machine, partner in ((made.devices[HUB], METER), (made.devices[METER], HUB)):
        machine.run_due(10000.0)
        assert machine.next_due() is None
        machine.forget(partner)
    fresh = Pair(made.devices)
    fresh.start(METER, HUB)
    fresh.run()
    assert fresh.link_keys()[HUB] == fresh.link_keys()[METER]


def test_link_keys_stay_out_of_representations():
    made = run(pair())
    assert made.link_keys()[HUB].hex() not in repr(made.events)
    assert repr(made.link_keys()[HUB]) not in repr(made.events)
