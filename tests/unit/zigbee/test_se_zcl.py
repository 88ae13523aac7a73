"""The ZCL layer alone, over a HAN that only notes what is sent."""

from __future__ import annotations

import random
from typing import Any

import pytest

from protocols.eui64 import Eui64
from protocols.han import DataConfirmed, DataReceived, DataStatus, FrameSecurity
from protocols.zigbee.smart_energy.context import Context
from protocols.zigbee.smart_energy.zcl_attributes import Attributes
from protocols.zigbee.smart_energy.zcl_endpoint import ZclLayer
from protocols.zigbee.smart_energy.zcl_exchange import Address, Answer, Outcome, Reply
from protocols.zigbee.zcl.foundation import Message, build_command, build_general, parse_message

PARTNER = Eui64("00-DB-12-34-56-78-90-A0")
TUNNELLING, TIME, METERING, BASIC = 0x0704, 0x000A, 0x0702, 0x0000
ADDRESS = Address(PARTNER, 5, 1)


class Service:
    """Notes what is sent."""

    eui64 = Eui64("00-DB-12-34-56-78-90-A3")

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.endpoints: list[Any] = []

    def add_endpoint(self, endpoint: Any) -> None:
        self.endpoints.append(endpoint)

    def send(self, destination: Eui64, **how: Any) -> int:
        self.sent.append({"destination": destination, **how})
        return len(self.sent)


class Rig:
    def __init__(self) -> None:
        self.now = 100.0
        self.service = Service()
        self.context = Context(self.service, lambda: self.now, random.Random(1), lambda _: None)  # type: ignore[arg-type]
        self.zcl = ZclLayer(self.context, 10.0)
        self.zcl.add_endpoint(1, 0x0500, servers=(TIME, TUNNELLING, BASIC), clients=(METERING,))
        self.replies: list[Reply] = []

    def ask(self, **more: Any) -> int:
        self.zcl.request(ADDRESS, TUNNELLING, "Close Tunnel", {"Tunnel ID": 7}, self.replies.append, **more)
        return self.service.sent[-1]["payload"][1]

    def confirm(self, status: DataStatus = DataStatus.DONE) -> None:
        self.zcl.confirmed(DataConfirmed(len(self.service.sent), status))

    def hear(self, payload: bytes, cluster: int = TUNNELLING, **how: Any) -> None:
        defaults = {"source": PARTNER, "endpoint": 1, "broadcast": False, "security": FrameSecurity.LINK}
        values = defaults | how
        self.zcl.receive(
            DataReceived(
                values["source"], 0x1234, 0x0109, cluster, 5, values["endpoint"], payload, values["security"],
                values["broadcast"],
            )
        )  # fmt: skip

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.context.timers.run_due(self.now)

    def answers(self, cluster: int = TUNNELLING) -> list[Message]:
        return [parse_message(cluster, sent["payload"]) for sent in self.service.sent]


def default(sequence: int, command: int, status: int, *, from_server: bool = True) -> bytes:
    values = {"Command": command, "Status": status}
    return build_general("Default Response", values, sequence=sequence, from_server=from_server)


def test_a_request_and_its_default_response():
    rig = Rig()
    sequence = rig.ask()
    rig.confirm()
    rig.hear(default(sequence, 0x01, 0x8B))
    assert [(reply.outcome, reply.status) for reply in rig.replies] == [(Outcome.ANSWERED, 0x8B)]
    rig.wait(100)
    assert len(rig.replies) == 1
    assert rig.context.timers.next_due() is None


@pytest.mark.parametrize("confirmed", [True, False])
def test_the_answer_may_come_before_the_confirmation(confirmed):
    rig = Rig()
    sequence = rig.ask()
    rig.hear(default(sequence, 0x01, 0))
    rig.confirm(DataStatus.DONE if confirmed else DataStatus.NO_ACK)
    assert [reply.is_answer for reply in rig.replies] == [True]


def test_what_is_no_answer():
    rig = Rig()
    sequence = rig.ask(expects=("Request Tunnel Response",))
    rig.confirm()
    rig.hear(default(sequence + 1, 0x01, 0x01))  # another sequence
    rig.hear(default(sequence, 0x02, 0x01))  # of another command
    rig.hear(default(sequence, 0x01, 0x01, from_server=False))  # the wrong way
    rig.hear(default(sequence, 0x01, 0x01), source=Eui64("00-DB-12-34-56-78-90-A1"))
    rig.hear(default(sequence, 0x01, 0x01), cluster=TIME)
    rig.hear(default(sequence, 0x01, 0x00))  # success where more is expected
    assert not rig.replies
    rig.wait(10.1)
    assert [reply.outcome for reply in rig.replies] == [Outcome.NO_ANSWER]


def test_what_was_not_sent_and_what_is_never_confirmed():
    rig = Rig()
    rig.ask()
    rig.confirm(DataStatus.NO_ROUTE)
    assert [(reply.outcome, reply.sent) for reply in rig.replies] == [(Outcome.NOT_SENT, DataStatus.NO_ROUTE)]
    rig.ask()
    rig.wait(131)
    assert rig.replies[1].outcome is Outcome.NO_ANSWER


def test_only_so_many_requests_at_once_and_no_sequence_twice():
    rig = Rig()
    sequences = [rig.ask() for _ in range(64)]
    assert len(set(sequences)) == 64
    rig.ask()
    assert len(rig.service.sent) == 64
    rig.wait(0)
    assert [reply.outcome for reply in rig.replies] == [Outcome.NOT_SENT]
    rig.zcl.give_up()
    assert len(rig.replies) == 65


