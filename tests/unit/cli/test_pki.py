"""``hil pki new``: the folder, its rights, and that others can use it."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from hil import pki
from hil.cli import cli
from hil.cli.key_files import load_keys
from hil.keys import load_keys as load_rig_keys
from hil.rigfile import load_rig
from hil.state_steps import TYPE_2
from protocols.eui64 import Eui64
from protocols.gbcs.crypto import SecretCache, shared_secret, sign, verify_signature
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.keystore import KeyUse, keystore_from_files
from protocols.gbcs.message import Message, build_message
from protocols.gbcs.protect import protect, verify_with_keystore
from protocols.ports import ConfigError
from protocols.smki import NAMED_PARTIES, Hierarchy, verify_certificate
from tests.made_messages import command

ESME = Eui64("00-DB-12-34-56-78-90-A0")
SUPPLIER = Eui64("90-B3-D5-1F-30-01-00-00")
DEVICE_FILES = Path(__file__).parents[3] / "rigs" / "devices"
BROKER = Eui64("90-B3-D5-1F-30-00-00-02")
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")


def run(*arguments):
    return CliRunner().invoke(cli, ["pki", "new", *map(str, arguments)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("pki") / "keys"
    result = run(made, "--seed", "unit tests")
    assert result.exit_code == 0, result.output
    return made


@pytest.fixture(scope="module")
def store(folder):
    return keystore_from_files({file.name: file.read_bytes() for file in folder.iterdir()})


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_every_party_reads_back_with_its_keys_and_role(store):
    for eui64, role in NAMED_PARTIES.values():
        assert store.role_of(eui64) == role
        assert store.public(eui64, KeyUse.DS)
    suppliers = store.with_role(2)
    assert len(suppliers) == 2
    for eui64 in suppliers:
        assert store.private(eui64, KeyUse.PP_KA)
    assert {store.role_of(entry.eui64) for entry in store} == {None, 1, 2, 3, 4, 5, 6, 8, 127}
    assert {entry.eui64 for entry in store if entry.role is None} == set(pki.DEFAULT_DEVICES)
    assert store.problems == []


def test_devices_are_those_of_the_device_files_but_for_type_2():
    files = [tomllib.loads(file.read_text()) for file in DEVICE_FILES.glob("*.toml")]
    described = {Eui64(file["eui64"]): file["type"] for file in files}
    assert {"hcalcs", "sapc", "ihd"} <= set(described.values())
    without = {eui64: kind for eui64, kind in described.items() if kind not in TYPE_2}
    assert without == pki.DEFAULT_DEVICES


def test_every_private_key_belongs_to_its_certificate(store):
    for entry in store:
        assert entry.private
        assert entry.certificate
        public = store.public(entry.eui64, entry.use)
        assert verify_signature(public, b"x", sign(entry.private, b"x"))


def test_the_keys_are_those_of_the_seed(store):
    hierarchy = Hierarchy("unit tests")
    assert store.certificate(SUPPLIER, KeyUse.PP_KA) == hierarchy.organisation("supplier").pp_ka.certificate
    assert store.certificate(ESME, KeyUse.KA) == hierarchy.device(ESME).ka.certificate
    for entry in store:
        verify_certificate(entry.certificate, hierarchy.authorities)


def test_messages_verify_with_the_folder(folder):
    keys = load_keys(folder)
    private, public = keys.private(BROKER, KeyUse.KA), keys.public(ESME, KeyUse.KA)
    header = GroupingHeader(CraFlag.COMMAND, 1, SUPPLIER, ESME, 0x0059)
    made = protect(
        Message(header, command("ECS52", counter=1)),
        signer=keys.private(SUPPLIER, KeyUse.DS),
        mac_z=shared_secret(private, public),
    )
    verdicts = verify_with_keystore(made, keys, SecretCache())
    assert (verdicts.mac, verdicts.signature) == ("ok", "ok")
    decoded = CliRunner().invoke(cli, ["decode", build_message(made).hex(), "--keys", str(folder)])
    assert "mac: ok" in decoded.output
    assert "signature: ok" in decoded.output


def test_a_rig_can_use_the_folder(folder, tmp_path):
    (tmp_path / "esme.toml").write_text(
        'eui64 = "00-DB-12-34-56-78-90-A0"\ntype = "esme"\nfirmware_version = "01020304"\n'
    )
    rig = tmp_path / "rig.toml"
    rig.write_text(
        f'schema = 1\nname = "desk"\n[keys]\nfolder = "{folder}"\n'
        '[nodes.supplier]\nkind = "user"\nrole = "supplier"\neui64 = "90-B3-D5-1F-30-01-00-00"\n'
        '[nodes.acb]\nkind = "user"\nrole = "access_control_broker"\neui64 = "90-B3-D5-1F-30-00-00-02"\n'
        '[nodes.esme]\nkind = "device"\ndevice = "esme.toml"\n'
        '[nodes.esme.ports.serial]\ndriver = "serial"\nurl = "/dev/null"\n'
    )
    loaded = load_rig(rig)
    keys = load_rig_keys(loaded)
    assert keys.private(loaded.users["supplier"], KeyUse.DS)
    assert len(keys.mac_secret(loaded.users["acb"], ESME, "esme")) == 32


@needs_openssl
def test_openssl_verifies_every_certificate(folder):
    devices = {eui64.hex() for eui64 in pki.DEFAULT_DEVICES}
    for prefix, chosen in (("", False), ("device-", True)):
        files = [
            file.name
            for file in folder.glob("*-*.pem")
            if file.name[:1] in "09" and (file.name[:16] in devices) is chosen
        ]
        assert len(files) == (2 * len(devices) if chosen else 20)
        chain = ["-CAfile", f"{prefix}root.pem", "-untrusted", f"{prefix}issuing.pem"]
        done = subprocess.run(
            ["openssl", "verify", *chain, *files], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.count(": OK") == len(files)


@needs_openssl
def test_openssl_reads_a_private_key(folder):
    command = ["openssl", "pkey", "-in", f"{ESME.hex()}-ds.key", "-pubout"]
    public = subprocess.run(command, cwd=folder, capture_output=True, check=True).stdout
    command = ["openssl", "x509", "-in", f"{ESME.hex()}-ds.pem", "-pubkey", "-noout"]
    assert subprocess.run(command, cwd=folder, capture_output=True, check=True).stdout == public


def test_private_keys_are_for_their_owner_alone(folder):
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
    assert {mode for name, mode in modes.items() if name.endswith(".key")} == {0o600}
    # The contingency key has no certificate of its own.
    assert sum(name.endswith(".key") for name in modes) == sum(name.endswith(".pem") for name in modes) + 1
    assert modes["contingency.hex"] == 0o600
    assert not any(b"PRIVATE KEY" in file.read_bytes() for file in folder.glob("*.pem"))


def test_the_readme_says_what_the_keys_are_for(folder):
    text = (folder / "README.txt").read_text()
    assert text.startswith("TEST KEYS ONLY")
    assert "unit tests" not in text  # whoever may read this file must not learn the seed
    for eui64, name in pki.DEFAULT_DEVICES.items():
        assert f"{eui64.hex()}  {name}" in text
    assert f"{SUPPLIER.hex()}  supplier (role 2)" in text


def test_equal_seeds_give_equal_files(folder, tmp_path):
    run(tmp_path / "again", "--seed", "unit tests")
    assert contents(tmp_path / "again") == contents(folder)


def test_a_random_seed_is_printed_and_reproduces(tmp_path):
    device = "00-db-12-34-56-78-90-ff:HCALCS"
    first = run(tmp_path / "first", "--device", device)
    seed = first.output.split("seed: ")[1].strip()
    assert len(seed) == 32
    run(tmp_path / "second", "--seed", seed, "--device", device)
    assert contents(tmp_path / "first") == contents(tmp_path / "second")
    assert (tmp_path / "first" / "00db1234567890ff-ka.pem").exists()
    assert not (tmp_path / "first" / f"{ESME.hex()}-ka.pem").exists()
    assert seed not in run(tmp_path / "third").output


@pytest.mark.parametrize("kind", ["folder", "file", "dangling link"])
def test_nothing_is_overwritten(tmp_path, kind):
    target = tmp_path / "there"
    if kind == "folder":
        target.mkdir()
    elif kind == "file":
        target.write_text("mine")
    else:
        target.symlink_to(tmp_path / "nowhere")
    result = run(target)
    assert isinstance(result.exception, ConfigError)
    assert "there already" in str(result.exception)
    assert list(tmp_path.iterdir()) == [target]


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    left = iter(range(20))

    def full(descriptor, mode):
        if next(left) == 10:
            raise OSError(28, "No space left on device")
        return real(descriptor, mode)

    real = os.fdopen
    monkeypatch.setattr(pki.os, "fdopen", full)
    result = run(tmp_path / "keys")
    assert isinstance(result.exception, ConfigError)
    assert "No space left" in str(result.exception)
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_appears_meanwhile_is_kept(tmp_path, monkeypatch):
    made = pki.hierarchy_files

    def slowly(*arguments):
        (tmp_path / "keys").mkdir()
        yield from made(*arguments)

    monkeypatch.setattr(pki, "hierarchy_files", slowly)
    result = run(tmp_path / "keys")
    assert isinstance(result.exception, ConfigError)
    assert list(tmp_path.iterdir()) == [tmp_path / "keys"]
    assert list((tmp_path / "keys").iterdir()) == []


def test_an_absent_parent_is_named(tmp_path):
    result = run(tmp_path / "absent" / "keys")
    assert isinstance(result.exception, ConfigError)
    assert "No such file" in str(result.exception)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--device", "00-DB-12-34-56-78-90-A0"], "colon"),
        (["--device", "00-DB-12-34-56-78-90-A0:toaster"], "toaster"),
        (["--device", "00-DB:esme"], "EUI-64"),
        (["--device", "00DB1234567890A0:esme", "--device", "00-DB-12-34-56-78-90-A0:gsme"], "twice"),
        (["--seed", ""], "printable"),
    ],
)
def test_wrong_arguments(tmp_path, arguments, text):
    result = run(tmp_path / "keys", *arguments)
    assert result.exit_code == 2
    assert text in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_device_may_not_have_a_partys_identifier(tmp_path):
    result = run(tmp_path / "keys", "--device", f"{SUPPLIER}:esme")
    assert isinstance(result.exception, ConfigError)
    assert "supplier" in str(result.exception)


def test_the_installed_command_has_it(tmp_path):
    command = [sys.executable, "-m", "hil", "pki", "new", str(tmp_path / "keys"), "--seed", "x"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "seed: x" in done.stdout
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 2
    assert "there already" in again.stderr
