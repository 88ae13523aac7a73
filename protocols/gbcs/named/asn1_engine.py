"""ASN.1 structures as named JSON values and back, over the types of ``protocols.gbcs.asn1.schema``.

Which name each element has stands in ``asn1_names``. An element that may be absent has a key only when it is
there; an INTEGER or ENUMERATED is its number, a BIT STRING of key usages the names of its bits, a
GeneralizedTime ``2026-11-22T12:00:00Z``, a NULL true, certificates and certification requests stay whole as
hexadecimal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64
from protocols.gbcs import der
from protocols.gbcs.asn1 import schema
from protocols.gbcs.asn1.types import KeyUsage
from protocols.gbcs.named.asn1_lengths import Lengths
from protocols.gbcs.named.asn1_names import Field, names_of

_TIME = "%Y-%m-%dT%H:%M:%SZ"
# Bits of KeyUsage under their names in X.509 (RFC 5280 4.2.1.3).
_USAGES = {
    "digitalSignature": KeyUsage.DIGITAL_SIGNATURE,
    "nonRepudiation": KeyUsage.NON_REPUDIATION,
    "keyEncipherment": KeyUsage.KEY_ENCIPHERMENT,
    "dataEncipherment": KeyUsage.DATA_ENCIPHERMENT,
    "keyAgreement": KeyUsage.KEY_AGREEMENT,
    "keyCertSign": KeyUsage.KEY_CERT_SIGN,
    "cRLSign": KeyUsage.CRL_SIGN,
    "encipherOnly": KeyUsage.ENCIPHER_ONLY,
}


@dataclass(slots=True)
class Leaf:
    """One value met on the way: its path of names, where it stands in the payload, and its codes if any."""

    path: str
    value: Any
    node: der.Node
    field: Field


class Reader:
    """Reads nodes into values, in the order of their octets.

    Every leaf is kept in ``leaves``; every node whose length is the structure's own, with its path, in
    ``nodes`` (certificates have lengths of their own).
    """

    __slots__ = ("leaves", "nodes")

    def __init__(self) -> None:
        self.leaves: list[Leaf] = []
        self.nodes: list[tuple[str, der.Node]] = []

    def read(self, expected: schema.Type, node: der.Node, path: str, field: Field) -> Any:
        """Value of a node whose tag has been checked; DecodeError with offset and path."""
        if isinstance(expected, schema.Record):
            return self.record(expected, node, path)
        if isinstance(expected, schema.SequenceOf):
            self.nodes.append((path, node))
            found = []
            for index, child in enumerate(node.children):
                where = f"{path}[{index}]"
                der.expect(child, expected.element.tag, where)
                found.append(self.read(expected.element, child, where, field))
            return found
        value = _to_json(expected.parse(node, path))
        if not isinstance(expected, schema.Encoded):
            self.nodes.append((path, node))
        self.leaves.append(Leaf(path, value, node, field))
        return value

    def record(self, record: schema.Record[Any], node: der.Node, path: str) -> dict[str, Any]:
        """Values of a SEQUENCE by name; an element that has its default on the wire keeps its key."""
        self.nodes.append((path, node))
        values: dict[str, Any] = {}
        rest = list(node.children)
        for element, field in zip(record.elements, names_of(record), strict=True):
            where = f"{path}.{field.name}" if path else field.name
            if rest and rest[0].tag == element.seen_tag:
                values[field.name] = self.read(element.type, rest.pop(0), where, field)
            elif not may_be_absent(element):
                at = rest[0].start if rest else node.end
                problem = f"tag {rest[0].tag:02X} found instead" if rest else "the element is missing"
                raise DecodeError(problem, offset=at, path=where)
        if rest:
            raise DecodeError(f"surplus element with tag {rest[0].tag:02X}", offset=rest[0].start, path=path)
        return values


@dataclass(slots=True)
class Writer:
    """Builds values into octets.

    ``lengths`` has the length octets of elements whose lengths are longer than needed. ``strict`` refuses
    numbers without a meaning, and defaults that DER leaves out. ``clause`` goes into every error.
    """

    clause: str
    strict: bool
    lengths: Lengths

    def write(self, expected: schema.Type, value: Any, path: str, field: Field, tag: int) -> bytes:
        """Octets of a value under ``tag``; EncodeError names the element that cannot be carried."""
        if isinstance(expected, schema.Record):
            return self.record(expected, value, path, tag)
        if isinstance(expected, schema.SequenceOf):
            if not isinstance(value, list):
                raise self.error(f"{value!r} is no list", path)
            inner = expected.element
            parts = (
                self.write(inner, each, f"{path}[{i}]", field, inner.tag) for i, each in enumerate(value)
            )
            return self.lengths.wrap(tag, b"".join(parts), path)
        if self.strict and field.codes is not None and value not in set(field.codes):
            raise self.error(f"{value!r} is not among {_listed(field)}", path)
        try:
            octets = expected.build(_from_json(expected, value), path, tag)
        except EncodeError as error:
            raise self.error(error.problem, path) from None
        return octets if isinstance(expected, schema.Encoded) else self.lengths.wrap_again(octets, path)

    def record(self, record: schema.Record[Any], values: Any, path: str, tag: int) -> bytes:
        """SEQUENCE of named values; missing and surplus ones are refused."""
        if not isinstance(values, Mapping):
            raise self.error(f"{values!r} is no object", path)
        names = names_of(record)
        self.refuse_surplus(values, {field.name for field in names}, path)
        parts = []
        for element, field in zip(record.elements, names, strict=True):
            where = f"{path}.{field.name}" if path else field.name
            if field.name in values:
                value = values[field.name]
                if self.strict and element.default is not None and value == element.default:
                    raise self.error(f"the default {value!r} has to be left out", where)
                parts.append(self.write(element.type, value, where, field, element.seen_tag))
            elif not may_be_absent(element):
                raise self.error("the element is missing", where)
        return self.lengths.wrap(tag, b"".join(parts), path)

    def refuse_surplus(self, values: Mapping[str, Any], known: set[str], path: str) -> None:
        """EncodeError for the first key that is not known."""
        for key in values:
            if key not in known:
                raise self.error("no such element", f"{path}.{key}" if path else str(key))

    def error(self, problem: str, path: str) -> EncodeError:
        """An error with this writer's clause."""
        return EncodeError(problem, element=path, clause=self.clause)


