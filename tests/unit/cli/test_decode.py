"""``hil decode``: its published JSON schema, several messages at once, logs, and the octets beside the names."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from hil.cli import cli
from hil.cli.decode_run import _results
from hil.cli.key_files import load_keys
from protocols.eui64 import Eui64
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.message import Message, build_message
from tests.made_messages import firmware_version

REFERENCE = Path(__file__).parents[4] / "shared/rtds"
SUPPLIER = Eui64("90-B3-D5-1F-30-01-00-00")
METER = Eui64("00-DB-12-34-56-78-90-A0")


def octets(code, payload, flag=CraFlag.RESPONSE, *, mac=bytes(12), signature=b""):
    pair = (SUPPLIER, METER) if flag is CraFlag.COMMAND else (METER, SUPPLIER)
    return build_message(Message(GroupingHeader(flag, 5, *pair, code), payload, signature, mac))


VERSION = octets(0x0059, firmware_version())
DEVICES = octets(0x0013, bytes.fromhex("3003020101"))
SIGNED = octets(0x000F, bytes.fromhex("020101"), mac=None, signature=bytes(64))
PRECOMMAND = octets(0x0013, bytes.fromhex("0500"), CraFlag.COMMAND, mac=None, signature=None)
UNKNOWN = octets(0xFFFF, bytes.fromhex("0500"))


@pytest.fixture(scope="module")
def schema():
    loaded = json.loads((files("hil") / "data/decode.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(loaded)
    return jsonschema.Draft202012Validator(loaded)


def run(*arguments, **more):
    return CliRunner().invoke(cli, ["decode", *map(str, arguments)], **more)


@pytest.mark.parametrize("message", [VERSION, DEVICES, SIGNED, PRECOMMAND, UNKNOWN, VERSION[:40]])
def test_the_schema_describes_what_comes_out(schema, message):
    schema.validate(json.loads(run(message.hex(), "--json").output))


def test_the_schema_refuses_what_does_not_come_out(schema):
    tree = json.loads(run(VERSION.hex(), "--json").output)
    for spoilt in (
        tree | {"kind": "letter"},
        tree | {"more": 1},
        {"offset": 1},
        tree | {"named_problem": "x"},
    ):
        assert not schema.is_valid(spoilt)


@pytest.mark.skipif(not REFERENCE.exists(), reason=f"no reference messages in {REFERENCE}")
def test_the_schema_describes_the_reference_messages(schema):
    keystore = load_keys(REFERENCE / "keystore")
    rows = [json.loads(line) for line in (REFERENCE / "messages.jsonl").read_text().splitlines()]
    for row in rows[::7]:
        ((_, tree),) = _results(row["hex"], keystore)
        schema.validate(json.loads(json.dumps(tree)))


def test_several_messages_of_all_forms(tmp_path, schema):
    (tmp_path / "binary").write_bytes(VERSION)
    (tmp_path / "text.hex").write_text(DEVICES.hex(":"))
    result = run(tmp_path / "binary", tmp_path / "text.hex", "-", SIGNED.hex(), input=PRECOMMAND.hex())
    assert result.exit_code == 0
    heads = [line for line in result.output.splitlines() if line and not line.startswith(" ")]
    assert [each.split(" ")[0] for each in heads if "message code" in each] == [
        "ECS52",
        "CS07",
        "CS07",
        "CS04AC",
    ]
    assert f"{tmp_path / 'text.hex'}:" in heads
    shown = json.loads(run(tmp_path / "binary", VERSION.hex()[:50], "--json").output)
    schema.validate(shown)
    assert [each.get("use_case") for each in shown] == ["ECS52", None]
    assert shown[0]["source"].endswith("binary")


LOG = f"""12:00:00 power on, 42 devices
12:00:01 RX GBCS:DATA#1:{len(VERSION)}:{VERSION.hex().upper()}
12:00:02 tx {DEVICES.hex(" ")}  63 octets
{{"name": "x", "hex": "{SIGNED.hex()}"}} and {PRECOMMAND.hex("-")} deadbeef
DDDDDDDD nothing
"""


def test_messages_in_the_text_of_a_log(tmp_path):
    (tmp_path / "bench.log").write_text(LOG)
    shown = json.loads(run(tmp_path / "bench.log", "--json").output)
    assert [(each["source"].rpartition(" ")[2], each["use_case"], each["octets"]) for each in shown] == [
        ("2", "ECS52", len(VERSION)),
        ("3", "CS07", len(DEVICES)),
        ("4", "CS04AC", len(SIGNED)),
        ("4", "CS07", len(PRECOMMAND)),
    ]
    assert json.loads(run("-", "--json", input=LOG).output)[0]["source"] == "standard input line 2"


def test_text_without_messages(tmp_path, schema):
    (tmp_path / "empty.log").write_text("nothing here\n")
    result = run(tmp_path / "empty.log")
    assert result.exit_code == 1
    assert "no message in the text" in result.output
    schema.validate(json.loads(run(tmp_path / "empty.log", "--json").output))


@pytest.mark.parametrize("message", [VERSION, DEVICES, SIGNED, PRECOMMAND])
def test_hex_has_every_octet_once_and_in_order(message):
    output = run(message.hex(), "--hex").output
    lines = output[output.index("\noctets\n") :].splitlines()[2:]
    shown = [(int(line[:7]), bytes.fromhex(line[9:56])) for line in lines]
    assert b"".join(part for _, part in shown) == message
    at = 0
    for offset, part in shown:
        assert offset == at
        at += len(part)
    assert any("business_originator_id" in line for line in lines)


def test_hex_names_the_elements():
    lines = run(DEVICES.hex(), "--hex").output.splitlines()
    assert any(
        line.endswith("readDeviceLogResponseCode = 1 (failure) [GBCS CS07]") and "02 01 01" in line
        for line in lines
    )


def test_elements_have_place_value_and_clause():
    output = run(VERSION.hex()).output
    assert "FirmwareVersion: value = 01020304 [" in output
    assert "readDeviceLogResponseCode = 1 (failure) [GBCS CS07]" in run(DEVICES.hex()).output
    assert "without names" in run(UNKNOWN.hex()).output


@pytest.mark.skipif(not REFERENCE.exists(), reason=f"no reference messages in {REFERENCE}")
def test_parties_go_by_role_where_the_keys_tell():
    output = run(VERSION.hex(), "--keys", REFERENCE / "keystore").output
    assert f"business_target_id: {SUPPLIER} (supplier)" in output
    assert f"business_originator_id: {METER}\n" in output


def test_a_verdict_names_the_keys_it_rests_on(tmp_path):
    keys = tmp_path / "keys"
    made = CliRunner().invoke(
        cli, ["pki", "new", str(keys), "--seed", "decode", "--device", "00-DB-12-34-56-78-90-F0:esme"]
    )
    assert made.exit_code == 0, made.output
    message = CliRunner().invoke(
        cli,
        ["encode", "CS06", "--to", "00-DB-12-34-56-78-90-F0", "--from", "supplier", "--keys", str(keys), "--counter", "7",
         "--set", f"manufacturerImageHash={'AB' * 32}"],
    )  # fmt: skip
    assert message.exit_code == 0, message.output
    shown = CliRunner().invoke(cli, ["decode", message.output.strip(), "--keys", str(keys)])
    assert "mac: ok by ka 90-B3-D5-1F-30-00-00-02 and ka 00-DB-12-34-56-78-90-F0" in shown.output
    assert "signature: ok by ds 90-B3-D5-1F-30-01-00-00" in shown.output
