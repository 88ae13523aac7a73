"""A device's own two private keys: those of manufacture, until CS02d puts one that it generated in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.gbcs.asn1.types import KeyUsage
from protocols.smki import make_key
from protocols.smki.keys import public_point

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

    from protocols.smki import DeviceIdentities, Identity
    from rigs.emulated.storage import Storage

_SECTION = "device_certificate"
_DS, _KA = int(KeyUsage.DIGITAL_SIGNATURE), int(KeyUsage.KEY_AGREEMENT)
# Which of the pairs that were generated so far is the key in force.
_IN_FORCE = {usage: f"in_force.{usage}" for usage in (_DS, _KA)}


class OwnKeys:
    """Private keys and certificates of a device by key usage, digital signature or key agreement.

    A generated key follows from the device's identifier and how many pairs were generated before, so memory
    holds only their number.
    """

    def __init__(self, identities: DeviceIdentities, storage: Storage) -> None:
        self._made = identities
        self._storage = storage
        self._generated: dict[tuple[int, int], ec.EllipticCurvePrivateKey] = {}

    @property
    def signing(self) -> ec.EllipticCurvePrivateKey:
        """The digital signing key in force."""
        number = self._storage.get_json(_SECTION, _IN_FORCE[_DS])
        return self._key(_DS, number) if number else self._made.ds.private

    @property
    def agreement(self) -> ec.EllipticCurvePrivateKey:
        """The key agreement key in force."""
        number = self._storage.get_json(_SECTION, _IN_FORCE[_KA])
        return self._key(_KA, number) if number else self._made.ka.private

    def identity(self, usage: int) -> Identity | None:
        """Key and certificate of manufacture; None for a usage that devices have no key for."""
        if usage == _DS:
            return self._made.ds
        return self._made.ka if usage == _KA else None

    def certificate(self, usage: int) -> bytes | None:
        """The certificate in force (DER); None for a usage that devices have no key for."""
        made = self.identity(usage)
        return (
            None if made is None else self._storage.get(_SECTION, f"certificate.{usage}") or made.certificate
        )

    def generate(self, usage: int) -> tuple[ec.EllipticCurvePrivateKey, bytes]:
        """A new pair, pending until its certificate comes: private key and public point (65 octets)."""
        number = self._pairs(usage) + 1
        key = self._key(usage, number)
        point = self._storage.get(_SECTION, f"generator.{usage}") or public_point(key.public_key())
        self._storage.put_json(_SECTION, f"pairs.{usage}", number)
        self._storage.put(_SECTION, f"pending.{usage}", point)
        return key, point

    def generate_next(self, usage: int, point: bytes) -> None:
        """Let the pairs that the device generates have this public key (65 octets)."""
        self._storage.put(_SECTION, f"generator.{usage}", point)

    def install(self, usage: int, point: bytes, certificate: bytes) -> bool:
        """Put a certificate for ``point`` in force; False where it is of no pair that the device has.

        That is the pair generated last, or the one in force already.
        """
        if point == self._storage.get(_SECTION, f"pending.{usage}"):
            # Nobody here has the private key of a point that was given from outside: the old one stays.
            if self._storage.get(_SECTION, f"generator.{usage}") is None:
                self._storage.put_json(_SECTION, _IN_FORCE[usage], self._pairs(usage))
        else:
            key = self.signing if usage == _DS else self.agreement
            if point != public_point(key.public_key()):
                return False
        self._storage.put(_SECTION, f"certificate.{usage}", certificate)
        return True

    def _pairs(self, usage: int) -> int:
        return int(self._storage.get_json(_SECTION, f"pairs.{usage}", default=0))

    def _key(self, usage: int, number: int) -> ec.EllipticCurvePrivateKey:
        key = self._generated.get((usage, number))
        if key is None:
            label = f"pending {usage} {number}"
            key = self._generated[usage, number] = make_key(bytes(self._made.eui64), label)
        return key
