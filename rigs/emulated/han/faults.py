"""Faults that a device on the HAN can be given on purpose (`StimulusKind.HAN_FAULT`)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from protocols.eui64 import Eui64
from protocols.zigbee.cbke.authority import TestAuthority
from protocols.zigbee.cbke.credentials import Credentials
from rigs.emulated.han.memory import COUNTERS

if TYPE_CHECKING:
    from collections.abc import Sequence

_STRANGER = Eui64("00-DB-12-34-56-78-BA-D1")  # an authority that nobody else on the HAN trusts


class HanFault(StrEnum):
    """They hold from the next start of the device's stack on."""

    NONE = ""
    WRONG_ISSUER = "wrong-issuer"  # certificates of an authority that the hub does not know
    WRONG_PRIVATE_KEY = "wrong-private-key"  # not the certificate's: the key confirmation does not fit
    OLD_COUNTERS = "old-counters"  # frame counters that were used before


def faulty(fault: HanFault, eui64: Eui64, credentials: Sequence[Credentials]) -> list[Credentials]:
    """The credentials that a device with this fault has."""
    if fault is HanFault.WRONG_ISSUER:
        return [TestAuthority(own.suite, _STRANGER).issue(eui64) for own in credentials]
    if fault is HanFault.WRONG_PRIVATE_KEY:
        return [
            Credentials(
                own.certificate_octets,
                TestAuthority(own.suite, _STRANGER).issue(eui64).private_key_octets,
                own.authority_octets,
            )
            for own in credentials
        ]
    return list(credentials)


def forgetful(fault: HanFault, stack: dict[str, Any] | None) -> dict[str, Any] | None:
    """The kept state as a device with this fault takes it up."""
    if fault is HanFault.OLD_COUNTERS and stack is not None:
        return stack | dict.fromkeys(COUNTERS, 0)
    return stack
