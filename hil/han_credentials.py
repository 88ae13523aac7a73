"""CBKE credentials of a rig's devices: from files that it names, or of the bench's own test authority."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.errors import CodecError
from protocols.eui64 import Eui64
from protocols.ports import ConfigError
from protocols.zigbee.cbke.authority import TestAuthority
from protocols.zigbee.cbke.credentials import Credentials
from protocols.zigbee.cbke.material import Item, combine_items, read_credentials, read_item
from protocols.zigbee.cbke.suites import SUITE_2

if TYPE_CHECKING:
    from pathlib import Path

    from hil.rigfile import DeviceSpec, Rig

# The test authority's identifier; no issuing authority has it.
ISSUER = Eui64("00-DB-12-34-56-78-CA-FE")


def load_credentials(rig: Rig, device: DeviceSpec) -> list[Credentials]:
    """What a device establishes keys with; ConfigError for files that cannot be used for its radio."""
    han = device.file.han
    found = [_read(path, device) for path in han.credentials]
    separate = [han.certificate, han.private_key, han.authority]
    if any(path is not None for path in separate):
        found.append(_combined(device))
    radio = radio_of(rig, device)
    if not found:
        return [test_authority(rig.keys.seed).issue(radio)] if rig.keys.seed else []
    for credentials in found:
        problem = credentials.problem() or credentials.problem_with_radio(radio)
        if problem:
            raise _refused(device, problem)
    return found


def test_authority(seed: str) -> TestAuthority:
    """The bench's own authority; the seed decides its keys."""
    return TestAuthority(SUITE_2, ISSUER, seed.encode())


def radio_of(rig: Rig, device: DeviceSpec) -> Eui64:
    """The EUI-64 of a device's radio: a hub's is its GPF's."""
    if device.file.type == "chf":
        for other in rig.devices.values():
            if other.file.type == "gpf" and other.via == device.name:
                return other.file.eui64
    return device.file.eui64


def _read(path: Path, device: DeviceSpec) -> Credentials:
    try:
        return read_credentials(path.read_bytes(), path.name)
    except (OSError, CodecError) as error:
        raise _refused(device, f"{path}: {error}") from error


def _combined(device: DeviceSpec) -> Credentials:
    han = device.file.han
    parts = {
        Item.CERTIFICATE: ("certificate", han.certificate),
        Item.PRIVATE_KEY: ("private_key", han.private_key),
        Item.AUTHORITY: ("authority", han.authority),
    }
    octets = []
    for item, (key, path) in parts.items():
        if path is None:
            raise _refused(device, f"han.{key} is missing beside the others")
        try:
            octets.append(read_item(path.read_bytes(), item, path.name))
        except (OSError, CodecError) as error:
            raise _refused(device, f"{path}: {error}") from error
    try:
        return combine_items(octets[0], octets[1], octets[2], str(device.file.file))
    except CodecError as error:
        raise _refused(device, str(error)) from error


def _refused(device: DeviceSpec, problem: str) -> ConfigError:
    return ConfigError(
        f"{device.file.file}: [han] of {device.name}: {problem}",
        next_step="name files for this very device, or none for a certificate of the bench's test authority",
    )
