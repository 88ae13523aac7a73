"""Making commands: payload, Grouping Header, and the protection that each use case asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hil.exchange import Faults
from hil.keys import RigKeys
from hil.rigfile import DeviceSpec, User
from protocols.gbcs.catalogue import Catalogue
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.keystore import KeyUse
from protocols.gbcs.message import Message, build_message
from protocols.gbcs.named.filling import At
from protocols.gbcs.named.rules import command_protection
from protocols.gbcs.named.short import command_payload, message_code
from protocols.gbcs.protect import protect
from protocols.ports import ConfigError


@dataclass(slots=True)
class Behalf:
    """The party that the Access Control Broker sends for, and that party's own counter."""

    user: User
    counter: int


@dataclass(slots=True)
class Form:
    """How a command is made from its values (see ``protocols.gbcs.named.short.command_payload``).

    ``payload`` is what ``values`` go on top of, in place of what the use case fixes; ``at`` is when a future
    datable command is to be carried out, at once where it is None; ``message_code`` chooses where a use case
    has several. Without ``strict`` only what the layout cannot carry is refused; where it is None, short
    names may say what the specification forbids, and the specification's names may not.
    """

    payload: Mapping[str, Any] | None = None
    at: At | None = None
    message_code: int | None = None
    strict: bool | None = None


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
    form: Form = field(default_factory=Form)


def build_command(
    order: Order, keys: RigKeys, acb: User | None, catalogue: Catalogue
) -> tuple[Message, bytes]:
    """The protected message and the octets for the wire.

    EncodeError names a value that does not fit; ConfigError a key that is missing.
    """
    header, faults = _header(order, keys, catalogue), order.faults
    message = Message(header, _payload(order, header, catalogue))
    signed, has_mac = command_protection(
        catalogue[order.use_case],
        header.message_code,
        by_broker=order.user.role == "access_control_broker",
        to_hub=order.device.file.type == "chf",
    )
    if faults.message_code is not None:
        header.message_code = faults.message_code
    signer = faults.wrong_signer
    if signer is None and signed:
        signer = keys.private(order.user, KeyUse.DS)
    mac_z = _mac_secret(order, keys, acb) if has_mac else None
    message = protect(message, signer=None if faults.unsigned else signer, mac_z=mac_z)
    if faults.wrong_mac and message.mac is not None:
        message.mac = message.mac[:-1] + bytes((message.mac[-1] ^ 0xFF,))
    octets = build_message(message)
    return message, octets if faults.tamper is None else faults.tamper(octets)


def _payload(order: Order, header: GroupingHeader, catalogue: Catalogue) -> bytes:
    form = order.form
    return command_payload(
        catalogue[order.use_case],
        header,
        order.values,
        payload=form.payload,
        at=form.at,
        strict=form.strict,
    )


def _header(order: Order, keys: RigKeys, catalogue: Catalogue) -> GroupingHeader:
    """The header with the use case's own message code, which its payload follows."""
    faults = order.faults
    header = GroupingHeader(
        CraFlag.COMMAND,
        order.counter,
        faults.originator or order.user.eui64,
        faults.target or order.device.file.eui64,
        message_code(catalogue[order.use_case], order.values, order.form.message_code),
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
