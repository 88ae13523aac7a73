"""A hub that takes the place of another: it is given the other's device log and goes on with its HAN (CCS03).

For hubs of a rig of their own: what devices were on the hub's own HAN lose it.
"""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs
from protocols.eui64 import Eui64
from protocols.radio_frames import with_fcs
from protocols.zigbee.mac import FrameType
from protocols.zigbee.mac_commands import parse_beacon, parse_zigbee_beacon

from .. import device_log as log

pytestmark = [needs(devices=["spare_hub"]), leaves("irreversible")]

FORMER_HAN = Eui64("00-DB-12-34-56-78-90-01")
DEVICES = {
    Eui64("00-DB-12-34-56-78-90-02"): bytes(range(16)),
    Eui64("00-DB-12-34-56-78-90-03"): b"",  # entered, and never joined
}
# An 802.15.4 MAC command to all on every PAN: who is there?
BEACON_REQUEST = bytes.fromhex("0308 2A FFFF FFFF 07")
FORMING_S = 5.0
# A device sees that its hub is gone, looks for its network, is let in, and makes a link key.
BACK_S = 300.0


@pytest.fixture
def spare_hub(bench):
    """The rig names such a hub ``spare_hub`` (rigs/spare-hub.toml)."""
    return bench.devices["spare_hub"]


def restore(acb, hub, han=FORMER_HAN, hashes=None):
    """CCS03."""
    devices = [
        {"deviceidentifier": bytes(device).hex(), "securityDetails": hashed.hex()}
        for device, hashed in (hashes or DEVICES).items()
    ]
    name = "DeviceLog(CHF): restoreCHFDeviceLog"
    values = {f"{name}/hanIdentifier": bytes(han).hex(), f"{name}/devices_to_restore": devices}
    return acb.request("CCS03", hub, values=values)


def backed_up(acb, hub):
    """Identifier of the HAN, and hashed link key by device (CCS07)."""
    response = acb.request("CCS07", hub)
    found = response.named["elements"]["DeviceLog(CHF): readCHFDeviceLog"]
    hashes = {
        Eui64(bytes.fromhex(each["deviceIdentifier"])): bytes.fromhex(each["securityDetails"])
        for each in found["devices_to_backup"]
    }
    return Eui64(bytes.fromhex(found["hanIdentifier"])), hashes


def networks(bench):
    """Extended PAN ids of the networks that answer on the HAN's channel, each once: others may ask, too."""
    bench.attacker.state()
    mark = bench.han.mark()
    bench.attacker.inject([with_fcs(BEACON_REQUEST)], "hostile: somebody asks for beacons")
    bench.wait(1.0)
    found = []
    for seen in bench.han.since(mark):
        mac = seen.frame.mac
        if mac is not None and mac.frame_type is FrameType.BEACON:
            found.append(parse_zigbee_beacon(parse_beacon(mac.payload).payload).extended_pan_id)
    return list(dict.fromkeys(found))


@covers("GBCS-CCS03-01")
@needs(capabilities=["spare_hub.han.watch", "spare_hub.han.inject"])
def test_hub_forms_the_network_of_the_hub_before(bench, acb, spare_hub, check):
    bench.wait(FORMING_S)
    before = networks(bench)
    mark = bench.alerts.mark()
    response = restore(acb, spare_hub)
    check.that(
        "GBCS-CCS03-01",
        not any(response.statuses.values()),
        expected="success",
        observed=response.statuses,
        octets=response.octets,
    )
    backup = log.backup(bench, spare_hub, mark)
    bench.wait(FORMING_S)
    check.that(
        "GBCS-CCS03-01",
        bool(before) and networks(bench) == [FORMER_HAN],
        expected=f"one network, {FORMER_HAN}",
        observed=f"{networks(bench)}; before: {before}",
    )
    check.equal("GBCS-CCS03-01", FORMER_HAN, Eui64(backup.values["extended_pan_id"]), octets=backup.octets)
    check.equal("GBCS-CCS03-01", DEVICES, log.hashes(backup), octets=backup.octets)


@covers("GBCS-CCS03-01")
@needs(capabilities=["spare_hub.han.watch", "spare_hub.han.inject", "spare_hub.power"])
def test_restored_network_outlives_a_power_cut(bench, acb, spare_hub, check):
    bench.wait(FORMING_S)
    restore(acb, spare_hub)
    bench.wait(FORMING_S)
    spare_hub.power.off()
    bench.wait(1.0)
    spare_hub.power.on()
    bench.wait(FORMING_S)
    check.equal("GBCS-CCS03-01", [FORMER_HAN], networks(bench))


@covers("GBCS-CCS03-02")
@needs(devices=["esme"], state="joined")
def test_devices_of_a_restored_log_come_back_by_themselves(bench, acb, spare_hub, esme, check):
    """A hub that knows no more of its meter than a backup says is as new to it as another hub."""
    han, hashes = backed_up(acb, spare_hub)
    mark = bench.alerts.mark()
    restore(acb, spare_hub, han, hashes)
    bench.wait(BACK_S)
    response = acb.request("ECS52", esme, timeout_s=60.0)
    check.equal("GBCS-CCS03-02", "ok", response.mac, octets=response.octets)
    first = log.backup_with_key(bench, spare_hub, esme.eui64, mark)
    check.equal("GBCS-CCS03-02", hashes, log.hashes(first), octets=first.octets)
    _, renewed = backed_up(acb, spare_hub)
    check.that(
        "GBCS-CCS03-02",
        renewed[esme.eui64] not in {b"", hashes[esme.eui64]},
        expected="the hash of a key made with this hub",
        observed=renewed[esme.eui64].hex(),
    )
