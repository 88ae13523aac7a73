"""A decoded message as lines of text: its parts with their octets, values with units, verdicts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from protocols.eui64 import Eui64

if TYPE_CHECKING:
    from protocols.gbcs.keystore import KeyStore

Tree = dict[str, Any]
_PARTIES = ("business_originator_id", "business_target_id", "supplementary_remote_party_id")
_LONGEST = 80
_OCTETS_A_LINE = 16


def lines(tree: Tree, keystore: KeyStore | None) -> Iterator[str]:
    """A message: title, header, elements, protection. Places are first and last octet."""
    title = f"{tree['use_case']} {tree['title']}" if tree["use_case"] else tree["title"]
    yield f"{title} ({tree['kind']}, message code {tree['message_code']}, {tree['octets']} octets)"
    yield "header"
    offsets = tree["header"]["offsets"]
    for name, value in tree["header"].items():
        if name != "offsets":
            yield f"  {offsets[name]:>9}  {name}: {_header_value(name, value, keystore)}"
    payload = tree["payload"]
    yield f"payload ({payload['kind']}, {payload['octets']} octets at {payload['offset']})"
    if "named_problem" in tree:
        yield f"  without names: {tree['named_problem']}"
    if tree.get("elements"):
        yield from (f"  {_place(row):>9}  {_element(row)}" for row in tree["elements"])
    else:  # what a command reads stands in no value
        for node in payload["elements"]:
            yield from _node(node, 1)
    for name in ("signature", "mac"):
        part = tree[name]
        if part and part["octets"]:
            yield _verdict(name, part)
    for block in tree["encrypted"]:
        yield _verdict("encrypted", block)


def dump(tree: Tree, octets: bytes) -> Iterator[str]:
    """Every octet of a message in order, with the name of the part it belongs to."""
    yield "octets"
    at = 0
    for start, end, name in sorted(_regions(tree), key=lambda region: region[:2]):
        if start < at or end > len(octets):
            continue  # inside a part that stands there already
        if start > at:
            yield from _hex_lines(octets, at, start, "")
        yield from _hex_lines(octets, start, end, name)
        at = end
    if at < len(octets):
        yield from _hex_lines(octets, at, len(octets), "")


def _regions(tree: Tree) -> Iterator[tuple[int, int, str]]:
    """Start, end and name of all parts; what lies between them is lengths, tags and other structure."""
    header = tree["header"]
    for name, start in header["offsets"].items():
        yield start, start + _header_octets(name, header[name]), name
    for row in tree.get("elements", ()):
        if not row.get("plaintext") and row["octets"]:
            yield row["offset"], row["offset"] + row["octets"], _element(row)
    named = [(tree["signature"], "signature"), (tree["mac"], "mac")]
    named += [(block, "encrypted") for block in tree["encrypted"]]
    for part, name in named:
        if part and part["octets"]:
            yield part["offset"], part["offset"] + part["octets"], name


def _header_octets(name: str, value: Any) -> int:
    if name == "certificate":
        return len(value) // 2
    return {"cra_flag": 1, "message_code": 2, "date_time": 12}.get(name, 8)


def _hex_lines(octets: bytes, start: int, end: int, name: str) -> Iterator[str]:
    for at in range(start, end, _OCTETS_A_LINE):
        part = octets[at : min(at + _OCTETS_A_LINE, end)].hex(" ").upper()
        yield f"  {at:>5}  {part:<47}  {_short(name) if at == start else ''}".rstrip()


def _header_value(name: str, value: Any, keystore: KeyStore | None) -> str:
    if isinstance(value, dict):
        return str(value.get("time") or value["value"])
    if name in _PARTIES and keystore is not None:
        role = keystore.role_of(Eui64(value))
        if role is not None:
            return f"{value} ({_role_name(role)})"
    return str(value)


def _role_name(role: int) -> str:
    from protocols.gbcs.asn1.types import RemotePartyRole

    known = {each.value: each.name.lower().replace("_", " ") for each in RemotePartyRole}
    return known.get(role, f"role {role}")


def _place(row: Tree) -> str:
    """First and last octet; those of a plaintext count in it."""
    first, last = row["offset"], row["offset"] + max(row["octets"], 1) - 1
    return ("+" if row.get("plaintext") else "") + (f"{first}-{last}" if last > first else str(first))


def _element(row: Tree) -> str:
    value = _short(_shown(row))
    result = " result" if row.get("access") else ""
    clause = f" [{row['clause']}]" if row.get("clause") else ""
    return f"{row['name']}{result} = {value}{clause}"


def _shown(row: Tree) -> str:
    """Value with unit: scaled where it is a number, with the meaning of a code beside it."""
    value, text, unit = row.get("value"), row.get("text"), row.get("unit") or ""
    scaling = row.get("scaling")
    if isinstance(value, int) and not isinstance(value, bool) and (unit or scaling) and not text:
        return f"{_scaled(value, scaling or 0)} {unit}".rstrip()
    shown = _plain(value)
    return f"{shown} ({text})" if text and text != shown else shown


def _scaled(value: int, scaling: int) -> str:
    """A number times a power of ten, without rounding."""
    if scaling >= 0:
        return str(value * 10**scaling)
    digits = f"{abs(value):0{1 - scaling}d}"
    return f"{'-' if value < 0 else ''}{digits[:scaling]}.{digits[scaling:]}"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _verdict(name: str, part: Tree) -> str:
    keys = " and ".join(part.get("keys", ()))
    by = f" by {keys}" if keys else ""
    return f"{name}: {part.get('verdict', 'not checked')}{by} ({part['octets']} octets at {part['offset']})"


# Keys of a node that its head line already shows, or that stand below it.
_HEAD = {"name", "type", "offset", "octets", "value", "children", "plaintext", "selection"}


def _node(node: Tree, depth: int) -> Iterator[str]:
    parts = [str(node[key]) for key in ("name", "type", "value") if node.get(key) is not None]
    parts += [f"{key}={value}" for key, value in node.items() if key not in _HEAD]
    yield f"  {node['offset']:>9}  {'  ' * (depth - 1)}{' '.join(parts)}"
    for child in node.get("children", ()):
        yield from _node(child, depth + 1)
