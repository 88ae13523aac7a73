"""Messages between a PPMID and a gas meter: made by one, admitted by the other, and by nobody else."""

from __future__ import annotations

import pytest

from fixtures.emulated_devices import EUIS, DeviceBench
from protocols.gbcs.asn1.types import DeviceType
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.message import Message, build_message, parse_message
from protocols.gbcs.named.short import command_payload
from protocols.gbcs.protect import protected_octets
from protocols.ports import StimulusKind, StimulusOutcome
from rigs.emulated.join_log import JoinLogEntry

DIGITS = "73943333457189043313"
REFUSED_AUTHENTICATION, FAILED_OTHERWISE, NO_AUTHORITY = 0x8F3D, 0x8F53, 0x8F30


def paired(kind, partner, device_type, *, certificate=True):
    bench = DeviceBench(kind)
    made = bench.hierarchy.device(EUIS[partner]).ka.certificate if certificate else b""
    with bench.device.work():
        bench.device.join_log.put(JoinLogEntry(EUIS[partner], device_type, made))
    return bench


@pytest.fixture
def gsme():
    return paired("gsme", "ppmid", DeviceType.PPMID)


@pytest.fixture
def ppmid():
    return paired("ppmid", "gsme", DeviceType.GSME)


def asked(ppmid, kind=StimulusKind.BUTTON, argument="gas-emergency-credit"):
    """What the PPMID sends for a wish."""
    ppmid.sent.clear()
    assert ppmid.device.stimulus(kind, argument)[0] is StimulusOutcome.DONE
    (octets,) = ppmid.sent
    return octets


def shown(ppmid):
    return ppmid.device.stimulus(StimulusKind.DISPLAY)[1]


@pytest.mark.parametrize(
    ("kind", "argument", "code"),
    [
        (StimulusKind.BUTTON, "gas-emergency-credit", 0x0090),
        (StimulusKind.KEYPAD, f"gas:{DIGITS}", 0x009B),
    ],
)
def test_wish_and_answer(ppmid, gsme, kind, argument, code):
    octets = asked(ppmid, kind, argument)
    header = parse_message(octets).header
    assert (header.message_code, header.business_target_id) == (code, EUIS["gsme"])
    assert "METER ASKED" in shown(ppmid)
    gsme.device.handle(octets)
    (answer,) = gsme.sent
    response = parse_message(answer)
    assert response.kind == "response"
    assert not response.signature
    assert response.mac is not None
    ppmid.device.handle(answer)
    # Credit mode: no emergency credit is offered, and these digits are nobody's.
    assert "METER REFUSED" in shown(ppmid)


def test_answer_of_a_stranger_says_nothing(ppmid, gsme):
    gsme.device.handle(asked(ppmid))
    message = parse_message(gsme.sent[0])
    message.mac = bytes(12)
    ppmid.device.handle(build_message(message))
    assert "METER ASKED" in shown(ppmid)


def test_repeated_command_is_refused(ppmid, gsme):
    octets = asked(ppmid)
    gsme.device.handle(octets)
    gsme.sent.clear()
    gsme.device.handle(octets)
    assert [parse_message(each).kind for each in gsme.sent if parse_message(each).kind == "response"] == []
    assert FAILED_OTHERWISE in gsme.logged("security")
    gsme.device.handle(asked(ppmid))
    assert "response" in [parse_message(each).kind for each in gsme.sent]


def test_broken_mac_and_foreign_use_case_are_refused(ppmid, gsme):
    message = parse_message(asked(ppmid))
    gsme.device.handle(build_message(Message(message.header, message.payload, b"", bytes(12))))
    assert gsme.logged("security")[-1] == REFUSED_AUTHENTICATION
    # A read of the supplier's, protected as the PPMID's own.
    use_case = gsme.device.catalogue["GCS13a"]
    code = use_case.message_codes[0]
    header = GroupingHeader(CraFlag.COMMAND, 99, EUIS["ppmid"], EUIS["gsme"], code)
    secret = ppmid.device.agree(gsme.device.description.identities.ka.public)
    payload = command_payload(use_case, header, {})
    gsme.device.handle(protected_octets(Message(header, payload, None, None), mac_z=secret))
    assert gsme.logged("security")[-1] == NO_AUTHORITY
    assert not [each for each in map(parse_message, gsme.sent) if each.kind == "response"]


def test_partner_without_certificate_is_no_known_party(ppmid):
    gsme = paired("gsme", "ppmid", DeviceType.PPMID, certificate=False)
    gsme.device.handle(asked(ppmid))
    assert gsme.logged("security")[-1] == REFUSED_AUTHENTICATION


def test_supplier_has_no_authority_for_it(gsme):
    gsme.device.handle(gsme.command("PCS02", "supplier"))
    assert gsme.logged("security")[-1] == NO_AUTHORITY


def test_wish_without_a_gas_meter():
    bench = DeviceBench("ppmid")
    assert bench.device.stimulus(StimulusKind.BUTTON, "gas-emergency-credit")[0] is StimulusOutcome.REFUSED
    outcome, answer = bench.device.stimulus(StimulusKind.KEYPAD, "gas:12x")
    assert (outcome, answer) == (StimulusOutcome.REFUSED, "the keypad has digits only")
    assert bench.sent == []
