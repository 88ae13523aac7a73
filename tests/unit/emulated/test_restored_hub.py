"""A hub that is given the log of the one before (CCS03): devices come back to it by themselves.

Two hubs and their devices on one air; the first hub goes dark, as one that was taken off the wall.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from fixtures import emulated_premises
from fixtures.emulated_premises import EUI64S, describe
from fixtures.premises_by_hand import ACB, CS14, PremisesByHand, backup, codes
from protocols.eui64 import Eui64
from protocols.zigbee.security import mmo_hash
from rigs.emulated.config import EmulatorConfig, NodeConfig
from rigs.emulated.fault_catalogue import parse_order
from rigs.emulated.premises import Premises

SPARE = Eui64("00-DB-12-34-56-78-90-B2")
DEVICES = ("esme", "gsme", "ppmid")
BACK_S = 400.0
NAME = "DeviceLog(CHF): restoreCHFDeviceLog"


class Spare:
    """The other hub, at a port of its own."""

    def __init__(self, bench: PremisesByHand, folder) -> None:
        self.bench = bench
        self.folder = folder
        self.out: list[bytes] = []
        self.start()

    def start(self) -> None:
        authority = emulated_premises.TestAuthority(
            emulated_premises.SUITE_2, Eui64("00-DB-12-34-56-78-CA-FE"), b"premises by hand"
        )
        made = describe("chf", self.bench.hierarchy)
        node = replace(
            made,
            name="spare",
            eui64=SPARE,
            identities=self.bench.hierarchy.device(SPARE),
            han=replace(made.han, credentials=[authority.issue(SPARE)]),
        )
        air = self.bench.premises.air
        self.premises = Premises(
            EmulatorConfig("spare", self.folder, [NodeConfig(node)], han=air.settings),
            self.bench.clock,
            on_message=lambda _, octets: self.out.append(octets),
            on_console=lambda *_: None,
            air=air,
            on_work=lambda: None,
        )
        self.premises.begin()

    def command(self, user, use_case, device, wait_s=0.0, **values):
        self.premises.receive("spare", self.bench.users.command(user, use_case, device, **values))
        return self.after(wait_s)

    def after(self, seconds):
        self.bench.after(seconds)
        out, self.out = self.out, []
        return [self.bench.users.read(octets) for octets in out]

    @property
    def log(self):
        return self.premises.hub.chf.log

    def entries(self):
        return {each: entry.device_type for each, entry in self.log.entries.items()}


@pytest.fixture
def bench(tmp_path, monkeypatch):
    monkeypatch.setitem(EUI64S, "spare", SPARE)
    with PremisesByHand(tmp_path / "premises") as bench:
        yield bench


@pytest.fixture
def spare(bench, tmp_path):
    made = Spare(bench, tmp_path / "spare")
    yield made
    made.premises.close()


def joined(bench, names=DEVICES):
    for name in names:
        bench.join(name)
        bench.after(60)
    return {device: entry.hashed_link_key for device, entry in bench.premises.hub.chf.log.entries.items()}


def restore(spare, hashes):
    """CCS03 with the HAN of the hub before."""
    devices = [
        {"deviceidentifier": bytes(device).hex(), "securityDetails": hashed.hex()}
        for device, hashed in hashes.items()
    ]
    values = {f"{NAME}/hanIdentifier": bytes(EUI64S["gpf"]).hex(), f"{NAME}/devices_to_restore": devices}
    return spare.command(ACB, "CCS03", "spare", **values)


def answers(spare, name):
    use_case = "GCS38" if name == "gsme" else "ECS52"
    found = spare.command(ACB, use_case, name, wait_s=60.0)
    return [each.authentic for each in found if each.message.header.business_originator_id == EUI64S[name]]


def test_devices_come_back_to_the_next_hub_without_their_install_codes(bench, spare):
    hashes = joined(bench)
    keys = {device: entry.link_key for device, entry in bench.premises.hub.chf.log.entries.items()}
    assert hashes == {device: mmo_hash(key) for device, key in keys.items()}
    bench.power("chf", on=False)
    restore(spare, hashes)
    told = spare.after(BACK_S)
    assert spare.entries() == {EUI64S[name]: name for name in DEVICES}
    for name in DEVICES:
        assert answers(spare, name) == [True]
    # Each made a key anew, and the broker has the hash of that.
    fresh = {device: entry.link_key for device, entry in spare.log.entries.items()}
    assert not set(fresh.values()) & {*keys.values(), *hashes.values(), b""}
    assert backup(told) == {device: mmo_hash(key) for device, key in fresh.items()}
    assert codes(told).count(CS14) == len(DEVICES)
    assert {member.device.hub for member in bench.premises.on_han.values()} == {SPARE}


def test_a_device_with_another_hash_stays_outside(bench, spare):
    (device,) = joined(bench, ["esme"])
    bench.power("chf", on=False)
    restore(spare, {device: bytes(16)})
    spare.after(BACK_S)
    assert not spare.log.entries[device].joined
    assert answers(spare, "esme") == []


def test_devices_come_back_later_and_after_power_cuts(bench, spare):
    hashes = joined(bench, ["esme"])
    bench.power("chf", on=False)
    bench.power("esme", on=False)
    restore(spare, hashes)
    spare.after(4000.0)
    spare.premises.control("power-off", "spare", "", "")
    spare.after(5.0)
    spare.premises.control("power-on", "spare", "", "")
    bench.power("esme", on=True)
    spare.after(BACK_S)
    assert answers(spare, "esme") == [True]
    bench.power("esme", on=False)
    bench.power("esme", on=True)
    spare.after(60.0)
    assert answers(spare, "esme") == [True]


@pytest.mark.parametrize("number", range(1, 16, 2))
def test_supply_that_fails_while_a_device_changes_over(bench, spare, number):
    hashes = joined(bench, ["esme"])
    bench.power("chf", on=False)
    restore(spare, hashes)
    bench.premises.faults.begin(parse_order(f"cut-power:esme,at=write,number={number},seconds=2"))
    spare.after(2 * BACK_S)
    assert answers(spare, "esme") == [True]


def test_a_hub_that_has_its_own_log_back_knows_its_devices(bench):
    """Nothing but hashes is left of their keys; the radio is the same."""
    hashes = joined(bench, ["esme"])
    before = bench.premises.hub.chf.log.entries[EUI64S["esme"]].link_key
    devices = [
        {"deviceidentifier": bytes(device).hex(), "securityDetails": hashed.hex()}
        for device, hashed in hashes.items()
    ]
    values = {f"{NAME}/hanIdentifier": bytes(EUI64S["gpf"]).hex(), f"{NAME}/devices_to_restore": devices}
    bench.request(ACB, "CCS03", "chf", **values)
    bench.after(BACK_S)
    (response,) = bench.request(ACB, "ECS52", "esme", wait_s=30.0)
    assert response.authentic
    assert bench.premises.hub.chf.log.entries[EUI64S["esme"]].link_key not in {before, b""}
