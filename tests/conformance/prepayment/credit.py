"""Credit and debts of an electricity meter, read and set by its supplier; amounts in thousandths of a penny."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hil import payment_mode

if TYPE_CHECKING:
    from datetime import datetime

    from hil.exchange import Response
    from hil.nodes import DeviceNode, UserNode
    from hil.top_ups import Token

PENNY, POUND = 1_000, 100_000
_COLLECTION = "PrepaymentBalanceCollection: prepayment_balance_collection"
REGISTERS = {
    "balance": "MeterBalance",
    "emergency": "EmergencyCreditBalance",
    "accumulated": "AccumulatedDebtRegister",
    "debt_1": "TimeDebt1Balance",
    "debt_2": "TimeDebt2Balance",
    "payment": "PaymentDebtBalance",
}


def registers(supplier: UserNode, esme: DeviceNode) -> dict[str, int]:
    """The six registers (ECS19, encrypted), by the names of `REGISTERS`."""
    response = supplier.request("ECS19", esme)
    return {name: response.find(member) for name, member in REGISTERS.items()}


def balance(supplier: UserNode, esme: DeviceNode) -> int:
    """The meter balance (ECS82), in either payment mode."""
    return int(supplier.request("ECS82", esme).find("MeterBalance: value"))


def set_balance(supplier: UserNode, esme: DeviceNode, amount: int) -> None:
    """By an adjustment (ECS04a)."""
    adjust(supplier, esme, amount - balance(supplier, esme))


def adjust(supplier: UserNode, esme: DeviceNode, amount: int) -> Response:
    """ECS04a."""
    return supplier.request("ECS04a", esme, values={"MeterBalance: adjust": amount})


def schedule(begins: str, ends: str) -> list[dict[str, Any]]:
    """A non-disablement calendar: every day from one time to another."""
    return [_entry(1, begins, 32), _entry(2, ends, 33)]


def _entry(number: int, at: str, script: int) -> dict[str, Any]:
    return {
        "IndexNext": number,
        "enableNext": True,
        "scriptTableNext": "00000A006AFF",
        "scriptRefNext": script,
        "timeNext": at,
        "validityWindowNext": 65535,
        "execWeekdaysNext": "1111111",
        "execSpecdaysNext": "",
        "beginDateNext": "*-01-01",
        "endDateNext": "*-12-31",
    }


def configure(
    supplier: UserNode,
    esme: DeviceNode,
    *,
    low: int = 0,
    limit: int = 0,
    threshold: int = 0,
    most: int = 2**31 - 1,
    most_at_once: int = 2**31 - 1,
    cap: int = 0,
    cap_period_s: int = 0,
    calendar: list[dict[str, Any]] | None = None,
    at: datetime | str = "now",
) -> Response:
    """ECS08a: low credit, emergency credit, what the meter and a top-up may hold, cap, calendar."""
    values = {
        "LowCreditThreshold: thresholdNext": low,
        "EmergencyCreditLimit: amountNext": limit,
        "EmergencyCreditThreshold: thresholdNext": threshold,
        "PrepaymentCredit(MaxMeterBalance): valueNext": most,
        "PrepaymentCredit(MaximumCreditThreshold): valueNext": most_at_once,
        "DebtRecoveryRateCap: amountNext": cap,
        "DebtRecoveryRateCap: periodNext": cap_period_s,
        "Non-DisablementCalendar: entries": calendar or [_entry(1, "00:00:00", 33)],
        "Non-DisablementCalendar(SpecialDays): entries": [],
    }
    return supplier.request("ECS08a", esme, values=values, at=at)


def debts(
    supplier: UserNode,
    esme: DeviceNode,
    *,
    debt_1: int = 0,
    rate_1: int = 0,
    period_1_s: int = 86_400,
    debt_2: int = 0,
    rate_2: int = 0,
    period_2_s: int = 86_400,
    payment: int = 0,
    percentage: int = 0,
) -> Response:
    """ECS07: amounts are added to the debts, rates and percentage (hundredths of a percent) replaced."""
    values: dict[str, Any] = {
        "DebtRecoveryperPayment: valueCurrent": percentage,
        "DebtRecoveryRates[1]: periodNext": period_1_s,
        "DebtRecoveryRates[2]: periodNext": period_2_s,
        "PaymentDebtRegister: adjust": payment,
        "TimeDebtRegisters[1]: adjust": debt_1,
        "TimeDebtRegisters[2]: adjust": debt_2,
    }
    for number, rate in ((1, rate_1), (2, rate_2)):
        place = f"DebtRecoveryRates[{number}]: unit_charge_passive"
        values[f"{place}/charge_per_unit_scaling/scalerNext"] = -5
        values[f"{place}/charge_table"] = [{"index": "", "amountNext": rate}]
    return supplier.request("ECS07", esme, values=values)


def send_token(supplier: UserNode, esme: DeviceNode, token: Token) -> bool:
    """CS01a; whether the meter took it."""
    values = {"PrepaymentCredit: addCredit": token.utrn}
    sent = supplier.send("CS01a", esme, counter=token.counter, values=values)
    return not any(supplier.expect_response(sent).statuses.values())


def top_up(supplier: UserNode, esme: DeviceNode, pence: int) -> bool:
    """A token of the supplier's, sent at once."""
    return send_token(supplier, esme, supplier.top_up(esme, pence))


def activate_emergency_credit(supplier: UserNode, esme: DeviceNode) -> int:
    """ECS09; the result of the action."""
    return next(iter(supplier.request("ECS09", esme).statuses.values()))


def afresh(supplier: UserNode, esme: DeviceNode, credit: int = payment_mode.CREDIT, **bits: str) -> None:
    """Prepayment mode with this balance: no emergency credit, no debts left, no limits, nothing protected."""
    left = registers(supplier, esme)
    debts(supplier, esme, debt_1=-left["debt_1"], debt_2=-left["debt_2"], payment=-left["payment"])
    configure(supplier, esme)
    payment_mode.set_prepayment(supplier, esme, credit=credit, **bits)
