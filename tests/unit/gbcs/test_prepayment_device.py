"""What a device makes of top-ups: authenticity, duplicates, and the window of counters."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from protocols.errors import EncodeError
from protocols.eui64 import Eui64
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
)
from protocols.gbcs.prepayment_device import UtrnCounterCache, WhenFull, accept_utrn

relaxed = settings(deadline=None)
SUPPLIER, OTHER_SUPPLIER = Eui64("90-B3-D5-1F-30-01-00-00"), Eui64("90-B3-D5-1F-30-03-00-00")
ESME, GSME = Eui64("00-DB-12-34-56-78-90-A0"), Eui64("00-DB-12-34-56-78-90-A1")
KEY = TopUpKey(bytes(range(32)), SUPPLIER, ESME)
GSME_KEY = TopUpKey(bytes(range(1, 33)), SUPPLIER, GSME)

top_ups = st.builds(
    TopUp, st.integers(0, 8191), st.sampled_from(ValueClass), st.integers(1, MAX_UTRN_COUNTER)
)


def cache_at(highest: int) -> UtrnCounterCache:
    return UtrnCounterCache(counters=[highest])


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
