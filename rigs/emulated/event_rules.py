"""What each event means to a device: where it is logged, and who is told how.

From the GBCS-EV rows of the requirements register; where those are silent the choice is a comment here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class EventCode(IntEnum):
    """The event codes that emulated devices raise (alerts.json has all)."""

    AVERAGE_OVER_VOLTAGE = 0x8002
    AVERAGE_UNDER_VOLTAGE = 0x8006
    AVERAGE_OVER_VOLTAGE_ENDED = 0x8085
    AVERAGE_UNDER_VOLTAGE_ENDED = 0x8089
    GPF_DEVICE_LOG_CHANGED = 0x8071
    CLOCK_ADJUSTED = 0x8145
    HAN_COMMAND_DONE = 0x8154
    USER_COMMAND_DONE = 0x8161
    USER_COMMAND_FAILED = 0x8162
    JOINED_HAN = 0x8183
    BATTERY_COVER_CLOSED = 0x81A1
    METER_COVER_CLOSED = 0x81B9
    MAGNETIC_FIELD_REMOVED = 0x81BC
    TERMINAL_COVER_CLOSED = 0x81C1
    CLOCK_NOT_ADJUSTED = 0x8F0C
    CHF_DEVICE_LOG_CHANGED = 0x8F12
    FIRMWARE_BAD_AT_POWER_ON = 0x8F1B
    FIRMWARE_NOT_VERIFIED = 0x8F1C
    POWER_SUPPLY_LOSS = 0x8F1D
    CONTENT_CHECK_FAILED = 0x8F1E
    NO_AUTHORITY = 0x8F30
    OUTAGE_RESTORED = 0x8F35
    LONG_OUTAGE_RESTORED = 0x8F36
    AUTHENTICATION_FAILURE = 0x8F3D
    TAMPER = 0x8F3F
    FIRMWARE_CHANGED = 0x8F43
    JOINING_FAILED = 0x8F48
    JOINING_SUCCEEDED = 0x8F49
    UNJOINING_FAILED = 0x8F4A
    UNJOINING_SUCCEEDED = 0x8F4B
    FAILED_OTHERWISE = 0x8F53
    SUPPLY_INTERRUPTED = 0x8F57
    UNUSUAL_NUMBER_OF_BAD_COMMANDS = 0x8F60
    FUTURE_DATED_DONE = 0x8F66
    FUTURE_DATED_FAILED = 0x8F67
    COMMISSIONED = 0x8F69
    CREDENTIALS_UPDATED = 0x8F70
    FIRMWARE_VERIFIED = 0x8F72
    BATTERY_COVER_REMOVED = 0x8F73
    METER_COVER_REMOVED = 0x8F74
    STRONG_MAGNETIC_FIELD = 0x8F75
    TERMINAL_COVER_REMOVED = 0x8F76
    ESME_NOT_REACHED = 0x8F84
    COMMAND_NOT_SUPPORTED = 0x8F85
    FIRMWARE_TRANSFER_FAILED = 0x8F89
    FIRMWARE_TRANSFERRED = 0x8F8A
    PPMID_FIRMWARE_ACTIVATED = 0x8F8B


class Log(StrEnum):
    """The logs that a device keeps."""

    EVENT = "event"
    SECURITY = "security"
    POWER = "power"


class Recipient(StrEnum):
    """Who is told, where that depends on the device."""

    RESPONSIBLE = "responsible"  # the supplier of a meter, the ACB of anything else
    NETWORK_OPERATOR = "network operator"


@dataclass(slots=True)
class Rule:
    """``critical`` None: never sent to the WAN. Non-critical alerts here are all configurable."""

    log: Log | None
    critical: bool | None = None
    to: tuple[Recipient, ...] = (Recipient.RESPONSIBLE,)


_OPERATOR = (Recipient.NETWORK_OPERATOR,)
_BOTH = (Recipient.RESPONSIBLE, Recipient.NETWORK_OPERATOR)

RULES: dict[int, Rule] = {
    EventCode.AVERAGE_OVER_VOLTAGE: Rule(Log.POWER, critical=False, to=_OPERATOR),
    EventCode.AVERAGE_UNDER_VOLTAGE: Rule(Log.POWER, critical=False, to=_OPERATOR),
    EventCode.AVERAGE_OVER_VOLTAGE_ENDED: Rule(Log.POWER, critical=False, to=_OPERATOR),
    EventCode.AVERAGE_UNDER_VOLTAGE_ENDED: Rule(Log.POWER, critical=False, to=_OPERATOR),
    # The two device log alerts are always on; the hub and the GPF send them themselves.
    EventCode.GPF_DEVICE_LOG_CHANGED: Rule(Log.EVENT),
    EventCode.CHF_DEVICE_LOG_CHANGED: Rule(Log.SECURITY),
    EventCode.CLOCK_ADJUSTED: Rule(Log.EVENT),
    EventCode.HAN_COMMAND_DONE: Rule(Log.EVENT),
    EventCode.USER_COMMAND_DONE: Rule(Log.EVENT),
    EventCode.USER_COMMAND_FAILED: Rule(Log.EVENT),
    EventCode.JOINED_HAN: Rule(Log.EVENT, critical=False),
    # No log is stated for covers that close and for the field that goes; the event log takes them.
    EventCode.BATTERY_COVER_CLOSED: Rule(Log.EVENT, critical=False),
    EventCode.METER_COVER_CLOSED: Rule(Log.EVENT, critical=False),
    EventCode.TERMINAL_COVER_CLOSED: Rule(Log.EVENT, critical=False),
    EventCode.MAGNETIC_FIELD_REMOVED: Rule(Log.EVENT, critical=False),
    EventCode.CLOCK_NOT_ADJUSTED: Rule(Log.SECURITY, critical=True),
    EventCode.FIRMWARE_BAD_AT_POWER_ON: Rule(Log.SECURITY, critical=True),
    EventCode.FIRMWARE_NOT_VERIFIED: Rule(Log.SECURITY, critical=True),
    EventCode.POWER_SUPPLY_LOSS: Rule(Log.SECURITY, critical=True),
    EventCode.CONTENT_CHECK_FAILED: Rule(Log.SECURITY, critical=True),
    EventCode.NO_AUTHORITY: Rule(Log.SECURITY, critical=True),
    EventCode.OUTAGE_RESTORED: Rule(Log.POWER, critical=True, to=_OPERATOR),
    EventCode.LONG_OUTAGE_RESTORED: Rule(Log.POWER, critical=True, to=_OPERATOR),
    # A05: one manual has no log entry for it, a security log without one would be odd.
    EventCode.AUTHENTICATION_FAILURE: Rule(Log.SECURITY, critical=True),
    EventCode.TAMPER: Rule(Log.SECURITY, critical=True),
    EventCode.FIRMWARE_CHANGED: Rule(Log.SECURITY),
    EventCode.JOINING_FAILED: Rule(Log.SECURITY),
    EventCode.JOINING_SUCCEEDED: Rule(Log.SECURITY),
    EventCode.UNJOINING_FAILED: Rule(Log.SECURITY),
    EventCode.UNJOINING_SUCCEEDED: Rule(Log.SECURITY),
    # A03: taken for replays, messages for others and octets that are no message; logged, not alerted.
    EventCode.FAILED_OTHERWISE: Rule(Log.SECURITY),
    EventCode.SUPPLY_INTERRUPTED: Rule(Log.POWER),
    EventCode.UNUSUAL_NUMBER_OF_BAD_COMMANDS: Rule(Log.SECURITY),
    # A06: kept in the event log. Their alerts have message codes of their own.
    EventCode.FUTURE_DATED_DONE: Rule(Log.EVENT),
    EventCode.FUTURE_DATED_FAILED: Rule(Log.EVENT),
    EventCode.COMMISSIONED: Rule(None, critical=True),
    EventCode.CREDENTIALS_UPDATED: Rule(Log.SECURITY),
    EventCode.FIRMWARE_VERIFIED: Rule(Log.SECURITY, critical=True),
    EventCode.BATTERY_COVER_REMOVED: Rule(Log.SECURITY, critical=True),
    EventCode.METER_COVER_REMOVED: Rule(Log.SECURITY, critical=True, to=_BOTH),
    EventCode.STRONG_MAGNETIC_FIELD: Rule(Log.SECURITY, critical=True, to=_BOTH),
    EventCode.TERMINAL_COVER_REMOVED: Rule(Log.SECURITY, critical=True, to=_BOTH),
    EventCode.ESME_NOT_REACHED: Rule(Log.EVENT),
    EventCode.COMMAND_NOT_SUPPORTED: Rule(Log.SECURITY),
    EventCode.FIRMWARE_TRANSFER_FAILED: Rule(Log.EVENT),
    EventCode.FIRMWARE_TRANSFERRED: Rule(Log.EVENT),
    EventCode.PPMID_FIRMWARE_ACTIVATED: Rule(Log.EVENT),
}
