"""For each event code: what raises it, and on which device. ``test_event_causes`` goes through all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from fixtures.emulated_devices import DeviceBench
from fixtures.generated_commands import GeneratedBench
from protocols.eui64 import Eui64
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.named import decode_named
from protocols.ports import StimulusKind, StimulusOutcome
from rigs.emulated.chf import TRANSFERRED
from rigs.emulated.event_rules import EventCode as Code
from rigs.emulated.event_rules import Log

GSME = Eui64("00-DB-12-34-56-78-90-A1")
Bench = Any
Act = Callable[[Bench], None]


@dataclass(slots=True)
class Cause:
    """Do ``acts`` to a device of ``kind``; its class depends on what the acts need."""

    kind: str
    acts: list[Act]
    changes: dict[str, Any] = field(default_factory=dict)

    def raise_it(self) -> Bench:
        """A device to which it has happened."""
        made = (
            DeviceBench(self.kind, changes=self.changes) if self.kind in _PLAIN else GeneratedBench(self.kind)
        )
        made.sent.clear()
        for act in self.acts:
            act(made)
        return made


@dataclass(slots=True)
class Elsewhere:
    """Raised by a behaviour that has a test file of its own, which names the code."""

    file: str


@dataclass(slots=True)
class Untied:
    """Nothing raises it: the register has no row that says what would, or only one without a cause."""

    row: str | None
    reason: str


_PLAIN = {"esme", "gsme", "ppmid"}
_POLY = {"variant": "polyphase"}


def prepayment(name: str) -> Elsewhere:
    """A conformance test of prepayment."""
    return Elsewhere(f"../../conformance/prepayment/{name}")


def turn(bench: Bench, argument: str) -> None:
    """A knob of the bench."""
    outcome, answer = bench.device.stimulus(StimulusKind.BUTTON, argument)
    assert outcome is StimulusOutcome.DONE, answer


def do(bench: Bench, kind: StimulusKind, argument: str = "") -> None:
    """Any other stimulus."""
    outcome, answer = bench.device.stimulus(kind, argument)
    assert outcome is StimulusOutcome.DONE, answer


def wait(bench: Bench, seconds: float) -> None:
    """Time passes, and the device does what is due."""
    bench.device.clock.time += timedelta(seconds=seconds)
    bench.device.run_due()


def power(bench: Bench, on: bool) -> None:
    """Supply goes or comes back."""
    bench.device.power(on)


def outage(bench: Bench, seconds: float) -> None:
    """Supply goes and comes back."""
    power(bench, False)
    wait(bench, seconds)
    power(bench, True)


def knob(*arguments: str, kind: str = "esme", **changes: Any) -> Cause:
    """Knobs, one after the other."""
    return Cause(kind, [partial(turn, argument=each) for each in arguments], changes)


def stimulus(kind: StimulusKind, argument: str = "", device: str = "esme") -> Cause:
    """Another stimulus."""
    return Cause(device, [partial(do, kind=kind, argument=argument)])


def command(code: str, role: str, kind: str) -> Cause:
    """A command of least values."""
    return Cause(kind, [lambda bench: bench.device.handle(bench.command(code, role))])


def generated(code: str, role: str, kind: str) -> Cause:
    """A command of least values, to a device made from the catalogue alone."""

    class _Generated(Cause):
        def raise_it(self) -> Bench:
            made = GeneratedBench(kind)
            made.sent.clear()
            made.device.handle(made.command(code, role))
            return made

    return _Generated(kind, [])


def _refused(bench: Bench, **more: Any) -> None:
    bench.device.handle(bench.command("ECS52", "supplier", **more))


def _undelivered(bench: Bench) -> None:
    acb = bench.party("access_control_broker").eui64
    bench.device.report_undelivered(GroupingHeader(CraFlag.COMMAND, 7, acb, Eui64(bytes(8)), 0x0048))


def _discarded(bench: Bench) -> None:
    acb = bench.party("access_control_broker").eui64
    bench.device.report_discarded(GroupingHeader(CraFlag.COMMAND, 7, acb, GSME, 0x0048))


def _many_refused(bench: Bench) -> None:
    for _ in range(10):
        bench.device.handle(b"noise")


def _average(volts: int, then: int, step: int) -> dict[int, Cause | Elsewhere | Untied]:
    """The four codes of a kind of average, from ``volts`` and on the way back."""
    first = Code.AVERAGE_OVER_VOLTAGE if volts > then else Code.AVERAGE_UNDER_VOLTAGE
    ended = Code.AVERAGE_OVER_VOLTAGE_ENDED if volts > then else Code.AVERAGE_UNDER_VOLTAGE_ENDED
    single = {
        first: [
            partial(turn, argument=f"rms={volts}"),
            partial(wait, seconds=step),
            partial(wait, seconds=step),
        ],
    }
    single[ended] = [
        *single[first],
        partial(turn, argument=f"rms={then}"),
        *([partial(wait, seconds=step)] * 2),
    ]
    made: dict[int, Cause | Elsewhere | Untied] = {code: Cause("esme", acts) for code, acts in single.items()}
    for phase in (1, 2, 3):
        made[first + phase] = knob(f"voltage={volts}@{phase}", **_POLY)
        made[ended + phase] = knob(f"voltage={volts}@{phase}", f"voltage={then}@{phase}", **_POLY)
    return made


def _extreme(entered: Code, ended: Code, volts: int) -> dict[int, Cause | Elsewhere | Untied]:
    """The eight codes of an extreme: each phase, entered and ended."""
    made: dict[int, Cause | Elsewhere | Untied] = {}
    for phase in range(4):
        changes, at = (_POLY, f"@{phase}") if phase else ({}, "")
        acts = [partial(turn, argument=f"rms={volts}{at}"), partial(wait, seconds=40)]
        back = [*acts, partial(turn, argument=f"rms=230{at}"), partial(wait, seconds=40)]
        made[entered + phase] = Cause("esme", acts, changes)
        made[ended + phase] = Cause("esme", back, changes)
    return made


def _phases() -> dict[int, Cause | Elsewhere | Untied]:
    made: dict[int, Cause | Elsewhere | Untied] = {}
    for phase in (1, 2, 3):
        off, on = (partial(turn, argument=f"phase={phase}:{state}") for state in ("off", "on"))
        made[Code.SUPPLY_INTERRUPTED + phase] = Cause("esme", [off], _POLY)
        made[Code.OUTAGE_RESTORED + 2 * phase] = Cause("esme", [off, partial(wait, seconds=179), on], _POLY)
        made[Code.LONG_OUTAGE_RESTORED + 2 * phase] = Cause(
            "esme", [off, partial(wait, seconds=180), on], _POLY
        )
    return made


VOLTAGE = (
    _average(260, 230, 1800)
    | _average(200, 230, 1800)
    | _extreme(Code.EXTREME_OVER_VOLTAGE, Code.EXTREME_OVER_VOLTAGE_ENDED, 300)
    | _extreme(Code.EXTREME_UNDER_VOLTAGE, Code.EXTREME_UNDER_VOLTAGE_ENDED, 150)
    | _extreme(Code.VOLTAGE_SAG, Code.VOLTAGE_SAG_ENDED, 190)
    | _extreme(Code.VOLTAGE_SWELL, Code.VOLTAGE_SWELL_ENDED, 270)
)
POWER: dict[int, Cause | Elsewhere | Untied] = _phases() | {
    Code.OVER_CURRENT: knob("current=120"),
    Code.OVER_CURRENT_L1: knob("current=120@1", **_POLY),
    Code.OVER_CURRENT_L2: knob("current=120@2", **_POLY),
    Code.OVER_CURRENT_L3: knob("current=120@3", **_POLY),
    Code.POWER_FACTOR_LOW: knob("power-factor=0.5"),
    Code.POWER_FACTOR_OK: knob("power-factor=0.5", "power-factor=0.99"),
    Code.INCORRECT_PHASE_SEQUENCE: knob("phase-sequence"),
    Code.INCORRECT_POLARITY: knob("polarity"),
    Code.REVERSE_CURRENT: knob("current=reverse"),
    Code.OUTAGE_RESTORED: Cause("esme", [partial(outage, seconds=179)]),
    Code.LONG_OUTAGE_RESTORED: Cause("esme", [partial(outage, seconds=180)]),
    Code.SUPPLY_INTERRUPTED: Cause("esme", [partial(power, on=False)]),
    Code.POWER_SUPPLY_LOSS: Cause("gsme", [partial(outage, seconds=5)]),
}
TAMPER: dict[int, Cause | Elsewhere | Untied] = {
    Code.BATTERY_COVER_CLOSED: stimulus(StimulusKind.COVER_CLOSE, "battery", "gsme"),
    Code.METER_COVER_CLOSED: stimulus(StimulusKind.COVER_CLOSE, "meter"),
    Code.MAGNETIC_FIELD_REMOVED: stimulus(StimulusKind.MAGNET_OFF),
    Code.TERMINAL_COVER_CLOSED: stimulus(StimulusKind.COVER_CLOSE, "terminal"),
    Code.TILT: knob("tilt=on"),
    Code.TILT_ENDED: knob("tilt=off"),
    Code.TAMPER: stimulus(StimulusKind.COVER_OPEN, device="chf"),
    Code.BATTERY_COVER_REMOVED: stimulus(StimulusKind.COVER_OPEN, "battery", "gsme"),
    Code.METER_COVER_REMOVED: stimulus(StimulusKind.COVER_OPEN, "meter"),
    Code.STRONG_MAGNETIC_FIELD: stimulus(StimulusKind.MAGNET_ON),
    Code.TERMINAL_COVER_REMOVED: stimulus(StimulusKind.COVER_OPEN, "terminal"),
    Code.SECOND_TERMINAL_COVER_REMOVED: stimulus(StimulusKind.COVER_OPEN, "second-terminal"),
    Code.OTHER_TAMPER: knob("tamper"),
}
INTEGRITY: dict[int, Cause | Elsewhere | Untied] = {
    Code.INTEGRITY_WARNING: knob("fault=other", kind="gsme"),
    Code.MEASUREMENT_FAULT: knob("fault=measurement"),
    Code.METROLOGY_FIRMWARE_BAD: knob("fault=metrology-firmware"),
    Code.NON_VOLATILE_MEMORY_ERROR: knob("fault=non-volatile-memory"),
    Code.PROGRAM_EXECUTION_ERROR: knob("fault=program-execution"),
    Code.PROGRAM_STORAGE_ERROR: knob("fault=program-storage"),
    Code.RAM_ERROR: knob("fault=ram"),
    Code.UNEXPECTED_RESET: knob("fault=reset"),
    Code.WATCHDOG_ERROR: knob("fault=watchdog"),
}
COMMUNICATION: dict[int, Cause | Elsewhere | Untied] = {
    Code.HAN_COMMAND_DONE: generated("ECS34", "supplier", "esme"),
    Code.HAN_COMMAND_FAILED: generated("CS01a", "supplier", "esme"),
    Code.JOINED_HAN: Cause("esme", [lambda bench: bench.device.joined(bytes(8))]),
    Code.COMMISSIONED: Cause("esme", [lambda bench: bench.device.joined(bytes(8))]),
    Code.GAS_COMMAND_NOT_RETRIEVED: Cause("chf", [lambda bench: bench.device.report_not_retrieved(GSME)]),
    Code.HUB_CONNECTED: knob("hub=connected"),
    Code.HUB_DISCONNECTED: knob("hub=disconnected"),
    Code.CLOSE_TUNNEL_REJECTED: knob("tunnel=close-rejected"),
    Code.REQUEST_TUNNEL_REJECTED: knob("tunnel=request-rejected"),
    Code.LOCAL_PORT_COMMUNICATION: knob("local-port=used"),
    Code.UNAUTHORISED_COMMUNICATION: knob("local-port=unauthorised"),
    Code.CONTENT_CHECK_FAILED: Elsewhere("test_security.py"),
    Code.NO_AUTHORITY: Elsewhere("test_access.py"),
    Code.AUTHENTICATION_FAILURE: Cause("esme", [partial(_refused, maced=False)]),
    Code.FAILED_OTHERWISE: Cause("esme", [partial(_refused, target=GSME)]),
    Code.UNUSUAL_NUMBER_OF_BAD_COMMANDS: Cause("esme", [_many_refused]),
    Code.EVENT_LOG_CLEARED: generated("ECS15a", "supplier", "esme"),
    Code.ESME_NOT_REACHED: Cause("chf", [_undelivered]),
    Code.COMMAND_NOT_SUPPORTED: Elsewhere("test_security.py"),
    Code.CHF_DEVICE_LOG_CHANGED: generated("CCS01", "access_control_broker", "chf"),
    Code.GPF_DEVICE_LOG_CHANGED: Elsewhere("test_gpf.py"),
    Code.JOINING_FAILED: knob("sub-ghz=capacity:0", f"sub-ghz=join:{GSME}", kind="chf"),
    Code.JOINING_SUCCEEDED: Elsewhere("test_joining.py"),
    Code.UNJOINING_FAILED: Elsewhere("test_joining.py"),
    Code.UNJOINING_SUCCEEDED: Elsewhere("test_joining.py"),
    Code.FUTURE_DATED_DONE: Elsewhere("test_dated.py"),
    Code.FUTURE_DATED_FAILED: Elsewhere("test_dated.py"),
    Code.MESSAGE_ACKNOWLEDGED: Elsewhere("test_causes.py"),
    Code.CLOCK_ADJUSTED: Elsewhere("test_esme.py"),
    Code.CLOCK_NOT_ADJUSTED: Elsewhere("test_esme.py"),
    Code.CLOCK_OUTSIDE_TOLERANCE: knob("clock-check"),
    Code.SIGNING_CERTIFICATE_FAILED: Elsewhere("test_causes.py"),
    Code.SIGNING_CERTIFICATE_REPLACED: Elsewhere("test_causes.py"),
    Code.AGREEMENT_CERTIFICATE_FAILED: Elsewhere("test_causes.py"),
    Code.AGREEMENT_CERTIFICATE_REPLACED: Elsewhere("test_causes.py"),
    Code.CREDENTIALS_UPDATED: Elsewhere("test_credentials.py"),
}
SUB_GHZ: dict[int, Cause | Elsewhere | Untied] = {
    Code.DUTY_CYCLE_LIMITED: knob(f"sub-ghz=duty:1000:{GSME}", kind="chf"),
    Code.DUTY_CYCLE_NORMAL_AGAIN: knob("sub-ghz=duty:1000", "sub-ghz=duty:0", kind="chf"),
    Code.DUTY_CYCLE_CRITICAL: knob("sub-ghz=duty:5000", kind="chf"),
    Code.DUTY_CYCLE_LIMITED_AGAIN: knob("sub-ghz=duty:5000", "sub-ghz=duty:1000", kind="chf"),
    Code.DUTY_CYCLE_REGULATED: knob("sub-ghz=duty:10000", kind="chf"),
    Code.DUTY_CYCLE_CRITICAL_AGAIN: knob("sub-ghz=duty:10000", "sub-ghz=duty:9999", kind="chf"),
    Code.SUB_GHZ_CHANNEL_CHANGED: knob("sub-ghz=noise:30", kind="chf"),
    Code.SUB_GHZ_SCAN_STARTED: knob("sub-ghz=noise:30", kind="chf"),
    Code.SUB_GHZ_SCAN_ASSESSED: generated("DBCH05", "access_control_broker", "chf"),
    Code.LOST_GSME_SEARCHES_FAILED: knob(f"sub-ghz=lost:{GSME}", kind="chf"),
    Code.SUB_GHZ_CONFIGURATION_CHANGED: generated("DBCH04", "access_control_broker", "chf"),
    Code.SUB_GHZ_CHANNEL_KEPT: knob(*["sub-ghz=noise:30"] * 5, kind="chf"),
    Code.MESSAGE_DISCARDED: Cause("chf", [_discarded]),
    Code.NO_SUB_GHZ_CAPACITY: knob("sub-ghz=capacity:0", f"sub-ghz=join:{GSME}", kind="chf"),
}
FIRMWARE: dict[int, Cause | Elsewhere | Untied] = {
    Code.FIRMWARE_BAD_AT_POWER_ON: Elsewhere("test_firmware.py"),
    Code.FIRMWARE_NOT_VERIFIED: Elsewhere("test_firmware.py"),
    Code.FIRMWARE_CHANGED: Elsewhere("test_firmware.py"),
    Code.FIRMWARE_VERIFIED: Elsewhere("test_firmware.py"),
    Code.FIRMWARE_TRANSFER_FAILED: Cause(
        "chf", [lambda bench: bench.device.report_transfer(GSME, b"", TRANSFERRED + 1)]
    ),
    Code.FIRMWARE_TRANSFERRED: Cause(
        "chf", [lambda bench: bench.device.report_transfer(GSME, b"", TRANSFERRED)]
    ),
    Code.PPMID_FIRMWARE_ACTIVATED: Elsewhere("../../conformance/firmware/test_ppmid_image.py"),
}
LOAD: dict[int, Cause | Elsewhere | Untied] = {
    Code.AUXILIARY_SWITCH_FAILURE: Elsewhere("test_causes.py"),
    Code.LEVEL_LIMIT_PROCESSED: Elsewhere("test_causes.py"),
    Code.LEVEL_LIMIT_ENDED: Elsewhere("test_causes.py"),
    Code.OPERATIONAL_UPDATE: knob("operational-update=maintenance at noon"),
}
UNTIED: dict[int, Cause | Elsewhere | Untied] = {
    Code.TOKEN_NOT_FOR_THIS_DEVICE: Untied(
        "GBCS-EV-8F64",
        "what ties a UTRN to its device is its MAC alone (messages.md 5): 32 bits made with a key, and over a "
        "counter, that only supplier and that device can make. It names no device, its other fields (counter, "
        "class, value) are the same for all, the check digit only finds typing errors, and a message that "
        "brings it is for this device or goes nowhere. So a MAC that is wrong is not authentic, 0x8F63, and "
        "nothing more can be told: whoever holds the other device's key can (accept_utrn, others)",
    ),
}
SUPPLY: dict[int, Cause | Elsewhere | Untied] = {
    Code.LOW_CREDIT: prepayment("test_credit.py"),
    Code.CREDIT_ADDED_LOCALLY: prepayment("test_top_ups.py"),
    Code.EMERGENCY_CREDIT_AVAILABLE: prepayment("test_credit.py"),
    Code.ARMED_BY_EMERGENCY_CREDIT: prepayment("test_credit.py"),
    Code.TIME_DEBT_1_COLLECTED: prepayment("test_debts.py"),
    Code.TIME_DEBT_2_COLLECTED: prepayment("test_debts.py"),
    Code.PAYMENT_DEBT_COLLECTED: prepayment("test_top_ups.py"),
    Code.EMERGENCY_CREDIT_EXHAUSTED: prepayment("test_debts.py"),
    Code.EMERGENCY_CREDIT_ACTIVATED: prepayment("test_credit.py"),
    Code.MANUAL_ENTRY_SUSPENDED: prepayment("test_top_ups.py"),
    Code.TOKEN_LOCKED_OUT: prepayment("test_top_ups.py"),
    Code.LOAD_LIMIT_EXCEEDED: prepayment("test_load_limit.py"),
    Code.CREDIT_BELOW_DISABLEMENT: prepayment("test_credit.py"),
    Code.ARMED_BY_LOAD_LIMIT: prepayment("test_load_limit.py"),
    Code.ENABLED_AFTER_LOAD_LIMIT: prepayment("test_load_limit.py"),
    Code.BALANCE_WOULD_EXCEED_MAXIMUM: prepayment("test_top_ups.py"),
    Code.DUPLICATE_TOKEN: prepayment("test_top_ups.py"),
    Code.TOKEN_ABOVE_MAXIMUM_CREDIT: prepayment("test_top_ups.py"),
    Code.TOKEN_NOT_AUTHENTIC: prepayment("test_top_ups.py"),
    Code.DISABLEMENT_SUSPENDED: prepayment("test_credit.py"),
    Code.USER_COMMAND_DONE: Elsewhere("test_supply.py"),
    Code.USER_COMMAND_FAILED: Elsewhere("test_supply.py"),
    Code.TAP_OFF_FAILED: Elsewhere("test_gas_proxy.py"),
    Code.SUPPLY_CONNECT_FAILED: Elsewhere("test_supply.py"),
    Code.SUPPLY_DISCONNECT_FAILED: Elsewhere("test_supply.py"),
    Code.ARMED_AFTER_UNCONTROLLED_GAS_FLOW: Elsewhere("test_gas_valve.py"),
    Code.BILLING_LOG_UPDATED: Elsewhere("test_gas_metering.py"),
    Code.LOW_BATTERY: Elsewhere("test_gas_metering.py"),
    Code.SUPPLY_ARMED: Elsewhere("test_supply.py"),
    Code.BATTERY_CAPACITY_RESET: Elsewhere("test_gas_metering.py"),
    Code.LOCKED_BY_TAMPER: Elsewhere("test_causes.py"),
    Code.VALVE_TESTED: knob("test-valve", kind="gsme"),
    Code.EXCESS_GAS_FLOW: knob("flow=excess", kind="gsme"),
    Code.AIR_IN_GAS_FLOW: knob("flow=air", kind="gsme"),
    Code.REVERSE_GAS_FLOW: knob("flow=reverse", kind="gsme"),
}


def ask(bench: GeneratedBench, code: str, role: str, **values: object) -> list:
    """A command of a use case by the specification's names; what the device then sends."""
    use_case = bench.device.catalogue[code]
    bench.counter += 1
    party = bench.party(role)
    message = use_case.command(party.eui64, bench.device.eui64, bench.counter, values)
    return bench.send(bench.protect(use_case, party, message.header.message_code, message.payload))


def alerts(messages: list) -> list:
    return [decode_named(each)["payload"]["elements"] for each in messages if each.kind == "alert"]


def codes(bench, log: Log) -> list[int]:
    return [entry.code for entry in bench.device.events.entries(log)]
