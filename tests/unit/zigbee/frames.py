"""Random frames and commands of every kind, and what every codec has to stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from protocols.errors import DecodeError
from protocols.eui64 import Eui64
from protocols.zigbee.aps import ApsFrame, ApsFrameType, DeliveryMode, ExtendedHeader, Fragmentation
from protocols.zigbee.mac import FrameType, MacFrame
from protocols.zigbee.nwk import NwkFrame, NwkFrameType, SourceRoute
from protocols.zigbee.security import AuxiliaryHeader, KeyIdentifier

relaxed = settings(deadline=None)  # the machine may be busy

U8, U16, U32 = st.integers(0, 0xFF), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF_FFFF)
IEEE = st.binary(min_size=8, max_size=8).map(Eui64)
KEY = st.binary(min_size=16, max_size=16)
PAYLOAD = st.binary(max_size=40)


def survives(
    octets: bytes, parse: Callable[[bytes], Any], build: Callable[[Any], bytes], data: st.DataObject
) -> None:
    """Truncations and flipped bits: a DecodeError that points into the data, or something that builds the same."""
    flipped = bytearray(octets)
    if octets:
        place = data.draw(st.integers(0, 8 * len(octets) - 1))
        flipped[place // 8] ^= 1 << place % 8
    for changed in (*(octets[:end] for end in range(len(octets))), bytes(flipped)):
        try:
            found = parse(changed)
        except DecodeError as error:
            assert 0 <= error.offset <= len(changed)
            continue
        assert build(found) == changed


@st.composite
def auxiliary_headers(draw: st.DrawFn) -> AuxiliaryHeader:
    identifier = draw(st.sampled_from(KeyIdentifier))
    source = draw(st.none() | IEEE)
    return AuxiliaryHeader(
        identifier,
        draw(U32),
        source,
        draw(U8) if identifier is KeyIdentifier.NETWORK else None,
        extended_nonce=source is not None,
        on_air_level=draw(st.integers(0, 7)),
        reserved=draw(st.integers(0, 3)),
    )


@st.composite
def mac_frames(draw: st.DrawFn) -> MacFrame:
    address = st.none() | U16 | IEEE
    destination, source = draw(address), draw(address)
    destination_pan = None if destination is None else draw(U16)
    source_pan = None if source is None else draw(st.just(destination_pan) if destination_pan else U16)
    if source is not None and draw(st.booleans()):
        source_pan = draw(U16)
    natural = None not in {destination, source} and destination_pan == source_pan
    # A frame whose bit says what it would say anyway is read as None.
    compression = draw(st.sampled_from((None, not natural)))
    if compression and None not in {destination, source}:
        compression = None
    return MacFrame(
        draw(st.sampled_from(FrameType)), draw(U8), destination_pan, destination, source_pan, source, draw(PAYLOAD),
        draw(st.booleans()), draw(st.booleans()), draw(st.booleans()), draw(st.integers(0, 1)), compression,
        draw(st.integers(0, 7)),
    )  # fmt: skip


@st.composite
def nwk_frames(draw: st.DrawFn) -> NwkFrame:
    if draw(st.integers(0, 9)) == 0:
        return NwkFrame(NwkFrameType.INTER_PAN, radius=0, payload=draw(PAYLOAD))
    route = st.builds(SourceRoute, U8, st.lists(U16, max_size=9).map(tuple))
    return NwkFrame(
        draw(st.sampled_from((NwkFrameType.DATA, NwkFrameType.COMMAND))),
        draw(U16), draw(U16), draw(U8), draw(U8), draw(PAYLOAD), draw(st.none() | auxiliary_headers()), False,
        draw(st.none() | IEEE), draw(st.none() | IEEE), draw(st.none() | route), draw(st.none() | U8),
        draw(st.integers(0, 3)), draw(st.booleans()), draw(st.integers(0, 15)), draw(st.integers(0, 3)),
    )  # fmt: skip


@st.composite
def aps_frames(draw: st.DrawFn) -> ApsFrame:
    kind, delivery = draw(st.sampled_from(ApsFrameType)), draw(st.sampled_from(DeliveryMode))
    frame = ApsFrame(
        kind, delivery, payload=draw(PAYLOAD), ack_request=draw(st.booleans()), ack_format=draw(st.booleans())
    )
    to_group = delivery is DeliveryMode.GROUP
    if kind is ApsFrameType.INTERPAN:
        frame.group, frame.cluster, frame.profile = draw(U16) if to_group else None, draw(U16), draw(U16)
        return frame
    frame.counter = draw(U8)
    frame.security = draw(st.none() | auxiliary_headers())
    frame.extended = draw(st.none() | extended_headers(acknowledges=kind is ApsFrameType.ACK))
    if kind is ApsFrameType.COMMAND or (kind is ApsFrameType.ACK and frame.ack_format):
        return frame
    frame.cluster, frame.profile, frame.source_endpoint = draw(U16), draw(U16), draw(U8)
    if to_group:
        frame.group = draw(U16)
    else:
        frame.destination_endpoint = draw(U8)
    return frame


@st.composite
def extended_headers(draw: st.DrawFn, *, acknowledges: bool) -> ExtendedHeader:
    fragmentation = draw(st.sampled_from(Fragmentation))
    header = ExtendedHeader(fragmentation, reserved=draw(st.integers(0, 63)))
    if fragmentation is not Fragmentation.NONE:
        header.block_number = draw(U8)
        header.ack_bitfield = draw(U8) if acknowledges else None
    return header
