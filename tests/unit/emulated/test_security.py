from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from fixtures.emulated_devices import EUIS, START, DeviceBench
from protocols.errors import DecodeError
from protocols.eui64 import Eui64
from protocols.gbcs.asn1.types import KeyUsage, RemotePartyRole
from protocols.gbcs.message import Message, build_message, parse_message
from protocols.gbcs.protect import protect
from rigs.emulated.event_rules import EventCode

WINDOW = {"validity_start": START - timedelta(minutes=1), "validity_end": START + timedelta(minutes=1)}
STATE_OF_EVENTS = ("log", "log.security", "log.event")


@pytest.fixture
def bench() -> DeviceBench:
    return DeviceBench("esme")


def state(bench: DeviceBench) -> dict:
    """Everything that a refused command must leave alone: all but logs and the alert counter."""
    return {
        key: value
        for key, value in bench.storage.dump().items()
        if key[0] not in STATE_OF_EVENTS and key != ("device", "counter")
    }


def refused(bench: DeviceBench, octets: bytes) -> tuple[list[int], list[int]]:
    """Events logged and alerts sent for a command that must change nothing and get no response."""
    before, logged = state(bench), len(bench.logged("security"))
    bench.sent.clear()
    bench.device.handle(octets)
    assert state(bench) == before
    assert [parse_message(each).kind for each in bench.sent].count("response") == 0
    assert all(alert.signed for alert in bench.alerts())
    return bench.logged("security")[logged:], bench.alert_codes()


def flip(octets: bytes, at: int) -> bytes:
    out = bytearray(octets)
    out[at] ^= 1
    return bytes(out)


def test_wrong_mac(bench):
    assert refused(bench, flip(bench.command("ECS39a", mpan="9" * 13), -1)) == ([0x8F3D], [0x8F3D])


def test_mac_made_with_the_suppliers_key(bench):
    octets = bench.command("ECS39a", mpan="9" * 13, acb=bench.party("supplier"))
    assert refused(bench, octets) == ([0x8F3D], [0x8F3D])


def test_missing_mac(bench):
    assert refused(bench, bench.command("ECS39a", mpan="9" * 13, maced=False)) == ([0x8F3D], [0x8F3D])
    assert refused(bench, bench.command("ECS70", **WINDOW, maced=False)) == ([0x8F3D], [0x8F3D])


def test_missing_signature(bench):
    assert refused(bench, bench.command("ECS70", **WINDOW, signed=False)) == ([0x8F3D], [0x8F3D])


def test_signature_by_another_supplier(bench):
    octets = bench.command("ECS70", **WINDOW)
    message = parse_message(octets)
    secret = bench._secret(bench.party("access_control_broker"))
    other = bench.party("second_supplier").ds.private
    octets = build_message(protect(replace(message, signature=None, mac=None), signer=other, mac_z=secret))
    assert refused(bench, octets) == ([0x8F3D], [0x8F3D])


def test_unknown_party(bench):
    assert refused(bench, bench.command("ECS52", "second_supplier")) == ([0x8F3D], [0x8F3D])


def test_party_without_authority(bench):
    assert refused(bench, bench.command("ECS39a", "network_operator", mpan="9" * 13)) == ([0x8F30], [0x8F30])
    assert refused(bench, bench.command("ECS70", "network_operator", **WINDOW)) == ([0x8F30], [0x8F30])


def test_meant_for_another_device(bench):
    assert refused(bench, bench.command("ECS52", target=EUIS["gsme"])) == ([0x8F53], [])


def test_not_a_message(bench):
    for octets in (b"", b"\xdd", bytes(100), bench.command("ECS52")[:-1], bench.command("ECS52") + b"\0"):
        assert refused(bench, octets) == ([0x8F53], [])


def test_a_response_is_no_command(bench):
    bench.request("ECS52")
    assert refused(bench, bench.sent[0])[1] == []


def test_replay_of_an_update_is_refused(bench):
    octets = bench.command("ECS39a", mpan="9" * 13)
    bench.device.handle(octets)
    assert [parse_message(each).kind for each in bench.sent] == ["response"]
    assert refused(bench, octets) == ([0x8F53], [])


