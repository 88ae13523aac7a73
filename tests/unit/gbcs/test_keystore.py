"""Key stores: files, JSON, lazy certificates, and certificates that are not what their name says."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID, ObjectIdentifier

from protocols.errors import DecodeError
from protocols.eui64 import Eui64
from protocols.gbcs.keystore import (
    KeyEntry,
    KeyStore,
    KeyUse,
    keystore_from_files,
    keystore_from_json,
    read_certificate,
)

SUPPLIER = Eui64("90-B3-D5-1F-30-01-00-00")
BROKER = Eui64("90-B3-D5-1F-30-00-00-02")
METER = Eui64("00-DB-12-34-56-78-90-A0")


@pytest.fixture(scope="module")
def keys():
    return {name: ec.generate_private_key(ec.SECP256R1()) for name in ("one", "two", "issuer")}


def certificate(key, issuer, *, organisation=None, device=None):
    """Profiles of messages.md 4.6, made by an independent library."""
    names, san = [], None
    if organisation:
        eui64, role = organisation
        names = [
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, f"{role:02X}"),
            x509.NameAttribute(
                ObjectIdentifier("2.5.4.45"),
                b"\x00" + eui64,
                _type=x509.name._ASN1Type.BitString,
                _validate=False,
            ),
        ]
    if device:
        inner = bytes.fromhex("06032A0304") + b"\x04\x08" + device
        san = x509.OtherName(ObjectIdentifier("1.3.6.1.5.5.7.8.4"), b"\x30" + bytes((len(inner),)) + inner)
    builder = (
        x509.CertificateBuilder(x509.Name([]), x509.Name(names), key.public_key(), 1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2040, 1, 1, tzinfo=UTC))
    )
    if san:
        builder = builder.add_extension(x509.SubjectAlternativeName([san]), critical=True)
    return builder.sign(issuer, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def pem(der, label="CERTIFICATE"):
    body = base64.encodebytes(der).decode()
    return f"-----BEGIN {label}-----\n{body}-----END {label}-----\n".encode()


def private_pem(key, form=serialization.PrivateFormat.PKCS8):
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def public_pem(key):
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def name(eui64, use, ending):
    return f"{eui64.hex()}-{use}.{ending}"


def test_certificates_are_read_without_the_x509_module(keys):
    found = read_certificate(certificate(keys["one"], keys["issuer"], organisation=(SUPPLIER, 2)))
    assert (found.eui64, found.role, found.public) == (SUPPLIER, 2, keys["one"].public_key())
    found = read_certificate(certificate(keys["one"], keys["issuer"], device=METER))
    assert (found.eui64, found.role, found.public) == (METER, None, keys["one"].public_key())
    found = read_certificate(certificate(keys["one"], keys["issuer"]))
    assert (found.eui64, found.role) == (None, None)


def test_a_folder_of_files(keys):
    one, two, issuer = keys.values()
    store = keystore_from_files(
        {
            name(SUPPLIER, "ds", "pem"): pem(certificate(one, issuer, organisation=(SUPPLIER, 2))),
            name(SUPPLIER, "ds", "key"): private_pem(one),
            name(BROKER, "ka", "der"): certificate(two, issuer, organisation=(BROKER, 4)),
            name(BROKER, "ka", "key"): private_pem(two, serialization.PrivateFormat.TraditionalOpenSSL),
            name(METER, "ka", "pem"): public_pem(one),
            name(METER, "pp-ka", "key"): private_pem(two),
            "README.txt": b"not a key",
        }
    )
    assert len(store) == 4
    assert store.public(SUPPLIER, KeyUse.DS) == one.public_key()
    assert store.private(SUPPLIER, KeyUse.DS).private_numbers() == one.private_numbers()
    assert store.certificate(SUPPLIER, KeyUse.DS) == certificate_of(store, SUPPLIER)
    assert (store.role_of(SUPPLIER), store.role_of(BROKER), store.role_of(METER)) == (2, 4, None)
    assert store.with_role(4) == [BROKER]
    assert store.with_role(3) == []
    assert store.public(METER, KeyUse.KA) == one.public_key()  # a bare public key
    assert store.public(METER, KeyUse.PP_KA) == two.public_key()  # a private key alone
    assert store.certificate(METER, KeyUse.KA) == b""
    assert store.public(SUPPLIER, KeyUse.KA) is None
    assert store.problems == []


def certificate_of(store, eui64):
    return next(entry.certificate for entry in store if entry.eui64 == eui64)


def test_a_certificate_that_names_another_party_is_passed_over(keys):
    one, two, issuer = keys.values()
    files = {
        name(BROKER, "ka", "pem"): pem(certificate(one, issuer, organisation=(SUPPLIER, 2))),
        name(BROKER, "ka", "key"): private_pem(two),
    }
    store = keystore_from_files(files)
    assert store.public(BROKER, KeyUse.KA) == two.public_key()
    assert store.certificate(BROKER, KeyUse.KA) == b""
    assert store.role_of(BROKER) is None
    assert len(store.problems) == 1
    assert SUPPLIER.hex() in store.problems[0]
    alone = keystore_from_files({name(BROKER, "ka", "pem"): files[name(BROKER, "ka", "pem")]})
    assert alone.public(BROKER, KeyUse.KA) is None


def test_an_unreadable_certificate_is_a_problem_and_no_crash():
    store = keystore_from_files({name(METER, "ds", "der"): bytes.fromhex("3003020101")})
    assert store.public(METER, KeyUse.DS) is None
    assert "unreadable" in store.problems[0]


def test_certificates_wait_until_they_are_asked_for():
    store = keystore_from_files({name(METER, "ds", "der"): bytes.fromhex("3003020101")})
    assert store.private(METER, KeyUse.DS) is None
    assert store.problems == []


@pytest.mark.parametrize(
    "octets",
    [
        b"nothing",
        b"-----BEGIN PRIVATE KEY-----\n!!!\n-----END PRIVATE KEY-----",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
    ],
)
def test_files_that_hold_no_key_are_named(octets):
    with pytest.raises(DecodeError) as caught:
        keystore_from_files({name(METER, "ds", "key"): octets})
    assert caught.value.path == name(METER, "ds", "key")


def test_other_curves_are_refused():
    other = ec.generate_private_key(ec.SECP384R1())
    with pytest.raises(DecodeError, match="P-256"):
        keystore_from_files({name(METER, "ds", "key"): private_pem(other)})
    with pytest.raises(DecodeError, match="P-256"):
        keystore_from_files({name(METER, "ds", "pem"): public_pem(other)})


def test_json_as_dcc_boxed_writes_it(keys):
    one, two, issuer = keys.values()
    mine = pem(certificate(one, issuer, organisation=(SUPPLIER, 2))).decode()
    text = json.dumps(
        {
            SUPPLIER.hex(): {
                "digitalSignature": {
                    "11": {"role": 2, "name": "Z1b-supplier-ds", "certificate": pem(b"\x30\x00").decode()},
                    "12": {
                        "role": 2,
                        "name": "Z1-supplier-ds",
                        "certificate": mine,
                        "privateKey": private_pem(one).decode(),
                    },
                },
                "keyAgreement": {
                    "13": {"role": 2, "name": "Z1-supplier-pp-ka", "privateKey": private_pem(two).decode()}
                },
            }
        }
    )
    store = keystore_from_json(text)
    assert store.public(SUPPLIER, KeyUse.DS) == one.public_key()  # the serial with a private key comes first
    assert store.public(SUPPLIER, KeyUse.PP_KA) == two.public_key()
    assert store.public(SUPPLIER, KeyUse.KA) is None
    assert store.role_of(SUPPLIER) == 2


def test_json_as_a_list(keys):
    one, _, issuer = keys.values()
    row = {
        "eui": str(METER),
        "type": "KA",
        "cert": base64.b64encode(certificate(one, issuer, device=METER)).decode(),
        "privkey": private_pem(one).decode(),
    }
    store = keystore_from_json(json.dumps([row]))
    assert store.public(METER, KeyUse.KA) == one.public_key()
    assert store.role_of(METER) is None


@pytest.mark.parametrize(
    "text", ["", "7", '[{"eui": "x"}]', '{"a": 1}', '[{"eui": "00DB1234567890A0", "type": "x"}]']
)
def test_other_json_is_refused(text):
    with pytest.raises(DecodeError, match="key store"):
        keystore_from_json(text)


def test_entries_of_one_key_are_put_together(keys):
    store = KeyStore()
    store.add(KeyEntry(METER, KeyUse.KA, private=keys["one"]))
    store.add(KeyEntry(METER, KeyUse.KA, public=keys["one"].public_key(), role=4))
    assert len(store) == 1
    assert store.role_of(METER) == 4
    assert store.with_role(4) == [METER]
