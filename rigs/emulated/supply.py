"""The switch through which supply passes: the load switch of an ESME, the valve of a GSME.

Who may do what (SMETS 4.5.3.7, 4.5.3.10, 5.6.3.7, 5.6.3.11, 5.6.3.12):

- the supplier disables and arms both (ECS43, ECS44, GCS32, GCS39); enabling from afar exists for electricity
  alone (ECS42), a valve is opened by a person standing before it (GBCS-SUP-03);
- the meter itself disables: out of credit, above the load limit, tampered with, uncontrolled gas flow;
- arming changes nothing for the premises: it lets the consumer restore supply, at the meter or, electricity
  only, by a PPMID. What the supplier disabled, nobody but the supplier arms or enables (SMETS-SUP-06).

The state outlives an outage: switch and valve latch.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING

from protocols.ports import StimulusOutcome
from rigs.emulated.event_rules import EventCode
from rigs.emulated.knobs import Answer, done

if TYPE_CHECKING:
    from rigs.emulated.device import Device

_SECTION = "supply"
# User interface command "Enable Supply", other information of 0x8161 and 0x8162 (alerts.json).
_ENABLE_SUPPLY = bytes.fromhex("000E")
# A deliberate action in two steps: the button is held until the meter takes it (SMETS-SUP-05); how long is a
# choice of the bench.
HOLD_S = 3.0

Guard = Callable[[], str]
"""Why a consumer may not restore supply now, empty when nothing speaks against it."""


class SupplyState(StrEnum):
    """As SMETS names them."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    ARMED = "armed"


class Reason(StrEnum):
    """Why supply was last disabled or armed."""

    NONE = ""
    SUPPLIER = "by the supplier"
    CREDIT = "out of credit"
    EMERGENCY = "emergency credit activated"
    LOAD_LIMIT = "load limit"
    TAMPER = "tamper"
    GAS_FLOW = "uncontrolled gas flow"
    DEPLETION = "battery"


# What arming is reported as, by its reason; every other is 0x8F32.
_ARMED_AS = {
    Reason.EMERGENCY: EventCode.ARMED_BY_EMERGENCY_CREDIT,
    Reason.LOAD_LIMIT: EventCode.ARMED_BY_LOAD_LIMIT,
    Reason.GAS_FLOW: EventCode.ARMED_AFTER_UNCONTROLLED_GAS_FLOW,
}


class Supply:
    """The switch of one meter. ``heard`` are told of each new state, ``guards`` asked before a local restore.

    ``by_air`` says whether a PPMID may ask for supply: at an ESME, not at a GSME.
    """

    def __init__(self, device: Device, *, by_air: bool) -> None:
        self._device = device
        self.by_air = by_air
        self.heard: list[Callable[[SupplyState], None]] = []
        self.guards: list[Guard] = []
        device.knobs |= {"enable": self.press, "jam-switch": self.jam}

    # ------------------------------------------------------------------ what it is

    @property
    def state(self) -> SupplyState:
        """Enabled from manufacture."""
        return SupplyState(self._kept("state", SupplyState.ENABLED))

    @property
    def reason(self) -> Reason:
        """Why it is not enabled."""
        return Reason(self._kept("reason", Reason.NONE))

    @property
    def locked(self) -> bool:
        """Whether tampering has locked it: only the supplier can undo that (SMETS 5.7.4.44)."""
        return self.reason is Reason.TAMPER and self.state is SupplyState.DISABLED

    @property
    def jammed(self) -> bool:
        """Whether the actuator does not move (a knob of the bench)."""
        return bool(self._device.storage.get_json(_SECTION, "jammed", default=False))

    def connected(self) -> bool:
        """Whether energy can pass."""
        return self.state is SupplyState.ENABLED

    def _kept(self, key: str, default: str) -> str:
        octets = self._device.storage.get(_SECTION, key)
        return default if octets is None else octets.decode()

    # ------------------------------------------------------------------ what is done to it

    def enable(self) -> bool:
        """Let supply through; False when the switch does not move (0x81BD)."""
        if self.connected():
            return True
        if self.jammed:
            self._device.events.record(EventCode.SUPPLY_CONNECT_FAILED)
            return False
        self._become(SupplyState.ENABLED, Reason.NONE)
        return True

    def disable(self, reason: Reason) -> bool:
        """Cut supply; False when the switch does not move (0x81C0).

        A later reason takes the place of an earlier one only if it binds more: the supplier's and a tamper's.
        """
        if self.connected() and self.jammed:
            self._device.events.record(EventCode.SUPPLY_DISCONNECT_FAILED)
            return False
        binding = reason in {Reason.SUPPLIER, Reason.TAMPER}
        if self.state is not SupplyState.DISABLED or (binding and not self.locked):
            self._become(SupplyState.DISABLED, reason)
        if reason is Reason.TAMPER:
            self._device.events.record(EventCode.LOCKED_BY_TAMPER)
        return True

    def arm(self, reason: Reason = Reason.SUPPLIER) -> None:
        """Let the consumer restore supply. Supply that is on stays on."""
        if self.connected():
            return
        # Armed again by the supplier is told again: that is how the supplier sees the command act.
        if self.state is SupplyState.DISABLED or reason is Reason.SUPPLIER:
            self._become(SupplyState.ARMED, reason)
            self._device.events.record(_ARMED_AS.get(reason, EventCode.SUPPLY_ARMED))

    def cut_and_arm(self, reason: Reason) -> bool:
        """Disable and arm at once: load limiting, uncontrolled gas flow."""
        if not self.disable(reason):
            return False
        self.arm(reason)
        return True

    def restore(self) -> str:
        """A consumer restores supply; the empty text, or why nothing came of it."""
        if self.connected():
            return "supply is on"
        if self.state is not SupplyState.ARMED:
            return "supply is not armed"
        refusal = next(filter(None, (guard() for guard in self.guards)), "")
        if refusal:
            return refusal
        return "" if self.enable() else "the switch does not move"

    def _become(self, state: SupplyState, reason: Reason) -> None:
        storage = self._device.storage
        storage.put(_SECTION, "state", state.encode())
        storage.put(_SECTION, "reason", reason.encode())
        self._device.note(f"supply {state}" + (f" ({reason})" if reason else ""))
        for heard in self.heard:
            heard(state)

    # ------------------------------------------------------------------ what people do to it

    def press(self, held_s: str | float) -> Answer:
        """The supply button, held for so many seconds; a short press only shows what holding it would do."""
        if float(held_s or 0) < HOLD_S:
            return StimulusOutcome.REFUSED, f"hold for {HOLD_S:g} s to restore supply"
        problem = self.restore()
        code = EventCode.USER_COMMAND_FAILED if problem else EventCode.USER_COMMAND_DONE
        self._device.events.record(code, problem, other=_ENABLE_SUPPLY)
        return (StimulusOutcome.REFUSED, problem) if problem else done(str(self.state))

    def jam(self, value: str | float) -> Answer:
        """Block the actuator (1) or free it (0)."""
        blocked = value == "" or bool(float(value))
        self._device.storage.put_json(_SECTION, "jammed", blocked)
        return done("jammed" if blocked else "free")
