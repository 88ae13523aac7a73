"""Our stack as a hub behind the Spinel driver, in real time: devices join it over the air of the emulated RCP."""

import asyncio

import pytest

from protocols.han import DeviceAnnounced, HanRole, NetworkUp
from protocols.radio import TransmitStatus
from rigs.emulated.air import EmulatedRadio
from tests.interop.zigbee_on_host.device import LiveNode
from tests.loops import in_loop
from tests.unit.drivers.test_spinel import bench
from tests.unit.emulated.air_bench import eui

KEY = bytes(range(16))


@pytest.mark.parametrize("role", [HanRole.ROUTER, HanRole.SLEEPY_END_DEVICE])
@in_loop
async def test_a_device_joins_a_hub_behind_the_driver(tmp_path, role):
    async with bench(tmp_path) as test:
        hub = LiveNode(HanRole.COORDINATOR, test.radio)
        hub.node.form((15,))
        hub.arm()
        await hub.event(NetworkUp)
        device = LiveNode(role, EmulatedRadio(test.medium, "device", eui(9)))
        hub.node.allow_device(device.node.eui64, KEY, 60)
        hub.node.permit_joining(60)
        device.node.join(KEY, (15,))
        device.arm()
        up = await device.event(NetworkUp)
        announced = await hub.event(DeviceAnnounced)
        assert (announced.eui64, announced.short_address) == (eui(9), up.network.short_address)
        await asyncio.sleep(0.3)
        statistics = test.radio.statistics
        assert statistics.sent[TransmitStatus.FAILED] == 0
        assert statistics.timeouts == 0
        assert test.radio.faults == []
        if role is HanRole.SLEEPY_END_DEVICE:
            assert statistics.polls_pending
            assert statistics.polls_served
            assert statistics.answer_latency.count >= statistics.polls_served
        hub.close()
        device.close()
