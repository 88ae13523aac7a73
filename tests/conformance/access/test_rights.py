"""The rights of every use case: a sweep over the register's use case rows, on every device that has them.

Parties without the right get nothing, and nobody gets anything without the protection that the row names.
Parties with the right are answered, as far as the use case only reads; what the others change has tests of
its own in the other suites.
"""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs
from hil.exchange import Faults
from hil.register import load_register
from protocols.gbcs.catalogue import load_catalogue

from ..credentials import read_holders
from ..least_values import least_values
from ..reads import answer_so_far, read

pytestmark = [needs(state="commissioned"), leaves("nothing")]

_PREFIX = "GBCS-UC-"
_SENDERS = ("supplier", "network_operator", "access_control_broker")
_CATALOGUE = load_catalogue()


def _cases():
    """One for each row and each type of device that it is about."""
    for row in load_register().values():
        if row.kind == "generated-use-case":
            code = row.id.removeprefix(_PREFIX)
            for device in _CATALOGUE[code].devices:
                marks = [covers(row.id), needs(devices=[device])]
                yield pytest.param(row, code, device, id=f"{code}-{device}", marks=marks)


def _only_reads(code):
    use_case = _CATALOGUE[code]
    return use_case.critical is False and use_case.replay_protected is False


@pytest.mark.parametrize(("row", "code", "device"), _cases())
def test_rights(bench, acb, check, row, code, device):
    use_case, node = _CATALOGUE[code], next(each for each in bench.devices.values() if each.type == device)
    allowed = set(use_case.roles_on(device))
    users = {
        role: next((user for user in bench.users.values() if user.role == role), None) for role in _SENDERS
    }

    def send(role, **options):
        user = users[role]
        values = least_values(use_case, user, node)
        choice = {"message_code": use_case.message_codes[0], "strict": False}
        return user, user.send(code, node, values=values, **choice, **options)

    check.step("parties without the right, and commands without the protection")
    entitled = [role for role in _SENDERS if role in allowed and users[role] is not None]
    sent = [
        (f"from {role}", *send(role)) for role in _SENDERS if role not in allowed and users[role] is not None
    ]
    if entitled:
        sent.append(("with a wrong MAC", *send(entitled[0], faults=Faults(wrong_mac=True))))
    if entitled and use_case.critical:
        sent.append(("without signature", *send(entitled[0], faults=Faults(unsigned=True))))
    read(bench, node)
    for what, _, command in sent:
        answer = answer_so_far(bench, command)
        check.that(
            row.id,
            answer is None,
            expected=f"no response to {code} {what}",
            observed="no response" if answer is None else "a response",
            octets=command.octets,
        )
    if _only_reads(code):
        held, _ = read_holders(acb, node, *entitled)
        for role in (role for role in entitled if held[role].cells):
            _is_answered(check, row, code, *send(role))


def _is_answered(check, row, code, user, command):
    answer = user.expect_response(command)
    check.equal(row.id, "ok", answer.mac or answer.signature, octets=answer.octets)
