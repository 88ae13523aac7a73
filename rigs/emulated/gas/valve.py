"""The valve of a gas meter, as commands and attributes have it (GCS24, GCS24a, GCS32, GCS33, GCS39)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.gbcs.zcl import Status
from rigs.emulated.objects.zse import AttributePlace, CommandPlace
from rigs.emulated.supply import Reason, SupplyState

if TYPE_CHECKING:
    from rigs.emulated.command import Command
    from rigs.emulated.device import Device
    from rigs.emulated.supply import Supply

_METERING = 0x0702
SUPPLY_STATUS = AttributePlace(_METERING, 0x0014)
TAMPER_STATE, DEPLETION_STATE = AttributePlace(_METERING, 0x0607), AttributePlace(_METERING, 0x0608)
CHANGE_SUPPLY, SET_FLOW = CommandPlace(_METERING, False, 0x0B), CommandPlace(_METERING, False, 0x0E)
OFF, ARMED, ON, UNCHANGED = range(4)
_STATUS = {SupplyState.DISABLED: OFF, SupplyState.ARMED: ARMED, SupplyState.ENABLED: ON}
_ECHOED = ("Provider ID", "Issuer Event ID", "Implementation Date/Time")
# Flow thresholds: whole m3/h by GCS24, ten-thousandths of that by GCS24a.
_DIVISORS = {"GCS24": 1, "GCS24a": 10_000}
_UNITS = {"GCS24": "m3-per-hour", "GCS24a": "m3-per-hour-10000"}  # by the names of A16
_MULTIPLIER, _CUBIC_METRES = 1, 1

Values = dict[str, Any]


class Valve:
    """What the supplier does to the valve from afar, and what the meter does when tampered with or flat."""

    def __init__(self, device: Device, supply: Supply) -> None:
        self._device = device
        self._supply = supply
        zcl = device.zcl
        zcl.attribute(*SUPPLY_STATUS, lambda: _STATUS[supply.state])
        for place in (TAMPER_STATE, DEPLETION_STATE):
            # From manufacture neither tampering nor a flat battery moves the valve: a choice of ours.
            zcl.attribute(*place, lambda: UNCHANGED)
        zcl.setting(CHANGE_SUPPLY, self._change)
        zcl.before(SET_FLOW, _check_threshold)

    def _change(self, _device: Device, _command: Command, values: Values) -> Status | list[Values]:
        """Close or arm; nothing opens a valve from afar (GBCS-SUP-03)."""
        wanted = values["Proposed Supply Status"]
        if wanted == OFF:
            if not self._supply.disable(Reason.SUPPLIER):
                return Status.HARDWARE_FAILURE
        elif wanted == ARMED:
            self._supply.arm(Reason.SUPPLIER)
        else:
            return Status.INVALID_VALUE
        # The answer names the state that was asked for, as the reference answer to arming does.
        return [{**{name: values[name] for name in _ECHOED}, "Supply Status": wanted}]

    def tampered(self) -> None:
        """The meter was tampered with: the valve closes if the supplier wants that (SMETS 4.6.4.26)."""
        if self._device.zcl.number(TAMPER_STATE) == OFF:
            self._supply.disable(Reason.TAMPER)

    def depleted(self) -> None:
        """The battery is out or flat: the valve closes or stays (SMETS 4.6.4.25)."""
        if self._device.zcl.number(DEPLETION_STATE) == OFF:
            self._supply.disable(Reason.DEPLETION)


def _check_threshold(device: Device, command: Command | None, values: Values) -> Status:
    """Each use case has its own resolution; another is not taken for it (SMETS-UGFR-02)."""
    use_case = "" if command is None else command.use_case.code
    if device.description.assumes("A16") not in {"profile", _UNITS.get(use_case)}:
        return Status.INVALID_VALUE
    told = (values["Unit of Measure"], values["Multiplier"], values["Divisor"])
    fits = told == (_CUBIC_METRES, _MULTIPLIER, _DIVISORS.get(use_case))
    return Status.SUCCESS if fits else Status.INVALID_VALUE
