from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rigs.emulated.prepayment.account import Account
from rigs.emulated.prepayment.side import PARTS, Charge, Register, Terms

ORDER = ["payment", "accumulated", "emergency"]
amounts = st.integers(0, 10_000_000)


def everything(_credit: Register) -> bool:
    return True


@st.composite
def accounts(draw):
    active = draw(st.booleans())
    granted = draw(st.integers(0, 1_000_000)) if active else 0
    return Account(
        meter=draw(st.integers(-1_000_000, 5_000_000)),
        emergency=draw(st.integers(0, granted)),
        accumulated=draw(amounts),
        time_1=draw(amounts),
        time_2=draw(amounts),
        payment=draw(amounts),
        granted=granted,
        active=active,
        carry=draw(st.integers(0, PARTS - 1)),
    )


def worth(account: Account) -> int:
    """What the consumer has, less all that is owed; no sum of these rules changes it by itself."""
    debts = account.accumulated + account.time_1 + account.time_2 + account.payment + account.borrowed
    return account.meter - debts


@given(
    accounts(), amounts, st.integers(0, 10_000), st.permutations(ORDER), st.booleans(), st.integers(0, 500)
)
def test_a_top_up_loses_and_makes_no_money(account, amount, percentage, order, up, cap):
    before = worth(account)
    terms = Terms(prepayment=True, percentage=percentage, cap=cap, cap_period_s=60)
    shares = account.top_up(amount, terms, 7, order, round_up=up)
    assert worth(account) == before + amount
    assert shares.payment + shares.accumulated + shares.emergency + shares.balance == amount
    assert min(shares.payment, shares.accumulated, shares.emergency, shares.balance) >= 0
    assert not cap or shares.payment <= cap
    assert min(account.payment, account.accumulated, account.borrowed) >= 0


@given(accounts(), st.lists(st.integers(0, 5_000_000), max_size=20))
def test_consumption_costs_the_same_however_it_is_cut(account, parts):
    once = Account(**{name: getattr(account, name) for name in Account.__slots__})
    for each in parts:
        account.consume(each)
    once.consume(sum(parts))
    assert (account.meter, account.emergency, account.carry) == (once.meter, once.emergency, once.carry)


@given(accounts(), st.sampled_from([Charge.TIME_1, Charge.TIME_2]), amounts)
def test_a_recovered_debt_changes_hands_only(account, charge, amount):
    before = worth(account)
    debt = getattr(account, charge.name.lower())
    taken = account.collect(charge, amount, everything)
    assert taken == min(amount, debt)
    assert worth(account) == before


@given(
    accounts(),
    amounts,
    st.frozensets(st.sampled_from([Register.METER, Register.EMERGENCY, Register.ACCUMULATED])),
)
def test_nothing_is_taken_where_nothing_is_allowed(account, amount, allowed):
    before = (account.meter, account.emergency, account.accumulated)
    account.collect(Charge.STANDING, amount, allowed.__contains__)
    after = (account.meter, account.emergency, account.accumulated)
    for register, was, now in zip(
        (Register.METER, Register.EMERGENCY, Register.ACCUMULATED), before, after, strict=True
    ):
        assert register in allowed or was == now


@given(accounts(), st.integers(0, 9_000))
def test_what_is_to_be_cleared_clears_it(account, percentage):
    terms = Terms(prepayment=True, percentage=percentage)
    owed = account.to_clear(terms)
    account.top_up(owed, terms, 1, ORDER, round_up=False)
    assert account.meter >= min(0, terms.disablement)
    assert account.accumulated == 0
    assert account.borrowed == 0


def test_consumption_takes_the_balance_then_emergency_credit_then_the_balance_again():
    account = Account(meter=100, emergency=50, granted=50, active=True)
    account.consume(120 * PARTS)
    assert (account.meter, account.emergency) == (0, 30)
    account.consume(40 * PARTS)
    assert (account.meter, account.emergency) == (-10, 0)


def test_repaid_emergency_credit_is_no_longer_active():
    account = Account(meter=0, emergency=20, granted=50, active=True)
    account.top_up(29, Terms(prepayment=True), 1, ORDER, round_up=False)
    assert (account.active, account.emergency, account.meter) == (True, 49, 0)
    account.top_up(11, Terms(prepayment=True), 1, ORDER, round_up=False)
    assert (account.active, account.emergency, account.meter) == (False, 0, 10)


def test_the_cap_counts_anew_in_each_window():
    account, terms = Account(payment=1000), Terms(prepayment=True, percentage=5000, cap=30, cap_period_s=60)
    taken = [account.top_up(50, terms, window, ORDER, round_up=False).payment for window in (1, 1, 2, 2)]
    assert taken == [25, 5, 25, 5]
