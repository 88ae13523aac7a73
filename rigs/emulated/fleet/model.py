"""What all households of a fleet share: authorities, who stands in which cell, numbers and names."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING

from protocols.eui64 import Eui64
from protocols.gbcs.asn1.types import CellUsage, KeyUsage, RemotePartyRole
from protocols.gbcs.catalogue import load_catalogue
from protocols.smki import Hierarchy
from rigs.emulated.description import DeviceDescription, TrustAnchor
from rigs.emulated.fleet.identities import DerivedIdentities

if TYPE_CHECKING:
    from protocols.gbcs.catalogue import Catalogue

KINDS = ("chf", "gpf", "esme", "gsme", "ppmid")
# A block of our own (the first four octets), then household times eight plus the kind's place in KINDS.
_BLOCK = bytes.fromhex("00DB1240")
_KIND_BITS = 3
LAST_HOUSEHOLD = (1 << 32 - _KIND_BITS) - 1

_DS, _KA = KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT
_ACB = "access_control_broker"
_BROKER = ((_ACB, _ACB, _DS, 0), (_ACB, _ACB, _KA, 0))
_EVERYWHERE = (("recovery", "recovery", _DS, 0), ("transitional_cos", "transitional_cos", _DS, 0), *_BROKER)
# Until it is commissioned the broker stands in the supplier's and the network operator's cells (GBCS 13).
_SUPPLIER = (("supplier", _ACB, _DS, 0), ("supplier", _ACB, _KA, 0))
_METER = (
    *_EVERYWHERE,
    *_SUPPLIER,
    ("supplier", _ACB, _KA, int(CellUsage.PREPAYMENT_TOP_UP)),
    ("network_operator", _ACB, _DS, 0),
    ("network_operator", _ACB, _KA, 0),
)
# Cells by kind: role, the party whose certificate it holds from manufacture, key usage, cell usage.
_CELLS: dict[str, tuple[tuple[str, str, KeyUsage, int], ...]] = {
    "chf": (*_EVERYWHERE, ("wan_provider", "wan_provider", _DS, 0)),
    "gpf": _METER,
    "esme": _METER,
    "gsme": _METER,
    "ppmid": (*_EVERYWHERE, *_SUPPLIER),
}


class Model:
    """Households of one seed: the same seed and number give the same household, keys included."""

    def __init__(self, seed: bytes | str, catalogue: Catalogue | None = None) -> None:
        self.seed = seed.encode() if isinstance(seed, str) else seed
        self.hierarchy = Hierarchy(self.seed)
        self.catalogue = catalogue or load_catalogue()
        self._issuing = [self.hierarchy.device_issuing.certificate]

    @staticmethod
    def eui64(household: int, kind: str) -> Eui64:
        """Identifier of a household's device of a kind; ValueError beyond the last household."""
        if not 0 <= household <= LAST_HOUSEHOLD:
            raise ValueError(f"households have numbers from 0 to {LAST_HOUSEHOLD}, not {household}")
        number = household << _KIND_BITS | KINDS.index(kind)
        return Eui64(_BLOCK + number.to_bytes(4, "big"))

    @staticmethod
    def locate(eui64: bytes) -> tuple[int, str] | None:
        """Household and kind of a device; None where the identifier is none of a fleet."""
        number = int.from_bytes(eui64[4:], "big")
        place = number & (1 << _KIND_BITS) - 1
        if eui64[:4] != _BLOCK or place >= len(KINDS):
            return None
        return number >> _KIND_BITS, KINDS[place]

    @cached_property
    def anchors(self) -> dict[str, list[TrustAnchor]]:
        """Trust anchor cells by kind, as at manufacture."""
        certificate = self.hierarchy.root.certificate
        root = TrustAnchor(RemotePartyRole.ROOT, KeyUsage.KEY_CERT_SIGN, CellUsage.MANAGEMENT, certificate)
        holders = {party for cells in _CELLS.values() for _role, party, _usage, _cell in cells}
        parties = {party: self.hierarchy.organisation(party) for party in sorted(holders)}
        made = {}
        for kind, cells in _CELLS.items():
            made[kind] = [root]
            for role, party, usage, cell_usage in cells:
                identity = parties[party].ds if usage is _DS else parties[party].ka
                anchor = TrustAnchor(RemotePartyRole[role.upper()], usage, cell_usage, identity.certificate)
                made[kind].append(anchor)
        return made

    def describe(self, household: int, kind: str) -> DeviceDescription:
        """A household's device of a kind as it leaves the factory."""
        eui64 = self.eui64(household, kind)
        return DeviceDescription(
            name=f"{kind}-{household}",
            eui64=eui64,
            device_type=kind,
            firmware_version=bytes((KINDS.index(kind), 0, 0, 1)),
            identities=DerivedIdentities(self.hierarchy, eui64),
            trust_anchors=self.anchors[kind],
            install_code=self.secret(f"install code/{eui64}"),
            mpxn={"esme": f"{household:013}", "gsme": f"{household:010}"}.get(kind, ""),
            issuing_certificates=self._issuing,
        )

    def secret(self, label: str) -> bytes:
        """16 octets that nobody can guess who does not know the seed."""
        return hashlib.sha256(b"/".join((b"fleet", self.seed, label.encode()))).digest()[:16]
