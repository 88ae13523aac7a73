"""Event and security logs of gas meter and proxy, and the proxy's copy of its meter's event log."""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs
from protocols.ports import StimulusKind

from ..alerts.logs import COPY, EVENT, SECURITY, codes
from ..alerts.stimuli import do

pytestmark = [
    needs(state="commissioned", devices=["gsme", "gpf"], capabilities=["gsme.stimulus"]),
    leaves("restored"),
]

REPORTED_S = 30.0  # a gas meter that wakes each second has told its proxy by then
EXCESS_FLOW = "flow=excess"


def happen(bench, gsme) -> None:
    do(gsme, StimulusKind.BUTTON, EXCESS_FLOW)
    bench.wait(REPORTED_S)


@covers("CHTS-4.6.3.8-OBJ", "SMETS-4.6.5.9-OBJ")
@pytest.mark.parametrize("role", ["supplier", "network_operator", "acb"])
def test_the_proxy_has_what_the_meter_has(bench, request, supplier, gsme, gpf, check, role):
    reader = request.getfixturevalue(role)
    before = codes(bench, supplier, gsme, EVENT)
    happen(bench, gsme)
    happen(bench, gsme)
    own = codes(bench, reader, gsme, EVENT)
    check.equal("SMETS-4.6.5.9-OBJ", 2, len(own) - len(before) if len(own) < 100 else 2)
    check.equal("SMETS-4.6.5.9-OBJ", own[-1:] * 2, own[-2:])
    check.equal("CHTS-4.6.3.8-OBJ", own, codes(bench, reader, gpf, COPY))


@covers("SMETS-4.5.3.8-OBJ", "GBCS-10.3.4-01", "CHTS-4.6.3.8-OBJ")
def test_a_command_that_clears_the_meters_log_clears_the_copy(bench, supplier, gsme, gpf, check):
    happen(bench, gsme)
    check.that(
        "CHTS-4.6.3.8-OBJ",
        bool(codes(bench, supplier, gpf, COPY)),
        expected="entries before it is cleared",
        observed="none",
    )
    supplier.request("CS11", gsme)
    check.equal("SMETS-4.5.3.8-OBJ", [], codes(bench, supplier, gsme, EVENT))
    check.equal("GBCS-10.3.4-01", [], codes(bench, supplier, gpf, COPY))
    happen(bench, gsme)
    own = codes(bench, supplier, gsme, EVENT)
    check.equal("SMETS-4.6.5.9-OBJ", 1, len(own))
    check.equal("CHTS-4.6.3.8-OBJ", own, codes(bench, supplier, gpf, COPY))


@covers("CHTS-4.5.4.2-OBJ", "CHTS-4.6.3.8-OBJ")
def test_clearing_the_proxys_own_log_leaves_the_copy(bench, supplier, gsme, gpf, check):
    happen(bench, gsme)
    before = codes(bench, supplier, gpf, COPY)
    cleared = supplier.request("CS11", gpf)
    check.equal("CHTS-4.5.4.2-OBJ", 1 << 3, cleared.find("Cleared Event Logs"), octets=cleared.octets)
    check.equal("CHTS-4.5.4.2-OBJ", [], codes(bench, supplier, gpf, EVENT))
    check.equal("CHTS-4.6.3.8-OBJ", before, codes(bench, supplier, gpf, COPY))


@covers("CHTS-4.6.3.11-OBJ", "SMETS-4.6.5.17-OBJ")
@pytest.mark.parametrize(("name", "row"), [("gpf", "CHTS-4.6.3.11-OBJ"), ("gsme", "SMETS-4.6.5.17-OBJ")])
def test_a_cleared_event_log_is_in_the_security_log(bench, request, supplier, check, name, row):
    device = request.getfixturevalue(name)
    before = codes(bench, supplier, device, SECURITY)
    supplier.request("CS11", device)
    check.equal(row, [*before, 0x8F52][-100:], codes(bench, supplier, device, SECURITY))
