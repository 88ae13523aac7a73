"""The message ladder of one attempt: who sent what to whom, in order, with everything decoded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hil.report.tested import Attempt, Event

# A message longer than this is cut in the report; the journal has all of it.
_HEX_LIMIT = 4096
_CONSOLE_LIMIT = 8000
_BAD = frozenset({"bad", "no_key"})


@dataclass(slots=True)
class Mark:
    """A small tag on a row; ``tone`` is good, bad, warn or plain."""

    text: str
    tone: str = "plain"


@dataclass(slots=True)
class Rung:
    """One row. ``start`` and ``end`` are lane numbers of an arrow, equal when there is none."""

    kind: str  # command, response, alert, raw, step, note, check, finding, observed, trouble
    at: str
    label: str
    start: int = -1
    end: int = -1
    through: int = -1  # lane of the hub that an arrow passes
    marks: list[Mark] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)
    values: Any = None
    octets: str = ""
    record: int = 0


@dataclass(slots=True)
class Section:
    """Rows of one phase; ``folded`` for what the harness does around the test."""

    title: str
    folded: bool
    rungs: list[Rung] = field(default_factory=list)


@dataclass(slots=True)
class Ladder:
    """Lanes by name, users first, then the hub, then devices; rows by phase; what consoles said, by node."""

    lanes: list[str]
    sections: list[Section]
    consoles: dict[str, str] = field(default_factory=dict)


_TITLES = {
    "prepare": "Reaching the state",
    "setup": "Fixtures",
    "call": "Test",
    "teardown": "Fixtures end",
    "restore": "Putting back",
}


def ladder_of(attempt: Attempt, devices: Mapping[str, Mapping[str, Any]]) -> Ladder:
    """Lay out an attempt; ``devices`` are those of ``run.started``, for the hub in the way."""
    lanes = _lanes(attempt.events, devices)
    sections: list[Section] = []
    shown: dict[str, int] = {}  # octets of messages by the record that shows them
    for event in attempt.events:
        rung = _rung(event, lanes, devices)
        _refer(rung, event, shown)
        if rung is None:
            continue
        title = _TITLES.get(event.phase, event.phase)
        if not sections or sections[-1].title != title:
            sections.append(Section(title, folded=event.phase != "call"))
        sections[-1].rungs.append(rung)
    return Ladder(lanes, sections, _consoles(attempt.events))


def _refer(rung: Rung | None, event: Event, shown: dict[str, int]) -> None:
    """Evidence that is a message of this ladder is named by its record instead of shown again."""
    if rung is None or not rung.octets:
        return
    octets = str(event.record.body.get("octets", "")).upper()
    if event.record.kind.startswith("message."):
        shown[octets] = event.record.seq
    elif octets in shown:
        rung.facts.append(("evidence", f"the message of record {shown[octets]}"))
        rung.octets = ""


def _consoles(events: Sequence[Event]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for record in (event.record for event in events if event.record.kind == "console"):
        texts[record.node] = texts.get(record.node, "") + str(record.body.get("text", ""))
    return {node: text[-_CONSOLE_LIMIT:] for node, text in texts.items()}


def _lanes(events: Sequence[Event], devices: Mapping[str, Mapping[str, Any]]) -> list[str]:
    users: list[str] = []
    hubs: list[str] = []
    others: list[str] = []
    for body in (event.record.body for event in events if event.record.kind.startswith("message.")):
        peer, device = str(body.get("peer", "")), str(body.get("device", ""))
        via = str(devices.get(device, {}).get("via", ""))
        _add(users, peer if peer not in devices else "")
        _add(hubs, via)
        _add(others, device)
    return [*users, *hubs, *(device for device in others if device not in hubs)]


def _add(names: list[str], name: str) -> None:
    if name and name not in names:
        names.append(name)


def _rung(event: Event, lanes: list[str], devices: Mapping[str, Mapping[str, Any]]) -> Rung | None:
    kind = event.record.kind
    if kind in {"message.sent", "message.received"}:
        rung = _message(event.record.body, lanes, devices, sent=kind == "message.sent")
    elif kind in {"check", "finding", "observed"}:
        rung = _check(kind, event.record.body)
    elif kind in _NOTES:
        rung = _NOTES[kind](event.record.node, event.record.body)
    elif kind.startswith(_HIDDEN):
        return None
    else:
        rung = _other(kind, event.record.node, event.record.body)
    rung.at = f"{event.offset_s:.3f}"
    rung.record = event.record.seq
    return rung


_HIDDEN = ("console", "test.", "journal.", "run.")


def _message(
    body: Mapping[str, Any], lanes: list[str], devices: Mapping[str, Mapping[str, Any]], *, sent: bool
) -> Rung:
    kind = str(body.get("message_kind") or ("command" if sent else "raw"))
    device, peer = str(body.get("device", "")), str(body.get("peer", ""))
    near = lanes.index(peer) if peer in lanes else 0
    far = lanes.index(device) if device in lanes else len(lanes) - 1
    via = str(devices.get(device, {}).get("via", ""))
    octets = str(body.get("octets", ""))
    rung = Rung(
        kind=kind,
        at="",
        label=_label(kind, body),
        start=near if sent else far,
        end=far if sent else near,
        through=lanes.index(via) if via in lanes and via != device else -1,
        marks=_marks(body, sent=sent),
        facts=_facts(body),
        values=body.get("values") or None,
        octets=octets[:_HEX_LIMIT],
    )
    if len(octets) > _HEX_LIMIT:
        rung.facts.append(
            ("octets", f"the first {_HEX_LIMIT // 2} of {len(octets) // 2}; the journal has all")
        )
    return rung


def _label(kind: str, body: Mapping[str, Any]) -> str:
    if kind == "alert" and body.get("alert_code") is not None:
        return f"alert {int(body['alert_code']):04X} {body.get('alert_name', '')}".strip()
    code = body.get("message_code")
    name = body.get("use_case") or (f"message code {code:04X}" if isinstance(code, int) else "octets")
    return f"{name} {body.get('title', '')}".strip() if kind == "command" else f"{name} {kind}"


def _marks(body: Mapping[str, Any], *, sent: bool) -> list[Mark]:
    marks = [Mark(f"fault: {fault}", "warn") for fault in body.get("faults", [])]
    for what in ("mac", "signature"):
        word = str(body.get(what, "none"))
        if word != "none":
            name = "MAC" if what == "mac" else what
            marks.append(Mark(name if sent else f"{name} {word}", _tone(word, sent=sent)))
    encrypted = [str(word) for word in body.get("encrypted", [])]
    if encrypted:
        marks.append(Mark("encrypted", "bad" if _BAD.intersection(encrypted) else "good"))
    marks.extend(Mark(word, "warn") for word in ("late", "duplicate") if body.get(word))
    if not sent and body.get("match") == 0 and body.get("message_kind") == "response":
        marks.append(Mark("unsolicited", "warn"))
    if any(body.get("values", {}).get("results") or ()) if isinstance(body.get("values"), dict) else False:
        marks.append(Mark("refused", "warn"))
    if body.get("problem"):
        marks.append(Mark(str(body["problem"]), "bad"))
    return marks


def _tone(word: str, *, sent: bool) -> str:
    if sent:
        return "plain"
    return "bad" if word in _BAD else "good"


def _facts(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    facts = [
        (label, str(body[key])) for key, label in _FACTS if body.get(key) is not None and body.get(key) != ""
    ]
    if isinstance(body.get("message_code"), int):
        facts.insert(0, ("message code", f"{body['message_code']:04X}"))
    return facts


_FACTS = (
    ("originator_counter", "counter"),
    ("business_originator_id", "from"),
    ("business_target_id", "to"),
    ("on_behalf_of", "on behalf of"),
    ("supplementary_remote_party_id", "supplementary remote party"),
    ("date_time", "date-time"),
)


def _check(kind: str, body: Mapping[str, Any]) -> Rung:
    if not body.get("row"):
        return Rung("observed", "", f"{body.get('what', '')}: {body.get('observed', '')}".strip(": "))
    words = {"check": "holds", "finding": "does not hold", "observed": "observed"}[kind]
    tone = {"check": "good", "finding": "bad", "observed": "warn"}[kind]
    facts = [("expected", str(body["expected"])), ("observed", str(body["observed"]))]
    clause = " ".join(str(body[key]) for key in ("document", "version", "clause") if body.get(key))
    marks = [Mark(words, tone), Mark(str(body.get("strength", "")))]
    label = f"{body['row']} ({clause})"
    octets = str(body.get("octets", ""))
    return Rung(kind, "", label, marks=marks, facts=facts, octets=octets[:_HEX_LIMIT])


def _step(_: str, body: Mapping[str, Any]) -> Rung:
    return Rung("step", "", str(body.get("title", "")))


def _state(_: str, body: Mapping[str, Any]) -> Rung:
    return Rung("note", "", f"{body.get('device', '')} is {body.get('state', '')}")


def _state_step(_: str, body: Mapping[str, Any]) -> Rung:
    return Rung("step", "", f"{body.get('step', '')} {body.get('device', '')}, towards {body.get('to', '')}")


def _restored(_: str, body: Mapping[str, Any]) -> Rung:
    return Rung("note", "", f"{body.get('what', '')} of {body.get('device', '')} put back")


def _probe(_: str, body: Mapping[str, Any]) -> Rung:
    alive = "alive" if body.get("alive") else "not proved alive"
    return Rung("note", "", f"the wire is {alive}: {body.get('how', '')}")


_NOTES = {
    "test.step": _step,
    "state.found": _state,
    "state.step": _state_step,
    "restore.done": _restored,
    "wire.probe": _probe,
}


def _other(kind: str, node: str, body: Mapping[str, Any]) -> Rung:
    """Any other record: its kind in words, its node, its body as it stands."""
    shown = {key: value for key, value in body.items() if key not in {"volatile", "octets"}}
    octets = str(body.get("octets", ""))
    trouble = "trouble" if kind.startswith("wire.") else "note"
    words = " ".join(filter(None, [kind.replace(".", " "), node, _short(shown.values())]))
    return Rung(trouble, "", words, values=shown or None, octets=octets[:_HEX_LIMIT])


def _short(values: Iterable[Any]) -> str:
    text = ", ".join(str(value) for value in values if isinstance(value, str | int | float) and value != "")
    return text if len(text) <= 120 else text[:117] + "..."
