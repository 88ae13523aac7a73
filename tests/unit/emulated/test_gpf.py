"""The Gas Proxy Function: answers for its meter, and its own device log."""

from __future__ import annotations

import pytest

from fixtures.emulated_premises import ALL, EUI64S
from fixtures.premises_by_hand import (
    ACB,
    GCS62,
    PremisesByHand,
)


@pytest.fixture
def bench(tmp_path):
    with PremisesByHand(tmp_path / "state") as made:
        yield made


def pair(bench):
    bench.join("gsme")
    messages = bench.request(
        "supplier", "CS03B", "gsme", other_device_id=EUI64S["gpf"], other_device_type="gpf"
    )
    (outcome,) = (m.values["outcome"] for m in messages if m.message.header.message_code == 0x000E)
    assert outcome == 0


def test_gpf_knows_nothing_of_a_meter_it_is_not_paired_with(bench):
    bench.join("gsme")
    (response,) = bench.request("supplier", "GCS38", "gpf")
    assert response.authentic
    assert response.values.get("firmware_version") is None


def test_gpf_answers_for_its_meter(bench):
    pair(bench)
    (response,) = bench.request("supplier", "GCS38", "gpf")
    assert response.values["firmware_version"] == bytes((ALL.index("gsme"), 0, 0, 1))
    (reading,) = bench.request("network_operator", "GCS13a", "gpf")
    assert reading.authentic
    assert reading.message.header.business_originator_id == EUI64S["gpf"]


def test_mirror_outlives_the_meter_and_a_restart(bench):
    pair(bench)
    bench.remove("gsme")
    bench.restart()
    (response,) = bench.request("supplier", "GCS38", "gpf")
    assert response.values["firmware_version"] == bytes((ALL.index("gsme"), 0, 0, 1))


def test_change_of_the_gpf_log_is_backed_up(bench):
    other = bytes.fromhex("00DB1234567890FF")
    messages = bench.request("supplier", "CS03B", "gpf", other_device_id=other, other_device_type="ihd")
    (alert,) = (message for message in messages if message.message.header.message_code == GCS62)
    assert alert.authentic
    assert alert.message.header.business_target_id == bench.hierarchy.organisation(ACB).eui64
    assert alert.values["alert_code"] == 0x8071
    assert alert.values["devices"] == [{"device_id": other, "device_type": "type_2"}]
