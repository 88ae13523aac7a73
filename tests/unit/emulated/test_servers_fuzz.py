"""Authentic commands with damaged payloads, of every use case: answered or refused, never a way out of the device."""

from __future__ import annotations

import random

import pytest

from fixtures.generated_commands import GeneratedBench, use_cases_of
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.message import parse_message

_TYPES = ("esme", "gsme", "chf", "gpf", "ppmid", "hcalcs", "sapc")
_ROUNDS = 6
_CATALOGUE = load_catalogue()


def damaged(payload: bytes, rng: random.Random) -> bytes:
    """One to three octets changed, or some cut out, or some put in."""
    octets = bytearray(payload)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(octets)) if octets else 0
        kind = rng.randrange(4)
        if kind == 0 and octets:
            octets[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and octets:
            octets[at] = rng.choice((0x00, 0x01, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        elif kind == 2:
            del octets[at : at + rng.randint(1, 4)]
        else:
            octets[at:at] = rng.randbytes(rng.randint(1, 4))
    return bytes(octets)


@pytest.mark.parametrize("kind", _TYPES)
def test_damaged_payloads(kind):
    bench = GeneratedBench(kind)
    rng = random.Random(f"damaged {kind}")
    for code in use_cases_of(kind):
        use_case = _CATALOGUE[code]
        role = "supplier" if "supplier" in use_case.roles else use_case.roles[-1]
        for _ in range(_ROUNDS):
            message = parse_message(bench.command(code, role))
            payload = damaged(message.payload, rng)
            party = bench.party(role)
            octets = bench.protect(use_case, party, message.header.message_code, payload)
            sent = bench.send(octets)
            assert [each.kind for each in sent].count("response") <= 1
    bench.device.run_due()