def test_answers_of_a_server():
    rig = Rig()
    answer = {"Tunnel ID": 1, "Tunnel Status": 0, "Maximum Incoming Transfer Size": 9}
    results = iter([Answer("Request Tunnel Response", answer), 0, 0x85, 0, 0x85, None])
    rig.zcl.side(1, TUNNELLING).commands = lambda _: next(results)
    for quiet in (False, False, False, True, True, False):
        octets = build_command(
            TUNNELLING, "Close Tunnel", {"Tunnel ID": 1}, sequence=77, disable_default_response=quiet
        )
        rig.hear(octets)
    answers = rig.answers()
    assert [answer.name for answer in answers] == ["Request Tunnel Response", *["Default Response"] * 3]
    assert [answer.values.get("Status") for answer in answers] == [None, 0, 0x85, 0x85]
    assert {answer.frame.sequence for answer in answers} == {77}
    assert all(answer.frame.from_server and answer.frame.disable_default_response for answer in answers)
    assert {sent["destination_endpoint"] for sent in rig.service.sent} == {5}


@pytest.mark.parametrize(
    ("payload", "cluster", "status", "counted"),
    [
        ("0107", TUNNELLING, None, "malformed"),  # no header
        ("01070107", TUNNELLING, 0x80, "malformed"),  # cut off
        ("010155", TUNNELLING, 0x81, "unsupported-command"),
        ("010177", METERING, 0xC3, "unsupported-cluster"),  # no such server here
        ("010100", 0x1234, 0xC3, "unsupported-cluster"),
        ("051D120701", TUNNELLING, 0x81, None),  # a manufacturer's own
        ("020100", TUNNELLING, 0x81, None),
        ("000177", TUNNELLING, 0x82, None),
        ("00010100", TUNNELLING, 0x80, "malformed"),
        ("00010B0155", TUNNELLING, None, None),  # a Default Response is never answered
        ("00010B", TUNNELLING, None, "malformed"),
    ],
)
def test_what_is_not_understood(payload, cluster, status, counted):
    rig = Rig()
    rig.zcl.side(1, TUNNELLING).commands = lambda _: 0
    rig.hear(bytes.fromhex(payload), cluster)
    assert [answer.values.get("Status") for answer in rig.answers(cluster)] == ([status] if status else [])
    assert rig.context.statistics == ({f"zcl.{counted}": 1} if counted else {})
    rig.service.sent.clear()
    rig.hear(bytes.fromhex(payload), cluster, broadcast=True)
    assert not rig.service.sent


def test_what_is_not_listened_to():
    rig = Rig()
    octets = build_general("Read Attributes", {"Attributes": [0]}, sequence=1)
    rig.hear(octets, TIME, security=FrameSecurity.NETWORK)
    rig.hear(octets, TIME, source=None)
    assert not rig.service.sent
    assert rig.context.statistics == {"zcl.needs-link-key": 1, "zcl.unknown-source": 1}
    rig.hear(octets, BASIC, security=FrameSecurity.NETWORK)
    assert len(rig.service.sent) == 1


def test_attributes_are_read_written_and_discovered():
    rig = Rig()
    values: dict[int, Any] = {0x0000: 1000, 0x0001: 1, 0x0002: 0, 0x0006: "no number", 0x7777: 1}

    def write(attribute: int, value: Any) -> int:
        values[attribute] = value
        return 0

    rig.zcl.side(1, TIME).attributes = Attributes(values.get, write, names=lambda: values)
    rig.hear(build_general("Read Attributes", {"Attributes": [0, 1, 5, 6, 0x7777]}, sequence=1), TIME)
    records = rig.answers(TIME)[-1].values["Records"]
    assert [(row["Attribute"], row["Status"]) for row in records] == [
        *((0, 0), (1, 0), (5, 0x86), (6, 0x01), (0x7777, 0x86))
    ]
    rows = [
        {"Attribute": 0x0002, "Data Type": 0x2B, "Value": 3600},
        {"Attribute": 0x0002, "Data Type": 0x20, "Value": 1},
        {"Attribute": 0x0006, "Data Type": 0x23, "Value": 1},
        {"Attribute": 0x0005, "Data Type": 0x2B, "Value": 1},
    ]
    rig.hear(build_general("Write Attributes", {"Records": rows}, sequence=1), TIME)
    failed = rig.answers(TIME)[-1].values["Records"]
    assert [(row["Status"], row["Attribute"]) for row in failed] == [(0x8D, 2), (0x88, 6), (0x86, 5)]
    assert values[0x0002] == 3600
    rows = [{"Attribute": 0x0002, "Data Type": 0x2B, "Value": 1}, rows[2]]
    rig.hear(build_general("Write Attributes Undivided", {"Records": rows}, sequence=1), TIME)
    assert values[0x0002] == 3600
    sent = len(rig.service.sent)
    rig.hear(build_general("Write Attributes No Response", {"Records": rows[:1]}, sequence=1), TIME)
    assert (values[0x0002], len(rig.service.sent)) == (1, sent)
    rig.hear(
        build_general("Discover Attributes", {"Start Attribute": 1, "Maximum Number": 2}, sequence=1), TIME
    )
    found = rig.answers(TIME)[-1].values
    assert ([row["Attribute"] for row in found["Attributes"]], found["Complete"]) == ([1, 2], 0)


def test_any_endpoint_finds_the_side():
    rig = Rig()
    rig.zcl.side(1, TIME).attributes = Attributes({0: 5}.get)
    rig.hear(build_general("Read Attributes", {"Attributes": [0]}, sequence=1), TIME, endpoint=0xFF)
    assert rig.service.sent[0]["source_endpoint"] == 1
    rig.hear(build_general("Read Attributes", {"Attributes": [0]}, sequence=1), TIME, endpoint=9)
    assert rig.answers(TIME)[1].values["Status"] == 0xC3
