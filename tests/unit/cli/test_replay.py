"""``hil replay``: reference replies against fresh emulated devices."""

from __future__ import annotations

import json
from base64 import encodebytes
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fixtures.generated_commands import DEVICE, OTHER, PARTIES, GeneratedBench
from hil.cli.replay import command as replay_command
from hil.replay.pairs import Named, device_types
from protocols.dlms.access import AccessResult
from protocols.gbcs.message import build_message, parse_message
from protocols.ports import ConfigError, StimulusKind
from rigs.emulated.device import Device
from rigs.emulated.join_log import JoinLogEntry

SHARED = Path(__file__).parents[4] / "shared/rtds"
PEM = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n"


def write_keys(bench: GeneratedBench, folder: Path) -> Path:
    """The parties' keys and certificates, and of the device the certificates alone."""
    folder.mkdir()
    identities = [each for name in PARTIES for each in bench.party(name)]
    for each in [*identities, *bench.hierarchy.device(DEVICE)]:
        stem = f"{each.eui64.hex()}-{each.use}"
        text = PEM.format(encodebytes(each.certificate).decode().strip())
        (folder / f"{stem}.pem").write_text(text)
        if each.eui64 != DEVICE:
            key = each.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            (folder / f"{stem}.key").write_bytes(key)
    return folder


