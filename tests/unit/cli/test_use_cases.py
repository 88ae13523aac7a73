"""``hil use-cases``: the list, its filters, one use case with the values of its command."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from hil.cli import cli
from protocols.gbcs.catalogue import load_catalogue
from protocols.ports import ConfigError


def run(*arguments):
    return CliRunner().invoke(cli, ["use-cases", *arguments])


def listed(output):
    return [line.split(" ")[0] for line in output.splitlines()[1:-1]]


def test_all_are_listed():
    output = run().output
    assert listed(output) == [each.code for each in load_catalogue()]
    assert "229 use cases" in output
    assert "ECS70       0062          esme" in output


def test_filters():
    hubs = listed(run("--device", "CHF").output)
    assert "CCS01" in hubs
    assert "ECS70" not in hubs
    both = listed(run("--device", "esme", "--role", "network_operator").output)
    assert both
    for code in both:
        use_case = load_catalogue()[code]
        assert "esme" in use_case.devices
        assert "network_operator" in use_case.roles
    nobody = run("--device", "toaster")
    assert isinstance(nobody.exception, ConfigError)
    assert "known names are chf" in str(nobody.exception)


@pytest.mark.parametrize("code", ["ECS70", "ecs70", "0x0062"])
def test_one_use_case(code):
    output = run(code).output
    assert output.startswith("ECS70 Set Clock on ESME (GBCS 4.5)\n")
    assert "critical                   yes" in output
    assert "elements/Time: clockBase: enum; always 5" in output
    assert "timeRangeStart: date-time; SMETS" in output


def test_inferred_cells_are_marked():
    output = run("ECS08").output
    assert "protected against replay*  yes" in output
    assert "* inferred" in output
    assert "*" not in run("ECS27").output


def test_as_json():
    rows = json.loads(run("--json").output)
    assert len(rows) == 229
    assert rows[0]["message_codes"] == ["0x0001"]
    shown = json.loads(run("CS03B", "--json").output)
    assert (shown["code"], shown["gbcs"]) == ("CS03B", "4.5")
    method, device, kind, certificate = shown["command"]
    assert (method["place"], method["fixed"]) == ("joinMethodAndRole", 2)
    assert device["type"] == "OCTET STRING"
    assert "3 gpf" in kind["choices"]
    assert certificate["optional"]
    firmware = json.loads(run("CS06", "--json").output)["command"]
    assert firmware[1]["choices"] == "the Originator Counter"


def test_alerts_and_messages_on_the_network_have_no_command():
    for code in ("ECS68", "PECS01"):
        assert "command values" not in run(code).output
        assert "command" not in json.loads(run(code, "--json").output)


def test_replacement_modes_follow_from_the_message_code():
    rows = json.loads(run("CS02b", "--json").output)["command"]
    assert rows[0]["choices"].startswith("as the message code")
    assert "fixed" not in rows[0]


@pytest.mark.parametrize(("code", "near"), [("ECS7O", "ECS70"), ("0x9999", "hil use-cases"), ("0xzz", "")])
def test_unknown_ones(code, near):
    result = run(code)
    assert isinstance(result.exception, ConfigError)
    assert near in str(result.exception)


def test_every_use_case_can_be_shown():
    for use_case in load_catalogue():
        result = run(use_case.code)
        assert result.exit_code == 0, use_case.code
        assert result.output.startswith(use_case.code)
