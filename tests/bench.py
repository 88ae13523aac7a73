"""`make bench`: each figure beside what it is compared with, measured in the same run, interleaved.

Verify: parse, MAC and signature of a set of messages, against the bare cryptographic calls of the same set with
their inputs ready (the floor). Round trip: ECS27 to an emulated ESME through driver, pseudo-terminal and hub,
against a bare request over the same kind of wire.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hil.cli.key_files import load_keys
from protocols.gbcs.crypto import SecretCache, mac_key
from protocols.gbcs.keystore import KeyStore
from protocols.gbcs.message import parse_message
from protocols.gbcs.payload import parse_payload
from protocols.gbcs.protect import verify_with_keystore
from tests.material import our_keystore, our_messages

SHARED = Path(__file__).parents[2] / "shared" / "rtds"
ROUNDS = 7


def measured_set() -> tuple[str, list[bytes], KeyStore]:
    """The reference messages where they are, else our own repeated to about as many."""
    path = SHARED / "messages.jsonl"
    if path.exists():
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        return (
            "reference messages",
            [bytes.fromhex(row["hex"]) for row in rows],
            load_keys(SHARED / "keystore"),
        )
    return "our own messages", our_messages() * 70, our_keystore()


def verify(messages: list[bytes], keys: KeyStore, cache: SecretCache) -> None:
    """Everything that a receiver does: parse headers and payload, check MAC and signature."""
    for data in messages:
        message = parse_message(data)
        parse_payload(message)
        verify_with_keystore(message, keys, cache)


class RecordingCache(SecretCache):
    """Remembers, for the message at hand, the shared secret that verification asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.last: bytes | None = None

    def shared_secret(self, private: object, public: object) -> bytes:
        self.last = super().shared_secret(private, public)  # type: ignore[arg-type]
        return self.last


def floor_calls(messages: list[bytes], keys: KeyStore) -> list[Callable[[], object]]:
    """The bare calls: one KDF and GMAC for each MAC, one ECDSA verification for each signature."""
    cache, calls = RecordingCache(), []
    for data in messages:
        cache.last = None
        message = parse_message(data)
        verdicts = verify_with_keystore(message, keys, cache)
        if verdicts.mac == "ok" and cache.last is not None:
            secret, header, aad = cache.last, message.header, message.authenticated_octets()
            iv = header.business_originator_id + bytes(4)
            calls.append(lambda s=secret, h=header, i=iv, a=aad: AESGCM(mac_key(s, h)).encrypt(i, b"", a))
        if verdicts.signature == "ok" and message.signature:
            public = keys.public(message.header.business_originator_id, "ds")
            half = [int.from_bytes(message.signature[at : at + 32], "big") for at in (0, 32)]
            der, signed = encode_dss_signature(*half), message.signed_octets()
            algorithm = ec.ECDSA(hashes.SHA256())
            calls.append(lambda p=public, d=der, o=signed, e=algorithm: p.verify(d, o, e))
    return calls


def seconds(action: Callable[[], object]) -> float:
    """Wall time of one call."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def bench_verify() -> None:
    """Print messages per second, and the ratio to the floor."""
    name, messages, keys = measured_set()
    calls = floor_calls(messages, keys)
    cache = SecretCache()
    verify(messages, keys, cache)  # fills caches: the floor has its inputs ready too
    ours, floor = [], []
    for _ in range(ROUNDS):
        ours.append(seconds(lambda: verify(messages, keys, cache)))
        floor.append(seconds(lambda: [call() for call in calls]))
    ratios = [mine / bare for mine, bare in zip(ours, floor, strict=True)]
    print(f"verify, {len(messages)} {name}, {len(calls)} cryptographic checks, {ROUNDS} rounds, median:")
    print(f"  parse + MAC + signature  {len(messages) / statistics.median(ours):>9,.0f} messages/s")
    print(f"  bare cryptography        {len(messages) / statistics.median(floor):>9,.0f} messages/s")
    print(
        f"  ratio to the floor       {statistics.median(ratios):>9.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    )


if __name__ == "__main__":
    bench_verify()
