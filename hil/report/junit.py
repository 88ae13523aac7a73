"""junit.xml: for continuous integration. What is not a pass never looks like one.

``fail`` is a <failure>; ``error``, ``inconclusive`` and ``flaky`` are <error> elements whose type says which;
a skip is <skipped>. The reason is the message, findings stand in the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from xml.etree import ElementTree as ET

from hil.report.model import RunView
from hil.report.tested import Test
from hil.verdicts import Verdict

# XML 1.0 cannot carry these, not even escaped.
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ELEMENTS = {
    Verdict.FAIL: "failure",
    Verdict.ERROR: "error",
    Verdict.INCONCLUSIVE: "error",
    Verdict.FLAKY: "error",
    Verdict.SKIPPED: "skipped",
}


def render(view: RunView) -> str:
    """The document as text, one suite for each file of tests."""
    root = ET.Element("testsuites", name="smets-hil")
    for name, tests in groupby(sorted(view.tests, key=_suite), key=_suite):
        root.append(_suite_element(name, list(tests), view.started_at))
    for attribute in ("tests", "failures", "errors", "skipped"):
        root.set(attribute, str(sum(int(suite.get(attribute, "0")) for suite in root)))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(test: Test) -> str:
    return str(test.spec.get("suite") or test.id.partition("::")[0])


def _suite_element(name: str, tests: Sequence[Test], started_at: datetime) -> ET.Element:
    elements = [_ELEMENTS.get(test.outcome.verdict, "") for test in tests]
    suite = ET.Element(
        "testsuite",
        name=_clean(name),
        tests=str(len(tests)),
        failures=str(elements.count("failure")),
        errors=str(elements.count("error")),
        skipped=str(elements.count("skipped")),
        time=f"{sum(test.duration_s for test in tests):.3f}",
        timestamp=started_at.isoformat(timespec="seconds"),
    )
    for test in tests:
        case = ET.SubElement(
            suite,
            "testcase",
            classname=_clean(name),
            name=_clean(test.name),
            time=f"{test.duration_s:.3f}",
        )
        element = _ELEMENTS.get(test.outcome.verdict)
        if element is not None:
            kind = str(test.outcome.skip_kind or test.outcome.verdict)
            child = ET.SubElement(case, element, type=kind, message=_clean(test.outcome.reason))
            child.text = _clean(_detail(test))
    return suite


def _detail(test: Test) -> str:
    lines = [
        f"{body['row']} ({body['document']} {body['version'] or ''} {body['clause'] or ''}, "
        f"{body['strength']}): expected {body['expected']}; observed {body['observed']}"
        for body in test.of_kind("finding")
    ]
    trace = test.attempts[-1].trace if test.attempts else ""
    return "\n".join([*lines, trace]).strip()


def _clean(text: str) -> str:
    return _NOT_IN_XML.sub("\ufffd", text)
