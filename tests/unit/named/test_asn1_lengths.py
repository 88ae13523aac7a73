"""Lengths longer than DER has them: all of them, some, and forms that no meter writes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import EncodeError
from protocols.gbcs import der
from protocols.gbcs.named.asn1_lengths import LONG_LENGTHS
from tests.unit.named.test_asn1 import build, decode, outcome

CODE, KIND = 0x0102, "response"
OUTCOMES = "executionOutcome.replacementOutcomes"


def lengthen(octets, sizes):
    """The same value with these numbers of length octets, by the node's place in the octets' order."""
    root = der.parse_der(octets)
    for place, node in enumerate(root.walk()):
        node.header = 1 + sizes.get(place, 0) if sizes.get(place) else 0
    return der.build(root)


def test_lengths_of_128_to_255_in_three_octets_are_one_flag():
    short = build(outcome(3), CODE, KIND)
    long = build({LONG_LENGTHS: True} | outcome(3), CODE, KIND)
    assert (short[:3].hex(), long[:4].hex()) == ("3081bc", "308200be")
    assert len(long) == len(short) + 3
    assert decode(short, CODE, KIND) == outcome(3)
    assert decode(long, CODE, KIND) == {LONG_LENGTHS: True} | outcome(3)


def test_a_mixture_names_the_elements():
    short = build(outcome(3), CODE, KIND)
    mixed = bytes.fromhex("308200BC") + short[3:]
    values = decode(mixed, CODE, KIND)
    assert values == {LONG_LENGTHS: ["payload"]} | outcome(3)
    assert build(values, CODE, KIND) == mixed
    inner = {LONG_LENGTHS: ["executionOutcome", OUTCOMES]} | outcome(3)
    assert decode(build(inner, CODE, KIND), CODE, KIND) == inner
    assert build(inner, CODE, KIND)[:2].hex() == "3081"


def test_other_forms_need_a_builder_that_is_not_strict():
    values = {LONG_LENGTHS: {"payload": 4, f"{OUTCOMES}[0].statusCode": 2}} | outcome(1)
    octets = build(values, CODE, KIND, strict=False)
    assert octets[:5].hex().startswith("30830000")
    assert decode(octets, CODE, KIND) == values
    with pytest.raises(EncodeError, match="is not DER") as caught:
        build(values, CODE, KIND)
    assert caught.value.element == LONG_LENGTHS
    assert caught.value.clause


@pytest.mark.parametrize(
    ("value", "cells", "problem"),
    [
        (True, 1, "no length is between 128 and 255"),
        (1, 3, "1 is not true"),
        ("payload", 3, "'payload' is not true"),
        (["payload", "nothing"], 3, "there is no nothing"),
        (["payload"], 1, "the length of payload is 7., not between 128 and 255"),
        ([f"{OUTCOMES}[0].statusCode"], 3, r"statusCode is 1, not between 128 and 255"),
    ],
)
def test_what_cannot_be_is_refused(value, cells, problem):
    with pytest.raises(EncodeError, match=problem) as caught:
        build({LONG_LENGTHS: value} | outcome(cells), CODE, KIND)
    assert caught.value.element == LONG_LENGTHS


@pytest.mark.parametrize("octets", [0, 6, True, "3"])
def test_a_length_takes_one_to_five_octets(octets):
    with pytest.raises(EncodeError, match="octets for the length of payload"):
        build({LONG_LENGTHS: {"payload": octets}} | outcome(1), CODE, KIND, strict=False)
    with pytest.raises(EncodeError, match="not between"):
        build({LONG_LENGTHS: {"payload": 1}} | outcome(3), CODE, KIND, strict=False)


@given(st.dictionaries(st.integers(0, 40), st.integers(3, 5)), st.integers(1, 3))
def test_any_mixture_comes_back(sizes, cells):
    octets = lengthen(build(outcome(cells), CODE, KIND), sizes)
    values = json.loads(json.dumps(decode(octets, CODE, KIND)))
    assert build(values, CODE, KIND, strict=False) == octets
