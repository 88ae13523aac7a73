"""Hostile 802.15.4 frames."""

from __future__ import annotations

from collections.abc import Iterator

from scapy.layers.dot15d4 import Dot15d4, Dot15d4Beacon, Dot15d4CmdAssocReq, Dot15d4CmdAssocResp
from scapy.layers.zigbee import ZigBeeBeacon

from hil.hostile.kind import Kind, kind
from hil.hostile.layers import BEACON, DATA, aps, mac, mac_command, nwk, sealed, spoilt, whole, zcl
from hil.hostile.situation import Situation

MAC_KINDS: dict[str, Kind] = {}
_FLOOD = 24


def _read(s: Situation) -> bytes:
    """A whole, plain frame up to ZCL, to be spoilt."""
    return mac(s, nwk(s, aps(s, zcl(s, 0x00, b"\x00\x00"))))


@kind("802.15.4: ends within the frame control", MAC_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    yield whole(_read(s)[:1])
    yield whole(_read(s)[:2])


@kind("802.15.4: ends within the addresses", MAC_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    for length in (3, 4, 6, 8):
        yield whole(_read(s)[:length])


@kind("802.15.4: no octet beside the FCS", MAC_KINDS)
def _(_: Situation) -> Iterator[bytes]:
    yield whole(b"")


@kind("802.15.4: wrong FCS", MAC_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    yield spoilt(whole(_read(s)))


@kind("802.15.4: reserved frame types", MAC_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    for reserved in (4, 5, 6, 7):
        yield whole(mac(s, s.octets(20), fcf_frametype=reserved))


@kind("802.15.4: reserved addressing modes", MAC_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    octets = bytearray(_read(s))
    octets[1] = octets[1] & 0x33 | 0x44  # mode 1 for both addresses
    yield whole(bytes(octets))


@kind("802.15.4: reserved frame version", MAC_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    yield whole(mac(s, s.octets(20), fcf_framever=3))


@kind("802.15.4: security enabled, nothing behind", MAC_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    octets = bytearray(_read(s)[:9])
    octets[0] |= 0x08
    yield whole(bytes(octets))


@kind("802.15.4: noise as long as a frame can be", MAC_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    yield whole(mac(s, s.octets(116)))
    yield whole(s.octets(125))


@kind("802.15.4: unknown command", MAC_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    yield whole(mac_command(s, 0x7F, s.octets(9), source=s.peer.short, destination=s.target.short))


@kind("802.15.4: flood of association requests", MAC_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    for number in range(_FLOOD):
        body = bytes(Dot15d4CmdAssocReq(allocate_address=1, device_type=number & 1))
        stranger = b"\x02\xba\xd0\x00" + number.to_bytes(4, "big")
        yield whole(mac_command(s, 1, body, source=stranger, destination=s.hub.short, fcf_panidcompress=0))


@kind("802.15.4: association request cut short", MAC_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    yield whole(mac_command(s, 1, b"", source=s.attacker.eui64, destination=s.hub.short))


@kind("802.15.4: forged association response", MAC_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    body = bytes(Dot15d4CmdAssocResp(short_address=0x6666, association_status=0))
    yield whole(mac_command(s, 2, body, source=s.peer.eui64, destination=s.target.eui64))


@kind("802.15.4: forged disassociation", MAC_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    for destination in (s.target.eui64, s.target.short):
        yield whole(mac_command(s, 3, b"\x01", source=s.peer.eui64, destination=destination))


@kind("802.15.4: polls of a stranger", MAC_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    for source in (s.attacker.short, s.attacker.eui64):
        yield whole(mac_command(s, 4, b"", source=source, destination=s.hub.short, fcf_ackreq=1))


@kind("802.15.4: forged coordinator realignment", MAC_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    body = b"\x66\x66" + s.hub.short.to_bytes(2, "little") + b"\x1a" + s.target.short.to_bytes(2, "little")
    yield whole(mac_command(s, 8, body, source=s.hub.eui64, destination=0xFFFF))
    yield whole(mac_command(s, 8, body, source=s.hub.eui64, destination=s.target.eui64))


def _beacon(s: Situation, pan_id: int, payload: bytes) -> bytes:
    head = Dot15d4(
        fcf_frametype=BEACON, fcf_destaddrmode=0, fcf_srcaddrmode=2, seqnum=s.random.randrange(256)
    )
    body = Dot15d4Beacon(src_panid=pan_id, src_addr=0, sf_assocpermit=1, sf_pancoord=1)
    return bytes(head / body) + payload


@kind("802.15.4: beacon of a foreign PAN", MAC_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    foreign = ZigBeeBeacon(
        nwkc_protocol_version=2, stack_profile=2, router_capacity=1, end_device_capacity=1,
        extended_pan_id=0x6666666666666666, tx_offset=0xFFFFFF,
    )  # fmt: skip
    yield whole(_beacon(s, s.pan_id ^ 0x0F0F, bytes(foreign)))


@kind("802.15.4: beacon cut within its fields", MAC_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    octets = _beacon(s, s.pan_id ^ 0x0F0F, s.octets(5))
    for length in (5, 8, 9, 10, len(octets)):
        yield whole(octets[:length])


@kind("802.15.4: acknowledgements that nobody waits for", MAC_KINDS)
def _(_: Situation) -> Iterator[bytes]:
    for sequence in range(0, 256, 32):
        yield whole(bytes((0x12, 0x00, sequence)))


@kind("802.15.4: data without payload", MAC_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    yield whole(mac(s, b"", fcf_frametype=DATA, fcf_ackreq=1))


@kind("802.15.4: source forged as the target itself", MAC_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    yield whole(mac(s, sealed(s, aps(s, b""), source=s.attacker), source=s.target.short))
