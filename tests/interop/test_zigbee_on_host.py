"""zigbee-on-host forms a network on our emulated RCP and lets devices of ours in."""

import asyncio
import shutil
from itertools import groupby

import pytest

from protocols.eui64 import Eui64
from protocols.han import DataConfirmed, DataReceived, DataStatus, Endpoint, FrameRefused, HanRole, NetworkUp
from protocols.radio import RadioSettings, TransmitStatus
from protocols.zigbee.install_code import link_key, parse_install_code
from protocols.zigbee.stack.core import Refusal
from rigs.emulated.air import AirFrame, EmulatedRadio
from tests.interop.wireshark_air import dissect_frames
from tests.interop.zigbee_on_host.device import LiveNode
from tests.interop.zigbee_on_host.harness import Network, coordinator_on_air, needs_zigbee_on_host
from tests.loops import in_loop
from tests.unit.emulated.air_bench import Ear

DEVICE = Eui64("00-11-22-33-44-55-66-01")
NO_ADDRESS = 0xFFFF
HOME_AUTOMATION = 0x0104  # no key establishment there, which zigbee-on-host has not
BASIC, METERING = 0x0000, 0x0702


class Joiner:
    """A sleepy end device, as far as the MAC goes."""

    def __init__(self, medium, pan: int, channel: int) -> None:
        self.radio = EmulatedRadio(medium, "joiner", DEVICE)
        self.ear = Ear(self.radio)
        self.pan = pan
        self.channel = channel
        self.sequence = 0

    def settle(self, pan: int, short: int, *, awake: bool) -> None:
        self.radio.configure(RadioSettings(self.channel, pan, short, DEVICE, receiver_on_when_idle=awake))

    async def send(self, control: str, addresses: bytes, command: bytes):
        self.sequence += 1
        self.radio.transmit(
            self.sequence, bytes.fromhex(control) + bytes((self.sequence,)) + addresses + command
        )
        token = self.sequence
        await self.ear.until(lambda: token in self.ear.results)
        return self.ear.results[token]

    async def poll(self, short: int = NO_ADDRESS) -> bytes | None:
        """What the coordinator has kept for us."""
        before = len(self.ear.frames)
        to = self.pan.to_bytes(2, "little") + b"\x00\x00"
        if short == NO_ADDRESS:
            result = await self.send("63c8", to + DEVICE[::-1], b"\x04")
        else:
            result = await self.send("6388", to + short.to_bytes(2, "little"), b"\x04")
        assert result.status is TransmitStatus.DONE
        assert result.frame_pending  # no source match: everybody is told to wait
        try:
            await self.ear.until(lambda: len(self.ear.frames) > before, 0.2)
        except TimeoutError:
            return None
        return self.ear.frames[-1].octets


@needs_zigbee_on_host
@in_loop
async def test_association_on_our_rcp(tmp_path):
    async with coordinator_on_air(tmp_path) as stage:
        network = stage.coordinator.network
        await stage.coordinator.do("permit", seconds=60)
        joiner = Joiner(stage.medium, network.panId, network.channel)
        pan = network.panId.to_bytes(2, "little")

        # Active scan: any PAN's beacons are taken, and this one permits association.
        joiner.settle(0xFFFF, NO_ADDRESS, awake=True)
        await joiner.send("0308", b"\xff\xff\xff\xff", b"\x07")
        await joiner.ear.until(lambda: joiner.ear.frames)
        beacon = joiner.ear.frames[-1].octets
        assert beacon[:2] == b"\x00\x80"
        assert beacon[3:7] == pan + b"\x00\x00"
        assert beacon[8] & 0x80

        # Association, with the receiver off but for polls.
        joiner.settle(network.panId, NO_ADDRESS, awake=False)
        result = await joiner.send("23c8", pan + b"\x00\x00\xff\xff" + DEVICE[::-1], b"\x01\x80")
        assert result.status is TransmitStatus.DONE
        await asyncio.sleep(0.1)  # macResponseWaitTime is the device's to keep, not the coordinator's
        response = await joiner.poll()
        assert response is not None
        assert response[0] & 7 == 3
        at = response.index(DEVICE[::-1]) + 16
        assert response[at] == 0x02
        short = int.from_bytes(response[at + 1 : at + 3], "little")
        assert response[at + 3] == 0
        assert short not in {0, NO_ADDRESS, 0xFFFE}

        # The network key waits for the next poll under the new address.
        joiner.settle(network.panId, short, awake=False)
        transport_key = None
        for _ in range(20):
            transport_key = await joiner.poll(short)
            if transport_key is not None:
                break
        assert transport_key is not None
        assert transport_key[0] & 7 == 1
        nwk = transport_key[9:]
        assert nwk[2:4] == short.to_bytes(2, "little")
        assert not nwk[1] & 0x02  # nobody without the key could read a secured NWK frame
        assert stage.rcp.line_errors == []


