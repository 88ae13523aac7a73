"""What answers look like: header, protection, encrypted readings, and who gets them."""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs

from ..meters import both_meters, on
from ..reads import by_role, refused
from ..settings import set_clock, set_mpxn

pytestmark = [needs(state="commissioned"), leaves("nothing")]

READERS = ("supplier", "network_operator", "access_control_broker")


def _mirrors(check, sent, response):
    command, answer = sent.message.header, response.message.header
    expected = (2, command.originator_counter, command.message_code)
    observed = (int(answer.cra_flag), answer.originator_counter, answer.message_code)
    check.equal("GBCS-RESP-01", expected, observed, octets=response.octets)
    check.equal(
        "GBCS-RESP-01",
        (command.business_target_id, command.business_originator_id),
        (answer.business_originator_id, answer.business_target_id),
        octets=response.octets,
    )


@covers("GBCS-RESP-01", "GBCS-MAC-01")
@pytest.mark.parametrize(
    ("device", "use_case", "role"),
    [
        on("esme", "ECS52", "supplier"),
        on("gsme", "GCS38", "supplier"),
        on("ppmid", "CS07", "access_control_broker"),
        on("chf", "CCS06", "access_control_broker"),
    ],
    indirect=["device"],
)
def test_response_to_a_read_mirrors_its_command(bench, device, use_case, role, check):
    user = by_role(bench, role)
    sent = user.send(use_case, device)
    response = user.expect_response(sent)
    _mirrors(check, sent, response)
    check.equal("GBCS-MAC-01", "ok", response.mac, octets=response.octets)


@covers("GBCS-RESP-01", "GBCS-SIG-01")
@both_meters
def test_response_to_a_critical_command_mirrors_it_and_is_signed(bench, supplier, meter, check):
    use_case, values = set_clock(bench, meter)
    sent = supplier.send(use_case, meter, **values)
    response = supplier.expect_response(sent)
    _mirrors(check, sent, response)
    check.equal("GBCS-SIG-01", "ok", response.signature, octets=response.octets)


def _version_reader(name, use_case, role, *rows):
    rows = (f"GBCS-UC-{use_case}", *rows)
    # A proxy knows of its meter what that has told it.
    others = ("gsme",) if name == "gpf" else ()
    return on(name, use_case, role, rows, rows=rows, others=others)


@covers("GBCS-FWREAD-01")
@pytest.mark.parametrize(
    ("device", "use_case", "role", "rows"),
    [
        *(_version_reader("esme", "ECS52", role, "SMETS-5.7.5.17-OBJ") for role in READERS),
        # A hub has no cells for suppliers or network operators.
        _version_reader("chf", "ECS52", "access_control_broker", "CHTS-4.6.3.4-OBJ"),
        *(_version_reader("gpf", "GCS38", role) for role in READERS),
        _version_reader("gsme", "GCS38", "supplier", "SMETS-4.6.5.10-OBJ"),
    ],
    indirect=["device"],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_firmware_version_is_read(bench, device, use_case, role, rows, check):
    response = by_role(bench, role).request(use_case, device)
    check.equal("GBCS-FWREAD-01", "ok", response.mac, octets=response.octets)
    for row in rows:
        check.equal(row, 4, len(response.values["firmware_version"]), octets=response.octets)


@covers("GBCS-UC-ECS27")
@needs(devices=["esme"])
@pytest.mark.parametrize("role", READERS)
def test_load_limit_data_are_read(bench, esme, role, check):
    response = by_role(bench, role).request("ECS27", esme)
    check.equal("GBCS-UC-ECS27", "ok", response.mac, octets=response.octets)
    check.that(
        "GBCS-UC-ECS27",
        not any(response.results),
        expected="success for every item",
        observed=response.results,
        octets=response.octets,
    )


@covers("GBCS-KDF-01")
@pytest.mark.parametrize("role", READERS[:2])
@pytest.mark.parametrize(
    ("device", "row"),
    [
        on("esme", "GBCS-UC-ECS17b", rows=("GBCS-UC-ECS17b",)),
        on("gpf", "GBCS-UC-GCS13a", rows=("GBCS-UC-GCS13a",)),
    ],
    indirect=["device"],
)
def test_readings_are_encrypted_for_their_reader(bench, device, row, role, check):
    response = by_role(bench, role).request(row.removeprefix("GBCS-UC-"), device)
    check.equal("GBCS-KDF-01", "ok", response.mac, octets=response.octets)
    check.that(
        row,
        response.values.get("decrypted"),
        expected="encrypted attributes that open with the reader's key",
        observed=response.values,
        octets=response.octets,
    )


@pytest.mark.parametrize(
    ("device", "row"),
    [
        on("esme", "GBCS-UC-ECS17b", rows=("GBCS-UC-ECS17b",)),
        on("gpf", "GBCS-UC-GCS13a", rows=("GBCS-UC-GCS13a",)),
    ],
    indirect=["device"],
)
def test_readings_are_not_for_the_broker(bench, acb, device, row, check):
    sent = acb.send(row.removeprefix("GBCS-UC-"), device)
    refused(check, bench, sent, row)


@covers("GBCS-TIME-03")
@needs(devices=["gpf"])
def test_gas_reading_says_how_good_its_time_is(supplier, gpf, check):
    response = supplier.request("GCS13a", gpf)
    stamp = response.message.header.date_time
    check.equal("GBCS-TIME-03", 12, len(stamp), octets=response.octets)
    # Clock status, the last octet: reliable, unreliable, or the gas meter's own time.
    check.member("GBCS-TIME-03", [0x00, 0x02, 0x04], stamp[-1] if stamp else None, octets=response.octets)


@covers("GBCS-GPF-READ")
@needs(devices=["gsme", "gpf"])
def test_gas_meter_itself_answers_its_supplier_alone(bench, supplier, network_operator, gsme, check):
    response = supplier.request("GCS13a", gsme)
    check.equal("GBCS-GPF-READ", "ok", response.mac, octets=response.octets)
    sent = network_operator.send("GCS13a", gsme)
    refused(check, bench, sent, "GBCS-GPF-READ")


@leaves("restored")
@pytest.mark.parametrize(
    ("meter", "row"),
    [
        on("esme", "GBCS-UC-ECS39a", rows=("GBCS-UC-ECS39a",)),
        on("gsme", "GBCS-UC-GCS41", rows=("GBCS-UC-GCS41",)),
    ],
    indirect=["meter"],
)
def test_supplier_sets_the_meter_point(supplier, meter, row, check):
    use_case, values = set_mpxn(meter)
    response = supplier.request(use_case, meter, **values)
    check.equal(row, "ok", response.mac, octets=response.octets)
    check.that(
        row,
        not any(response.results),
        expected="success for every item",
        observed=response.results,
        octets=response.octets,
    )
