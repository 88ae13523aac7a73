"""Every use case of the catalogue is carried out by the device types that it names."""

from __future__ import annotations

import pytest

from fixtures.generated_commands import GeneratedBench, use_cases_of
from protocols.dlms.access import AccessResult, SpecKind, parse_access_request, parse_access_response
from protocols.dlms.axdr import Tag
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.gbz import parse_gbz
from protocols.gbcs.message import parse_message
from protocols.gbcs.zcl import DEFAULT_RESPONSE, Status, decode_attribute_records, decode_default_response
from rigs.emulated.objects.definition import Place

_CATALOGUE = load_catalogue()
_TYPES = ("esme", "gsme", "chf", "gpf", "ppmid", "hcalcs", "sapc")
_CASES = [
    pytest.param(kind, code, id=f"{kind}-{code}")
    for kind in _TYPES
    for code in use_cases_of(kind)
    if _CATALOGUE[code].payload_kind in {"dlms", "gbz"}
]
_BENCHES: dict[str, GeneratedBench] = {}
# Least values that mean something else: a clock without a window, tokens and numbers that are none.
# Emergency credit is not offered in credit mode.
_NOT_SUCCESSFUL = {
    "ECS70",
    "CS01a",
    "ECS39a",
    "ECS39b",
    "CCS01",
    "CCS02",
    "ECS09",
    "GCS06",
    "ECS47",
    "ECS47a",
    "ECS47e",
}


def _role(code: str) -> str:
    roles = _CATALOGUE[code].roles
    return "supplier" if "supplier" in roles else roles[0]


@pytest.mark.parametrize(("kind", "code"), _CASES)
def test_answered_in_the_form_of_the_catalogue(kind, code):
    bench = _BENCHES.setdefault(kind, GeneratedBench(kind))
    octets = bench.command(code, _role(code))
    response = bench.response(octets)
    assert response is not None, bench.device.events.entries("security")[-1:]
    command = parse_message(octets)
    assert response.header.message_code == command.header.message_code
    if _CATALOGUE[code].payload_kind == "dlms":
        _check_dlms(code, command.payload, response.payload)
    else:
        _check_gbz(code, command.payload, response.payload)


def _check_dlms(code: str, command: bytes, response: bytes) -> None:
    asked, answered = parse_access_request(command), parse_access_response(response)
    assert len(answered.results) == len(asked.specifications)
    for specification, (kind, result), data in zip(
        asked.specifications, answered.results, answered.data, strict=True
    ):
        wanted = specification.kind
        assert kind == (SpecKind.GET if wanted is SpecKind.GET_WITH_SELECTION else wanted)
        if code not in _NOT_SUCCESSFUL:
            assert result == AccessResult.SUCCESS, (code, specification, result)
        if result != AccessResult.SUCCESS or kind is SpecKind.SET:
            assert data.tag == Tag.NULL_DATA


def _check_gbz(code: str, command: bytes, response: bytes) -> None:
    asked, answered = parse_gbz(command).components, parse_gbz(response).components
    assert [each.sequence for each in asked] == sorted({each.sequence for each in answered})
    for each in answered:
        if not each.frame_control & 0x03 and each.command == DEFAULT_RESPONSE:
            _, status = decode_default_response(each.payload)
            assert status in {Status.SUCCESS, Status.NOT_FOUND} or code in _NOT_SUCCESSFUL
        elif not each.frame_control & 0x03 and not each.encrypted:
            for record in decode_attribute_records(each.payload):
                assert record.status in {Status.SUCCESS, Status.UNSUPPORTED_ATTRIBUTE}


# ---------------------------------------------------------------------- failures


def test_what_comes_after_a_fault_is_not_tried():
    bench = GeneratedBench("esme")
    names = [
        str(Place(each.class_id, each.obis, each.number, each.is_method))
        for each in _CATALOGUE.dlms_message("ECS27")
    ]
    bench.device.faults.refuse(names[2], AccessResult.HARDWARE_FAULT)
    response = bench.response(bench.command("ECS27", "supplier"))
    results = [result for _kind, result in parse_access_response(response.payload).results]
    assert results == [0, 0, AccessResult.HARDWARE_FAULT, 250, 250, 250]
    bench.device.faults.repair(names[2])
    response = bench.response(bench.command("ECS27", "supplier"))
    assert [result for _kind, result in parse_access_response(response.payload).results] == [0] * 6


def test_what_comes_after_a_gas_fault_is_not_tried():
    bench = GeneratedBench("gsme")
    bench.device.faults.refuse("0705>02#1", Status.HARDWARE_FAILURE)
    payload = bench.response(bench.command("GCS04", "supplier")).payload
    said = [decode_default_response(each.payload) for each in parse_gbz(payload).components]
    assert said[:2] == [(0x02, Status.SUCCESS), (0x02, Status.HARDWARE_FAILURE)]
    assert said[2:] == [(0xFF, Status.FAILURE)] * len(said[2:])


def test_a_broken_attribute_fails_alone_and_stops_the_next_component():
    bench = GeneratedBench("gsme")
    bench.device.faults.refuse("0000/0004", Status.HARDWARE_FAILURE)
    first, second = parse_gbz(bench.response(bench.command("GCS21m", "supplier")).payload).components
    assert [each.status for each in decode_attribute_records(first.payload)] == [Status.HARDWARE_FAILURE, 0]
    assert decode_default_response(second.payload) == (0xFF, Status.FAILURE)


def test_items_of_another_use_case_are_a_content_failure():
    bench = GeneratedBench("esme")
    party, use_case = bench.party("supplier"), _CATALOGUE["ECS52"]
    other = parse_message(bench.command("ECS26c", "supplier"))
    octets = bench.protect(use_case, party, use_case.message_codes[0], other.payload)
    before = bench.storage.dump()
    assert bench.response(octets) is None
    assert [entry.code for entry in bench.device.events.entries("security")] == [0x8F1E]
    changed = {key for key, value in bench.storage.dump().items() if before.get(key) != value}
    assert {section for section, _key in changed} <= {"log", "log.security", "device"}


def test_written_values_are_read_back():
    bench = GeneratedBench("esme")
    element = _CATALOGUE.dlms_message("ECS81")[0]
    assert bench.response(bench.command("ECS81", "supplier")) is not None
    place = Place(element.class_id, element.obis, element.number)
    assert bench.storage.get("cosem", place.key) is not None or element.is_method


def test_published_calendars_are_kept():
    bench = GeneratedBench("gsme")
    assert bench.response(bench.command("GCS01a", "supplier")) is not None
    assert bench.storage.get("zse", "0707<01") is not None
