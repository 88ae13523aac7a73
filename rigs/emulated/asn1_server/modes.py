"""Credentials replacement modes of CS02b: who may replace which cells, and how protected (asn1.md 1, 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.gbcs.asn1.types import CredentialsReplacementMode as Name
from protocols.gbcs.asn1.types import RemotePartyRole as Role

if TYPE_CHECKING:
    from rigs.emulated.trust_anchors import Cell

_FIRST_MESSAGE_CODE = 0x0100


@dataclass(slots=True)
class Mode:
    """One replacement mode: ``authority`` is the role that sends it, ``replaces`` whose cells it changes."""

    authority: Role
    replaces: frozenset[Role]
    signed: bool = True
    maced: bool = True

    def may_replace(self, cell: Cell) -> bool:
        """Whether a cell is one that this mode may change."""
        return cell.role in self.replaces


_ORGANISATIONS = frozenset(
    {Role.RECOVERY, Role.SUPPLIER, Role.NETWORK_OPERATOR, Role.ACCESS_CONTROL_BROKER, Role.TRANSITIONAL_COS}
    | {Role.WAN_PROVIDER}
)


def _by(authority: Role, *replaces: Role) -> Mode:
    return Mode(authority, frozenset(replaces))


# The contingency route is authorised by the root's wrapped key, which emulated devices do not hold: nobody
# stands in the root's cell as a sender, so whoever tries it is refused for lack of authority.
MODES = {
    Name.ROOT_BY_SUPPLIER: _by(Role.SUPPLIER, Role.ROOT),
    Name.ROOT_BY_WAN_PROVIDER: _by(Role.WAN_PROVIDER, Role.ROOT),
    Name.SUPPLIER_BY_SUPPLIER: _by(Role.SUPPLIER, Role.SUPPLIER),
    Name.NETWORK_OPERATOR_BY_NETWORK_OPERATOR: _by(Role.NETWORK_OPERATOR, Role.NETWORK_OPERATOR),
    Name.ACCESS_CONTROL_BROKER_BY_ACB: Mode(
        Role.ACCESS_CONTROL_BROKER, frozenset({Role.ACCESS_CONTROL_BROKER}), signed=False
    ),
    Name.WAN_PROVIDER_BY_WAN_PROVIDER: _by(Role.WAN_PROVIDER, Role.WAN_PROVIDER),
    Name.TRANS_COS_BY_TRANS_COS: _by(Role.TRANSITIONAL_COS, Role.TRANSITIONAL_COS),
    Name.SUPPLIER_BY_TRANS_COS: _by(Role.TRANSITIONAL_COS, Role.SUPPLIER),
    Name.ANY_EXCEPT_ABNORMAL_ROOT_BY_RECOVERY: Mode(Role.RECOVERY, _ORGANISATIONS, maced=False),
    Name.ANY_BY_CONTINGENCY: Mode(Role.ROOT, frozenset(), maced=False),
}


def mode_of(message_code: int) -> Name:
    """Replacement mode of a CS02b message code (0x0100 + mode)."""
    return Name(message_code - _FIRST_MESSAGE_CODE)
