"""Firmware images for a device of the rig: good ones, and ones with a fault.

Each is newer than what the device runs and has contents of its own, so that suites can be run again and again
on devices that are never reset.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from protocols.gbcs.crypto import sign
from protocols.gbcs.keystore import KeyUse
from protocols.ota import TRAILER_OCTETS, OtaHeader, OtaImage, build_ota, manufacturer_image_hash

from .reads import by_role, firmware_version

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

    from hil.bench import Bench
    from hil.nodes import DeviceNode

_SIZE = 1500  # octets of manufacturer image: more than one tunnel transfer
_WITHOUT_TRAILER = frozenset({"ppmid", "hcalcs"})
_numbers = count(1)  # two images of one run differ even when both are one version ahead


@dataclass(slots=True)
class Image:
    """An image to distribute: the whole file, its version, and the hash that CS06 names."""

    file: OtaImage
    version: bytes
    hash: bytes

    @property
    def ota(self) -> bytes:
        """The file's octets."""
        return build_ota(self.file)


def make_image(
    bench: Bench,
    device: DeviceNode,
    *,
    signer: ec.EllipticCurvePrivateKey | None = None,
    force_replace: int = 0,
    contents: bytes = b"",
    **header: int,
) -> Image:
    """An image that fits the device, unless ``header`` says otherwise, signed by its supplier or by ``signer``.

    ``header`` may hold ``manufacturer_code``, ``image_type`` and ``hardware_version``; ``contents`` is what the
    manufacturer image starts with.
    """
    about = device.device_file
    running = int.from_bytes(firmware_version(bench, device), "big")
    version = (running + 1) % 2**32
    hardware = header.get("hardware_version", about.hardware_version)
    written = f"image {next(_numbers)} for {device.eui64}, {bench.clock.now().isoformat()} ".encode()
    contents = (contents + written * (_SIZE // len(written) + 1))[:_SIZE]
    if signer is None:
        signer = bench.keys.keystore.private(by_role(bench, "supplier").eui64, KeyUse.DS)
    file = OtaImage(
        OtaHeader(
            header.get("manufacturer_code", about.manufacturer_code),
            header.get("image_type", about.image_type),
            version,
            hardware,
            hardware,
            b"smets-hil test image",
        ),
        contents,
        force_replace,
        None if device.type in _WITHOUT_TRAILER else sign(signer, contents),
    )
    return Image(file, version.to_bytes(4, "big"), manufacturer_image_hash(contents))


def damaged(image: Image) -> bytes:
    """The file with one bit of its manufacturer image turned over."""
    ota = bytearray(image.ota)
    ota[-TRAILER_OCTETS - 10] ^= 0x10
    return bytes(ota)


def without_trailer(image: Image) -> bytes:
    """The file without force-replace octet and signature, its header telling the size that it then has."""
    file = image.file
    return build_ota(OtaImage(file.header, file.manufacturer_image))
