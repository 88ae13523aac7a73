"""Hostile NWK frames."""

from __future__ import annotations

from collections.abc import Iterator

from hil.hostile.kind import Kind, kind
from hil.hostile.layers import aps, mac, nwk, sealed, spoilt, whole, zcl
from hil.hostile.situation import Party, Situation
from protocols.eui64 import Eui64

NWK_KINDS: dict[str, Kind] = {}
_COMMAND = 1
_LEAVE, _REJOIN, _ROUTE_RECORD, _UNKNOWN = 0x04, 0x06, 0x05, 0x7F


def _plain(s: Situation) -> bytes:
    return nwk(s, aps(s, zcl(s, 0x00, b"\x00\x00")))


@kind("NWK: ends within its header", NWK_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    for length in (1, 2, 5, 7):
        yield whole(mac(s, _plain(s)[:length]))


@kind("NWK: other protocol versions", NWK_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    for version in (0, 3, 15):
        yield whole(mac(s, nwk(s, s.octets(20), proto_version=version)))


@kind("NWK: reserved frame type", NWK_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    yield whole(mac(s, nwk(s, s.octets(20), frametype=2)))


@kind("NWK: more relays than octets", NWK_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    head = nwk(s, b"", flags="source_route")[:8]
    yield whole(mac(s, head + b"\xff\x00" + s.octets(10)))
    yield whole(mac(s, head + b"\x01\xff" + s.octets(2)))


@kind("NWK: data without security", NWK_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    yield whole(mac(s, _plain(s)))
    yield whole(mac(s, nwk(s, aps(s, zcl(s, 0x00, b"\x00\x00")), source=s.peer), source=s.peer.short))


@kind("NWK: security header cut short", NWK_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    octets = sealed(s, b"")
    for length in (8, 9, 13, 20, 22, 24):
        yield whole(mac(s, octets[:length]))


@kind("NWK: wrong MIC", NWK_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    yield whole(mac(s, spoilt(sealed(s, aps(s, zcl(s, 0x00, b"\x00\x00"))))))


@kind("NWK: under a key of no network", NWK_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    yield whole(mac(s, sealed(s, aps(s, zcl(s, 0x00, b"\x00\x00")), key=s.octets(16))))


@kind("NWK: key sequence number that nobody has", NWK_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    yield whole(mac(s, sealed(s, aps(s, b""), sequence=s.key_sequence + 77 & 0xFF)))


@kind("NWK: frame heard before, sent again", NWK_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    for octets in s.replays()[-3:]:
        yield whole(octets[:2] + s.octets(1) + octets[3:])  # as a new MAC frame


@kind("NWK: frame counter that was used", NWK_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    yield whole(mac(s, sealed(s, aps(s, zcl(s, 0x00, b"\x00\x00")))))
    yield whole(mac(s, sealed(s, aps(s, zcl(s, 0x00, b"\x00\x00")), counter=s.counter)))
    yield whole(mac(s, sealed(s, aps(s, zcl(s, 0x00, b"\x00\x00")), counter=0)))


@kind("NWK: forged source under the network key", NWK_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    # Under a counter that was used: what else an insider could do with it, no standard prevents.
    forged = Party("forged", s.peer.eui64, s.peer.short)
    yield whole(mac(s, sealed(s, aps(s, zcl(s, 0x00, b"\x00\x00")), source=forged, counter=0)))


@kind("NWK: nothing under the security", NWK_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    yield whole(mac(s, sealed(s, b"")))
    yield whole(mac(s, sealed(s, b"", frametype=_COMMAND)))


@kind("NWK: leave without security", NWK_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    leave = bytes((_LEAVE, 0x40))
    yield whole(mac(s, nwk(s, leave, source=s.peer, frametype=_COMMAND, radius=1), source=s.peer.short))


@kind("NWK: flood of rejoin requests without security", NWK_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    for number in range(12):
        stranger = Party("stranger", Eui64(b"\x02\xba\xd1\x00" + number.to_bytes(4, "big")), 0x7000 + number)
        request = nwk(
            s, bytes((_REJOIN, 0x80)), source=stranger, frametype=_COMMAND, radius=1,
            destination=s.hub.short, flags="extended_src", ext_src=int.from_bytes(stranger.eui64, "big"),
        )  # fmt: skip
        yield whole(mac(s, request, source=stranger.short, destination=s.hub.short))


@kind("NWK: unknown and malformed commands under the network key", NWK_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    for body in (
        bytes((_UNKNOWN,)) + s.octets(10),
        bytes((_ROUTE_RECORD, 200)) + s.octets(3),
        bytes((_REJOIN,)),
        b"\x08\x7f" + s.octets(2),  # link status of 31 links
        b"\x01",  # route request
    ):
        yield whole(mac(s, sealed(s, body, frametype=_COMMAND)))


@kind("NWK: no radius left", NWK_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    yield whole(mac(s, sealed(s, aps(s, b""), radius=0, destination=0x7FFE)))
