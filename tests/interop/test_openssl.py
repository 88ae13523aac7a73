"""OpenSSL's command line must accept our signatures under our keys, and we its signatures."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from protocols.eui64 import Eui64
from protocols.gbcs.crypto import sign, verify_signature
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.message import Message
from protocols.gbcs.protect import protect
from protocols.smki import Hierarchy

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl is not here: make interop installs it"
)

SUPPLIER = Hierarchy("openssl").organisation("supplier").ds
HEADER = GroupingHeader(CraFlag.COMMAND, 1, SUPPLIER.eui64, Eui64("00DB1234567890F0"), 0x0062)


def openssl(*arguments: str, cwd: Path) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, done.stderr + done.stdout


def test_openssl_accepts_the_signature_of_a_protected_message(tmp_path):
    message = protect(Message(HEADER, bytes(range(200))), signer=SUPPLIER.private)
    assert message.signature
    r, s = (int.from_bytes(part, "big") for part in (message.signature[:32], message.signature[32:]))
    (tmp_path / "data").write_bytes(message.signed_octets())
    (tmp_path / "signature").write_bytes(encode_dss_signature(r, s))
    public = SUPPLIER.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pem").write_bytes(public)
    openssl("dgst", "-sha256", "-verify", "key.pem", "-signature", "signature", "data", cwd=tmp_path)


def test_we_accept_a_signature_that_openssl_made(tmp_path):
    data = Message(HEADER, b"\xd9" * 77).signed_octets()
    (tmp_path / "data").write_bytes(data)
    private = SUPPLIER.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(private)
    openssl("dgst", "-sha256", "-sign", "key.pem", "-out", "signature", "data", cwd=tmp_path)
    r, s = decode_dss_signature((tmp_path / "signature").read_bytes())
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    assert verify_signature(SUPPLIER.public, data, raw)
    assert not verify_signature(SUPPLIER.public, data + b"\x00", raw)
    assert sign(SUPPLIER.private, data) != raw  # OpenSSL's nonce is random, ours is not


def shown(*arguments: str, cwd: Path) -> str:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, cwd=cwd, check=True)
    return done.stdout


def test_openssl_opens_the_contingency_key_of_a_root(tmp_path):
    hierarchy = Hierarchy("openssl")
    (tmp_path / "root.der").write_bytes(hierarchy.root.certificate)
    parse = ("asn1parse", "-inform", "der", "-in", "root.der")
    rows = shown(*parse, cwd=tmp_path).splitlines()
    name = next(number for number, row in enumerate(rows) if row.endswith(":1.3.6.1.5.5.7.1.20"))
    extension = shown(*parse, "-strparse", rows[name + 1].partition(":")[0].strip(), cwd=tmp_path)
    assert ":id-aes256-wrap-pad" in extension
    (tmp_path / "wrapped").write_bytes(bytes.fromhex(extension.rpartition("[HEX DUMP]:")[2].strip()))
    key = (
        "-K",
        hierarchy.contingency.symmetric.hex(),
        "-iv",
        "A65959A6",
    )  # RFC 5649's alternative initial value
    openssl("enc", "-d", "-id-aes256-wrap-pad", *key, "-in", "wrapped", "-out", "opened", cwd=tmp_path)
    public = hierarchy.contingency.private.public_key()
    expected = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert (tmp_path / "opened").read_bytes() == expected
