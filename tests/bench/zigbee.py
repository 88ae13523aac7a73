"""Parsing 802.15.4, NWK and APS, beside scapy on the same octets."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

from protocols.eui64 import Eui64
from protocols.zigbee.aps import ApsFrame, ApsFrameType, build_aps, parse_aps
from protocols.zigbee.mac import FrameType, MacFrame, build_mac, parse_mac
from protocols.zigbee.nwk import NwkFrame, NwkFrameType, build_nwk, open_nwk, parse_nwk
from protocols.zigbee.security import AuxiliaryHeader, KeyIdentifier, ccm_decrypt, ccm_encrypt
from tests.bench.measure import ROUNDS, Action, Figure, in_turns

COUNT, SLOW_COUNT = 2_000, 100
KEY, SENDER = bytes(range(16)), Eui64("00-12-4B-00-01-02-03-04")
# A profile for which scapy has no layer above APS, so that it stops where we do.
PROFILE = 0x7F01


def frame(*, secured: bool) -> bytes:
    """A data frame with 25 octets above APS: 50 octets, 68 when secured."""
    aps = ApsFrame(
        ApsFrameType.DATA, destination_endpoint=1, cluster=1, profile=PROFILE, source_endpoint=1, counter=7,
        payload=bytes(range(25)),
    )  # fmt: skip
    security = AuxiliaryHeader(KeyIdentifier.NETWORK, 77, SENDER, 0) if secured else None
    nwk = NwkFrame(NwkFrameType.DATA, 0, 0x1234, sequence=5, payload=build_aps(aps), security=security)
    return build_mac(MacFrame(FrameType.DATA, 9, 0x1A62, 0, 0x1A62, 0x1234, build_nwk(nwk, KEY)))


def times(count: int, action: Callable[[bytes], object], octets: bytes) -> Action:
    def run() -> None:
        for _ in range(count):
            action(octets)

    return run


def plain(octets: bytes) -> object:
    return parse_aps(parse_nwk(parse_mac(octets).payload).payload)


def closed(octets: bytes) -> object:
    return parse_nwk(parse_mac(octets).payload)


def opened(octets: bytes) -> object:
    return parse_aps(open_nwk(parse_nwk(parse_mac(octets).payload), KEY).payload)


def scapy_reader() -> Callable[[bytes], object] | None:
    """scapy's dissection, or None where it is not installed (extra ``capture``)."""
    if importlib.util.find_spec("scapy") is None:
        return None
    from scapy.config import conf

    conf.dot15d4_protocol = "zigbee"
    import scapy.layers.zigbee  # noqa: F401  # binds its layers
    from scapy.layers.dot15d4 import Dot15d4

    return Dot15d4


def bench_zigbee() -> None:
    unsecured, secured = frame(secured=False), frame(secured=True)
    nonce, header = bytes(13), bytes(22)
    sealed = ccm_encrypt(KEY, nonce, header, bytes(33))
    sized = {
        f"plain, {len(unsecured)} octets": (plain, unsecured),
        f"secured, {len(secured)} octets, left closed": (closed, secured),
        f"secured, {len(secured)} octets, opened": (opened, secured),
    }
    actions = {name: times(COUNT, action, octets) for name, (action, octets) in sized.items()}
    actions["bare CCM"] = times(COUNT, lambda octets: ccm_decrypt(KEY, nonce, header, octets), sealed)
    reader = scapy_reader()
    if reader is not None:
        actions["scapy plain"] = times(SLOW_COUNT, reader, unsecured)
        actions["scapy secured"] = times(SLOW_COUNT, reader, secured)
    figures = in_turns(actions)
    print(f"802.15.4 + NWK + APS parsing ({ROUNDS} rounds in turns, medians)")
    if reader is None:
        print("  scapy is not here to compare with: make interop installs it")
    for name in sized:
        taken = figures[name].median / COUNT * 1e6
        line = f"  {name:36} {COUNT / figures[name].median:>9,.0f}/s {taken:6.2f} us"
        if reader is not None:
            line += _beside(figures[name], figures["scapy plain" if "plain" in name else "scapy secured"])
        print(line)
    print(
        f"  of which AES-CCM alone {figures['bare CCM'].median / COUNT * 1e6:6.2f} us (scapy decrypts nothing)"
    )


def _beside(ours: Figure, scapys: Figure) -> str:
    each = Figure([seconds / SLOW_COUNT for seconds in scapys.seconds])
    mine = Figure([seconds / COUNT for seconds in ours.seconds])
    return f"   scapy {each.median * 1e6:6.0f} us, that is {each.ratio(mine)} times ours"
