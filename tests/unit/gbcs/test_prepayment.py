"""UTRNs of top-ups: the published numbers, their digits, and what cannot be one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import EncodeError
from protocols.eui64 import Eui64
from protocols.gbcs.keystore import KeyUse, keystore_from_files
from protocols.gbcs.message import parse_message
from protocols.gbcs.prepayment import (
    MAX_UTRN_COUNTER,
    PPTD_BASE,
    MalformedUtrnError,
    TopUp,
    TopUpKey,
    UtrnError,
    ValueClass,
    WrongDigitError,
    check_digit,
    decode_utrn,
)
from protocols.gbcs.prepayment_device import UtrnCounterCache, accept_utrn

relaxed = settings(deadline=None)
RTDS = Path(__file__).parents[4] / "shared/rtds"
SUPPLIER = Eui64("90-B3-D5-1F-30-01-00-00")
ESME = Eui64("00-DB-12-34-56-78-90-A0")
KEY = TopUpKey(bytes(range(32)), SUPPLIER, ESME)

top_ups = st.builds(
    TopUp, st.integers(0, 8191), st.sampled_from(ValueClass), st.integers(1, MAX_UTRN_COUNTER)
)


def cache_at(highest: int) -> UtrnCounterCache:
    return UtrnCounterCache(counters=[highest])


# --- reference numbers ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reference_keys():
    folder = RTDS / "keystore"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here")
    store = keystore_from_files({file.name: file.read_bytes() for file in folder.iterdir()})

    def key(device: Eui64) -> TopUpKey:
        private, public = store.private(SUPPLIER, KeyUse.PP_KA), store.public(device, KeyUse.KA)
        assert private
        assert public
        return TopUpKey.agree(private, public, supplier=SUPPLIER, device=device)

    return key


@pytest.mark.parametrize(
    ("top_up", "utrn"),
    [
        (TopUp(100, ValueClass.POUNDS, 1), "73943333457189043313"),
        (TopUp(10, ValueClass.POUNDS, 3), "73946144332040217315"),
        (TopUp(1234, ValueClass.PENCE, 4), "73947252416745201637"),
    ],
)
def test_published_numbers(reference_keys, top_up, utrn):
    key = reference_keys(ESME)
    assert key.utrn(top_up) == utrn
    assert accept_utrn(utrn, key, UtrnCounterCache()) == top_up


def test_the_numbers_in_reference_commands(reference_keys):
    rows = [json.loads(line) for line in (RTDS / "messages.jsonl").read_text().splitlines()]
    outcomes = {}
    for row in rows:
        if row["use_case"] not in {"CS01a", "CS01b"} or row["kind"] != "command":
            continue
        message = parse_message(bytes.fromhex(row["hex"]))
        (utrn,) = re.findall(rb"[0-9]{20}", message.payload)
        key, counter = reference_keys(message.header.business_target_id), message.header.originator_counter
        try:
            top_up = accept_utrn(utrn, key, UtrnCounterCache(), originator_counter=counter)
        except UtrnError as error:
            outcomes[row["name"]] = type(error)
        else:
            outcomes[row["name"]] = None
            assert key.utrn(top_up) == utrn.decode()
    # The erroneous CS01b has a wrong number on purpose; the meter refuses the CS01a for other reasons.
    assert outcomes.pop("CS01b_2.2_ERROR_COMMAND_GBCS") is not None
    assert outcomes == {
        "CS01a_2.2_ERROR_COMMAND_GBCS": None,
        "CS01a_2.2_SUCCESS_COMMAND_GBCS": None,
        "CS01b_2.2_SUCCESS_COMMAND_GBCS": None,
    }


# --- numbers ----------------------------------------------------------------------------------------


def test_the_bits_of_a_token():
    token = KEY.ptut(TopUp(0x1ABC, ValueClass.POUNDS, 0x12345_A5A))
    assert token.truncated_counter == 0x25A
    assert token.content == 0x25A << 15 | 1 << 13 | 0x1ABC
    assert int(token) >> 32 == token.content
    assert int(token.utrn[:-1]) == 7394156990786306048 + int(token)


@relaxed
@given(top_ups)
def test_numbers_come_back(top_up):
    utrn = KEY.utrn(top_up)
    assert len(utrn) == 20
    token = decode_utrn(utrn)
    assert (token.value, token.value_class) == (top_up.value, top_up.value_class)
    assert token.utrn == utrn
    assert decode_utrn(utrn.encode()) == token
    assert KEY.verify(token, top_up.originator_counter)
    assert accept_utrn(utrn, KEY, cache_at(top_up.utrn_counter - 1)) == top_up


@relaxed
@given(st.integers(0, 2**57 - 1))
def test_every_token_comes_back(number):
    digits = str(PPTD_BASE + number)
    token = decode_utrn(digits + str(check_digit(digits)))
    assert int(token) == number
    assert token.utrn == digits + str(check_digit(digits))


@relaxed
@given(top_ups, st.integers(0, 19), st.integers(1, 9))
def test_every_wrong_digit_is_noticed(top_up, place, difference):
    utrn = KEY.utrn(top_up)
    wrong = utrn[:place] + str((int(utrn[place]) + difference) % 10) + utrn[place + 1 :]
    with pytest.raises(WrongDigitError, match="last digit"):
        decode_utrn(wrong)


@relaxed
@given(top_ups, st.integers(0, 18))
def test_every_swap_of_neighbours_is_noticed(top_up, place):
    utrn = KEY.utrn(top_up)
    if utrn[place] == utrn[place + 1]:
        return
    with pytest.raises(WrongDigitError):
        decode_utrn(utrn[:place] + utrn[place + 1] + utrn[place] + utrn[place + 2 :])


@pytest.mark.parametrize(
    "utrn",
    [
        "",
        "7394333345718904331",
        "739433334571890433133",
        "7394 3333 4571 8904 3313",
        "7394333345718904331x",
        "٧٣٩٤٣٣٣٣٤٥٧١٨٩٠٤٣٣١٣",
        b"\xff" * 20,
    ],
)
def test_what_is_no_number(utrn):
    with pytest.raises(MalformedUtrnError):
        decode_utrn(utrn)


@pytest.mark.parametrize("number", [PPTD_BASE - 1, PPTD_BASE + 2**57, 0, 10**19 - 1])
def test_numbers_outside_the_range_of_top_ups(number):
    digits = f"{number:019d}"
    with pytest.raises(MalformedUtrnError, match="range"):
        decode_utrn(digits + str(check_digit(digits)))


@relaxed
@given(st.one_of(st.text(max_size=30), st.binary(max_size=30), st.from_regex(r"\A[0-9]{20}\Z")))
def test_anything_gives_a_token_or_a_typed_error(utrn):
    try:
        token = decode_utrn(utrn)
    except UtrnError:
        return
    assert token.utrn.encode() == (utrn if isinstance(utrn, bytes) else utrn.encode())


def test_check_digits_are_of_19_digits():
    with pytest.raises(MalformedUtrnError):
        check_digit("1" * 20)


def test_amounts():
    assert TopUp.of_pence(8191, 1) == TopUp(8191, ValueClass.PENCE, 1)
    assert TopUp.of_pence(8200, 1) == TopUp(82, ValueClass.POUNDS, 1)
    assert TopUp.of_pence(819_100, 1).pence == 819_100
    for pence in (8192, 819_200, -1):
        with pytest.raises(EncodeError, match="no top-up"):
            TopUp.of_pence(pence, 1)


@pytest.mark.parametrize(
    ("top_up", "element"),
    [
        (TopUp(8192, ValueClass.PENCE, 1), "value"),
        (TopUp(-1, ValueClass.PENCE, 1), "value"),
        (TopUp(1, ValueClass.PENCE, 2**32), "utrn_counter"),
        (TopUp(1, 2, 1), "value_class"),
    ],
)
def test_what_a_token_cannot_carry(top_up, element):
    with pytest.raises(EncodeError) as caught:
        KEY.ptut(top_up)
    assert caught.value.element == element
