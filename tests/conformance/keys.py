"""Messages protected with keys that are not the right ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec

from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.crypto import compute_mac, shared_secret, sign
from protocols.gbcs.keystore import KeyUse
from protocols.gbcs.message import build_message, parse_message
from protocols.gbcs.named.short import command_payload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hil.bench import Bench
    from hil.nodes import UserNode

# A key that no device has ever heard of.
STRANGER = ec.derive_private_key(0x5354_5241_4E47_4552, ec.SECP256R1())


def with_mac_of(bench: Bench, user: UserNode, octets: bytes) -> bytes:
    """The command with its MAC made anew between this user and the target, all else as it is."""
    message = parse_message(octets)
    keystore = bench.keys.keystore
    private = keystore.private(user.eui64, KeyUse.KA)
    public = keystore.public(message.header.business_target_id, KeyUse.KA)
    message.mac = compute_mac(shared_secret(private, public), message)
    return build_message(message)


def with_payload(bench: Bench, acb: UserNode, octets: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """The command with a changed payload and a right MAC around it; a signature stays as it was."""
    message = parse_message(octets)
    message.payload = change(message.payload)
    return with_mac_of(bench, acb, build_message(message))


def with_values(
    bench: Bench, acb: UserNode, octets: bytes, use_case: str, values: Mapping[str, Any]
) -> bytes:
    """The command with the payload that other values give, and a right MAC; its signature as it was."""
    header = parse_message(octets).header
    payload = command_payload(load_catalogue()[use_case], header, values)
    return with_payload(bench, acb, octets, lambda _: payload)


def resigned(
    bench: Bench, user: UserNode, acb: UserNode, octets: bytes, change: Callable[[bytes], bytes]
) -> bytes:
    """The command with a changed payload, signed anew by its sender and with a right MAC around it."""
    message = parse_message(octets)
    message.payload = change(message.payload)
    private = bench.keys.keystore.private(user.eui64, KeyUse.DS)
    message.signature = sign(private, message.signed_octets())
    return with_mac_of(bench, acb, build_message(message))


def without_mac(octets: bytes) -> bytes:
    """The command without MAC header and MAC, its signature as it was."""
    message = parse_message(octets)
    message.mac = None
    return build_message(message)
