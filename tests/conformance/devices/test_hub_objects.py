"""What a dual band hub holds of itself: sub GHz channel, settings and log, its own logs, time and identity."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hil.api import covers, leaves, needs
from protocols.ports import StimulusKind

from .. import device_log
from ..alerts.stimuli import do
from ..reads import raised, read, restart

pytestmark = [needs(state="commissioned", devices=["chf"]), leaves("restored")]

with_stimuli = needs(capabilities=["chf.stimulus"])
BUTTON = StimulusKind.BUTTON
CHANNEL, CHANNEL_LOG = "OperatingSubGHzChannel: value", "SubGHzChannelLog: readLog"
SETTINGS = "SubGHzConfigurationSettings: subGhzConfig"
CHANGES = "maximumSubGHzChannelChangesPerWeek"
INTERRUPTED, TAMPERED = 0x8F57, 0x8F3F
MORE_CHANGES = 10


def _window(bench, start=None):
    day = timedelta(days=1)
    return {"fromDateTime": start or bench.clock.now() - day, "toDateTime": bench.clock.now() + day}


@pytest.fixture
def calm(chf):
    """Nothing going on in the air, before the test and after it."""
    for knob in ("duty:0", "noise:0"):
        do(chf, BUTTON, f"sub-ghz={knob}")
    yield
    for knob in ("duty:0", "noise:0"):
        do(chf, BUTTON, f"sub-ghz={knob}")


@covers("GBCS-10.6.2-01", "CHTS-4.6.3.12-OBJ", "CHTS-4.6.3.13-OBJ")
@with_stimuli
@pytest.mark.usefixtures("calm")
def test_the_channel_and_the_log_of_its_changes_are_read(bench, acb, chf, check):
    _allow_changes(acb, chf)
    first = acb.request("DBCH01", chf).find(CHANNEL)
    before = acb.request("DBCH02", chf, **_window(bench)).named["elements"][CHANNEL_LOG]
    mark = bench.alerts.mark()
    do(chf, BUTTON, "sub-ghz=noise:30")
    raised(check, bench, chf, [0x8F26], since=mark, row="GBCS-10.6.2-01")
    second = acb.request("DBCH01", chf).find(CHANNEL)
    check.that("CHTS-4.6.3.12-OBJ", first != second, expected="another channel", observed=second)
    after = acb.request("DBCH02", chf, **_window(bench)).named["elements"][CHANNEL_LOG]
    check.equal("CHTS-4.6.3.13-OBJ", before, after[: len(before)])
    check.that("GBCS-10.6.2-01", len(after) > len(before), expected="an entry more", observed=len(after))


def _allow_changes(acb, chf):
    """Other tests may have had this week's changes of channel already."""
    settings = acb.request("DBCH03", chf).named["elements"][SETTINGS]
    more = {**settings, CHANGES: settings[CHANGES] + MORE_CHANGES}
    values = {f"elements/{SETTINGS}/{name}": value for name, value in more.items()}
    assert not any(acb.request("DBCH04", chf, values=values).statuses.values())


@covers("CHTS-4.5.1.12-OBJ")
@with_stimuli
@pytest.mark.usefixtures("calm")
def test_a_scan_is_made_when_it_is_asked_for(bench, acb, chf, check):
    mark = bench.alerts.mark()
    response = acb.request("DBCH05", chf, values={"CHFSubGHzChannelScan: request": 0})
    check.equal("CHTS-4.5.1.12-OBJ", False, any(response.statuses.values()), octets=response.octets)
    raised(check, bench, chf, [0x8F28], since=mark, row="CHTS-4.5.1.12-OBJ")


@covers("CHTS-4.6.2.5-OBJ")
def test_sub_ghz_settings_are_kept(acb, chf, check):
    before = acb.request("DBCH03", chf).named["elements"][SETTINGS]
    wanted = {**before, CHANGES: before[CHANGES] + 2}
    for settings in (wanted, before):
        values = {f"elements/{SETTINGS}/{name}": value for name, value in settings.items()}
        assert not any(acb.request("DBCH04", chf, values=values).statuses.values())
        check.equal("CHTS-4.6.2.5-OBJ", settings, acb.request("DBCH03", chf).named["elements"][SETTINGS])


