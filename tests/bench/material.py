"""The messages measured, and the bare cryptographic calls that they need, with their inputs ready."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from hil.cli.key_files import load_keys
from protocols.gbcs.crypto import SecretCache, verify_mac
from protocols.gbcs.keystore import KeyStore, KeyUse
from protocols.gbcs.message import Message, parse_message
from protocols.gbcs.payload import parse_payload
from protocols.gbcs.protect import verify_with_keystore
from protocols.gbcs.walk import walk_payload
from tests.bench.measure import Action
from tests.material import our_keystore, our_messages

if TYPE_CHECKING:
    from protocols.gbcs.payload import Payload

SHARED = Path(__file__).parents[3] / "shared" / "rtds"
SIGNING, VERIFYING = ec.ECDSA(SHA256(), deterministic_signing=True), ec.ECDSA(SHA256())


@dataclass(slots=True)
class Case:
    """One message with what its protection needs; ``pair`` and ``secret`` are None without a checkable MAC.

    ``payload`` is a tree of values, ``parts`` the same as the octets of its spans. ``public`` is None without a checkable signature, ``private`` also where its key is not at hand.
    """

    octets: bytes
    message: Message
    payload: Payload
    parts: list[bytes]
    pair: tuple[Any, Any] | None = None
    secret: bytes | None = None
    public: Any = None
    private: Any = None

    def bare_mac(self) -> Action:
        """KDF and GMAC."""
        header, secret = self.message.header, self.secret
        assert secret is not None
        parties = (header.business_originator_id, b"\x09", header.transaction_id, header.business_target_id)
        kdf = b"".join((b"\x00\x00\x00\x01", secret, bytes.fromhex("60857406080300"), *parties))
        return partial(
            _gmac, kdf, header.business_originator_id + bytes(4), self.message.authenticated_octets()
        )

    def bare_agreement(self) -> Action:
        """ECDH."""
        assert self.pair is not None
        return partial(self.pair[0].exchange, ec.ECDH(), self.pair[1])

    def bare_verification(self) -> Action:
        """ECDSA verification."""
        signature = self.message.signature
        assert signature
        r, s = (int.from_bytes(signature[at : at + 32], "big") for at in (0, 32))
        return partial(
            self.public.verify, encode_dss_signature(r, s), self.message.signed_octets(), VERIFYING
        )

    def bare_signing(self) -> Action:
        """ECDSA, deterministic as ours."""
        return partial(self.private.sign, self.message.signed_octets(), SIGNING)


def _gmac(kdf: bytes, iv: bytes, aad: bytes) -> bytes:
    return AESGCM(hashlib.sha256(kdf).digest()[:16]).encrypt(iv, b"", aad)[:12]


class _Pairs(SecretCache):
    """Notes which key pairs verification asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[Any, Any]] = []

    def shared_secret(self, private: Any, public: Any) -> bytes:
        self.asked.append((private, public))
        return super().shared_secret(private, public)


def load() -> tuple[str, list[Case], KeyStore]:
    """The reference messages where they are, else our own repeated to about as many."""
    path = SHARED / "messages.jsonl"
    if path.exists():
        name, keys = "reference messages", load_keys(SHARED / "keystore")
        messages = [bytes.fromhex(json.loads(line)["hex"]) for line in path.read_text().splitlines()]
    else:
        name, keys, messages = "messages of our own", our_keystore(), our_messages() * 70
    pairs = _Pairs()
    return name, [_case(octets, keys, pairs) for octets in messages], keys


def _case(octets: bytes, keys: KeyStore, pairs: _Pairs) -> Case:
    message = parse_message(octets)
    case = Case(octets, message, parse_payload(message), walk_payload(message).parts())
    pairs.asked.clear()
    verdicts = verify_with_keystore(message, keys, pairs)
    if verdicts.mac == "ok":
        secrets = [(pair, pairs.shared_secret(*pair)) for pair in list(pairs.asked)]
        case.pair, case.secret = next((pair, z) for pair, z in secrets if verify_mac(z, message))
    if verdicts.signature == "ok":
        originator = message.header.business_originator_id
        case.public, case.private = keys.public(originator, KeyUse.DS), keys.private(originator, KeyUse.DS)
    return case
