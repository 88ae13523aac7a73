"""The device log of the Communications Hub: CCS01, CCS02, CCS06, CS14."""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs
from hil.exchange import Faults

from .. import credentials as cred
from .. import device_log as log
from ..reads import read, refused

pytestmark = needs(state="commissioned", devices=["chf"])


@covers("GBCS-CCS01-03", "GBCS-CS14-01")
@leaves("restored")
def test_added_device_is_backed_up_with_an_empty_hash(bench, acb, chf, check, nobody_removed):
    mark = bench.alerts.mark()
    response = log.add_nobody(acb, chf)
    check.observe("results of CCS01", response.results, octets=response.octets)
    alert = log.backup(bench, chf, mark)
    hashes = log.hashes(alert)
    check.that(
        "GBCS-CCS01-03",
        hashes.get(log.NOBODY) == b"",
        expected="a CS14 with a hash of no octets for the new device",
        observed=hashes.get(log.NOBODY, "no entry"),
        octets=alert.octets,
    )
    missing = log.listed(acb, chf) - set(hashes)
    check.that(
        "GBCS-CS14-01",
        not missing,
        expected="every device of the log in its backup",
        observed=f"missing: {', '.join(sorted(map(str, missing))) or 'none'}",
        octets=alert.octets,
    )


@covers("GBCS-CS14-01")
@leaves("restored")
def test_removed_device_leaves_log_and_backup(bench, acb, chf, check, nobody_removed):
    log.add_nobody(acb, chf)
    mark = bench.alerts.mark()
    log.remove(acb, chf, log.NOBODY)
    alert = log.backup(bench, chf, mark)
    check.that(
        "GBCS-CS14-01",
        log.NOBODY not in log.hashes(alert),
        expected=f"a CS14 without {log.NOBODY}",
        observed=", ".join(map(str, log.hashes(alert))),
        octets=alert.octets,
    )
    check.that(
        "GBCS-CS14-01",
        log.NOBODY not in log.listed(acb, chf),
        expected="a device log that agrees with its backup",
        observed=", ".join(sorted(map(str, log.listed(acb, chf)))),
    )


@covers("GBCS-CCS01-02")
@needs(devices=["esme"])
@leaves("nothing")
def test_listed_device_added_again_keeps_its_key(bench, acb, chf, esme, check):
    response = log.add(acb, chf, esme, install_code=log.NOBODYS_CODE)
    check.that(
        "GBCS-CCS01-02",
        set(response.results) == {0},
        expected="success for every item",
        observed=response.results,
        octets=response.octets,
    )
    answer = read(bench, esme)
    check.equal("GBCS-CCS01-02", "ok", answer.mac, octets=answer.octets)


@covers("GBCS-CCS01-01")
@needs(devices=["esme"])
@leaves("nothing")
def test_device_outside_the_log_gets_nothing(bench, acb, chf, esme, check):
    sent = acb.send("ECS52", esme, faults=Faults(target=log.NOBODY))
    refused(check, bench, sent, "GBCS-CCS01-01")


@covers("GBCS-CCS02-05", "GBCS-CCS01-05", "GBCS-CCS01-06")
@needs(devices=["ppmid"])
@leaves("restored")
def test_removed_device_is_cut_off_and_returns_with_its_historic_key(
    bench, acb, supplier, chf, ppmid, check, nobody_removed
):
    check.step("what the backup says while the device is joined")
    mark = bench.alerts.mark()
    log.add_nobody(acb, chf)
    before = log.hashes(log.backup(bench, chf, mark)).get(ppmid.eui64, b"")

    check.step("remove it")
    log.remove(acb, chf, ppmid.eui64)
    try:
        meanwhile = acb.send(
            "CS03A2", ppmid, on_behalf_of=supplier, other_device_id=log.NOBODY, other_device_type="esme"
        )
        refused(check, bench, meanwhile, "GBCS-CCS02-05", seen_by=chf)
    finally:
        check.step("add it again, with an install code that is not its own")
        mark = bench.alerts.mark()
        log.add(acb, chf, ppmid, install_code=log.NOBODYS_CODE)
    rejoined = log.backup_with_key(bench, chf, ppmid.eui64, mark)
    check.equal("GBCS-CCS01-06", before, log.hashes(rejoined)[ppmid.eui64], octets=rejoined.octets)
    holders, answer = cred.read_holders(acb, ppmid, acb.role)
    check.equal("GBCS-CCS01-05", "ok", answer.mac, octets=answer.octets)
    counter = holders[acb.role].counter
    check.that(
        "GBCS-CCS02-05",
        counter < meanwhile.counter,
        expected=f"a device that has not seen the command with counter {meanwhile.counter}",
        observed=f"highest counter {counter}",
        octets=answer.octets,
    )