def test_lower_counter_is_refused_and_higher_accepted(bench):
    bench.request("ECS39a", mpan="9" * 13, counter=50)
    assert refused(bench, bench.command("ECS39a", mpan="8" * 13, counter=49)) == ([0x8F53], [])
    assert bench.request("ECS39a", mpan="8" * 13, counter=51).values == {"results": [0]}


def test_repeated_read_is_answered_again(bench):
    octets = bench.command("ECS52", counter=7)
    bench.device.handle(octets)
    bench.device.handle(octets)
    assert len(bench.sent) == 2
    assert bench.sent[0] == bench.sent[1]


def test_a_read_does_not_move_the_counter(bench):
    bench.request("ECS52", counter=10**9)
    assert bench.request("ECS39a", mpan="9" * 13, counter=5).values == {"results": [0]}


def test_refused_command_does_not_move_the_counter(bench):
    refused(bench, flip(bench.command("ECS39a", mpan="9" * 13, counter=99), -1))
    bench.request("ECS39a", mpan="9" * 13, counter=98)


def test_counter_survives_power_loss(tmp_path):
    bench = DeviceBench("esme", path=str(tmp_path / "esme.db"))
    octets = bench.command("ECS39a", mpan="9" * 13)
    bench.device.handle(octets)
    bench.restart()
    assert refused(bench, octets) == ([0x8F53], [])


def test_counters_are_kept_per_role(bench):
    cell = (RemotePartyRole.TRANSITIONAL_COS, KeyUsage.DIGITAL_SIGNATURE)
    bench.request("ECS39a", mpan="9" * 13, counter=5000)
    answer = bench.request(
        "CS02a", "transitional_cos", signed=True, maced=False, authorising_cell=cell, roles=[2, 5], counter=3
    )
    counters = {party["role"]: party["current_counter"] for party in answer.values["parties"]}
    assert counters == {2: 5000, 5: 0}


def content(bench: DeviceBench, use_case: str, payload: bytes, party: str = "supplier") -> bytes:
    """An authentic command with a payload of one's own."""
    return bench.command(
        use_case,
        party,
        mpan="9" * 13,
        change=lambda message: replace(message, payload=payload),
    )


def test_content_faults_are_refused_after_authentication(bench):
    for payload in (b"", b"\x00", b"\xd9\x20"):
        assert refused_but_counted(bench, content(bench, "ECS39a", payload)) == ([0x8F1E], [0x8F1E])


def refused_but_counted(bench: DeviceBench, octets: bytes) -> tuple[list[int], list[int]]:
    """Like ``refused`` for an authentic command, whose counter is used up."""
    with bench.device.work():
        bench.device.trust_anchors.set_floor(
            RemotePartyRole.SUPPLIER, parse_message(octets).header.originator_counter - 1
        )
    before = {key: value for key, value in state(bench).items() if key[0] != "counter"}
    logged = len(bench.logged("security"))
    bench.sent.clear()
    bench.device.handle(octets)
    assert {key: value for key, value in state(bench).items() if key[0] != "counter"} == before
    assert all(parse_message(each).kind == "alert" for each in bench.sent)
    return bench.logged("security")[logged:], bench.alert_codes()


def test_the_payload_of_another_use_case_is_refused(bench):
    """A supplier may set the MPAN, yet not under the code of a read."""
    payload = parse_message(bench.command("ECS39a", mpan="9" * 13)).payload
    octets = bench.command("ECS52", change=lambda message: replace(message, payload=payload))
    assert refused_but_counted(bench, octets) == ([0x8F1E], [0x8F1E])


def test_log_reads_may_touch_nothing_else(bench):
    payload = parse_message(bench.command("ECS39a", mpan="9" * 13, counter=9)).payload
    octets = bench.command(
        "ECS52",
        counter=9,
        change=lambda message: replace(
            message, payload=payload, header=replace(message.header, message_code=0x0048)
        ),
    )
    assert refused_but_counted(bench, octets) == ([0x8F1E], [0x8F1E])


