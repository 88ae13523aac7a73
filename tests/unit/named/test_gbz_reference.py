"""GBZ reference messages from values alone; read where they lie, never copied."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from protocols.errors import EncodeError
from protocols.gbcs.crypto import SecretCache, encrypt_block
from protocols.gbcs.keystore import keystore_from_files
from protocols.gbcs.message import build_message, parse_message
from protocols.gbcs.named import build_named, decode_named, describe, unnamed
from protocols.gbcs.payload import payload_kind
from protocols.gbcs.protect import decryptor, secret_between

SHARED = Path(__file__).parents[4] / "shared/rtds"
# Messages that break a rule on purpose, and the element that says so.
BROKEN = {"CS01b_2.2_ERROR_COMMAND_GBCS": "Components[0].Top Up Code"}


@pytest.fixture(scope="module")
def messages():
    if not SHARED.is_dir():
        pytest.skip("the reference messages are not beside the project (../shared/rtds)")
    files = {path.name: path.read_bytes() for path in (SHARED / "keystore").iterdir()}
    keystore, cache, found = keystore_from_files(files), SecretCache(), []
    for line in (SHARED / "messages.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        message = parse_message(bytes.fromhex(row["hex"]))
        if payload_kind(message) == "gbz":
            found.append(
                (
                    row["name"],
                    message,
                    decryptor(message, keystore, cache),
                    encryptor(message, keystore, cache),
                )
            )
    return found


def encryptor(message, keystore, cache):
    header = message.header
    reader = header.supplementary_remote_party_id or header.business_target_id
    z = secret_between(keystore, cache, reader, header.business_originator_id)
    return None if z is None else lambda plaintext: encrypt_block(z, header, plaintext)


def test_all_are_built_again_from_their_values(messages):
    assert len(messages) >= 270
    for name, message, decrypt, encrypt in messages:
        text = json.dumps(decode_named(message, decrypt))
        document = json.loads(text)
        assert unnamed(document) == [], name
        again = build_named(document, strict=name not in BROKEN, encrypt=encrypt)
        assert build_message(again) == build_message(message), name


def test_all_are_built_again_without_keys(messages):
    for name, message, _, _ in messages:
        document = json.loads(json.dumps(decode_named(message)))
        assert build_message(build_named(document, strict=False)) == build_message(message), name


def test_those_that_break_rules_are_refused_with_the_element(messages):
    refused = {}
    for name, message, decrypt, encrypt in messages:
        try:
            build_named(decode_named(message, decrypt), encrypt=encrypt)
        except EncodeError as error:
            refused[name] = error.element
            assert error.clause
    assert refused == BROKEN


def test_descriptions_cover_each_payload_without_overlap(messages):
    for name, message, decrypt, _ in messages:
        end = message.payload_offset
        for element in describe(message, decrypt):
            assert element["offset"] >= end, name
            end = element["offset"] + element["octets"]
        # Behind the last element there is at most the tag of an encrypted component.
        assert message.payload_offset + len(message.payload) - end in {0, 12}, name
