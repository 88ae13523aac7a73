"""results.json: the run for machines, by the schema ``hil/data/results.schema.json``."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from hil.report.model import NOT_A_CERTIFICATE, RunView
from hil.report.register_counts import STRENGTHS, RegisterCounts, Tested
from hil.report.tested import RowResult, Test

FORMAT = 1


def results(view: RunView) -> dict[str, Any]:
    """The whole document as plain JSON values."""
    about = view.about
    surroundings = about.get("volatile", {})
    return {
        "format": FORMAT,
        "notice": NOT_A_CERTIFICATE,
        "run": {
            "started_at": _text(view.started_at),
            "finished_at": _text(view.finished_at),
            "finished": view.finished,
            "exit_code": int(view.code),
            "headline": view.headline,
            "arguments": surroundings.get("arguments", []),
            "retry": about.get("retry", 0),
            "minimum_tests": about.get("minimum_tests", 0),
            "time": str(about.get("time", {}).get("mode", "real")),
            "counts": view.counts,
            "bench_failures": view.failures,
        },
        "bench": {
            # Journals of earlier versions have it in the body itself.
            "version": surroundings.get("bench_version", about.get("bench_version", "")),
            "python": surroundings.get("python", ""),
            "platform": surroundings.get("platform", ""),
        },
        "rig": {**about.get("rig", {}), "path": surroundings.get("rig_path", "")},
        "key_set": {"fingerprint_sha256": view.key_fingerprint},
        "switches": about.get("switches", {}),
        "users": about.get("users", {}),
        "devices": {name: _device(view, name, body) for name, body in about.get("devices", {}).items()},
        "tests": [_test(test) for test in view.tests],
        "coverage": [_row(row) for row in view.rows],
        "register": _register(view.register),
        "capture": _capture(view.capture),
        "journal": {
            "records": view.chain.records,
            "head_sha256": view.chain.head,
            "chain_holds": view.chain.ok,
            "closed": view.chain.closed,
            "problem": view.chain.problem,
        },
    }


def render(view: RunView) -> str:
    """The document as text."""
    return json.dumps(results(view), indent=2, ensure_ascii=False) + "\n"


def _device(view: RunView, name: str, declared: dict[str, Any]) -> dict[str, Any]:
    return {
        "declared": declared,
        "at_start": view.identities.get("start", {}).get(name),
        "at_end": view.identities.get("end", {}).get(name),
    }


def _test(test: Test) -> dict[str, Any]:
    spec = test.spec
    return {
        "id": test.id,
        "suite": spec.get("suite", ""),
        "title": spec.get("title", ""),
        "verdict": str(test.outcome.verdict),
        "reason": test.outcome.reason,
        "skip_kind": str(test.outcome.skip_kind or ""),
        "finished": test.finished,
        "duration_s": round(test.duration_s, 3),
        "covers": spec.get("covers", []),
        "state": spec.get("state", ""),
        "devices": spec.get("devices", []),
        "leaves": spec.get("leaves", ""),
        "attempts": [
            {
                "number": attempt.number,
                "started_at": _text(attempt.started_at),
                "finished_at": _text(attempt.finished_at),
                "verdict": str(attempt.verdict),
                "reason": attempt.reason,
            }
            for attempt in test.attempts
        ],
        "findings": [_finding(body) for body in test.of_kind("finding")],
        "observed": [_finding(body) for body in test.of_kind("observed")],
    }


def _capture(capture: dict[str, Any]) -> dict[str, Any] | None:
    if not capture:
        return None
    return {
        "file": capture["file"],
        "messages": capture.get("messages"),
        "keys": capture.get("keys"),
        "keys_withheld": capture.get("keys_withheld", ""),
        "problem": capture.get("problem", ""),
        "layers": capture.get("layers"),
    }


def _finding(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "row": body.get("row", ""),
        "document": body.get("document", ""),
        "version": body.get("version"),
        "clause": body.get("clause"),
        "strength": body.get("strength", ""),
        "expected": body.get("expected", body.get("what", "")),
        "observed": body.get("observed", ""),
        "octets": body.get("octets", ""),
    }


def _row(row: RowResult) -> dict[str, Any]:
    return {
        "row": row.id,
        "document": row.row.get("document", ""),
        "version": row.row.get("version"),
        "clause": row.row.get("clause"),
        "title": row.row.get("title", ""),
        "strength": row.row.get("strength", ""),
        "result": row.result,
        "tests": [test.id for test in row.tests],
    }


def _register(counts: RegisterCounts) -> dict[str, Any]:
    return {
        "all": _tested(counts.of()),
        "spec_and_derived": _tested(counts.of("spec", "derived")),
        "topics": [
            {"topic": topic, "strength": strength, **_tested(cell)}
            for topic in counts.topics
            for strength in STRENGTHS
            if (cell := counts.cell(topic, strength)).rows
        ],
    }


def _tested(cell: Tested) -> dict[str, int]:
    return {"rows": cell.rows, "tested": cell.tested, "with_own_test": cell.own}


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds") if moment is not None else None
