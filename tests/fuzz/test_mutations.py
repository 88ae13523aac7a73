"""Seeded mutations of whole messages and line octets: a decode error that says where, or a valid decode.

Each input follows from the seed and its own number alone, so a run resumes anywhere: ``HIL_FUZZ`` is how many
messages to mutate, ``HIL_FUZZ_START`` the first number, ``HIL_FUZZ_SEED`` the seed. A failing input is printed as hex
together with seed and number, so that it can become a unit test.
"""

from __future__ import annotations

import json
import os
import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocols.errors import DecodeError
from protocols.gbcs.message import build_message, parse_message
from protocols.gbcs.tree import decode_tree
from protocols.gfi_line import LineDecoder
from protocols.ota import parse_ota
from tests.material import our_messages, our_ota_image

COUNT = int(os.environ.get("HIL_FUZZ", "1000000"))
START = int(os.environ.get("HIL_FUZZ_START", "0"))
SEED = int(os.environ.get("HIL_FUZZ_SEED", "20261122"))
RTDS = Path(__file__).parents[3] / "shared" / "rtds" / "messages.jsonl"


def corpus() -> list[bytes]:
    messages = list(our_messages())
    if RTDS.exists():
        messages += [bytes.fromhex(json.loads(line)["hex"]) for line in RTDS.read_text().splitlines()]
    return messages


def inputs(target: str, count: int) -> Iterator[tuple[int, random.Random]]:
    """Numbers of the inputs for one target, each with its own source of randomness."""
    for number in range(START, START + count):
        yield number, random.Random(f"{SEED}/{target}/{number}")


def mutate(rng: random.Random, data: bytes, other: bytes) -> bytes:
    octets = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        at = rng.randrange(len(octets)) if octets else 0
        match rng.randrange(6):
            case 0 if octets:
                octets[at] ^= 1 << rng.randrange(8)
            case 1 if octets:
                octets[at] = rng.choice((0x00, 0x01, 0x7F, 0x80, 0x81, 0x82, 0x84, 0xFF))
            case 2:
                del octets[at : at + rng.randrange(1, 9)]
            case 3:
                octets[at:at] = rng.randbytes(rng.randrange(1, 9))
            case 4:
                octets = octets[:at]
            case _:
                cut = rng.randrange(len(other))
                octets[at : at + 8] = other[cut : cut + rng.randrange(1, 24)]
    return bytes(octets)


@pytest.mark.timeout(1800)
def test_messages_decode_or_say_where():
    seeds = corpus()
    decoded = 0
    for number, rng in inputs("messages", COUNT):
        data = mutate(rng, rng.choice(seeds), rng.choice(seeds))
        try:
            message = parse_message(data)
            decode_tree(message)
        except DecodeError as error:
            assert 0 <= error.offset <= len(data), (
                f"seed {SEED} input {number}: offset {error.offset}: {data.hex()}"
            )
            continue
        except Exception as error:
            raise AssertionError(f"seed {SEED} input {number}: {error!r} for {data.hex()}") from error
        decoded += 1
        assert build_message(message) == data, f"seed {SEED} input {number}: {data.hex()}"
    assert 0 < decoded < COUNT


@pytest.mark.timeout(600)
def test_line_octets_never_break_the_decoder():
    seeds = [b"GBCS:DATA#0:%d:%s\r\n" % (len(m), m.hex().upper().encode()) for m in our_messages()]
    last = seeds[0]
    for number, rng in inputs("lines", COUNT // 10):
        decoder = LineDecoder()
        stream = mutate(rng, rng.choice(seeds), rng.choice(seeds)) + b"\r\n" + last
        try:
            items = []
            while stream:
                cut = rng.randrange(1, 400)
                items += decoder.feed(stream[:cut])
                stream = stream[cut:]
        except Exception as error:
            raise AssertionError(f"seed {SEED} input {number}: {error!r}") from error
        # Whatever stood before, the undamaged line at the end arrives.
        assert items, f"seed {SEED} input {number}"
        assert items[-1].data == bytes.fromhex(last.split(b":")[3].strip().decode())


@pytest.mark.timeout(600)
def test_ota_files_parse_or_say_where():
    image = our_ota_image()
    for number, rng in inputs("images", COUNT // 10):
        data = mutate(rng, image, image)
        try:
            parse_ota(data)
        except DecodeError as error:
            assert 0 <= error.offset <= len(data)
        except Exception as error:
            raise AssertionError(f"seed {SEED} input {number}: {error!r} for {data.hex()}") from error


@pytest.mark.timeout(600)
def test_memory_stays_a_multiple_of_the_input():
    """A length in a damaged message must never decide how much is allocated; measured: about 200 times the input."""
    seeds = corpus()
    for data in seeds:
        decode_tree(parse_message(data))  # tables load once, and are not the input's
    for number, rng in inputs("memory", max(COUNT // 200, 200)):
        data = mutate(rng, rng.choice(seeds), rng.choice(seeds))
        tracemalloc.start()
        try:
            decode_tree(parse_message(data))
        except DecodeError:
            pass
        finally:
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert peak < 16_384 + 600 * len(data), f"seed {SEED} input {number}: {peak} octets for {data.hex()}"
