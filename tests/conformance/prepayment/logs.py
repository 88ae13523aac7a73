"""Codes in the logs of an electricity meter, and rows of its logs of credit."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hil.bench import Bench
    from hil.nodes import DeviceNode, UserNode

EVENT, SECURITY = "ECS35a", "ECS35b"
_NAMES = {EVENT: "EventLog(incGPF): readLog", SECURITY: "SecurityLog(notCHF): readLog"}


TOP_UPS, DEBT_PAYMENTS = "ECS20d", "ECS20a"
_BILLING = {
    TOP_UPS: "BillingDataLog(mostrecentPrepaymentCredits): readLog",
    DEBT_PAYMENTS: "BillingDataLog(mostrecentPaymentBasedDebtRepayment): readLog",
}


def rows(bench: Bench, supplier: UserNode, esme: DeviceNode, use_case: str) -> list[dict[str, Any]]:
    """Entries of a billing data log of the last days, oldest first."""
    response = supplier.request(use_case, esme, values=_span(bench))
    found: list[dict[str, Any]] = response.find(_BILLING[use_case])
    return found


def _span(bench: Bench) -> dict[str, Any]:
    now = bench.clock.now().replace(microsecond=0)
    return {"fromDateTime": now - timedelta(days=40), "toDateTime": now + timedelta(hours=1)}


def codes(bench: Bench, supplier: UserNode, esme: DeviceNode, use_case: str = EVENT) -> list[int]:
    """Codes of the entries of the last days, oldest first."""
    response = supplier.request(use_case, esme, values=_span(bench))
    return [entry["logCode"] for entry in response.find(_NAMES[use_case])]
