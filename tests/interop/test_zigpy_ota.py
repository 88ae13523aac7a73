"""zigpy's OTA parser reads the firmware images that we make, header and octets alike, and refuses the same cuts.

GBCS says nothing of sub-elements; the meters' trailer stands behind the manufacturer image. So the whole-file
parser is shown images whose contents are one sub-element, which for a meter includes the trailer.
"""

from __future__ import annotations

import importlib.util
from itertools import product

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from protocols.errors import DecodeError
from protocols.ota import TRAILER_OCTETS, OtaHeader, OtaImage, build_ota, parse_ota, sign_image, verify_image

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("zigpy") is None, reason="zigpy is not here: make interop installs it"
)
KEY = ec.derive_private_key(4711, ec.SECP256R1())
HEADERS = [
    OtaHeader(
        0x121D, image_type, 0xACDCACDC, *hardware, b"smets-hil image", 2, 0x0100, credential, destination
    )
    for image_type, hardware, credential, destination in product(
        (0x0000, 0x0084), ((None, None), (1, 0xFFFE)), (None, 3), (None, bytes(range(1, 9)))
    )
]
TRAILERS = (False, True)


def element(contents: bytes, trailer: bool) -> bytes:
    """A sub-element ``upgrade image`` that takes up all that follows the header."""
    length = len(contents) + trailer * TRAILER_OCTETS
    return b"\x00\x00" + length.to_bytes(4, "little") + contents


def made(header: OtaHeader, contents: bytes, trailer: bool) -> bytes:
    image = sign_image(KEY, header, contents) if trailer else OtaImage(header, contents)
    return build_ota(image)


@pytest.mark.parametrize("trailer", TRAILERS)
@pytest.mark.parametrize("header", HEADERS)
def test_it_reads_our_headers(header, trailer):
    from zigpy.ota.image import OTAImageHeader

    octets = made(header, bytes(range(256)), trailer)
    seen, rest = OTAImageHeader.deserialize(octets)
    assert len(octets) - len(rest) == seen.header_length
    assert seen.image_size == len(octets)
    assert seen.serialize() == octets[: seen.header_length]
    assert (seen.manufacturer_id, seen.image_type, seen.file_version) == (
        header.manufacturer_code,
        header.image_type,
        header.file_version,
    )
    assert (seen.stack_version, seen.field_control) == (header.zigbee_stack_version, header.field_control)
    assert bytes(seen.header_string).rstrip(b"\x00") == header.header_string
    hardware = (seen.minimum_hardware_version, seen.maximum_hardware_version)
    assert hardware == (header.minimum_hardware_version, header.maximum_hardware_version)
    assert seen.security_credential_version == header.security_credential_version
    destination = seen.upgrade_file_destination
    assert (None if destination is None else destination.serialize()) == header.upgrade_file_destination


@pytest.mark.parametrize("trailer", TRAILERS)
@pytest.mark.parametrize("size", [0, 1, 47, 48, 49, 100_000])
def test_it_reads_our_images_whole(size, trailer):
    from zigpy.ota.image import ElementTagId, OTAImage

    contents = element(bytes(at % 251 for at in range(size)), trailer)
    octets = made(HEADERS[-1], contents, trailer)
    seen, rest = OTAImage.deserialize(octets)
    assert rest == b""
    (only,) = seen.subelements
    assert only.tag_id == ElementTagId.UPGRADE_IMAGE
    ours = parse_ota(octets, trailer=trailer)
    assert bytes(only.data)[:size] == ours.manufacturer_image[6:]
    assert seen.serialize() == octets == build_ota(ours)
    if trailer:
        assert bytes(only.data)[-64:] == ours.signature
        assert verify_image(ours, KEY.public_key())


def test_both_refuse_a_file_cut_anywhere():
    from zigpy.ota.image import OTAImage

    octets = made(HEADERS[-1], element(b"firmware" * 9, trailer=True), trailer=True)
    for cut in range(len(octets)):
        with pytest.raises(ValueError):  # noqa: PT011  zigpy has no class of its own, nor one text
            OTAImage.deserialize(octets[:cut])
        with pytest.raises(DecodeError):
            parse_ota(octets[:cut])


def test_we_read_what_it_makes():
    from zigpy.ota.image import (
        ElementTagId,
        FieldControl,
        HeaderString,
        LVBytes32,
        OTAImage,
        OTAImageHeader,
        SubElement,
    )

    contents = b"made elsewhere" * 20
    header = OTAImageHeader(
        upgrade_file_id=OTAImageHeader.MAGIC_VALUE,
        header_version=0x0100,
        header_length=60,
        field_control=FieldControl.HARDWARE_VERSIONS_PRESENT,
        manufacturer_id=0x121D,
        image_type=0x0084,
        file_version=0x01020304,
        stack_version=2,
        header_string=HeaderString("theirs"),
        image_size=60 + 6 + len(contents),
        minimum_hardware_version=1,
        maximum_hardware_version=2,
    )
    theirs = OTAImage(
        header=header, subelements=[SubElement(ElementTagId.UPGRADE_IMAGE, LVBytes32(contents))]
    )
    ours = parse_ota(theirs.serialize(), trailer=False)
    assert ours.header == OtaHeader(0x121D, 0x0084, 0x01020304, 1, 2, b"theirs")
    assert ours.manufacturer_image == element(contents, trailer=False)
