"""The object model: what of the catalogue a device has, with which type, default and access."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.generated_commands import GeneratedBench
from protocols.dlms.access import AccessResult
from protocols.dlms.axdr import (
    CompactArray,
    Data,
    Tag,
    array,
    double_long_unsigned,
    encode_data,
    long_unsigned,
    octet_string,
    parse_data,
    structure,
)
from protocols.dlms.date_time import NEVER, NOW
from protocols.dlms.description import TypeDescription
from protocols.errors import DecodeError
from protocols.gbcs.catalogue import load_catalogue
from rigs.emulated.objects.defaults import default_data
from rigs.emulated.objects.definition import Place, device_objects
from rigs.emulated.objects.faults import Faults
from rigs.emulated.objects.selection import in_window, select, window
from rigs.emulated.objects.typing import fits
from rigs.emulated.objects.zse import zse_objects

_DLMS = ("esme", "chf", "sapc")
_CATALOGUE = load_catalogue()


def _nodes():
    for code in _CATALOGUE.element_tables("dlms"):
        for element in _CATALOGUE.dlms_elements(code):
            for node in (element.given, element.answer):
                if node is not None and not node.type.startswith(("protected", "range")):
                    yield pytest.param(node, id=f"{code}-{element.key}")


def test_every_object_of_the_catalogue_is_on_a_device():
    there = {place[:2] for kind in _DLMS for place in device_objects(kind).members}
    assert {(class_id, obis) for class_id, obis, _names in _CATALOGUE.cosem_objects()} == there
    assert len(there) == 218


@pytest.mark.parametrize("kind", _DLMS)
def test_every_member_has_a_value_of_its_type(kind):
    bench = GeneratedBench(kind)
    for place, member in device_objects(kind).members.items():
        if place.is_method:
            assert bench.device.cosem.value(place._replace(is_method=False, number=99)) is None
            continue
        value = bench.device.cosem.value(place)
        assert value is not None, place
        assert member.node is None or fits(member.node, value), (place, value)
        assert parse_data(encode_data(value))[0] == value


@pytest.mark.parametrize("node", list({param.id: param for param in _nodes()}.values())[::7])
def test_defaults_fit_their_types(node):
    assert fits(node, default_data(node))


def test_access_is_by_role_and_use_case():
    member = device_objects("esme").members[Place(1, bytes.fromhex("0000000201FF"), 2)]
    assert "supplier" in member.readers
    assert not member.writers
    assert member.uses["ECS52"] == {"get"}
    clock = device_objects("esme").members[Place(8, bytes.fromhex("0000010000FF"), 4, is_method=True)]
    assert (clock.callers, clock.clause) == ({"supplier"}, clock.clause)
    assert clock.clause.startswith("SMETS")


def test_what_leaves_encrypted_is_read_through_protection_only():
    registers = device_objects("esme").members[Place(1, bytes.fromhex("00005E2C220A"), 2)]
    assert registers.uses == {"ECS17b": {"protected"}}
    assert not registers.readers
    assert "supplier" in registers.protected_readers


def test_a_definition_is_shared_and_an_idle_device_holds_no_values():
    first, second = GeneratedBench("esme"), GeneratedBench("esme")
    assert first.device.cosem.objects is second.device.cosem.objects
    assert zse_objects("gsme") is zse_objects("gsme")
    assert not first.storage.items("cosem")
    assert not GeneratedBench("gsme").storage.items("zcl")


def test_attributes_of_the_gas_devices_have_types():
    for kind in ("gsme", "gpf"):
        bench = GeneratedBench(kind)
        assert zse_objects(kind).attributes
        for place, attribute in zse_objects(kind).attributes.items():
            assert attribute.name
            assert attribute.readers
            bench.device.zcl.value(*place)


def test_an_overlay_stands_in_front_of_default_and_behaviour():
    device = GeneratedBench("esme").device
    place = Place(1, bytes.fromhex("0000000201FF"), 2)
    assert device.cosem.value(place) == octet_string(bytes.fromhex("01020304"))
    with device.work():
        device.cosem.put(place, octet_string(b"\xaa\xbb\xcc\xdd"))
        assert device.cosem.value(place) == octet_string(b"\xaa\xbb\xcc\xdd")
        device.cosem.forget(place)
    assert device.cosem.value(place) == octet_string(bytes.fromhex("01020304"))


# ---------------------------------------------------------------------- faults


def test_faults_count_accesses_within_a_message():
    faults = Faults()
    faults.refuse("0705>02#1", 0xC0)
    for _message in range(2):
        faults.begin()
        assert [faults.take("0705>02") for _ in range(3)] == [None, 0xC0, None]
    faults.repair("0705>02#1")
    faults.begin()
    assert [faults.take("0705>02") for _ in range(2)] == [None, None]


# ---------------------------------------------------------------------- selection


def _log(*times: int) -> Data:
    members = [TypeDescription(Tag.DOUBLE_LONG_UNSIGNED), TypeDescription(Tag.LONG_UNSIGNED)]
    items = [structure(double_long_unsigned(time), long_unsigned(at)) for at, time in enumerate(times)]
    return Data(Tag.COMPACT_ARRAY, CompactArray(TypeDescription(Tag.STRUCTURE, members), items))


def _times(value: Data) -> list[int]:
    return [item.value[0].value for item in value.value.items]


def _range(first: Data, last: Data) -> Data:
    return structure(structure(), first, last, array([]))


def test_range_includes_both_ends():
    chosen = select(_log(5, 10, 15, 20), 1, _range(double_long_unsigned(10), double_long_unsigned(15)))
    assert _times(chosen) == [10, 15]


def test_entries_count_from_one_and_zero_is_the_last():
    by = structure(double_long_unsigned(2), double_long_unsigned(0), long_unsigned(1), long_unsigned(0))
    assert _times(select(_log(5, 10, 15), 2, by)) == [10, 15]


def test_wildcard_dates_do_not_limit():
    assert window(NEVER, NOW) == (0, 0xFFFFFFFF)
    assert _times(in_window(_log(0, 0xFFFFFFFF), window(NEVER, NEVER))) == [0, 0xFFFFFFFF]


@pytest.mark.parametrize("bad", [None, array([]), structure(), _range(octet_string(b""), long_unsigned(1))])
def test_what_is_no_descriptor_is_refused(bad):
    with pytest.raises(DecodeError):
        select(_log(1), 1, bad)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(0, 0xFFFFFFFF), max_size=8), st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF)
)
def test_a_range_gives_what_lies_in_it(times, first, last):
    chosen = select(_log(*times), 1, _range(double_long_unsigned(first), double_long_unsigned(last)))
    assert _times(chosen) == [time for time in times if first <= time <= last]


# ---------------------------------------------------------------------- writing


def test_a_wrong_type_is_unmatched_and_changes_nothing():
    bench = GeneratedBench("esme")
    place = Place(1, bytes.fromhex("00005E2C220B"), 2)

    class Anybody:
        use_case = _CATALOGUE["ECS39a"]

    with bench.device.work():
        before = bench.storage.dump()
        assert bench.device.cosem.write(Anybody(), place, long_unsigned(1)) == AccessResult.TYPE_UNMATCHED
        assert bench.storage.dump() == before
