"""Keys renewed while the HAN is in use, and flags that a gas meter has no business with."""

from __future__ import annotations

from hil.api import covers, inconclusive, leaves, needs
from protocols.ports import StimulusKind, StimulusOutcome

from ..reads import read

pytestmark = [
    needs(state="commissioned", devices=["chf", "gsme"], capabilities=["chf.han.watch", "chf.stimulus"]),
    leaves("restored"),
]

KEY_ESTABLISHMENT = 0x0800
METERING = 0x0702
INITIATE = 0x00
CBKE_UPDATE = 1 << 1
# Functional notification flags that no gas meter acts on: all but 0, 1, 4 to 15 and 21 to 23.
EXCLUDED = 0xFFFFFFFF & ~(0b11 | 0xFFF0 | 0b111 << 21)
AWAKE_S = 20.0
SWITCH_S = 60.0
LIMIT_S = 60.0


def turn(chf, argument):
    """A button of the hub; where there is none, the test stays undecided."""
    result = chf.stimulus.apply(StimulusKind.BUTTON, argument)
    if result.outcome is not StimulusOutcome.DONE:
        inconclusive(f"{argument} at {chf.name}: {result.answer}")


def key_numbers(bench, mark):
    """Sequence numbers of network keys in the order in which frames first used them."""
    found = []
    for seen in bench.han.since(mark):
        security = seen.frame.nwk.security if seen.frame.nwk is not None else None
        number = security.key_sequence if security is not None else None
        if number is not None and number not in found:
            found.append(number)
    return found


def kinds(bench, mark, device):
    """What a device has said on the HAN after a mark: cluster, frame type and command of each kind."""
    seen = [each for cluster in CLUSTERS for each in bench.han.zcl(cluster, since=mark)]
    return {
        (each.cluster, each.zcl.frame_type, each.zcl.command) for each in seen if each.source == device.eui64
    }


CLUSTERS = (0x0000, 0x000A, 0x0019, 0x0700, METERING, 0x0703, 0x0704, 0x0705, 0x0706, 0x0707, 0x0708, 0x0800)


@covers("GBCS-KEY-01")
@needs(devices=["esme", "ppmid"])
def test_network_key_changes_without_loss_of_service(bench, chf, esme, gsme, ppmid, check):
    devices = (esme, gsme, ppmid)
    mark = bench.han.mark()
    for device in devices:
        read(bench, device, timeout_s=LIMIT_S)
    before = key_numbers(bench, mark)
    turn(chf, "network-key")
    for device in devices:
        check.equal("GBCS-KEY-01", device.name, read(bench, device, timeout_s=LIMIT_S).device)
    bench.wait(SWITCH_S)
    mark = bench.han.mark()
    for device in devices:
        check.equal("GBCS-KEY-01", device.name, read(bench, device, timeout_s=LIMIT_S).device)
    after = key_numbers(bench, mark)
    check.that(
        "GBCS-KEY-01",
        bool(after) and not set(before) & set(after),
        expected="all frames with another network key than before",
        observed=f"keys {before}, then {after}",
    )


@covers("GBCS-KEY-01")
def test_gas_meter_establishes_a_key_when_the_hub_asks(bench, chf, gsme, check):
    read(bench, gsme, timeout_s=LIMIT_S)
    mark = bench.han.mark()
    turn(chf, f"gas-flags={gsme.eui64}:{CBKE_UPDATE:x}")
    for _ in range(3):
        check.equal("GBCS-KEY-01", gsme.name, read(bench, gsme, timeout_s=LIMIT_S).device)
        bench.wait(AWAKE_S)
    begun = [
        each
        for each in bench.han.zcl(KEY_ESTABLISHMENT, since=mark)
        if each.source == gsme.eui64 and each.zcl.command == INITIATE and not each.zcl.from_server
    ]
    turn(chf, f"gas-flags={gsme.eui64}:-{CBKE_UPDATE:x}")
    check.that(
        "GBCS-KEY-01",
        len(begun) >= 1,
        expected="a key establishment that the gas meter begins",
        observed=len(begun),
    )
    check.equal("GBCS-KEY-01", gsme.name, read(bench, gsme, timeout_s=LIMIT_S).device)


@covers("GBCS-FLAG-01")
def test_gas_meter_does_nothing_on_flags_that_are_not_its_own(bench, chf, gsme, check):
    mark = bench.han.mark()
    for _ in range(2):
        read(bench, gsme, timeout_s=LIMIT_S)
        bench.wait(AWAKE_S)
    usual = kinds(bench, mark, gsme)
    mark = bench.han.mark()
    turn(chf, f"gas-flags={gsme.eui64}:{EXCLUDED:x}")
    try:
        for _ in range(2):
            read(bench, gsme, timeout_s=LIMIT_S)
            bench.wait(AWAKE_S)
    finally:
        turn(chf, f"gas-flags={gsme.eui64}:-{EXCLUDED:x}")
    assert shown(bench, mark, gsme) & EXCLUDED == EXCLUDED, "the meter was not shown the flags"
    said = kinds(bench, mark, gsme)
    check.that(
        "GBCS-FLAG-01",
        said <= usual,
        expected="what it says without these flags",
        observed=", ".join(f"{c:04X}/{f}/{n:02X}" for c, f, n in sorted(said - usual)) or "that",
    )


def shown(bench, mark, gsme):
    """All functional notification flags that the hub has told the meter after a mark."""
    flags = 0
    for seen in bench.han.zcl(METERING, since=mark):
        payload = seen.zcl.payload
        if seen.destination != gsme.eui64:
            continue
        if seen.zcl.frame_type == 1 and seen.zcl.command == 0x09:  # Mirror Report Attribute Response
            flags |= int.from_bytes(payload[1:5], "little")
        elif seen.zcl.frame_type == 0 and payload[:4] == bytes.fromhex("0000 00 1B"):
            flags |= int.from_bytes(payload[4:8], "little")
    return flags
