"""A PPMID and a gas meter: GBCS messages of their own, which nobody else can make (PCS01, PCS02)."""

from __future__ import annotations

import pytest

from hil.api import covers, inconclusive, leaves, needs
from hil.exchange import Faults
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.crypto import compute_mac, shared_secret
from protocols.gbcs.gbz import parse_gbz
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.keystore import KeyUse
from protocols.gbcs.message import Message, build_message, parse_message
from protocols.gbcs.named.short import command_payload
from protocols.ports import StimulusKind, StimulusOutcome

from ..commissioning import joining as join

pytestmark = needs(
    state="prepayment",
    devices=["gsme", "ppmid"],
    capabilities=["gsme.stimulus", "ppmid.stimulus", "chf.han.watch"],
)

TUNNELLING = 0x0704
TOP_UP, EMERGENCY_CREDIT = 0x009B, 0x0090
PENCE, PENNY = 300, 1_000
# The gas meter fetches its messages when it wakes, and the answer goes the same way back.
ROUND_S = 90.0
FAR_AHEAD = 1 << 40
AT_A_PPMID = 2  # originating device


@pytest.fixture
def paired(bench, acb, supplier, gsme, ppmid):
    """Gas meter and PPMID, each with the other's key agreement certificate."""
    values = join.other(ppmid, other_device_certificate=join.certificate(bench, ppmid))
    supplier.request("CS03C", gsme, **values)
    values = join.other(gsme, other_device_certificate=join.certificate(bench, gsme))
    acb.request("CS03C", ppmid, on_behalf_of=supplier, **values)
    return gsme


def credit(supplier, gsme):
    """Credit Remaining, in thousandths of a penny."""
    return supplier.request("GCS14", gsme).find("Credit Remaining")


def do(ppmid, kind, argument):
    """What a consumer does at the PPMID, for gas."""
    result = ppmid.stimulus.apply(kind, argument)
    if result.outcome is not StimulusOutcome.DONE:
        inconclusive(f"{argument} at {ppmid.name}: {result.answer}")


def shown(ppmid):
    """The PPMID's display."""
    return ppmid.stimulus.apply(StimulusKind.DISPLAY).answer


def between(bench, mark, code):
    """Messages with a message code that were in tunnels, each once: (from, to) of the frame, message."""
    found = {}
    for seen in bench.han.zcl(TUNNELLING, since=mark):
        if seen.gbcs and (message := parse_message(seen.gbcs)).header.message_code == code:
            found.setdefault((seen.source, seen.destination), message)
    return found


@covers("GBCS-14.7-01", "GBCS-PPMID-SEC")
@leaves("restored")
def test_top_up_goes_to_the_gas_meter_protected(bench, supplier, gpf, paired, ppmid, check):
    before, mark = credit(supplier, paired), bench.han.mark()
    do(ppmid, StimulusKind.KEYPAD, f"gas:{supplier.top_up(paired, PENCE).utrn}")
    bench.wait(ROUND_S)
    seen = between(bench, mark, TOP_UP)
    on_its_way = [seen.get((ppmid.eui64, gpf.eui64)), seen.get((gpf.eui64, paired.eui64))]
    assert all(on_its_way), f"PCS01 was seen only from {[str(each) for each, _ in seen]}"
    for message in on_its_way:
        header = message.header
        parties = header.business_originator_id, header.business_target_id
        for row in ("GBCS-14.7-01", "GBCS-PPMID-SEC"):
            check.equal(row, (ppmid.eui64, paired.eui64), parties, octets=build_message(message))
        check.that(
            "GBCS-PPMID-SEC",
            message.mac is not None and not message.signature,
            expected="a MAC and no signature",
            observed=f"MAC {message.mac}, signature {message.signature}",
            octets=build_message(message),
        )
        (component,) = parse_gbz(message.payload).components
        check.equal("GBCS-14.7-01", AT_A_PPMID, component.payload[0], octets=build_message(message))
    check.equal("GBCS-14.7-01", before + PENCE * PENNY, credit(supplier, paired))
    check.that("GBCS-14.7-01", "DONE" in shown(ppmid), expected="done", observed=shown(ppmid))


@covers("GBCS-14.7-01")
@leaves("restored")
def test_same_top_up_counts_once_by_whichever_way(bench, supplier, paired, ppmid, check):
    before, token = credit(supplier, paired), supplier.top_up(paired, PENCE)
    for _ in range(2):
        do(ppmid, StimulusKind.KEYPAD, f"gas:{token.utrn}")
        bench.wait(ROUND_S)
    check.that("GBCS-14.7-01", "REFUSED" in shown(ppmid), expected="refused", observed=shown(ppmid))
    check.equal("GBCS-14.7-01", before + PENCE * PENNY, credit(supplier, paired))


@covers("GBCS-PPMID-SEC")
@leaves("restored")
@pytest.mark.parametrize("form", ["of the supplier", "in the name of the PPMID"])
def test_nobody_else_can_make_such_a_message(bench, acb, supplier, paired, ppmid, check, form):
    """Both are protected with the MAC key of the Access Control Broker, as all that comes by the WAN."""
    before, token = credit(supplier, paired), supplier.top_up(paired, PENCE)
    originator = supplier if form == "of the supplier" else ppmid
    use_case = load_catalogue()["PCS01"]
    header = GroupingHeader(CraFlag.COMMAND, FAR_AHEAD, originator.eui64, paired.eui64, TOP_UP)
    payload = command_payload(use_case, header, {"Top Up Code": token.utrn.encode().hex()})
    message = Message(header, payload, b"", bytes(12))
    keystore = bench.keys.keystore
    private, public = keystore.private(acb.eui64, KeyUse.KA), keystore.public(paired.eui64, KeyUse.KA)
    message.mac = compute_mac(shared_secret(private, public), message)
    sent = supplier.send("GCS14", paired, faults=Faults(tamper=lambda _: build_message(message)))
    bench.wait(ROUND_S)
    supplier.expect_silence(sent, 1.0)
    check.equal("GBCS-PPMID-SEC", before, credit(supplier, paired), octets=build_message(message))
