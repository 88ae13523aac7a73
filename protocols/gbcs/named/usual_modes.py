"""What each replacement mode of CS02b and CS02g usually fills in, as the reference commands do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from protocols.gbcs.asn1.credentials import TrustAnchorCell
from protocols.gbcs.asn1.types import CredentialsReplacementMode as Mode
from protocols.gbcs.asn1.types import KeyUsage
from protocols.gbcs.asn1.types import RemotePartyRole as Role

_DS = KeyUsage.DIGITAL_SIGNATURE
_TOP_UP = {"usage": 0, "counter": 0}


@dataclass(slots=True)
class Usual:
    """What a replacement mode usually fills in; values override it, None leaves the element out."""

    authorising_role: Role | None
    new_floor_counter: int | None = 0
    new_specialist_floors: list[dict[str, int]] | None = None
    other_roles: tuple[Role, ...] = ()
    apply_time_based_checks: bool = True

    @property
    def authorising_cell(self) -> TrustAnchorCell | None:
        """The digital signing cell of the role that authorises."""
        return None if self.authorising_role is None else TrustAnchorCell(self.authorising_role, _DS)

    @property
    def other_changes(self) -> list[dict[str, Any]] | None:
        """New floors of other roles, all 0; suppliers have one for prepayment top-ups as well."""
        changes = [
            {
                "role": role,
                "floor_counter": 0,
                "specialist_floors": [_TOP_UP] if role is Role.SUPPLIER else None,
            }
            for role in self.other_roles
        ]
        return changes or None


USUAL = {
    Mode.SUPPLIER_BY_SUPPLIER: Usual(Role.SUPPLIER, new_specialist_floors=[_TOP_UP]),
    Mode.NETWORK_OPERATOR_BY_NETWORK_OPERATOR: Usual(Role.NETWORK_OPERATOR),
    Mode.ACCESS_CONTROL_BROKER_BY_ACB: Usual(None),
    Mode.WAN_PROVIDER_BY_WAN_PROVIDER: Usual(Role.WAN_PROVIDER),
    Mode.TRANS_COS_BY_TRANS_COS: Usual(Role.TRANSITIONAL_COS),
    Mode.SUPPLIER_BY_TRANS_COS: Usual(Role.TRANSITIONAL_COS, None, other_roles=(Role.SUPPLIER,)),
    Mode.ANY_EXCEPT_ABNORMAL_ROOT_BY_RECOVERY: Usual(
        Role.RECOVERY,
        other_roles=(
            Role.SUPPLIER,
            Role.NETWORK_OPERATOR,
            Role.ACCESS_CONTROL_BROKER,
            Role.TRANSITIONAL_COS,
        ),
        apply_time_based_checks=False,
    ),
    Mode.LOAD_CONTROLLER_BY_LOAD_CONTROLLER: Usual(Role.LOAD_CONTROLLER, apply_time_based_checks=False),
    Mode.LOAD_CONTROLLER_BY_SUPPLIER: Usual(Role.SUPPLIER, None, other_roles=(Role.LOAD_CONTROLLER,)),
}
