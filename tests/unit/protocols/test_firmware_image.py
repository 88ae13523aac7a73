from __future__ import annotations

import hashlib
from types import SimpleNamespace

import pytest

from fixtures.firmware import FirmwareImages
from protocols.eui64 import Eui64
from protocols.gbcs.keystore import KeyEntry, KeyStore, KeyUse
from protocols.ota import parse_ota, verify_image
from protocols.ports import ConfigError
from protocols.smki import Hierarchy


@pytest.fixture(scope="module")
def bench():
    hierarchy, keystore, users = Hierarchy("images"), KeyStore(), {}
    for name in ("second_supplier", "supplier"):
        identities = hierarchy.organisation(name)
        for one in identities:
            keystore.add(KeyEntry(one.eui64, one.use, one.public, one.private, one.role, one.certificate))
        users[name] = SimpleNamespace(name=name, role="supplier", eui64=identities.eui64)
    return SimpleNamespace(users=users, keys=SimpleNamespace(keystore=keystore))


def device(device_type):
    file = SimpleNamespace(manufacturer_code=0x121D, image_type=7, hardware_version=2)
    return SimpleNamespace(name=device_type, type=device_type, device_file=file)


def test_image_fits_the_device_and_is_the_suppliers(bench):
    made = FirmwareImages(bench).make(device("esme"), 0x01020304, content=b"x" * 100)
    image = parse_ota(made.octets)
    assert (image.header.manufacturer_code, image.header.image_type) == (0x121D, 7)
    assert image.header.minimum_hardware_version == image.header.maximum_hardware_version == 2
    assert made.version == b"\x01\x02\x03\x04"
    assert made.hash == hashlib.sha256(image.manufacturer_image).digest()
    keystore, users = bench.keys.keystore, bench.users
    assert verify_image(image, keystore.public(users["supplier"].eui64, KeyUse.DS))
    assert not verify_image(image, keystore.public(users["second_supplier"].eui64, KeyUse.DS))


def test_equal_arguments_make_equal_octets(bench):
    images = FirmwareImages(bench)
    assert images.make(device("esme"), 1).octets == images.make(device("esme"), b"\0\0\0\1").octets


def test_image_of_a_ppmid_has_no_trailer(bench):
    made = FirmwareImages(bench).make(device("ppmid"), 5, image_type=9, hardware_version=3)
    image = parse_ota(made.octets, trailer=False)
    assert image.signature is None
    assert (image.header.image_type, image.header.minimum_hardware_version) == (9, 3)
    assert made.hash == hashlib.sha256(image.manufacturer_image).digest()


def test_without_the_signers_key_there_is_no_image(bench):
    stranger = SimpleNamespace(name="stranger", role="supplier", eui64=Eui64(bytes(8)))
    with pytest.raises(ConfigError, match="no private ds key of stranger"):
        FirmwareImages(bench).make(device("gsme"), 1, signer=stranger)
