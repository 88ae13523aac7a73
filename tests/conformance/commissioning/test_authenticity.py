"""Commands that are not what they should be: nothing answers them, and nothing changes."""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs
from hil.exchange import Faults
from protocols.eui64 import Eui64
from protocols.gfi_line import encode_line
from protocols.ports import Frame, FrameKind

from .. import device_log as log
from ..keys import STRANGER, with_mac_of, with_values
from ..meters import both_meters, on
from ..reads import refused
from ..settings import set_clock, set_mpxn

pytestmark = needs(state="commissioned")

setters = pytest.mark.parametrize(
    ("meter", "row"),
    [
        on("esme", "GBCS-UC-ECS39a", rows=("GBCS-UC-ECS39a",)),
        on("gsme", "GBCS-UC-GCS41", rows=("GBCS-UC-GCS41",)),
    ],
    indirect=["meter"],
)
UNKNOWN_PARTY = Eui64("90-B3-D5-1F-30-7F-7F-7F")


@covers("GBCS-MAC-01", "GBCS-6.2.4-04")
@leaves("nothing")
@both_meters
def test_wrong_mac_is_met_with_silence(bench, supplier, meter, check):
    use_case, values = set_mpxn(meter)
    sent = supplier.send(use_case, meter, faults=Faults(wrong_mac=True), **values)
    refused(check, bench, sent, "GBCS-MAC-01", "GBCS-6.2.4-04")


@covers("GBCS-MAC-01", "GBCS-6.2.4-04")
@needs(devices=["chf"])
@leaves("restored")
def test_wrong_mac_adds_nothing_to_the_device_log(bench, acb, chf, check, nobody_removed):
    before = log.listed(acb, chf)
    sent = log.send_nobody(acb, chf, Faults(wrong_mac=True))
    refused(check, bench, sent, "GBCS-MAC-01", "GBCS-6.2.4-04")
    check.equal("GBCS-6.2.4-04", sorted(map(str, before)), sorted(map(str, log.listed(acb, chf))))


@covers("GBCS-6.2.4-02")
@leaves("nothing")
@both_meters
def test_mac_by_the_supplier_itself_is_refused(bench, supplier, meter, check):
    use_case, values = set_mpxn(meter)
    faults = Faults(tamper=lambda octets: with_mac_of(bench, supplier, octets))
    sent = supplier.send(use_case, meter, faults=faults, **values)
    refused(check, bench, sent, "GBCS-6.2.4-02")


@covers("GBCS-6.2.4-03")
@leaves("nothing")
@both_meters
@pytest.mark.parametrize("fault", ["unsigned", "signed-by-a-stranger", "changed-after-signing"])
def test_critical_command_needs_the_originators_signature(bench, acb, supplier, meter, check, fault):
    use_case, values = set_clock(bench, meter)
    _, others = set_clock(bench, meter, start_s=-7200)
    faults = {
        "unsigned": Faults(unsigned=True),
        "signed-by-a-stranger": Faults(wrong_signer=STRANGER),
        "changed-after-signing": Faults(
            tamper=lambda octets: with_values(bench, acb, octets, use_case, others)
        ),
    }[fault]
    sent = supplier.send(use_case, meter, faults=faults, **values)
    refused(check, bench, sent, "GBCS-6.2.4-03")


@covers("GBCS-6.2.4-05")
@needs(devices=["esme"])
@leaves("nothing")
def test_command_with_another_target_is_not_executed(bench, supplier, esme, check):
    """All is right but the target id, which MAC and signature include."""
    use_case, values = set_mpxn(esme)
    sent = supplier.send(use_case, esme, faults=Faults(target=log.NOBODY), **values)
    refused(check, bench, sent, "GBCS-6.2.4-05")


@covers("GBCS-MAC-01", "GBCS-6.2.4-05")
@needs(devices=["esme", "gsme"])
@leaves("nothing")
def test_command_for_another_device_is_not_executed(bench, supplier, esme, gsme, check):
    """The electricity meter's command reaches the gas meter, its target id altered on the way."""
    faults = Faults(tamper=lambda octets: octets.replace(bytes(esme.eui64), bytes(gsme.eui64), 1))
    use_case, values = set_mpxn(esme)
    sent = supplier.send(use_case, esme, faults=faults, **values)
    refused(check, bench, sent, "GBCS-MAC-01", "GBCS-6.2.4-05", seen_by=gsme)


@covers("GBCS-6.2.4-04")
@leaves("nothing")
@setters
def test_unknown_originator_is_met_with_silence(bench, supplier, meter, row, check):
    use_case, values = set_mpxn(meter)
    sent = supplier.send(use_case, meter, faults=Faults(originator=UNKNOWN_PARTY), **values)
    refused(check, bench, sent, row, "GBCS-6.2.4-04")


@leaves("nothing")
@setters
def test_network_operator_may_not_set_the_meter_point(bench, network_operator, meter, row, check):
    use_case, values = set_mpxn(meter)
    sent = network_operator.send(use_case, meter, **values)
    refused(check, bench, sent, row)


@covers("GBCS-RESP-01")
@needs(devices=["esme"], capabilities=["message.raw"])
@leaves("nothing")
def test_line_cut_in_mid_message_costs_that_message_only(bench, acb, esme, check):
    whole = acb.send("ECS52", esme)
    acb.expect_response(whole)
    line = encode_line(Frame(FrameKind.GBCS, whole.octets))
    # A line end is how this line form finds its feet again after octets were lost.
    bench.send_octets(esme, line[: len(line) // 2] + b"\r\n")
    sent = acb.send("ECS52", esme)
    response = acb.expect_response(sent)
    check.equal(
        "GBCS-RESP-01", sent.counter, response.message.header.originator_counter, octets=response.octets
    )
    check.equal("GBCS-RESP-01", "ok", response.mac, octets=response.octets)