@covers("GBCS-CCS06-01")
@leaves("nothing")
def test_communication_check_lists_every_joined_device(bench, acb, chf, check):
    joined = {node.eui64 for node in bench.devices.values() if node.type in {"esme", "gsme", "ppmid"}}
    response = acb.request("CCS06", chf)
    entries = {bytes(entry["device_id"]): entry for entry in response.values["devices"]}
    missing = joined - set(entries)
    check.that(
        "GBCS-CCS06-01",
        not missing,
        expected="every joined device (the GPF may be missing)",
        observed=f"missing: {', '.join(sorted(map(str, missing))) or 'none'}",
        octets=response.octets,
    )
    silent = [str(eui) for eui in joined & set(entries) if not entries[eui].get("last_communication")]
    check.that(
        "GBCS-CCS06-01",
        not silent,
        expected="a time of last communication for each of them",
        observed=f"without: {', '.join(sorted(silent)) or 'none'}",
        octets=response.octets,
    )


@needs(devices=["esme"])
@leaves("restored")
@pytest.mark.parametrize(
    "use_case",
    [pytest.param(code, marks=covers(f"GBCS-UC-{code}")) for code in ("CCS01", "CCS02", "CCS06")],
)
def test_device_log_is_for_the_broker_alone(bench, acb, supplier, chf, esme, check, nobody_removed, use_case):
    values = {
        "CCS01": {
            "device_id": log.NOBODY,
            "install_code": log.NOBODYS_CODE,
            "device_type": "ppmid",
            "join_time_s": log.JOIN_TIME_S,
        },
        "CCS02": {"device_id": esme.eui64},
        "CCS06": {},
    }[use_case]
    before = log.listed(acb, chf)
    sent = supplier.send(use_case, chf, **values)
    refused(check, bench, sent, f"GBCS-UC-{use_case}")
    after = log.listed(acb, chf)
    check.equal(f"GBCS-UC-{use_case}", sorted(map(str, before)), sorted(map(str, after)))


@covers("GBCS-CCS01-04", "GBCS-CCS01-07")
@needs(devices=["ppmid"], capabilities=["ppmid.power"])
@leaves("restored")
@pytest.mark.parametrize(
    ("own_code", "join_time_s"),
    [pytest.param(False, 2, id="wrong-install-code"), pytest.param(True, 1, id="after-the-join-period")],
)
def test_device_stays_out(bench, acb, chf, ppmid, check, own_code, join_time_s):
    """A device that may not use its historic key joins neither with a wrong install code nor too late."""
    log.remove(acb, chf, ppmid.eui64)
    try:
        ppmid.power.off()
        mark = bench.alerts.mark()
        code = ppmid.device_file.install_code if own_code else log.NOBODYS_CODE
        log.add(acb, chf, ppmid, install_code=code, join_time_s=join_time_s)
        log.backup(bench, chf, mark)
        # Off until only the install code counts (second half), or nothing does (period over).
        bench.wait(join_time_s + 0.2 if own_code else join_time_s / 2 + 0.1)
        ppmid.power.on()
        bench.wait(max(0.0, join_time_s / 2))
        sent = acb.send("CS07", ppmid)
        row = "GBCS-CCS01-04" if own_code else "GBCS-CCS01-07"
        refused(check, bench, sent, row, seen_by=chf)
    finally:
        ppmid.power.on()
        log.remove(acb, chf, ppmid.eui64)
        mark = bench.alerts.mark()
        log.add(acb, chf, ppmid)
        log.backup_with_key(bench, chf, ppmid.eui64, mark)
