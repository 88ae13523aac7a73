"""Trust anchor cells: reading them (CS02a) and replacing a supplier's (CS02b)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hil.api import not_applicable
from protocols.eui64 import Eui64
from protocols.gbcs.asn1.credentials import TrustAnchorCell
from protocols.gbcs.asn1.types import CellUsage, KeyUsage, RemotePartyRole
from protocols.gbcs.keystore import KeyUse
from protocols.smki import parse_certificate

if TYPE_CHECKING:
    from hil.bench import Bench
    from hil.exchange import Response
    from hil.nodes import DeviceNode, UserNode
    from protocols.smki import Hierarchy

SUPPLIER_BY_SUPPLIER, SUPPLIER_BY_TRANS_COS = 2, 7
_BROKER = TrustAnchorCell(RemotePartyRole.ACCESS_CONTROL_BROKER, KeyUsage.KEY_AGREEMENT)

# The cells of a role, and which of its holder's keys each of them takes.
_CELLS = {
    (KeyUsage.DIGITAL_SIGNATURE, CellUsage.MANAGEMENT): KeyUse.DS,
    (KeyUsage.KEY_AGREEMENT, CellUsage.MANAGEMENT): KeyUse.KA,
    (KeyUsage.KEY_AGREEMENT, CellUsage.PREPAYMENT_TOP_UP): KeyUse.PP_KA,
}
CellName = tuple[int, int]  # key usage, cell usage


@dataclass(slots=True)
class Holder:
    """Who holds the cells of a role, as CS02a says: subject and key identifier of each cell."""

    status: int
    counter: int | None
    cells: dict[CellName, tuple[Eui64, bytes]]


def read_holders(acb: UserNode, device: DeviceNode, *roles: str) -> tuple[dict[str, Holder], Response]:
    """CS02a for some roles."""
    response = acb.request("CS02a", device, authorising_cell=_BROKER, roles=list(roles))
    holders = {}
    for party in response.values["parties"]:
        cells = {
            (int(cell["key_usage"]), int(cell["cell_usage"])): (
                Eui64(cell["subject_id"]),
                bytes(cell["key_id"]),
            )
            for cell in party.get("cells") or ()
        }
        role = RemotePartyRole(int(party["role"])).name.lower()
        holders[role] = Holder(int(party["status"]), party.get("current_counter"), cells)
    return holders, response


def certificates(bench: Bench, user: UserNode) -> dict[CellName, bytes]:
    """A user's certificate (DER) for every cell of its role."""
    keystore = bench.keys.keystore
    found = {cell: keystore.certificate(user.eui64, use) for cell, use in _CELLS.items()}
    return {cell: certificate for cell, certificate in found.items() if certificate}


def expected_cells(bench: Bench, user: UserNode) -> dict[CellName, tuple[Eui64, bytes]]:
    """What CS02a has to say while ``user`` holds the cells of its role."""
    found = {}
    for cell, certificate in certificates(bench, user).items():
        info = parse_certificate(certificate)
        found[cell] = (info.subject_eui, info.key_id)
    return found


def replacing(bench: Bench, to: UserNode, **changes: Any) -> dict[str, Any]:
    """Values of a CS02b that gives the cells of a role to ``to``; by a supplier unless ``mode`` says otherwise."""
    role = RemotePartyRole[to.role.upper()]
    replacements = [
        (certificate, TrustAnchorCell(role, *cell)) for cell, certificate in certificates(bench, to).items()
    ]
    path = [hierarchy(bench).issuing.certificate]
    return {"mode": SUPPLIER_BY_SUPPLIER, "replacements": replacements, "path": path, **changes}


def hierarchy(bench: Bench) -> Hierarchy:
    """The authorities that issued this rig's certificates; the test is not run where they are not at hand."""
    if bench.keys.hierarchy is None:
        not_applicable("the authorities that issued this rig's certificates are not known")
    return bench.keys.hierarchy


def with_bad_signature(certificate: bytes) -> bytes:
    """The same certificate, the last bit of its issuer's signature turned over."""
    return certificate[:-1] + bytes((certificate[-1] ^ 1,))


def statuses(response: Response) -> list[int]:
    """Status of every cell in the outcome of a CS02b."""
    return [int(entry["status"]) for entry in response.values["outcome"]["replacements"]]
