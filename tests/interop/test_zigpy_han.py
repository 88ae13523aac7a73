"""Our driver over unmodified zigpy and bellows, our emulated NCP, and devices of ours on the air."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import time
from pathlib import Path

import pytest

from protocols.eui64 import Eui64
from protocols.han import (
    DataConfirmed,
    DataReceived,
    DeviceAuthorised,
    DeviceJoined,
    DeviceLeft,
    DeviceState,
    Endpoint,
    FrameRefused,
    FrameSecurity,
    HanRole,
    HanService,
    JoinRefusal,
    JoinRefused,
    LinkKeyChanged,
    NetworkDown,
    NetworkKeyChanged,
    NetworkUp,
)
from protocols.ports import BenchError, DriverContext
from rigs.emulated.ncp import ViolationKind
from tests.ncp_air import CBKE_KEY, CHANNEL, DEVICE, HUB, INSTALL_KEY, PROFILE, TUNNEL, Premises

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("bellows") is None, reason="bellows is not here: make interop installs it"
)
EXTENDED = Eui64("00-11-22-33-44-55-66-77")


class Clock:
    def monotonic(self):
        return time.monotonic()

    def now(self):
        return None


class Hub:
    """The driver, and what it told."""

    def __init__(self, han):
        self.han = han
        self.events = []
        self._changed = asyncio.Event()
        han.listen(self)

    def han_event(self, event):
        self.events.append(event)
        self._changed.set()

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, condition, seconds=10.0):
        async with asyncio.timeout(seconds):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def form(self, channels=(CHANNEL,)):
        self.han.add_endpoint(Endpoint(1, PROFILE, 0x0007, (0x0702,), (TUNNEL,)))
        self.han.form(channels, EXTENDED)
        await self.until(lambda: self.of(NetworkUp) or self.of(NetworkDown))
        assert self.of(NetworkDown) == []

    async def send(self, payload, to=DEVICE, cluster=TUNNEL, **more):
        token = self.han.send(
            to,
            profile=PROFILE,
            cluster=cluster,
            source_endpoint=1,
            destination_endpoint=1,
            payload=payload,
            **more,
        )
        await self.until(lambda: any(event.token == token for event in self.of(DataConfirmed)), 30)
        return next(event.status.value for event in self.of(DataConfirmed) if event.token == token)

    async def admit(self, device, *, established=True):
        self.han.allow_device(device.eui64, INSTALL_KEY, 60)
        await self.until(lambda: True)
        await asyncio.sleep(0.2)
        await device.join()
        await self.until(lambda: any(event.eui64 == device.eui64 for event in self.of(DeviceJoined)))
        if established:
            self.han.install_link_key(device.eui64, CBKE_KEY)
            device.establish()
            await self.until(lambda: DeviceAuthorised(device.eui64) in self.events)


def scenario(tmp_path: Path, run, version=13, **more):
    async def main():
        from drivers.zigpy_han import DRIVER

        async with Premises(tmp_path, version, **more) as premises:
            context = DriverContext(Clock(), "chf", "han", tmp_path, endpoints={"chf.han": premises.path})
            han = await DRIVER.open(DRIVER.config(), context)
            hub = Hub(han)
            try:
                await run(premises, hub)
                assert premises.ncp.violations == []
                assert han.faults == []
            finally:
                await han.close()
                await han.close()

    asyncio.run(main())


def test_a_stick_is_looked_at_and_left_as_it_was(tmp_path):
    async def main():
        from drivers.zigpy_han import DRIVER

        async with Premises(tmp_path, 13) as premises:
            context = DriverContext(Clock(), "chf", "han", tmp_path, endpoints={"chf.han": premises.path})
            probed = await DRIVER.probe(DRIVER.config(), context)
            assert probed.eui64 == HUB
            assert "write-ieee" in probed.set_eui64
            assert premises.ncp.violations == []
            # It can be opened again, and has no network that it did not have.
            hub = Hub(await DRIVER.open(DRIVER.config(), context))
            try:
                assert hub.han.network is None
                await hub.form()
            finally:
                await hub.han.close()

    asyncio.run(main())


@pytest.mark.parametrize("version", [8, 13, 14, 18])
def test_a_device_joins_and_talks_under_its_own_key(tmp_path, version):
    async def run(premises, hub):
        assert isinstance(hub.han, HanService)
        assert hub.han.eui64 == HUB
        started = time.monotonic()
        await hub.form()
        if "CI" not in os.environ:
            assert time.monotonic() - started < 2
        network = hub.han.network
        assert (network.channel, network.extended_pan_id, network.short_address) == (CHANNEL, EXTENDED, 0)
        device = premises.device()
        await hub.admit(device, established=False)
        assert hub.han.device_state(DEVICE) is DeviceState.JOINED
        # Until key establishment is done, that is all there is.
        assert await hub.send(b"early") == "no-key"
        assert await hub.send(b"initiate", cluster=0x0800) == "done"
        token = device.send(b"early", secured=False)
        await hub.until(lambda: hub.of(FrameRefused))
        assert hub.of(FrameRefused)[0].reason == "needs-link-key"
        assert await device.confirmed(token) == "done"
        hub.han.install_link_key(DEVICE, CBKE_KEY)
        device.establish()
        assert await hub.send(b"secured") == "done"
        assert device.received == [b"initiate", b"secured"]
        assert hub.of(LinkKeyChanged)
        assert hub.han.device_state(DEVICE) is DeviceState.AUTHORISED
        token = device.send(b"answer")
        assert await device.confirmed(token) == "done"
        heard = hub.of(DataReceived)[-1]
        assert (heard.source, heard.payload, heard.security) == (DEVICE, b"answer", FrameSecurity.LINK)

    scenario(tmp_path, run, version)


@pytest.mark.parametrize("version", [8, 13, 14])
@pytest.mark.parametrize("loss", [0.0, 0.3])
def test_long_messages_go_in_fragments_both_ways(tmp_path, version, loss):
    async def run(premises, hub):
        await hub.form()
        device = premises.device()
        await hub.admit(device)
        premises.medium.default_link.loss = loss
        message = bytes(range(250)) * 6
        assert await hub.send(message) == "done"
        assert device.received == [message]
        token = device.send(message[::-1])
        assert await device.confirmed(token, 60) == "done"
        assert hub.of(DataReceived)[-1].payload == message[::-1]
        premises.medium.default_link.loss = 0.0
        assert await hub.send(bytes(20_000)) == "too-long"

    scenario(tmp_path, run, version)


def test_a_sleepy_device_and_one_behind_a_router(tmp_path):
    async def run(premises, hub):
        await hub.form()
        router = premises.device(HanRole.ROUTER)
        await hub.admit(router)
        sleeper = premises.device(HanRole.SLEEPY_END_DEVICE, Eui64("90-B3-D5-1F-30-00-00-20"))
        premises.medium.link(premises.ncp.radio, sleeper.radio, None)
        await hub.admit(sleeper)
        assert hub.of(DeviceJoined)[-1].parent == router.node.network.short_address
        assert await hub.send(bytes(300), sleeper.eui64) == "done"
        assert sleeper.received == [bytes(300)]
        assert {event.eui64 for event in hub.of(DeviceJoined)} == {router.eui64, sleeper.eui64}
        hub.han.remove_device(sleeper.eui64)  # by its parent
        await sleeper.until(lambda: sleeper.node.network is None, 20)

    scenario(tmp_path, run)


def test_joining_is_refused_with_the_reason(tmp_path):
    async def run(premises, hub):
        await hub.form()
        stranger = premises.device(eui64=Eui64("90-B3-D5-1F-30-00-00-66"))
        hub.han.allow_device(DEVICE, INSTALL_KEY, 60)
        await asyncio.sleep(0.2)
        stranger.node.join(b"ZigBeeAlliance09", (CHANNEL,))
        await hub.until(lambda: hub.of(JoinRefused))
        assert hub.of(JoinRefused)[0] == JoinRefused(stranger.eui64, JoinRefusal.UNKNOWN_EUI64)
        wrong = premises.device()
        wrong.node.join(bytes(16), (CHANNEL,))
        refused = JoinRefused(DEVICE, JoinRefusal.NOT_ANNOUNCED)
        await hub.until(lambda: refused in hub.events, 20)
        assert hub.han.device_state(DEVICE) is DeviceState.LISTED
        assert hub.han.device_state(stranger.eui64) is None

    scenario(tmp_path, run)


def test_a_window_expires(tmp_path):
    async def run(premises, hub):
        await hub.form()
        hub.han.allow_device(DEVICE, INSTALL_KEY, 0.5)
        await hub.until(lambda: JoinRefused(DEVICE, JoinRefusal.WINDOW_EXPIRED) in hub.events)
        await asyncio.sleep(0.2)
        assert premises.ncp.memory.joining_until <= premises.ncp.now()

    scenario(tmp_path, run)


def test_removal_and_a_new_network_key(tmp_path):
    async def run(premises, hub):
        await hub.form()
        device, other = premises.device(), premises.device(eui64=Eui64("90-B3-D5-1F-30-00-00-20"))
        await hub.admit(device)
        await hub.admit(other)
        hub.han.refresh_network_key()
        await hub.until(lambda: hub.of(NetworkKeyChanged))
        assert device.of(NetworkKeyChanged) == other.of(NetworkKeyChanged) == hub.of(NetworkKeyChanged)
        assert await hub.send(b"still here") == "done"
        hub.han.remove_device(DEVICE)
        await hub.until(lambda: DeviceLeft(DEVICE) in hub.events)
        await device.until(lambda: device.node.network is None)
        assert hub.han.device_state(DEVICE) is None
        assert await hub.send(b"gone") in ("no-key", "unknown-address")
        assert await hub.send(b"here", other.eui64) == "done"

    scenario(tmp_path, run)


def test_partner_link_keys_come_by_the_trust_centre(tmp_path):
    async def run(premises, hub):
        await hub.form()
        device, other = premises.device(), premises.device(eui64=Eui64("90-B3-D5-1F-30-00-00-20"))
        await hub.admit(device)
        await hub.admit(other)
        device.node.request_link_key(other.eui64)
        await device.until(lambda: any(event.partner == other.eui64 for event in device.of(LinkKeyChanged)))
        await other.until(lambda: any(event.partner == DEVICE for event in other.of(LinkKeyChanged)))
        token = device.send(b"to a partner", other.eui64)
        assert await device.confirmed(token) == "done"
        assert other.received == [b"to a partner"]

    scenario(tmp_path, run)


def test_a_join_under_a_members_name_does_not_cost_it_its_key(tmp_path):
    async def run(premises, hub):
        await hub.form()
        device = premises.device()
        await hub.admit(device)
        hub.han.permit_joining(0)
        premises.ncp.tell("trustCenterJoinHandler", node=0xFFFE, eui64=DEVICE, update=1, decision=2, parent=0)
        await hub.until(lambda: hub.of(JoinRefused))
        assert await hub.send(b"still secured") == "done"

    scenario(tmp_path, run)


@pytest.mark.parametrize("version", [13, 14])
def test_a_burst_of_messages_is_delivered_in_order(tmp_path, version):
    async def run(premises, hub):
        await hub.form()
        device = premises.device(HanRole.ROUTER)
        await hub.admit(device)
        sent = [number.to_bytes(2, "big") for number in range(60)]
        await asyncio.gather(*(hub.send(payload) for payload in sent))
        assert {event.status for event in hub.of(DataConfirmed)} == {"done"}
        assert sorted(device.received) == sent

    scenario(tmp_path, run, version)


def test_a_stick_whose_firmware_fails_is_told(tmp_path):
    async def main():
        from drivers.zigpy_han import DRIVER

        async with Premises(tmp_path) as premises:
            context = DriverContext(Clock(), "chf", "han", tmp_path, endpoints={"chf.han": premises.path})
            han = await DRIVER.open(DRIVER.config(), context)
            hub = Hub(han)
            await hub.form()
            premises.ncp.crash()
            await hub.until(lambda: hub.of(NetworkDown))
            assert "chf" in han.faults[0].problem
            await han.close()

    asyncio.run(main())


def test_what_is_no_ezsp_stick_is_told(tmp_path):
    from drivers.zigpy_han import DRIVER

    context = DriverContext(Clock(), "chf", "han", tmp_path)
    with pytest.raises(BenchError) as caught:
        asyncio.run(DRIVER.open(DRIVER.config(url=str(tmp_path / "nothing")), context))
    assert "[nodes.chf.ports.han]" in caught.value.cause


def test_the_network_is_resumed(tmp_path):
    async def main():
        from drivers.zigpy_han import DRIVER

        async with Premises(tmp_path) as premises:
            context = DriverContext(Clock(), "chf", "han", tmp_path, endpoints={"chf.han": premises.path})
            han = await DRIVER.open(DRIVER.config(), context)
            await Hub(han).form()
            network = han.network
            await han.close()
            han = await DRIVER.open(DRIVER.config(), context)
            hub = Hub(han)
            han.add_endpoint(Endpoint(1, PROFILE, 0x0007))
            han.resume()
            await hub.until(lambda: hub.of(NetworkUp))
            assert hub.of(NetworkUp) == [NetworkUp(network, rejoined=True)]
            han.leave()
            await hub.until(lambda: hub.of(NetworkDown))
            await han.close()
            assert premises.ncp.violations == []
            assert ViolationKind.WELL_KNOWN_KEY_USABLE not in {each.kind for each in premises.ncp.violations}

    asyncio.run(main())


def test_the_quietest_channel_is_chosen(tmp_path):
    async def run(premises, hub):
        premises.medium.set_noise(11, -40)
        await hub.form((11, 20))
        assert hub.han.network.channel == 20

    scenario(tmp_path, run)
