"""What commands take: every use case has its list, and what the use case fixes is what commands carry."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.message import Message, parse_message
from protocols.gbcs.named import build_named, decode_named
from protocols.gbcs.named.slots import put, slots, template
from tests import made_messages

REFERENCE = Path(__file__).parents[4] / "shared/rtds"
METER = Eui64("00-DB-12-34-56-78-90-A0")
SUPPLIER = Eui64("90-B3-D5-1F-30-01-00-00")
# Use cases whose components may stand there several times, so that later ones move.
REPEATING = {"GCS01a", "GCS05"}


def header(code, counter=5):
    return GroupingHeader(CraFlag.COMMAND, counter, METER, METER, code)


def commands():
    return [each for each in load_catalogue() if each.payload_kind and not each.is_alert]


@pytest.mark.parametrize("use_case", commands(), ids=lambda use_case: use_case.code)
def test_values_have_a_place_of_their_own(use_case):
    for code in use_case.message_codes:
        found = slots(use_case, header(code))
        places = [slot.place for slot in found]
        assert len(set(places)) == len(places)
        for slot in found:
            assert slot.name
            assert slot.type
            assert slot.fixed is None or slot.is_text == isinstance(slot.fixed, str) or slot.type == "head"
        json.dumps(template(use_case, header(code)))


def test_some_templates_by_hand():
    catalogue = load_catalogue()
    assert template(catalogue["ECS27"], header(0x0042)) == {"elements": {}}
    assert template(catalogue["CS07"], header(0x0013)) == {}
    assert template(catalogue["CS03B"], header(0x000E)) == {"joinMethodAndRole": 2}
    assert template(catalogue["CS02b"], header(0x0107, 9))["authorisingRemotePartyControl"] == {
        "credentialsReplacementMode": 7,
        "authorisingRemotePartySeqNumber": 9,
    }
    (component,) = template(catalogue["GCS38"], header(0x0084))["Components"]
    assert component["Command"] == "Read Attributes"
    assert len(component["Attributes"]) == 1


def test_putting_values_into_place():
    values = {}
    put(values, ("a", 0, "b"), 1)
    put(values, ("a", 0, "c"), 2)
    put(values, ("a", 1), 3)
    put(values, ("a", 1), 4)
    assert values == {"a": [{"b": 1, "c": 2}, 4]}
    with pytest.raises(IndexError):
        put(values, ("a", 5), 1)


def test_a_use_case_builds_its_command_and_reads_its_answer():
    set_clock = load_catalogue()["ECS70"]
    window = {"timeRangeStart": "2015-01-01T00:00:00Z", "timeRangeEnd": "2015-01-01T00:00:10Z"}
    command = set_clock.command(SUPPLIER, METER, 5, window)
    start = datetime(2015, 1, 1, tzinfo=UTC)
    assert command.payload == made_messages.command(
        "ECS70", validity_start=start, validity_end=start + timedelta(seconds=10)
    )
    assert command.kind == "precommand"
    assert set_clock.values(command)["elements"]["Time: setTime"] == 0

    registers = load_catalogue()["ECS52"]
    header = GroupingHeader(CraFlag.RESPONSE, 5, METER, SUPPLIER, 0x0059)
    response = Message(header, made_messages.firmware_version())
    assert registers.values(response)["elements"] == {"FirmwareVersion: value": "01020304"}
    assert registers.elements(response)[-1]["value"] == "01020304"
    with pytest.raises(DecodeError, match="0059 is not ECS70's"):
        set_clock.values(response)


@pytest.mark.parametrize(
    ("code", "values", "more", "element"),
    [
        ("ECS70", {}, {}, "timeRangeStart"),
        ("ECS70", {"colour": 1}, {}, "colour"),
        ("ECS70", {"timeRangeStart": 5}, {}, "timeRangeStart"),
        ("ECS70", {}, {"message_code": 0x42}, "message_code"),
        ("ECS68", {}, {}, "ECS68"),
        ("CS05a", {}, {}, "CS05a"),
        ("CS03B", {"joinMethodAndRole": 3}, {}, "otherDeviceEntityIdentifier"),
    ],
)
def test_a_use_case_refuses_values_by_name(code, values, more, element):
    with pytest.raises(EncodeError) as caught:
        load_catalogue()[code].command(SUPPLIER, METER, 5, values, **more)
    assert caught.value.element.endswith(element)


def differences(expected, found, path=""):
    """Places where a template says something else than a document."""
    if isinstance(expected, dict):
        for key, value in expected.items():
            yield from (
                [f"{path}/{key}"] if key not in found else differences(value, found[key], f"{path}/{key}")
            )
    elif isinstance(expected, list) and expected and isinstance(expected[0], dict):
        for index, value in enumerate(expected):
            yield from differences(value, found[index], f"{path}/{index}")
    elif expected != found:
        yield path


@pytest.mark.skipif(not REFERENCE.exists(), reason=f"no reference messages in {REFERENCE}")
def test_reference_commands_have_what_is_fixed():
    counts = Counter()
    for line in (REFERENCE / "messages.jsonl").read_text().splitlines():
        row = json.loads(line)
        message = parse_message(bytes.fromhex(row["hex"]))
        if message.header.cra_flag is not CraFlag.COMMAND:
            continue
        use_case = load_catalogue().by_message_code(message.header.message_code, CraFlag.COMMAND)
        document = decode_named(message)
        values = template(use_case, message.header)
        if use_case.code not in REPEATING:
            assert list(differences(values, document["payload"])) == [], row["name"]
        if values == document["payload"]:
            # The use case fixes everything: its template is the whole command.
            assert build_named(document | {"payload": values}).payload == message.payload
            counts["whole"] += 1
        counts["commands"] += 1
    assert counts["commands"] == 524
    assert counts["whole"] >= 131
