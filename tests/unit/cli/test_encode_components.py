"""``hil encode --set`` for components of gas commands that may be left out or repeated."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from hil.cli import cli
from protocols.errors import EncodeError
from protocols.eui64 import Eui64
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.message import parse_message
from protocols.gbcs.named import decode_named
from protocols.gbcs.named.filling import fill
from protocols.gbcs.named.slots import prepared, slots
from protocols.ports import ConfigError

GSME, SUPPLIER = "00-DB-12-34-56-78-90-A1", "90-B3-D5-1F-30-01-00-00"
EVENTS = "Set Event Configuration"


def run(code, *settings, more=()):
    arguments = ["encode", code, "--to", GSME, "--from", SUPPLIER, "--counter", "7", "--precommand", *more]
    return CliRunner().invoke(cli, [*arguments, *(part for each in settings for part in ("--set", each))])


def components(result):
    assert result.exception is None, result.exception
    return decode_named(parse_message(bytes.fromhex(result.output)))["payload"]["Components"]


def events(number, *codes):
    name = f"{EVENTS}[{number}]" if number else EVENTS
    return [
        f"{name}/Issuer Event ID={number}",
        f"{name}/Event Configuration=1",
        f"{name}/Number of Events={len(codes)}",
        f"{name}/Event IDs={json.dumps(codes)}",
    ]


def header(use_case):
    ends = Eui64(SUPPLIER), Eui64(GSME)
    return GroupingHeader(CraFlag.COMMAND, 7, *ends, use_case.message_codes[0])


def test_a_component_may_be_repeated():
    found = components(run("GCS20", *events(1, 0x8F1D), *events(2, 0x8F1E, 0x8F1F), *events(3)))
    assert [each["Event IDs"] for each in found] == [[0x8F1D], [0x8F1E, 0x8F1F], []]
    assert [each["Transaction Sequence Number"] for each in found] == [0, 1, 2]
    assert [each["Issuer Event ID"] for each in found] == [1, 2, 3]


def test_a_component_that_is_alone_needs_no_number():
    (found,) = components(run("GCS20", *events(0, 5)))
    assert found["Event IDs"] == [5]


def test_values_of_a_file_keep_their_components(tmp_path):
    first = run("GCS20", *events(1, 1), *events(2, 2), more=["--json"])
    document = json.loads(first.output)["document"]
    (tmp_path / "values.json").write_text(json.dumps(document))
    more = ["--values", str(tmp_path / "values.json")]
    found = components(run("GCS20", f"{EVENTS}[2]/Issuer Event ID=9", more=more))
    assert [(each["Issuer Event ID"], each["Event IDs"]) for each in found] == [(1, [1]), (9, [2])]
    found = components(run("GCS20", *events(3, 3), more=more))
    assert [each["Event IDs"] for each in found] == [[1], [2], [3]]
    assert [each["Transaction Sequence Number"] for each in found] == [0, 1, 2]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ([f"{EVENTS}[256]/Issuer Event ID=1"], r"Set Event Configuration\[256\].*1 to 255 of them"),
        ([f"{EVENTS}[0]/Issuer Event ID=1"], r"Set Event Configuration\[0\].*1 to 255 of them"),
        ([f"{EVENTS}[2]/Colour=1"], "no such value"),
        (["Publish Sun[1]/Colour=1"], "no such value"),
        ([f"{EVENTS}[2]/Issuer Event ID=1", "Issuer Event ID=2"], r"\[1\]/Issuer Event ID, .*\[2\]/Issuer"),
        (events(2, 1), r"Components\[0\].Issuer Event ID"),
    ],
)
def test_what_does_not_fit_is_explained(settings, problem):
    error = run("GCS20", *settings).exception
    assert isinstance(error, ConfigError)
    with pytest.raises(ConfigError, match=problem):
        raise error


def test_an_optional_component_is_added_by_its_name():
    use_case = load_catalogue()["GCS05"]
    without = fill(use_case, header(use_case), {})["Components"]
    payload = fill(use_case, header(use_case), {"Publish Week Profile[2]/Week ID": 2})
    commands = [each["Command"] for each in payload["Components"]]
    assert len(commands) == len(without) + 2
    at = commands.index("Publish Week Profile")
    assert payload["Components"][at + 1] == {
        "Cluster": "Calendar",
        "Command": "Publish Week Profile",
        "Frame Control": 9,
        "Transaction Sequence Number": at + 1,
        "Provider ID": 0,
        "Week ID": 2,
    }
    assert payload["Components"][at + 2]["Transaction Sequence Number"] == at + 2


def test_components_of_one_name_are_counted_together():
    use_case = load_catalogue()["GCS04"]
    found = fill(use_case, header(use_case), {f"Change Debt[{n}]/Issuer Event ID": n for n in (1, 2, 3)})
    assert [each["Issuer Event ID"] for each in found["Components"]] == [1, 2, 3]
    assert [each["Debt Amount Type"] for each in found["Components"]] == [1, 3, 5]
    with pytest.raises(EncodeError, match="1 to 3 of them"):
        slots(use_case, header(use_case), ["Change Debt[4]/Issuer Event ID"])


def test_components_that_count_themselves_have_their_numbers():
    use_case = load_catalogue()["GCS15b"]
    payload, _ = prepared(use_case, header(use_case), [])
    offsets = [each["Snapshot Offset"] for each in payload["Components"]]
    assert offsets == [*range(12), *range(12)]


def test_repeats_are_listed():
    result = CliRunner().invoke(cli, ["use-cases", "GCS20"])
    assert f"{EVENTS}: 1 to 255 of them" in result.output
    shown = json.loads(CliRunner().invoke(cli, ["use-cases", "GCS05", "--json"]).output)
    assert {"component": "Publish Week Profile", "least": 0, "most": 2} in shown["repeats"]
