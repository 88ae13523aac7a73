"""An ESME and its load control switches on the HAN: plain ZSE of the load control cluster (HECS01).

A switch asks for its events when it gets a meter and whenever it comes back to the HAN; the meter tells it
each change by itself too. Which fields say on and off no source has: here it is the duty cycle, in per cent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.zigbee.smart_energy.settings import DEVICE_ENDPOINT, LOAD_CONTROL
from protocols.zigbee.smart_energy.zcl_exchange import Address, Answer, Incoming, Outcome, Reply, Result
from protocols.zigbee.zcl.foundation import Status
from rigs.emulated.event_rules import EventCode
from rigs.emulated.events import seconds_since_2000
from rigs.emulated.hcalcs import Hcalcs, is_closed

if TYPE_CHECKING:
    from protocols.eui64 import Eui64
    from protocols.zigbee.smart_energy.device import SmartEnergyDevice
    from rigs.emulated.esme import Esme

_ASK, _EVENT, _REPORT = "Get Scheduled Events", "Load Control Event", "Report Event Status"
_HECS01 = 0x0119  # message code, by which the ESME's log knows a switch's question
_STARTED, _SWITCHED, _DONE, _FAILED = 2, 0x00, 1, 2
_SIMPLE_LOADS, _GREEN, _NOW, _WHILE_TOLD = 0x80, 1, 0, 0xFFFF
_NO_OFFSET, _NO_SET_POINT, _NO_ADJUSTMENT, _UNSIGNED = 0xFF, -0x8000, -0x80, 0
_FULL = 100
_TRIES, _AGAIN_S = 3, 5.0


class SwitchingMeter:
    """The ESME's side; partners alone get here (``Side.permits``)."""

    def __init__(self, device: Esme, application: SmartEnergyDevice) -> None:
        self._device, self._application = device, application
        application.zcl.side(DEVICE_ENDPOINT, LOAD_CONTROL).commands = self._serve
        device.auxiliary.changed = self._changed

    def _serve(self, incoming: Incoming) -> Result:
        device = self._device
        if not device.powered:
            return None
        number = device.auxiliary.of_partner(incoming.partner)
        with device.work():
            if incoming.name == _ASK:
                return self._asked(number)
            if incoming.name == _REPORT and number is not None:
                device.events.controlled(number, _SWITCHED, _DONE, incoming.values["Issuer Event ID"])
                return Status.SUCCESS
        return Status.UNSUPPORTED_CLUSTER_COMMAND

    def _asked(self, number: int | None) -> Result:
        """HECS01 is logged as other commands of devices on the HAN are (GBCS-ALC-04)."""
        code = EventCode.HAN_COMMAND_FAILED if number is None else EventCode.HAN_COMMAND_DONE
        self._device.events.record(code, other=_HECS01.to_bytes(2, "big"))
        if number is None:
            return Status.NOT_FOUND
        return Answer(_EVENT, self._event(self._device.auxiliary.level(number), 0))

    def _changed(self, number: int, level: int, minutes: int) -> bool:
        """Tell the switch, once what changed is kept; False where the meter has it itself."""
        partner = self._device.auxiliary.partner(number)
        if partner is None or not self._application.device_type or partner not in self._application.partners:
            return False
        values = self._event(level, minutes)
        self._device.after_work(lambda: self._tell(number, partner, values))
        return True

    def _tell(self, number: int, partner: Eui64, values: dict[str, Any]) -> None:
        def heard(reply: Reply) -> None:
            if not reply.is_answer and self._device.powered:
                with self._device.work():
                    self._failed(number, values["Issuer Event ID"])

        address = Address(partner, DEVICE_ENDPOINT, DEVICE_ENDPOINT)
        self._application.zcl.request(address, LOAD_CONTROL, _EVENT, values, heard, from_server=True)

    def _failed(self, number: int, command: int) -> None:
        """The switch was not reached, or does not follow (GBCS-ALC-05)."""
        other = bytes((number, _SWITCHED, _FAILED)) + command.to_bytes(4, "big")
        self._device.events.record(
            EventCode.AUXILIARY_SWITCH_FAILURE, f"controller {number} does not answer", other=other
        )

    def _event(self, level: int, minutes: int) -> dict[str, Any]:
        return {
            "Issuer Event ID": int(self._device.device_clock.now().timestamp()),
            "Device Class": _SIMPLE_LOADS,
            "Utility Enrollment Group": 0,
            "Start Time": _NOW,
            "Duration In Minutes": minutes or _WHILE_TOLD,
            "Criticality Level": _GREEN,
            "Cooling Temperature Offset": _NO_OFFSET,
            "Heating Temperature Offset": _NO_OFFSET,
            "Cooling Temperature Set Point": _NO_SET_POINT,
            "Heating Temperature Set Point": _NO_SET_POINT,
            "Average Load Adjustment Percentage": _NO_ADJUSTMENT,
            "Duty Cycle": level,
            "Event Control": 0,
        }


class Switch:
    """The HCALCS's side: it does what a meter of its own log says, and reports that it has."""

    def __init__(self, device: Hcalcs, application: SmartEnergyDevice) -> None:
        self._device, self._zcl, self._after = device, application.zcl, application.context.after
        side = application.zcl.side(DEVICE_ENDPOINT, LOAD_CONTROL, client=True)
        side.commands = self._serve
        side.permits = lambda partner: partner in application.partners
        device.ask = self._ask

    def _ask(self, meter: Eui64, tries: int = _TRIES) -> None:
        """HECS01; a question that went nowhere, as while others come back too, is asked again."""
        address = Address(meter, DEVICE_ENDPOINT, DEVICE_ENDPOINT)

        def heard(reply: Reply) -> None:
            if reply.name == _EVENT and self._device.powered:
                self._do(address, reply.values)
            elif reply.outcome is not Outcome.ANSWERED and tries > 1:
                self._after(_AGAIN_S, lambda: self._ask(meter, tries - 1))

        values = {"Start Time": _NOW, "Number of Events": 0}
        self._zcl.request(address, LOAD_CONTROL, _ASK, values, heard, expects=(_EVENT,))

    def _serve(self, incoming: Incoming) -> Result:
        if incoming.name != _EVENT or not self._device.powered:
            return Status.UNSUPPORTED_CLUSTER_COMMAND
        self._do(incoming.address, incoming.values)
        return Status.SUCCESS

    def _do(self, address: Address, values: dict[str, Any]) -> None:
        lasting = values["Duration In Minutes"]
        self._device.told(closed=is_closed(values), minutes=0 if lasting == _WHILE_TOLD else lasting)
        report = {
            "Issuer Event ID": values["Issuer Event ID"],
            "Event Status": _STARTED,
            "Event Status Time": seconds_since_2000(self._device.device_clock.now()),
            "Criticality Level Applied": _GREEN,
            "Cooling Temperature Set Point Applied": _NO_SET_POINT,
            "Heating Temperature Set Point Applied": _NO_SET_POINT,
            "Average Load Adjustment Percentage Applied": _NO_ADJUSTMENT,
            "Duty Cycle Applied": min(values["Duty Cycle"], _FULL),
            "Event Control": 0,
            "Signature Type": _UNSIGNED,
            "Signature": b"",
        }
        self._zcl.tell(address, LOAD_CONTROL, _REPORT, report)
