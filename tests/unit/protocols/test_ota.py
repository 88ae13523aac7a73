from __future__ import annotations

import hashlib
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import DecodeError, EncodeError
from protocols.gbcs.crypto import sign
from protocols.ota import (
    TRAILER_OCTETS,
    OtaHeader,
    OtaImage,
    build_ota,
    manufacturer_image_hash,
    parse_ota,
    sign_image,
    verify_image,
)
from protocols.smki import make_key

relaxed = settings(deadline=None)  # the machine may be busy
KEY = make_key(b"unit tests", "supplier")
uint16 = st.integers(0, 0xFFFF)
uint32 = st.integers(0, 0xFFFF_FFFF)
HEADERS = st.builds(
    lambda versions, **rest: OtaHeader(
        minimum_hardware_version=versions[0], maximum_hardware_version=versions[1], **rest
    ),
    st.tuples(uint16, uint16) | st.just((None, None)),
    manufacturer_code=uint16,
    image_type=uint16,
    file_version=uint32,
    header_string=st.binary(max_size=32).map(lambda text: text.rstrip(b"\x00")),
    zigbee_stack_version=uint16,
    header_version=uint16,
    security_credential_version=st.none() | st.integers(0, 0xFF),
    upgrade_file_destination=st.none() | st.binary(min_size=8, max_size=8),
)
IMAGES = st.builds(
    OtaImage,
    HEADERS,
    st.binary(max_size=100),
    st.integers(0, 0xFF),
    st.binary(min_size=64, max_size=64),
) | st.builds(OtaImage, HEADERS, st.binary(max_size=100))


def header() -> OtaHeader:
    return OtaHeader(0x1234, 0x0084, 0x01020304, 2, 9, b"bench image")


def parsed(octets: bytes, image: OtaImage) -> OtaImage:
    return parse_ota(octets, trailer=image.signature is not None)


def decode_error(octets: bytes, *, trailer: bool) -> DecodeError | None:
    try:
        parse_ota(octets, trailer=trailer)
    except DecodeError as error:
        return error
    return None


def test_layout_of_the_header():
    octets = build_ota(OtaImage(header(), b"IMAGE"))
    assert octets == bytes.fromhex(
        "1EF1EE0B 0001 3C00 0400 3412 8400 04030201 0200"
    ) + b"bench image".ljust(32, b"\0") + bytes.fromhex("41000000 0200 0900") + b"IMAGE"  # fmt: skip


def test_layout_of_the_trailer():
    image = OtaImage(header(), b"IMAGE", 1, bytes(range(64)))
    octets = build_ota(image)
    assert octets[60:] == b"IMAGE\x01\x40" + bytes(range(64))
    assert octets[52:56] == (60 + 5 + TRAILER_OCTETS).to_bytes(4, "little")
    assert parse_ota(octets) == image
    assert parse_ota(octets).image_offset == 60


def test_signature_and_hash_cover_the_manufacturer_image_alone():
    image = sign_image(KEY, header(), b"IMAGE", force_replace=1)
    assert verify_image(image, KEY.public_key())
    assert image.signature == sign(KEY, b"IMAGE")
    image.header.file_version += 1
    image.force_replace = 0
    assert verify_image(parse_ota(build_ota(image)), KEY.public_key())
    assert not verify_image(image, make_key(b"unit tests", "other").public_key())
    image.manufacturer_image += b"!"
    assert not verify_image(image, KEY.public_key())
    assert not verify_image(OtaImage(header(), b"IMAGE"), KEY.public_key())
    assert manufacturer_image_hash(b"IMAGE") == hashlib.sha256(b"IMAGE").digest()


def test_a_signer_can_hold_the_key():
    class Holder:
        def sign(self, data: bytes) -> bytes:
            return sign(KEY, data)

    assert verify_image(sign_image(Holder(), header(), b"IMAGE"), KEY.public_key())


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl command on this machine")
def test_openssl_verifies_the_signature(tmp_path):
    image = sign_image(KEY, header(), b"IMAGE" * 100)
    file = parse_ota(build_ota(image))
    assert file.signature is not None
    r, s = (int.from_bytes(half) for half in (file.signature[:32], file.signature[32:]))
    (tmp_path / "signature").write_bytes(encode_dss_signature(r, s))
    (tmp_path / "image").write_bytes(b"IMAGE" * 100)
    (tmp_path / "key.pem").write_bytes(
        KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    done = subprocess.run(
        ["openssl", "dgst", "-sha256", "-verify", "key.pem", "-signature", "signature", "image"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"Verified OK\n"


@pytest.mark.parametrize(
    ("position", "octets", "path"),
    [
        (0, b"\x1f", "file_identifier"),
        (6, b"\x3d", "header_length"),
        (8, b"\x0c", "field_control"),
        (8, b"\x05", "header_length"),
        (52, b"\x00", "total_image_size"),
    ],
)
def test_header_errors_say_where(position, octets, path):
    file = bytearray(build_ota(sign_image(KEY, header(), b"IMAGE")))
    file[position : position + len(octets)] = octets
    with pytest.raises(DecodeError) as caught:
        parse_ota(bytes(file))
    assert caught.value.path == f"ota.header.{path}"
    assert caught.value.offset == (6 if path == "header_length" else position)


def test_trailer_errors_say_where():
    file = bytearray(build_ota(sign_image(KEY, header(), b"IMAGE")))
    file[66] = 0x41
    with pytest.raises(DecodeError) as caught:
        parse_ota(bytes(file))
    assert (caught.value.path, caught.value.offset) == ("ota.trailer.signature_length", 66)
    with pytest.raises(DecodeError, match="too few for a trailer"):
        parse_ota(build_ota(OtaImage(header(), b"IMAGE")))


def test_values_that_do_not_fit():
    for change, element in (
        ({"image_type": 0x10000}, "ota.header.image_type"),
        ({"header_string": bytes(33)}, "ota.header.header_string"),
        ({"maximum_hardware_version": None}, "ota.header.minimum_hardware_version"),
        ({"minimum_hardware_version": -1}, "ota.header.minimum_hardware_version"),
    ):
        about = header()
        for name, value in change.items():
            setattr(about, name, value)
        with pytest.raises(EncodeError) as caught:
            build_ota(OtaImage(about, b""))
        assert caught.value.element == element
    with pytest.raises(EncodeError, match="instead of 64"):
        build_ota(OtaImage(header(), b"", 0, b"short"))


@relaxed
@given(IMAGES)
def test_images_round_trip(image):
    octets = build_ota(image)
    assert parsed(octets, image) == image
    assert build_ota(parsed(octets, image)) == octets


@relaxed
@given(IMAGES)
def test_every_truncation_is_an_error(image):
    octets = build_ota(image)
    for length in range(len(octets)):
        error = decode_error(octets[:length], trailer=image.signature is not None)
        assert error is not None
        assert 0 <= error.offset <= 60 + 9
        assert error.path.startswith("ota.")


@relaxed
@given(IMAGES, st.data())
def test_flipped_bits_decode_or_say_where(image, data):
    octets = bytearray(build_ota(image))
    position = data.draw(st.integers(0, 8 * len(octets) - 1))
    octets[position // 8] ^= 1 << position % 8
    error = decode_error(bytes(octets), trailer=image.signature is not None)
    if error is None:
        assert build_ota(parsed(bytes(octets), image)) == octets
    else:
        assert 0 <= error.offset <= len(octets)
