"""The CHF's device log: entries, joining, removal, and what it tells the Access Control Broker."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fixtures.emulated_premises import EUI64S, install_code
from fixtures.premises_by_hand import (
    ACB,
    CS14,
    JOIN_S,
    START,
    UNDELIVERED,
    PremisesByHand,
    backup,
    codes,
)
from protocols.dlms.access import (
    AccessRequest,
    AccessSpecification,
    SpecKind,
    build_access_request,
    parse_access_response,
)
from protocols.dlms.axdr import null_data
from protocols.eui64 import Eui64
from protocols.gbcs.message import parse_message
from rigs.emulated.device_log import CAPACITY, HISTORIC_CAPACITY, HubDeviceLog, LogEntry

REFERENCE = Path(__file__).parents[4] / "shared" / "rtds" / "messages.jsonl"


def sorted_by_kind(messages):
    """Alerts, then responses: nothing says which of the two a hub sends first."""
    return sorted(messages, key=lambda message: message.message.kind)


@pytest.fixture
def bench(tmp_path):
    with PremisesByHand(tmp_path / "state") as made:
        yield made


def said(bench, name):
    """What a node has printed."""
    return b"".join(octets for node, octets in bench.console if node == name)


# Device log -------------------------------------------------------------------------------------------------


def test_adding_answers_at_once_and_sends_a_backup_without_key(bench):
    alert, response = sorted_by_kind(bench.add("esme"))
    assert response.authentic
    assert response.values == {"results": [0, 0, 0]}
    assert alert.authentic
    assert alert.message.signature == b""
    assert alert.values["alert_code"] == 0x8F12
    assert alert.values["extended_pan_id"] == EUI64S["gpf"]
    assert alert.values["devices"] == [{"device_id": EUI64S["esme"], "hashed_link_key": b""}]
    assert list(bench.log()) == [EUI64S["esme"]]


def test_joining_sends_a_backup_with_the_hashed_link_key_then_the_meter_reports(bench):
    bench.add("esme")
    messages = bench.after(JOIN_S)
    assert codes(messages)[0] == CS14
    assert len(backup(messages)[EUI64S["esme"]]) == 16
    assert all(message.authentic for message in messages)
    assert [m.values["alert_code"] for m in messages].count(0x8F69) == 1
    assert bench.log()[EUI64S["esme"]]["last_communication"] is not None


def test_wrong_install_code_never_joins(bench):
    bench.add("esme", code=bytes(16))
    assert bench.after(120) == []
    assert bench.premises.devices["esme"].hub is None
    assert codes(bench.request("supplier", "ECS52", "esme")) == [UNDELIVERED]
    assert b"transport-key-unreadable" in said(bench, "esme")
    assert b"0x8F48" in said(bench, "chf")


def test_adding_a_listed_device_again_keeps_its_key(bench):
    first = backup(bench.join("esme"))
    (response,) = bench.add("esme", code=bytes(16))
    assert response.values == {"results": [0, 0, 0]}
    assert bench.after(120) == []
    assert codes(bench.request("supplier", "ECS52", "esme")) == [0x0059]
    assert backup(bench.add("ppmid"))[EUI64S["esme"]] == first[EUI64S["esme"]]


def test_join_window_closes(bench):
    bench.power("esme", on=False)
    bench.add("esme", join_time_s=60)
    bench.after(61)
    bench.power("esme", on=True)
    assert bench.after(JOIN_S) == []
    assert bench.premises.devices["esme"].hub is None


def test_device_switched_on_inside_the_join_window_joins(bench):
    bench.power("esme", on=False)
    bench.add("esme", join_time_s=60)
    assert bench.after(45) == []
    bench.premises.control("power-on", "esme", "", "")
    assert CS14 in codes(bench.after(JOIN_S))


def test_removal_cuts_the_device_off_and_keeps_its_key_for_a_return(bench):
    joined = backup(bench.join("esme"))
    alert, response = sorted_by_kind(bench.remove("esme"))
    assert response.values == {"results": [0]}
    assert alert.values["devices"] == []
    assert bench.log() == {}
    assert bench.request("supplier", "ECS52", "esme") == []
    assert bench.premises.devices["esme"].hub is None
    # In the first half of the join period the historic key counts, whatever install code came along.
    again = bench.add("esme", code=bytes(16), join_time_s=60)
    assert backup(again) == {EUI64S["esme"]: b""}
    assert backup(bench.after(JOIN_S)) == joined


def test_historic_key_counts_in_the_first_half_only(bench):
    joined = backup(bench.join("esme"))
    bench.remove("esme")
    bench.power("esme", on=False)
    bench.add("esme", join_time_s=60)
    bench.after(45)
    assert bench.premises.control("power-on", "esme", "", "") == ("done", "on")
    again = backup(bench.after(JOIN_S))
    assert len(again[EUI64S["esme"]]) == 16
    assert again != joined


def test_removing_an_unknown_device_fails_and_changes_nothing(bench):
    (response,) = bench.remove("esme")
    assert response.values["results"] != [0]


def test_seventeenth_device_is_refused(bench):
    def add(number):
        return bench.request(
            ACB,
            "CCS01",
            "chf",
            device_id=bytes(7) + bytes((number,)),
            install_code=bytes(16),
            device_type="cad",
            join_time_s=60,
        )

    for number in range(CAPACITY):
        assert sorted(codes(add(number))) == [0x0001, CS14]
    (response,) = add(CAPACITY)
    assert set(response.values["results"]) == {250}
    assert len(bench.log()) == CAPACITY


def test_removed_device_sends_nothing(bench):
    bench.join("esme")
    bench.remove("esme")
    outcome, _ = bench.premises.control("stimulus", "esme", "cover-open", "")
    assert outcome == "done"
    assert bench.take() == []


def test_log_entries_tell_of_traffic(bench):
    bench.join("esme")
    bench.request("supplier", "ECS52", "esme")
    bench.power("esme", on=False)
    bench.request("supplier", "ECS52", "esme", wait_s=60)
    entry = bench.log()[EUI64S["esme"]]
    assert (entry["transmission_successes"], entry["transmission_failures"]) == (1, 1)


def read_both_logs(bench, payload):
    """CCS07 has no codec for users yet, so its payload comes as octets; the response as DLMS data."""
    command = bench.users.wrap(ACB, "chf", 0x00FE, payload)
    bench.premises.receive("chf", (command))
    ((_, octets),) = bench.out
    bench.out.clear()
    return parse_access_response(parse_message(octets).payload)


def backup_request(counter):
    logs = [
        AccessSpecification(SpecKind.ACTION, 104, bytes.fromhex(obis), 4)
        for obis in ("00001E0300FF", "00001E0301FF")
    ]
    return build_access_request(AccessRequest(counter, logs, [null_data()] * 2))


def test_ccs07_gives_both_logs(bench):
    joined = backup(bench.join("esme"))
    bench.join("ppmid")
    bench.remove("ppmid")
    response = read_both_logs(bench, backup_request(bench.users.counters[ACB] + 1))
    listed = [[device.value[0].value for device in log.value[2].value] for log in response.data]
    assert listed == [[EUI64S["esme"]], [EUI64S["ppmid"]]]
    assert response.data[0].value[2].value[0].value[1].value == joined[EUI64S["esme"]]
    assert all(log.value[1].value == EUI64S["gpf"] for log in response.data)


def test_ccs07_request_and_response_have_the_form_of_the_reference_messages(bench):
    if not REFERENCE.exists():
        pytest.skip(f"no reference messages at {REFERENCE}")
    rows = [json.loads(line) for line in REFERENCE.read_text().splitlines() if '"CCS07' in line]
    found = {row["name"]: parse_message(bytes.fromhex(row["hex"])) for row in rows}
    command = found["CCS07_8.9_SUCCESS_COMMAND_GBCS"]
    expected = parse_access_response(found["CCS07_8.9_SUCCESS_RESPONSE_GBCS"].payload)
    assert backup_request(command.header.originator_counter) == command.payload
    bench.users.counters[ACB] = command.header.originator_counter - 1
    response = read_both_logs(bench, command.payload)
    assert response.results == expected.results
    for ours, theirs in zip(response.data, expected.data, strict=True):
        assert [member.tag for member in ours.value] == [member.tag for member in theirs.value]
        assert [len(member.value) for member in ours.value[:2]] == [12, 8]
        assert ours.value[0].value[8:] == theirs.value[0].value[8:], "hundredths, deviation, clock status"


def test_replayed_addition_changes_nothing(bench):
    command = bench.users.command(
        ACB,
        "CCS01",
        "chf",
        device_id=EUI64S["esme"],
        install_code=install_code("esme"),
        device_type="esme",
        join_time_s=60,
    )
    bench.put(command)
    bench.remove("esme")
    assert bench.put(command) == []
    assert bench.log() == {}


def test_supplier_may_not_change_the_device_log(bench):
    messages = bench.request("supplier", "CCS02", "chf", device_id=EUI64S["esme"])
    assert all(message.message.header.message_code == 0x1000 for message in messages)


# Values -----------------------------------------------------------------------------------------------------


def test_device_log_survives_json():
    log = HubDeviceLog(join_time_s=90, joining_enabled=True)
    for number in range(HISTORIC_CAPACITY + 1):
        device_id = Eui64(bytes(7) + bytes((number,)))
        log.entries[device_id] = LogEntry(
            device_id, "esme", bytes(16), START, 90, link_key=bytes((number,)) * 16
        )
        assert log.remove(device_id) is not None
    log.entries[EUI64S["gpf"]] = LogEntry(EUI64S["gpf"], "gpf", bytes(16), START, 90)
    log.remove(EUI64S["gpf"])
    assert len(log.historic) == HISTORIC_CAPACITY
    assert bytes(8) not in log.historic
    assert EUI64S["gpf"] not in log.historic
    assert HubDeviceLog.from_json(log.to_json()) == log
