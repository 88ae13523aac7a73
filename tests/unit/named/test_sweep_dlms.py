"""Every use case in every form its tables allow: built from values, named again, and the same octets.

The forms are counted out rather than drawn: components absent, once and as often as they may be; lists of none,
one and several; every item failing alone and all together; every alternative answer. Values inside are plain,
since ``test_dlms_tables``, ``test_gbz`` and ``test_asn1`` draw those.
"""

from __future__ import annotations

import pytest

from protocols.dlms.access import AccessResult
from protocols.gbcs.header import CraFlag
from protocols.gbcs.named.dlms_leaves import type_form
from tests.named_sweep import CATALOGUE, SIZES, comes_back

LEAVES = {
    "boolean": True,
    "utc-time": "2026-11-22T12:00:00Z",
    "date-time": "2026-11-22T12:00:00Z",
    "date": "2026-11-22",
    "time": "12:00:00",
    "uint": 7,
    "any": {"unsigned": 1},
}
TEXTS = frozenset(("text", "visible-string", "utf8-string"))


def leaf(node):
    form = type_form(node.type)
    if node.fixed is not None:
        return node.fixed
    if form.base in LEAVES:
        return LEAVES[form.base]
    if form.base in TEXTS:
        return "x" * form.low
    if form.base in ("octet-string", "octets"):
        return "AB" * form.low
    if form.base == "bit-string":
        return "00" * ((form.low + 7) // 8)
    return "0" * form.low if form.base == "bits" else 1


def dlms_value(node, size, *, optional):
    """A value with lists of about ``size``."""
    form = type_form(node.type)
    if not node.of:
        return leaf(node)
    if form.base in ("array", "compact-array"):
        count = min(max(size, form.low), form.high)
        return [dlms_value(node.of[0], size, optional=optional) for _ in range(count)]
    members = [each for each in node.of if optional or not each.optional]
    return {each.key: dlms_value(each, size, optional=optional) for each in members}


def dlms_answer(element, size, *, optional):
    if element.protected:
        inside = ((each.key, each.answer) for each in element.protected)
        return {key: dlms_value(node, size, optional=optional) for key, node in inside}
    return None if element.answer is None else dlms_value(element.answer, size, optional=optional)


def dlms_codes():
    return [each for each in CATALOGUE if each.payload_kind == "dlms" and not each.is_alert]


@pytest.mark.parametrize("use_case", dlms_codes(), ids=lambda each: each.code)
def test_dlms_commands(use_case):
    table = CATALOGUE.dlms_message(use_case.code)
    optional = [each.key for each in table if each.optional]
    for size in SIZES:
        given = {
            each.key: None if each.given is None else dlms_value(each.given, size, optional=True)
            for each in table
            if each.optional or (each.given is not None and (not each.protected or each.given.of))
        }
        chosen = [
            set(),
            set(optional),
            *({key} for key in optional),
            *(set(optional) - {key} for key in optional),
        ]
        for there in chosen:
            elements = {key: value for key, value in given.items() if key not in optional or key in there}
            # Fixed values come back, too; one of the optional items there has to be.
            if elements or len(optional) < len(table):
                payload = {"elements": {key: value for key, value in elements.items() if value is not None}}
                comes_back(use_case.message_codes[0], CraFlag.COMMAND, "dlms", payload)


@pytest.mark.parametrize("use_case", dlms_codes(), ids=lambda each: each.code)
def test_dlms_responses(use_case):
    table = CATALOGUE.dlms_message(use_case.code)
    code = use_case.message_codes[0]
    for size in SIZES:
        for optional in (False, True):
            answers = {each.key: dlms_answer(each, size, optional=optional) for each in table}
            good = {key: value for key, value in answers.items() if value is not None}
            success = dict.fromkeys(answers, int(AccessResult.SUCCESS))
            comes_back(code, CraFlag.RESPONSE, "dlms", {"results": success, "elements": good})
            failures = [set(answers), *({key} for key in answers), *(set(answers) - {key} for key in answers)]
            for failing in failures if size == 1 else ():
                results = {
                    key: 0 if key not in failing else int(AccessResult.OTHER_REASON) for key in answers
                }
                elements = {key: value for key, value in good.items() if key not in failing}
                comes_back(code, CraFlag.RESPONSE, "dlms", {"results": results, "elements": elements})
    for result in AccessResult:
        if result:
            failed = {"results": dict.fromkeys(answers, int(result)), "elements": {}}
            comes_back(code, CraFlag.RESPONSE, "dlms", failed)


@pytest.mark.parametrize("code", sorted(int(code, 16) for code in CATALOGUE._dlms_alerts))
def test_dlms_alerts(code):
    for size in SIZES:
        for optional in (False, True):
            elements = {"AlertCode": 0x8F0A, "Timestamp": "2026-11-22T12:00:00Z"}
            for node in CATALOGUE.dlms_alert(code):
                elements[node.key] = dlms_value(node, size, optional=optional)
            comes_back(code, CraFlag.ALERT, "dlms", {"elements": elements})
