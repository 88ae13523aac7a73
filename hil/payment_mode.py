"""Payment modes of meters: which one is in force, and the supplier's ways into either (ECS02/03, GCS02/03).

The state `prepayment` begins with `CREDIT` on the meter, no debts, and all charges collected at all times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hil.exchange import NoResponseError
from hil.verdicts import StateNotReachedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.exchange import Response
    from hil.nodes import DeviceNode, UserNode

METERS = frozenset(("esme", "gsme"))
CREDIT = 2_000_000  # thousandths of a penny: 20 pounds
_MODE = "SuspendDebtDisabled / SuspendDebtEmergency / Payment Mode"
CONFIGURATION = f"{_MODE}: creditChargeConfiguration"
THRESHOLD = "DisablementThreshold(MeterBalance): thresholdNext"
_PREPAYMENT = 2  # of the account object
_PREPAYMENT_BIT = 0x0002  # of the payment control configuration
# Gas: credit mode; prepayment that suspends no debt.
_GAS_CREDIT, _GAS_PREPAYMENT = 0x0C94, 0x0897
_CREDITS = {"meter": "0000130A00FF", "emergency": "0000130A01FF", "accumulated": "0000130A02FF"}
_CHARGES = ("0000131400FF", "0000131404FF", "0000131401FF", "0000131402FF", "0000131403FF")
ALWAYS = "111"


def is_prepayment(user: Callable[[str], UserNode], device: DeviceNode, answer_s: float) -> bool:
    """Whether a meter is in prepayment mode (ECS26j, GCS21j); nothing else ever is."""
    if device.type not in METERS:
        return False
    try:
        if device.type == "esme":
            response = user("supplier").request("ECS26j", device, timeout_s=answer_s)
            return bool(response.find("PaymentMode") == _PREPAYMENT)
        response = user("supplier").request("GCS21j", device, timeout_s=answer_s)
        return bool(response.find("Payment Control Configuration") & _PREPAYMENT_BIT)
    except NoResponseError:
        return False


def collections(**bits: str) -> list[dict[str, Any]]:
    """A credit and charge configuration that collects every charge from every credit.

    ``bits`` by credit (``meter``, ``emergency``, ``accumulated``) replace those of the standing charge and
    the time debts; "" leaves their entries out. Bits: while disconnected, load limited, protected.
    """
    entries = []
    for credit, obis in _CREDITS.items():
        for charge in _CHARGES:
            timely = charge in _CHARGES[1:4]
            chosen = bits.get(credit, ALWAYS) if timely else ALWAYS
            if chosen and (timely or credit != "accumulated"):
                entries.append(
                    {
                        "credit_reference": obis,
                        "charge_reference": charge,
                        "collection_configuration": chosen,
                    }
                )
    return entries


def set_prepayment(
    supplier: UserNode, device: DeviceNode, *, credit: int = CREDIT, threshold: int = 0, **bits: str
) -> None:
    """Into prepayment mode with this balance; StateNotReachedError where the meter refuses a step."""
    if device.type == "gsme":
        _done(supplier.request("GCS40b", device, values={"*/Issuer Event ID": 1}), device)
        adjusted = {"*/Issuer Event ID": 1, "Credit Adjustment Value": credit}
        _done(supplier.request("GCS40a", device, values=adjusted), device)
        mode = {"Proposed Payment Control Configuration": _GAS_PREPAYMENT, "Cut Off Value": threshold}
        _done(supplier.request("GCS03", device, values={"*/Issuer Event ID": 1, **mode}), device)
        return
    _done(supplier.request("ECS04b", device), device)
    _done(supplier.request("ECS04a", device, values={"MeterBalance: adjust": credit}), device)
    values: dict[str, Any] = {THRESHOLD: threshold, CONFIGURATION: collections(**bits)}
    _done(supplier.request("ECS03", device, values=values), device)
    _done(supplier.request("ECS42", device), device)


def set_credit(supplier: UserNode, device: DeviceNode) -> None:
    """Into credit mode; StateNotReachedError where the meter refuses."""
    if device.type == "gsme":
        _done(supplier.request("GCS02", device, values={"*/Issuer Event ID": 1}), device)
        return
    values = {CONFIGURATION: collections(emergency="", accumulated="")[:2]}
    _done(supplier.request("ECS02", device, values=values), device)
    # What want of credit disabled is armed now, no more.
    _done(supplier.request("ECS42", device), device)


def _done(response: Response, device: DeviceNode) -> None:
    bad = {name: status for name, status in response.statuses.items() if status}
    if bad:
        raise StateNotReachedError(f"{response.use_case} for {device.name}: {bad}")
