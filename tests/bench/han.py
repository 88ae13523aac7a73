"""A whole HAN in virtual time: commissioning hub and four devices, and a firmware over a bad link.

Beside each stands what its cryptography alone takes in the same run: the same AES-CCM calls once more, bare, and
the key establishments between two machines without a network.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from protocols.ota import OtaHeader, OtaImage, build_ota
from protocols.zigbee import security
from protocols.zigbee.ota_cluster import ImageId
from protocols.zigbee.smart_energy.events import ImageDelivered, ImageReceived, Ready
from protocols.zigbee.smart_energy.settings import DeviceSettings, DeviceType
from tests.bench.measure import in_turns
from tests.smart_energy_han import CHANNELS, KEY, Han
from tests.unit.zigbee.cbke_pair import pair
from tests.unit.zigbee.cbke_pair import run as establish

FOUR = {DeviceType.ESME: 0xA0, DeviceType.GSME: 0xA1, DeviceType.PPMID: 0xA4, DeviceType.HCALCS: 0xA5}
OCTETS, LOSS = 500_000, 0.05
ROUNDS = 3
Call = tuple[Callable[..., bytes], bytes, bytes, bytes, bytes]


def commission() -> Han:
    """From power-on until all four are ready: joined, key established, mirror and tunnels there."""
    han = Han()
    for device_type, number in FOUR.items():
        member = han.device(device_type, number)
        han.allow(member)
        member.app.join(KEY, CHANNELS)
    han.run_until(lambda: all(member.of(Ready) for member in han.members))
    return han


def update() -> Han:
    """An image to an ESME that has joined, block by block."""
    settings = DeviceSettings(image=ImageId(0x121D, 0, 1), hardware_version=1)
    han = Han(loss=LOSS)
    meter = han.join(han.device(DeviceType.ESME, 0xA0, settings=settings))
    image = build_ota(OtaImage(OtaHeader(0x121D, 0, 2, 0, 0xFFFF), random.Random(1).randbytes(OCTETS)))
    han.hub.app.deliver_image(meter.eui64, image)
    han.run_until(lambda: han.hub.of(ImageDelivered), 24 * 3600)
    assert meter.of(ImageReceived)[0].octets == image
    return han


@contextmanager
def recorded() -> Iterator[list[Call]]:
    """Every AES-CCM call made meanwhile."""
    calls: list[Call] = []
    kept = security.ccm_encrypt, security.ccm_decrypt

    def noting(real: Callable[..., bytes]) -> Callable[..., bytes]:
        def call(key: bytes, nonce: bytes, aad: bytes, octets: bytes) -> bytes:
            calls.append((real, key, nonce, aad, octets))
            return real(key, nonce, aad, octets)

        return call

    security.ccm_encrypt, security.ccm_decrypt = map(noting, kept)
    try:
        yield calls
    finally:
        security.ccm_encrypt, security.ccm_decrypt = kept


def again(calls: list[Call]) -> None:
    for real, *arguments in calls:
        real(*arguments)


def establish_keys() -> None:
    for _ in FOUR:
        establish(pair())


def bench_han() -> None:
    """Print the figures."""
    with recorded() as joining:
        joined = commission()
    with recorded() as updating:
        updated = update()
    actions = {
        "commission": commission,
        "its key establishments": establish_keys,
        "its AES-CCM": partial(again, joining),
        "update": update,
        "all its AES-CCM": partial(again, updating),
    }
    figures = {name: figure.median for name, figure in in_turns(actions, rounds=ROUNDS).items()}
    virtual_s = joined.scheduler.time() - 1000, updated.scheduler.time() - 1000
    print(f"\nA HAN in virtual time, seconds of wall time ({ROUNDS} rounds in turns, medians)")
    print(
        f"  commissioning hub and four devices {figures['commission']:6.3f} (goal: 2), {virtual_s[0]:,.0f} s virtual,"
        f" {joined.medium.sent:,} frames on the air\n"
        f"    of which 4 key establishments    {figures['its key establishments']:6.3f}\n"
        f"             {len(joining):>7,} AES-CCM calls   {figures['its AES-CCM']:6.3f}"
    )
    print(
        f"  {OCTETS // 1000} kB firmware, {LOSS:.0%} frame loss    {figures['update']:6.3f} (goal: 10),"
        f" {virtual_s[1]:,.0f} s virtual, {updated.medium.sent:,} frames on the air\n"
        f"    of which {len(updating):>7,} AES-CCM calls   {figures['all its AES-CCM']:6.3f}"
    )
