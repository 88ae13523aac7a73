"""Checking many messages at once: parse, re-encode, verify; what the reference set is run through."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from protocols.errors import CodecError, DecodeError
from protocols.gbcs.blocks import ciphered_blocks
from protocols.gbcs.message import Message, build_message, parse_message
from protocols.gbcs.payload import build_payload, parse_payload
from protocols.gbcs.protect import Verdicts, verify_with_keystore

if TYPE_CHECKING:
    from protocols.gbcs.crypto import SecretCache
    from protocols.gbcs.keystore import KeyStore

_VERDICTS = ("ok", "bad", "no_key", "none")


@dataclass(slots=True)
class Failure:
    """One thing wrong with one message; ``offset`` counts in the message's octets."""

    name: str
    offset: int
    path: str
    problem: str


@dataclass(slots=True)
class CheckResult:
    """What became of one message. ``verdicts`` is None where it did not parse."""

    name: str
    kind: str = ""
    message_code: int | None = None
    parsed: bool = False
    reencoded: bool = False
    verdicts: Verdicts | None = None
    failures: list[Failure] = field(default_factory=list)


def check_message(data: bytes, keystore: KeyStore, cache: SecretCache, name: str = "") -> CheckResult:
    """Parse message and payload to the last octet, encode both again, verify all protection.

    Nothing is raised for a bad message: its failures are in the result. A missing key is a verdict, no
    failure.
    """
    result = CheckResult(name)
    try:
        message = parse_message(data)
        result.kind, result.message_code = message.kind, message.header.message_code
        payload = parse_payload(message)
    except DecodeError as error:
        result.failures.append(Failure(name, error.offset, error.path, error.problem))
        return result
    result.parsed = True
    result.reencoded = _check_encoding(
        result, message.payload, lambda: build_payload(payload), "payload", message
    )
    result.reencoded &= _check_encoding(result, data, lambda: build_message(message), "message", None)
    result.verdicts = verify_with_keystore(message, keystore, cache)
    _note_bad(result, message, len(data))
    return result


def _check_encoding(
    result: CheckResult, octets: bytes, build: Any, path: str, message: Message | None
) -> bool:
    base = message.payload_offset if message else 0
    try:
        again: bytes = build()
    except CodecError as error:
        result.failures.append(Failure(result.name, base, path, f"does not encode again: {error}"))
        return False
    if again == octets:
        return True
    same = next((at for at, pair in enumerate(zip(octets, again, strict=False)) if pair[0] != pair[1]), None)
    at = min(len(octets), len(again)) if same is None else same
    problem = f"encodes to other octets ({len(again)} instead of {len(octets)})"
    result.failures.append(Failure(result.name, base + at, path, problem))
    return False


def _note_bad(result: CheckResult, message: Message, length: int) -> None:
    verdicts = result.verdicts
    if verdicts is None:
        return
    mac_at = length - len(message.mac or b"")
    if verdicts.mac == "bad":
        result.failures.append(Failure(result.name, mac_at, "message.mac", "the MAC is wrong"))
    if verdicts.signature == "bad":
        at = mac_at - len(message.signature or b"")
        result.failures.append(Failure(result.name, at, "message.signature", "the signature is wrong"))
    if "bad" in verdicts.encrypted:
        for block, verdict in zip(ciphered_blocks(message), verdicts.encrypted, strict=True):
            if verdict == "bad":
                at = message.payload_offset + block.offset
                problem = "the ciphered block's tag is wrong"
                result.failures.append(Failure(result.name, at, "message.payload.ciphered_block", problem))


@dataclass(slots=True)
class CorpusSummary:
    """Counts over many results. ``encrypted`` counts ciphered blocks, the others messages."""

    messages: int = 0
    parsed: int = 0
    reencoded: int = 0
    mac: Counter[str] = field(default_factory=Counter)
    signature: Counter[str] = field(default_factory=Counter)
    encrypted: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)

    def add(self, result: CheckResult) -> None:
        """Count one result."""
        self.messages += 1
        self.parsed += result.parsed
        self.reencoded += result.reencoded
        self.kinds[result.kind or "unreadable"] += 1
        self.failures += result.failures
        if result.verdicts:
            self.mac[result.verdicts.mac] += 1
            self.signature[result.verdicts.signature] += 1
            self.encrypted.update(result.verdicts.encrypted)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: counts, and failures with name, offset, path and problem."""
        return {
            "messages": self.messages,
            "parsed": self.parsed,
            "reencoded": self.reencoded,
            "mac": {verdict: self.mac[verdict] for verdict in _VERDICTS},
            "signature": {verdict: self.signature[verdict] for verdict in _VERDICTS},
            "encrypted": {verdict: self.encrypted[verdict] for verdict in ("ok", "bad")},
            "encrypted_no_key": self.encrypted["no_key"],
            "kinds": dict(sorted(self.kinds.items())),
            "failures": [
                {"name": item.name, "offset": item.offset, "path": item.path, "problem": item.problem}
                for item in self.failures
            ],
        }
