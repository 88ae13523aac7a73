from __future__ import annotations

from dataclasses import replace

import pytest

from protocols.eui64 import Eui64
from protocols.zigbee.cbke.credentials import Credentials
from protocols.zigbee.cbke.messages import Initiate, Status
from protocols.zigbee.cbke.suites import SUITE_1, SUITE_2
from tests.unit.zigbee.cbke_pair import (
    HUB,
    ISSUER,
    METER,
    STANDARD,
    changed,
    device,
    issued,
    pair,
    refused,
    run,
)

BOTH = pytest.mark.parametrize("suite", [SUITE_1, SUITE_2], ids=["suite 1", "suite 2"])


def test_an_issuer_nobody_knows():
    refused(
        pair(meter=device(METER, issued(METER, issuer=Eui64(bytes(8))))),
        HUB,
        Status.UNKNOWN_ISSUER,
        "issued by 00-00-00-00-00-00-00-00, known is 11-12",
    )


def test_an_issuer_only_the_responder_has():
    hub = device(HUB, issued(HUB, issuer=Eui64(bytes(8))))
    made = pair(hub=hub)
    run(made)
    assert made.failures(HUB)[0].status is Status.UNKNOWN_ISSUER


@BOTH
def test_another_authority_under_the_same_name(suite):
    refused(
        pair(
            hub=device(HUB, STANDARD[HUB, suite.number]),
            meter=device(METER, issued(METER, suite, seed=b"other")),
        ),
        HUB,
        Status.BAD_KEY_CONFIRM,
        "MACU is wrong",
    )


def test_a_private_key_of_another_certificate():
    own, other = STANDARD[METER, 2], STANDARD[HUB, 2]
    wrong = Credentials(own.certificate_octets, other.private_key_octets, own.authority_octets)
    refused(pair(meter=device(METER, wrong)), HUB, Status.BAD_KEY_CONFIRM, "MACU is wrong")


def test_a_certificate_of_another_device():
    refused(pair(meter=device(METER, issued(ISSUER))), HUB, Status.INVALID_CERTIFICATE, f"came from {METER}")


def test_a_certificate_of_another_device_at_the_responder():
    refused(pair(hub=device(HUB, issued(ISSUER))), METER, Status.INVALID_CERTIFICATE, f"came from {HUB}")


def test_a_certificate_that_does_not_allow_key_agreement():
    refused(
        pair(meter=device(METER, issued(METER, key_usage=0x80))),
        HUB,
        Status.INVALID_CERTIFICATE,
        "key usage 80",
    )


def test_a_certificate_out_of_its_time():
    expired = issued(METER, valid_from=1000, valid_for=10)
    hub = device(HUB, utc_offset=2000.0)
    refused(pair(hub=hub, meter=device(METER, expired)), HUB, Status.INVALID_CERTIFICATE, "valid until 1010")
    # A device without a clock cannot know.
    assert len(run(pair(meter=device(METER, expired))).link_keys()) == 2


def test_a_suite_without_certificate():
    refused(pair(hub=device(HUB, STANDARD[HUB, 1])), HUB, Status.UNSUPPORTED_SUITE, "no certificate")


@pytest.mark.parametrize(
    ("bits", "status"),
    [
        (0x0000, Status.BAD_MESSAGE),
        (0x0003, Status.BAD_MESSAGE),
        (0x0004, Status.UNSUPPORTED_SUITE),
        (0x0080, Status.UNSUPPORTED_SUITE),
    ],
)
def test_suite_fields_that_are_no_suite(bits, status):
    payload = Initiate(bits, 1, 1, STANDARD[METER, 2].certificate_octets).build()
    refused(pair(changed(0, payload=payload)), HUB, status, f"{bits:04X}")


def test_an_answer_in_another_suite():
    payload = Initiate(1, 1, 1, STANDARD[HUB, 1].certificate_octets).build()
    refused(pair(changed(1, payload=payload)), METER, Status.BAD_MESSAGE, "0001 answers a request for 0002")


@pytest.mark.parametrize("times", [(255, 0), (0, 255)])
def test_invalid_generate_times(times):
    payload = Initiate(2, *times, STANDARD[METER, 2].certificate_octets).build()
    refused(pair(changed(0, payload=payload)), HUB, Status.BAD_MESSAGE, "255 s")


@pytest.mark.parametrize("number", range(2, 6))
def test_truncated_messages(number):
    cut = pair(
        lambda index, packet: [replace(packet, payload=packet.payload[:-1])] if index == number else [packet]
    )
    run(cut)
    receiver = HUB if number % 2 == 0 else METER
    assert cut.failures(receiver)[0].status is Status.BAD_MESSAGE
    assert receiver not in cut.link_keys()


@pytest.mark.parametrize("number", [2, 3])
def test_ephemeral_data_that_is_no_point(number):
    made = pair(changed(number, payload=b"\x02" + bytes(36)))
    refused(made, HUB if number == 2 else METER, Status.BAD_MESSAGE, "ephemeral_data")


def test_ephemeral_data_of_the_other_suite():
    made = pair(changed(2, payload=b"\x02" + bytes(21)))
    refused(made, HUB, Status.BAD_MESSAGE, "37 octets, not 22")


def test_a_point_in_the_certificate_that_is_none():
    octets = STANDARD[METER, 2].certificate_octets[:37] + b"\x02" + bytes(36)
    made = pair(changed(0, payload=Initiate(2, 1, 1, octets).build()))
    refused(made, HUB, Status.INVALID_CERTIFICATE, "certificate.point")
