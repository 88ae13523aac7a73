"""A whole key infrastructure from one seed: the same seed gives the same octets, on every machine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from protocols.eui64 import Eui64
from protocols.gbcs.asn1.types import KeyUsage, RemotePartyRole
from protocols.gbcs.keystore import KeyUse
from protocols.smki import certificates
from protocols.smki.contingency import wrap_contingency_key
from protocols.smki.keys import key_identifier, make_key, make_secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography.hazmat.primitives.asymmetric import ec

# Names for the parties of a usual bench; the identifiers are those of the DCC's reference messages, except
# the last, which has none there.
NAMED_PARTIES: dict[str, tuple[Eui64, RemotePartyRole]] = {
    "recovery": (Eui64("90-B3-D5-1F-30-00-00-01"), RemotePartyRole.RECOVERY),
    "access_control_broker": (Eui64("90-B3-D5-1F-30-00-00-02"), RemotePartyRole.ACCESS_CONTROL_BROKER),
    "transitional_cos": (Eui64("90-B3-D5-1F-30-00-00-04"), RemotePartyRole.TRANSITIONAL_COS),
    "wan_provider": (Eui64("90-B3-D5-1F-30-00-00-07"), RemotePartyRole.WAN_PROVIDER),
    "supplier": (Eui64("90-B3-D5-1F-30-01-00-00"), RemotePartyRole.SUPPLIER),
    "second_supplier": (Eui64("90-B3-D5-1F-30-03-00-00"), RemotePartyRole.SUPPLIER),
    "network_operator": (Eui64("90-B3-D5-1F-30-02-00-00"), RemotePartyRole.NETWORK_OPERATOR),
    "load_controller": (Eui64("90-B3-D5-1F-30-01-00-08"), RemotePartyRole.LOAD_CONTROLLER),
    "other": (Eui64("90-B3-D5-1F-30-04-00-00"), RemotePartyRole.OTHER),
}

# Whoever sends what the contingency key signed, without a certificate; as in the reference messages.
CONTINGENCY_PARTY = Eui64("70-B3-D5-1F-30-00-17-FF")

_USAGE = {
    KeyUse.DS: KeyUsage.DIGITAL_SIGNATURE,
    KeyUse.KA: KeyUsage.KEY_AGREEMENT,
    KeyUse.PP_KA: KeyUsage.KEY_AGREEMENT,
}

# Wide enough for a bench whose virtual clock stands anywhere in the life of the system.
_NOT_BEFORE = datetime(2015, 1, 1, tzinfo=UTC)
_NOT_AFTER = datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)
_NEVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


@dataclass(slots=True)
class Identity:
    """One key pair with its certificate (DER). ``role`` is None for devices."""

    eui64: Eui64
    use: KeyUse
    role: int | None
    private: ec.EllipticCurvePrivateKey
    certificate: bytes

    @property
    def public(self) -> ec.EllipticCurvePublicKey:
        """The public key."""
        return self.private.public_key()

    @property
    def key_id(self) -> bytes:
        """The 8-octet subject key identifier."""
        return key_identifier(self.public)


@dataclass(slots=True)
class Authority:
    """A certification authority: its encoded name, key and certificate."""

    name: bytes
    private: ec.EllipticCurvePrivateKey
    certificate: bytes


@dataclass(slots=True)
class Contingency:
    """The key pair for the worst case; ``symmetric`` opens its public key in the root's certificate."""

    private: ec.EllipticCurvePrivateKey
    symmetric: bytes

    def wrapped(self) -> bytes:
        """What the root's certificate holds of it."""
        return wrap_contingency_key(self.private.public_key(), self.symmetric)


@dataclass(slots=True)
class OrganisationIdentities:
    """The credentials of a remote party; only suppliers have a prepayment key agreement key."""

    eui64: Eui64
    role: int
    ds: Identity
    ka: Identity
    pp_ka: Identity | None

    def __iter__(self) -> Iterator[Identity]:
        yield from (identity for identity in (self.ds, self.ka, self.pp_ka) if identity)


@dataclass(slots=True)
class DeviceIdentities:
    """The credentials of a device."""

    eui64: Eui64
    ds: Identity
    ka: Identity

    def __iter__(self) -> Iterator[Identity]:
        yield from (self.ds, self.ka)


