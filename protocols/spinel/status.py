"""What LAST_STATUS says: outcome of a command, or why the firmware started anew."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """Status codes that an RCP sends."""

    OK = 0
    FAILURE = 1
    UNIMPLEMENTED = 2
    INVALID_ARGUMENT = 3
    INVALID_STATE = 4
    INVALID_COMMAND = 5
    INVALID_INTERFACE = 6
    INTERNAL_ERROR = 7
    SECURITY_ERROR = 8
    PARSE_ERROR = 9
    IN_PROGRESS = 10
    NOMEM = 11
    BUSY = 12
    PROP_NOT_FOUND = 13
    DROPPED = 14
    EMPTY = 15
    CMD_TOO_BIG = 16
    NO_ACK = 17
    CCA_FAILURE = 18
    ALREADY = 19
    ITEM_NOT_FOUND = 20
    INVALID_COMMAND_FOR_PROP = 21
    UNKNOWN_NEIGHBOR = 22
    NOT_CAPABLE = 23
    RESPONSE_TIMEOUT = 24
    SWITCHOVER_DONE = 25
    SWITCHOVER_FAILED = 26
    RESET_POWER_ON = 112
    RESET_EXTERNAL = 113
    RESET_SOFTWARE = 114
    RESET_FAULT = 115
    RESET_CRASH = 116
    RESET_ASSERT = 117
    RESET_OTHER = 118
    RESET_UNKNOWN = 119
    RESET_WATCHDOG = 120


# OpenThread's own errors travel as this plus their number.
STACK_NATIVE = 15_360


def is_reset(code: int) -> bool:
    """Whether this status tells that the firmware started anew."""
    return 112 <= code < 128


def status_name(code: int) -> str:
    """``no ack``, or the number where it has no name."""
    try:
        return Status(code).name.lower().replace("_", " ")
    except ValueError:
        return f"status {code}"
