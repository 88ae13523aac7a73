"""The ZigBee device profile of a node, asked by another."""

from __future__ import annotations

import pytest

from protocols.eui64 import Eui64
from protocols.han import DeviceAnnounced, HanRole
from protocols.zigbee.zdp import ZdpCluster
from protocols.zigbee.zdp_table import ZdpStatus
from tests.zigbee_air import Han


@pytest.fixture
def han():
    han = Han()
    router = han.join(HanRole.ROUTER)
    han.join(HanRole.SLEEPY_END_DEVICE, behind=router)
    han.medium.run(20)
    yield han
    for device in (han.hub, *han.devices):
        assert device.own_faults() == []


def ask(han, cluster, values, to=None, asker=None):
    answers = []
    asker = asker or han.hub
    short = (to or han.devices[0]).node.nwk.short
    asker.node.zdp.request(short, cluster, values, answers.append)
    han.medium.run_until(lambda: bool(answers), 20)
    return answers[0].values if answers and answers[0] else None


def test_descriptors(han):
    for device, logical, mask in ((han.hub, 0, 1), (han.devices[0], 1, 0), (han.devices[1], 2, 0)):
        short = device.node.nwk.short
        asker = han.devices[0] if device is han.hub else han.hub
        node = ask(han, ZdpCluster.NODE_DESC_REQ, {"nwk": short}, device, asker)
        assert node["status"] == 0
        assert node["descriptor"].logical_type == logical
        assert node["descriptor"].server_mask & 1 == mask
        assert ask(han, ZdpCluster.ACTIVE_EP_REQ, {"nwk": short}, device, asker)["endpoints"] == [1, 2]
        simple = ask(han, ZdpCluster.SIMPLE_DESC_REQ, {"nwk": short, "endpoint": 2}, device, asker)[
            "descriptor"
        ]
        assert (simple.endpoint, simple.profile, simple.device_id) == (2, 0x0109, 0x0500)
        assert simple.input_clusters == [0, 0x0702, 0x0800]
        assert ask(han, ZdpCluster.POWER_DESC_REQ, {"nwk": short}, device, asker)["status"] == 0


def test_what_is_not_there(han):
    short = han.devices[0].node.nwk.short
    for endpoint, status in ((77, ZdpStatus.NOT_ACTIVE), (241, ZdpStatus.INVALID_EP)):
        values = {"nwk": short, "endpoint": endpoint}
        assert ask(han, ZdpCluster.SIMPLE_DESC_REQ, values)["status"] == status
    assert ask(han, ZdpCluster.NODE_DESC_REQ, {"nwk": 0x1234})["status"] == ZdpStatus.INV_REQUESTTYPE
    assert ask(han, ZdpCluster.ACTIVE_EP_REQ, {"nwk": 0x1234})["status"] == ZdpStatus.INV_REQUESTTYPE
    unknown = {"ieee": Eui64(b"stranger"), "request_type": 0, "start_index": 0}
    assert ask(han, ZdpCluster.NWK_ADDR_REQ, unknown)["status"] == ZdpStatus.DEVICE_NOT_FOUND
    lost = {"nwk": 0x1234, "request_type": 0, "start_index": 0}
    assert ask(han, ZdpCluster.IEEE_ADDR_REQ, lost)["status"] == ZdpStatus.DEVICE_NOT_FOUND
    assert ask(han, ZdpCluster.SYSTEM_SERVER_DISCOVERY_REQ, {"server_mask": 1}) is not None


def test_match(han):
    short = han.devices[0].node.nwk.short
    values = {"nwk": short, "profile": 0x0109, "input_clusters": [0x0702], "output_clusters": []}
    assert ask(han, ZdpCluster.MATCH_DESC_REQ, values)["endpoints"] == [1, 2]
    values["input_clusters"] = [0x0705]
    assert ask(han, ZdpCluster.MATCH_DESC_REQ, values)["endpoints"] == []


def test_addresses_also_of_a_sleeping_child(han):
    router, sleeper = han.devices
    values = {"ieee": sleeper.eui64, "request_type": 0, "start_index": 0}
    assert ask(han, ZdpCluster.NWK_ADDR_REQ, values, router)["nwk"] == sleeper.node.nwk.short
    values = {"nwk": sleeper.node.nwk.short, "request_type": 0, "start_index": 0}
    assert ask(han, ZdpCluster.IEEE_ADDR_REQ, values, router)["ieee"] == sleeper.eui64
    values["nwk"] = router.node.nwk.short
    assert ask(han, ZdpCluster.IEEE_ADDR_REQ, values, router)["ieee"] == router.eui64


