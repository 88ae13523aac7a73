"""Every DLMS element table and alert: values drawn from the catalogue's types come back from their octets."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocols.dlms.access import AccessResult
from protocols.errors import DecodeError
from protocols.gbcs.header import CraFlag
from protocols.gbcs.message import Message
from protocols.gbcs.named import dlms, dlms_describe, dlms_time
from protocols.gbcs.named.dlms_leaves import TYPES, type_form
from tests.named_dlms import CATALOGUE, build, decode, flip, header

TABLED = sorted(CATALOGUE._dlms_elements)
ALERTS = sorted(int(code, 16) for code in CATALOGUE._dlms_alerts)
FEW = settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))


# Values that a node can have -------------------------------------------------------------------------------

HEX = {"octet-string", "octets"}
TIMES = {"date-time": dlms_time.date_time_text, "date": dlms_time.date_text, "time": dlms_time.time_text}
NUMBERS = {
    "integer": (-128, 127),
    "long": (-(2**15), 2**15 - 1),
    "double-long": (-(2**31), 2**31 - 1),
    "unsigned": (0, 255),
    "enum": (0, 255),
    "long-unsigned": (0, 2**16 - 1),
    "double-long-unsigned": (0, 2**32 - 1),
}


def hexadecimal(low, high):
    return st.binary(min_size=low, max_size=max(low, min(high, 40))).map(lambda octets: octets.hex().upper())


DATE_TIMES = st.tuples(
    st.sampled_from(["2026", "*"]),
    st.sampled_from(["01", "12", "*", "DB", "DE"]),
    st.sampled_from(["01", "31", "*", "L", "L2"]),
).map("-".join)
CLOCKS = st.sampled_from(["00:00:00", "23:59:59", "*:*:*", "12:30:00.50"])


def leaf_values(node):
    form = type_form(node.type)
    if node.fixed is not None:
        return st.just(node.fixed)
    if form.base in NUMBERS:
        return st.integers(*NUMBERS[form.base])
    characters = st.characters(min_codepoint=32, max_codepoint=255)
    found = {
        "boolean": st.booleans(),
        "octet-string": hexadecimal(form.low, form.high),
        "octets": hexadecimal(form.low, form.low),
        "bit-string": hexadecimal((form.low + 7) // 8, (form.low + 7) // 8),
        "bits": st.text("01", min_size=form.low, max_size=min(form.high, 40)),
        "uint": st.integers(0, 256 ** min(form.low, 8) - 1),
        "utc-time": st.integers(0, 2**32 - 1).map(dlms_time.utc_text),
        "date": DATE_TIMES,
        "time": CLOCKS,
        "date-time": st.one_of(
            st.sampled_from(["now", "*"]),
            st.tuples(DATE_TIMES, CLOCKS).map(lambda both: "T".join(both) + "Z"),
        ),
    }
    text = st.text(characters, min_size=form.low, max_size=min(form.high, 20))
    return found.get(form.base, text)


ANY = st.recursive(
    st.one_of(
        st.none(),
        st.builds(lambda number: {"long64-unsigned": number}, st.integers(0, 2**64 - 1)),
        st.builds(lambda number: {"long64": number}, st.integers(-(2**63), 2**63 - 1)),
        st.builds(lambda number: {"unsigned": number}, st.integers(0, 255)),
        st.builds(lambda state: {"boolean": state}, st.booleans()),
        st.builds(lambda text: {"octet-string": text}, hexadecimal(0, 40)),
        st.builds(lambda text: {"bits": text}, st.text("01", max_size=20)),
        st.builds(lambda text: {"utf8-string": text}, st.text(st.characters(codec="utf-8"), max_size=20)),
    ),
    lambda inside: st.builds(
        lambda name, items: {name: items},
        st.sampled_from(["structure", "array"]),
        st.lists(inside, max_size=3),
    ),
    max_leaves=5,
)


def node_values(node, *, optional):
    form = type_form(node.type)
    if form.base in TYPES or form.base in ("uint", "octets"):
        return leaf_values(node)
    if form.base in ("array", "compact-array"):
        # As long as the shortest: a compact array's inner arrays have one length.
        return st.lists(
            node_values(node.of[0], optional=optional), min_size=max(form.low, 1), max_size=max(form.low, 1)
        )
    if form.base == "any":
        return ANY
    members = [each for each in node.of if optional or not each.optional]
    return st.fixed_dictionaries({each.key: node_values(each, optional=optional) for each in members})


def command_values(table, *, optional):
    found = {}
    for element in table:
        given_node = element.given
        if given_node is None or (element.optional and not optional):
            continue
        if element.protected and not given_node.of:
            continue
        found[element.key] = node_values(given_node, optional=optional)
    return st.fixed_dictionaries(found)


def response_values(table, *, optional):
    found = {}
    for element in table:
        if element.protected:
            inside = {each.key: node_values(each.answer, optional=optional) for each in element.protected}
            found[element.key] = st.fixed_dictionaries(inside)
        elif element.answer is not None:
            found[element.key] = node_values(element.answer, optional=optional)
    return st.fixed_dictionaries(found)


# Every table -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", TABLED)
@given(data=st.data(), optional=st.booleans())
@FEW
def test_commands_of_every_table_come_back(code, data, optional):
    table = CATALOGUE.dlms_message(code)
    if not optional and not any(not each.optional for each in table):
        optional = True
    elements = data.draw(command_values(table, optional=optional))
    payload = build(code, {"elements": elements})
    assert decode(code, payload) == {"elements": elements}
    assert json.loads(json.dumps(elements)) == elements


@pytest.mark.parametrize("code", TABLED)
@given(data=st.data(), optional=st.booleans())
@FEW
def test_responses_of_every_table_come_back(code, data, optional):
    table = CATALOGUE.dlms_message(code)
    elements = data.draw(response_values(table, optional=optional))
    values = {"results": {each.key: 0 for each in table}, "elements": elements}
    payload = build(code, values, CraFlag.RESPONSE, encrypt=flip)
    assert decode(code, payload, CraFlag.RESPONSE, decrypt=flip) == values
    closed = decode(code, payload, CraFlag.RESPONSE)
    assert build(code, closed, CraFlag.RESPONSE) == payload


@pytest.mark.parametrize("code", TABLED)
@given(results=st.data())
@FEW
def test_failures_of_every_table_come_back(code, results):
    table = CATALOGUE.dlms_message(code)
    failures = st.sampled_from([int(each) for each in AccessResult if each])
    values = {"results": {each.key: results.draw(failures) for each in table}, "elements": {}}
    payload = build(code, values, CraFlag.RESPONSE)
    assert decode(code, payload, CraFlag.RESPONSE) == values


@pytest.mark.parametrize("message_code", ALERTS, ids=lambda code: f"{code:04X}")
@given(data=st.data(), optional=st.booleans())
@FEW
def test_alerts_of_every_code_come_back(message_code, data, optional):
    elements = {"AlertCode": 0x8F3E, "Timestamp": "2026-11-22T12:00:00Z"}
    for node in CATALOGUE.dlms_alert(message_code):
        if node.type == "ciphered":
            inside = {each.key: node_values(each, optional=optional) for each in node.of}
            elements[node.key] = data.draw(st.fixed_dictionaries(inside))
        else:
            elements[node.key] = data.draw(node_values(node, optional=optional))
    head = header(flag=CraFlag.ALERT, code=message_code)
    payload = dlms.build({"elements": elements}, head, None, encrypt=flip)
    assert dlms.decode(Message(head, payload, b"", None), None, flip) == {"elements": elements}


def test_tables_use_known_types_and_different_keys():
    for code in TABLED:
        table = CATALOGUE.dlms_message(code)
        keys = [each.key for each in table]
        assert len(set(keys)) == len(keys)
        for element in table:
            assert element.access in ("get", "set", "action", "select")
            for node in (element.given, element.answer):
                if node is not None:
                    check_node(node)


def check_node(node):
    base = type_form(node.type).base
    assert bool(node.of) is (base not in TYPES | {"any"}) or base == "protected"
    keys = [each.key for each in node.of]
    assert len(set(keys)) == len(keys)
    if not node.of and base != "protected":
        assert node.clause
        assert node.name
    for each in node.of:
        check_node(each)


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_payloads_are_refused_or_come_back(data):
    code = data.draw(st.sampled_from(TABLED))
    table = CATALOGUE.dlms_message(code)
    flag = data.draw(st.sampled_from([CraFlag.COMMAND, CraFlag.RESPONSE]))
    if flag is CraFlag.COMMAND:
        values = {"elements": data.draw(command_values(table, optional=True))}
    else:
        elements = data.draw(response_values(table, optional=True))
        values = {"results": {each.key: 0 for each in table}, "elements": elements}
    payload = bytearray(build(code, values, flag, encrypt=flip))
    for _ in range(data.draw(st.integers(1, 3))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(payload[: data.draw(st.integers(len(payload) - 5, len(payload)))])
    try:
        found = decode(code, damaged, flag)
    except DecodeError as error:
        assert 0 <= error.offset <= len(damaged)
        return
    assert build(code, json.loads(json.dumps(found)), flag, strict=False) == damaged
    message = Message(header(code, flag), damaged, None, None)
    assert dlms_describe.describe(message, CATALOGUE[code])


def units():
    return {
        leaf.name: (leaf.unit, leaf.inferred)
        for code in TABLED
        for element in CATALOGUE.dlms_elements(code)
        for node in (element.given, element.answer)
        if node is not None
        for leaf in single(node)
        if leaf.unit
    }


def single(node):
    return [leaf for each in node.of for leaf in single(each)] if node.of else [node]


def test_units_are_those_of_the_registers():
    """Logs and limits have the units of what they log or limit, and say where that is our reading."""
    found = units()
    # Classes 4 and 3 say these beside their values (scaler and unit); a profile captures them.
    assert found["ProfileDataLog(Export): logEntries[1..4464].logEntry.activeEnergyExportedValue"] == (
        "Wh",
        ["unit"],
    )
    reactive = "ProfileDataLog(ReactiveImport): logEntries[1..4464].logEntry.reactiveEnergyImportedValue"
    assert found[reactive] == ("varh", ["unit"])
    assert found["LoadLimitPowerThreshold: thresholdNext"] == ("W", ["unit"])
    assert found["RMSVoltageSagThreshold: threshold"] == ("V", ["unit"])
    assert found["PrepaymentBalanceCollection: MeterBalance"] == ("currency unit / 100000", ["unit"])
    assert found["AuxiliaryLoadControlSwitch[1]: activationDuration"] == ("min", [])
    known = {"V", "W", "Wh", "varh", "s", "min", "% / 100"}
    money = {"currency unit / 100000", "currency unit per day", "currency unit per kWh"}
    assert {unit for unit, _ in found.values()} == known | money
