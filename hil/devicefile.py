"""The declaration of one device: what it says it is, and what tests may do to it.

One TOML file a device, used alike for an emulated device and for a real one. Paths in it start from its own
folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from hil.checked_toml import Eui64Text, FileModel, Hex4, Hex16, Problem, check, read_toml
from hil.load_table import LoadTable
from protocols.parties import DeviceName

_EUI64 = "eight octets in hexadecimal, like 00-DB-12-34-56-78-90-01"
_HEX8 = "8 hexadecimal digits in quotes, like 0102FF00"


class CertificateFiles(FileModel):
    """A real device's certificates (PEM or DER)."""

    ds: Path = Field(description="path of the digital signing certificate")
    ka: Path = Field(description="path of the key agreement certificate")


class HanTable(FileModel):
    """A device's place on the HAN.

    ``credentials`` is one file with certificate, private key and CA public key, in a form in which issuing
    authorities supply them; or ``certificate``, ``private_key`` and ``authority`` name a file each. Without
    any, an emulated device has a certificate of the bench's own test authority.
    """

    role: Literal["end-device", "router", "sleepy-end-device"] = Field(
        default="end-device", description="end-device, router, or sleepy-end-device (a gas meter always is)"
    )
    poll_s: float = Field(default=5.0, gt=0, description="seconds between two polls of a sleepy device")
    wake_s: float = Field(
        default=1800.0, gt=0, description="seconds between two looks of a gas meter at its flags"
    )
    awake_every_s: float = Field(default=5.0, gt=0, description="the same while it is awake")
    awake_s: float = Field(
        default=30.0, ge=0, description="seconds that it stays awake after it fetched something"
    )
    credentials: list[Path] = Field(default_factory=list, description="a list of paths, one for each suite")
    certificate: Path | None = Field(
        default=None, description="path of an implicit certificate (48 or 74 octets)"
    )
    private_key: Path | None = Field(default=None, description="path of its private key")
    authority: Path | None = Field(default=None, description="path of the CA's public key")

    @property
    def files(self) -> dict[str, Path]:
        """Every file named, by its key."""
        named = {
            "certificate": self.certificate,
            "private_key": self.private_key,
            "authority": self.authority,
        }
        found = {key: path for key, path in named.items() if path is not None}
        return found | {f"credentials.{number}": path for number, path in enumerate(self.credentials)}


class DeviceFile(FileModel):
    """All that is declared about a device. ``file`` is set by `load_device_file`."""

    file: Path = Field(default=Path(), exclude=True)
    eui64: Eui64Text = Field(description=_EUI64)
    type: DeviceName = Field(description="chf, gpf, esme, gsme, ppmid, hcalcs, ihd, cad or sapc")
    variant: str = Field(default="", description="variant in the words of SMETS, such as single-element")
    manufacturer: str = ""
    model: str = ""
    specifications: dict[str, str] = Field(
        default_factory=dict, description='document = "version", such as GBCS = "4.1"'
    )
    firmware_version: Hex4 = Field(description=_HEX8)
    hardware_version: int = Field(default=0, ge=0, le=0xFFFF, description="0 to 65535")
    manufacturer_code: int = Field(default=0, ge=0, le=0xFFFF, description="0 to 65535 (ZigBee Alliance)")
    image_type: int = Field(default=0, ge=0, le=0xFFFF, description="0 to 65535")
    install_code: Hex16 = Field(default=b"", description="32 hexadecimal digits in quotes")
    certificates: CertificateFiles | None = Field(
        default=None, description="a table with ds and ka; leave it out when keys come from a seed"
    )
    mpxn: str = Field(
        default="",
        pattern=r"^[0-9]{0,26}$",
        description="digits of the MPAN (13; twin element 26) or MPRN (1 to 10)",
    )
    images: dict[str, Path] = Field(default_factory=dict, description="name = path of an OTA file")
    tests_may: list[str] = Field(
        default_factory=list, description="names of irreversible or hazardous tests allowed on this device"
    )
    han: HanTable = Field(default_factory=HanTable, description="a table [han]")
    load: LoadTable = Field(default_factory=LoadTable, description="a table [load]")
    capabilities: list[str] = Field(
        default_factory=list, description="what the device can do beyond its type"
    )


NEXT_STEP = "correct the file, then run: hil doctor --rig {rig}"


def load_device_file(path: Path, rig: Path) -> tuple[DeviceFile | None, list[Problem]]:
    """The device declared in ``path``, or None and every problem; ConfigError when it is no TOML at all."""
    data = read_toml(path, "device file", NEXT_STEP.format(rig=rig))
    if "file" in data:
        return None, [Problem(path, "file", "no such key")]
    device, problems = check(DeviceFile, data, path)
    if device is None:
        return None, problems
    folder = path.parent
    device.file = path
    device.images = {name: folder / image for name, image in device.images.items()}
    han = device.han
    han.credentials = [folder / path for path in han.credentials]
    for key in ("certificate", "private_key", "authority"):
        if (path := getattr(han, key)) is not None:
            setattr(han, key, folder / path)
    if device.load.file is not None:
        device.load.file = folder / device.load.file
    if device.certificates is not None:
        device.certificates.ds = folder / device.certificates.ds
        device.certificates.ka = folder / device.certificates.ka
    return device, _missing_files(device)


def _missing_files(device: DeviceFile) -> list[Problem]:
    files = {f"images.{name}": path for name, path in device.images.items()}
    files |= {f"han.{key}": path for key, path in device.han.files.items()}
    files |= {f"load.{key}": path for key, path in device.load.files.items()}
    if device.certificates is not None:
        files |= {"certificates.ds": device.certificates.ds, "certificates.ka": device.certificates.ka}
    return [
        Problem(device.file, key, "no such file", str(path), "a path from this file's folder")
        for key, path in files.items()
        if not path.is_file()
    ]
