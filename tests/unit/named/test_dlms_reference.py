"""The DLMS messages of the reference set: named, built again from values alone, and described."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from protocols.errors import EncodeError
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.crypto import SecretCache, encrypt_block
from protocols.gbcs.keystore import keystore_from_files
from protocols.gbcs.message import parse_message
from protocols.gbcs.named import dlms, dlms_describe
from protocols.gbcs.payload import payload_kind
from protocols.gbcs.protect import decryptor, secret_between

REFERENCE = Path(__file__).parents[4] / "shared/rtds"
pytestmark = pytest.mark.skipif(not REFERENCE.exists(), reason=f"no reference messages in {REFERENCE}")


@pytest.fixture(scope="module")
def messages():
    rows = [json.loads(line) for line in (REFERENCE / "messages.jsonl").read_text().splitlines()]
    parsed = {row["name"]: parse_message(bytes.fromhex(row["hex"])) for row in rows}
    return {name: message for name, message in parsed.items() if payload_kind(message) == "dlms"}


@pytest.fixture(scope="module")
def keystore():
    return keystore_from_files({file.name: file.read_bytes() for file in (REFERENCE / "keystore").iterdir()})


def use_case(message):
    return load_catalogue().by_message_code(message.header.message_code, message.header.cra_flag)


def ciphers(message, keystore, cache):
    """What opens and closes a message's ciphered blocks; None without keys."""
    header = message.header
    reader = header.supplementary_remote_party_id or header.business_target_id
    z = secret_between(keystore, cache, reader, header.business_originator_id)
    close = None if z is None else lambda plaintext: encrypt_block(z, header, plaintext)
    return decryptor(message, keystore, cache), close


def keys_of(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_of(inner)


def test_all_are_named_and_built_again_strictly(messages, keystore):
    cache, ciphered = SecretCache(), 0
    for name, message in messages.items():
        row = use_case(message)
        decrypt, encrypt = ciphers(message, keystore, cache)
        for opening, closing in ((decrypt, encrypt), (None, None)):
            text = json.dumps(dlms.decode(message, row, opening))
            values = json.loads(text)
            found = set(keys_of(values))
            assert not {"unnamed", "omitted", "invoke_id", "protection"} & found, name
            ciphered += "ciphered" in found
            assert dlms.build(values, message.header, row, encrypt=closing) == message.payload, name
    assert len(messages) == 578
    # Once without keys, never with them.
    assert ciphered == 16


def test_all_are_described_within_their_payload(messages, keystore):
    cache = SecretCache()
    for name, message in messages.items():
        end = message.payload_offset + len(message.payload)
        for row in dlms_describe.describe(message, use_case(message), ciphers(message, keystore, cache)[0]):
            assert row["clause"], (name, row)
            if not row.get("plaintext"):
                assert message.payload_offset <= row["offset"] <= row["offset"] + row["octets"] <= end, name


def test_names_of_answers_are_assumed_only_for_optional_elements(messages):
    assumed = {
        use_case(message).code
        for message in messages.values()
        if "assumed_elements" in dlms.decode(message, use_case(message))
    }
    assert assumed == {"ECS46a", "ECS46c", "ECS47", "ECS47a", "ECS47e", "ECS57"}


def test_every_result_and_value_is_missed(messages):
    """Without any one of its results or values a message is refused, or stands without an optional one."""
    catalogue = load_catalogue()
    for name, message in messages.items():
        row = use_case(message)
        values = dlms.decode(message, row)
        table = {} if row is None else {each.key: each for each in catalogue.dlms_message(row.code)}
        for part in ("results", "elements"):
            for key in values.get(part, {}):
                element = table.get(key)
                given = element.given if element else None
                if element and (element.optional or (given is not None and given.fixed is not None)):
                    continue
                less = {**values, part: {each: value for each, value in values[part].items() if each != key}}
                with pytest.raises(EncodeError) as caught:
                    dlms.build(less, message.header, row)
                assert caught.value.element, name
                assert caught.value.clause, name
