"""``hil replay`` and replies that nobody has seen: whatever a well-formed reply says is explained."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from fixtures.generated_commands import OTHER, GeneratedBench, gbz_payload
from hil.cli.key_files import load_keys
from hil.cli.replay import command as replay_command
from hil.replay.engine import replay
from hil.replay.pairs import Pair, read_pairs
from hil.replay.parties import Parties
from hil.replay.wanted import numbered
from protocols.eui64 import Eui64
from protocols.gbcs.asn1.types import KeyUsage
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.catalogue.zcl import zcl_tables
from protocols.gbcs.gbz import GbzPayload, build_gbz, parse_gbz
from protocols.gbcs.message import build_message, parse_message
from protocols.gbcs.zcl_fields import Rules, write_fields
from protocols.smki import parse_certificate
from rigs.emulated.device import Device
from rigs.emulated.join_log import JoinLogEntry
from rigs.emulated.objects.zse import AttributePlace, CommandPlace
from rigs.emulated.trust_anchors import Cell
from tests.changed_replies import Changed, changed_replies
from tests.unit.cli.test_replay import write_keys

SHARED = Path(__file__).parents[4] / "shared/rtds"
EVERY = 12  # of the reference set's changes, which are some thousands


def pair_of(bench: GeneratedBench, code: str, role: str = "") -> Pair:
    """A command of ours, and the reply that a device of ours gives."""
    roles = load_catalogue()[code].roles
    octets = bench.command(code, role or ("supplier" if "supplier" in roles else roles[0]))
    answer = bench.response(octets)
    assert answer is not None
    return Pair(code, load_catalogue()[code], octets, parse_message(octets), answer, bench.kind)


def changed(pair: Pair, parties: Parties) -> list[Changed]:
    kind = pair.use_case.payload_kind
    assert kind is not None
    secret = parties.secret(pair.reply.header.reader, pair.reply.header.business_originator_id)
    return list(changed_replies(pair.command, pair.reply, kind, secret))


def unexplained(pair: Pair, changes: list[Changed], parties: Parties) -> list[str]:
    found = []
    for each in changes:
        pair.reply = each.reply
        result = replay(pair, parties)
        if not (result.structure and result.payload and (result.given or result.refused or result.unaided)):
            found.append(f"{pair.name}: {each.what}: {result.why}")
    return found


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("esme", "ECS04b"),  # actions one after the other
        ("esme", "ECS16"),
        ("esme", "ECS17b"),  # encrypted
        ("esme", "ECS26a"),  # objects that are asked for more than once
        ("esme", "ECS27"),
        ("esme", "CS02a"),
        ("esme", "CS07"),
        ("gsme", "CS01b"),  # a result type instead of a status
        ("gsme", "CS11"),  # an answer instead of a status
        ("gsme", "GCS04"),  # one command several times
        ("gsme", "GCS13a"),  # encrypted
        ("gsme", "GCS20"),
        ("gsme", "GCS21f"),  # a command with the number of the one that reads attributes
        ("gsme", "GCS31"),
        ("gsme", "GCS32"),
    ],
)
def test_changed_replies_are_explained(kind, code, tmp_path):
    bench = GeneratedBench(kind)
    parties = Parties(load_keys(write_keys(bench, tmp_path / "keys")))
    pair = pair_of(bench, code)
    changes = changed(pair, parties)
    assert changes
    assert not unexplained(pair, changes, parties)


@pytest.mark.skipif(not SHARED.exists(), reason="the reference messages (../shared/rtds) are not here")
def test_changed_replies_of_the_reference_set_are_explained():
    parties = Parties(load_keys(SHARED / "keystore"))
    pairs, _ = read_pairs(SHARED / "messages.jsonl")
    found, number = [], 0
    for pair in pairs:
        changes = changed(pair, parties)
        some = changes[-number % EVERY :: EVERY]
        number += len(changes)
        found += unexplained(pair, some, parties)
    assert number > 2500
    assert not found


@pytest.mark.skipif(not SHARED.exists(), reason="the reference messages (../shared/rtds) are not here")
def test_a_pair_alone_is_explained_as_among_the_others(tmp_path):
    """What a device is follows from less then; its reply is explained whatever it is taken for."""
    rows = [json.loads(line) for line in (SHARED / "messages.jsonl").read_text().splitlines()]
    stems = ("CS04ACNonCritical_8.8.2_SUCCESS", "CS03CNonCritical_8.7.2_ERROR")
    for stem in stems:
        both = [
            row for row in rows if row["name"].startswith(stem) and row["kind"] in {"command", "response"}
        ]
        file = tmp_path / "pair.jsonl"
        file.write_text("\n".join(map(json.dumps, both)))
        keys = str(SHARED / "keystore")
        answer = CliRunner().invoke(
            replay_command, [str(file), "--keys", keys, "--json"], catch_exceptions=False
        )
        document = json.loads(answer.stdout)
        assert (document["commands"], document["structure"], document["payload"]) == (1, 1, 1), stem


def test_who_signs_has_a_signing_cell_whatever_the_device_is_taken_for(tmp_path):
    """A pair alone may leave open that its device is a PPMID, on which the ACB signs."""
    bench = GeneratedBench("ppmid")
    keys = write_keys(bench, tmp_path / "keys")
    with bench.device.work():
        bench.device.join_log.put(JoinLogEntry(OTHER, 6))
    pair = pair_of(bench, "CS04AC", "access_control_broker")
    assert pair.command.signature
    (result,) = run(tmp_path, keys, rows_of(pair)).values()
    assert (result["unaided"], result["why"]) == (True, "")


def test_only_what_the_answer_lacks_is_given(tmp_path):
    bench = GeneratedBench("gsme")
    keys = write_keys(bench, tmp_path / "keys")
    with bench.device.work():
        bench.device.zcl.put(AttributePlace(0x0702, 0x0000), 4711)
    (result,) = run(tmp_path, keys, rows_of(pair_of(bench, "GCS13a"))).values()
    assert result["given"] == [{"element": "0702/0000", "value": "4711"}]


def snapshot(number: int) -> dict[str, object]:
    time = f"2026-01-0{number}T00:00:00Z"
    head = {"Snapshot ID": number, "Snapshot Time": time, "Total Snapshots Found": 3, "Snapshot Cause": 1}
    bill = {"Bill To Date": 0, "Bill To Date Time Stamp": "now", "Bill Trailing Digit": 0}
    bill |= {"Projected Bill": 0, "Projected Bill Time Stamp": "now"}
    tiers = {"Number of Tiers in Use": 1, "Tier Summations": [number]}
    return {**head, "Snapshot Payload Type": 0, "Current Summation": number, **bill, **tiers}


def test_what_stands_at_a_place_in_a_log_is_given_at_that_place(tmp_path):
    """Only the third snapshot is asked for; the device finds it behind two others."""
    bench = GeneratedBench("gsme")
    parties = Parties(load_keys(write_keys(bench, tmp_path / "keys")))
    place = CommandPlace(0x0702, True, 0x06)
    with bench.device.work():
        bench.device.records.put(place, [snapshot(number) for number in (1, 2, 3)])
    use_case, header = load_catalogue()["GCS16a"], parse_message(bench.command("GCS16a", "supplier")).header
    (first, *_) = parse_gbz(gbz_payload("GCS16a")).components
    fields = zcl_tables().command(first.cluster, first.command, from_server=False).fields
    asked = {
        "Earliest Start Time": "now",
        "Latest End Time": "now",
        "Snapshot Offset": 2,
        "Snapshot Cause": 1,
    }
    first.payload = write_fields(fields, asked, "GCS16a", Rules())
    payload = build_gbz(GbzPayload([first]))
    octets = bench.protect(use_case, bench.party("supplier"), header.message_code, payload)
    reply = bench.response(octets)
    assert reply is not None
    result = replay(Pair("GCS16a", use_case, octets, parse_message(octets), reply, "gsme"), parties)
    assert (result.structure, result.payload, result.refused) == (True, True, {})
    assert [each.element for each in result.given] == [str(place)]


def rows_of(pair: Pair) -> list[dict[str, str]]:
    return [
        {"name": f"{pair.name}_COMMAND", "hex": pair.octets.hex()},
        {"name": f"{pair.name}_RESPONSE", "hex": build_message(pair.reply).hex()},
    ]


def run(folder: Path, keys: Path, rows: list[dict[str, str]]) -> dict[str, dict]:
    file = folder / "messages.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    answer = CliRunner().invoke(
        replay_command, [str(file), "--keys", str(keys), "--json"], catch_exceptions=False
    )
    return {each["name"]: each for each in json.loads(answer.stdout)["results"]}


def test_what_is_no_message_costs_its_own_command_alone(tmp_path):
    bench = GeneratedBench("esme")
    keys = write_keys(bench, tmp_path / "keys")
    good, no_reply, no_command = (rows_of(pair_of(bench, code)) for code in ("ECS42", "ECS52", "ECS27"))
    no_reply[1]["hex"] = no_reply[1]["hex"][:-2]
    no_command[0]["hex"] = "DF"
    alone = {"name": "ECS99_COMMAND", "hex": "00"}
    results = run(tmp_path, keys, [*good, *no_reply, *no_command, alone])
    assert set(results) == {"ECS42_COMMAND", "ECS52_COMMAND", "ECS27_COMMAND"}
    assert results["ECS42_COMMAND"]["unaided"]
    for name, culprit in (("ECS52_COMMAND", "ECS52_RESPONSE"), ("ECS27_COMMAND", "ECS27_COMMAND")):
        assert not results[name]["structure"]
        assert results[name]["why"].startswith(f"{culprit} is not a message")


def test_a_command_of_no_use_case_costs_its_own_alone(tmp_path):
    bench = GeneratedBench("esme")
    keys = write_keys(bench, tmp_path / "keys")
    good, strange = pair_of(bench, "ECS42"), pair_of(bench, "ECS52")
    header = replace(strange.command.header, message_code=0x7777)
    strange.octets = build_message(replace(strange.command, header=header))
    results = run(tmp_path, keys, rows_of(good) + rows_of(strange))
    assert results["ECS42_COMMAND"]["unaided"]
    assert results["ECS52_COMMAND"]["why"] == "no use case has message code 0x7777"


def test_a_defect_costs_its_own_command_alone(tmp_path, monkeypatch):
    bench = GeneratedBench("esme")
    keys = write_keys(bench, tmp_path / "keys")
    spoiled, good = pair_of(bench, "ECS52"), pair_of(bench, "ECS42")
    handle = Device.handle

    def break_down(self: Device, octets: bytes) -> None:
        if octets == spoiled.octets:
            raise ZeroDivisionError("a defect")
        handle(self, octets)

    monkeypatch.setattr(Device, "handle", break_down)
    results = run(tmp_path, keys, rows_of(spoiled) + rows_of(good))
    assert results["ECS52_COMMAND"]["why"] == "the replay failed: ZeroDivisionError: a defect"
    assert results["ECS42_COMMAND"]["unaided"]


def test_a_certificate_that_the_key_set_lacks_has_a_stand_in(tmp_path):
    parties = Parties(load_keys(write_keys(GeneratedBench("esme"), tmp_path / "keys")))
    holder, key_id = Eui64("90-B3-D5-1F-30-0F-00-0F"), bytes(range(8))
    made = parse_certificate(parties.stand_in(holder, Cell(3, KeyUsage.KEY_AGREEMENT), key_id))
    assert (made.subject_eui, made.key_id, made.role) == (holder, key_id, 3)
    assert made.key_usage == KeyUsage.KEY_AGREEMENT
    root = parse_certificate(parties.stand_in(holder, Cell(0, KeyUsage.KEY_CERT_SIGN), key_id))
    assert (root.subject_eui, root.key_id, root.role) == (None, key_id, 0)


def test_elements_of_one_name_are_numbered_from_the_first():
    assert numbered(["a", "b", "a", "c"]) == ["a#0", "b", "a#1", "c"]
    assert numbered([]) == []
