"""Status values: sl_status, as all versions mean it, and what versions before 14 put on the wire for it."""

from __future__ import annotations

from enum import IntEnum

from protocols.ezsp.fields import SL_STATUS_FROM


class SlStatus(IntEnum):
    """Status of the stack (SDK, sl_status), as far as used here."""

    OK = 0x0000
    FAIL = 0x0001
    INVALID_STATE = 0x0002
    BUSY = 0x0004
    NOT_SUPPORTED = 0x000F
    NETWORK_UP = 0x0015
    NETWORK_DOWN = 0x0016
    NOT_JOINED = 0x0017
    FULL = 0x001C
    INVALID_PARAMETER = 0x0021
    INVALID_INDEX = 0x0027
    INVALID_KEY = 0x0029
    NOT_FOUND = 0x002D
    MESSAGE_TOO_LONG = 0x0038
    DELIVERY_FAILED = 0x0C02
    MAX_MESSAGE_LIMIT_REACHED = 0x0C03
    APS_ENCRYPTION_ERROR = 0x0C0A
    SECURITY_STATE_NOT_SET = 0x0C0B
    KEY_NOT_AUTHORIZED = 0x0C0E
    PAN_ID_CHANGED = 0x0C16
    NETWORK_OPENED = 0x0C18
    NETWORK_CLOSED = 0x0C19
    EZSP_ERROR = 0x0C1E


class EzspStatus(IntEnum):
    """Status of EZSP itself before version 14."""

    SUCCESS = 0x00
    VERSION_NOT_SET = 0x30
    INVALID_FRAME_ID = 0x31
    TRUNCATED = 0x33
    OUT_OF_MEMORY = 0x35
    INVALID_VALUE = 0x36
    INVALID_ID = 0x37
    INVALID_CALL = 0x38
    COMMAND_TOO_LONG = 0x40


# EmberStatus, by what it means.
_EMBER = {
    SlStatus.OK: 0x00,
    SlStatus.FAIL: 0x01,
    SlStatus.INVALID_PARAMETER: 0x02,
    SlStatus.DELIVERY_FAILED: 0x66,
    SlStatus.INVALID_STATE: 0x70,
    SlStatus.NOT_SUPPORTED: 0x70,
    SlStatus.MAX_MESSAGE_LIMIT_REACHED: 0x72,
    SlStatus.MESSAGE_TOO_LONG: 0x74,
    SlStatus.NETWORK_UP: 0x90,
    SlStatus.NETWORK_DOWN: 0x91,
    SlStatus.NOT_JOINED: 0x93,
    SlStatus.PAN_ID_CHANGED: 0x9A,
    SlStatus.NETWORK_OPENED: 0x9C,
    SlStatus.NETWORK_CLOSED: 0x9D,
    SlStatus.BUSY: 0xA1,
    SlStatus.APS_ENCRYPTION_ERROR: 0xA6,
    SlStatus.SECURITY_STATE_NOT_SET: 0xA8,
    SlStatus.INVALID_INDEX: 0xB1,
    SlStatus.INVALID_KEY: 0xB2,
    SlStatus.FULL: 0xB4,
    SlStatus.NOT_FOUND: 0xB6,
    SlStatus.KEY_NOT_AUTHORIZED: 0xBB,
}
_EZSP = {
    SlStatus.OK: EzspStatus.SUCCESS,
    SlStatus.INVALID_PARAMETER: EzspStatus.INVALID_VALUE,
    SlStatus.NOT_FOUND: EzspStatus.INVALID_ID,
    SlStatus.INVALID_STATE: EzspStatus.INVALID_CALL,
    SlStatus.FULL: EzspStatus.OUT_OF_MEMORY,
}
_EMBER_MEANS = {number: status for status, number in _EMBER.items() if status is not SlStatus.NOT_SUPPORTED}
_EZSP_MEANS = {int(number): status for status, number in _EZSP.items()}


def to_wire(status: SlStatus, kind: str, version: int) -> int:
    """The number for a field of type ``status`` or ``ezsp``."""
    if version >= SL_STATUS_FROM:
        return int(status)
    return int(_EZSP.get(status, EzspStatus.INVALID_CALL) if kind == "ezsp" else _EMBER.get(status, 0x01))


def from_wire(number: int, kind: str, version: int) -> SlStatus:
    """What a number means; FAIL for those not known here."""
    if version >= SL_STATUS_FROM:
        return SlStatus(number) if number in SlStatus._value2member_map_ else SlStatus.FAIL
    return (_EZSP_MEANS if kind == "ezsp" else _EMBER_MEANS).get(number, SlStatus.FAIL)
