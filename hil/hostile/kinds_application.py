"""Hostile APS and ZCL frames, by somebody who holds the network key."""

from __future__ import annotations

from collections.abc import Iterator

from hil.hostile.kind import Kind, kind
from hil.hostile.layers import aps, mac, nwk, sealed, whole, zcl
from hil.hostile.situation import Situation
from protocols.zigbee.security import AuxiliaryHeader, KeyIdentifier, seal_frame

APPLICATION_KINDS: dict[str, Kind] = {}
_KEY_ESTABLISHMENT, _METERING, _TUNNELLING, _OTA = 0x0800, 0x0702, 0x0704, 0x0019
_SWITCH_KEY, _REMOVE_DEVICE, _TRANSPORT_KEY = 0x09, 0x07, 0x05
_COMMAND = 0x01


def _send(s: Situation, octets: bytes) -> bytes:
    return whole(mac(s, sealed(s, octets)))


@kind("APS: ends within its header", APPLICATION_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    octets = aps(s, b"")
    for length in (1, 2, 4, 7):
        yield _send(s, octets[:length])


@kind("APS: reserved delivery mode and inter-PAN type", APPLICATION_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    yield _send(s, aps(s, s.octets(10), delivery_mode=1))
    yield _send(s, b"\x03" + s.octets(12))


@kind("APS: wrong MIC under a link key", APPLICATION_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    header = aps(s, b"", control="security", cluster=_METERING)
    auxiliary = AuxiliaryHeader(KeyIdentifier.LINK, s.next_counter(), s.peer.eui64)
    yield _send(s, seal_frame(header, auxiliary, zcl(s, 0x00, b"\x00\x00"), s.octets(16), None))


@kind("APS: security header cut short", APPLICATION_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    header = aps(s, b"", control="security", cluster=_METERING)
    for length in (0, 1, 4, 8, 14):
        yield _send(s, header + (b"\x20" + s.octets(14))[:length])


@kind("APS: Smart Energy clusters without a link key", APPLICATION_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    for cluster in (_METERING, _TUNNELLING, _OTA, 0x000A):
        yield _send(s, aps(s, zcl(s, 0x00, b"\x00\x00"), cluster=cluster))


@kind("APS: fragments out of range", APPLICATION_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    plain = aps(s, b"", control="ack_req", cluster=_KEY_ESTABLISHMENT, counter=0x77)
    head = bytes((plain[0] | 0x80,)) + plain[1:8]
    yield _send(s, head + b"\x01\x03" + s.octets(20))  # first of three
    yield _send(s, head + b"\x02\xc8" + s.octets(20))  # block 200
    yield _send(s, head + b"\x02\x00" + s.octets(20))  # block 0 as a later one
    yield _send(s, head + b"\x03\x01" + s.octets(20))  # reserved
    yield _send(s, head + b"\x01\x00")  # first of none


@kind("APS: many first fragments of the longest", APPLICATION_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    for counter in range(16):
        plain = aps(s, b"", control="ack_req", cluster=_KEY_ESTABLISHMENT, counter=counter)
        yield _send(s, bytes((plain[0] | 0x80,)) + plain[1:8] + b"\x01\xff" + s.octets(40))


@kind("APS: fragment that ends within its header", APPLICATION_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    plain = aps(s, b"", cluster=_KEY_ESTABLISHMENT)
    head = bytes((plain[0] | 0x80,)) + plain[1:8]
    yield _send(s, head)
    yield _send(s, head + b"\x01")


@kind("APS: acknowledgements of nothing", APPLICATION_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    for counter in range(0, 256, 64):
        octets = aps(s, b"", counter=counter)
        yield _send(s, bytes((octets[0] & 0xFC | 0x02,)) + octets[1:])


@kind("APS: forged network key without security", APPLICATION_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    body = bytes((_TRANSPORT_KEY, 0x01)) + s.octets(16) + b"\x63" + s.target.eui64[::-1] + s.hub.eui64[::-1]
    command = bytes((_COMMAND, 0x66)) + body
    yield whole(mac(s, nwk(s, command, source=s.peer), source=s.peer.short))
    yield _send(s, command)


@kind("APS: forged switch-key and remove-device", APPLICATION_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    yield _send(s, bytes((_COMMAND, 0x67, _SWITCH_KEY, 0x63)))
    yield _send(s, bytes((_COMMAND, 0x68, _REMOVE_DEVICE)) + s.target.eui64[::-1])


@kind("APS: commands cut short and unknown ones", APPLICATION_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    for body in (b"", b"\x05", b"\x05\x01" + s.octets(8), b"\x06\x01", b"\x0e", b"\x0f\x04\x00", b"\x7f\x00"):
        yield _send(s, bytes((_COMMAND, 0x69)) + body)


@kind("ZDP: requests cut short", APPLICATION_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    for cluster in (0x0000, 0x0002, 0x0004, 0x0006, 0x0013, 0x0031, 0x0036, 0x7FFF):
        yield _send(s, aps(s, s.octets(1), cluster=cluster, profile=0, dst_endpoint=0, src_endpoint=0))


@kind("ZCL: ends within its header", APPLICATION_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    for octets in (b"", b"\x00", b"\x00\x01", b"\x04\x01\x02\x03"):
        yield _send(s, aps(s, octets))


@kind("ZCL: lengths that cannot be", APPLICATION_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    for record in (
        b"\x00\x00\x41\xfe\x01",  # an octet string of 254
        b"\x00\x00\x43\xff\xfe\x01",  # a long one of 65279
        b"\x00\x00\x48\x20\xff\xff",  # an array of 65535
        b"\x00\x00\x4c\xff\x00",  # a structure
        b"\x00\x00\x99\x00",  # no such type
        b"\x00",
    ):
        yield _send(s, aps(s, zcl(s, 0x02, record)))


@kind("ZCL: half an attribute identifier, and reserved frame types", APPLICATION_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    yield _send(s, aps(s, zcl(s, 0x00, b"\x00\x00\x00")))
    for reserved in (2, 3):
        yield _send(s, aps(s, zcl(s, 0x00, b"\x00\x00", zcl_frametype=reserved)))


@kind("ZCL: key establishment with impossible contents", APPLICATION_KINDS)
def _(s: Situation) -> Iterator[bytes]:
    for direction in (0, 1):
        for command in (0, 1, 2, 3, 0x7F):
            body = zcl(s, command, s.octets(3), zcl_frametype=1, command_direction=direction)
            yield _send(s, aps(s, body, cluster=_KEY_ESTABLISHMENT))
