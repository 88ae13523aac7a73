"""Which structure each ASN.1 message code carries, for commands, responses and alerts."""

from __future__ import annotations

from dataclasses import dataclass

from protocols.gbcs.asn1 import clock, credentials, firmware, joining
from protocols.gbcs.asn1.schema import (
    CERTIFICATE,
    EUI64,
    KEY_USAGE,
    NULL,
    SMALL_NUMBER,
    Choice,
    Element,
    Record,
    Type,
)
from protocols.gbcs.asn1.types import CredentialsReplacementMode, KeyUsage


@dataclass(slots=True)
class KeyUsageCommand:
    """Command of CS02c (issue a certification request) and CS02e (provide the certificate)."""

    key_usage: KeyUsage


KEY_USAGE_COMMAND = Record(KeyUsageCommand, Element("key_usage", KEY_USAGE))
# A certificate or PKCS#10 request (DER) where it worked, else a code.
CERTIFICATE_OR_CODE = Choice((bytes, CERTIFICATE, None), (int, SMALL_NUMBER, None))

_CREDENTIALS = (credentials.PROVIDE_CREDENTIALS_COMMAND, credentials.PROVIDE_CREDENTIALS_RESPONSE)
_UPDATE = (credentials.UPDATE_CREDENTIALS_COMMAND, credentials.UPDATE_CREDENTIALS_RESPONSE)
_JOIN = (joining.JOIN_COMMAND, joining.JOIN_RESPONSE)
_CS02B = range(0x0100, 0x0100 + CredentialsReplacementMode.ANY_BY_CONTINGENCY + 1)

COMMANDS_AND_RESPONSES: dict[int, tuple[Type, Type]] = {
    0x0008: _CREDENTIALS,
    0x011B: _CREDENTIALS,
    **dict.fromkeys(_CS02B, _UPDATE),
    0x0125: _UPDATE,
    0x0126: _UPDATE,
    0x000A: (KEY_USAGE_COMMAND, CERTIFICATE_OR_CODE),
    0x000B: (CERTIFICATE, SMALL_NUMBER),
    0x000C: (KEY_USAGE_COMMAND, CERTIFICATE_OR_CODE),
    0x000D: _JOIN,
    0x00AB: _JOIN,
    0x000E: _JOIN,
    0x00AF: _JOIN,
    0x000F: (EUI64, SMALL_NUMBER),
    0x0010: (EUI64, SMALL_NUMBER),
    0x0012: (firmware.ACTIVATE_FIRMWARE_COMMAND, firmware.ACTIVATE_FIRMWARE_RESPONSE),
    0x0013: (NULL, joining.JOIN_DETAILS_RESPONSE),
    0x0129: (NULL, firmware.FIRMWARE_VERSION_RESPONSE),
    0x007F: (clock.SET_CLOCK_COMMAND, clock.SET_CLOCK_RESPONSE),
    0x008C: (joining.RESTORE_DEVICE_LOG_COMMAND, joining.RESTORE_DEVICE_LOG_RESPONSE),
}
ALERTS: dict[int, Type] = {
    0x00CA: firmware.ACTIVATE_FIRMWARE_ALERT,
    0x00CB: credentials.UPDATE_CREDENTIALS_ALERT,
    0x0124: credentials.UPDATE_CREDENTIALS_ALERT,
    0x0128: firmware.FIRMWARE_TRANSFER_ALERT,
    0x012B: firmware.FIRMWARE_ACTIVATION_ALERT,
    0x00B2: joining.BACKUP_DEVICE_LOG_ALERT,
}


def structure(message_code: int, kind: str) -> Type | None:
    """Type for a payload; ``kind`` is command, response or alert. None for codes without an ASN.1 payload."""
    if kind == "alert":
        return ALERTS.get(message_code)
    pair = COMMANDS_AND_RESPONSES.get(message_code)
    return None if pair is None else pair[kind == "response"]
