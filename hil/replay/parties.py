"""Devices and parties of a replay, from a set of keys that holds no device's private key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec

from protocols.errors import DecodeError
from protocols.gbcs.asn1.types import CellUsage, KeyUsage, RemotePartyRole
from protocols.gbcs.crypto import shared_secret, sign
from protocols.gbcs.keystore import KeyUse
from protocols.ports import ConfigError
from protocols.smki import (
    DeviceIdentities,
    Identity,
    build_certificate,
    key_identifier,
    make_key,
    parse_certificate,
)
from protocols.smki.certificates import authority_subject, organisation_subject
from protocols.smki.keys import public_point
from rigs.emulated.description import DeviceDescription, TrustAnchor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from protocols.eui64 import Eui64
    from protocols.gbcs.keystore import KeyEntry, KeyStore
    from rigs.emulated.trust_anchors import Cell

_DS, _KA, _ROOT = KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT, KeyUsage.KEY_CERT_SIGN
_ROLE = RemotePartyRole
_STAND_IN_FROM, _STAND_IN_TO = (datetime(year, 1, 1, tzinfo=UTC) for year in (2000, 2049))
# Cells by device type: what of each role a device holds (asn1.md 2).
_EVERY = {
    _ROLE.RECOVERY: (KeyUse.DS,),
    _ROLE.SUPPLIER: (KeyUse.DS, KeyUse.KA, KeyUse.PP_KA),
    _ROLE.NETWORK_OPERATOR: (KeyUse.DS, KeyUse.KA),
    _ROLE.ACCESS_CONTROL_BROKER: (KeyUse.KA,),
    _ROLE.TRANSITIONAL_COS: (KeyUse.DS,),
}
_BROKER_SIGNS = {_ROLE.ACCESS_CONTROL_BROKER: (KeyUse.DS, KeyUse.KA)}
_LOAD_CONTROL = {_ROLE.LOAD_CONTROLLER: (KeyUse.DS, KeyUse.KA)}
_WAN = {_ROLE.WAN_PROVIDER: (KeyUse.DS,)}
CELLS: dict[str, dict[RemotePartyRole, tuple[KeyUse, ...]]] = {
    "esme": {**_EVERY, **_LOAD_CONTROL},
    "sapc": {**_EVERY, **_LOAD_CONTROL},
    "gsme": _EVERY,
    "chf": {**_EVERY, **_BROKER_SIGNS, **_WAN},
    "gpf": {**_EVERY, **_BROKER_SIGNS},
    "ppmid": {**_EVERY, **_BROKER_SIGNS},
    "hcalcs": {**_EVERY, **_BROKER_SIGNS},
}


@dataclass(slots=True)
class AgreedElsewhere:
    """A device's key agreement key that nobody here has: agreed from the other party's private key."""

    device: ec.EllipticCurvePublicKey
    keys: KeyStore

    def agree(self, public: ec.EllipticCurvePublicKey, /) -> bytes:
        """Shared secret with the party whose public key this is; ConfigError without its private key."""
        point = public_point(public)
        for entry in self.keys:
            if entry.private is not None and entry.public is not None and public_point(entry.public) == point:
                return shared_secret(entry.private, self.device)
        raise ConfigError(
            "the key set has no private key of a party that the device agrees a key with",
            next_step="add the party's .key file to the folder given with --keys",
        )

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """The device's public key."""
        return self.device


@dataclass(slots=True)
class SignsOtherwise:
    """A device's signing key: ours signs, its certificate still names the device's."""

    device: ec.EllipticCurvePublicKey
    ours: ec.EllipticCurvePrivateKey

    def sign(self, data: bytes, /) -> bytes:
        """A signature that is nobody's in the key set."""
        return sign(self.ours, data)

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """The device's public key."""
        return self.device


