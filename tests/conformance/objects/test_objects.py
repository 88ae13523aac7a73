"""Every object that the register knows, read by an entitled party: a sweep over its object rows.

What has to be there is there and is read without an error. That values are those of the world, and that what is
written comes back, is asked by the suites of each topic. Rows that no use case reads are theirs alone.
"""

from __future__ import annotations

import re

import pytest

from hil.api import covers, leaves, needs, not_applicable
from hil.register import load_register
from protocols.gbcs.catalogue import load_catalogue

from ..credentials import read_holders
from ..least_values import least_values

pytestmark = [needs(state="commissioned"), leaves("nothing")]

_CATALOGUE = load_catalogue()
_CODES = frozenset(use_case.code for use_case in _CATALOGUE)
NOTHING_THERE = 0x8B  # NOT_FOUND of a gas query: no entry, calendar or price so far
_ROLES = ("supplier", "network_operator", "access_control_broker")
# Parts of SMETS section 5 that are about some meters only, by a word of the variant in the device file.
_VARIANTS = {"5.13": "twin", "5.17": "polyphase", "5.18": "polyphase", "5.19": "polyphase"}


def _reads(row):
    """The use cases that read the row's object."""
    named = re.findall(r"\b[A-Z]+\d+[a-z0-9]*\b", row.test_idea)
    known = (_CATALOGUE[code] for code in named if code in _CODES)
    return [each for each in known if not (each.critical or each.replay_protected or each.is_alert)]


def _cases():
    for row in load_register().values():
        if row.kind != "generated-object":
            continue
        for use_case in _reads(row):
            device = row.device.lower()
            if device in use_case.devices:
                marks = [covers(row.id), needs(devices=[device])]
                yield pytest.param(row, use_case.code, device, id=f"{row.id}-{use_case.code}", marks=marks)


def _places(row, code):
    """Names of the elements of the row's clause in the use case's answer; none where the tables name none."""
    if _CATALOGUE[code].payload_kind != "dlms":
        return set()
    clause = f"{row.document} {row.clause}"
    return {
        element.key
        for element in _CATALOGUE.dlms_message(code)
        for each in (element, *element.protected)
        if any(leaf.clause == clause for leaf in each.leaves)
    }


@pytest.mark.parametrize(("row", "code", "device"), _cases())
def test_object_is_read(bench, acb, check, row, code, device):
    use_case, node = _CATALOGUE[code], next(each for each in bench.devices.values() if each.type == device)
    variant = _VARIANTS.get(".".join(row.clause.split(".")[:2]), "")
    if variant not in node.device_file.variant:
        not_applicable(
            f"only a {variant} meter has it, and {node.name} is {node.device_file.variant or 'not'}"
        )
    entitled = [role for role in _ROLES if role in use_case.roles_on(device)]
    held, _ = read_holders(acb, node, *entitled)
    user = next(user for user in bench.users.values() if user.role in entitled and held[user.role].cells)
    response = user.request(
        code,
        node,
        values=least_values(use_case, user, node),
        message_code=use_case.message_codes[0],
        strict=False,
    )
    check.equal(row.id, "ok", response.mac, octets=response.octets)
    wanted = _places(row, code)
    fine = {0, NOTHING_THERE} if use_case.payload_kind == "gbz" else {0}
    failed = {
        name: status
        for name, status in response.statuses.items()
        if status not in fine and name in (wanted or {name})
    }
    check.that(
        row.id,
        not failed and not response.problem,
        expected=f"{', '.join(sorted(wanted)) or 'every item'} read without an error",
        observed=response.problem or failed or "read",
        octets=response.octets,
    )
