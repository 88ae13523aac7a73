"""The Gas Proxy Function with a living gas meter on the HAN: mirror, logs, commands tapped off."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from fixtures import emulated_premises
from fixtures import gas_tariffs as tariffs
from fixtures.emulated_premises import EUI64S
from fixtures.gas_bench import gas_load, payload_of, said
from fixtures.premises_by_hand import PremisesByHand
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.crypto import decrypt_block
from protocols.gbcs.gbz import parse_gbz
from protocols.gbcs.zcl import Status
from protocols.zigbee.smart_energy.events import MirrorCreated
from protocols.zigbee.smart_energy.mirror import FUNCTIONAL, Flag
from rigs.emulated.gas.snapshots import DAILY, METERING

WAKE_S = 320.0
IN_FORCE = {"Issuer Calendar ID": 0xFFFFFFFF}
READ_DAYS = ("0707>01", IN_FORCE | {"Start Day ID": 1, "Number of Days": 0})


class GasPremises(PremisesByHand):
    """Hub and gas meter, with gas flowing, paired."""

    def __init__(self, state_dir):
        super().__init__(state_dir, ("chf", "gpf", "gsme"))
        self.join("gsme")
        self.request("supplier", "CS03B", "gsme", other_device_id=EUI64S["gpf"], other_device_type="gpf")
        self.after(WAKE_S)

    def ask(self, device, use_case, *parts, party="supplier"):
        """What a device's answer to these components says."""
        found = load_catalogue()[use_case]
        octets = self.users.wrap(
            party, device, found.message_codes[0], payload_of(use_case, parts), signed=bool(found.critical)
        )
        heard = self.put(octets, wait_s=0.0 if device == "gpf" else WAKE_S)
        (response,) = (each for each in heard if each.message.kind == "response")
        secret = self.users._secret(self.hierarchy.organisation(party).ka.private, device)
        header = response.message.header
        return said(
            parse_gbz(response.message.payload).components, lambda block: decrypt_block(secret, header, block)
        )

    @property
    def gpf(self):
        return self.premises.devices["gpf"]

    @property
    def gsme(self):
        return self.premises.devices["gsme"]


@pytest.fixture
def describe_with_load(monkeypatch):
    original = emulated_premises.describe

    def describe(name, hierarchy):
        made = original(name, hierarchy)
        if name != "gsme":
            return made
        # Hours of virtual time are to cost seconds.
        return replace(made, han=replace(made.han, poll_s=60, wake_s=300, awake_every_s=5), **gas_load(3600))

    monkeypatch.setattr(emulated_premises, "describe", describe)


@pytest.fixture
def bench(tmp_path, describe_with_load):
    with GasPremises(tmp_path / "state") as made:
        yield made


def test_registers_and_states_are_mirrored(bench):
    bench.after(WAKE_S)
    (gpf,) = bench.ask("gpf", "GCS13a", ("0702>00", {"read": [0x0302, 0x0301, 0x0300, 0x0000]}))
    assert gpf["0000"] > 0
    assert abs(gpf["0000"] - bench.gsme.consumption) < 20
    (state,) = bench.ask("gpf", "GCS33", ("0702>00", {"read": [0x0205, 0x0014]}))
    assert state == {"0205": bench.gsme.gas.battery.days, "0014": 2}


def test_flow_threshold_is_not_mirrored(bench):
    assert (0x0702, 0x0B10) not in bench.gpf.proxy._mirror()
    assert all(not key.startswith("0702/0b1") for key in bench.gpf.proxy._mirror())


def test_snapshots_and_samples_come_to_the_proxy(bench):
    # Midnight comes sooner for a meter whose clock is ahead; the half hours that it jumps over are a gap.
    with bench.gsme.work():
        bench.gsme.device_clock.drift(timedelta(hours=11, minutes=10))
    bench.after(3600)
    sample = {"Sample ID": 0, "Earliest Sample Time": "2026-03-01T00:00:00Z", "Sample Type": 0}
    (profile,) = bench.ask("gpf", "GCS17", ("0702>08", sample | {"Number of Samples": 100}))
    assert profile["Sample Start Time"] == "2026-03-01T23:30:00Z"
    assert profile["Samples"][-1:] == [1800]
    limits = {"Earliest Start Time": "now", "Latest End Time": "never", "Snapshot Offset": 0}
    (daily,) = bench.ask("gpf", "GCS16a", ("0702>06", limits | {"Snapshot Cause": 1}))
    assert daily["Snapshot Time"] == "2026-03-02T00:00:00Z"
    assert daily == bench.ask("gsme", "GCS16a", ("0702>06", limits | {"Snapshot Cause": 1}))[0]


