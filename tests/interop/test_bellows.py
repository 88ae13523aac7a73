"""Unmodified bellows on our emulated NCP: forms, permits by install code, talks under APS encryption."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from protocols.eui64 import Eui64
from protocols.han import DataReceived, FrameSecurity, HanRole, KeySource
from rigs.emulated.ncp import ViolationKind
from tests.ncp_air import CHANNEL, DEVICE, HUB, INSTALL_KEY, PROFILE, TUNNEL, Premises
from tests.stick_lines import stick_fault

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("bellows") is None, reason="bellows is not here: make interop installs it"
)
ROOT = Path(__file__).parents[2]
VERSIONS = [8, 13, 14]
WELL_KNOWN_KEY = b"ZigBeeAlliance09"
# Where bellows and zigbee-herdsman read a version differently, we write what zigbee-herdsman reads (it follows the
# SDK), and the emulated NCP takes both.
KNOWN_DIFFERENCES = {("13", "startScan"), ("14", "importTransientKey")}


def test_its_tables_are_ours():
    command = [sys.executable, "-m", "tests.interop.ezsp_peer", *map(str, VERSIONS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["compared"] > 800
    assert {name for name in seen["missing"] if not name.endswith("getRadioChannel")} == set()
    differences = {tuple(each.split(" ", 2)[:2]): each for each in seen["differences"]}
    assert set(differences) == KNOWN_DIFFERENCES, differences


class Heard:
    """What bellows hands to zigpy."""

    def __init__(self, app):
        self.packets = []
        self._changed = asyncio.Event()
        self._further = app.packet_received
        app.packet_received = self._take

    def _take(self, packet):
        self.packets.append(packet)
        self._changed.set()
        self._further(packet)

    async def until(self, condition, seconds=10.0):
        async with asyncio.timeout(seconds):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def tunnelled(self):
        return [packet for packet in self.packets if packet.cluster_id == TUNNEL]


@asynccontextmanager
async def started(premises):
    from bellows.zigbee.application import ControllerApplication

    config = {
        "device": {"path": premises.path},
        "use_thread": False,
        "database_path": None,
        "backup_enabled": False,
        "topology_scan_enabled": False,
        "ota": {"enabled": False},
        "network": {"channel": CHANNEL},
    }
    app = ControllerApplication(config)
    await app.connect()
    try:
        await app.initialize(auto_form=True)
        yield app
    finally:
        await app.shutdown()


def packet_to(short, payload, **more):
    import zigpy.types as t

    return t.ZigbeePacket(
        src=t.AddrModeAddress(addr_mode=t.AddrMode.NWK, address=0),
        src_ep=1,
        dst=t.AddrModeAddress(addr_mode=t.AddrMode.NWK, address=short),
        dst_ep=1,
        tsn=1,
        profile_id=PROFILE,
        cluster_id=TUNNEL,
        data=t.SerializableBytes(payload),
        tx_options=t.TransmitOptions.ACK | t.TransmitOptions.APS_Encryption,
        **more,
    )


async def permit(app, eui64=DEVICE, key=INSTALL_KEY):
    import zigpy.types as t

    await app.permit_with_link_key(t.EUI64.deserialize(bytes(eui64)[::-1])[0], t.KeyData(key), 60)


@pytest.mark.parametrize("version", VERSIONS)
def test_it_forms_permits_and_exchanges_encrypted_unicasts(tmp_path, version):
    async def main():
        async with Premises(tmp_path, version) as premises:
            importlib.import_module("bellows.zigbee.application")  # takes longer than what is measured
            begin = time.monotonic()
            async with started(premises) as app:
                took = time.monotonic() - begin
                assert took < 1.0
                assert app.state.network_info.channel == CHANNEL
                assert bytes(app.state.node_info.ieee.serialize()[::-1]) == HUB
                heard = Heard(app)
                device = premises.device()
                await permit(app)
                await device.join()
                await heard.until(lambda: any(packet.cluster_id == 0x0013 for packet in heard.packets))
                device.establish(key=INSTALL_KEY)  # no key establishment here: the install code key has to do
                short = device.node.network.short_address
                await app.send_packet(packet_to(short, b"from bellows"))
                (received,) = device.of(DataReceived)
                assert (received.payload, received.security, received.source) == (
                    b"from bellows",
                    FrameSecurity.LINK,
                    HUB,
                )
                token = device.send(b"to bellows")
                assert await device.confirmed(token) == "done"
                await heard.until(heard.tunnelled)
                (packet,) = heard.tunnelled()
                assert packet.data.serialize() == b"to bellows"
                assert packet.src.address == short
                assert "APS_Encryption" in str(packet.tx_options)
                print(f"EZSP {version}: up in {took:.2f} s, {len(premises.ncp.commands)} commands")

    asyncio.run(main())


@pytest.mark.parametrize("version", [8, 13])
def test_fragments_from_a_device_are_put_together_by_it(tmp_path, version):
    # From version 14 on bellows 1.2.1 takes the binding index for the sender, so that its acknowledgements go astray.
    async def main():
        async with Premises(tmp_path, version) as premises, started(premises) as app:
            heard = Heard(app)
            device = premises.device()
            await permit(app)
            await device.join()
            device.establish(key=INSTALL_KEY)
            message = bytes(range(200)) * 2
            token = device.send(message)
            assert await device.confirmed(token) == "done"
            await heard.until(heard.tunnelled)
            assert heard.tunnelled()[0].data.serialize() == message

    asyncio.run(main())


@pytest.mark.parametrize("version", VERSIONS)
def test_a_message_too_long_for_a_frame_is_refused_as_firmware_does(tmp_path, version):
    async def main():
        from zigpy.exceptions import DeliveryError

        async with Premises(tmp_path, version) as premises, started(premises) as app:
            device = premises.device()
            await permit(app)
            await device.join()
            with pytest.raises(DeliveryError, match="MESSAGE_TOO_LONG"):
                await app.send_packet(packet_to(device.node.network.short_address, bytes(150)))
            assert device.received == []

    asyncio.run(main())


def test_its_own_permit_lets_anybody_in_and_the_ncp_says_so(tmp_path):
    async def main():
        async with Premises(tmp_path) as premises, started(premises) as app:
            heard = Heard(app)
            kinds = [violation.kind for violation in premises.ncp.violations]
            assert kinds == [ViolationKind.WELL_KNOWN_KEY_IMPORTED]  # at start already
            await app.permit(60)
            stranger = premises.device(HanRole.ROUTER, Eui64("90-B3-D5-1F-30-00-00-66"))
            await stranger.join(WELL_KNOWN_KEY)
            await heard.until(lambda: heard.packets)
            kinds = {violation.kind for violation in premises.ncp.violations}
            assert {ViolationKind.WELL_KNOWN_KEY_USABLE, ViolationKind.JOINED_BY_WILDCARD} <= kinds

    asyncio.run(main())


def test_it_starts_over_a_line_that_loses_octets(tmp_path):
    async def main():
        async with Premises(tmp_path) as premises:
            stick_fault(premises.line, premises.medium.scheduler, "stick-octets-lost,probability=0.0005")
            async with started(premises) as app:
                assert app.state.network_info.channel == CHANNEL
            assert premises.ncp.ash.counts.broken + premises.ncp.ash.counts.repeated > 0

    asyncio.run(main())


def test_it_reads_keys_and_tables_back(tmp_path):
    async def main():
        async with Premises(tmp_path) as premises, started(premises) as app:
            device = premises.device()
            await permit(app)
            await device.join()
            ezsp = app._ezsp
            import bellows.types as t

            ieee = t.EUI64.deserialize(bytes(DEVICE)[::-1])[0]
            (status,) = await ezsp.importLinkKey(3, ieee, t.KeyData(bytes(range(16))))
            assert status == t.sl_Status.OK
            assert premises.ncp.stack.node.aps.keys.by_partner[DEVICE].source is KeySource.ESTABLISHED
            await app.load_network_info(load_devices=True)
            (key,) = app.state.network_info.key_table
            assert (bytes(key.key.serialize()), key.partner_ieee) == (bytes(range(16)), ieee)
            assert (
                app.state.network_info.network_key.key.serialize()
                == premises.ncp.stack.node.nwk.keys.active.key
            )
            assert [str(child) for child in app.state.network_info.children] == [str(ieee)]

    asyncio.run(main())
