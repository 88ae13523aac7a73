"""The load switch of an ESME as COSEM objects: scripts that move it, its state (ECS42 to ECS45)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.dlms.access import AccessResult
from protocols.dlms.axdr import Data, Tag, boolean, enum, null_data
from rigs.emulated.supply import Reason, Supply, SupplyState

if TYPE_CHECKING:
    from rigs.emulated.command import Command
    from rigs.emulated.device import Device

_SCRIPTS, _DISCONNECT = 9, 70
_SCRIPTS_OBIS, _SWITCH_OBIS = "00000A006AFF", "000060030AFF"
ENABLE, DISABLE, ARM = 51, 52, 54
# control_state of class 70.
_STATES = {SupplyState.DISABLED: 0, SupplyState.ENABLED: 1, SupplyState.ARMED: 2}


class LoadSwitch:
    """Joins an ESME's objects with its supply."""

    def __init__(self, device: Device, supply: Supply) -> None:
        self._supply = supply
        cosem = device.cosem
        cosem.attribute(_DISCONNECT, _SWITCH_OBIS, 2, read=lambda: boolean(supply.connected()))
        cosem.attribute(_DISCONNECT, _SWITCH_OBIS, 3, read=lambda: enum(_STATES[supply.state]))
        cosem.method(_SCRIPTS, _SCRIPTS_OBIS, 1, self._run)

    def _run(self, _command: Command, script: Data) -> tuple[AccessResult, Data]:
        """ECS42 enables, ECS43 disables, ECS44 arms; a switch that does not move is a hardware fault."""
        if script.tag != Tag.LONG_UNSIGNED:
            return AccessResult.TYPE_UNMATCHED, null_data()
        moved = True
        if script.value == ENABLE:
            moved = self._supply.enable()
        elif script.value == DISABLE:
            moved = self._supply.disable(Reason.SUPPLIER)
        elif script.value == ARM:
            self._supply.arm(Reason.SUPPLIER)
        else:
            return AccessResult.OTHER_REASON, null_data()
        return (AccessResult.SUCCESS if moved else AccessResult.HARDWARE_FAULT), null_data()
