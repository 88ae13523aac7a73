"""Trust anchor cells and the counters of the parties in them.

A cell is (remote party role, key usage, cell usage) and holds one certificate. Whoever stands in a cell as
its certificate's subject has that role on this device; one party can stand in the cells of several roles, as
the ACB does in a supplier's cells before handover.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from protocols.eui64 import Eui64
from protocols.gbcs.asn1.types import CellUsage, KeyUsage, RemotePartyRole
from protocols.smki import parse_certificate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography.hazmat.primitives.asymmetric import ec

    from protocols.gbcs.catalogue import UseCase
    from protocols.smki import CertificateInfo
    from rigs.emulated.command import Command
    from rigs.emulated.description import TrustAnchor
    from rigs.emulated.storage import Storage

# Roles by the names that the catalogue of use cases gives them.
ROLES = {role.name.lower(): role for role in RemotePartyRole}

_CELLS, _COUNTERS, _TOP_UP = "trust_anchor", "counter", "top_up_counter"


class Cell(NamedTuple):
    """Trust anchor cell identifier (asn1.md 1)."""

    role: int
    key_usage: KeyUsage
    cell_usage: int = CellUsage.MANAGEMENT

    @property
    def key(self) -> str:
        """Storage key; sorts by role, digital signature before key agreement."""
        return _key_of(*self)

    @classmethod
    def of(cls, role: int, key_usage: int, cell_usage: int) -> Cell:
        """From the numbers of an ASN.1 structure."""
        return cls(role, KeyUsage(key_usage), cell_usage)

    @classmethod
    def from_key(cls, key: str) -> Cell:
        """Inverse of ``key``."""
        return _cell_of(key)


# Top-ups count by themselves: their counters are UTRN Counters shifted by 32 bits, with a floor and a memory
# of their own, and may come out of order (GBCS 13.3, 14.3).
_TOP_UPS = frozenset({"CS01a", "CS01b"})


def has_role_counter(use_case: UseCase) -> bool:
    """Whether a command of this use case has to exceed its role's counter (A02)."""
    return bool(use_case.replay_protected) and use_case.code not in _TOP_UPS


# A few dozen cells are all there are, and each message looks through those of its device.
@cache
def _key_of(role: int, key_usage: int, cell_usage: int) -> str:
    return f"{role:03}/{0xFF - key_usage:03}/{cell_usage}"


@cache
def _cell_of(key: str) -> Cell:
    role, usage, cell_usage = map(int, key.split("/"))
    return Cell(role, KeyUsage(0xFF - usage), cell_usage)


ROOT_CELL = Cell(RemotePartyRole.ROOT, KeyUsage.KEY_CERT_SIGN)


def signing_cell(role: int) -> Cell:
    """The role's digital signature cell."""
    return Cell(role, KeyUsage.DIGITAL_SIGNATURE)


def agreement_cell(role: int) -> Cell:
    """The role's key agreement cell for management."""
    return Cell(role, KeyUsage.KEY_AGREEMENT)


