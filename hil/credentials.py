"""The rig's credentials: what the trust anchor cells of a device should hold, and putting it back there."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hil.verdicts import StateNotReachedError
from protocols.errors import CodecError
from protocols.eui64 import Eui64
from protocols.gbcs.asn1.credentials import TrustAnchorCell
from protocols.gbcs.asn1.types import CellUsage, KeyUsage, RemotePartyRole
from protocols.gbcs.keystore import KeyUse

if TYPE_CHECKING:
    from hil.bench import Bench
    from hil.nodes import DeviceNode, UserNode
    from hil.state_steps import Steps

ACB_CELL = TrustAnchorCell(RemotePartyRole.ACCESS_CONTROL_BROKER, KeyUsage.KEY_AGREEMENT)
_DS, _KA = KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT
_USES = {
    (int(_DS), int(CellUsage.MANAGEMENT)): KeyUse.DS,
    (int(_KA), int(CellUsage.MANAGEMENT)): KeyUse.KA,
    (int(_KA), int(CellUsage.PREPAYMENT_TOP_UP)): KeyUse.PP_KA,
}
# Roles whose cells tests may change, with the mode by which their own holder replaces them (asn1.md 3).
_OWN_MODE = {RemotePartyRole.SUPPLIER: 2, RemotePartyRole.NETWORK_OPERATOR: 3}
_SUPPLIER_BY_COS = 7


@dataclass(slots=True)
class Cell:
    """Content of one trust anchor cell: whose certificate, and its key identifier (8 octets, or empty)."""

    owner: Eui64
    key_id: bytes
    certificate: bytes


@dataclass(slots=True)
class CredentialSet:
    """Certificates of the rig's users by role and key use, and those of the authorities that issued them."""

    cells: dict[tuple[int, KeyUse], Cell]
    authorities: list[bytes]

    @classmethod
    def of_bench(cls, bench: Bench) -> CredentialSet:
        """Gather them; of two users with one role devices know the one named after it, or the first."""
        cells: dict[tuple[int, KeyUse], Cell] = {}
        for user in sorted(bench.users.values(), key=lambda user: user.name != user.role):
            role = int(RemotePartyRole[user.role.upper()])
            for use in KeyUse:
                certificate = bench.keys.keystore.certificate(user.eui64, use)
                if certificate and (role, use) not in cells:
                    cells[role, use] = Cell(user.eui64, key_id_of(certificate), certificate)
        hierarchy = bench.keys.hierarchy
        return cls(cells, [hierarchy.issuing.certificate] if hierarchy is not None else [])

    def fingerprint(self) -> str:
        """SHA-256 (hex) over all certificates: two runs with equal ones used the same key set."""
        digest = hashlib.sha256()
        for (role, use), cell in sorted(self.cells.items(), key=lambda item: (item[0][0], str(item[0][1]))):
            digest.update(f"{role} {use} {cell.owner}\n".encode() + cell.certificate)
        return digest.hexdigest()


def key_id_of(certificate: bytes) -> bytes:
    """Subject key identifier of a certificate; empty when it has none or cannot be read."""
    from protocols.smki import parse_certificate

    try:
        return parse_certificate(certificate).key_id
    except CodecError:
        return b""


def foreign_roles(parties: Sequence[Mapping[str, Any]], credentials: CredentialSet) -> list[int]:
    """Roles in a CS02a response with a cell that holds something else than the rig's certificate."""
    foreign = []
    for party in parties:
        role = int(party["role"])
        for cell in party.get("cells") or ():
            use = _USES.get((int(cell["key_usage"]), int(cell["cell_usage"])))
            known = credentials.cells.get((role, use)) if use is not None else None
            if known is None:
                continue  # the rig has no certificate for this cell, so nothing to compare with
            other_key = known.key_id and bytes(cell["key_id"]) != known.key_id
            if bytes(cell["subject_id"]) != known.owner or other_key:
                foreign.append(role)
                break
    return foreign


def restore_credentials(bench: Bench, steps: Steps, device: DeviceNode) -> list[str]:
    """Put the rig's certificates back into the cells that hold others; names of the roles put back.

    Supplier cells are replaced by the transitional CoS where the rig has one, because its own credentials do
    not change; otherwise by whoever holds the cells now. StateNotReachedError: nobody on the rig can.
    """
    parties = steps.parties(device)
    if parties is None:
        raise StateNotReachedError(f"{device.name} does not answer, its credentials cannot be read")
    done = []
    for role in foreign_roles(parties, steps.credentials):
        party = next(party for party in parties if int(party["role"]) == role)
        _replace(bench, steps, device, role, party)
        done.append(RemotePartyRole(role).name.lower())
    return done


def _replace(bench: Bench, steps: Steps, device: DeviceNode, role: int, party: Mapping[str, Any]) -> None:
    replacements = [
        (cell.certificate, TrustAnchorCell(role, *_cell_of(use)))
        for (cell_role, use), cell in steps.credentials.cells.items()
        if cell_role == role and any(_cell_of(use) == _usage(held) for held in party["cells"])
    ]
    values: dict[str, Any] = {"replacements": replacements, "path": steps.credentials.authorities}
    cos = next((user for user in bench.users.values() if user.role == "transitional_cos"), None)
    specialist = [{"usage": 0, "counter": 0}]
    if role == RemotePartyRole.SUPPLIER and cos is not None:
        signer = cos
        values |= {
            "mode": _SUPPLIER_BY_COS,
            "authorising_cell": TrustAnchorCell(RemotePartyRole.TRANSITIONAL_COS, _DS),
            "other_changes": [{"role": role, "floor_counter": 0, "specialist_floors": specialist}],
        }
    else:
        signer = _holder(bench, role, party, device)
        values |= {
            "mode": _OWN_MODE[RemotePartyRole(role)],
            "authorising_cell": TrustAnchorCell(role, _DS),
            "new_floor_counter": 0,
        }
        if role == RemotePartyRole.SUPPLIER:
            values["new_specialist_floors"] = specialist
    response = signer.request("CS02b", device, **values)
    outcome = response.values.get("outcome") or {}
    bad = [item for item in outcome.get("replacements", []) if int(item.get("status", 0)) != 0]
    if bad:
        raise StateNotReachedError(f"CS02b did not put the credentials of {device.name} back: {bad}")


def _holder(bench: Bench, role: int, party: Mapping[str, Any], device: DeviceNode) -> UserNode:
    owners = {bytes(cell["subject_id"]) for cell in party["cells"]}
    for user in bench.users.values():
        if bytes(user.eui64) in owners:
            return user
    names = ", ".join(str(Eui64(owner)) for owner in sorted(owners))
    raise StateNotReachedError(
        f"{device.name} holds credentials of {names} as {RemotePartyRole(role).name.lower()}; no user of "
        "this rig can replace them"
    )


def _cell_of(use: KeyUse) -> tuple[int, int]:
    return next(cell for cell, known in _USES.items() if known is use)


def _usage(cell: Mapping[str, Any]) -> tuple[int, int]:
    return int(cell["key_usage"]), int(cell["cell_usage"])
