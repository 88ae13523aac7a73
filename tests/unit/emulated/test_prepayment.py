from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.emulated_devices import DeviceBench
from protocols.dlms.axdr import (
    Data,
    Tag,
    array,
    double_long_unsigned,
    integer,
    long_unsigned,
    octet_string,
    structure,
)
from protocols.gbcs.prepayment import TopUp, TopUpKey
from protocols.ports import StimulusKind
from rigs.emulated.objects.definition import Place
from rigs.emulated.prepayment.side import Register
from rigs.emulated.supply import SupplyState

_LIMIT, _THRESHOLD = 500_000, 100_000
_PRICE = Place(113, bytes.fromhex("0000131400FF"), 5)
_STANDING = Place(113, bytes.fromhex("0000131404FF"), 5)
_DEBT_1 = (Place(113, bytes.fromhex("0000131401FF"), 5), Place(113, bytes.fromhex("0000131401FF"), 8))
DAY_S = 86_400


def charge(index: bytes, price: int, unit: int) -> Data:
    reference = structure(long_unsigned(0), octet_string(bytes(6)), integer(0))
    element = structure(octet_string(index), Data(Tag.LONG, price))
    return structure(structure(integer(unit), integer(-5)), reference, array([element]))


def prepaid(path: str = ":memory:", *, price: int = 20_000, balance: int = 1_000_000) -> DeviceBench:
    """A meter in prepayment mode with a price of so much a kWh, and emergency credit to be had."""
    bench = DeviceBench("esme", path=path)
    with bench.device.work():
        bench.device.cosem.put(_PRICE, charge(b"\x01", price, 3))
        bench.device.prepayment.ledger.side.offer(_LIMIT, _THRESHOLD)
        bench.device.prepayment.ledger.adjust(Register.METER, balance)
    return bench


def balance(bench: DeviceBench) -> int:
    bench.device.say("look")
    return bench.device.prepayment.ledger.account().meter


def utrn(bench: DeviceBench, pence: int, counter: int) -> str:
    supplier = bench.party("supplier")
    key = TopUpKey.agree(
        supplier.pp_ka.private,
        bench.device.description.identities.ka.public,
        supplier=supplier.eui64,
        device=bench.device.eui64,
    )
    return key.utrn(TopUp.of_pence(pence, counter))


def load(bench: DeviceBench, watts: int) -> None:
    bench.device.stimulus(StimulusKind.BUTTON, f"load={watts}")


def test_consumption_costs_its_price():
    bench = prepaid()
    load(bench, 1000)
    bench.clock.advance(3600)
    assert balance(bench) == 1_000_000 - 20_000


def test_the_standing_charge_is_taken_at_midnight_in_both_modes():
    for mode in ("credit", "prepayment"):
        bench = prepaid() if mode == "prepayment" else DeviceBench("esme")
        with bench.device.work():
            bench.device.cosem.put(_STANDING, charge(b"", 25_000, 0))
        before = balance(bench)
        bench.clock.advance(3 * DAY_S)
        assert balance(bench) == before - 75_000


def test_supply_is_cut_in_the_minute_in_which_credit_runs_out():
    bench = prepaid(balance=20_000)
    load(bench, 6000)
    for _ in range(20):
        bench.clock.advance(60)
        bench.device.run_due()
    # A pound's fifth lasts ten minutes at six kilowatts and 20 pence; the eleventh costs two pence more.
    assert bench.device.supply.state is SupplyState.DISABLED
    assert bench.device.import_wh == 1100
    assert balance(bench) == -2_000
    assert 0x8F0F in bench.alert_codes()


