"""Alert storms: identical alerts beyond a number within a time are held back on their way to the WAN (A28).

An option of a hub (MP119-01), off unless its assumption ``A28`` is on. Codes on the exclusion list always
pass. The list was changed over the years, so it is data with dates, ``throttle_exclusions.json``; its full
text was not found, it holds what the register knows (SECMP0062-03).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.resources import files

from protocols.errors import DecodeError
from protocols.gbcs.message import Message, parse_message
from protocols.gbcs.named import decode_named

# Figures of ours: the document that has them is not public.
LIMIT, WINDOW = 10, timedelta(hours=1)
_NAMES = ("AlertCode", "Alert Code", "alertCode")  # in DLMS, GBZ and ASN.1


@dataclass(slots=True)
class Exclusions:
    """A version of the list: in force from a moment on."""

    since: datetime
    codes: set[int]


def read_exclusions() -> list[Exclusions]:
    """All versions of the list, oldest first."""
    text = files("rigs.emulated").joinpath("throttle_exclusions.json").read_text(encoding="utf-8")
    versions = [
        Exclusions(
            datetime.fromisoformat(row["from"]).replace(tzinfo=UTC), {int(code, 16) for code in row["codes"]}
        )
        for row in json.loads(text)
    ]
    return sorted(versions, key=lambda version: version.since)


def excluded(versions: list[Exclusions], now: datetime) -> set[int]:
    """The codes that always pass at a moment."""
    return next((version.codes for version in reversed(versions) if version.since <= now), set())


@dataclass(slots=True)
class Throttle:
    """``limit`` identical alerts of a device pass within ``window``; None lets everything pass.

    Identical are alerts of one device, recipient and code. ``held`` counts, for each of those, what was held
    back since one of them passed.
    """

    limit: int | None
    window: timedelta
    versions: list[Exclusions]
    held: dict[tuple[bytes, bytes, int], int] = field(default_factory=dict)
    _passed: dict[tuple[bytes, bytes, int], list[datetime]] = field(default_factory=dict)

    def passes(self, octets: bytes, now: datetime) -> str | None:
        """The empty text for what passes, what people are told of it if it was one of many, None if held."""
        found = self._which(octets)
        if found is None or self.limit is None or found[2] in excluded(self.versions, now):
            return ""
        recent = [at for at in self._passed.get(found, []) if now - at < self.window]
        self._passed[found] = recent
        if len(recent) >= self.limit:
            self.held[found] = self.held.get(found, 0) + 1
            return None
        recent.append(now)
        count = self.held.pop(found, 0)
        return f"{count} alerts 0x{found[2]:04X} were held back" if count else ""

    def _which(self, octets: bytes) -> tuple[bytes, bytes, int] | None:
        if self.limit is None:
            return None
        try:
            message = parse_message(octets)
            if message.kind != "alert":
                return None
            header = message.header
            return bytes(header.business_originator_id), bytes(header.business_target_id), _code(message)
        except DecodeError:
            return None


def _code(message: Message) -> int:
    """The alert's code; 0 where it cannot be read."""
    payload = decode_named(message).get("payload")
    heads = (payload, payload.get("elements")) if isinstance(payload, dict) else ()
    found = (head[name] for head in heads if isinstance(head, dict) for name in _NAMES if name in head)
    code = next(found, 0)
    return int(code, 16) if isinstance(code, str) else int(code)


def throttle_of(assumption: str) -> Throttle:
    """As ``A28`` says: "on" or "off"."""
    return Throttle(LIMIT if assumption == "on" else None, WINDOW, read_exclusions())
