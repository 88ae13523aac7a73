"""Values of a payload by name, and how the items of a response went."""

from __future__ import annotations

import pytest

from protocols.gbcs.named.lookup import NoSuchValueError, find_value, find_values, matches, walk
from protocols.gbcs.named.statuses import statuses

DLMS = {
    "results": {"StandingCharge: valueCurrent": 0, "CurrencyUnit: valueCurrent": 1},
    "elements": {
        "StandingCharge: valueCurrent": 30,
        "StandingCharge: scal_unit_type": {"scale": -5, "unit": 254},
        "TariffSwitchingTable: currentWeeks": [{"monday": 1}, {"monday": 2}],
    },
}
GBZ = {
    "Components": [
        {"Command": "Publish Seasons", "Implementation Date/Time": "now", "Status": 0},
        {
            "Command": "Read Attributes Response",
            "Attributes": {"Divisor": 1, "Unit of Measure": {"Status": 134}},
        },
        {"Command": "Publish Seasons", "Implementation Date/Time": "never"},
        {"Command": "Default Response", "Command Identifier": 3, "Status": 133},
    ]
}


@pytest.mark.parametrize(
    ("payload", "name", "value"),
    [
        (DLMS, "elements/StandingCharge: valueCurrent", 30),
        (DLMS, "standingcharge: valuecurrent", 30),
        (DLMS, "valueCurrent", 30),  # the other of that name was not read; results are apart
        (DLMS, "results/CurrencyUnit: valueCurrent", 1),
        (DLMS, "results", DLMS["results"]),
        (DLMS, "scal_unit_type", {"scale": -5, "unit": 254}),
        (DLMS, "scale", -5),
        (DLMS, "currentWeeks", [{"monday": 1}, {"monday": 2}]),
        (DLMS, "TariffSwitchingTable: currentWeeks/1/monday", 2),
        (GBZ, "Components/2/Implementation Date/Time", "never"),
        (GBZ, "publish seasons[2]/implementation date/time", "never"),
        (GBZ, "Divisor", 1),
        (GBZ, "Attributes/Divisor", 1),
        (GBZ, "Read Attributes Response/Attributes/Divisor", 1),
        (GBZ, "Read Attributes Response[1]", GBZ["Components"][1]),
        (GBZ, "Command Identifier", 3),
        ({"commandAccepted": True}, "commandAccepted", True),
    ],
)
def test_names_that_lead_to_one_value(payload, name, value):
    assert find_value(payload, name) == value


@pytest.mark.parametrize(
    ("payload", "name", "told"),
    [
        (DLMS, "monday", "several values, name one: .*currentWeeks/0/monday, .*currentWeeks/1/monday"),
        (GBZ, "Publish Seasons/Implementation Date/Time", "several values"),
        (GBZ, "Divisr", "no value 'Divisr'; near: Divisor"),
        (DLMS, "StandingCharge: valueNext", "near: .*StandingCharge: valueCurrent"),
        (GBZ, "xyz", "there are: Components, Components/0"),
        ({}, "anything", "there are: none"),
    ],
)
def test_names_that_do_not(payload, name, told):
    with pytest.raises(NoSuchValueError, match=told):
        find_value(payload, name)


def test_all_of_a_name_in_order():
    assert find_values(DLMS, "monday") == [1, 2]
    assert find_values(GBZ, "Implementation Date/Time") == ["now", "never"]
    assert find_values(GBZ, "nothing") == []
    assert [place for place, _ in matches(GBZ, "Default Response/Status")] == ["Components/3/Status"]


def test_every_place_leads_to_its_value():
    for payload in (DLMS, GBZ):
        for place, alias, value in walk(payload):
            assert find_value(payload, place) == value
            assert not alias or find_value(payload, alias) == value


def test_statuses_of_each_kind():
    assert statuses(DLMS) == DLMS["results"]
    assert statuses(GBZ) == {
        "Components/0": 0,
        "Components/1/Attributes/Divisor": 0,
        "Components/1/Attributes/Unit of Measure": 134,
        "Components/2": 0,
        "Components/3": 133,
    }
    assert statuses({"commandAccepted": True}) == {}
    assert statuses({}) == {}
