"""Credentials replacement modes of CS02b: who may replace which cells, and how protected (asn1.md 1, 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.gbcs.asn1.types import CredentialsReplacementMode as Name
from protocols.gbcs.asn1.types import RemotePartyRole as Role

if TYPE_CHECKING:
    from rigs.emulated.trust_anchors import Cell

_FIRST_MESSAGE_CODE = 0x0100
# CS02g has codes of its own.
_LOAD_CONTROLLER_CODES = {
    0x0125: Name.LOAD_CONTROLLER_BY_LOAD_CONTROLLER,
    0x0126: Name.LOAD_CONTROLLER_BY_SUPPLIER,
}
CONTINGENCY = 0x0109
UPDATES = ("CS02b", "CS02g")


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


# The contingency route is authorised by the key that lies wrapped in the root's certificate: nobody stands in
# the root's cell as a sender, so ``security`` looks at these commands by themselves.
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
    Name.ANY_BY_CONTINGENCY: Mode(Role.ROOT, _ORGANISATIONS | {Role.ROOT}, maced=False),
    Name.LOAD_CONTROLLER_BY_LOAD_CONTROLLER: _by(Role.LOAD_CONTROLLER, Role.LOAD_CONTROLLER),
    Name.LOAD_CONTROLLER_BY_SUPPLIER: _by(Role.SUPPLIER, Role.LOAD_CONTROLLER),
}


def mode_of(message_code: int) -> Name:
    """Replacement mode of a message code: CS02b 0x0100 + mode, CS02g 0x0125 and 0x0126."""
    found = _LOAD_CONTROLLER_CODES.get(message_code)
    return Name(message_code - _FIRST_MESSAGE_CODE) if found is None else found
