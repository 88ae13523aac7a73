"""Verifying, building and parsing messages, against the bare cryptography of the same messages.

Parsing means that every octet of the payload is walked into a span which is bound to its row of the catalogue:
DLMS items and their data, GBZ components and ZCL fields and attributes, ASN.1 values. Names, units and values
are looked up when somebody asks, which nobody does here. What is kept from one message to the next is made from the catalogue alone.
"""

from __future__ import annotations

from protocols.gbcs.crypto import SecretCache
from protocols.gbcs.keystore import KeyStore
from protocols.gbcs.message import Message, parse_message
from protocols.gbcs.named import decode_named
from protocols.gbcs.payload import build_payload, parse_payload, payload_kind
from protocols.gbcs.protect import decryptor, protected_octets, verify_with_keystore
from protocols.gbcs.walk import walk_payload
from tests.bench.material import Case, load
from tests.bench.measure import ROUNDS, Action, in_turns, rate


def verify(cases: list[Case], keys: KeyStore, cache: SecretCache | None) -> None:
    """What a receiver does: headers, payload, MAC, signature and ciphered blocks; a new cache each without one."""
    for case in cases:
        message = parse_message(case.octets)
        walked = walk_payload(message)
        verify_with_keystore(message, keys, SecretCache() if cache is None else cache, walked.ciphered())


def parse(cases: list[Case]) -> None:
    """Spans and their rows."""
    for case in cases:
        walk_payload(parse_message(case.octets))


def parse_trees(cases: list[Case]) -> None:
    """Values as trees that can be changed and built again; nothing is bound, and ZCL contents stay octets."""
    for case in cases:
        parse_payload(parse_message(case.octets))


def name_values(cases: list[Case], keys: KeyStore, cache: SecretCache) -> None:
    """Every element as a named value with text and units, which is more than verifying needs."""
    for case in cases:
        message = parse_message(case.octets)
        decode_named(message, decryptor(message, keys, cache))


def build(cases: list[Case]) -> None:
    """What a sender does, from the payload as a tree of values to octets: every value is encoded."""
    for case in cases:
        _octets(case, build_payload(case.payload))


def build_from_spans(cases: list[Case]) -> None:
    """The same from the parts of a walked payload, each the octets of one span, encoded already."""
    for case in cases:
        _octets(case, b"".join(case.parts))


def build_around(cases: list[Case]) -> None:
    """The same from payload octets."""
    for case in cases:
        _octets(case, case.message.payload)


def _octets(case: Case, payload: bytes) -> bytes:
    return protected_octets(Message(case.message.header, payload), signer=case.private, mac_z=case.secret)


def run(calls: list[Action]) -> None:
    for call in calls:
        call()


def bench_verify(name: str, cases: list[Case], keys: KeyStore) -> None:
    macs = [case.bare_mac() for case in cases if case.secret]
    signatures = [case.bare_verification() for case in cases if case.public]
    agreements = [case.bare_agreement() for case in cases if case.pair]
    cache = SecretCache()
    figures = in_turns(
        {
            "cached": lambda: verify(cases, keys, cache),
            "cached floor": lambda: run(macs + signatures),
            "uncached": lambda: verify(cases, keys, None),
            "uncached floor": lambda: run(agreements + macs + signatures),
            "parse": lambda: parse(cases),
            "parse into trees": lambda: parse_trees(cases),
            "named values": lambda: name_values(cases, keys, cache),
        }
    )
    print(f"parse + MAC + signature of {len(cases)} {name}: {len(macs)} MACs, {len(signatures)} signatures")
    print(f"  ({ROUNDS} rounds in turns, medians; floor: the bare cryptographic calls, inputs ready)")
    for kind in ("cached", "uncached"):
        print(f"  shared secrets {kind:9} {rate(len(cases), figures[kind])}", end="")
        floor = figures[f"{kind} floor"]
        print(f"   floor {rate(len(cases), floor)}   ratio {figures[kind].ratio(floor)}")
    floor = figures["cached floor"]
    for kind in ("parse", "parse into trees", "named values"):
        print(
            f"  {kind:24} {rate(len(cases), figures[kind])}   of the cached floor  {figures[kind].ratio(floor)}"
        )


def bench_kinds(cases: list[Case]) -> None:
    """Header and spans by payload kind, beside the cryptography that a message needs on average."""
    checks = [case.bare_mac() for case in cases if case.secret]
    checks += [case.bare_verification() for case in cases if case.public]
    groups: dict[str, list[Case]] = {}
    for case in cases:
        kind = case.message.kind.replace("precommand", "command")
        groups.setdefault(f"{payload_kind(case.message)} {kind}s", []).append(case)
    figures = in_turns(
        {"floor": lambda: run(checks)} | {kind: lambda g=group: parse(g) for kind, group in groups.items()}
    )
    each = figures["floor"].median / len(cases) * 1e6
    print(f"headers and spans by kind, beside the {each:.1f} us of bare cryptography per message")
    for kind, group in sorted(groups.items()):
        taken = figures[kind].median / len(group) * 1e6
        octets = sum(len(case.octets) for case in group) / len(group)
        print(
            f"  {kind:15} {len(group):4} of {octets:5.0f} octets {rate(len(group), figures[kind])}"
            f" {taken:6.1f} us  {taken / each:5.2f}"
        )


def bench_build(cases: list[Case]) -> None:
    """Messages whose keys are all at hand, made again from their parts."""
    held = [case for case in cases if _can_build(case)]
    both = [case for case in held if case.secret and case.private]
    for group, name in ((held, "protected"), (both, "both MACed and signed")):
        _bench_build(group, name)


def _can_build(case: Case) -> bool:
    """Every protection that the message has can be put on again, and there is one."""
    signed, maced = bool(case.message.signature), case.message.mac is not None
    return (signed or maced) and signed == bool(case.private) and maced == bool(case.secret)


def _bench_build(cases: list[Case], name: str) -> None:
    for case in cases:
        again = _octets(case, build_payload(case.payload))
        assert b"".join(case.parts) == case.message.payload
        # Signatures of the reference are not deterministic, so only what has none comes out the same.
        assert case.private or again == case.octets
    signatures = [case.bare_signing() for case in cases if case.private]
    macs = [case.bare_mac() for case in cases if case.secret]
    figures = in_turns(
        {
            "payload octets": lambda: build_around(cases),
            "spans' octets": lambda: build_from_spans(cases),
            "trees of values": lambda: build(cases),
            "floor": lambda: run(macs + signatures),
        }
    )
    print(
        f"build + MAC + sign of {len(cases)} messages, {name}: {len(macs)} MACs, {len(signatures)} signatures"
    )
    for kind in ("payload octets", "spans' octets", "trees of values"):
        print(f"  from {kind:15} {rate(len(cases), figures[kind])}", end="")
        print(
            f"   floor {rate(len(cases), figures['floor'])}   ratio {figures[kind].ratio(figures['floor'])}"
        )


def bench_messages() -> None:
    name, cases, keys = load()
    bench_verify(name, cases, keys)
    bench_kinds(cases)
    bench_build(cases)
