"""``hil decode`` and ``hil corpus`` on messages made here."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hil.cli import cli
from hil.cli.key_files import octets_from_text
from protocols.errors import DecodeError
from protocols.eui64 import Eui64
from protocols.gbcs.crypto import shared_secret
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.message import Message, build_message
from protocols.gbcs.protect import protect
from protocols.ports import ConfigError
from tests.made_messages import firmware_version

SUPPLIER = Eui64("90-B3-D5-1F-30-01-00-00")
METER = Eui64("00-DB-12-34-56-78-90-A0")


@pytest.fixture
def folder(tmp_path):
    """Keys of a meter and a supplier, and a response between them."""
    supplier, meter = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    keys = tmp_path / "keys"
    keys.mkdir()
    pkcs8 = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    spki = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (keys / f"{SUPPLIER.hex()}-ka.key").write_bytes(supplier.private_bytes(*pkcs8))
    (keys / f"{METER.hex()}-ka.pem").write_bytes(meter.public_key().public_bytes(*spki))
    header = GroupingHeader(CraFlag.RESPONSE, 5, METER, SUPPLIER, 0x0059)
    made = protect(Message(header, firmware_version()), mac_z=shared_secret(meter, supplier.public_key()))
    (tmp_path / "good.HEX").write_text(build_message(made).hex(" "))
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(cli, [str(each) for each in arguments])


def spoil(text):
    return text[:-1] + ("0" if text[-1] != "0" else "1")


def test_decode_shows_names_and_verdicts(folder):
    result = run("decode", folder / "good.HEX", "--keys", folder / "keys")
    assert result.exit_code == 0
    assert result.output.startswith("ECS52 ")
    assert "FirmwareVersion" in result.output
    assert "mac: ok" in result.output


def test_decode_takes_digits_octets_and_standard_input(folder):
    text = (folder / "good.HEX").read_text()
    (folder / "binary").write_bytes(bytes.fromhex(text))
    plain = run("decode", text.replace(" ", ""))
    assert plain.exit_code == 0
    assert "mac: not checked" in plain.output
    assert run("decode", folder / "binary").output == plain.output
    assert CliRunner().invoke(cli, ["decode", "-"], input=text).output == plain.output


def test_decode_as_json(folder):
    tree = json.loads(run("decode", folder / "good.HEX", "--keys", folder / "keys", "--json").output)
    assert (tree["use_case"], tree["mac"]["verdict"]) == ("ECS52", "ok")
    assert tree["named"]["payload"]["elements"] == {"FirmwareVersion: value": "01020304"}


def test_decode_fails_on_a_wrong_mac_and_on_cut_octets(folder):
    text = (folder / "good.HEX").read_text()
    wrong = run("decode", spoil(text), "--keys", folder / "keys")
    assert wrong.exit_code == 1
    assert "mac: bad" in wrong.output
    cut = run("decode", text[:60])
    assert cut.exit_code == 1
    assert "octet" in cut.output
    problem = json.loads(run("decode", text[:60], "--json").output)
    assert set(problem) == {"offset", "path", "problem"}


def test_decode_names_a_file_that_is_not_there(folder):
    result = run("decode", folder / "absent.hex")
    assert isinstance(result.exception, ConfigError)
    assert "absent.hex" in str(result.exception)


def test_corpus_of_a_folder(folder):
    (folder / "more").mkdir()
    (folder / "more" / "bad.hex").write_text(spoil((folder / "good.HEX").read_text()))
    (folder / "more" / "cut.HEX").write_text((folder / "good.HEX").read_text()[:90])
    (folder / "more" / "odd.HEX").write_text("DDx0")
    result = run("corpus", folder, "--keys", folder / "keys", "--json")
    assert result.exit_code == 1
    counts = json.loads(result.output)
    assert (counts["messages"], counts["parsed"], counts["reencoded"]) == (4, 2, 2)
    assert counts["mac"] == {"ok": 1, "bad": 1, "no_key": 0, "none": 0}
    assert (counts["built"], counts["unnamed"], counts["rule_breakers"]) == (2, [], [])
    failures = {failure["name"]: failure for failure in counts["failures"]}
    assert set(failures) == {"more/bad.hex", "more/cut.HEX", "more/odd.HEX"}
    length = len(bytes.fromhex((folder / "good.HEX").read_text()))
    assert (failures["more/bad.hex"]["offset"], failures["more/bad.hex"]["path"]) == (
        length - 12,
        "message.mac",
    )
    assert failures["more/cut.HEX"]["offset"] == 30
    assert failures["more/odd.HEX"]["offset"] == 1


def test_corpus_that_only_verifies(folder):
    (folder / "bad.hex").write_text(spoil((folder / "good.HEX").read_text()))
    (folder / "cut.HEX").write_text((folder / "good.HEX").read_text()[:90])
    result = run("corpus", folder, "--keys", folder / "keys", "--verify-only", "--json")
    assert result.exit_code == 1
    counts, full = (
        json.loads(result.output),
        json.loads(run("corpus", folder, "--keys", folder / "keys", "--json").output),
    )
    assert (counts["parsed"], counts["reencoded"], counts["built"]) == (2, 0, 0)
    for what in ("messages", "parsed", "mac", "signature", "encrypted", "kinds", "failures"):
        assert counts[what] == full[what]
    text = run("corpus", folder, "--keys", folder / "keys", "--verify-only").output
    assert "3 messages: 2 parsed\n" in text
    assert "built" not in text


def test_corpus_of_json_lines(folder):
    text = (folder / "good.HEX").read_text()
    lines = folder / "messages.jsonl"
    lines.write_text(json.dumps({"name": "first", "hex": text}) + "\n\n" + json.dumps({"hex": text}) + "\n")
    good = run("corpus", lines, "--keys", folder / "keys")
    assert good.exit_code == 0
    assert "2 messages: 2 parsed, 2 re-encoded alike" in good.output
    assert "2 response" in good.output
    assert "2 built from named values, 0 elements without a name" in good.output
    lines.write_text(json.dumps({"name": "first", "hex": spoil(text)}))
    bad = run("corpus", lines, "--keys", folder / "keys")
    assert bad.exit_code == 1
    assert "FAILURE first: octet" in bad.output


@pytest.mark.parametrize("content", ["not json", '{"name": "x"}', "[]", ""])
def test_other_files_are_no_corpus(folder, content):
    lines = folder / "other.jsonl"
    lines.write_text(content)
    result = run("corpus", lines)
    assert isinstance(result.exception, ConfigError)
    assert "other.jsonl" in str(result.exception)


def test_bad_keys_and_absent_paths_are_named(folder):
    (folder / "keys" / f"{METER.hex()}-ds.key").write_text("nothing")
    for arguments in (
        ("--keys", folder / "keys"),
        ("--keys", folder / "absent"),
        ("--keys", folder / "good.HEX"),
    ):
        result = run("corpus", folder, *arguments)
        assert isinstance(result.exception, ConfigError)
        assert str(arguments[1]) in str(result.exception)
    assert isinstance(run("corpus", folder / "absent").exception, ConfigError)


def test_hex_digits_may_be_grouped():
    assert octets_from_text("0xDD 00:01-02\n") == bytes.fromhex("DD000102")
    with pytest.raises(DecodeError, match="odd"):
        octets_from_text("DD0")


def test_decode_loads_nothing_heavy(folder):
    script = (
        "import sys; from hil.cli import cli\n"
        f"cli.main(['decode', {str(folder / 'good.HEX')!r}, '--keys', {str(folder / 'keys')!r}], standalone_mode=False)\n"
        "heavy = {'asn1tools', 'asyncio', 'pydantic', 'pytest', '_pytest', 'lxml', 'rich', 'jinja2', 'serial', 'sqlite3'}\n"
        "found = [name for name in sys.modules if name.split('.')[0] in heavy or 'x509' in name]\n"
        "print('HEAVY', found)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "HEAVY []" in done.stdout
