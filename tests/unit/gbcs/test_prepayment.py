"""Top-ups: making UTRNs, and what a device makes of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from protocols.errors import EncodeError
from protocols.eui64 import Eui64
from protocols.gbcs.keystore import KeyUse, keystore_from_files
from protocols.gbcs.message import parse_message
from protocols.gbcs.prepayment import (
    MAX_UTRN_COUNTER,
    PPTD_BASE,
    DuplicateUtrnError,
    MalformedUtrnError,
    NotAuthenticError,
    NotForThisDeviceError,
    Ptut,
    TopUp,
    TopUpKey,
    UtrnError,
    ValueClass,
    WrongDigitError,
    check_digit,
    decode_utrn,
)
from protocols.gbcs.prepayment_device import UtrnCounterCache, WhenFull, accept_utrn

relaxed = settings(deadline=None)
RTDS = Path(__file__).parents[4] / "shared/rtds"
SUPPLIER, OTHER_SUPPLIER = Eui64("90-B3-D5-1F-30-01-00-00"), Eui64("90-B3-D5-1F-30-03-00-00")
ESME, GSME = Eui64("00-DB-12-34-56-78-90-A0"), Eui64("00-DB-12-34-56-78-90-A1")
KEY = TopUpKey(bytes(range(32)), SUPPLIER, ESME)
GSME_KEY = TopUpKey(bytes(range(1, 33)), SUPPLIER, GSME)

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


# --- the device -------------------------------------------------------------------------------------


def test_a_number_is_taken_once_however_it_comes():
    cache = UtrnCounterCache()
    top_up = TopUp(5, ValueClass.POUNDS, 7)
    utrn = KEY.utrn(top_up)
    assert accept_utrn(utrn, KEY, cache, originator_counter=7 << 32) == top_up
    for counter in (None, 7 << 32):
        with pytest.raises(DuplicateUtrnError) as caught:
            accept_utrn(utrn, KEY, cache, originator_counter=counter)
        assert caught.value.event == 0x8F51
    assert cache.counters == [7]


def test_another_suppliers_number_is_not_authentic():
    theirs = TopUpKey(bytes(32), OTHER_SUPPLIER, ESME).utrn(TopUp(5, ValueClass.POUNDS, 1))
    cache = UtrnCounterCache()
    with pytest.raises(NotAuthenticError) as caught:
        accept_utrn(theirs, KEY, cache, others=[GSME_KEY])
    assert caught.value.event == 0x8F63
    assert cache.counters == []


def test_another_devices_number_is_told_where_its_key_is_known():
    utrn = GSME_KEY.utrn(TopUp(5, ValueClass.POUNDS, 1))
    with pytest.raises(NotForThisDeviceError, match=str(GSME)) as caught:
        accept_utrn(utrn, KEY, UtrnCounterCache(), others=[GSME_KEY])
    assert caught.value.event == 0x8F64
    with pytest.raises(NotAuthenticError):
        accept_utrn(utrn, KEY, UtrnCounterCache())


def test_mistyping_has_no_event():
    with pytest.raises(WrongDigitError) as caught:
        accept_utrn("73943333457189043314", KEY, UtrnCounterCache())
    assert caught.value.event is None


def test_unused_value_classes_are_refused():
    token = Ptut(1, 2, 100, b"")
    token.mac = KEY.mac(token.content, 1 << 32)
    with pytest.raises(MalformedUtrnError, match="class 2"):
        accept_utrn(token.utrn, KEY, UtrnCounterCache())


@pytest.mark.parametrize("counter", [(7 << 32) + 1, 8 << 32, (7 + 1024) << 32])
def test_the_commands_counter_has_to_fit(counter):
    utrn = KEY.utrn(TopUp(5, ValueClass.POUNDS, 7))
    with pytest.raises(NotAuthenticError):
        accept_utrn(utrn, KEY, UtrnCounterCache(), originator_counter=counter)


@relaxed
@given(top_ups, st.integers(0, 63))
def test_flipped_bits_give_no_credit(top_up, bit):
    number = int(KEY.ptut(top_up)) ^ 1 << bit
    digits = f"{PPTD_BASE + number:019d}"
    with pytest.raises(UtrnError):
        accept_utrn(digits + str(check_digit(digits)), KEY, cache_at(top_up.utrn_counter - 1))


# --- the counter window (GBCS 0.8.1 table 27, assumption A15) ---------------------------------------


@relaxed
@given(st.integers(0, MAX_UTRN_COUNTER), st.integers(-511, 511))
def test_counters_within_511_of_the_highest_are_recovered(highest, distance):
    counter = highest + distance
    if 0 <= counter <= MAX_UTRN_COUNTER:
        assert cache_at(highest).recover(counter % 1024) == counter


@relaxed
@given(st.integers(2000, MAX_UTRN_COUNTER - 2000), st.integers(513, 2000), st.sampled_from([-1, 1]))
def test_counters_beyond_512_are_taken_for_nearer_ones(highest, distance, sign):
    recovered = cache_at(highest).recover((highest + sign * distance) % 1024)
    assert recovered is not None
    assert abs(recovered - highest) <= 512
    assert recovered != highest + sign * distance


@pytest.mark.parametrize(
    ("highest", "counter", "recovered"),
    [
        # 512 below and 512 above share their 10 bits; the rule takes the one in the same block of 1024.
        (10 * 1024 + 700, 10 * 1024 + 188, 10 * 1024 + 188),
        (10 * 1024 + 700, 11 * 1024 + 188, 10 * 1024 + 188),
        (10 * 1024 + 300, 10 * 1024 + 812, 10 * 1024 + 812),
        (10 * 1024 + 300, 9 * 1024 + 812, 10 * 1024 + 812),
        # The nearest would be negative, or have more than 32 bits.
        (5, 1000, None),
        (MAX_UTRN_COUNTER, 1, None),
    ],
)
def test_the_edges_of_the_window(highest, counter, recovered):
    assert cache_at(highest).recover(counter % 1024) == recovered


@pytest.mark.parametrize(("distance", "taken"), [(-513, False), (-511, True), (511, True), (513, False)])
def test_a_number_outside_the_window_is_not_authentic(distance, taken):
    cache = cache_at(100_000)
    utrn = KEY.utrn(TopUp(5, ValueClass.POUNDS, 100_000 + distance))
    if taken:
        assert accept_utrn(utrn, KEY, cache).utrn_counter == 100_000 + distance
        return
    with pytest.raises(NotAuthenticError):
        accept_utrn(utrn, KEY, cache)
    # A command brings the whole counter, so it needs no window.
    whole = (100_000 + distance) << 32
    assert accept_utrn(utrn, KEY, cache, originator_counter=whole).value == 5


def test_a_counter_that_cannot_be_is_not_authentic():
    with pytest.raises(NotAuthenticError, match="no UTRN Counter"):
        accept_utrn(KEY.utrn(TopUp(5, ValueClass.POUNDS, 1000)), KEY, cache_at(5))


def test_the_floor_is_refused_and_one_above_is_not():
    cache = UtrnCounterCache.from_floor(500 << 32, size=3)
    assert cache.highest == 500
    with pytest.raises(DuplicateUtrnError, match="floor"):
        accept_utrn(KEY.utrn(TopUp(5, ValueClass.POUNDS, 500)), KEY, cache)
    assert accept_utrn(KEY.utrn(TopUp(5, ValueClass.POUNDS, 501)), KEY, cache).utrn_counter == 501


def test_a_full_cache_drops_the_lowest_and_refuses_what_is_below():
    cache = UtrnCounterCache(size=3)
    for counter in (10, 30, 20, 40):
        cache.add(counter)
    assert (cache.counters, cache.floor) == ([30, 20, 40], 10)
    for refused in (10, 5, 30):
        with pytest.raises(DuplicateUtrnError):
            cache.add(refused)
    cache.add(15)
    assert cache.floor == 15


def test_a_circular_cache_forgets():
    cache = UtrnCounterCache(size=2, when_full=WhenFull.OLDEST)
    for counter in (10, 30, 20, 10):
        cache.add(counter)
    assert cache.counters == [20, 10]
    assert cache.highest == 20


def test_a_cache_holds_something():
    with pytest.raises(EncodeError):
        UtrnCounterCache(size=0)


class Meter(RuleBasedStateMachine):
    """Supplier and meter over any history: what is credited is what was bought, and only once."""

    def __init__(self) -> None:
        super().__init__()
        self.cache = UtrnCounterCache(size=5)
        self.counter = 0
        self.bought: dict[str, TopUp] = {}
        self.credited: list[str] = []
        self.highest = 0

    @rule(step=st.integers(1, 600), value=st.integers(0, 8191), kind=st.sampled_from(ValueClass))
    def buy(self, step, value, kind):
        self.counter += step
        top_up = TopUp(value, kind, self.counter)
        self.bought[KEY.utrn(top_up)] = top_up

    @rule(which=st.integers(0, 1000), by_command=st.booleans())
    def enter(self, which, by_command):
        if not self.bought:
            return
        utrn, top_up = list(self.bought.items())[which % len(self.bought)]
        whole = top_up.originator_counter if by_command else None
        near = abs(top_up.utrn_counter - self.cache.highest) < 512
        try:
            assert accept_utrn(utrn, KEY, self.cache, originator_counter=whole) == top_up
            self.credited.append(utrn)
        except DuplicateUtrnError:
            assert utrn in self.credited or top_up.utrn_counter <= self.cache.floor
        except NotAuthenticError:
            assert not near
            assert not by_command

    @invariant()
    def every_number_counts_once(self):
        assert len(set(self.credited)) == len(self.credited)

    @invariant()
    def the_cache_is_bounded_and_its_highest_never_falls(self):
        assert len(self.cache.counters) <= 5
        assert self.cache.highest >= self.highest
        self.highest = self.cache.highest


TestMeter = Meter.TestCase
TestMeter.settings = settings(deadline=None, max_examples=50)
