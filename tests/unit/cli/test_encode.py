"""``hil encode``: commands from named values, protected with the keys of a made-up hierarchy."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from hil.cli import cli
from hil.cli.key_files import load_keys
from hil.pki import DEFAULT_DEVICES, write_hierarchy
from protocols.eui64 import Eui64
from protocols.gbcs.crypto import SecretCache
from protocols.gbcs.keystore import KeyUse
from protocols.gbcs.message import parse_message
from protocols.gbcs.named import build_named, decode_named
from protocols.gbcs.protect import verify_with_keystore
from protocols.ports import ConfigError
from tests.made_messages import command

ESME, GSME = "00-DB-12-34-56-78-90-A0", "00-DB-12-34-56-78-90-A1"
SUPPLIER = Eui64("90-B3-D5-1F-30-01-00-00")


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pki") / "keys"
    write_hierarchy(folder, "hil encode", DEFAULT_DEVICES)
    return folder


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("SMETS_HIL_STATE", str(tmp_path / "state"))


def run(*arguments):
    return CliRunner().invoke(cli, ["encode", *map(str, arguments)])


def encode(*arguments):
    result = run(*arguments)
    assert result.exception is None, result.exception
    return parse_message(bytes.fromhex(result.output))


def verdicts(message, keys):
    found = verify_with_keystore(message, load_keys(keys), SecretCache())
    return found.signature, found.mac


def test_a_read_needs_no_values(keys):
    message = encode("ECS27", "--to", ESME, "--from", "supplier", "--keys", keys, "--counter", 7)
    header = message.header
    assert (header.originator_counter, header.business_originator_id, header.message_code) == (
        7,
        SUPPLIER,
        0x42,
    )
    assert message.payload == command("ECS27", counter=7)
    assert verdicts(message, keys) == ("none", "ok")


def test_counters_go_up_by_themselves(keys):
    first, second = (encode("ECS27", "--to", ESME, "--from", "supplier", "--keys", keys) for _ in range(2))
    assert second.header.originator_counter == first.header.originator_counter + 1


WINDOW = ("--set", "timeRangeStart=2015-01-01T00:00:00Z", "--set", "timeRangeEnd=2015-01-01T00:00:10Z")


def test_critical_commands_are_signed(keys):
    message = encode("ecs70", "--to", ESME, "--from", SUPPLIER, "--keys", keys, *WINDOW)
    assert verdicts(message, keys) == ("ok", "ok")


def test_a_precommand_needs_no_keys():
    message = encode("ECS70", "--to", ESME, "--from", SUPPLIER, "--precommand", *WINDOW)
    assert message.kind == "precommand"


@pytest.mark.parametrize(
    ("sender", "protection"),
    [("access_control_broker", ("none", "ok")), ("supplier", ("ok", "none"))],
)
def test_credentials_are_asked_for_in_two_forms(keys, sender, protection):
    cell = "authorisingRemotePartyTACellIdentifier"
    message = encode(
        *("CS02a", "--to", ESME, "--from", sender, "--keys", keys),
        *("--set", f"{cell}/trustAnchorCellRemotePartyRole=4"),
        *("--set", "trustAnchorCellKeyUsage=keyAgreement"),
        *("--set", "remotePartyRolesCredentialsRequired=[2, 3]"),
    )
    assert verdicts(message, keys) == protection


def test_what_follows_from_header_and_code_is_filled_in(keys):
    firmware = run(
        *("CS06", "--to", ESME, "--from", "supplier", "--keys", keys, "--counter", 9, "--json"),
        *("--set", f"manufacturerImageHash={'AB' * 32}"),
    )
    document = json.loads(firmware.output)["document"]
    assert document["payload"] == {"manufacturerImageHash": "AB" * 32, "originatorCounter": 9}
    replacement = encode(
        *(
            "CS02b",
            "--message-code",
            "0x0104",
            "--to",
            ESME,
            "--from",
            "access-control-broker",
            "--keys",
            keys,
        ),
        *("--set", "newRemotePartyFloorSeqNumber=0", "--set", "replacements=[]"),
        *("--set", "certificationPathCertificates=[]"),
    )
    assert replacement.header.message_code == 0x0104
    assert verdicts(replacement, keys) == ("none", "ok")


def test_gas_commands_have_their_components(keys):
    message = encode(
        *("GCS41", "--to", GSME, "--from", "supplier", "--keys", keys),
        *("--set", "Site ID=31323334353637383930", "--set", "Components/0/Issuer Event ID=5"),
    )
    (component,) = decode_named(message)["payload"]["Components"]
    assert component["Site ID"] == b"1234567890".hex().upper()
    assert verdicts(message, keys) == ("none", "ok")


def test_the_broker_sends_for_a_party_the_device_does_not_know(keys):
    common = ("--to", ESME, "--from", "access_control_broker", "--keys", keys, "--for", "other")
    plain = encode("ECS26n", *common, "--for-counter", 44)
    other = load_keys(keys).with_role(127)[0]
    assert plain.header.supplementary_remote_party_id == other
    assert plain.header.supplementary_remote_party_counter == 44
    assert plain.header.certificate == b""
    assert verdicts(plain, keys) == ("none", "ok")
    dates = ("--set", "fromDateTime=2015-01-01T00:00:00Z", "--set", "toDateTime=2015-01-02T00:00:00Z")
    encrypted = encode("ECS21b", *common, *dates)
    assert encrypted.header.certificate == load_keys(keys).certificate(other, KeyUse.KA)
    assert encrypted.header.supplementary_remote_party_counter == 1
    without = run("ECS21b", "--to", ESME, "--from", SUPPLIER, "--for", ESME, "--precommand")
    assert "the certificate that ECS21b carries" in str(without.exception)


def test_values_from_a_file(tmp_path, keys):
    whole = json.loads(
        run("ECS70", "--to", ESME, "--from", SUPPLIER, "--precommand", *WINDOW, "--json").output
    )
    (tmp_path / "whole.json").write_text(json.dumps(whole["document"]))
    (tmp_path / "payload.json").write_text(json.dumps(whole["document"]["payload"]))
    common = ("ECS70", "--to", ESME, "--from", "supplier", "--keys", keys, "--values")
    made = [encode(*common, tmp_path / name).payload for name in ("whole.json", "payload.json")]
    later = encode(*common, tmp_path / "whole.json", "--set", "timeRangeEnd=2016-01-01T00:00:00Z").payload
    assert made[0][5:] == made[1][5:]  # the octets before have the counter
    assert later[5:] != made[0][5:]


def test_json_has_octets_and_document(keys):
    shown = json.loads(run("ECS27", "--to", ESME, "--from", "supplier", "--keys", keys, "--json").output)
    assert build_named(shown["document"]) == parse_message(bytes.fromhex(shown["octets"]))


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("ECS999",), "no use case 'ECS999'"),
        (("ECS68",), "ECS68 has no command"),
        (("PECS01",), "PECS01 has no command"),
        (("ECS70",), r"timeRangeStart \(SMETS .*\): the value is missing"),
        (("ECS70", "--set", "timeRangeStart"), "no equals sign"),
        (("ECS70", "--set", "colour=1"), "ECS70: no such value"),
        (("ECS70", "--set", "clockBase=five"), "no such value"),
        (("ECS70", "--set", "Time: clockBase=five"), "'five' is not JSON"),
        (("ECS70", "--set", "timeRangeStart=soon"), "no time like"),
        (("ECS70", *WINDOW, "--set", "Time: clockBase=4"), "clockBase"),
        (("CS02b",), "several message codes"),
        (("CS02b", "--message-code", "0x0042"), "is not CS02b's"),
        (("CS02b", "--message-code", "x"), "is not CS02b's"),
        (("ECS27", "--values", "absent.json"), "absent.json"),
        (("CS02c", "--set", "keyUsage=encryption"), "not among"),
        (("CS03C", "--set", "deviceType=9"), "no such value"),
        (("CS02b", "--message-code", "0x0102", "--set", "trustAnchorCellUsage=0"), "missing"),
    ],
)
def test_what_does_not_fit_is_explained(arguments, problem, keys):
    result = run(*arguments, "--to", ESME, "--from", "supplier", "--keys", keys)
    assert isinstance(result.exception, ConfigError), result.output
    import re

    assert re.search(problem, str(result.exception)), result.exception
    assert result.exception.next_step


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--to", ESME, "--from", "supplier"), "no supplier among the keys"),
        (("--to", "x", "--from", str(SUPPLIER)), "--to: 'x' is not an EUI-64"),
        (("--to", ESME, "--from", "nobody"), "--from: 'nobody' is not an EUI-64"),
        (("--to", ESME, "--from", str(SUPPLIER)), "the pair of keys for the MAC is not there"),
    ],
)
def test_missing_keys_are_named(arguments, problem):
    result = run("ECS27", *arguments)
    assert isinstance(result.exception, ConfigError)
    assert problem in str(result.exception)


def test_values_that_are_no_object(tmp_path, keys):
    (tmp_path / "list.json").write_text("[]")
    result = run(
        "ECS27", "--to", ESME, "--from", "supplier", "--keys", keys, "--values", tmp_path / "list.json"
    )
    assert "no JSON object" in str(result.exception)


def test_a_sender_without_authority_is_refused(keys):
    # Use case ECS42 (arm or enable supply) is the supplier's.
    command = ("ECS42", "--to", ESME, "--keys", keys, "--precommand", "--from")
    assert encode(*command, "supplier").kind == "precommand"
    error = run(*command, "network_operator").exception
    assert isinstance(error, ConfigError)
    assert "header.business_originator_id" in str(error)
    assert "network_operator has no authority for ECS42, only supplier" in str(error)


def test_an_ambiguous_name_lists_its_places(keys):
    from hil.cli.settings import apply_setting
    from protocols.gbcs.named.slot import Slot

    slots = [Slot(("a", "x"), "u8", "x"), Slot(("b", "x"), "u8", "x"), Slot(("c", 1, "y"), "u8", "y")]
    with pytest.raises(ConfigError, match="name one place: a/x, b/x"):
        apply_setting({}, slots, "x=1", "ECS27")
    with pytest.raises(ConfigError, match="nothing yet at c/1/y"):
        apply_setting({}, slots, "y=1", "ECS27")
    payload = {}
    apply_setting(payload, slots, "a/x=null", "ECS27")
    assert payload == {"a": {"x": None}}