def may_be_absent(element: schema.Element) -> bool:
    """Whether an element is optional or has a default."""
    return element.optional or element.default is not None


def _listed(field: Field) -> str:
    return ", ".join(f"{code.value} {code.name.lower()}" for code in field.codes or ())


def _to_json(value: Any) -> Any:
    if isinstance(value, KeyUsage):
        return usage_text(value)
    if isinstance(value, Eui64):
        return str(value)
    if isinstance(value, bytes):
        return value.hex().upper()
    if isinstance(value, datetime):
        return f"{value.year:04d}{value.strftime(_TIME)[-16:]}"
    return value


def _from_json(expected: schema.Type, value: Any) -> Any:
    """What the type builds from; a value of another kind goes through, for the type itself to refuse."""
    if isinstance(expected, schema.Null) and value is not True:
        raise EncodeError(f"{value!r} instead of true")
    if not isinstance(value, str):
        return value
    if isinstance(expected, schema.Usage):
        return usage_bits(value)
    try:
        return _from_text(expected, value)
    except ValueError as error:
        raise EncodeError(str(error)) from None


def _from_text(expected: schema.Type, text: str) -> Any:
    if isinstance(expected, schema.Time):
        return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    if isinstance(expected, schema.Octets) and expected.kind is Eui64:
        return Eui64(text)
    if isinstance(expected, schema.Octets | schema.AnyOctets | schema.Encoded):
        return bytes.fromhex(text)
    return text


def usage_text(bits: int) -> str:
    """Names of the bits of a KeyUsage, as documents have it."""
    return " ".join(name for name, bit in _USAGES.items() if bits & bit)


def usage_bits(text: str) -> KeyUsage:
    """A KeyUsage from the names of its bits."""
    bits = KeyUsage(0)
    for name in text.split():
        if name not in _USAGES:
            raise EncodeError(f"{name!r} is not among {', '.join(_USAGES)}")
        bits |= _USAGES[name]
    return bits
