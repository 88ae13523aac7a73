"""What fuzzing the roles found: a member of the network gone mad sends nobody away and fills no memory."""

from __future__ import annotations

import pytest

from protocols.eui64 import Eui64
from protocols.han import DataStatus, HanRole, NetworkDown
from protocols.radio import ReceivedFrame, TransmitStatus
from protocols.zigbee.mac import FrameType, MacFrame, build_mac
from protocols.zigbee.nwk import NwkFrame, NwkFrameType, build_nwk
from protocols.zigbee.nwk_commands import Leave, RejoinResponse
from protocols.zigbee.security import AuxiliaryHeader, KeyIdentifier
from protocols.zigbee.stack.constants import MAC_MAX_TRANSMITS, NWK_MAX_ADDRESSES
from protocols.zigbee.stack.joining import JoinPhase
from protocols.zigbee.stack.nwk_tables import NetworkKey
from tests.zigbee_air import Device, Han


def eui(number: int) -> Eui64:
    return Eui64(number.to_bytes(8, "big"))


def hear(target: Device, frame: NwkFrame, sender: Device, claimed: Eui64 | None = None) -> None:
    """Let the target hear a frame under the network key."""
    nwk, mac = sender.node.nwk, target.node.mac.settings
    key = nwk.keys.active
    frame.security = AuxiliaryHeader(
        KeyIdentifier.NETWORK, nwk.counter.take(), claimed or sender.eui64, key.sequence
    )
    octets = build_mac(
        MacFrame(
            FrameType.DATA, 1, mac.pan_id, mac.short_address, mac.pan_id, nwk.short, build_nwk(frame, key.key)
        )
    )
    target.node.mac.frame_received(ReceivedFrame(octets, mac.channel, target.medium.time))


def test_leave_for_another_device_with_our_short_address_is_not_obeyed():
    han = Han()
    router = han.join(HanRole.ROUTER)
    frame = han.hub.node.nwk.frame(
        NwkFrameType.COMMAND, router.node.nwk.short, Leave.of(request=True).build(), radius=1
    )
    frame.destination_ieee = eui(7)
    hear(router, frame, han.hub)
    han.medium.run(5)
    assert not router.of(NetworkDown)
    assert router.node.statistics["nwk.leave-refused"] == 1
    assert han.confirmed(router, router.send(han.hub.eui64, b"here")) is DataStatus.DONE


def test_an_unsolicited_rejoin_response_while_the_network_key_is_awaited_ends_no_rejoin():
    han = Han()
    device = han.join(HanRole.END_DEVICE)
    joiner = device.node.joiner
    device.node.lifecycle.rejoin(secured=False)
    assert han.medium.run_until(lambda: joiner.phase is JoinPhase.AWAITING_KEY)
    frame = han.hub.node.nwk.frame(
        NwkFrameType.COMMAND, device.node.nwk.short, RejoinResponse(0x1234).build(), radius=1
    )
    hear(device, frame, han.hub)
    assert joiner.phase is JoinPhase.AWAITING_KEY
    assert device.node.rejoiner.active
    assert han.medium.run_until(lambda: device.node.network is not None)
    assert not device.of(NetworkDown)


def test_counters_of_any_number_of_sources_are_bounded():
    key = NetworkKey(bytes(16), 0)
    assert key.accept(eui(0), 5)
    for number in range(1, 1000):
        assert key.accept(eui(number), number)
        assert key.accept(eui(0), 5 + number)  # heard all the time, so never forgotten
    assert len(key.incoming) == NWK_MAX_ADDRESSES
    assert not key.accept(eui(0), 1003)
    assert not key.accept(eui(999), 999)


def test_sleepers_announced_are_bounded():
    han = Han()
    router = han.join(HanRole.ROUTER)
    announce = router.node.zdp_servers._device_annce
    for number in range(1, 1000):
        announce({"nwk": number, "ieee": eui(number), "capability": 0}, None)
    assert len(router.node.aps.sleepers) <= NWK_MAX_ADDRESSES + 1
    assert 999 in router.node.aps.sleepers


@pytest.mark.parametrize("confirmed", [True, False])
def test_frames_that_wait_for_the_air_are_bounded(confirmed):
    han = Han()
    router = han.join(HanRole.ROUTER)
    results = []
    mac = router.node.mac
    for _ in range(1000):
        mac.send(0xFFFF, b"storm", results.append if confirmed else None)
    assert len(router.radio.queue) <= MAC_MAX_TRANSMITS
    han.medium.run(10)
    if confirmed:
        assert len(results) == 1000
        statuses = [result.status for result in results]
        assert statuses.count(TransmitStatus.DONE) in range(MAC_MAX_TRANSMITS - 8, MAC_MAX_TRANSMITS + 1)
        assert statuses.count(TransmitStatus.FAILED) == 1000 - statuses.count(TransmitStatus.DONE)
    assert router.node.statistics["mac.transmit-full"] >= 1000 - MAC_MAX_TRANSMITS
    assert han.confirmed(router, router.send(han.hub.eui64, b"here")) is DataStatus.DONE
