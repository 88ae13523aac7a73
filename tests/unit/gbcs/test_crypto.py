"""Key derivation, MAC, signature, encryption: the published vectors of GBCS 18.4, and an independent cipher."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64
from protocols.gbcs.crypto import (
    SecretCache,
    compute_mac,
    decrypt_block,
    encrypt_block,
    encryption_key,
    mac_key,
    shared_secret,
    sign,
    verify_mac,
    verify_signature,
)
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.message import build_message, parse_message
from protocols.gbcs.protect import precommand, protect

VECTORS = json.loads((Path(__file__).with_name("vectors-18.4.json")).read_text())
CURVE = ec.SECP256R1()
DEVICE = Eui64("FF-FF-FF-FF-FF-FF-FF-FE")
READER = Eui64("12-34-56-78-9A-BC-DE-F0")
OTHER = Eui64("90-B3-D5-1F-30-00-00-02")


def private(text):
    return ec.derive_private_key(int(text, 16), CURVE)


def public(text):
    return ec.EllipticCurvePublicKey.from_encoded_point(CURVE, b"\x04" + bytes.fromhex(text))


@pytest.fixture(scope="module")
def command():
    return parse_message(bytes.fromhex(VECTORS["ecs04b_command"]))


@pytest.fixture(scope="module")
def z():
    broker = private(VECTORS["access_control_broker"]["key_agreement_private_key"])
    return shared_secret(broker, public(VECTORS["device_a"]["key_agreement_public_key"]))


def test_the_published_command_parses_to_its_parts(command):
    assert command.header == GroupingHeader(CraFlag.COMMAND, 1, READER, DEVICE, 0x00B3)
    assert command.kind == "command"
    assert build_message(command).hex().upper() == VECTORS["ecs04b_command"]


def test_the_published_signature_verifies(command):
    key = public(VECTORS["supplier_a"]["digital_signature_public_key"])
    assert verify_signature(key, command.signed_octets(), command.signature)
    assert not verify_signature(key, command.signed_octets() + b"\x00", command.signature)
    assert not verify_signature(key, command.signed_octets(), command.signature[:-1])
    assert not verify_signature(key, command.signed_octets(), bytes(64))


def test_the_published_mac_comes_out(command, z):
    assert compute_mac(z, command) == command.mac
    assert verify_mac(z, command)
    assert not verify_mac(z, replace(command, payload=command.payload + b"\x00"))
    assert not verify_mac(z, replace(command, mac=None))


def test_protecting_the_command_again_gives_a_valid_message(command, z):
    key = private(VECTORS["supplier_a"]["digital_signature_private_key"])
    made = protect(precommand(command), signer=key, mac_z=z)
    again = parse_message(build_message(made))
    assert verify_signature(key.public_key(), again.signed_octets(), again.signature)
    assert verify_mac(z, again)
    assert made == protect(precommand(command), signer=key, mac_z=z)  # RFC 6979: no randomness
    # Published with a random number; the MAC covers the signature, so that with the same one it is the same.
    assert compute_mac(z, replace(made, signature=command.signature)) == command.mac


def test_protection_by_parts(command, z):
    unsigned = protect(command, mac_z=z)
    assert (unsigned.signature, unsigned.kind) == (b"", "command")
    assert verify_mac(z, unsigned)
    signed = protect(
        command, signer=private(VECTORS["supplier_a"]["digital_signature_private_key"]), mac_z=None
    )
    assert signed.mac is None
    assert precommand(signed).signature is None


def test_the_kdf_is_the_single_step_kdf(command, z):
    info = bytes.fromhex("60857406080300") + READER + bytes.fromhex("0901") + (1).to_bytes(8, "big") + DEVICE
    expected = ConcatKDFHash(hashes.SHA256(), 16, info).derive(z)
    assert mac_key(z, command.header) == expected


def response(**changes):
    return replace(GroupingHeader(CraFlag.RESPONSE, 7, DEVICE, READER, 0x0027), **changes)


@pytest.mark.parametrize(
    ("header", "counter", "reader"),
    [
        (response(), 7, READER),
        (response(supplementary_remote_party_id=OTHER, supplementary_remote_party_counter=3), 7, OTHER),
        (
            response(
                supplementary_remote_party_id=OTHER,
                supplementary_remote_party_counter=3,
                supplementary_originator_counter=9,
            ),
            9,
            OTHER,
        ),
    ],
)
def test_encryption_keys_name_reader_and_counter(header, counter, reader, z):
    info = (
        bytes.fromhex("60857406080300") + DEVICE + bytes.fromhex("0904") + counter.to_bytes(8, "big") + reader
    )
    assert encryption_key(z, header) == ConcatKDFHash(hashes.SHA256(), 16, info).derive(z)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_blocks_open_again_and_agree_with_the_streaming_cipher(z, plaintext):
    block = encrypt_block(z, response(), plaintext)
    assert decrypt_block(z, response(), block) == plaintext
    cipher = Cipher(
        algorithms.AES(encryption_key(z, response())),
        modes.GCM(DEVICE + bytes(4), block[-12:], min_tag_length=12),
    ).decryptor()
    cipher.authenticate_additional_data(b"\x31")
    assert cipher.update(block[5:-12]) + cipher.finalize() == plaintext


def test_every_changed_or_cut_block_is_refused(z):
    block = encrypt_block(z, response(), b"consumption")
    for index in range(len(block)):
        changed = bytearray(block)
        changed[index] ^= 1
        with pytest.raises(DecodeError):
            decrypt_block(z, response(), bytes(changed))
        with pytest.raises(DecodeError):
            decrypt_block(z, response(), block[:index])


class HeldKey:
    """A signer and agreer that keeps its key to itself, as a hardware token does."""

    def __init__(self, key):
        self._key = key

    def sign(self, data):
        return sign(self._key, data)

    def agree(self, other):
        return shared_secret(self._key, other)


def test_hardware_can_hold_the_keys(command):
    key = private(VECTORS["access_control_broker"]["key_agreement_private_key"])
    other = public(VECTORS["device_a"]["key_agreement_public_key"])
    held = HeldKey(key)
    assert shared_secret(held, other) == shared_secret(key, other)
    assert protect(command, signer=held).signature == protect(command, signer=key).signature


def test_a_signer_of_the_wrong_size_is_refused(command):
    class Short(HeldKey):
        def sign(self, data):
            return super().sign(data)[:10]

    with pytest.raises(EncodeError, match="signature"):
        protect(command, signer=Short(ec.generate_private_key(CURVE)))


def test_the_cache_agrees_once_per_pair():
    class Counting(HeldKey):
        calls = 0

        def agree(self, other):
            Counting.calls += 1
            return super().agree(other)

    one, other = Counting(ec.generate_private_key(CURVE)), ec.generate_private_key(CURVE).public_key()
    cache = SecretCache()
    assert cache.shared_secret(one, other) == cache.shared_secret(one, other)
    assert Counting.calls == 1