@covers("CHTS-4.6.3.3-OBJ", "CHTS-4.6.3.5-OBJ")
@needs(capabilities=["chf.stimulus", "chf.power"])
def test_event_and_security_log_are_kept(bench, acb, chf, check):
    start = bench.clock.now()

    def log(code, element):
        return [
            each["logCode"]
            for each in acb.request(code, chf, **_window(bench, start)).named["elements"][element]
        ]

    bench.wait(60)
    event, security = ("ECS35c", "EventLog(CHF): readLog"), ("ECS35d", "SecurityLog(CHF): readLog")
    for row, places, code, cause in (
        ("CHTS-4.6.3.3-OBJ", event, INTERRUPTED, lambda: restart(bench, chf)),
        ("CHTS-4.6.3.5-OBJ", security, TAMPERED, lambda: do(chf, StimulusKind.COVER_OPEN)),
    ):
        before = log(*places)
        cause()
        after = log(*places)
        check.equal(row, before, after[: len(before)])
        check.equal(row, True, code in after[len(before) :])


@covers("CHTS-4.6.3.2-OBJ")
@needs(devices=["esme"])
def test_last_communication_follows_the_traffic(bench, acb, chf, esme, check):
    times = []
    for _ in range(2):
        bench.wait(60)
        read(bench, esme)
        entries = acb.request("CCS06", chf).values["devices"]
        entry = next(each for each in entries if each["device_id"] == esme.eui64)
        times.append(next(value for name, value in entry.items() if "communication" in name))
    check.that("CHTS-4.6.3.2-OBJ", times[0] < times[1], expected="a later time", observed=times)


def _logs(acb, chf):
    """Hashes by device, of the present log and of the historic one (CCS07)."""
    response = acb.request("CCS07", chf)
    return [
        {
            each["deviceIdentifier"]: each["securityDetails"]
            for each in response.named["elements"][name]["devices_to_backup"]
        }
        for name in ("DeviceLog(CHF): readCHFDeviceLog", "HistoricDeviceLog(CHF): readHistoricCHFDeviceLog")
    ]


@covers(
    "CHTS-4.5.1.2-OBJ",
    "CHTS-4.5.1.5-OBJ",
    "CHTS-4.5.1.7-OBJ",
    "CHTS-4.5.1.9-OBJ",
    "CHTS-4.6.2.1-OBJ",
    "CHTS-4.6.3.15-OBJ",
)
@needs(devices=["hcalcs"])
def test_a_device_leaves_the_log_for_the_historic_one_and_comes_back(bench, acb, chf, hcalcs, check):
    name = bytes(hcalcs.eui64).hex().upper()
    before, _ = _logs(acb, chf)
    listed = {bytes(each).hex().upper() for each in device_log.listed(acb, chf)}
    check.equal("CHTS-4.6.2.1-OBJ", listed, set(before))
    check.equal("CHTS-4.5.1.5-OBJ", 32, len(before[name]))
    mark = bench.alerts.mark()
    device_log.remove(acb, chf, hcalcs.eui64)
    alert = device_log.backup(bench, chf, mark)
    check.equal("CHTS-4.6.2.1-OBJ", False, hcalcs.eui64 in device_log.hashes(alert), octets=alert.octets)
    after, historic = _logs(acb, chf)
    check.equal("CHTS-4.5.1.9-OBJ", set(before) - {name}, set(after))
    check.equal("CHTS-4.5.1.7-OBJ", True, name in historic)
    check.equal("CHTS-4.6.3.15-OBJ", before[name], historic.get(name))
    mark = bench.alerts.mark()
    device_log.add(acb, chf, hcalcs)
    device_log.backup_with_key(bench, chf, hcalcs.eui64, mark)
    check.equal("CHTS-4.5.1.2-OBJ", set(before), set(_logs(acb, chf)[0]))


@covers("CHTS-4.6.1.2-OBJ", "CHTS-4.6.1.3-OBJ")
def test_identity_is_fixed(acb, chf, check):
    first, again = (acb.request("ECS26n", chf) for _ in range(2))
    for row in ("CHTS-4.6.1.2-OBJ", "CHTS-4.6.1.3-OBJ"):
        check.equal(row, False, any(first.statuses.values()), octets=first.octets)
        check.equal(row, first.named["elements"], again.named["elements"])
