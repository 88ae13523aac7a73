"""Readers for the forms in which issuing authorities and their tools hand out certificates and keys.

- Text with a label per item, its value on the same line or the lines below, as shown on the Certicom site
  and read by tools of chip vendors: ``CA Pub Key:``, ``Device Implicit Cert:``, ``Device Private Key:`` (or
  ``Private Key Reconstruction Data:``, which holds the private key where the authority made the key pair),
  optionally ``Device Public Key:`` and ``IEEE Address:``.
- JSON with the same names, as one object.
- One item per file: hexadecimal text or the bare octets.
- The token of EmberZNet devices: certificate, authority's public key, private key and a flag octet.

``read_credentials`` takes one file with everything, ``read_item`` one file with one item. Errors name what is
wrong with which line.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from enum import Enum

from protocols.errors import CodecError, DecodeError
from protocols.eui64 import Eui64
from protocols.zigbee.cbke.credentials import Credentials
from protocols.zigbee.cbke.suites import SUITES, Suite, suite_of_certificate


class MaterialError(CodecError):
    """Certificate material that cannot be used; the text names the line or item."""


class Item(Enum):
    """What a file can hold; the values are the words that errors use."""

    CERTIFICATE = "implicit certificate"
    PRIVATE_KEY = "private key"
    AUTHORITY = "CA public key"
    PUBLIC_KEY = "device public key"
    SUBJECT = "IEEE address"


# Labels with all but letters and digits taken out; a suite or curve number does not change their meaning.
_LABELS = {
    "capubkey": Item.AUTHORITY,
    "capublickey": Item.AUTHORITY,
    "deviceimplicitcert": Item.CERTIFICATE,
    "deviceimplicitcertificate": Item.CERTIFICATE,
    "implicitcert": Item.CERTIFICATE,
    "implicitcertificate": Item.CERTIFICATE,
    "certificate": Item.CERTIFICATE,
    "deviceprivatekey": Item.PRIVATE_KEY,
    "privatekey": Item.PRIVATE_KEY,
    "privatekeyreconstructiondata": Item.PRIVATE_KEY,
    "devicepublickey": Item.PUBLIC_KEY,
    "publickey": Item.PUBLIC_KEY,
    "ieeeaddress": Item.SUBJECT,
    "macaddress": Item.SUBJECT,
    "eui": Item.SUBJECT,
    "eui64": Item.SUBJECT,
    "deviceid": Item.SUBJECT,
}
_LINE = re.compile(r"\s*([A-Za-z][A-Za-z0-9 _()./-]*?)\s*[:=]\s*(.*)")
_SUITE_MARK = re.compile(r"\(?\b(?:sect)?(?:163|283)k1\b\)?|\(?\bsuite\s*[12]\b\)?", re.IGNORECASE)
_BETWEEN = re.compile(r"0[xX](?=[0-9A-Fa-f]{2})|[\s,:{}\[\];\"'-]")


@dataclass(slots=True)
class _Entry:
    """An item as found: its place, its label, and the pieces of its value with their places."""

    item: Item
    where: str
    label: str = ""
    pieces: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class _Found:
    entries: dict[Item, _Entry] = field(default_factory=dict)

    def add(self, item: Item, where: str, label: str, text: str) -> _Entry:
        if item in self.entries:
            raise MaterialError(f"{where}: a second {item.value}, the first is at {self.entries[item].where}")
        entry = _Entry(item, where, label, [(where, text)])
        self.entries[item] = entry
        return entry


def item_of_label(label: str) -> Item | None:
    """What a label such as ``CA Pub Key`` announces; None for any other text."""
    plain = re.sub(r"[^a-z0-9]", "", _SUITE_MARK.sub("", label).lower())
    return _LABELS.get(plain)


def read_credentials(content: bytes | str, name: str = "the file") -> Credentials:
    """The credentials in one file; ``name`` is how errors call it. MaterialError says what is wrong where.

    They fit each other: a file whose private key is not that of its certificate is refused.
    """
    text = _as_text(content)
    if text is None:
        assert isinstance(content, bytes)  # str always is text
        return _read_token(content, name)
    found = _found_in_json(text, name) if text.lstrip().startswith("{") else _found_in_lines(text, name)
    if not found.entries and (octets := _hexadecimal(text)) is not None:
        return _read_token(octets, name)
    return _assemble(found, name)


def read_item(content: bytes | str, item: Item, name: str = "the file") -> bytes:
    """The octets of one item in a file of its own: hexadecimal text, labelled text or bare octets."""
    text = _as_text(content)
    if text is None:
        assert isinstance(content, bytes)  # str always is text
        octets = content
    else:
        is_json = text.lstrip().startswith("{")
        found = _found_in_json(text, name) if is_json else _found_in_lines(text, name)
        entry = found.entries.get(item)
        if entry is None and found.entries:
            there = ", ".join(each.value for each in found.entries)
            raise MaterialError(f"{name}: no {item.value}, only {there}")
        octets = _octets(entry or _Entry(item, name, pieces=[(name, text)]))
    _expect_length(octets, item, name)
    return octets


def combine_items(certificate: bytes, private_key: bytes, authority: bytes, name: str = "") -> Credentials:
    """The credentials from three items read alone; MaterialError where they do not belong together."""
    prefix = f"{name}: " if name else ""
    try:
        credentials = Credentials(certificate, private_key, authority)
    except DecodeError as error:
        raise MaterialError(f"{prefix}{error.path or 'credentials'}: {error.problem}") from None
    problem = credentials.problem()
    if problem is not None:
        raise MaterialError(f"{prefix}{problem}")
    return credentials


def _as_text(content: bytes | str) -> str | None:
    """The text in a file, None where it holds bare octets."""
    if isinstance(content, str):
        return content
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            try:
                return content.decode(encoding)
            except UnicodeDecodeError:
                return None
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return text if all(each.isprintable() or each in "\t\r\n" for each in text) else None


def _found_in_lines(text: str, name: str) -> _Found:
    """Labelled items, a value going on over unlabelled lines; lines that start with # or // are comments."""
    found = _Found()
    current: _Entry | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith(("#", "//")):
            continue
        match = _LINE.fullmatch(line.rstrip())
        item = item_of_label(match[1]) if match else None
        if match is not None and item is not None:
            current = found.add(item, f"{name} line {number}", match[1], match[2])
        elif match is not None and not _is_hexadecimal(line):
            current = None  # a label of no concern here
        elif current is not None:
            current.pieces.append((f"{name} line {number}", line))
    return found


