"""What somebody may have a hub do on its HAN for a test: buttons of the CHF (stimulus ``button``).

``network-key``: change the network key. ``gas-flags=EUI-64:hexadecimal``: set functional notification flags
for a gas meter, ``gas-flags=EUI-64:-hexadecimal``: clear them (devices.md 5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.eui64 import Eui64
from protocols.ports import StimulusOutcome
from rigs.emulated.knobs import Answer, done

if TYPE_CHECKING:
    from rigs.emulated.han.hub import HanHub

_DOWN = (StimulusOutcome.REFUSED, "the HAN is not up")


def register(han: HanHub) -> None:
    """Add the buttons to the CHF of this HAN."""
    han.chf.knobs |= {
        "network-key": lambda _value: done() if han.change_network_key() else _DOWN,
        "gas-flags": lambda value: _flags(han, value),
    }


def _flags(han: HanHub, value: str) -> Answer:
    device, _, bits = value.partition(":")
    number = int(bits.removeprefix("-"), 16)
    return done() if han.flag(Eui64(device), number, raised=not bits.startswith("-")) else _DOWN
