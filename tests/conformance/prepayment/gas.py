"""Credit and debts of a gas meter, read and set by its supplier; amounts in thousandths of a penny."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil import payment_mode

if TYPE_CHECKING:
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


def afresh(supplier: UserNode, gsme: DeviceNode, credit: int = payment_mode.CREDIT) -> None:
    """Prepayment mode with this balance and nothing else on it."""
    payment_mode.set_prepayment(supplier, gsme, credit=credit)
