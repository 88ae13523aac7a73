"""Every gas use case in every form its tables allow (see ``test_sweep_dlms``)."""

from __future__ import annotations

import pytest

from protocols.gbcs import zcl
from protocols.gbcs.catalogue.zcl import Switch, zcl_tables
from protocols.gbcs.header import CraFlag
from protocols.gbcs.named.gbz_heads import head_of, head_values
from tests.named_sweep import CATALOGUE, SIZES, comes_back

KINDS = {CraFlag.COMMAND: "Command", CraFlag.RESPONSE: "Normal response", CraFlag.ALERT: "Pushed message"}

FIELDS = {"time": "2026-11-22T12:00:00Z", "date": "2026-11-22/7", "octets": "3132", "chars": "12"}


def shown(field, raw):
    return {0: "now", 1: "2000-01-01T00:00:01Z"}[raw] if field.type == "time" else raw


def gbz_fields(fields, row, number, size, outer=()):
    """Values of a command's fields, with lists of ``size`` and what announces them."""
    values = dict(outer)
    allowed = row.details if isinstance(row.details, dict) else {}
    announced = {}
    for field in fields:
        inner = (
            [each for case in field.cases.values() for each in case] if isinstance(field, Switch) else [field]
        )
        for each in inner:
            if each.entries is not None and each.count:
                announced[each.count] = (min(size, 1) << 4 | size) if each.product else size
    for field in fields:
        if isinstance(field, Switch):
            values |= gbz_fields(field.cases[values[field.name]], row, number, size, values)
        elif field.entries is not None:
            count = field.announced(values[field.count]) if field.count else size
            entries = [gbz_fields(field.entries, row, number, size) for _ in range(count)]
            values[field.name] = [entry.get("", entry) for entry in entries]
        elif allowed.get(field.name):
            first = allowed[field.name][number % len(allowed[field.name])]
            low, high = first if isinstance(first, list) else (first, first)
            wanted = announced.get(field.name, number) if low != high else low
            values[field.name] = shown(field, low if isinstance(low, str) else min(max(wanted, low), high))
        else:
            values[field.name] = announced.get(field.name, FIELDS.get(field.type, 1))
    return values


def attribute_values(row):
    values = {}
    for number, allowed in row.details.items():
        known = zcl_tables().attribute(row.cluster, int(number, 16))
        usual = "31" if known.data_type == zcl.DataType.OCTET_STRING else "1"
        text = known.data_type in (zcl.DataType.OCTET_STRING, zcl.DataType.CHARACTER_STRING)
        values[known.name] = usual if text else (allowed or [1])[0]
    return values


def gbz_component(row, number, size, sequence, counter):
    head = head_of(row.cluster, row.frame_control, row.command)
    values = head_values(head) | {"Transaction Sequence Number": sequence}
    if row.dated:
        values["From Date Time"] = "2026-11-22T12:00:00Z"
    if row.encrypted:
        values |= {"Additional Header Control": 0, "Additional Header Frame Counter": counter}
    if head.is_default_response:
        return values | {"Command Identifier": row.answers, "Status": 0}
    if head.command == zcl.READ_ATTRIBUTES and head.profile_wide:
        names = [zcl_tables().attribute(row.cluster, int(each, 16)).name for each in row.details]
        return values | {"Attributes": names}
    if head.attributes:
        return values | {"Attributes": attribute_values(row)}
    return values | gbz_fields(head.table.fields, row, number, size)


def instead(row, sequence, status):
    """The Default Response that may stand in a component's place."""
    head = head_of(row.cluster, row.default_frame_control, zcl.DEFAULT_RESPONSE)
    values = head_values(head) | {"Transaction Sequence Number": sequence}
    return values | {"Command Identifier": row.answers, "Status": status}


def gbz_payload(rows, size, *, most, status=None, failing=None):
    """Components of rows; those in ``failing`` (all without) answer with a status where there is one."""
    components, counter = [], 0
    for at, row in enumerate(rows):
        for number in range(min(row.most, max(row.least, 3)) if most else row.least):
            if status is not None and row.default_frame_control is not None and failing in (None, at):
                components.append(instead(row, len(components), status))
                continue
            components.append(gbz_component(row, number, size, len(components), counter))
            counter += row.encrypted
    return {"Components": components}


