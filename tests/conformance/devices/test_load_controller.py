"""The load controller: what it alone may limit, what becomes of a limit, and its credentials."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hil.api import covers, leaves, needs
from protocols.eui64 import Eui64
from protocols.gbcs.asn1.credentials import TrustAnchorCell
from protocols.gbcs.asn1.types import KeyUsage, RemotePartyRole

from .. import credentials as cred
from ..meters import on
from ..reads import raised, refused
from .controllers import COMMAND, FULL, INPUT, ON, OUTPUT, limit_values, output, set_level, states

pytestmark = [needs(state="commissioned"), leaves("restored")]

PROCESSED, ENDED, DATED_UPDATE = 0x0121, 0x0122, 0x0124
NO_AUTHORITY = 0x8F30
BY_LOAD_CONTROLLER, BY_SUPPLIER = 10, 11
MINUTES = timedelta(minutes=1)
_ROLE = RemotePartyRole.LOAD_CONTROLLER
_BROKER = TrustAnchorCell(RemotePartyRole.ACCESS_CONTROL_BROKER, KeyUsage.KEY_AGREEMENT)


def both(esme, sapc):
    sets = [on(name, rows, rows=rows) for name, rows in (("esme", esme), ("sapc", sapc))]
    return pytest.mark.parametrize(("device", "rows"), sets, indirect=["device"])


def _hour(bench):
    now = bench.clock.now()
    return now, now + 60 * MINUTES


@covers("GBCS-ALC-07")
@both(
    ("SMETS-5.29.1.1-OBJ", "GBCS-EV-8F86", "GBCS-EV-8F87"),
    ("SMETS-9.5.2.16-OBJ", "GBCS-EV-8F86", "GBCS-EV-8F87"),
)
def test_a_limit_holds_until_its_end_and_is_told(bench, supplier, load_controller, device, check, rows):
    limited, processed, ended = rows
    now = bench.clock.now()
    set_level(supplier, device, 3, 80, (now, now + 600 * MINUTES))
    mark = bench.alerts.mark()
    response = load_controller.request("ECS47e", device, values=limit_values(3, 50, _hour(bench)))
    check.equal(limited, ("ok", [0, 0, 0]), (response.signature, list(response.statuses.values())))
    alert = raised(check, bench, device, [0x8F86], since=mark, row=processed)
    check.equal(processed, (PROCESSED, "ok"), (alert.message_code, alert.signature), octets=alert.octets)
    check.equal("GBCS-ALC-07", None, alert.message.mac, octets=alert.octets)
    check.equal(limited, 50, output(load_controller, device, 3))
    bench.wait(61 * 60)
    alert = raised(check, bench, device, [0x8F87], since=mark, row=ended)
    check.equal(ended, (ENDED, "ok"), (alert.message_code, alert.signature), octets=alert.octets)
    check.equal(limited, 80, output(load_controller, device, 3))
    set_level(supplier, device, 3, 0, (now - 2 * MINUTES, now - MINUTES))


@covers("GBCS-ALC-07")
@both(("GBCS-EV-8F87",), ("GBCS-EV-8F87",))
def test_a_limit_is_cancelled_by_one_that_is_over(bench, load_controller, device, check, rows):
    now = bench.clock.now()
    load_controller.request("ECS47e", device, values=limit_values(5, 20, _hour(bench), direction=INPUT))
    mark = bench.alerts.mark()
    past = (now - 2 * MINUTES, now - MINUTES)
    load_controller.request("ECS47e", device, values=limit_values(5, 20, past, direction=INPUT))
    alert = raised(check, bench, device, [0x8F87], since=mark, row=rows[0])
    check.equal(rows[0], (ENDED, "ok"), (alert.message_code, alert.signature), octets=alert.octets)
    bench.wait(61 * 60)
    again = [each.to for each in bench.alerts.since(alert.number) if each.alert_code == 0x8F87]
    check.equal("GBCS-ALC-07", [], again)


@covers("GBCS-ALC-06")
@both(("GBCS-EV-8F30",), ())
@pytest.mark.parametrize("role", ["supplier", "network_operator", "acb"])
def test_nobody_else_limits(bench, request, supplier, device, check, rows, role):
    user, before = request.getfixturevalue(role), states(supplier, device)
    mark = bench.alerts.mark()
    refused(
        check, bench, user.send("ECS47e", device, values=limit_values(1, 10, _hour(bench))), "GBCS-ALC-06"
    )
    check.equal("GBCS-ALC-06", before, states(supplier, device))
    for row in rows:
        alert = raised(check, bench, device, [NO_AUTHORITY], since=mark, row=row)
        check.equal(row, "ok", alert.signature, octets=alert.octets)


@covers("GBCS-ALC-06")
@both((), ())
@pytest.mark.parametrize("use_case", ["ECS47", "ECS46d", "ECS62"])
def test_state_and_calendar_are_the_suppliers(
    bench, supplier, load_controller, device, check, rows, use_case
):
    values = {
        "ECS47": {COMMAND: 1 << 8 | ON},
        "ECS46d": {
            "AuxiliaryControllerCalendar(SpecialDays): entries": [],
            "AuxiliaryControllerCalendar: nextEntries": [],
        },
        "ECS62": {f"BoostFunctionControl[{n}]: value": True for n in range(1, 6)},
    }[use_case]
    before = states(supplier, device)
    refused(check, bench, load_controller.send(use_case, device, values=values), "GBCS-ALC-06")
    check.equal("GBCS-ALC-06", before, states(supplier, device))
    assert not any(supplier.request(use_case, device, values=values).statuses.values())
    reset = {"ECS47": {COMMAND: 1 << 8 | 0x20}, "ECS62": dict.fromkeys(values, False)}.get(use_case)
    if reset:
        supplier.request(use_case, device, values=reset)


def _holders(reader, device):
    """Subject and key of each cell of the load controller's, by CS02f."""
    response = reader.request("CS02f", device, authorising_cell=_BROKER, roles=["load_controller"])
    (party,) = response.values["parties"]
    cells = party.get("cells") or ()
    return {
        (int(cell["key_usage"]), int(cell["cell_usage"])): (Eui64(cell["subject_id"]), bytes(cell["key_id"]))
        for cell in cells
    }