def test_bindings(han):
    router = han.devices[0]
    binding = {
        "source": router.eui64,
        "source_endpoint": 1,
        "cluster": 0x0702,
        "mode": 3,
        "group": None,
        "destination": han.hub.eui64,
        "destination_endpoint": 1,
    }
    assert ask(han, ZdpCluster.UNBIND_REQ, binding)["status"] == ZdpStatus.NO_ENTRY
    assert ask(han, ZdpCluster.BIND_REQ, binding)["status"] == 0
    assert ask(han, ZdpCluster.BIND_REQ, binding)["status"] == 0
    table = ask(han, ZdpCluster.MGMT_BIND_REQ, {"start_index": 0})
    assert (table["total"], table["entries"][0].destination) == (1, han.hub.eui64)
    assert ask(han, ZdpCluster.BIND_REQ, binding | {"source_endpoint": 9})["status"] == ZdpStatus.INVALID_EP
    assert ask(han, ZdpCluster.UNBIND_REQ, binding)["status"] == 0
    assert router.node.zdp_servers.bindings == []


def test_management_tables(han):
    router, sleeper = han.devices
    neighbours = ask(han, ZdpCluster.MGMT_LQI_REQ, {"start_index": 0}, router)
    assert {entry.ieee for entry in neighbours["entries"]} == {han.hub.eui64, sleeper.eui64}
    assert ask(han, ZdpCluster.MGMT_LQI_REQ, {"start_index": 9}, router)["entries"] == []
    routes = ask(han, ZdpCluster.MGMT_RTG_REQ, {"start_index": 0}, han.hub, router)
    assert routes["status"] == 0


def test_leave_by_management_is_the_trust_centres_right(han):
    router, sleeper = han.devices
    values = {"ieee": Eui64(bytes(8)), "reserved": 0, "remove_children": 0, "rejoin": 0}
    assert ask(han, ZdpCluster.MGMT_LEAVE_REQ, values, router, sleeper)["status"] == ZdpStatus.NOT_AUTHORIZED
    child = values | {"ieee": sleeper.eui64}
    assert ask(han, ZdpCluster.MGMT_LEAVE_REQ, child, router)["status"] == 0
    han.medium.run(20)
    assert sleeper.node.network is None
    assert ask(han, ZdpCluster.MGMT_LEAVE_REQ, child, router)["status"] == ZdpStatus.DEVICE_NOT_FOUND
    assert ask(han, ZdpCluster.MGMT_LEAVE_REQ, values, router)["status"] == 0
    han.medium.run(5)
    assert router.node.network is None


def test_permit_joining(han):
    router, sleeper = han.devices
    values = {"duration_s": 60, "trust_centre_significance": 1}
    assert ask(han, ZdpCluster.MGMT_PERMIT_JOINING_REQ, values, router)["status"] == 0
    assert router.node.membership.permitting
    refused = ask(han, ZdpCluster.MGMT_PERMIT_JOINING_REQ, values, han.hub, router)
    assert refused["status"] == ZdpStatus.NOT_AUTHORIZED
    assert (
        ask(han, ZdpCluster.MGMT_PERMIT_JOINING_REQ, values, sleeper)["status"] == ZdpStatus.INV_REQUESTTYPE
    )


def test_everybody_hears_announcements(han):
    device = han.join(HanRole.END_DEVICE)
    han.medium.run(2)
    short = device.node.nwk.short
    for other in (han.hub, han.devices[0]):
        assert DeviceAnnounced(device.eui64, short, 0x88) in other.events


def test_nobody_answers(han):
    han.devices[0].cut_power()
    assert ask(han, ZdpCluster.ACTIVE_EP_REQ, {"nwk": 1}) is None


def test_energy_is_reported(han):
    router = han.devices[0]
    han.medium.noise = {11: -60, 20: -20}
    values = {
        "channels": 1 << 11 | 1 << 20,
        "scan_duration": 3,
        "scan_count": 1,
        "update_id": None,
        "manager": None,
    }
    report = ask(han, ZdpCluster.MGMT_NWK_UPDATE_REQ, values, router)
    assert (report["scanned_channels"], report["energy"]) == (1 << 11 | 1 << 20, [135, 255])


def test_the_network_changes_channel(han):
    router, sleeper = han.devices
    assert han.hub.node.network.channel != 25
    han.hub.node.change_channel(25)
    han.medium.run(12)
    for device in (han.hub, router):
        assert device.node.network.channel == 25
    assert han.medium.run_until(
        lambda: sleeper.node.network is not None and sleeper.node.network.channel == 25, 60
    )
    token = han.hub.send(sleeper.eui64, b"on another channel")
    assert han.confirmed(han.hub, token) == "done"
    with pytest.raises(ValueError, match="only a coordinator"):
        router.node.change_channel(11)