def test_history_is_published_again_when_the_mirror_asks(bench):
    bench.after(2000)
    with bench.gpf.work():
        for key, _value in bench.gpf.storage.items("gas.profile"):
            bench.gpf.storage.delete("gas.profile", key)
    assert bench.gpf.proxy.profile.record() is None
    application = bench.premises.hub.han._application
    application.set_flags(EUI64S["gsme"], FUNCTIONAL, Flag.GET_SAMPLED_DATA)
    bench.after(2 * WAKE_S)
    assert bench.gpf.proxy.profile.record()["Number of Samples"] == 1
    assert not application.flags(EUI64S["gsme"])[FUNCTIONAL] & Flag.GET_SAMPLED_DATA


def test_tapped_tariff_is_read_from_the_proxy(bench):
    parts = (
        *tariffs.every_day([(0, 2)]),
        tariffs.tariff(blocks=False, tiers=4),
        tariffs.prices(11, 22, 33, 44, blocks=False),
    )
    bench.ask("gsme", "GCS01a", *parts)
    prices, day, now = bench.ask(
        "gpf",
        "GCS21f",
        ("0700>00", {"read": [0x0410, 0x0420]}),
        READ_DAYS,
        ("0700>00", {"Command Options": 0}),
    )
    assert prices == {"0410": 11, "0420": 22}
    assert day["Day Schedule Entries"] == [{"Start Time": 0, "Price Tier": 2}]
    assert now["Price"] == 22


def test_refused_components_are_not_taken_over(bench):
    bench.ask(
        "gsme", "GCS01b", tariffs.tariff(blocks=False, tiers=4), tariffs.prices(5, 6, 7, 8, 9, blocks=False)
    )
    (prices,) = bench.ask("gpf", "GCS21f", ("0700>00", {"read": [0x0410, 0x0301]}))
    assert prices == {"0410": 0, "0301": 25_000}


@pytest.mark.parametrize(("switch", "expected"), [("hold", 22), ("discard", 0)])
def test_dated_elements_are_held_or_discarded(bench, switch, expected):
    bench.gpf.description.switches = {"A17": switch}
    at = f"{bench.clock.time + timedelta(minutes=12):%Y-%m-%dT%H:%M:%SZ}"
    bench.ask(
        "gsme",
        "GCS01b",
        tariffs.tariff(blocks=False, tiers=4, at=at),
        tariffs.prices(11, 22, blocks=False, at=at),
    )
    read = ("0700>00", {"read": [0x0420]})
    assert bench.ask("gpf", "GCS21f", read) == [{"0420": 0}]
    bench.after(800)
    assert bench.ask("gpf", "GCS21f", read) == [{"0420": expected}]


def test_billing_calendar_is_tapped(bench):
    bench.ask("gsme", "GCS25a", *tariffs.billing("2026-04-01T00:00:00Z", 3))
    (said_,) = bench.ask(
        "gpf",
        "GCS21k",
        (
            "0700>0B",
            {
                "Earliest Start Time": "now",
                "Min Issuer Event ID": 0xFFFFFFFF,
                "Number of Commands": 1,
                "Tariff Type": 0,
            },
        ),
    )
    assert (said_["Billing Period Duration"], said_["Billing Period Start Time"]) == (
        3,
        "2026-04-01T00:00:00Z",
    )


def test_response_that_cannot_be_read_is_reported(bench):
    parts = [tariffs.tariff(blocks=False, tiers=4), tariffs.prices(1, 2, blocks=False)]
    code = load_catalogue()["GCS01b"].message_codes[0]
    from protocols.gbcs.message import Message, parse_message

    octets = bench.users.wrap("supplier", "gsme", code, payload_of("GCS01b", parts), signed=True)
    command = parse_message(octets)
    bench.gpf.tap_command(command)
    header = replace(
        command.header,
        cra_flag=2,
        business_originator_id=command.header.business_target_id,
        business_target_id=command.header.business_originator_id,
    )
    bench.gpf.tap_response(Message(header, b"\x01\x09\x01\x01", None, None))
    assert [each.code for each in bench.gpf.events.entries("event")][-1:] == [0x819E]


