"""Firmware images: the ZigBee OTA file and the trailer by which a supplier authorises it.

::

    OTA header (little-endian), manufacturer image, [00 force replace, 40, 64 octets signature]

The signature is the supplier's (digital signing key) over the manufacturer image alone; the image's hash is
SHA-256 over the same octets. Images for PPMID and HCALCS have no trailer.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from construct import Bytes, Int8ul, Int16ul, Int32ul, Struct

from protocols.errors import DecodeError, EncodeError
from protocols.fixed_layout import build_fixed, parse_fixed
from protocols.gbcs import crypto

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

FILE_IDENTIFIER = 0x0BEEF11E
HEADER_VERSION = 0x0100
_SECURITY_CREDENTIAL_VERSION = 0x0001  # bits of field control
_DEVICE_SPECIFIC = 0x0002
HARDWARE_VERSIONS = 0x0004
_KNOWN_BITS = _SECURITY_CREDENTIAL_VERSION | _DEVICE_SPECIFIC | HARDWARE_VERSIONS
_SIGNATURE_OCTETS = 64
TRAILER_OCTETS = 2 + _SIGNATURE_OCTETS

_HEADER = Struct(
    "file_identifier" / Int32ul,
    "header_version" / Int16ul,
    "header_length" / Int16ul,
    "field_control" / Int16ul,
    "manufacturer_code" / Int16ul,
    "image_type" / Int16ul,
    "file_version" / Int32ul,
    "zigbee_stack_version" / Int16ul,
    "header_string" / Bytes(32),
    "total_image_size" / Int32ul,
)
_CREDENTIAL_VERSION = Struct("security_credential_version" / Int8ul)
_DESTINATION = Struct("upgrade_file_destination" / Bytes(8))
_VERSIONS = Struct("minimum_hardware_version" / Int16ul, "maximum_hardware_version" / Int16ul)
# In the order in which they follow the fixed part, each there if its bit of field control is set.
_OPTIONAL = (
    (_SECURITY_CREDENTIAL_VERSION, _CREDENTIAL_VERSION),
    (_DEVICE_SPECIFIC, _DESTINATION),
    (HARDWARE_VERSIONS, _VERSIONS),
)
_TRAILER = Struct(
    "force_replace" / Int8ul, "signature_length" / Int8ul, "signature" / Bytes(_SIGNATURE_OCTETS)
)


@dataclass(slots=True)
class OtaHeader:
    """The OTA file's header; lengths and sizes follow from the rest.

    Optional fields are None when absent. ``header_string`` is at most 32 octets, filled up with zeros.
    """

    manufacturer_code: int
    image_type: int
    file_version: int
    minimum_hardware_version: int | None = 0
    maximum_hardware_version: int | None = 0xFFFF
    header_string: bytes = b""
    zigbee_stack_version: int = 0x0002
    header_version: int = HEADER_VERSION
    security_credential_version: int | None = None
    upgrade_file_destination: bytes | None = None

    @property
    def field_control(self) -> int:
        """Which optional fields are there."""
        return (
            (self.security_credential_version is not None) * _SECURITY_CREDENTIAL_VERSION
            | (self.upgrade_file_destination is not None) * _DEVICE_SPECIFIC
            | (self.minimum_hardware_version is not None) * HARDWARE_VERSIONS
        )


@dataclass(slots=True)
class OtaImage:
    """A whole file. ``signature`` has 64 octets where there is a trailer, else None.

    ``force_replace`` is read by the hub only. ``image_offset`` is where the manufacturer image stands.
    """

    header: OtaHeader
    manufacturer_image: bytes
    force_replace: int = 0
    signature: bytes | None = None
    image_offset: int = field(default=0, compare=False)


def parse_ota(data: bytes, *, trailer: bool = True) -> OtaImage:
    """Read a whole file; ``trailer`` says whether one belongs there (not for PPMID and HCALCS images).

    Nothing in the file tells, so the caller has to. DecodeError with offset and path.
    """
    header, end = _read_header(data)
    if not trailer:
        return OtaImage(header, data[end:], image_offset=end)
    start = len(data) - TRAILER_OCTETS
    if start < end:
        problem = f"{len(data) - end} octets after the header are too few for a trailer of {TRAILER_OCTETS}"
        raise DecodeError(problem, offset=end, path="ota.trailer")
    found = parse_fixed(_TRAILER, data, start, "ota.trailer")
    if found.signature_length != _SIGNATURE_OCTETS:
        problem = f"signature length {found.signature_length:02X} instead of {_SIGNATURE_OCTETS:02X}"
        raise DecodeError(problem, offset=start + 1, path="ota.trailer.signature_length")
    return OtaImage(header, data[end:start], found.force_replace, found.signature, end)


def _read_header(data: bytes) -> tuple[OtaHeader, int]:
    found = parse_fixed(_HEADER, data, 0, "ota.header")
    if found.file_identifier != FILE_IDENTIFIER:
        problem = f"{data[:4].hex().upper()} is not the file identifier 1EF1EE0B"
        raise DecodeError(problem, offset=0, path="ota.header.file_identifier")
    if found.field_control & ~_KNOWN_BITS:
        problem = f"unknown bits in field control {found.field_control:04X}"
        raise DecodeError(problem, offset=8, path="ota.header.field_control")
    at = _HEADER.sizeof()
    optional: dict[str, int | bytes] = {}
    for bit, layout in _OPTIONAL:
        if found.field_control & bit:
            part = parse_fixed(layout, data, at, "ota.header")
            optional |= {each.name: part[each.name] for each in layout.subcons}
            at += layout.sizeof()
    if found.header_length != at:
        problem = f"header length {found.header_length}, its fields take {at} octets"
        raise DecodeError(problem, offset=6, path="ota.header.header_length")
    if found.total_image_size != len(data):
        problem = f"total image size {found.total_image_size}, the file has {len(data)} octets"
        raise DecodeError(problem, offset=52, path="ota.header.total_image_size")
    header = OtaHeader(
        found.manufacturer_code,
        found.image_type,
        found.file_version,
        optional.get("minimum_hardware_version"),  # type: ignore[arg-type]  # Int16ul, when there
        optional.get("maximum_hardware_version"),  # type: ignore[arg-type]
        found.header_string.rstrip(b"\x00"),
        found.zigbee_stack_version,
        found.header_version,
        optional.get("security_credential_version"),  # type: ignore[arg-type]  # Int8ul, when there
        optional.get("upgrade_file_destination"),  # type: ignore[arg-type]  # Bytes(8), when there
    )
    return header, at


def build_ota(image: OtaImage) -> bytes:
    """The file's octets; EncodeError names the field that does not fit."""
    header = image.header
    if (header.minimum_hardware_version is None) != (header.maximum_hardware_version is None):
        raise EncodeError("only one of the two is given", element="ota.header.minimum_hardware_version")
    optional = b"".join(
        build_fixed(layout, {each.name: getattr(header, each.name) for each in layout.subcons}, "ota.header")
        for bit, layout in _OPTIONAL
        if header.field_control & bit
    )
    trailer = b""
    if image.signature is not None:
        if len(image.signature) != _SIGNATURE_OCTETS:
            raise EncodeError(f"{len(image.signature)} octets instead of 64", element="ota.trailer.signature")
        trailer = build_fixed(
            _TRAILER,
            {
                "force_replace": image.force_replace,
                "signature_length": _SIGNATURE_OCTETS,
                "signature": image.signature,
            },
            "ota.trailer",
        )
    if len(header.header_string) > 32:
        raise EncodeError(
            f"{len(header.header_string)} octets, at most 32", element="ota.header.header_string"
        )
    length = _HEADER.sizeof() + len(optional)
    values = {each.name: getattr(header, each.name, None) for each in _HEADER.subcons}
    values |= {
        "file_identifier": FILE_IDENTIFIER,
        "header_length": length,
        "header_string": header.header_string.ljust(32, b"\x00"),
        "total_image_size": length + len(image.manufacturer_image) + len(trailer),
    }
    return build_fixed(_HEADER, values, "ota.header") + optional + image.manufacturer_image + trailer


def manufacturer_image_hash(manufacturer_image: bytes) -> bytes:
    """SHA-256 over the manufacturer image, as CS06 and the receipt alerts carry it."""
    return hashlib.sha256(manufacturer_image).digest()


def sign_image(
    signer: crypto.Signer | ec.EllipticCurvePrivateKey,
    header: OtaHeader,
    manufacturer_image: bytes,
    *,
    force_replace: int = 0,
) -> OtaImage:
    """An image with its trailer, signed with a supplier's digital signing key or something that holds it."""
    signature = crypto.sign(signer, manufacturer_image)
    return OtaImage(header, manufacturer_image, force_replace, signature)


def verify_image(image: OtaImage, public: ec.EllipticCurvePublicKey) -> bool:
    """Whether the trailer's signature is the supplier's; False without a trailer."""
    if image.signature is None:
        return False
    return crypto.verify_signature(public, image.manufacturer_image, image.signature)