@needs_zigbee_on_host
@pytest.mark.parametrize("role", [HanRole.ROUTER, HanRole.END_DEVICE, HanRole.SLEEPY_END_DEVICE])
@in_loop
async def test_a_device_of_ours_joins_and_reports_metering(tmp_path, role):
    # The install code's key has to be the trust centre's own: see Network.
    key = link_key(parse_install_code("83FED3407A939723A5C639B26916D505C3B5"))
    network = Network(tcKey=key.hex())
    frames: list[AirFrame] = []
    async with coordinator_on_air(tmp_path, network) as stage:
        stage.medium.tap(frames.append)
        coordinator = stage.coordinator
        await coordinator.do("permit", seconds=60)
        device = LiveNode(role, EmulatedRadio(stage.medium, "device", DEVICE))
        device.node.add_endpoint(Endpoint(1, HOME_AUTOMATION, 0x0053, (BASIC, METERING)))
        device.node.join(key, (network.channel,))
        device.arm()
        up = await device.event(NetworkUp)
        assert (up.network.channel, up.network.pan_id) == (network.channel, network.panId)
        joined = await coordinator.event("joined")
        assert joined == {"event": "joined", "short": up.network.short_address, "eui64": DEVICE.hex()}

        # Report Attributes: CurrentSummationDelivered, uint48, 123456.
        report = bytes.fromhex("18010a00002540e201000000")
        token = device.node.send(
            0,
            profile=HOME_AUTOMATION,
            cluster=METERING,
            source_endpoint=1,
            destination_endpoint=1,
            payload=report,
            secured=False,
            acknowledged=False,
        )
        confirmed = await device.event(DataConfirmed)
        assert (confirmed.token, confirmed.status) == (token, DataStatus.DONE)
        while (frame := await coordinator.event("frame"))["cluster"] != METERING:
            pass  # ZDP comes this way, too
        assert frame["payload"] == report.hex()
        assert (frame["profile"], frame["from"]) == (HOME_AUTOMATION, up.network.short_address)

        # And the other way: what a HAN protects with link keys is refused without, the rest comes through.
        read = bytes.fromhex("0002000000")
        for cluster in (METERING, BASIC):
            await coordinator.do(
                "unicast",
                to=up.network.short_address,
                profile=HOME_AUTOMATION,
                cluster=cluster,
                endpoint=1,
                payload=read.hex(),
            )
        refused = await device.event(FrameRefused)
        assert (refused.reason, refused.cluster) == (Refusal.NEEDS_LINK_KEY, METERING)
        received = await device.event(DataReceived)
        assert (received.cluster, received.payload) == (BASIC, read)
        device.close()
    shown = dissect_frames(frames, [key], ["zbee_zcl.cmd.id"], tmp_path)
    assert len(shown) == len(frames) > 20
    # tshark had the install code's key alone: it learnt the network key from the Transport-Key it decrypted.
    clusters = [layers["zbee_aps.cluster"] for layers in shown if "zbee_zcl.cmd.id" in layers]
    # It may send again by itself what the RCP refused at first, so repeats do not count.
    expected = [["0x0702"], ["0x0000"]] if shutil.which("tshark") else []
    assert [cluster for cluster, _ in groupby(clusters)] == expected
