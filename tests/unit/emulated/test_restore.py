"""CCS03: a hub takes over device log and HAN of the hub before."""

from __future__ import annotations

import pytest

from fixtures.emulated_premises import EUI64S
from fixtures.premises_by_hand import ACB, PremisesByHand
from protocols.eui64 import Eui64
from rigs.emulated.device_log import HubDeviceLog

HAN = Eui64("00-DB-12-34-56-78-90-01")
DEVICE, HASH = Eui64("00-DB-12-34-56-78-90-02"), bytes(range(16))
NAME = "DeviceLog(CHF): restoreCHFDeviceLog"


@pytest.fixture
def bench(tmp_path):
    with PremisesByHand(tmp_path / "state", ["chf", "gpf"]) as made:
        yield made


def restore(bench):
    devices = [{"deviceidentifier": bytes(DEVICE).hex(), "securityDetails": HASH.hex()}]
    values = {f"{NAME}/hanIdentifier": bytes(HAN).hex(), f"{NAME}/devices_to_restore": devices}
    return bench.request(ACB, "CCS03", "chf", **values)


def network(bench):
    return bench.premises.hub.han._station.node.network.extended_pan_id


def test_network_and_log_are_those_of_the_command(bench):
    assert network(bench) == EUI64S["gpf"]
    restore(bench)
    bench.after(10)
    assert network(bench) == HAN
    chf = bench.premises.hub.chf
    assert list(chf.log.entries) == [DEVICE]
    assert chf.log.entries[DEVICE].hashed_link_key == HASH
    assert not chf.log.entries[DEVICE].joined
    again = HubDeviceLog.from_json(chf.log.to_json())
    assert again == chf.log


def test_restored_network_is_kept_over_a_power_cut(bench):
    restore(bench)
    bench.after(10)
    hub = bench.premises.hub
    hub.power(False)
    hub.power(True)
    bench.after(10)
    assert network(bench) == HAN
    assert hub.chf.han_id == HAN


def test_entry_of_another_form_is_refused_and_changes_nothing(bench):
    devices = [{"deviceidentifier": bytes(DEVICE).hex(), "securityDetails": "0102"}]
    values = {f"{NAME}/hanIdentifier": bytes(HAN).hex(), f"{NAME}/devices_to_restore": devices}
    received = bench.request(ACB, "CCS03", "chf", **values)
    assert not [each for each in received if each.message.kind == "response"]
    bench.after(10)
    assert network(bench) == EUI64S["gpf"]