@covers("GBCS-13.10-01")
@both((), ())
@pytest.mark.parametrize("mode", [BY_LOAD_CONTROLLER, BY_SUPPLIER])
def test_load_controllers_cells_are_replaced(
    bench, users, acb, supplier, load_controller, device, check, rows, mode
):
    """By itself and by the supplier, and back."""
    other = users["second_load_controller"]
    row = "GBCS-13.10-01"
    check.equal(row, cred.expected_cells(bench, load_controller), _holders(acb, device))
    for before, after in ((load_controller, other), (other, load_controller)):
        sender = before if mode == BY_LOAD_CONTROLLER else supplier
        response = sender.request("CS02g", device, **cred.replacing(bench, after, mode=mode))
        check.equal(
            row, ("ok", [0, 0]), (response.signature, cred.statuses(response)), octets=response.octets
        )
        check.equal(row, cred.expected_cells(bench, after), _holders(acb, device))
        refused(check, bench, before.send("ECS61e", device), row)
        check.equal(row, "ok", after.request("ECS61e", device).mac)


@covers("GBCS-13.10-01")
@both((), ())
def test_a_dated_replacement_is_told_when_it_is_done(
    bench, acb, supplier, load_controller, device, check, rows
):
    row, mark = "GBCS-13.10-01", bench.alerts.mark()
    values = cred.replacing(bench, load_controller, mode=BY_SUPPLIER)
    when = bench.clock.now().replace(microsecond=0) + MINUTES
    supplier.request("CS02g", device, **values, execution_time=when)
    bench.wait(70)
    alert = raised(check, bench, device, [0x8F66], since=mark, row=row)
    check.equal(row, (DATED_UPDATE, "ok"), (alert.message_code, alert.signature), octets=alert.octets)
    check.equal(row, supplier.name, alert.to, octets=alert.octets)
    check.equal(row, cred.expected_cells(bench, load_controller), _holders(acb, device))


@covers("GBCS-ALC-06")
@both((), ())
def test_a_limit_never_raises_a_level(bench, supplier, load_controller, device, check, rows):
    load_controller.request("ECS47e", device, values=limit_values(2, FULL, _hour(bench), direction=OUTPUT))
    check.equal("GBCS-ALC-06", 0, output(supplier, device, 2))