def test_a_device_wakes_by_itself_for_that():
    bench = prepaid(balance=20_000)
    load(bench, 6000)
    moments = []
    while bench.device.supply.connected():
        due = bench.device.next_due()
        assert due is not None
        moments.append(due)
        bench.clock.advance((due - bench.clock.now()).total_seconds())
        bench.device.run_due()
    assert (moments[-1] - moments[0]).total_seconds() <= 660


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(1, 5_000), min_size=1, max_size=12), st.integers(100, 9_000))
def test_numbers_do_not_depend_on_how_often_somebody_looks(pauses, watts):
    often, once = prepaid(balance=60_000), prepaid(balance=60_000)
    for bench in (often, once):
        with bench.device.work():
            rate, period = _DEBT_1
            bench.device.cosem.put(rate, charge(b"", 700, 0))
            bench.device.cosem.put(period, double_long_unsigned(1800))
            bench.device.prepayment.ledger.adjust(Register.TIME_1, 30_000)
        load(bench, watts)
    for pause in pauses:
        often.clock.advance(pause)
        often.device.say("look")
    once.clock.advance(sum(pauses))
    once.device.say("look")
    assert often.device.prepayment.ledger.account() == once.device.prepayment.ledger.account()
    assert often.device.import_wh == once.device.import_wh
    assert often.device.supply.state == once.device.supply.state


def test_everything_outlives_a_restart(tmp_path):
    bench = prepaid(str(tmp_path / "esme.db"), balance=0)
    with bench.device.work():
        assert bench.device.prepayment.ledger.activate_emergency_credit()
    token = utrn(bench, 50, 3)
    assert bench.device.stimulus(StimulusKind.KEYPAD, token)[0] == "done"
    before = bench.device.prepayment.ledger.account()
    bench.restart()
    assert bench.device.prepayment.ledger.account() == before
    assert bench.device.stimulus(StimulusKind.KEYPAD, token)[0] == "refused"
    assert bench.logged("security")[-1] == 0x8F51


def test_a_condition_is_told_again_only_after_it_ended():
    bench = prepaid()
    ledger = bench.device.prepayment.ledger
    told = []
    for amount in (50_000, 40_000, 500_000, 30_000):
        bench.sent.clear()
        with bench.device.work():
            ledger.adjust(Register.METER, amount, replace=True)
        told.append(0x8119 in bench.alert_codes())
    assert told == [True, False, False, True]


@pytest.mark.parametrize(("way", "state"), [("armed", SupplyState.ARMED), ("enabled", SupplyState.ENABLED)])
def test_emergency_credit_while_disabled_arms_or_enables(way, state):
    bench = prepaid()
    bench.device.description.switches = {"A30": way}
    with bench.device.work():
        bench.device.prepayment.ledger.adjust(Register.METER, -1, replace=True)
    assert bench.device.supply.state is SupplyState.DISABLED
    bench.device.stimulus(StimulusKind.BUTTON, "emergency-credit")
    assert bench.device.supply.state is state


def test_a_top_up_in_credit_mode_may_be_refused():
    bench = DeviceBench("esme", changes={"switches": {"A14": "refused"}})
    assert bench.device.stimulus(StimulusKind.KEYPAD, utrn(bench, 100, 1)) == ("refused", "credit mode")


def test_old_top_ups_are_locked_out():
    bench = DeviceBench("esme", changes={"switches": {"A15": "2"}})
    for counter in (10, 11, 12):
        assert bench.device.stimulus(StimulusKind.KEYPAD, utrn(bench, 1, counter))[0] == "done"
    for counter, code in ((12, 0x8F51), (9, 0x81C5)):
        assert bench.device.stimulus(StimulusKind.KEYPAD, utrn(bench, 1, counter))[0] == "refused"
        assert code in bench.logged("security") + bench.logged("event")


def test_the_display_shows_what_is_to_be_cleared():
    bench = prepaid(balance=-123_000)
    assert "TO CLEAR 1.23" in bench.device.stimulus(StimulusKind.DISPLAY)[1]


def test_days_without_supply_are_charged_late_and_none_twice():
    bench = prepaid()
    with bench.device.work():
        bench.device.cosem.put(_STANDING, charge(b"", 25_000, 0))
    bench.device.power(False)
    bench.clock.advance(3 * DAY_S)
    bench.device.power(True)
    assert balance(bench) == 1_000_000 - 75_000
    for seconds in (-13 * 3600, 14 * 3600):
        bench.device.stimulus(StimulusKind.BUTTON, f"clock-drift={seconds}")
        assert balance(bench) == 1_000_000 - 75_000
