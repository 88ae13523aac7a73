"""Keys of a rig: from a seed, from the files of a test PKI, from device files."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hil.keys import load_keys
from hil.rigfile import load_rig
from protocols.eui64 import Eui64
from protocols.gbcs.crypto import shared_secret
from protocols.gbcs.keystore import KeyUse
from protocols.ports import ConfigError
from protocols.smki import Hierarchy

RTDS = Path("/work/shared/rtds/keystore")
SUPPLIER = Eui64("90-B3-D5-1F-30-01-00-00")
ESME = Eui64("00-DB-12-34-56-78-90-A0")

RIG = """
schema = 1
name = "keys"
[keys]
KEYS
[nodes.supplier]
kind = "user"
role = "supplier"
eui64 = "90-B3-D5-1F-30-01-00-00"
[nodes.esme]
kind = "device"
device = "esme.toml"
emulated = false
[nodes.esme.ports.serial]
driver = "serial"
url = "/dev/ttyUSB0"
"""
DEVICE = f'type = "esme"\neui64 = "{ESME}"\nfirmware_version = "02000001"\n'


@pytest.fixture
def rig(tmp_path):
    def write(keys, device=DEVICE, *, emulated=False):
        (tmp_path / "esme.toml").write_text(device)
        text = RIG.replace("KEYS", keys).replace("emulated = false", f"emulated = {str(emulated).lower()}")
        (tmp_path / "rig.toml").write_text(text)
        return load_rig(tmp_path / "rig.toml", {})

    return write


def _key_file(private):
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture
def folder(tmp_path):
    """A test PKI's folder: the supplier's and the meter's files under the names that the DCC's tools give them."""
    path = tmp_path / "pki"
    path.mkdir()
    hierarchy = Hierarchy("somebody else's")
    for identity in (*hierarchy.organisation(SUPPLIER, 2), *hierarchy.device(ESME)):
        name = f"{identity.eui64.hex()}-{identity.use.value}"
        (path / f"{name}.pem").write_bytes(identity.certificate)
        if identity.role is not None:
            (path / f"{name}.key").write_bytes(_key_file(identity.private))
    return path


def test_a_seed_makes_everything_but_gives_the_bench_no_device_keys(rig):
    opened = rig('seed = "s"', emulated=True)
    keys = load_keys(opened)
    user = opened.users["supplier"]
    made = Hierarchy("s").organisation(SUPPLIER, 2)
    assert keys.private(user, KeyUse.DS).private_numbers() == made.ds.private.private_numbers()
    assert keys.keystore.certificate(SUPPLIER, KeyUse.PP_KA) == made.pp_ka.certificate
    assert keys.keystore.role_of(SUPPLIER) == 2
    assert keys.keystore.private(ESME, KeyUse.KA) is None
    meter = Hierarchy("s").device(ESME)
    assert keys.mac_secret(user, ESME, "nodes.esme") == shared_secret(meter.ka.private, made.ka.public)


def test_a_folder_of_a_test_pki(rig, folder):
    opened = rig(f'folder = "{folder.name}"')
    keys = load_keys(opened)
    theirs = Hierarchy("somebody else's")
    assert keys.hierarchy is None
    assert keys.private(opened.users["supplier"], KeyUse.KA).private_numbers() == (
        theirs.organisation(SUPPLIER, 2).ka.private.private_numbers()
    )
    assert (
        keys.public(ESME, KeyUse.DS, "esme").public_numbers()
        == theirs.device(ESME).ds.public.public_numbers()
    )


def test_files_come_before_the_seed(rig, folder):
    keys = load_keys(rig(f'seed = "s"\nfolder = "{folder.name}"'))
    theirs = Hierarchy("somebody else's").organisation(SUPPLIER, 2)
    assert keys.keystore.certificate(SUPPLIER, KeyUse.DS) == theirs.ds.certificate


def test_certificates_named_in_a_device_file(rig, folder, tmp_path):
    for use in ("ds", "ka"):
        shutil.copy(folder / f"{ESME.hex()}-{use}.pem", tmp_path / f"{use}.der")
    device = DEVICE + '[certificates]\nds = "ds.der"\nka = "ka.der"\n'
    keys = load_keys(rig('seed = "s"', device))
    theirs = Hierarchy("somebody else's").device(ESME)
    assert keys.public(ESME, KeyUse.KA, "esme").public_numbers() == theirs.ka.public.public_numbers()
    (tmp_path / "ka.der").write_bytes(b"no certificate")
    shutil.copy(folder / f"{SUPPLIER.hex()}-ka.pem", tmp_path / "ka.der")
    with pytest.raises(ConfigError, match="the certificate names 90b3d51f30010000"):
        load_keys(rig('seed = "s"', device))
    (tmp_path / "ka.der").write_bytes(b"no certificate")
    with pytest.raises(ConfigError, match=r"ka\.der: the certificate of nodes\.esme cannot be used"):
        load_keys(rig('seed = "s"', device))


def test_missing_keys_name_the_file_that_would_bring_them(rig, folder):
    (folder / f"{SUPPLIER.hex()}-ds.key").unlink()
    opened = rig(f'folder = "{folder.name}"')
    keys = load_keys(opened)
    with pytest.raises(ConfigError, match=f"put {SUPPLIER.hex()}-ds.key into the folder"):
        keys.private(opened.users["supplier"], KeyUse.DS)
    with pytest.raises(ConfigError, match="no ka certificate of 00-00"):
        keys.public(Eui64(bytes(8)), KeyUse.KA, "nodes.gsme")
    for key in folder.glob("*.key"):
        key.unlink()
    with pytest.raises(ConfigError, match=r"nodes\.supplier: no private key"):
        load_keys(opened)


def test_a_seed_fills_in_what_a_folder_lacks(rig, folder):
    for file in folder.glob(f"{SUPPLIER.hex()}-ka.*"):
        file.unlink()
    opened = rig(f'seed = "s"\nfolder = "{folder.name}"')
    keys = load_keys(opened)
    user = opened.users["supplier"]
    assert (
        keys.keystore.certificate(SUPPLIER, KeyUse.KA)
        == Hierarchy("s").organisation(SUPPLIER, 2).ka.certificate
    )
    assert keys.private(user, KeyUse.KA) is not None


def test_what_is_no_key_is_named(rig, folder):
    (folder / f"{SUPPLIER.hex()}-ds.key").write_bytes(b"garbage")
    opened = rig(f'folder = "{folder.name}"')
    with pytest.raises(ConfigError, match=f"{SUPPLIER.hex()}-ds"):
        load_keys(opened)


def test_a_json_key_store(rig, tmp_path):
    made = Hierarchy("j").organisation(SUPPLIER, 2)
    entries = [
        {
            "eui": str(SUPPLIER),
            "role": 2,
            "type": identity.use.value,
            "name": "supplier",
            "cert": base64.b64encode(identity.certificate).decode(),
            "privkey": _key_file(identity.private).decode(),
        }
        for identity in made
    ]
    (tmp_path / "keys.json").write_text(json.dumps(entries))
    opened = rig('json = "keys.json"')
    keys = load_keys(opened)
    assert (
        keys.private(opened.users["supplier"], KeyUse.DS).private_numbers()
        == made.ds.private.private_numbers()
    )


@pytest.mark.skipif(not RTDS.is_dir(), reason="the reference key store is not on this machine")
def test_the_reference_key_store(rig):
    opened = rig(f'folder = "{RTDS}"')
    keys = load_keys(opened)
    private = keys.private(opened.users["supplier"], KeyUse.DS)
    public = keys.public(SUPPLIER, KeyUse.DS, "supplier")
    assert private.public_key().public_numbers() == public.public_numbers()
    assert keys.public(ESME, KeyUse.KA, "esme") is not None
