"""Seeded mutations through the named codecs: a decode error that says where, or values that build the same octets.

Half of the inputs are damaged inside the payload only, so that most of them reach it. The inputs are counted as in
``test_mutations``.
"""

from __future__ import annotations

import json
import random

import pytest

from protocols.errors import DecodeError
from protocols.gbcs.message import build_message, parse_message
from protocols.gbcs.named import build_named, decode_named
from tests.fuzz.test_mutations import COUNT, SEED, corpus, inputs, mutate

NAMED = max(COUNT // 10, 1000)


def damage_payload(rng: random.Random, data: bytes) -> bytes:
    message = parse_message(data)
    octets, start = bytearray(data), message.payload_offset
    for _ in range(rng.choice((1, 1, 2, 4)) if message.payload else 0):
        octets[start + rng.randrange(len(message.payload))] = rng.randrange(256)
    return bytes(octets)


@pytest.mark.timeout(1800)
def test_named_values_build_what_was_decoded():
    seeds = corpus()
    decoded = 0
    for number, rng in inputs("named", NAMED):
        data = rng.choice(seeds)
        data = damage_payload(rng, data) if number % 2 else mutate(rng, data, rng.choice(seeds))
        try:
            document = decode_named(parse_message(data))
        except DecodeError as error:
            assert 0 <= error.offset <= len(data), f"seed {SEED} input {number}: {data.hex()}"
            continue
        except Exception as error:
            raise AssertionError(f"seed {SEED} input {number}: {error!r} for {data.hex()}") from error
        decoded += 1
        # Values pass through JSON, as they do between processes.
        again = build_named(json.loads(json.dumps(document)), strict=False)
        assert build_message(again) == data, f"seed {SEED} input {number}: {data.hex()}"
    assert 0 < decoded < NAMED
