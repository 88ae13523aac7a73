"""Reading certificates with our own DER reader, so that codecs need not load an X.509 library."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec

from protocols.errors import DecodeError
from protocols.eui64 import Eui64
from protocols.gbcs import der
from protocols.gbcs.asn1.types import KeyUsage
from protocols.smki import oids

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(slots=True)
class CertificateInfo:
    """What a certificate says.

    ``subject_eui`` is None for certification authorities, ``role`` for devices. ``key_id`` and
    ``authority_key_id`` are 8 octets in SMKI, empty when the extension is absent. ``subject`` and ``issuer``
    are the encoded names, ``signed`` the octets under the signature (to be signed certificate).
    ``alternative_name`` is the content of that extension, encoded; empty without one.
    """

    subject_eui: Eui64 | None
    role: int | None
    key_usage: KeyUsage
    key_id: bytes
    authority_key_id: bytes
    not_before: datetime
    not_after: datetime
    public_key: ec.EllipticCurvePublicKey
    is_device: bool
    is_authority: bool
    common_name: str
    serial: int
    subject: bytes
    issuer: bytes
    signed: bytes
    signature: bytes
    alternative_name: bytes


# Several times as many as stand in the cells of a rig's devices. Those of parties and authorities are asked
# for with every message, and by every device of a fleet.
@lru_cache(maxsize=512)
def parse_certificate(certificate: bytes) -> CertificateInfo:
    """Read the DER of a certificate of an SMKI profile; DecodeError when it is something else.

    Whoever asks for the same certificate gets the same object, with the same key in it.
    """
    path = "certificate"
    root = der.expect(der.parse_der(certificate), der.SEQUENCE, path)
    signed, _algorithm, signature = exactly(root, 3, path)
    fields = members(der.expect(signed, der.SEQUENCE, path), 7, f"{path}.tbs_certificate")
    version, serial, _signing, issuer, validity, subject, key_info, *rest = fields
    der.expect(version, 0xA0, f"{path}.version")
    attributes = _name(subject)
    extensions = extensions_in([each for node in rest if node.tag == 0xA3 for each in _only(node).children])
    alternative = extensions.get(oids.SUBJECT_ALTERNATIVE_NAME)
    not_before, not_after = exactly(validity, 2, f"{path}.validity")
    return CertificateInfo(
        subject_eui=_subject_eui(attributes, alternative),
        role=_role(attributes.get(oids.ORGANISATIONAL_UNIT)),
        key_usage=usage_in(extensions.get(oids.KEY_USAGE)),
        key_id=_key_id(extensions.get(oids.SUBJECT_KEY_IDENTIFIER)),
        authority_key_id=_authority_key_id(extensions.get(oids.AUTHORITY_KEY_IDENTIFIER)),
        not_before=der.moment(not_before, f"{path}.not_before"),
        not_after=der.moment(not_after, f"{path}.not_after"),
        public_key=key_in(key_info),
        is_device=alternative is not None,
        is_authority=_is_authority(extensions.get(oids.BASIC_CONSTRAINTS)),
        common_name=_text(attributes.get(oids.COMMON_NAME)),
        serial=der.integer(serial, f"{path}.serial_number"),
        subject=certificate[subject.start : subject.end],
        issuer=certificate[issuer.start : issuer.end],
        signed=certificate[signed.start : signed.end],
        signature=bits_in(signature, f"{path}.signature"),
        alternative_name=b"" if alternative is None else alternative.octets(),
    )


def members(node: der.Node, at_least: int, path: str) -> list[der.Node]:
    """The values inside; DecodeError when there are fewer."""
    if len(node.children) < at_least:
        problem = f"{len(node.children)} elements, at least {at_least} expected"
        raise DecodeError(problem, offset=node.start, path=path)
    return node.children


def exactly(node: der.Node, number: int, path: str) -> list[der.Node]:
    """The values inside; DecodeError when there are fewer or more."""
    found = members(node, number, path)
    if len(found) != number:
        problem = f"{len(found)} elements instead of {number}"
        raise DecodeError(problem, offset=node.start, path=path)
    return found


def bits_in(node: der.Node, path: str) -> bytes:
    """Content of a BIT STRING of whole octets."""
    der.expect(node, der.BIT_STRING, path)
    if not node.value or node.value[0]:
        raise DecodeError("whole octets expected in a BIT STRING", offset=node.start, path=path)
    return node.value[1:]


def _name(node: der.Node) -> dict[str, der.Node]:
    path = "certificate.subject"
    found: dict[str, der.Node] = {}
    for relative in node.children:
        for attribute in relative.children:
            oid, value = members(attribute, 2, path)[:2]
            found[der.object_identifier(oid, path)] = value
    return found


def _only(block: der.Node) -> der.Node:
    return members(block, 1, "certificate.extensions")[0]


def extensions_in(extensions: list[der.Node]) -> dict[str, der.Node]:
    """The inner values by object identifier; their offsets count from the extension's own content."""
    path = "certificate.extensions"
    found: dict[str, der.Node] = {}
    for extension in extensions:
        oid, *_critical, value = members(extension, 2, path)
        der.expect(value, der.OCTET_STRING, path)
        name = der.object_identifier(oid, path)
        try:
            found[name] = _inner(value.value)
        except DecodeError as error:
            raise error.moved(value.end - len(value.value), path) from None
    return found