def test_a_signature_where_none_belongs(bench):
    assert refused(bench, bench.command("ECS52", signed=True)) == ([0x8F1E], [0x8F1E])


def test_unknown_message_code_is_only_reported_when_authentic(bench):
    def change(message: Message) -> Message:
        return replace(message, header=replace(message.header, message_code=0x7ABC))

    octets = bench.command("ECS52", change=change)
    assert refused(bench, octets) == ([0x8F1E], [0x8F1E])
    assert refused(bench, flip(octets, -1)) == ([0x8F3D], [0x8F3D])


def test_known_use_case_that_the_device_does_not_have(bench):
    def change(message: Message) -> Message:
        code = bench.device.catalogue["GCS38"].message_codes[0]
        return replace(message, header=replace(message.header, message_code=code))

    octets = bench.command("ECS52", change=change)
    events, alerts = refused(bench, octets)
    assert (events, alerts) == ([0x8F85], [0x8F85])
    (alert,) = bench.alerts()
    assert alert.message.header.message_code == 0x0120
    assert alert.values["command_originator_counter"] == parse_message(octets).header.originator_counter


def test_many_refused_commands_are_unusual(bench):
    for _ in range(10):
        bench.device.handle(b"noise")
    assert bench.logged("security") == [0x8F53] * 10 + [0x8F60]


def test_alert_counters_increase_across_restarts(tmp_path):
    bench = DeviceBench("esme", path=str(tmp_path / "esme.db"))
    counters = []
    for _ in range(4):
        bench.device.handle(bench.command("ECS52", "second_supplier"))
        counters += [alert.message.header.originator_counter for alert in bench.alerts()]
        bench.sent.clear()
        bench.restart()
    assert counters == sorted(set(counters))
    assert len(counters) == 4


def test_command_of_the_broker_for_another_party_is_answered_with_its_ids(bench):
    """Supplementary fields come back as they came (messages.md 1.3)."""
    other = Eui64("90-B3-D5-1F-30-09-00-00")

    def change(message: Message) -> Message:
        header = replace(
            message.header, supplementary_remote_party_id=other, supplementary_remote_party_counter=42
        )
        return replace(message, header=header)

    answer = bench.request("ECS52", "access_control_broker", change=change)
    assert answer.maced
    assert answer.message.header.supplementary_remote_party_id == other
    assert answer.message.header.supplementary_remote_party_counter == 42


def test_no_reader_key_means_no_answer():
    bench = DeviceBench("esme")
    anchors = [
        each
        for each in bench.device.description.trust_anchors
        if not (each.role == RemotePartyRole.SUPPLIER and each.key_usage == KeyUsage.KEY_AGREEMENT)
    ]
    bench = DeviceBench("esme", changes={"trust_anchors": anchors})
    assert refused(bench, bench.command("ECS52")) == ([0x8F3D], [0x8F3D])


def test_what_a_refused_command_had_begun_is_undone(bench):
    def half_done(device, command):
        device.storage.put("cosem", "half", b"done")
        device.note("half done")
        device.events.record(EventCode.TAMPER)
        raise DecodeError("then this", offset=0)

    bench.device.handlers["ECS52"] = half_done
    assert refused(bench, bench.command("ECS52")) == ([0x8F1E], [0x8F1E])
    assert b"half done" not in bench.console


def test_invoke_id_is_that_of_the_counter(bench):
    payload = parse_message(bench.command("ECS52", counter=1)).payload
    octets = bench.command("ECS52", counter=2, change=lambda message: replace(message, payload=payload))
    assert refused(bench, octets) == ([0x8F1E], [0x8F1E])


def test_registers_are_protected_for_nobody_else(bench):
    """Protection parameters that name another reader than the command's originator."""
    payload = parse_message(bench.command("ECS17b", counter=1)).payload
    other = payload.replace(bench.party("supplier").eui64, bench.party("network_operator").eui64)
    answer = bench.request("ECS17b", counter=1, change=lambda message: replace(message, payload=other))
    assert answer.values == {"results": [250], "registers": None, "decrypted": False}