class TrustAnchors:
    """Cells and execution counters of one device."""

    def __init__(self, storage: Storage, *, repeat_allowed: bool = False) -> None:
        self._storage = storage
        self._repeat_allowed = repeat_allowed
        # Role and counter of commands that wait for something: they are in hand, and not carried out yet.
        self._begun: set[tuple[int, int]] = set()
        self._held: list[tuple[str, bytes]] = []  # cells when roles were asked for last, and the answers
        self._roles: dict[bytes, frozenset[int]] = {}
        self.expired: set[int] = set()  # roles whose certificates count for nothing (``fault_catalogue``)

    def from_factory(self, anchors: Iterable[TrustAnchor]) -> None:
        """Fill the cells as at manufacture."""
        for anchor in anchors:
            self.install(Cell(anchor.role, anchor.key_usage, anchor.cell_usage), anchor.certificate)

    def cells(self) -> list[Cell]:
        """All cells the device has, by role, then digital signature before key agreement."""
        return [_cell_of(key) for key, _certificate in self._storage.items(_CELLS)]

    def certificate(self, cell: Cell) -> bytes | None:
        """Certificate (DER) in a cell; None when the device has no such cell."""
        return self._storage.get(_CELLS, cell.key)

    def info(self, cell: Cell) -> CertificateInfo | None:
        """The certificate in a cell, read."""
        certificate = self.certificate(cell)
        return None if certificate is None else parse_certificate(certificate)

    def install(self, cell: Cell, certificate: bytes) -> None:
        """Put a certificate into a cell."""
        self._storage.put(_CELLS, cell.key, certificate)

    def remove(self, cell: Cell) -> None:
        """Have no such cell any more."""
        self._storage.delete(_CELLS, cell.key)

    def subject(self, role: int) -> Eui64 | None:
        """Who holds a role: the subject of its signing or else its key agreement certificate."""
        for cell in (signing_cell(role), agreement_cell(role)):
            info = self.info(cell)
            if info is not None and info.subject_eui is not None:
                return info.subject_eui
        return None

    def roles_of(self, party: Eui64) -> frozenset[int]:
        """All roles in whose cells a party stands; root never counts, it sends no commands."""
        held = self._storage.items(_CELLS)
        if held != self._held:
            # Every message asks, and cells change seldom.
            self._held, self._roles = held, {}
        roles = self._roles.get(party)
        if roles is None:
            found = {_cell_of(key).role for key, certificate in held if _is_of(party, certificate)}
            roles = self._roles[party] = frozenset(found - {RemotePartyRole.ROOT})
        return roles

    def signing_key(self, role: int, party: Eui64) -> ec.EllipticCurvePublicKey | None:
        """Public key in a role's digital signature cell; None unless this party stands there."""
        return self._key(signing_cell(role), party)

    def agreement_key(self, role: int, party: Eui64 | None = None) -> ec.EllipticCurvePublicKey | None:
        """Public key of a role's key agreement cell; with ``party`` only if that party stands there."""
        return self._key(agreement_cell(role), party)

    def _key(self, cell: Cell, party: Eui64 | None) -> ec.EllipticCurvePublicKey | None:
        info = self.info(cell)
        if info is None or cell.role in self.expired or (party is not None and info.subject_eui != party):
            return None
        return info.public_key

    # ------------------------------------------------------------------ counters

    def counter(self, role: int) -> int:
        """Highest counter of the role in an executed replay-protected command, or its floor."""
        return int(self._storage.get_json(_COUNTERS, f"{role:03}", default=0))

    def is_new(self, role: int, counter: int) -> bool:
        """Whether a replay-protected command with this counter may be executed (A02)."""
        if (role, counter) in self._begun:
            return False
        highest = self.counter(role)
        return counter > highest or (self._repeat_allowed and counter == highest)

    def begin(self, command: Command) -> None:
        """Let no copy of a command in while it waits; one that a power cut ends was never carried out."""
        if has_role_counter(command.use_case):
            self._begun.add((command.role, command.counter))

    def forget_begun(self) -> None:
        """A start: what waited before it is not carried out any more."""
        self._begun.clear()

    def accept(self, command: Command) -> None:
        """Remember the counter of an authentic command, if its use case is protected against replay."""
        if has_role_counter(command.use_case):
            self._begun.discard((command.role, command.counter))
            # Another command may have overtaken one that waited; no counter goes back.
            self.set_floor(command.role, max(command.counter, self.counter(command.role)))

    def set_floor(self, role: int, counter: int) -> None:
        """Set a role's counter; a later command has to exceed it."""
        self._storage.put_json(_COUNTERS, f"{role:03}", counter)

    def top_up_floor(self, role: int) -> int:
        """Floor of the role's prepayment top-up counter."""
        return int(self._storage.get_json(_TOP_UP, f"{role:03}", default=0))

    def set_top_up_floor(self, role: int, counter: int) -> None:
        """Set the floor of a role's prepayment top-up counter."""
        self._storage.put_json(_TOP_UP, f"{role:03}", counter)


def _is_of(party: Eui64, certificate: bytes) -> bool:
    return parse_certificate(certificate).subject_eui == party