@lru_cache(maxsize=256)
def _inner(octets: bytes) -> der.Node:
    """Usages, policies and the authority's key identifier are the same in most certificates."""
    return der.parse_der(octets)


def _text(node: der.Node | None) -> str:
    return "" if node is None else node.value.decode("utf-8", errors="replace")


def _role(unit: der.Node | None) -> int | None:
    try:
        return int(_text(unit), 16) if unit else None
    except ValueError:
        problem = f"organisational unit {unit.value!r} is no role" if unit else ""
        raise DecodeError(problem, offset=unit.start if unit else 0, path="certificate.subject") from None


def _subject_eui(attributes: dict[str, der.Node], alternative: der.Node | None) -> Eui64 | None:
    path = "certificate.subject"
    identifier = attributes.get(oids.UNIQUE_IDENTIFIER)
    if alternative is not None:
        octets = hardware_serial(alternative)
    elif identifier is not None:
        octets = bits_in(identifier, path)
    else:
        return None
    if len(octets) != 8:
        raise DecodeError(f"{len(octets)} octets instead of an EUI-64", offset=0, path=path)
    return Eui64(octets)


def hardware_serial(alternative: der.Node) -> bytes:
    """EUI-64 of a device: GeneralNames { otherName [0] { oid, [0] { hwType, hwSerialNum } } }."""
    path = "certificate.subject_alternative_name"
    for name in alternative.children:
        if name.tag != 0xA0:
            continue
        oid, value = members(name, 2, path)[:2]
        if der.object_identifier(oid, path) == oids.HARDWARE_MODULE_NAME:
            module = members(value, 1, path)[0]
            return der.expect(members(module, 2, path)[1], der.OCTET_STRING, path).value
    raise DecodeError("no hardwareModuleName", offset=0, path=path)


def usage_in(node: der.Node | None) -> KeyUsage:
    """The key usage extension; DecodeError without one."""
    path = "certificate.key_usage"
    if node is None:
        raise DecodeError("the extension is missing", offset=0, path=path)
    der.expect(node, der.BIT_STRING, path)
    return KeyUsage(node.value[1] if len(node.value) > 1 else 0)


def _key_id(node: der.Node | None) -> bytes:
    return b"" if node is None else node.value


def _authority_key_id(node: der.Node | None) -> bytes:
    return next((child.value for child in node.children if child.tag == 0x80), b"") if node else b""


def _is_authority(node: der.Node | None) -> bool:
    return bool(
        node and node.children and node.children[0].tag == der.BOOLEAN and any(node.children[0].value)
    )


def key_in(info: der.Node) -> ec.EllipticCurvePublicKey:
    """The key of a SubjectPublicKeyInfo; DecodeError for anything but a point of P-256."""
    path = "certificate.subject_public_key_info"
    algorithm, point = members(info, 2, path)[:2]
    names = [der.object_identifier(each, path) for each in algorithm.children if each.tag == 0x06]
    if names != [oids.EC_PUBLIC_KEY, oids.PRIME256V1]:
        raise DecodeError("not a P-256 key", offset=algorithm.start, path=path)
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), bits_in(point, path))
    except ValueError as error:
        if isinstance(error, DecodeError):
            raise
        raise DecodeError("not a point of the curve", offset=point.start, path=path) from None
