"""The emulated NCP as a raw EZSP host meets it: dialogue, configuration, network, joining, keys."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.eui64 import Eui64
from protocols.ezsp.ash import ResetCode
from protocols.ezsp.ash_link import AshState
from protocols.ezsp.names import ConfigId, Decision, JoinPolicy, NetworkState, PolicyId
from protocols.ezsp.status import EzspStatus, SlStatus
from protocols.han import HanRole, KeySource, LinkKeyChanged, NetworkDown, NetworkKeyChanged
from rigs.emulated.ncp import ViolationKind
from rigs.emulated.ncp.state import WELL_KNOWN_KEY, WILDCARD
from tests.ezsp_values import values_of
from tests.ncp_host import (
    CHANNEL,
    DEVICE,
    EXTENDED,
    HUB,
    INSTALL_KEY,
    LINK_KEY,
    NETWORK_KEY,
    NcpHost,
)

VERSIONS = [8, 13, 14]
OTHER = Eui64("90-B3-D5-1F-30-00-00-20")
STRANGER = Eui64("90-B3-D5-1F-30-00-00-66")


def started(version=13, **more) -> NcpHost:
    host = NcpHost(version, **more)
    host.start()
    return host


def formed(version=13, **more) -> NcpHost:
    host = started(version, **more)
    host.form()
    return host


@pytest.mark.parametrize("version", VERSIONS)
def test_it_tells_its_version_in_both_formats(version):
    host = started(version)
    answer = host.ask("version", desired=version)
    assert (answer["protocol"], answer["stack_type"], answer["stack_version"]) == (version, 2, 0x7440)


def test_before_the_version_is_known_nothing_is_done():
    host = NcpHost()
    host.reset()
    host.raw(host.table.build_command("nop", {}, 9, legacy=True))
    assert host.answers[9] == ("invalidCommand", {"reason": EzspStatus.VERSION_NOT_SET})


def test_what_it_does_not_know_is_invalid():
    host = started()
    host.raw(bytes.fromhex("0700013412"))
    assert host.answers[7] == ("invalidCommand", {"reason": EzspStatus.INVALID_FRAME_ID})
    host.raw(host.table.build_command("permitJoining", {"duration_s": 1}, 8)[:-1])
    assert host.answers[8] == ("invalidCommand", {"reason": EzspStatus.TRUNCATED})


@given(st.binary(min_size=3, max_size=80))
@settings(max_examples=200, deadline=None)
def test_no_command_stops_it(octets):
    host = formed()
    host.raw(octets)
    # Whatever it was, the NCP is there (a random version command may have been a reset of the dialogue).
    host.start()


@given(st.sampled_from(sorted(NcpHost().table.commands)), st.data())
@settings(max_examples=300, deadline=None)
def test_every_command_is_answered_whatever_its_values(name, data):
    host = formed()
    values = data.draw(values_of(host.table.commands[name].request))
    if name == "version":
        return
    host.sequence = 77
    host.raw(host.table.build_command(name, values, 77))
    assert host.answers[77][0] in (name, "invalidCommand")
    host.run(3.0)


def test_configuration_is_kept_until_a_reset_and_refused_on_a_network():
    host = started()
    assert host.status("setConfigurationValue", config=ConfigId.KEY_TABLE_SIZE, value=12) is SlStatus.OK
    assert host.ask("getConfigurationValue", config=ConfigId.KEY_TABLE_SIZE)["value"] == 12
    assert host.status("setConfigurationValue", config=0xEE, value=1) is SlStatus.NOT_FOUND
    host.form()
    assert (
        host.status("setConfigurationValue", config=ConfigId.KEY_TABLE_SIZE, value=3)
        is SlStatus.INVALID_STATE
    )
    host.start()
    assert host.ask("getConfigurationValue", config=ConfigId.KEY_TABLE_SIZE)["value"] == 4


@pytest.mark.parametrize("version", VERSIONS)
def test_it_forms_is_reset_and_comes_back(version):
    host = formed(version)
    for _ in range(2):
        assert host.ask("networkState")["state"] == NetworkState.JOINED_NETWORK
        answer = host.ask("getNetworkParameters")
        parameters = answer["parameters"]
        assert (parameters["channel"], parameters["pan_id"]) == (CHANNEL, 0x1234)
        assert parameters["extended_pan_id"] == EXTENDED
        assert host.ask("getEui64")["eui64"] == HUB
        assert host.ask("getNodeId")["node"] == 0
        counter = host.ncp.stack.node.nwk.counter.value
        host.start()
        assert host.ask("networkState")["state"] == NetworkState.NO_NETWORK
        assert host.status("networkInit", bitmask=0) is SlStatus.OK
        host.run()
        assert host.ncp.stack.node.nwk.counter.value >= counter
    options = {"options": 0} if version >= 14 else {}
    assert host.status("leaveNetwork", **options) is SlStatus.OK
    host.run()
    assert host.meant("stackStatusHandler", host.of("stackStatusHandler")[-1]) is SlStatus.NETWORK_DOWN
    host.start()
    assert host.status("networkInit", bitmask=0) is SlStatus.NOT_JOINED


def test_erased_tokens_are_gone_after_the_next_reset():
    host = formed()
    host.ask("tokenFactoryReset", keep_counters=False, keep_boot_counter=False)
    assert host.status("getNetworkParameters") is SlStatus.OK
    host.start()
    assert host.status("networkInit", bitmask=0) is SlStatus.NOT_JOINED


def test_without_a_security_state_nothing_is_formed():
    host = started()
    parameters = dict.fromkeys(("pan_id", "tx_power", "join_method", "manager", "update_id", "channels"), 0)
    values = parameters | {"channel": 15, "extended_pan_id": EXTENDED}
    assert host.status("formNetwork", parameters=values) is SlStatus.SECURITY_STATE_NOT_SET


def test_energy_and_active_scans_are_told_and_completed():
    host = formed()
    host.medium.set_noise(11, -40)
    host.ask("startScan", type=0, channels=0b11 << 11, duration=3)
    host.run(3.0)
    levels = {values["channel"]: values["rssi"] for values in host.of("energyScanResultHandler")}
    assert set(levels) == {11, 12}
    assert levels[11] == -40 > levels[12]
    assert len(host.of("scanCompleteHandler")) == 1
    other = formed()
    other.ask("startScan", type=1, channels=1 << 12, duration=2)
    other.run(3.0)
    assert other.of("networkFoundHandler") == []
    assert len(other.of("scanCompleteHandler")) == 1


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("role", [HanRole.ROUTER, HanRole.END_DEVICE, HanRole.SLEEPY_END_DEVICE])
def test_a_device_joins_with_its_install_code(version, role):
    host = formed(version)
    device = host.device(role)
    host.allow()
    device.node.join(INSTALL_KEY, (CHANNEL,))
    host.run(8.0)
    short = device.node.network.short_address
    (joined,) = host.of("trustCenterJoinHandler")
    assert joined == {"node": short, "eui64": DEVICE, "update": 1, "decision": 0, "parent": 0}
    assert host.of("childJoinHandler")[0]["node"] == short
    announced = [
        values for values in host.of("incomingMessageHandler") if values["aps_frame"]["cluster"] == 0x0013
    ]
    if host.ask("getConfigurationValue", config=ConfigId.APPLICATION_ZDO_FLAGS)["value"] & 1:
        assert announced
    child = host.ask("getChildData", index=0)
    if role is HanRole.ROUTER:
        assert host.meant("getChildData", child) is not SlStatus.OK
    else:
        assert (child["child"]["eui64"], child["child"]["node"]) == (DEVICE, short)
    assert host.ncp.violations == []


def test_a_device_behind_a_router_is_told_with_its_parent():
    host = formed()
    router = host.join(HanRole.ROUTER)
    far = host.device(eui64=OTHER)
    host.medium.link(host.ncp.radio, far.radio, None)
    host.allow(OTHER)
    permit = host.aps(options=0, profile=0, cluster=0x0036, source_endpoint=0, destination_endpoint=0)
    host.ask("sendBroadcast", destination=0xFFFC, aps_frame=permit, radius=0, tag=1, message=b"\x01\x3c\x01")
    host.run(3.0)
    far.node.join(INSTALL_KEY, (CHANNEL,))
    host.run(10.0)
    assert far.node.network is not None
    told = host.of("trustCenterJoinHandler")[-1]
    assert (told["eui64"], told["parent"]) == (OTHER, router.node.network.short_address)


def test_nobody_joins_without_a_key_or_a_policy_or_an_open_window():
    host = formed()
    stranger = host.device(eui64=STRANGER)
    host.allow()
    stranger.node.join(INSTALL_KEY, (CHANNEL,))
    host.run(8.0)
    denied = host.of("trustCenterJoinHandler")[0]
    assert (denied["eui64"], denied["decision"]) == (STRANGER, 2)
    device = host.device()
    host.ask("setPolicy", policy=PolicyId.TRUST_CENTER, decision=0)
    device.node.join(INSTALL_KEY, (CHANNEL,))
    host.run(8.0)
    assert device.of(NetworkDown)
    host.allow(seconds=1)
    host.run(2.0)
    device.node.join(INSTALL_KEY, (CHANNEL,))
    host.run(8.0)
    assert device.node.network is None
    host.ask("setConfigurationValue", config=ConfigId.TRANSIENT_KEY_TIMEOUT_S, value=1)
    host.allow(seconds=200)
    host.ncp.memory.transient_keys[DEVICE].until = host.ncp.now() + 1
    host.run(2.0)
    device.node.join(INSTALL_KEY, (CHANNEL,))
    host.run(8.0)
    assert device.node.network is None


def test_the_well_known_key_is_told_as_soon_as_it_can_be_used_and_really_can():
    host = formed()
    host.allow(WILDCARD, WELL_KNOWN_KEY, seconds=0)
    assert [each.kind for each in host.ncp.violations] == [ViolationKind.WELL_KNOWN_KEY_IMPORTED]
    host.ask("permitJoining", duration_s=60)
    assert host.ncp.violations[-1].kind is ViolationKind.WELL_KNOWN_KEY_USABLE
    stranger = host.device(eui64=STRANGER)
    stranger.node.join(WELL_KNOWN_KEY, (CHANNEL,))
    host.run(8.0)
    assert stranger.node.network is not None
    assert host.ncp.violations[-1].kind is ViolationKind.JOINED_BY_WILDCARD
    host.ask("setPolicy", policy=PolicyId.TRUST_CENTER, decision=JoinPolicy.SEND_KEY_IN_CLEAR)
    assert ViolationKind.KEY_IN_CLEAR in {each.kind for each in host.ncp.violations}


@pytest.mark.parametrize("version", VERSIONS)
def test_keys_are_kept_found_exported_and_erased(version):
    host = formed(version)
    host.join()
    node = host.ncp.stack.node
    assert node.aps.keys.by_partner[DEVICE].key == LINK_KEY
    assert node.aps.keys.by_partner[DEVICE].source is KeySource.ESTABLISHED
    assert host.ask("findKeyTableEntry", eui64=DEVICE, link_key=True)["index"] == 0
    if version < 13:
        entry = host.ask("getKeyTableEntry", index=0)["key"]
        assert (entry["key"], entry["partner"]) == (LINK_KEY, DEVICE)
        assert host.ask("getKey", type=3)["key"]["key"] == NETWORK_KEY
    else:
        assert host.ask("exportLinkKeyByIndex", index=0)["key"] == LINK_KEY
        assert host.ask("exportLinkKeyByEui", eui64=DEVICE)["key"] == LINK_KEY
        context = {"core_type": 1, "index": 0, "derived_type": 0, "eui64": bytes(8)}
        context |= {"network_index": 0, "flags": 0, "psa_permission": 0}
        assert host.ask("exportKey", context=context)["key"] == NETWORK_KEY
        assert host.ask("getNetworkKeyInfo")["info"]["set"]
    assert host.status("eraseKeyTableEntry", index=0) is SlStatus.OK
    assert host.ask("findKeyTableEntry", eui64=DEVICE, link_key=True)["index"] == 0xFF
    assert DEVICE not in node.aps.keys.by_partner
    assert host.status("eraseKeyTableEntry", index=200) is SlStatus.INVALID_INDEX


@pytest.mark.parametrize("allowed", [True, False])
def test_partner_keys_come_as_the_policy_has_it(allowed):
    host = formed()
    decision = Decision.ALLOW_APP_KEY_REQUESTS if allowed else Decision.DENY_APP_KEY_REQUESTS
    host.ask("setPolicy", policy=PolicyId.APP_KEY_REQUEST, decision=decision)
    device, other = host.join(), host.join(eui64=OTHER)
    device.node.request_link_key(OTHER)
    host.run(15.0)
    got = [event for event in device.of(LinkKeyChanged) if event.partner == OTHER]
    assert bool(got) is allowed
    assert bool([event for event in other.of(LinkKeyChanged) if event.partner == DEVICE]) is allowed
    told = host.of("zigbeeKeyEstablishmentHandler")[0]
    assert told == {"partner": DEVICE, "status": 0x07 if allowed else 0x11}


def test_a_new_network_key_reaches_a_device_and_both_switch():
    host = formed()
    device = host.join()
    short = device.node.network.short_address
    assert host.status("unicastNwkKeyUpdate", destination=short, eui64=DEVICE, key=bytes(16)) is SlStatus.OK
    host.run()
    assert host.status("broadcastNetworkKeySwitch") is SlStatus.OK
    host.run(2.0)
    assert host.of("switchNetworkKeyHandler") == [{"sequence": 1}]
    assert device.of(NetworkKeyChanged) == [NetworkKeyChanged(1)]


def test_a_removed_device_goes_and_the_host_hears_of_it():
    host = formed()
    device = host.join()
    short = device.node.network.short_address
    host.ask("removeDevice", destination=short, destination_eui64=DEVICE, target=DEVICE)
    host.run(5.0)
    assert device.node.network is None
    assert host.of("trustCenterJoinHandler")[-1]["update"] == 2


def test_a_crash_is_an_error_frame_until_the_host_resets():
    host = formed()
    host.ncp.crash(ResetCode.ASSERT)
    assert host.ash.state is AshState.FAILED
    host.start()
    assert host.status("networkInit", bitmask=0) is SlStatus.OK
    host.ncp.reset(ResetCode.WATCHDOG)
    assert host.connections == 3


def test_the_manufacturing_library_hears_and_sends_raw_frames():
    sender = started()
    assert sender.status("mfglibStart", rx_callback=True) is SlStatus.OK
    assert sender.status("mfglibSetChannel", channel=25) is SlStatus.OK
    assert sender.ask("mfglibGetChannel")["channel"] == 25
    device = sender.device()
    device.node.join(INSTALL_KEY, (25,))  # its beacon requests are heard
    sender.run(3.0)
    packets = [values["packet"] for values in sender.of("mfglibRxHandler")]
    assert any(packet[7] == 0x07 for packet in packets)
    assert sender.status("mfglibSendPacket", packet=bytes(12)) is SlStatus.OK
    assert sender.status("mfglibEnd") is SlStatus.OK
    assert sender.status("mfglibEnd") is SlStatus.INVALID_STATE
    sender.form()
    assert sender.status("mfglibStart", rx_callback=False) is SlStatus.INVALID_STATE