def with_counts(payload):
    """A tariff or calendar announces what it has."""
    parts = payload["Components"]

    def total(command, name):
        return sum(len(each[name]) for each in parts if each["Command"] == command)

    for each in parts:
        if each["Command"] == "Publish Calendar":
            each["Number of Seasons"] = total("Publish Seasons", "Season Entries")
            for plural in ("Week", "Day"):
                found = [part for part in parts if part["Command"] == f"Publish {plural} Profile"]
                each[f"Number of {plural} Profiles"] = len(found)
        if each["Command"] == "Publish Tariff Information":
            each["Number of Price Tiers in Use"] = total("Publish Price Matrix", "Price Matrix Entries")
            blocks = [part for part in parts if part["Command"] == "Publish Block Thresholds"]
            entries = [entry for part in blocks for entry in part["Block Threshold Entries"]]
            each["Number of Block Thresholds in Use"] = sum(
                len(entry["Block Thresholds"]) for entry in entries
            )
        if each["Command"] == "Consumer Top Up":
            each["Top Up Code"] = b"73943333457189043313".hex()
    return payload


def gbz_messages(flag):
    for use_case in CATALOGUE:
        rows = CATALOGUE.gbz_messages(use_case.code).get(KINDS[flag])
        if rows:
            yield pytest.param(use_case, rows, id=use_case.code)


@pytest.mark.parametrize(("use_case", "rows"), list(gbz_messages(CraFlag.COMMAND)))
def test_gbz_commands(use_case, rows):
    for most in (False, True):
        for size in SIZES:
            payload = with_counts(gbz_payload(rows, size, most=most))
            comes_back(use_case.message_codes[0], CraFlag.COMMAND, "gbz", payload)


@pytest.mark.parametrize(("use_case", "rows"), list(gbz_messages(CraFlag.RESPONSE)))
def test_gbz_responses(use_case, rows):
    code = use_case.message_codes[0]
    for most in (False, True):
        for size in SIZES:
            comes_back(code, CraFlag.RESPONSE, "gbz", gbz_payload(rows, size, most=most))
    for status in zcl.Status:
        failed = gbz_payload(rows, 1, most=False, status=int(status))
        comes_back(code, CraFlag.RESPONSE, "gbz", failed)
    for failing in range(len(rows)):
        partly = gbz_payload(rows, 1, most=False, status=int(zcl.Status.NOT_FOUND), failing=failing)
        comes_back(code, CraFlag.RESPONSE, "gbz", partly)


@pytest.mark.parametrize(("use_case", "rows"), list(gbz_messages(CraFlag.RESPONSE)))
def test_any_attribute_may_fail(use_case, rows):
    code = use_case.message_codes[0]
    for at, row in enumerate(rows):
        head = head_of(row.cluster, row.frame_control, row.command)
        for name in attribute_values(row) if head.attributes else ():
            payload = gbz_payload(rows, 1, most=False)
            payload["Components"][at]["Attributes"][name] = {"Status": int(zcl.Status.UNSUPPORTED_ATTRIBUTE)}
            comes_back(code, CraFlag.RESPONSE, "gbz", payload)


ALERT = {"Alert Code": 0x8F0A, "Time": "2026-11-22T12:00:00Z"}


@pytest.mark.parametrize(("use_case", "rows"), list(gbz_messages(CraFlag.ALERT)))
def test_gbz_alerts_with_components(use_case, rows):
    for size in SIZES:
        comes_back(
            use_case.message_codes[0], CraFlag.ALERT, "gbz", ALERT | gbz_payload(rows, size, most=True)
        )


@pytest.mark.parametrize(
    ("code", "more"),
    [
        (0x1000, {}),
        (0x1001, {}),
        (0x00CF, {"Alert Code": 0x8F72, "Firmware Hash": "AB" * 32}),
        (0x00F2, {"Other Information": 1}),
        *(
            (
                0x00CD,
                {"Alert Code": alert, "Message Code": 0x6B, "Originator Counter": 2**64 - 1, "Cluster": 0x700}
                | {"Frame Control": 9, "Command Identifier": 4},
            )
            for alert in (0x8F66, 0x8F67)
        ),
    ],
)
def test_gbz_alerts_without_components(code, more):
    comes_back(code, CraFlag.ALERT, "gbz", ALERT | more)