def _found_in_json(text: str, name: str) -> _Found:
    try:
        values = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise MaterialError(f"{name} is not valid JSON: {error}") from None
    found = _Found()
    for label, value in values.items():
        item = item_of_label(label)
        if item is None:
            continue
        if not isinstance(value, str):
            raise MaterialError(
                f"{name}, {label!r}: hexadecimal text is expected, not {type(value).__name__}"
            )
        found.add(item, f"{name}, {label!r}", label, value)
    return found


def _assemble(found: _Found, name: str) -> Credentials:
    entries = found.entries
    missing = [
        item.value for item in (Item.CERTIFICATE, Item.PRIVATE_KEY, Item.AUTHORITY) if item not in entries
    ]
    if missing:
        raise MaterialError(f"{name} has no {' and no '.join(missing)}")
    octets = {item: _octets(entry) for item, entry in entries.items()}
    suite = _expect_length(octets[Item.CERTIFICATE], Item.CERTIFICATE, entries[Item.CERTIFICATE].where)
    for item, data in octets.items():
        _expect_length(data, item, entries[item].where, suite)
    certificate = octets[Item.CERTIFICATE]
    try:
        credentials = combine_items(certificate, octets[Item.PRIVATE_KEY], octets[Item.AUTHORITY], name)
    except MaterialError as error:
        if "reconstruction" not in entries[Item.PRIVATE_KEY].label.lower():
            raise
        hint = "data for a key pair that the device made itself has to be combined with its request key first"
        raise MaterialError(f"{error} ({hint})") from None
    subject = octets.get(Item.SUBJECT)
    if subject is not None and subject != credentials.subject:
        where = entries[Item.SUBJECT].where
        raise MaterialError(
            f"{where}: IEEE address {Eui64(subject)}, but the certificate is for {credentials.subject}"
        )
    public = octets.get(Item.PUBLIC_KEY)
    if public is not None:
        curve = credentials.suite.curve
        point = curve.multiply_base(credentials.private_key)
        if point is None or curve.encode(point) != public:
            where = entries[Item.PUBLIC_KEY].where
            raise MaterialError(f"{where}: the device public key is not that of the private key")
    return credentials


def _read_token(octets: bytes, name: str) -> Credentials:
    """Certificate, authority's public key, private key and a flag octet, as EmberZNet devices store them."""
    for suite in SUITES:
        end = suite.certificate_octets
        key = end + suite.point_octets
        last = key + suite.curve.scalar_octets
        if len(octets) in {last, last + 1}:
            return combine_items(octets[:end], octets[key:last], octets[end:key], name)
    raise MaterialError(
        f"{name} holds {len(octets)} octets: neither labelled text nor a certificate with its keys "
        "(92 octets in suite 1, 148 in suite 2)"
    )


def _hexadecimal(text: str) -> bytes | None:
    try:
        return bytes.fromhex(_BETWEEN.sub("", text))
    except ValueError:
        return None


def _is_hexadecimal(text: str) -> bool:
    return _hexadecimal(text) is not None


def _octets(entry: _Entry) -> bytes:
    plain = ""
    for where, text in entry.pieces:
        digits = _BETWEEN.sub("", text)
        wrong = re.search(r"[^0-9A-Fa-f]", digits)
        if wrong is not None:
            raise MaterialError(f"{where}: {wrong[0]!r} in the {entry.item.value} is not hexadecimal")
        plain += digits
    if not plain:
        raise MaterialError(f"{entry.where}: the {entry.item.value} is empty")
    if len(plain) % 2:
        raise MaterialError(
            f"{entry.where}: the {entry.item.value} has an odd number of digits ({len(plain)})"
        )
    return bytes.fromhex(plain)


def _expect_length(octets: bytes, item: Item, where: str, suite: Suite | None = None) -> Suite | None:
    """Check an item's length, against one suite where that is known; gives the suite of a certificate."""
    expected = {_length(item, each): each for each in ((suite,) if suite else SUITES)}
    if len(octets) not in expected:
        wanted = " or ".join(f"{length} (suite {each.number})" for length, each in _by_number(expected))
        raise MaterialError(f"{where}: the {item.value} has {len(octets)} octets, not {wanted}")
    return suite_of_certificate(octets) if item is Item.CERTIFICATE else suite


def _by_number(lengths: dict[int, Suite]) -> list[tuple[int, Suite]]:
    """Lengths with their suites, suite 1 first."""
    return sorted(lengths.items(), key=lambda pair: pair[1].number)


def _length(item: Item, suite: Suite) -> int:
    if item is Item.CERTIFICATE:
        return suite.certificate_octets
    if item is Item.PRIVATE_KEY:
        return suite.curve.scalar_octets
    if item is Item.SUBJECT:
        return 8
    return suite.point_octets
