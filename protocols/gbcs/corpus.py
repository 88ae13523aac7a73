"""Checking many messages at once: parse, re-encode, verify, name; what the reference set is run through.

A message is also *built*: decoded to named values, and made again from these alone. ``document_text`` gives
the values as JSON, ``rebuild`` makes the octets from them; whoever calls them sees to it that nothing else
passes from one to the other (``hil corpus`` has another process for it) and ``note_built`` compares.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from protocols.errors import CodecError, DecodeError, EncodeError
from protocols.gbcs.blocks import CipheredBlock, blocks_of
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.message import Message, build_message, parse_message
from protocols.gbcs.named import build_named, decode_named, encryptor, unnamed
from protocols.gbcs.payload import build_payload, parse_payload
from protocols.gbcs.protect import Verdicts, decryptor, verify_with_keystore
from protocols.gbcs.walk import walk_payload

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
    """What became of one message. ``verdicts`` is None where it did not parse.

    ``unnamed`` has the paths of elements without a name; ``built`` says whether the message came out of its
    values again, ``refused`` why only the lenient builder would make it.
    """

    name: str
    kind: str = ""
    message_code: int | None = None
    parsed: bool = False
    reencoded: bool = False
    verdicts: Verdicts | None = None
    unnamed: list[str] = field(default_factory=list)
    built: bool = False
    refused: str = ""
    failures: list[Failure] = field(default_factory=list)


@dataclass(slots=True)
class Rebuilt:
    """Octets made from values, and why the strict builder would not make them (empty where it did)."""

    octets: bytes
    refused: str = ""


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
    blocks = blocks_of(message, payload)
    result.verdicts = verify_with_keystore(message, keystore, cache, [block.octets for block in blocks])
    _note_bad(result, message, len(data), blocks)
    return result


def verify_message(data: bytes, keystore: KeyStore, cache: SecretCache, name: str = "") -> CheckResult:
    """Walk a message to its last octet and verify all protection, and nothing else: for large archives.

    ``unnamed`` has a line for every span without a row of the catalogue. Nothing is raised for a bad message.
    """
    result = CheckResult(name)
    try:
        message = parse_message(data)
        result.kind, result.message_code = message.kind, message.header.message_code
        walked = walk_payload(message)
    except DecodeError as error:
        result.failures.append(Failure(name, error.offset, error.path, error.problem))
        return result
    result.parsed = True
    result.unnamed = [f"octet {message.payload_offset + at}" for at in walked.unnamed()]
    result.verdicts = verify_with_keystore(message, keystore, cache, walked.ciphered())
    if "bad" in (result.verdicts.mac, result.verdicts.signature, *result.verdicts.encrypted):
        _note_bad(result, message, len(data), blocks_of(message, parse_payload(message)))
    return result


def document_text(data: bytes, keystore: KeyStore, cache: SecretCache, result: CheckResult) -> str:
    """A message as JSON text of named values; empty (and a failure in ``result``) where it has none.

    Where the message's name begins with a use case, that is what the document says it is, so that a message
    with another use case's code is found out.
    """
    try:
        message = parse_message(data)
        document = decode_named(message, decryptor(message, keystore, cache))
    except DecodeError as error:
        result.failures.append(Failure(result.name, error.offset, error.path, f"not named: {error.problem}"))
        return ""
    result.unnamed = unnamed(document)
    claimed = result.name.rpartition("/")[2].partition("_")[0]
    if claimed in load_catalogue() and document["kind"] != "alert":
        document["use_case"] = claimed
    return json.dumps(document)


def rebuild(text: str, keystore: KeyStore, cache: SecretCache) -> Rebuilt:
    """Message made from JSON text: by the strict builder, else by the lenient one with the reason.

    EncodeError where neither makes it.
    """
    document = json.loads(text)
    encrypt = encryptor(document, keystore, cache)
    try:
        return Rebuilt(build_message(build_named(document, encrypt=encrypt)))
    except EncodeError as error:
        octets = build_message(build_named(document, strict=False, encrypt=encrypt))
        return Rebuilt(octets, str(error))


def note_built(result: CheckResult, data: bytes, rebuilt: Rebuilt | EncodeError) -> None:
    """Put into ``result`` what became of building a message again."""
    if isinstance(rebuilt, EncodeError):
        result.failures.append(Failure(result.name, 0, rebuilt.element, f"not built: {rebuilt.problem}"))
        return
    result.refused = rebuilt.refused
    result.built = rebuilt.octets == data
    if not result.built:
        result.failures.append(_difference(result.name, data, rebuilt.octets, "built"))


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
    failure = _difference(result.name, octets, again, path)
    failure.offset += base
    result.failures.append(failure)
    return False


def _difference(name: str, octets: bytes, again: bytes, path: str) -> Failure:
    same = next((at for at, pair in enumerate(zip(octets, again, strict=False)) if pair[0] != pair[1]), None)
    at = min(len(octets), len(again)) if same is None else same
    return Failure(name, at, path, f"encodes to other octets ({len(again)} instead of {len(octets)})")


def _note_bad(result: CheckResult, message: Message, length: int, blocks: list[CipheredBlock]) -> None:
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
        for block, verdict in zip(blocks, verdicts.encrypted, strict=True):
            if verdict == "bad":
                at = message.payload_offset + block.offset
                problem = "the ciphered block's tag is wrong"
                result.failures.append(Failure(result.name, at, "message.payload.ciphered_block", problem))


@dataclass(slots=True)
class CorpusSummary:
    """Counts over many results. ``encrypted`` counts ciphered blocks, the others messages.

    ``rule_breakers`` are the messages that the strict builder refuses, with its reason.
    """

    messages: int = 0
    parsed: int = 0
    reencoded: int = 0
    mac: Counter[str] = field(default_factory=Counter)
    signature: Counter[str] = field(default_factory=Counter)
    encrypted: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    unnamed: list[str] = field(default_factory=list)
    built: int = 0
    rule_breakers: list[tuple[str, str]] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def add(self, result: CheckResult) -> None:
        """Count one result."""
        self.messages += 1
        self.parsed += result.parsed
        self.reencoded += result.reencoded
        self.kinds[result.kind or "unreadable"] += 1
        self.failures += result.failures
        self.unnamed += [f"{result.name}: {path}" for path in result.unnamed]
        self.built += result.built
        if result.refused:
            self.rule_breakers.append((result.name, result.refused))
        if result.verdicts:
            self.mac[result.verdicts.mac] += 1
            self.signature[result.verdicts.signature] += 1
            self.encrypted.update(result.verdicts.encrypted)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: counts, elements without name, rule breakers, failures (name, offset, path, problem)."""
        return {
            "messages": self.messages,
            "parsed": self.parsed,
            "reencoded": self.reencoded,
            "mac": {verdict: self.mac[verdict] for verdict in _VERDICTS},
            "signature": {verdict: self.signature[verdict] for verdict in _VERDICTS},
            "encrypted": {verdict: self.encrypted[verdict] for verdict in ("ok", "bad")},
            "encrypted_no_key": self.encrypted["no_key"],
            "kinds": dict(sorted(self.kinds.items())),
            "unnamed": self.unnamed,
            "built": self.built,
            "rule_breakers": [{"name": name, "reason": reason} for name, reason in self.rule_breakers],
            "failures": [
                {"name": item.name, "offset": item.offset, "path": item.path, "problem": item.problem}
                for item in self.failures
            ],
        }
