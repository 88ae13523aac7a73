"""From a rig to what its emulator process runs: descriptions of the emulated devices, and their wires."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from hil.drivers import is_in_memory, port_problems
from hil.han_credentials import load_credentials
from hil.keys import RigKeys, load_keys, role_number
from hil.load_table import load_settings
from hil.rigfile import MESSAGE_PORTS, DeviceSpec, Rig
from protocols.eui64 import Eui64
from protocols.gbcs.asn1.types import CellUsage, KeyUsage
from protocols.gbcs.keystore import KeyUse
from protocols.han import HanRole
from protocols.ports import ConfigError
from protocols.smki import NAMED_PARTIES, Hierarchy
from rigs.emulated.config import EmulatorConfig, NodeConfig, WireConfig, WireKind
from rigs.emulated.description import DeviceDescription, TrustAnchor
from rigs.emulated.fault_catalogue import FaultOrder
from rigs.emulated.han.settings import HanProfile

_DS, _KA, _PP = KeyUse.DS, KeyUse.KA, KeyUse.PP_KA
# Which parties' keys a device holds from manufacture, beside the root's. The counts for an ESME are those of
# the reference messages (asn1.md 2), and the ACB's signing key is added everywhere, because the ACB signs the
# critical commands that it sends for others.
_CELLS: dict[str, dict[str, tuple[KeyUse, ...]]] = {
    "esme": {
        "recovery": (_DS,),
        "supplier": (_DS, _KA, _PP),
        "network_operator": (_DS, _KA),
        "access_control_broker": (_DS, _KA),
        "transitional_cos": (_DS,),
        "load_controller": (_DS, _KA),
    },
    "gsme": {
        "recovery": (_DS,),
        "supplier": (_DS, _KA, _PP),
        "network_operator": (_DS, _KA),
        "access_control_broker": (_DS, _KA),
        "transitional_cos": (_DS,),
    },
    "ppmid": {
        "recovery": (_DS,),
        "supplier": (_DS, _KA),
        "access_control_broker": (_DS, _KA),
        "transitional_cos": (_DS,),
    },
    "chf": {
        "recovery": (_DS,),
        "supplier": (_DS, _KA),
        "access_control_broker": (_DS, _KA),
        "transitional_cos": (_DS,),
        "wan_provider": (_DS,),
    },
}
_CELLS["gpf"] = _CELLS["gsme"]
_CELLS["hcalcs"] = _CELLS["ppmid"]
_CELLS["sapc"] = _CELLS["esme"]
# Type 2 devices have no GBCS credentials, so nobody's keys either.
_CELLS["ihd"] = {}
_USAGE = {
    _DS: (KeyUsage.DIGITAL_SIGNATURE, CellUsage.MANAGEMENT),
    _KA: (KeyUsage.KEY_AGREEMENT, CellUsage.MANAGEMENT),
    _PP: (KeyUsage.KEY_AGREEMENT, CellUsage.PREPAYMENT_TOP_UP),
}
HAN_PORT = "han"
_SOCKETS = {"socket": WireKind.TCP, "tcp": WireKind.TCP, "udp": WireKind.UDP}


def emulator_config(
    rig: Rig, *, until_stdin_closes: bool = False, faults: Sequence[FaultOrder] = ()
) -> EmulatorConfig:
    """What the rig's emulator runs, with the rig's faults and these.

    ConfigError when nothing in the rig is emulated, or keys are missing.
    """
    if not rig.emulated:
        raise ConfigError(
            f"{rig.path}: no node of this rig is emulated",
            next_step="set emulated = true on a device node, or run the suites against the real ones",
        )
    keys = load_keys(rig)
    if keys.hierarchy is None:
        raise ConfigError(
            f"{rig.path}: emulated devices need private keys, which only a seed can make",
            next_step='add seed = "any text" to [keys]; users keep the keys of the folder or file',
        )
    for device in rig.emulated:
        made = keys.hierarchy.device(device.file.eui64).ds.certificate
        if keys.keystore.certificate(device.file.eui64, KeyUse.DS) != made:
            raise ConfigError(
                f"{rig.path}: nodes.{device.name} is emulated, but files give its certificates without keys",
                next_step="take its certificates out of the device file and key folder, or change its eui64",
            )
    return EmulatorConfig(
        name=rig.name,
        state_dir=rig.state_dir,
        nodes=[
            NodeConfig(
                describe(rig, device, keys, keys.hierarchy), _via(rig, device), HAN_PORT in device.ports
            )
            for device in rig.emulated
        ],
        wires=[wire for device in rig.emulated for wire in _wires(rig, device)],
        until_stdin_closes=until_stdin_closes,
        faults=[*(fault for device in rig.emulated for fault in device.faults), *faults],
        han=rig.han,
        # A kill of this process loses nothing that the system has taken; only a fall of the machine would.
        durable=rig.keep_state,
    )


def latencies(rig: Rig) -> dict[str, float]:
    """Seconds that octets are on their way on each wire in memory, by ``node.port``."""
    found = {}
    for device in rig.emulated:
        for port in device.ports:
            _, config, _ = port_problems(rig, device.name, port)
            found[f"{device.name}.{port}"] = float(getattr(config, "latency_s", 0.0))
    return found


def _via(rig: Rig, device: DeviceSpec) -> str:
    """The hub a device stands behind; a device with a message port of its own has none.

    A real hub is reached over a radio.
    """
    if device.message_port or not device.via:
        return ""
    if not rig.devices[device.via].emulated and HAN_PORT not in device.ports:
        raise ConfigError(
            f"{rig.path}: nodes.{device.name} is emulated and stands behind {device.via}, which is real",
            next_step=f"set emulated = true on nodes.{device.via}, or give {device.name} a radio "
            f"([nodes.{device.name}.ports.han]) or a message port",
        )
    return device.via


def describe(rig: Rig, device: DeviceSpec, keys: RigKeys, hierarchy: Hierarchy) -> DeviceDescription:
    """An emulated device as it leaves the factory."""
    file = device.file
    if file.type not in _CELLS:
        raise ConfigError(
            f"{file.file}: type = {file.type!r} cannot be emulated",
            next_step=f"emulated are: {', '.join(sorted(_CELLS))}",
        )
    return DeviceDescription(
        name=device.name,
        eui64=file.eui64,
        device_type=file.type,
        firmware_version=file.firmware_version,
        identities=hierarchy.device(file.eui64),
        trust_anchors=_trust_anchors(rig, file.type, keys, hierarchy),
        variant=file.variant,
        hardware_version=file.hardware_version,
        manufacturer_code=file.manufacturer_code,
        image_type=file.image_type,
        install_code=file.install_code or bytes(16),
        mpxn=file.mpxn,
        switches=rig.switches,
        issuing_certificates=[hierarchy.device_issuing.certificate],
        han=_han(rig, device),
        load=load_settings(file.load, file.eui64),
    )


def _han(rig: Rig, device: DeviceSpec) -> HanProfile:
    table = device.file.han
    on_han = device.file.type == "chf" or device.via
    return HanProfile(
        HanRole(table.role),
        table.poll_s,
        table.wake_s,
        table.awake_every_s,
        table.awake_s,
        load_credentials(rig, device) if on_han and device.file.type != "gpf" else [],
    )


def _trust_anchors(rig: Rig, device_type: str, keys: RigKeys, hierarchy: Hierarchy) -> list[TrustAnchor]:
    if not _CELLS[device_type]:
        return []
    root = TrustAnchor(
        role_number("root"), KeyUsage.KEY_CERT_SIGN, CellUsage.MANAGEMENT, hierarchy.root.certificate
    )
    return [root] + [
        TrustAnchor(
            role_number(role), *_USAGE[use], _organisation_certificate(rig, role, use, keys, hierarchy)
        )
        for role, uses in _CELLS[device_type].items()
        for use in uses
    ]


def _organisation_certificate(rig: Rig, role: str, use: KeyUse, keys: RigKeys, hierarchy: Hierarchy) -> bytes:
    """Of the rig's user named after the role or the first in it, else of a party made up for it."""
    users = sorted(rig.users.values(), key=lambda user: user.name != role)
    user = next((user for user in users if user.role == role), None)
    eui64: Eui64 = user.eui64 if user is not None else NAMED_PARTIES[role][0]
    found = keys.keystore.certificate(eui64, use) if keys.keystore.public(eui64, use) is not None else b""
    if found:
        return found
    made = {identity.use: identity for identity in hierarchy.organisation(eui64, role_number(role))}
    return made[use].certificate


