"""Making commands: payload, Grouping Header, and the protection that each use case asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hil.exchange import Faults
from hil.keys import RigKeys
from hil.rigfile import DeviceSpec, User
from protocols.gbcs.catalogue import Catalogue
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.keystore import KeyUse
from protocols.gbcs.message import Message, build_message
from protocols.gbcs.protect import protect
from protocols.gbcs.use_cases import Context, encode_command, message_code
from protocols.ports import ConfigError

_BY_ACB, _BY_RECOVERY, _BY_CONTINGENCY = 4, 8, 9  # CS02b modes whose protection is not the usual one


@dataclass(slots=True)
class Protection:
    """What a command carries."""

    signed: bool
    mac: bool


@dataclass(slots=True)
class Behalf:
    """The party that the Access Control Broker sends for, and that party's own counter."""

    user: User
    counter: int


@dataclass(slots=True)
class Order:
    """All that a command is made from."""

    use_case: str
    user: User
    device: DeviceSpec
    counter: int
    values: Mapping[str, Any]
    faults: Faults
    behalf: Behalf | None = None


def protection_of(catalogue: Catalogue, order: Order) -> Protection:
    """Signature and MAC by use case (GBCS section 6): critical commands are signed, MACs are the ACB's.

    CS02a exists in two forms, with the ACB's MAC or another party's signature; CS02b depends on its mode.
    """
    by_acb = order.user.role == "access_control_broker"
    if order.use_case in {"CS02a", "CS02f"}:
        return Protection(signed=not by_acb, mac=by_acb)
    if order.use_case == "CS02b":
        mode = order.values.get("mode")
        if mode in {_BY_RECOVERY, _BY_CONTINGENCY}:
            return Protection(signed=True, mac=False)
        return Protection(signed=mode != _BY_ACB or order.device.file.type == "chf", mac=True)
    # Where no source says whether it is critical, the stricter is assumed, as the emulated devices do.
    return Protection(signed=catalogue[order.use_case].critical is not False, mac=True)


def build_command(
    order: Order, keys: RigKeys, acb: User | None, catalogue: Catalogue
) -> tuple[Message, bytes]:
    """The protected message and the octets for the wire.

    EncodeError names a value that does not fit; ConfigError a key that is missing.
    """
    message = Message(_header(order, keys, catalogue), b"")
    header, faults = message.header, order.faults
    context = Context(
        header.originator_counter,
        header.business_originator_id,
        header.business_target_id,
        header.supplementary_remote_party_id,
    )
    message.payload = encode_command(order.use_case, context, order.values)
    wanted = protection_of(catalogue, order)
    signer = faults.wrong_signer
    if signer is None and wanted.signed:
        signer = keys.private(order.user, KeyUse.DS)
    mac_z = _mac_secret(order, keys, acb) if wanted.mac else None
    message = protect(message, signer=None if faults.unsigned else signer, mac_z=mac_z)
    if faults.wrong_mac and message.mac is not None:
        message.mac = message.mac[:-1] + bytes((message.mac[-1] ^ 0xFF,))
    octets = build_message(message)
    return message, octets if faults.tamper is None else faults.tamper(octets)


def _header(order: Order, keys: RigKeys, catalogue: Catalogue) -> GroupingHeader:
    faults = order.faults
    header = GroupingHeader(
        CraFlag.COMMAND,
        order.counter,
        faults.originator or order.user.eui64,
        faults.target or order.device.file.eui64,
        message_code(order.use_case, order.values) if faults.message_code is None else faults.message_code,
    )
    if order.behalf is not None:
        party = order.behalf.user
        header.supplementary_remote_party_id = party.eui64
        header.supplementary_remote_party_counter = order.behalf.counter
        if catalogue[order.use_case].encrypted:
            # The device has never met this party: it needs the key to encrypt its answer for.
            header.certificate = keys.keystore.certificate(party.eui64, KeyUse.KA)
    return header


def _mac_secret(order: Order, keys: RigKeys, acb: User | None) -> bytes:
    if acb is None:
        raise ConfigError(
            "commands carry the Access Control Broker's MAC, and this rig has no such user",
            next_step='add a node with kind = "user" and role = "access_control_broker", and its ka key',
        )
    return keys.mac_secret(acb, order.device.file.eui64, f"nodes.{order.device.name}")
