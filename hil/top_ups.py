"""Top-up tokens as a supplier makes them for one meter (GBCS section 14): the 20 digits and their counter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.gbcs.keystore import KeyUse
from protocols.gbcs.prepayment import TopUp, TopUpKey

if TYPE_CHECKING:
    from hil.keys import RigKeys
    from hil.nodes import DeviceNode
    from hil.rigfile import User

UTRN = "utrn"  # kind of counter (`hil.counters`)


@dataclass(slots=True)
class Token:
    """A top-up: ``utrn`` is what a consumer types in, ``counter`` that of the CS01a or CS01b with it."""

    utrn: str
    pence: int
    utrn_counter: int

    @property
    def counter(self) -> int:
        """Originator Counter of the command that carries it, 64 bits."""
        return self.utrn_counter << 32


def make_token(keys: RigKeys, user: User, device: DeviceNode, pence: int, utrn_counter: int) -> Token:
    """A token of the supplier's; EncodeError for an amount that none carries, ConfigError without a key."""
    private = keys.private(user, KeyUse.PP_KA)
    public = keys.public(device.eui64, KeyUse.KA, device.name)
    key = TopUpKey.agree(private, public, supplier=user.eui64, device=device.eui64)
    return Token(key.utrn(TopUp.of_pence(pence, utrn_counter)), pence, utrn_counter)
