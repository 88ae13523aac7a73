"""A standalone proportional controller as a device with remote parties: logs, clock, identity, refusals."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hil.api import covers, leaves, needs
from protocols.ports import StimulusKind

from ..alerts.stimuli import do
from ..reads import raised, refused

pytestmark = [needs(state="commissioned", devices=["sapc"]), leaves("restored")]

NOT_SUPPORTED, NOT_SUPPORTED_FORM = 0x8F85, 0x0120
WINDOW = {"fromDateTime": "2020-01-01T00:00:00Z", "toDateTime": "2030-01-01T00:00:00Z"}
EVENT_LOG, SECURITY_LOG = "EventLog(incGPF): readLog", "SecurityLog(notCHF): readLog"


def _log(reader, sapc, code, element):
    return [each["logCode"] for each in reader.request(code, sapc, **WINDOW).named["elements"][element]]


@covers("GBCS-16-18", "GBCS-EV-8F85")
@pytest.mark.parametrize(
    ("role", "use_case"), [("supplier", "ECS17b"), ("acb", "ECS24"), ("supplier", "ECS44")]
)
def test_what_it_does_not_support_is_told_to_whoever_asked(bench, request, sapc, check, role, use_case):
    user, mark = request.getfixturevalue(role), bench.alerts.mark()
    sent = user.send(use_case, sapc)
    alert = raised(check, bench, sapc, [NOT_SUPPORTED], since=mark, row="GBCS-16-18")
    check.equal("GBCS-EV-8F85", (NOT_SUPPORTED_FORM, "ok"), (alert.message_code, alert.signature))
    check.equal("GBCS-16-18", (user.name, None), (alert.to, alert.message.mac), octets=alert.octets)
    refused(check, bench, sent, "GBCS-16-18")


@covers("SMETS-9.4.1-OBJ", "SMETS-9.5.2.13-OBJ")
def test_the_clock_is_set_within_its_window(bench, supplier, sapc, check):
    now = bench.clock.now().replace(microsecond=0)
    for first, last, reliable in ((-5, 5, True), (5, 10, False), (-5, 5, True)):
        start, end = now + timedelta(minutes=first), now + timedelta(minutes=last)
        response = supplier.request("ECS70", sapc, validity_start=start, validity_end=end)
        check.equal("SMETS-9.5.2.13-OBJ", reliable, not any(response.results), octets=response.octets)
        check.equal("SMETS-9.4.1-OBJ", "ok", response.signature, octets=response.octets)


@covers("SMETS-9.6.1.2-OBJ", "SMETS-9.6.1.3-OBJ", "SMETS-9.6.3.3-OBJ")
@pytest.mark.parametrize("role", ["supplier", "network_operator", "acb"])
def test_identity_is_read_by_each_of_its_readers(request, sapc, check, role):
    user = request.getfixturevalue(role)
    rows = ("SMETS-9.6.1.2-OBJ", "SMETS-9.6.1.3-OBJ")
    first, again = (user.request("ECS26m", sapc) for _ in range(2))
    for row in rows:
        check.equal(row, False, any(first.statuses.values()), octets=first.octets)
        check.equal(row, first.named["elements"], again.named["elements"])
    version = user.request("ECS52", sapc).values["firmware_version"]
    check.equal("SMETS-9.6.3.3-OBJ", sapc.device_file.firmware_version, bytes(version))


@covers("SMETS-9.5.2.4-OBJ")
def test_the_event_log_is_read_and_cleared(supplier, network_operator, sapc, check):
    supplier.request("ECS38", sapc, values={"RandomisedOffsetLimit: value": 0})
    for reader in (supplier, network_operator):
        check.equal("SMETS-9.5.2.4-OBJ", True, 0x8154 in _log(reader, sapc, "ECS35a", EVENT_LOG))
    supplier.request("ECS15a", sapc)
    check.equal("SMETS-9.5.2.4-OBJ", False, 0x8154 in _log(supplier, sapc, "ECS35a", EVENT_LOG))


@covers("SMETS-9.6.3.5-OBJ")
@needs(capabilities=["sapc.stimulus"])
def test_tampering_stands_in_the_security_log(supplier, network_operator, sapc, check):
    before = _log(supplier, sapc, "ECS35b", SECURITY_LOG).count(0x8F3F)
    do(sapc, StimulusKind.COVER_OPEN)
    for reader in (supplier, network_operator):
        check.equal("SMETS-9.6.3.5-OBJ", before + 1, _log(reader, sapc, "ECS35b", SECURITY_LOG).count(0x8F3F))
