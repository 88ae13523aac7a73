"""Both device logs of the Communications Hub as CCS07 reads them: who is in them, and with which key."""

from __future__ import annotations

from hil.api import covers, leaves, needs
from protocols.eui64 import Eui64

from .. import device_log as log

pytestmark = [needs(state="commissioned", devices=["chf"]), leaves("restored")]

_CURRENT = "DeviceLog(CHF): readCHFDeviceLog"
_HISTORIC = "HistoricDeviceLog(CHF): readHistoricCHFDeviceLog"
_FORESEEN = 16  # entries that the structure of the log can hold


def read_log(acb, chf, name=_CURRENT):
    """Hashed link key (hexadecimal, empty without a key) by device, the HAN's identifier, and the response."""
    response = acb.request("CCS07", chf)
    found = response.named["elements"][name]
    hashes = {
        Eui64(bytes.fromhex(each["deviceIdentifier"])): each["securityDetails"]
        for each in found["devices_to_backup"]
    }
    return hashes, found["hanIdentifier"], response


@covers("GBCS-CCS07-01")
@needs(devices=["esme", "gsme"])
def test_logs_have_a_hash_for_each_joined_device_and_none_for_one_that_never_came(
    acb, chf, esme, gsme, check, nobody_removed
):
    log.add_nobody(acb, chf)
    hashes, _, response = read_log(acb, chf)
    for device in (esme, gsme):
        check.equal("GBCS-CCS07-01", 32, len(hashes.get(device.eui64, "")), octets=response.octets)
    check.equal("GBCS-CCS07-01", "", hashes.get(log.NOBODY), octets=response.octets)
    check.that(
        "GBCS-CCS07-01",
        not any(response.statuses.values()),
        expected="both logs in one answer",
        observed=response.statuses,
        octets=response.octets,
    )


@covers("GBCS-CCS02-01", "GBCS-CCS02-03", "GBCS-CCS02-04")
@needs(devices=["ppmid", "gpf"])
def test_removed_device_moves_to_the_historic_log_with_its_key_once(bench, acb, chf, gpf, ppmid, check):
    before, _, _ = read_log(acb, chf)
    for attempt in ("first", "second"):
        check.step(f"the {attempt} removal")
        log.remove(acb, chf, ppmid.eui64)
        current, _, _ = read_log(acb, chf)
        response = acb.request("CCS07", chf)
        entries = response.named["elements"][_HISTORIC]["devices_to_backup"]
        mine = [each for each in entries if each["deviceIdentifier"] == bytes(ppmid.eui64).hex().upper()]
        mark = bench.alerts.mark()
        log.add(acb, chf, ppmid)
        log.backup_with_key(bench, chf, ppmid.eui64, mark)
        check.that(
            "GBCS-CCS02-01",
            ppmid.eui64 not in current and bool(mine),
            expected="the device in the historic log and no longer in the current one",
            observed=f"current: {', '.join(map(str, current))}; historic: {mine}",
            octets=response.octets,
        )
        check.equal("GBCS-CCS02-03", 1, len(mine), octets=response.octets)
        if attempt == "first":
            check.equal(
                "GBCS-CCS02-01", before[ppmid.eui64], mine[0]["securityDetails"], octets=response.octets
            )
        check.that(
            "GBCS-CCS02-04",
            bytes(gpf.eui64).hex().upper() not in {each["deviceIdentifier"] for each in entries},
            expected="no GPF among those that had a link key",
            observed=entries,
            octets=response.octets,
        )


@covers("CHTS-4.5.1.2-a")
def test_entry_is_taken_with_its_key_type_and_join_period(acb, chf, check, nobody_removed):
    response = log.add_nobody(acb, chf)
    check.that(
        "CHTS-4.5.1.2-a",
        set(response.results) == {0},
        expected="success for the entry and for the join period",
        observed=response.results,
        octets=response.octets,
    )
    hashes, _, answer = read_log(acb, chf)
    check.that(
        "CHTS-4.5.1.2-a",
        log.NOBODY in hashes,
        expected=f"{log.NOBODY} in the device log",
        observed=", ".join(map(str, hashes)),
        octets=answer.octets,
    )


@covers("CHTS-LOG-01")
def test_log_holds_as_many_devices_as_its_structure(acb, chf, check):
    held, _, _ = read_log(acb, chf)
    first = int.from_bytes(log.NOBODY, "big")
    more = [Eui64((first + number).to_bytes(8, "big")) for number in range(_FORESEEN - len(held))]
    try:
        for device_id in more:
            acb.request(
                "CCS01",
                chf,
                device_id=device_id,
                install_code=log.NOBODYS_CODE,
                device_type="ppmid",
                join_time_s=log.JOIN_TIME_S,
            )
        hashes, _, response = read_log(acb, chf)
        check.equal("CHTS-LOG-01", {*held, *more}, set(hashes), octets=response.octets)
    finally:
        for device_id in more:
            log.remove(acb, chf, device_id)


@covers("CHTS-1.47-01")
@needs(devices=["gsme", "gpf"])
def test_joining_credentials_of_the_gas_meter_are_in_the_hubs_log(acb, chf, gsme, gpf, check):
    hashes, _, response = read_log(acb, chf)
    check.that(
        "CHTS-1.47-01",
        bool(hashes.get(gsme.eui64)),
        expected="the gas meter with its key in the log of the CHF",
        observed=hashes,
        octets=response.octets,
    )
    proxys = acb.request("CS07", gpf)
    check.that(
        "CHTS-1.47-01",
        hashes[gsme.eui64].lower() not in proxys.octets.hex(),
        expected="no key in the log of the GPF",
        observed=proxys.named,
        octets=proxys.octets,
    )


@covers("GBCS-HHT-03")
@needs(devices=["gpf"])
def test_identifier_of_the_proxy_is_that_of_the_han(acb, chf, gpf, check):
    _, han, response = read_log(acb, chf)
    check.equal("GBCS-HHT-03", bytes(gpf.eui64).hex().upper(), han, octets=response.octets)