# ---------------------------------------------------------------------- the household


def _snapshot(day, total):
    return {
        "Snapshot ID": day,
        "Snapshot Time": f"2026-02-{day:02}T00:00:00Z",
        "Command Index": 0,
        "Total Number of Commands": 1,
        "Snapshot Cause": 1,
        "Snapshot Payload Type": 6,
        "Current Summation": total,
        "Number of Tiers in Use": 4,
        "Tier Summations": [0] * 4,
        "Number of Tiers and Block Thresholds in Use": 0x14,
        "Tier Block Summations": [0] * 4,
    }


GET_SNAPSHOT = bytes(4) + b"\xff" * 4 + b"\x00" + bytes((1, 0, 0, 0))


def test_household_sees_nothing_from_before_the_tenancy(bench):
    gpf = bench.gpf
    with gpf.work():
        for day in (1, 2, 3):
            gpf.proxy.snapshots.add(METERING, DAILY, _snapshot(day, day))
    (command, payload) = gpf.history(0x0702, 0x06, GET_SNAPSHOT)
    assert (command, payload[8]) == (0x06, 3)
    about = {"Tariff Type": 0, "Proposed Tenancy Change Control": 0x200}
    bench.ask("gpf", "GCS09", ("0708<00", about | {"Implementation Date/Time": "2026-02-02T12:00:00Z"}))
    (command, payload) = gpf.history(0x0702, 0x06, GET_SNAPSHOT)
    assert payload[8] == 1
    limits = {"Earliest Start Time": "now", "Latest End Time": "never", "Snapshot Offset": 0}
    (remote,) = bench.ask("gpf", "GCS16a", ("0702>06", limits | {"Snapshot Cause": 1}))
    assert remote["Total Snapshots Found"] == 3
    later = {"Implementation Date/Time": "2026-12-01T00:00:00Z"}
    bench.ask("gpf", "GCS09", ("0708<00", about | later))
    assert gpf.history(0x0702, 0x06, GET_SNAPSHOT) == Status.NOT_FOUND


def test_only_devices_of_the_proxys_log_read_it(bench):
    assert not bench.gpf.may_read(EUI64S["ppmid"])
    bench.request("supplier", "CS03B", "gpf", other_device_id=EUI64S["ppmid"], other_device_type="ppmid")
    assert bench.gpf.may_read(EUI64S["ppmid"])


@pytest.mark.parametrize(
    ("switch", "expected"), [("refilled", Flag.GET_SNAPSHOT | Flag.GET_SAMPLED_DATA), ("gap-detectable", 0)]
)
def test_proxy_new_to_the_meter_asks_for_its_history(bench, switch, expected):
    bench.gpf.description.switches = {"A29": switch}
    bench.premises.hub.han._mirrored(MirrorCreated(EUI64S["gsme"], 3))
    assert bench.premises.hub.han._application.flags(EUI64S["gsme"])[FUNCTIONAL] == expected


def _half_hours(first, amounts):
    """Get Sampled Data Response of the profile, the first half hour ending at a moment (s since 2000)."""
    head = bytes(2) + first.to_bytes(4, "little") + b"\x00\x08\x07" + len(amounts).to_bytes(2, "little")
    return head + b"".join(each.to_bytes(3, "little") for each in amounts)


def test_daily_consumption_is_the_sum_of_a_whole_day(bench):
    day = 26 * 365 * 86_400  # some midnight
    for first, amounts in ((day + 1800, range(1, 25)), (day + 25 * 1800, [*range(25, 49), 7])):
        bench.gpf.take_published(EUI64S["gsme"], 0x0702, 0x07, _half_hours(first, amounts))
    asked = {"Sample ID": 1, "Earliest Sample Time": "2000-01-01T00:00:01Z", "Sample Type": 0}
    (log,) = bench.ask(
        "gpf", "GCS61", ("0702>08", asked | {"Number of Samples": 731}), party="access_control_broker"
    )
    assert (log["Samples"], log["Sample Request Interval"]) == ([sum(range(1, 49))], 0xFFFF)


@pytest.mark.parametrize("payload", [b"", bytes(7), _half_hours(86_400, [1])[:-1]])
def test_published_octets_that_cannot_be_read_change_nothing(bench, payload):
    before = bench.gpf.storage.dump()
    bench.gpf.take_published(EUI64S["gsme"], 0x0702, 0x07, payload)
    assert bench.gpf.storage.dump() == before
