"""Credit and debts of a gas meter, read and set by its supplier; amounts in thousandths of a penny."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hil import payment_mode

if TYPE_CHECKING:
    from datetime import datetime

    from hil.exchange import Response
    from hil.nodes import DeviceNode, UserNode
    from hil.top_ups import Token

REGISTERS = {
    "balance": "Credit Remaining",
    "emergency": "Emergency Credit Remaining",
    "accumulated": "Accumulated Debt",
    "debt_1": "Debt Amount 1 (Time-Based Debt 1)",
    "debt_2": "Debt Amount 2 (Time-Based Debt 2)",
    "payment": "Debt Amount 3 (Payment-Based Debt)",
}
ISSUER = {"*/Issuer Event ID": 1}
ACCEPTED, INVALID, DUPLICATE, BALANCE_TOO_HIGH, TOO_LARGE = 0, 1, 2, 4, 6
ARMED, DISABLED = 0x12, 0x11
HOURLY, DAILY = 0, 1
WIDEST = 2**31 - 1
CALENDAR = 77
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
Switching = tuple[int, int]
"""Minute of the day, and 1 where supply is not disabled from then on."""


def registers(supplier: UserNode, gsme: DeviceNode) -> dict[str, int]:
    """The six registers (GCS14, encrypted), by the names of `REGISTERS`."""
    response = supplier.request("GCS14", gsme)
    return {name: response.find(attribute) for name, attribute in REGISTERS.items()}


def balance(supplier: UserNode, gsme: DeviceNode) -> int:
    """The balance of prepayment mode."""
    return registers(supplier, gsme)["balance"]


def adjust(supplier: UserNode, gsme: DeviceNode, amount: int) -> Response:
    """GCS40a."""
    return supplier.request("GCS40a", gsme, values={**ISSUER, "Credit Adjustment Value": amount})


def bill(supplier: UserNode, gsme: DeviceNode) -> int:
    """What is owed in credit mode (GCS60)."""
    return int(supplier.request("GCS60", gsme).find("Bill to Date Delivered"))


def send_token(supplier: UserNode, gsme: DeviceNode, token: Token) -> Response:
    """CS01b."""
    values = {"Top Up Code": token.utrn.encode().hex().upper()}
    sent = supplier.send("CS01b", gsme, counter=token.counter, values=values)
    return supplier.expect_response(sent)


def debts(
    supplier: UserNode,
    gsme: DeviceNode,
    *,
    debt_1: int = 0,
    rate_1: int = 0,
    debt_2: int = 0,
    rate_2: int = 0,
    every: tuple[int, int] = (DAILY, DAILY),
    payment: int = 0,
    percentage: int = 0,
) -> Response:
    """GCS04: amounts are added to the debts, rates and percentage (hundredths of a percent) replaced."""
    values: dict[str, Any] = {**ISSUER, "Components/2/Debt Amount": payment}
    values["Components/2/Debt Recovery Balance Percentage"] = percentage
    for number, (debt, rate) in enumerate(((debt_1, rate_1), (debt_2, rate_2))):
        values[f"Components/{number}/Debt Amount"] = debt
        values[f"Components/{number}/Debt Recovery Amount"] = rate
        values[f"Components/{number}/Debt Recovery Frequency"] = every[number]
    return supplier.request("GCS04", gsme, values=values)


def calendar(
    *days: list[Switching],
    special: list[tuple[str, int]] | None = None,
    seasons: int = 1,
    monday: int = 1,
) -> dict[str, Any]:
    """The parts of GCS05 that are the non-disablement calendar: day profiles from 1 on, one week profile.

    ``special`` are dates and their day profiles, ``monday`` is the profile of each day of the week.
    """
    values: dict[str, Any] = {
        "*/Issuer Calendar ID": CALENDAR,
        "Publish Calendar/Number of Seasons": seasons,
        "Publish Calendar/Number of Week Profiles": 1,
        "Publish Calendar/Number of Day Profiles": len(days),
        "Publish Week Profile/Week ID": 1,
        **{f"Publish Week Profile/Day ID Ref {day}": monday for day in WEEKDAYS},
        "Publish Seasons/Season Entries": [
            {"Season Start Date": f"*-{1 + number:02}-01", "Week ID Ref": 1} for number in range(seasons)
        ],
        "Publish Special Days/Total Number of Special Days": len(special or []),
        "Publish Special Days/Special Day Entries": [
            {"Special Day Date": date, "Day ID Ref": day} for date, day in special or []
        ],
    }
    for number, switchings in enumerate(days, 1):
        place = f"Publish Day Profile[{number}]" if len(days) > 1 else "Publish Day Profile"
        values[f"{place}/Day ID"] = number
        values[f"{place}/Total Number of Schedule Entries"] = len(switchings)
        values[f"{place}/Day Schedule Entries"] = [
            {"Start Time": minute, "Friendly Credit Enable": on} for minute, on in switchings
        ]
    return values


def configure(
    supplier: UserNode,
    gsme: DeviceNode,
    *,
    low: int = 0,
    limit: int = 0,
    threshold: int = 0,
    most: int = WIDEST,
    most_at_once: int = WIDEST,
    cap: int = 0,
    protected: dict[str, Any] | None = None,
    at: datetime | str = "now",
) -> Response:
    """GCS05: low credit, emergency credit, what the meter and a top-up may hold, cap, calendar."""
    values = {
        **ISSUER,
        "Emergency Credit Limit": limit,
        "Emergency Credit Threshold": threshold,
        "Overall Debt Cap": cap,
        "Low Credit Warning Level": low,
        "Maximum Credit Level": most,
        "Maximum Credit Per Top Up": most_at_once,
        **(protected or calendar([(0, 0)])),
    }
    return supplier.request("GCS05", gsme, values=values, at=at)


def select_emergency_credit(supplier: UserNode, gsme: DeviceNode) -> int:
    """GCS06; the status."""
    return next(iter(supplier.request("GCS06", gsme).statuses.values()))


def afresh(supplier: UserNode, gsme: DeviceNode, credit: int = payment_mode.CREDIT) -> None:
    """Prepayment mode with this balance: no debts left, no emergency credit, no limits, nothing protected."""
    left = registers(supplier, gsme)
    debts(supplier, gsme, debt_1=-left["debt_1"], debt_2=-left["debt_2"], payment=-left["payment"])
    configure(supplier, gsme)
    payment_mode.set_prepayment(supplier, gsme, credit=credit)