class Parties:
    """The key set as a replay uses it."""

    def __init__(self, keys: KeyStore) -> None:
        self.keys = keys
        self._agreed: dict[tuple[Eui64, Eui64], bytes] = {}

    def describe(self, device: Eui64, kind: str) -> DeviceDescription:
        """A device as manufactured and commissioned for the key set's parties."""
        return DeviceDescription(
            name=kind,
            eui64=device,
            device_type=kind,
            firmware_version=bytes(4),
            identities=self._identities(device),
            trust_anchors=list(self._anchors(kind)),
            mpxn="0" * (13 if kind == "esme" else 10),
            # Some of the set's own messages would not pass these checks.
            switches={
                "partner-subject": "free",
                "load-controller-role": "free",
                "contingency": "unverified",
            },
        )

    def _identities(self, device: Eui64) -> DeviceIdentities:
        ka, ds = self.keys.public(device, KeyUse.KA), self.keys.public(device, KeyUse.DS)
        if ka is None or ds is None:
            raise ConfigError(
                f"no certificates of device {device} among the keys",
                next_step=f"add {device.hex()}-ka.pem and {device.hex()}-ds.pem to the folder",
            )
        signer = SignsOtherwise(ds, make_key(bytes(device), "replay"))
        certificates = {use: self.keys.certificate(device, use) for use in (KeyUse.DS, KeyUse.KA)}
        return DeviceIdentities(
            device,
            Identity(device, KeyUse.DS, None, signer, certificates[KeyUse.DS]),  # type: ignore[arg-type]
            Identity(device, KeyUse.KA, None, AgreedElsewhere(ka, self.keys), certificates[KeyUse.KA]),  # type: ignore[arg-type]
        )

    def _anchors(self, kind: str) -> Iterator[TrustAnchor]:
        for role, uses in CELLS.get(kind, _EVERY).items():
            party = self.holder(role)
            if party is None:
                continue
            for use in uses:
                certificate = self.keys.certificate(party, use)
                if certificate:
                    yield anchor(role, use, certificate)

    def holder(self, role: int) -> Eui64 | None:
        """The first party of a role that can act: with a private key, if any has one."""
        found = self.keys.with_role(role)
        return found[0] if found else None

    def anchors_of(self, role: int, party: Eui64) -> list[TrustAnchor]:
        """Cells of a role filled with a party's certificates, whatever role they were issued for."""
        uses = dict.fromkeys((KeyUse.DS, *_EVERY.get(RemotePartyRole(role), (KeyUse.KA,))))
        found = ((use, self.keys.certificate(party, use)) for use in uses)
        return [anchor(role, use, certificate) for use, certificate in found if certificate]

    def certificate_with(self, key_id: bytes) -> bytes | None:
        """The certificate of a subject key identifier (8 octets)."""
        for entry in self.keys:
            if entry.certificate and _key_id(entry) == key_id:
                return entry.certificate
        return None

    def stand_in(self, subject: Eui64, cell: Cell, key_id: bytes) -> bytes:
        """A certificate of this subject and key identifier (8 octets) for a cell, where only its names count.

        Its key and signature are ours, so nobody can be authenticated by it and nothing be issued.
        """
        key = make_key(key_id, "replay stand-in")
        if cell.role == RemotePartyRole.ROOT:
            holder = authority_subject("", cell.role)
        else:
            holder = organisation_subject(subject, cell.role, cell.key_usage)
        certificate = build_certificate(
            holder,
            key.public_key(),
            issuer_name=holder.name,
            issuer_key=key,
            not_before=_STAND_IN_FROM,
            not_after=_STAND_IN_TO,
        )
        # A key identifier follows from its key, and no key of ours has the one that is asked for.
        return certificate.replace(key_identifier(key.public_key()), key_id)

    def secret(self, reader: Eui64, device: Eui64) -> bytes | None:
        """Shared secret of a reader and a device, None where the reader's private key is not here."""
        if (reader, device) not in self._agreed:
            private, public = self.keys.private(reader, KeyUse.KA), self.keys.public(device, KeyUse.KA)
            if private is None or public is None:
                return None
            self._agreed[reader, device] = shared_secret(private, public)
        return self._agreed[reader, device]


def _key_id(entry: KeyEntry) -> bytes:
    try:
        return parse_certificate(entry.certificate).key_id
    except DecodeError:
        return b""


def anchor(role: int, use: KeyUse, certificate: bytes) -> TrustAnchor:
    """A cell's content."""
    usage = _DS if use is KeyUse.DS else _KA
    cell = CellUsage.PREPAYMENT_TOP_UP if use is KeyUse.PP_KA else CellUsage.MANAGEMENT
    return TrustAnchor(role, usage, cell, certificate)