class Hierarchy:
    """Root and issuing authorities for organisations and for devices, and every certificate below them."""

    def __init__(self, seed: bytes | str) -> None:
        self._seed = seed.encode() if isinstance(seed, str) else seed
        self.contingency = Contingency(
            make_key(self._seed, "contingency"), make_secret(self._seed, "contingency")
        )
        self.root = self._authority(
            "root", "Bench root", RemotePartyRole.ROOT, contingency=self.contingency.wrapped()
        )
        self.issuing = self._authority(
            "issuing", "Bench issuing", RemotePartyRole.ISSUING_AUTHORITY, self.root
        )
        self.device_root = self._authority("device-root", "Bench device root", None)
        self.device_issuing = self._authority(
            "device-issuing", "Bench device issuing", None, self.device_root
        )

    @property
    def authorities(self) -> list[bytes]:
        """The certificates of all authorities (DER), for ``verify_certificate``."""
        parties = (self.root, self.issuing, self.device_root, self.device_issuing)
        return [party.certificate for party in parties]

    def organisation(
        self,
        party: str | Eui64,
        role: int | None = None,
        *,
        generation: int = 0,
        not_before: datetime = _NOT_BEFORE,
        not_after: datetime = _NOT_AFTER,
    ) -> OrganisationIdentities:
        """Credentials of a remote party given by name (``NAMED_PARTIES``) or by EUI-64 and role.

        Another ``generation`` gives other keys and certificates for the same party, as needed for replacing
        credentials; the validity can be set for tests of time checks.
        """
        eui64, role = _resolve(party, role)
        uses = [KeyUse.DS, KeyUse.KA] + [KeyUse.PP_KA] * (role == RemotePartyRole.SUPPLIER)
        made: dict[KeyUse, Identity] = {}
        for use in uses:
            private = make_key(self._seed, f"organisation/{eui64}/{use}/{role}/{generation}")
            subject = certificates.organisation_subject(eui64, role, _USAGE[use])
            certificate = self._issue(subject, private.public_key(), self.issuing, not_before, not_after)
            made[use] = Identity(eui64, use, role, private, certificate)
        return OrganisationIdentities(eui64, role, made[KeyUse.DS], made[KeyUse.KA], made.get(KeyUse.PP_KA))

    def device(self, eui64: Eui64, *, generation: int = 0) -> DeviceIdentities:
        """Credentials of a device; its certificates do not expire."""
        ds, ka = (self.device_identity(eui64, use, generation=generation) for use in (KeyUse.DS, KeyUse.KA))
        return DeviceIdentities(eui64, ds, ka)

    def device_identity(self, eui64: Eui64, use: KeyUse, *, generation: int = 0) -> Identity:
        """One of a device's two key pairs with its certificate."""
        private = make_key(self._seed, f"device/{eui64}/{use}/{generation}")
        certificate = self.device_certificate(eui64, _USAGE[use], private.public_key())
        return Identity(eui64, use, None, private, certificate)

    def device_certificate(self, eui64: Eui64, usage: KeyUsage, public: ec.EllipticCurvePublicKey) -> bytes:
        """A certificate (DER) for a key of a device, such as it has asked for (`smki.requests`)."""
        subject = certificates.device_subject(eui64, usage)
        return self._issue(subject, public, self.device_issuing, _NOT_BEFORE, _NEVER)

    def _authority(
        self,
        label: str,
        common_name: str,
        role: int | None,
        issuer: Authority | None = None,
        contingency: bytes = b"",
    ) -> Authority:
        private = make_key(self._seed, f"authority/{label}")
        length = 0 if issuer else None
        subject = certificates.authority_subject(common_name, role, length, contingency=contingency)
        signer = issuer or Authority(subject.name, private, b"")
        certificate = self._issue(subject, private.public_key(), signer, _NOT_BEFORE, _NOT_AFTER)
        return Authority(subject.name, private, certificate)

    @staticmethod
    def _issue(
        subject: certificates.Subject,
        public: ec.EllipticCurvePublicKey,
        issuer: Authority,
        not_before: datetime,
        not_after: datetime,
    ) -> bytes:
        return certificates.build_certificate(
            subject,
            public,
            issuer_name=issuer.name,
            issuer_key=issuer.private,
            not_before=not_before,
            not_after=not_after,
        )


def _resolve(party: str | Eui64, role: int | None) -> tuple[Eui64, int]:
    if isinstance(party, str) and party in NAMED_PARTIES:
        eui64, named_role = NAMED_PARTIES[party]
        return eui64, int(named_role if role is None else role)
    if role is None:
        known = ", ".join(NAMED_PARTIES)
        raise ValueError(f"{party!r} needs a role, or be one of {known}")
    return Eui64(party), role
