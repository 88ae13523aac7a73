"""A complete test key infrastructure in a folder, for `hil decode --keys` and the [keys] of a rig."""

from __future__ import annotations

import os
import shutil
import tempfile
from base64 import encodebytes
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from protocols.eui64 import Eui64
from protocols.ports import ConfigError
from protocols.smki import CONTINGENCY_PARTY, NAMED_PARTIES, Hierarchy

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

    from protocols.smki import DeviceIdentities, OrganisationIdentities

# The devices of the emulated premises, which are also those of the DCC's reference messages. Type 2 devices
# are not among them: they have no GBCS credentials (devices.md 1).
DEFAULT_DEVICES = {
    Eui64("00-DB-12-34-56-78-90-A0"): "esme",
    Eui64("00-DB-12-34-56-78-90-A1"): "gsme",
    Eui64("00-DB-12-34-56-78-90-A2"): "chf",
    Eui64("00-DB-12-34-56-78-90-A3"): "gpf",
    Eui64("00-DB-12-34-56-78-90-A4"): "ppmid",
    Eui64("00-DB-12-34-56-78-90-A5"): "hcalcs",
    Eui64("00-DB-12-34-56-78-90-A6"): "sapc",
}

_README = """TEST KEYS ONLY

Made by `hil pki new`. Private keys lie here unprotected, and whoever knows the seed can make them again: they
are good for a test bench and must never get near a live system.

<eui64>-<use>.pem is a certificate and <eui64>-<use>.key its private key; ds signs, ka agrees keys, pp-ka
agrees the keys of prepayment top-ups. Use the folder with `hil decode --keys`, or in a rig file:

    [keys]
    folder = "<this folder>"

The keys of devices are there to be loaded into devices.

Certificates verify with, for example:

    openssl verify -CAfile root.pem -untrusted issuing.pem 90b3d51f30010000-ds.pem
    openssl verify -CAfile device-root.pem -untrusted device-issuing.pem <device>-ds.pem
"""


@dataclass(slots=True)
class KeyFile:
    """A file to be written; private ones are for their owner alone."""

    name: str
    content: bytes
    private: bool = False


def write_hierarchy(folder: Path, seed: str, devices: dict[Eui64, str]) -> int:
    """Write all keys and certificates that ``seed`` gives into a new ``folder``; how many files those are.

    ``devices`` are EUI-64s with device types. The folder appears whole or not at all. ConfigError where it is
    there already, where it cannot be written, or where a device has a remote party's EUI-64.
    """
    parties = {eui64: name for name, (eui64, _) in NAMED_PARTIES.items()}
    for device in devices:
        if device in parties:
            raise ConfigError(
                f"{device} is the {parties[device]}", next_step="give the device an EUI-64 of its own"
            )
    _refuse_existing(folder)
    files = list(hierarchy_files(Hierarchy(seed), devices))
    try:
        _write_all(folder, files)
    except OSError as error:
        raise ConfigError(
            f"{folder}: cannot be written: {error.strerror}",
            next_step="name a new folder inside one that is there and that you may write to",
        ) from None
    return len(files)


def hierarchy_files(hierarchy: Hierarchy, devices: dict[Eui64, str]) -> Iterator[KeyFile]:
    """Every file of the folder."""
    rows = []
    for name, authority in (
        ("root", hierarchy.root),
        ("issuing", hierarchy.issuing),
        ("device-root", hierarchy.device_root),
        ("device-issuing", hierarchy.device_issuing),
    ):
        rows.append(f"{name:<16}  authority")
        yield from _pair(name, authority.certificate, authority.private)
    contingency = hierarchy.contingency
    rows.append(
        f"contingency       .key signs for the root as {CONTINGENCY_PARTY.hex()}, .hex opens it in root.pem"
    )
    yield KeyFile("contingency.key", _armoured(contingency.private), private=True)
    yield KeyFile("contingency.hex", (contingency.symmetric.hex() + "\n").encode(), private=True)
    for name, (eui64, role) in NAMED_PARTIES.items():
        rows.append(f"{eui64.hex()}  {name} (role {role:d})")
        yield from _identity_files(hierarchy.organisation(name))
    for eui64, kind in devices.items():
        rows.append(f"{eui64.hex()}  {kind}")
        yield from _identity_files(hierarchy.device(eui64))
    yield KeyFile("README.txt", (_README + "\n" + "\n".join(rows) + "\n").encode())


def _identity_files(identities: OrganisationIdentities | DeviceIdentities) -> Iterator[KeyFile]:
    for identity in identities:
        name = f"{identity.eui64.hex()}-{identity.use}"
        yield from _pair(name, identity.certificate, identity.private)


def _pair(name: str, certificate: bytes, private: ec.EllipticCurvePrivateKey) -> Iterator[KeyFile]:
    body = encodebytes(certificate).replace(b"\n", b"")
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    armoured = [b"-----BEGIN CERTIFICATE-----", *lines, b"-----END CERTIFICATE-----", b""]
    yield KeyFile(f"{name}.pem", b"\n".join(armoured))
    yield KeyFile(f"{name}.key", _armoured(private), private=True)


def _armoured(private: ec.EllipticCurvePrivateKey) -> bytes:
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _refuse_existing(folder: Path) -> None:
    if folder.exists() or folder.is_symlink():
        raise ConfigError(f"{folder} is there already", next_step="name a new folder, or remove that one")


def _write_all(folder: Path, files: list[KeyFile]) -> None:
    """Into a folder beside it, which then takes its name; so nobody ever sees half a hierarchy."""
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        for file in files:
            mode = 0o600 if file.private else 0o644
            # The mode is there from the start: no moment in which others could read a private key.
            descriptor = os.open(beside / file.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(descriptor, "wb") as out:
                out.write(file.content)
        _refuse_existing(folder)
        beside.rename(folder)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