def has_emulated_stick(rig: Rig, device: DeviceSpec) -> bool:
    """Whether the radio of a node is an emulated co-processor behind a serial line."""
    return device.emulated and any(wire.kind in {WireKind.RCP, WireKind.NCP} for wire in _wires(rig, device))


def _wires(rig: Rig, device: DeviceSpec) -> list[WireConfig]:
    wires = []
    for port in device.ports:
        _, config, _ = port_problems(rig, device.name, port)
        url = str(getattr(config, "url", "emulated:"))
        if port == HAN_PORT:
            if url == "emulated:":
                kind = WireKind.NCP if device.ports[port].driver == "zigpy" else WireKind.RCP
                wires.append(WireConfig(device.name, port, kind))
        elif is_in_memory(rig, device.name, port):
            if port == "console" or port in MESSAGE_PORTS:
                wires.append(WireConfig(device.name, port, WireKind.MEMORY))
        elif port == "console":
            wires.append(WireConfig(device.name, port, WireKind.CONSOLE, _line_address(rig, url)))
        elif port in MESSAGE_PORTS:
            wires.append(_message_wire(rig, device, port, url))
    return wires


def _message_wire(rig: Rig, device: DeviceSpec, port: str, url: str) -> WireConfig:
    driver = device.ports[port].driver
    if url == "emulated:":
        kind = {"tcp": WireKind.TCP, "udp": WireKind.UDP}.get(driver, WireKind.PTY)
        return WireConfig(device.name, port, kind)
    scheme = urlsplit(url).scheme if "://" in url else ""
    if scheme in _SOCKETS:
        return WireConfig(device.name, port, _SOCKETS[scheme], urlsplit(url).netloc)
    if scheme:
        raise ConfigError(
            f"{rig.path}: nodes.{device.name}.ports.{port}.url = {url!r}: the emulator has no such wire",
            next_step='use "emulated:", a path, socket://host:port or udp://host:port; or emulated = false',
        )
    return WireConfig(device.name, port, WireKind.PTY, _line_address(rig, url))


def _line_address(rig: Rig, url: str) -> str:
    return "" if url == "emulated:" else str(rig.base_dir / url)
