"""Frames that no honest device sends: whatever is on the air, hub and devices go on answering."""

from __future__ import annotations

import pytest

from hil.api import covers, inconclusive, leaves, needs

from ..reads import read

scapy = pytest.importorskip("scapy", reason="scapy is not here: pip install 'smets-hil[capture]'")
from hil.hostile import KINDS  # noqa: E402
from hil.hostile.situation import situation_of  # noqa: E402

pytestmark = needs(state="commissioned", capabilities=["chf.han.inject"])
# What a frame needs of the air: 32 us an octet, with its preamble and the longest pause behind it.
_OCTET_S = 32e-6
_AROUND_S = 1e-3
REACTION_S = 0.1  # what a device does about the last frame, it has begun by then


def attack(bench, name, target):
    """Put all frames of one kind on the air, aimed at a node, until the last is sent; the number of them."""
    attacker = bench.attacker
    state = attacker.state()
    situation = situation_of(state, target, attacker.counter, attacker.heard(), f"{name} {target}")
    kind = KINDS[name]
    frames = list(kind.craft(situation))
    attacker.inject(frames, kind.comment)
    attacker.counter = situation.counter
    bench.wait(sum(len(psdu) * _OCTET_S + _AROUND_S for psdu in frames))
    return len(frames)


def goes_on(check, bench, device):
    answer = read(bench, device, timeout_s=30)
    check.that(
        "GBCS-CCS01-01",
        answer.mac == "ok",
        expected=f"{device.name} answers as before: nobody outside the device log has a say on the HAN",
        observed=f"an answer with MAC {answer.mac}",
        octets=answer.octets,
    )


@covers("GBCS-CCS01-01")
@needs(devices=["chf", "esme"])
@leaves("nothing")
@pytest.mark.parametrize("name", KINDS)
def test_hub_and_meter_go_on(bench, chf, esme, check, name):
    bench.attacker.state()  # from here on the attacker listens
    read(bench, esme)  # once that is answered, there is something that could be sent again
    sent = attack(bench, name, esme.name) + attack(bench, name, chf.name)
    if not sent:
        inconclusive(f"nothing was heard that could be sent again for {name!r}")
    bench.wait(REACTION_S)
    goes_on(check, bench, esme)
    goes_on(check, bench, chf)


@covers("GBCS-CCS01-01")
@needs(devices=["chf", "esme", "gsme", "ppmid"])
@leaves("nothing")
def test_all_devices_go_on_after_everything_at_once(bench, chf, esme, gsme, ppmid, check):
    bench.attacker.state()
    for device in (esme, gsme, ppmid):
        read(bench, device, timeout_s=30)
    for name in KINDS:
        for device in (gsme, ppmid):
            attack(bench, name, device.name)
    bench.wait(REACTION_S)
    for device in (chf, esme, gsme, ppmid):
        goes_on(check, bench, device)