class Corpus:
    """A file of commands and replies that a device of ours gave, in whatever state the test put it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: list[dict[str, str]] = []

    def add(self, name: str, bench: GeneratedBench, code: str, role: str = "supplier", change=None) -> None:
        octets = bench.command(code, role)
        reply = bench.response(octets)
        assert reply is not None
        reply = change(reply) if change else reply
        self.rows.append({"name": f"{name}_COMMAND", "hex": octets.hex()})
        self.rows.append({"name": f"{name}_RESPONSE", "hex": build_message(reply).hex()})

    def run(self, keys: Path) -> dict:
        file = self.folder / "messages.jsonl"
        file.write_text("\n".join(map(json.dumps, self.rows)))
        arguments = [str(file), "--keys", str(keys), "--json"]
        answer = CliRunner().invoke(replay_command, arguments, catch_exceptions=False)
        document = json.loads(answer.stdout)
        assert (answer.exit_code == 0) == all(each["structure"] for each in document["results"])
        return document


@pytest.fixture
def corpus(tmp_path):
    return Corpus(tmp_path)


def only(document: dict) -> dict:
    (result,) = document["results"]
    return result


def test_a_status_is_answered_unaided(corpus, tmp_path):
    bench = GeneratedBench("esme")
    corpus.add("ECS42_SUCCESS", bench, "ECS42")
    result = only(corpus.run(write_keys(bench, tmp_path / "keys")))
    assert (result["name"], result["structure"], result["payload"]) == ("ECS42_SUCCESS_COMMAND", True, True)
    assert (result["given"], result["refused"], result["why"], result["unaided"]) == ([], [], "", True)


def test_a_value_is_given_and_listed(corpus, tmp_path):
    bench = GeneratedBench("esme")
    corpus.add("ECS52_SUCCESS", bench, "ECS52")
    result = only(corpus.run(write_keys(bench, tmp_path / "keys")))
    assert result["payload"]
    assert result["given"] == [{"element": "1/0000000201FF/2", "value": "090401020304"}]
    assert not result["unaided"]


def test_an_encrypted_value_is_given_as_plaintext(corpus, tmp_path):
    bench = GeneratedBench("esme")
    bench.device.stimulus(StimulusKind.BUTTON, "consume=4711")
    corpus.add("ECS17b_SUCCESS", bench, "ECS17b")
    result = only(corpus.run(write_keys(bench, tmp_path / "keys")))
    assert result["payload"]
    assert [each["element"] for each in result["given"]] == ["1/00005E2C220A/2"]
    assert result["given"][0]["value"].startswith("0204" + "06" + (4711).to_bytes(4, "big").hex().upper())


def test_a_fault_is_injected_and_listed(corpus, tmp_path):
    bench = GeneratedBench("esme")
    bench.device.faults.refuse("3/00005E2C2AFF/2", AccessResult.HARDWARE_FAULT)
    corpus.add("ECS27_ERROR", bench, "ECS27")
    result = only(corpus.run(write_keys(bench, tmp_path / "keys")))
    assert result["payload"]
    assert result["given"] == []
    assert result["refused"] == [{"element": "3/00005E2C2AFF/2", "result": 1}]


def test_gas_values_and_faults(corpus, tmp_path):
    bench = GeneratedBench("gsme")
    bench.device.stimulus(StimulusKind.BUTTON, "consume=4711")
    corpus.add("GCS13a_SUCCESS", bench, "GCS13a")
    bench.device.faults.refuse("0705>02#1", 0xC0)
    corpus.add("GCS04_ERROR", bench, "GCS04")
    read, failed = corpus.run(write_keys(bench, tmp_path / "keys"))["results"]
    assert (read["payload"], failed["payload"]) == (True, True)
    assert {"element": "0702/0000", "value": "4711"} in read["given"]
    assert failed["refused"] == [{"element": "0705>02#1", "result": 0xC0}]


def test_credentials_come_from_the_key_set(corpus, tmp_path):
    bench = GeneratedBench("esme")
    corpus.add("CS02e_SUCCESS", bench, "CS02e")
    corpus.add("CS07_SUCCESS", bench, "CS07")
    results = corpus.run(write_keys(bench, tmp_path / "keys"))["results"]
    assert [each["unaided"] for each in results] == [True, True]


def test_a_reply_that_nothing_brings_about_is_explained(corpus, tmp_path):
    bench = GeneratedBench("esme")
    corpus.add(
        "ECS42_ODD", bench, "ECS42", change=lambda reply: replace(reply, payload=reply.payload[:-1] + b"\x63")
    )
    corpus.add(
        "ECS27_CUT",
        bench,
        "ECS27",
        change=lambda reply: replace(
            reply, header=replace(reply.header, supplementary_remote_party_id=DEVICE)
        ),
    )
    document = corpus.run(write_keys(bench, tmp_path / "keys"))
    odd, other = document["results"]
    # A result that DLMS does not know is still one that can be injected.
    assert odd["refused"] == [{"element": "9/00000A006AFF/m1", "result": 0x63}]
    assert not other["structure"]
    assert "form of other information" in other["why"]
    assert (document["commands"], document["structure"]) == (2, 1)


def test_the_device_never_sees_the_reply(corpus, tmp_path, monkeypatch):
    """What the device is handed is the command, octet for octet, and nothing else."""
    bench = GeneratedBench("esme")
    corpus.add("ECS52_SUCCESS", bench, "ECS52")
    seen: list[bytes] = []
    handle = Device.handle
    monkeypatch.setattr(Device, "handle", lambda self, octets: (seen.append(octets), handle(self, octets))[1])
    corpus.run(write_keys(bench, tmp_path / "keys"))
    assert {octets.hex() for octets in seen} == {corpus.rows[0]["hex"]}


def test_a_missing_key_spoils_its_command_alone(corpus, tmp_path):
    bench = GeneratedBench("esme")
    corpus.add("ECS52_SUCCESS", bench, "ECS52", role="network_operator")
    corpus.add("ECS42_SUCCESS", bench, "ECS42")
    keys = write_keys(bench, tmp_path / "keys")
    (keys / f"{bench.party('network_operator').eui64.hex()}-ka.key").unlink()
    lost, done = corpus.run(keys)["results"]
    assert (lost["structure"], lost["payload"]) == (False, False)
    assert "no private key" in lost["why"]
    assert done["unaided"]


def test_no_pair_and_no_file_are_errors_of_the_user(tmp_path):
    bench = GeneratedBench("esme")
    keys = write_keys(bench, tmp_path / "keys")
    for text in ("", "{}", '{"name": "x", "hex": "00"}'):
        file = tmp_path / "messages.jsonl"
        file.write_text(text)
        with pytest.raises(ConfigError):
            CliRunner().invoke(replay_command, [str(file), "--keys", str(keys)], catch_exceptions=False)


def test_the_kind_of_a_device_follows_from_what_it_is_sent():
    def sent(kind: str, *codes: str) -> list[Named]:
        bench = GeneratedBench(kind)
        octets = [bench.command(code, "supplier") for code in codes]
        return [Named("", each, parse_message(each)) for each in octets]

    assert device_types(sent("esme", "CS02a", "ECS27")) == {DEVICE: "esme"}
    assert device_types(sent("gsme", "CS02a", "GCS01a")) == {DEVICE: "gsme"}
    assert device_types(sent("sapc", "ECS46d", "CS02f")) == {DEVICE: "sapc"}


def test_an_unjoin_supposes_the_join(corpus, tmp_path):
    """From the command alone, so that success needs nothing from the reply."""
    bench = GeneratedBench("esme")
    with bench.device.work():
        bench.device.join_log.put(JoinLogEntry(OTHER, 6))
    corpus.add("CS04AC_SUCCESS", bench, "CS04AC")
    corpus.add("CS04AC_ERROR", bench, "CS04AC")
    keys = write_keys(bench, tmp_path / "keys")
    done, failed = corpus.run(keys)["results"]
    assert done["unaided"]
    assert failed["refused"] == [{"element": "unjoin", "result": 1}]


@pytest.mark.skipif(not SHARED.exists(), reason="the reference messages (../shared/rtds) are not here")
def test_the_reference_set():
    arguments = [str(SHARED / "messages.jsonl"), "--keys", str(SHARED / "keystore"), "--json"]
    answer = CliRunner().invoke(replay_command, arguments, catch_exceptions=False)
    document = json.loads(answer.stdout)
    assert answer.exit_code == 0
    assert document["commands"] >= 313
    assert document["structure"] == document["commands"]
    assert document["payload"] >= 0.95 * document["commands"]
    unexplained = [each["name"] for each in document["results"] if not each["payload"] and not each["why"]]
    assert not unexplained


@pytest.mark.skipif(not SHARED.exists(), reason="the reference messages (../shared/rtds) are not here")
def test_the_key_set_holds_no_private_key_of_a_device():
    names = {path.name for path in (SHARED / "keystore").iterdir()}
    rows = map(json.loads, (SHARED / "messages.jsonl").read_text().splitlines())
    devices = {
        parse_message(bytes.fromhex(row["hex"])).header.business_target_id.hex()
        for row in rows
        if row["kind"] == "command"
    }
    assert not {f"{device}-{use}.key" for device in devices for use in ("ds", "ka")} & names
