"""Plain ZSE commands from a PPMID to an ESME (PECS01, PECS02, PECS03): a top-up, emergency credit, supply.

They are no GBCS messages: what protects them is the link key that the two share, and a meter takes them from
devices in its own log alone. To a GSME the same wishes go as messages, PCS01 and PCS02 (`gas_wishes`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from protocols.zigbee.smart_energy.settings import DEVICE_ENDPOINT, METERING, PREPAYMENT
from protocols.zigbee.smart_energy.zcl_exchange import Address, Answer, Incoming, Result
from protocols.zigbee.zcl.foundation import Status
from rigs.emulated.esme import Esme
from rigs.emulated.ppmid import Ppmid
from rigs.emulated.prepayment.tokens import RESULT_TYPES

if TYPE_CHECKING:
    from protocols.eui64 import Eui64
    from protocols.zigbee.smart_energy.device import SmartEnergyDevice
    from protocols.zigbee.smart_energy.zcl_exchange import Reply
    from rigs.emulated.device import Device

_TOP_UP, _EMERGENCY, _SUPPLY = "Consumer Top Up", "Select Available Emergency Credit", "Local Change Supply"
_ANSWER = "Consumer Top Up Response"
_IN_HOME_DISPLAY, _ON, _NO_VALUE = 2, 2, -1


def join(device: Device, application: SmartEnergyDevice) -> None:
    """Have a device serve these commands, or send them, through its running application."""
    if isinstance(device, Esme):
        _Server(device).join(application)
    elif isinstance(device, Ppmid):
        device.ask = _asker(application)


class _Server:
    """The ESME's side; partners alone get here (``Side.permits``)."""

    def __init__(self, device: Esme) -> None:
        self._device = device

    def join(self, application: SmartEnergyDevice) -> None:
        for cluster in (PREPAYMENT, METERING):
            application.zcl.side(DEVICE_ENDPOINT, cluster).commands = self._serve

    def _serve(self, incoming: Incoming) -> Result:
        actions: dict[str, Callable[[dict[str, Any]], Result]] = {
            _TOP_UP: self._top_up,
            _EMERGENCY: lambda _values: self._status(self._device.prepayment.emergency_credit_by_air()),
            _SUPPLY: self._supply,
        }
        action = actions.get(incoming.name)
        if action is None or incoming.message.frame.from_server:
            return Status.UNSUPPORTED_CLUSTER_COMMAND
        if not self._device.powered:
            return None
        with self._device.work():
            return action(incoming.values)

    def _top_up(self, values: dict[str, Any]) -> Result:
        code = bytes(values["Top Up Code"] or b"").decode("ascii", "replace")
        taken = self._device.prepayment.keyed_by_air(code)
        credit = self._device.prepayment.ledger.account().meter
        answer = {
            "Result Type": RESULT_TYPES[taken.result],
            "Top Up Value": taken.amount if taken.accepted else _NO_VALUE,
            "Source of Top Up": values["Originating Device"],
            "Credit Remaining": credit if taken.accepted else _NO_VALUE,
        }
        return Answer(_ANSWER, answer)

    def _supply(self, values: dict[str, Any]) -> Result:
        """GBCS-SUP-04: supply on can be asked for, nothing else, and only where it is armed."""
        if values["Proposed Supply Status"] != _ON:
            return self._status(self._device.prepayment.supply_by_air(wanted=False))
        return self._status(self._device.prepayment.supply_by_air(wanted=True))

    @staticmethod
    def _status(done: bool) -> int:
        return Status.SUCCESS if done else Status.FAILURE


def _asker(
    application: SmartEnergyDevice,
) -> Callable[[Eui64, str, dict[str, Any], Callable[[str], None]], None]:
    def ask(meter: Eui64, name: str, values: dict[str, Any], heard: Callable[[str], None]) -> None:
        """Send one of the commands; ``heard`` gets a word on what came of it."""
        address = Address(meter, DEVICE_ENDPOINT, DEVICE_ENDPOINT)

        def done(reply: Reply) -> None:
            heard(_word(reply))

        application.zcl.request(
            address,
            METERING if name == _SUPPLY else PREPAYMENT,
            name,
            values,
            done,
            expects=(_ANSWER,) if name == _TOP_UP else (),
        )

    return ask


def _word(reply: Reply) -> str:
    """``done``, ``refused``, or ``no answer``."""
    if reply.name == _ANSWER:
        accepted = reply.values["Result Type"] in {0x00, 0x10, 0x11, 0x12}
        return "done" if accepted else "refused"
    if not reply.name:
        return "no answer"
    return "done" if reply.is_answer else "refused"
