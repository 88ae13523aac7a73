"""Keys and certificates of remote parties and devices, by EUI-64 and use.

Certificates are opened when first asked for, and without the X.509 module, which would dominate the start of
``hil decode``. What a file or an entry is called says whose it is; a certificate that names somebody else is
passed over and noted in ``KeyStore.problems``.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)

from protocols.errors import DecodeError
from protocols.eui64 import Eui64
from protocols.gbcs import der

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FILE = re.compile(r"([0-9a-fA-F]{16})-(pp-ka|ka|ds)\.(key|pem|der|cer|crt)")
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.+?)-----END \1-----", re.DOTALL)
# Contents octets of the object identifiers that say whose a certificate is.
_ORGANISATIONAL_UNIT = bytes.fromhex("55040B")
_UNIQUE_IDENTIFIER = bytes.fromhex("55042D")
_HARDWARE_MODULE = bytes.fromhex("2B06010505070804")
_SUBJECT_ALT_NAME = bytes.fromhex("551D11")
# SubjectPublicKeyInfo of a P-256 key up to the octet that says its point is not compressed.
_P256_POINT = bytes.fromhex("3059301306072A8648CE3D020106082A8648CE3D03010703420004")
_CURVE = SECP256R1()


class KeyUse(StrEnum):
    """What a key is for: digital signing, key agreement, key agreement of prepayment top-ups."""

    DS = "ds"
    KA = "ka"
    PP_KA = "pp-ka"


_ALL_USES = tuple(KeyUse)


@dataclass(slots=True)
class KeyEntry:
    """One key of one party. ``role`` is the remote party role number, None for devices.

    ``public`` and ``role`` may be left None where there is a ``certificate`` (DER; empty for a bare key).
    """

    eui64: Eui64
    use: KeyUse
    public: EllipticCurvePublicKey | None = None
    private: EllipticCurvePrivateKey | None = None
    role: int | None = None
    certificate: bytes = b""


@dataclass(slots=True)
class CertificateSubject:
    """What the store needs of a certificate; ``eui64`` is None where it names nobody."""

    eui64: Eui64 | None
    role: int | None
    public: EllipticCurvePublicKey


class KeyStore:
    """Keys by EUI-64 and use; ``problems`` collects what had to be passed over, in words."""

    def __init__(self) -> None:
        self._entries: dict[tuple[Eui64, KeyUse], KeyEntry] = {}
        self._opened: dict[tuple[Eui64, KeyUse], KeyEntry] = {}
        self._roles: dict[int, list[Eui64]] = {}
        self.problems: list[str] = []

    def add(self, entry: KeyEntry) -> None:
        """Add a key; parts that an earlier entry of the same party and use lacks are filled in."""
        self._roles.clear()
        known = self._entries.setdefault((entry.eui64, entry.use), entry)
        if known is entry:
            return
        known.private = known.private or entry.private
        known.certificate = known.certificate or entry.certificate
        known.public = known.public or entry.public
        known.role = entry.role if known.role is None else known.role

    def __iter__(self) -> Iterator[KeyEntry]:
        return (self._open(*key) or entry for key, entry in self._entries.items())

    def __len__(self) -> int:
        return len(self._entries)

    def public(self, eui64: Eui64, use: KeyUse) -> EllipticCurvePublicKey | None:
        """Public key, or None."""
        entry = self._open(eui64, use)
        return entry.public if entry else None

    def private(self, eui64: Eui64, use: KeyUse) -> EllipticCurvePrivateKey | None:
        """Private key, or None."""
        entry = self._entries.get((eui64, use))
        return entry.private if entry else None

    def certificate(self, eui64: Eui64, use: KeyUse) -> bytes:
        """Certificate in DER, empty where there is none."""
        entry = self._open(eui64, use)
        return entry.certificate if entry else b""

    def role_of(self, eui64: Eui64) -> int | None:
        """Remote party role number of a party; None for devices and unknown parties."""
        for use in _ALL_USES:
            entry = self._open(eui64, use)
            if entry is not None and entry.role is not None:
                return entry.role
        return None

    def with_role(self, role: int) -> list[Eui64]:
        """Parties of a role: those with a private key here, or all others where there is none.

        So that the certificates of strangers are opened only when they have to be.
        """
        if role not in self._roles:
            own = {entry.eui64 for entry in self._entries.values() if entry.private}
            found = sorted(eui64 for eui64 in own if self.role_of(eui64) == role)
            self._roles[role] = found or sorted({entry.eui64 for entry in self if entry.role == role})
        return list(self._roles[role])

    def _open(self, eui64: Eui64, use: KeyUse) -> KeyEntry | None:
        key = (eui64, use)
        entry = self._opened.get(key)
        if entry is not None:
            return entry
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._opened[key] = entry
        if entry.certificate and (entry.public is None or entry.role is None):
            self._read_certificate(entry)
        if entry.public is None and entry.private is not None:
            entry.public = entry.private.public_key()
        return entry

    def _read_certificate(self, entry: KeyEntry) -> None:
        name = f"{entry.eui64.hex()}-{entry.use}"
        try:
            subject = read_certificate(entry.certificate)
        except DecodeError as error:
            self.problems.append(f"{name}: unreadable certificate: {error}")
            entry.certificate = b""
            return
        if subject.eui64 != entry.eui64:
            whose = subject.eui64.hex() if subject.eui64 else "nobody"
            self.problems.append(f"{name}: the certificate names {whose}; passed over")
            entry.certificate = b""
            return
        entry.public = entry.public or subject.public
        entry.role = subject.role if entry.role is None else entry.role


def read_certificate(certificate: bytes) -> CertificateSubject:
    """Subject EUI-64, role and public key of a certificate in DER; its signature is not looked at."""
    parts = der.parse_der(certificate).children
    body = parts[0].children if parts else []
    if body and body[0].tag == 0xA0:
        body = body[1:]
    if len(body) < 6:
        raise DecodeError("too few parts for a certificate", offset=0, path="certificate")
    subject, key = body[4], body[5]
    role = _attribute(subject, _ORGANISATIONAL_UNIT)
    eui64 = _attribute(subject, _UNIQUE_IDENTIFIER)[1:] or _device_eui64(body[6:])
    return CertificateSubject(
        Eui64(eui64) if len(eui64) == 8 else None,
        int(role, 16) if re.fullmatch(rb"[0-9A-Fa-f]{2}", role) else None,
        _public_key(certificate[key.start : key.end], "certificate"),
    )


def _attribute(name: der.Node, identifier: bytes) -> bytes:
    """Contents of an attribute of a distinguished name; empty where it is absent."""
    for node in name.walk():
        if len(node.children) == 2 and node.children[0].value == identifier:
            return node.children[1].value
    return b""


def _device_eui64(parts: list[der.Node]) -> bytes:
    """Hardware serial number in the subject alternative name; empty where it is absent."""
    for node in (inner for part in parts for inner in part.walk()):
        if node.children and node.children[0].value == _SUBJECT_ALT_NAME:
            names = list(der.parse_der(node.children[-1].value).walk())
            if any(name.value == _HARDWARE_MODULE for name in names):
                return next((name.value for name in names if name.tag == der.OCTET_STRING), b"")
    return b""


def _public_key(octets: bytes, name: str) -> EllipticCurvePublicKey:
    if octets.startswith(_P256_POINT) and len(octets) == len(_P256_POINT) + 64:
        try:
            return EllipticCurvePublicKey.from_encoded_point(_CURVE, octets[len(_P256_POINT) - 1 :])
        except ValueError:
            pass  # not a point of the curve; below is what is said of that
    # The package brings SSH and ciphers along: half as long again for hil decode.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        key = load_der_public_key(octets)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise DecodeError(f"not a public key: {error}", offset=0, path=name) from None
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise DecodeError("not a NIST P-256 key", offset=0, path=name)
    return key


def _private_key(octets: bytes, name: str) -> EllipticCurvePrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    try:
        key = load_der_private_key(octets, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise DecodeError(f"not a private key: {error}", offset=0, path=name) from None
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise DecodeError("not a NIST P-256 key", offset=0, path=name)
    return key


def _blocks(text: bytes, name: str) -> Iterator[tuple[str, bytes]]:
    """Label and DER of every PEM block; DER without armour comes out under an empty label."""
    if text[:1] == b"\x30":
        yield "", text
        return
    found = _PEM.findall(text.decode("ascii", "replace"))
    if not found:
        raise DecodeError("neither PEM nor DER", offset=0, path=name)
    for label, body in found:
        try:
            yield label, base64.b64decode("".join(body.split()), validate=True)
        except binascii.Error:
            raise DecodeError("PEM that is not base64", offset=0, path=name) from None


def _entry(eui64: Eui64, use: KeyUse, octets: bytes, name: str) -> KeyEntry:
    """Entry with whatever the octets hold: certificate, public or private key."""
    entry = KeyEntry(eui64, use)
    for label, content in _blocks(octets, name):
        if label.endswith("PRIVATE KEY") or (not label and name.endswith(".key")):
            entry.private = _private_key(content, name)
        elif label == "PUBLIC KEY":
            entry.public = _public_key(content, name)
        elif label in {"CERTIFICATE", ""}:
            entry.certificate = content
    return entry


def keystore_from_files(files: Mapping[str, bytes]) -> KeyStore:
    """Key store from files by name: ``<eui64>-<ds|ka|pp-ka>`` with ``.key``, ``.pem`` or other endings.

    ``.der``, ``.cer`` and ``.crt`` hold certificates too. A ``.pem`` may hold a certificate or a bare public
    key, a ``.key`` may stand alone. Files called otherwise are ignored; DecodeError (its path is the name)
    for files that hold no key.
    """
    store = KeyStore()
    for name, octets in sorted(files.items()):
        match = _FILE.fullmatch(name)
        if match:
            store.add(_entry(Eui64(match[1]), KeyUse(match[2]), octets, name))
    return store


_USES = {
    "digitalsignature": KeyUse.DS,
    "ds": KeyUse.DS,
    "keyagreement": KeyUse.KA,
    "ka": KeyUse.KA,
    "pp-ka": KeyUse.PP_KA,
    "prepaymenttopup": KeyUse.PP_KA,
}


def keystore_from_json(text: str) -> KeyStore:
    """Key store from JSON, in either of two forms.

    - The nested form of the DCC Boxed key store: ``{eui64: {"digitalSignature" | "keyAgreement": {serial:
      {"role", "name", "certificate", "privateKey"}}}}``.
    - A list of ``{"eui", "type": "ds" | "ka" | "pp-ka", "role", "name", "cert", "privkey"}``.

    Certificates and keys are PEM or base64 of DER. A key agreement entry whose ``name`` has a part ``pp`` is
    for prepayment top-ups. Where several entries share party and use, the one with a private key comes first.
    """
    try:
        loaded = json.loads(text)
        rows = list(_rows(loaded))
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise DecodeError(f"not a key store: {error}", offset=0, path="keystore") from None
    store = KeyStore()
    taken = set()
    for entry in sorted(rows, key=lambda row: row.private is None):
        # Parts of different entries must not be mixed: a key and its certificate belong together.
        if (entry.eui64, entry.use) not in taken:
            taken.add((entry.eui64, entry.use))
            store.add(entry)
    return store


def _rows(loaded: Any) -> Iterator[KeyEntry]:
    if isinstance(loaded, list):
        for row in loaded:
            yield _row(row["eui"], row.get("type", ""), row, row.get("cert"), row.get("privkey"))
        return
    for eui64, uses in loaded.items():
        for use, serials in uses.items():
            for row in serials.values():
                yield _row(eui64, use, row, row.get("certificate"), row.get("privateKey"))


def _row(
    eui64: str, use: str, row: Mapping[str, Any], certificate: str | None, private: str | None
) -> KeyEntry:
    name = str(row.get("name", ""))
    kind = _USES[str(use).lower()]
    if kind is KeyUse.KA and "pp" in name.lower().split("-"):
        kind = KeyUse.PP_KA
    role = row.get("role")
    entry = KeyEntry(Eui64(eui64), kind, role=None if role is None else int(role))
    if certificate:
        entry.certificate = _armoured(certificate)
    if private:
        entry.private = _private_key(_armoured(private), name)
    return entry


def _armoured(text: str) -> bytes:
    """DER from PEM or plain base64."""
    if "-----BEGIN" in text:
        return next(_blocks(text.encode("ascii"), "keystore"))[1]
    return base64.b64decode("".join(text.split()), validate=True)
