"""Putting protection on messages, and checking it with a key store (GBCS section 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.errors import DecodeError
from protocols.gbcs.blocks import ciphered_blocks
from protocols.gbcs.crypto import (
    SecretCache,
    Signer,
    decrypt_block,
    gmac,
    sign,
    verify_mac,
    verify_signature,
)
from protocols.gbcs.header import MAC_OCTETS, CraFlag, GroupingHeader, encode_mac_header
from protocols.gbcs.keystore import KeyStore, KeyUse
from protocols.gbcs.message import MAC_START, Message, authenticated_octets, signature_field

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cryptography.hazmat.primitives.asymmetric import ec

    from protocols.eui64 import Eui64

_ACCESS_CONTROL_BROKER = 4
# PCS01 and PCS02, the two message codes that never leave the home.
_PPMID_TO_GSME = frozenset((0x009B, 0x0090))


def precommand(message: Message) -> Message:
    """The same message as a pre-command: no signature field, no MAC."""
    return Message(message.header, message.payload, payload_offset=message.payload_offset)


def protect(
    message: Message,
    *,
    signer: ec.EllipticCurvePrivateKey | Signer | None = None,
    mac_z: bytes | None = None,
) -> Message:
    """A new message, signed when there is a signer, then MACed when there is a shared secret ``mac_z``.

    Without a signer the signature field is there with length 0.
    """
    content = message.content_octets()
    signature = b"" if signer is None else sign(signer, content[1:])
    mac = None
    if mac_z is not None:
        mac = gmac(mac_z, message.header, authenticated_octets(content, signature))
    return Message(message.header, message.payload, signature, mac, message.payload_offset)


def protected_octets(
    message: Message,
    *,
    signer: ec.EllipticCurvePrivateKey | Signer | None = None,
    mac_z: bytes | None = None,
) -> bytes:
    """Octets of ``protect(message, ...)``, encoding header and payload only once."""
    content = message.content_octets()
    signature = b"" if signer is None else sign(signer, content[1:])
    body = content + signature_field(signature)
    if mac_z is None:
        return body
    mac = gmac(mac_z, message.header, MAC_START + body)
    return encode_mac_header(len(body) + MAC_OCTETS) + body + mac


@dataclass(slots=True)
class Verdicts:
    """What a key store says about a message: ``"ok"``, ``"bad"``, ``"no_key"`` or ``"none"`` (not there).

    ``encrypted`` has one verdict per ciphered block. ``mac_parties`` are the two whose key agreement keys
    decided about the MAC, None where none did.
    """

    mac: str
    signature: str
    encrypted: list[str]
    mac_parties: tuple[Eui64, Eui64] | None = None


def verify_with_keystore(
    message: Message, keystore: KeyStore, cache: SecretCache, blocks: Sequence[bytes] | None = None
) -> Verdicts:
    """Check signature, MAC and encrypted parts with the keys that GBCS assigns to them.

    A command's MAC is always the Access Control Broker's with the device, whoever the originator is; a
    response's or alert's is the recipient's with the device; between PPMID and GSME it is theirs. Signatures
    are the originator's. A payload that does not parse has no ciphered blocks here; parsing it says why. Who
    has parsed it already gives its ciphered ``blocks``, and it is not parsed again to find them.
    """
    mac, parties = _mac_verdict(message, keystore, cache)
    return Verdicts(
        mac,
        _signature_verdict(message, keystore),
        _encryption_verdicts(message, keystore, cache, blocks),
        parties,
    )


def secret_between(
    keystore: KeyStore, cache: SecretCache, one: Eui64, other: Eui64, use: KeyUse = KeyUse.KA
) -> bytes | None:
    """Shared secret of two parties from either's private key; ``use`` is the key of ``one``."""
    private, public = keystore.private(one, use), keystore.public(other, KeyUse.KA)
    if private is None or public is None:
        private, public = keystore.private(other, KeyUse.KA), keystore.public(one, use)
    if private is None or public is None:
        return None
    return cache.shared_secret(private, public)


def decryptor(message: Message, keystore: KeyStore, cache: SecretCache) -> Callable[[bytes], bytes] | None:
    """What opens this message's ciphered blocks, or None without the keys for it."""
    header = message.header
    z = secret_between(keystore, cache, header.reader, header.business_originator_id)
    return None if z is None else lambda block: decrypt_block(z, header, block)


def _mac_verdict(
    message: Message, keystore: KeyStore, cache: SecretCache
) -> tuple[str, tuple[Eui64, Eui64] | None]:
    if message.mac is None:
        return "none", None
    tried = None
    for parties in _mac_parties(message.header, keystore):
        z = secret_between(keystore, cache, *parties)
        if z is not None:
            tried = parties
            if verify_mac(z, message):
                return "ok", tried
    return ("no_key" if tried is None else "bad"), tried


def _mac_parties(header: GroupingHeader, keystore: KeyStore) -> list[tuple[Eui64, Eui64]]:
    """Pairs whose keys may have made the MAC; more than one only where there are several brokers."""
    originator, target = header.business_originator_id, header.business_target_id
    if header.cra_flag is not CraFlag.COMMAND or header.message_code in _PPMID_TO_GSME:
        return [(target, originator)]
    if keystore.role_of(originator) == _ACCESS_CONTROL_BROKER:
        return [(originator, target)]
    return [(broker, target) for broker in keystore.with_role(_ACCESS_CONTROL_BROKER)]


def _signature_verdict(message: Message, keystore: KeyStore) -> str:
    if not message.signature:
        return "none"
    public = keystore.public(message.header.business_originator_id, KeyUse.DS)
    if public is None:
        return "no_key"
    return "ok" if verify_signature(public, message.signed_octets(), message.signature) else "bad"


def _encryption_verdicts(
    message: Message, keystore: KeyStore, cache: SecretCache, blocks: Sequence[bytes] | None
) -> list[str]:
    if blocks is None:
        try:
            blocks = [block.octets for block in ciphered_blocks(message)]
        except DecodeError:
            return []
    if not blocks:
        return []
    decrypt = decryptor(message, keystore, cache)
    if decrypt is None:
        return ["no_key"] * len(blocks)
    return ["ok" if _opens(decrypt, block) else "bad" for block in blocks]


def _opens(decrypt: Callable[[bytes], bytes], block: bytes) -> bool:
    try:
        decrypt(block)
    except DecodeError:
        return False
    return True
