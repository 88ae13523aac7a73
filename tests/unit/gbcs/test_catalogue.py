"""The catalogue against what the project relies on, and its rows against each other."""

from __future__ import annotations

import pytest

from protocols.errors import EncodeError
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.catalogue.elements import read_json, read_octets, read_one
from protocols.gbcs.catalogue.zcl import zcl_tables
from protocols.gbcs.header import CraFlag

ROLES = {
    "supplier",
    "network_operator",
    "access_control_broker",
    "transitional_cos",
    "load_controller",
    "wan_provider",
    "recovery",
    "root",
    "other",
    "han_device",
}
DEVICES = {"esme", "gsme", "chf", "gpf", "ppmid", "hcalcs", "sapc"}
# Use cases that the bench itself uses: none of their rows may have a gap.
OURS = """CCS01 CCS02 CCS06 CS02b CS03A1 CS03A2 CS03B CS03C CS06 CS07 ECS17b ECS27 ECS39a ECS52 ECS70
GCS13a GCS28 GCS38 GCS41""".split()  # noqa: SIM905  # reads as a list of names


@pytest.fixture(scope="module")
def cat():
    return load_catalogue()


def test_every_use_case_is_there_with_values_of_the_known_kinds(cat):
    assert len(cat) == len(list(cat)) == 229
    for use_case in cat:
        assert use_case.title
        assert use_case.payload_kind in {"dlms", "gbz", "asn1", None}
        assert set(use_case.roles) <= ROLES
        assert use_case.devices
        assert set(use_case.devices) <= DEVICES
        assert all(0 <= code <= 0xFFFF for code in use_case.message_codes)


@pytest.mark.parametrize("code", OURS)
def test_use_cases_of_the_bench_have_no_gaps(cat, code):
    use_case = cat[code]
    assert use_case.critical is not None
    assert use_case.replay_protected is not None
    assert use_case.roles
    assert use_case.message_codes


def test_some_rows_by_hand(cat):
    ecs27 = cat["ECS27"]
    assert (ecs27.message_codes, ecs27.message_type, ecs27.devices) == ([0x42], "SME.C.NC", ["esme"])
    assert ecs27.roles == ["supplier", "network_operator", "access_control_broker"]
    assert (ecs27.critical, ecs27.replay_protected, ecs27.encrypted) == (False, False, False)
    assert cat["ECS17b"].encrypted
    assert cat["ECS70"].critical
    assert [cat[code].replay_protected for code in ("CS02a", "CS02b", "CS06", "CS07", "GCS28")] == [
        False,
        True,
        True,
        False,
        True,
    ]
    assert set(cat["GCS13a"].devices) == {"gpf", "gsme"}


def test_message_codes_lead_to_use_cases(cat):
    assert cat.by_message_code(0x0062, CraFlag.COMMAND).code == "ECS70"
    assert cat.by_message_code(0x0062, CraFlag.RESPONSE).code == "ECS70"
    assert cat.by_message_code(0x0062, CraFlag.ALERT) is None
    assert cat.by_message_code(0x0107, CraFlag.COMMAND).code == "CS02b"
    assert cat.by_message_code(0x0018, CraFlag.ALERT).code == "CS14"
    assert cat.by_message_code(0x0018, CraFlag.COMMAND) is None
    assert cat.by_message_code(0x1000, CraFlag.ALERT) is None
    assert cat.by_message_code(0xFFFF, CraFlag.COMMAND) is None


def test_no_command_code_belongs_to_two_use_cases(cat):
    codes = [code for use_case in cat if not use_case.is_alert for code in use_case.message_codes]
    assert len(codes) == len(set(codes))


def test_alert_names(cat):
    assert cat.alert_message(0x1000) == "Generic Critical Alert"
    assert cat.alert_message(0x0018) == cat["CS14"].title
    assert cat.alert_message(0xFFFF) == ""
    assert "Trusted Source" in cat.alert_name(0x8F3D).title()
    assert cat.alert_name(0x8FFF) == "mandated alert"
    assert cat.alert_name(0x1234) == "unknown alert"
    assert len(cat._alerts) == 188


def test_unknown_use_cases_are_named(cat):
    with pytest.raises(EncodeError, match="ECS999"):
        cat["ECS999"]
    assert "ECS999" not in cat
    assert "ECS27" in cat


def test_elements_and_names(cat):
    elements = cat.dlms_elements("ECS70")
    assert [(each.class_id, each.is_method, each.number) for each in elements] == [
        (8, False, 9),
        (8, True, 5),
        (8, True, 4),
        (8, False, 2),
        (8, False, 4),
    ]
    assert cat.dlms_elements("GCS13a") == []
    assert cat.gbz_messages("GCS13a")["Command"][0].cluster == 0x0702
    clock = cat.cosem_object(8, bytes.fromhex("0000010000FF"))
    assert (clock.name, clock.attributes[2]) == ("Time", "time")
    assert cat.cosem_object(8, bytes(6)) is None
    assert zcl_tables().command(0x0705, 0x04, from_server=False).name == "Consumer Top Up"
    assert zcl_tables().command(0x0705, 0xFF, from_server=False) is None


def test_every_element_names_a_use_case_that_exists(cat):
    for code in cat._dlms_elements:
        assert cat[code].payload_kind == "dlms"
        assert cat.dlms_elements(code)
    for code in cat._gbz_elements:
        assert code in cat
        assert cat.gbz_messages(code)


@pytest.mark.parametrize("name", ["dlms_elements.json", "use_cases.json"])
def test_one_row_is_read_as_all_are(name):
    octets = read_octets(name)
    for key, row in read_json(name).items():
        assert read_one(octets, key) == row
    assert read_one(octets, "class") is None
