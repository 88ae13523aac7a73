"""STREAM_RAW: frames to be sent, frames heard, and how a transmission ended."""

from __future__ import annotations

from dataclasses import dataclass

from protocols.errors import DecodeError
from protocols.spinel.datatypes import pack, unpack, unpack_from

# Flags of a frame heard.
SENT = 0x0001
BAD_FCS = 0x0004
DUPLICATE = 0x0008
ACKED_PENDING = 0x0010
ACKED_SECURED = 0x0020

_OPTIONS = "CCbbbbLLCc"
_HEARD = "dccS"


@dataclass(slots=True)
class TransmitRequest:
    """A frame to be sent. ``psdu`` has room for the FCS at its end; the radio writes that itself.

    ``backoffs`` and ``retries`` are the most of each. Delays are microseconds of the RCP's clock. On the wire
    all that follows ``channel`` may be left out, from the end.
    """

    psdu: bytes
    channel: int
    backoffs: int = 4
    retries: int = 3
    csma: bool = True
    header_updated: bool = True
    is_retransmission: bool = False
    security_processed: bool = True
    delay_us: int = 0
    delay_base_us: int = 0
    channel_after: int | None = None
    power_dbm: int | None = None

    def build(self) -> bytes:
        """The property's value; ``power_dbm`` None is left out."""
        power = () if self.power_dbm is None else (self.power_dbm,)
        return pack(
            "dC" + _OPTIONS[: 9 + len(power)],
            self.psdu,
            self.channel,
            self.backoffs,
            self.retries,
            self.csma,
            self.header_updated,
            self.is_retransmission,
            self.security_processed,
            self.delay_us,
            self.delay_base_us,
            self.channel if self.channel_after is None else self.channel_after,
            *power,
        )


_FIELDS = (
    "backoffs",
    "retries",
    "csma",
    "header_updated",
    "is_retransmission",
    "security_processed",
    "delay_us",
    "delay_base_us",
    "channel_after",
    "power_dbm",
)


def parse_transmit_request(value: bytes) -> TransmitRequest:
    """The request; options that are missing have the firmware's defaults."""
    (psdu, channel), at = unpack_from("dC", value)
    request = TransmitRequest(psdu, channel, header_updated=False, security_processed=False)
    for letter, name in zip(_OPTIONS, _FIELDS, strict=True):
        if at >= len(value):
            break
        (option,), at = unpack_from(letter, value, at)
        setattr(request, name, option)
    return request


@dataclass(slots=True)
class HeardFrame:
    """A frame heard, FCS included; ``timestamp_us`` is of the RCP's clock, ``error`` OpenThread's number."""

    psdu: bytes
    rssi_dbm: int = -128
    noise_dbm: int = -128
    flags: int = 0
    channel: int = 0
    lqi: int = 255
    timestamp_us: int = 0
    error: int = 0

    def build(self) -> bytes:
        """The property's value, with all metadata that firmware sends."""
        return pack(
            "dccSt(CCX)t(i)t(CL)",
            self.psdu,
            self.rssi_dbm,
            self.noise_dbm,
            self.flags,
            (self.channel, self.lqi, self.timestamp_us),
            (self.error,),
            (0, 0),
        )


def parse_heard_frame(value: bytes, offset: int = 0) -> HeardFrame:
    """The frame. Metadata may end anywhere between its items; the rest has defaults."""
    (psdu,), at = unpack_from("d", value, offset)
    frame = HeardFrame(psdu)
    for letter, name in zip("ccS", ("rssi_dbm", "noise_dbm", "flags"), strict=True):
        if at >= len(value):
            return frame
        (item,), at = unpack_from(letter, value, at)
        setattr(frame, name, item)
    if at < len(value):
        (physical,), at = unpack_from("d", value, at)
        _read_physical(frame, physical)
    if at < len(value):
        (vendor,), at = unpack_from("d", value, at)
        if vendor:
            frame.error = unpack("i", vendor)[0]
    return frame


def _read_physical(frame: HeardFrame, octets: bytes) -> None:
    if octets:
        frame.channel = octets[0]
    if len(octets) > 1:
        frame.lqi = octets[1]
    if len(octets) >= 10:
        frame.timestamp_us = unpack("X", octets, 2)[0]


@dataclass(slots=True)
class TransmitDone:
    """How a transmission ended; ``acknowledgement`` is there when one was asked for and came."""

    status: int
    frame_pending: bool = False
    header_updated: bool = False
    acknowledgement: HeardFrame | None = None

    def build(self) -> bytes:
        """The value of LAST_STATUS that answers STREAM_RAW; a success carries a frame, empty without ack."""
        out = pack("ibb", self.status, self.frame_pending, self.header_updated)
        if self.status:
            return out
        return out + (self.acknowledgement or HeardFrame(b"", rssi_dbm=0)).build()


def parse_transmit_done(value: bytes) -> TransmitDone:
    """The outcome; everything after the status may be missing."""
    (status,), at = unpack_from("i", value)
    done = TransmitDone(status)
    if at < len(value):
        (done.frame_pending,), at = unpack_from("b", value, at)
    if at < len(value):
        (done.header_updated,), at = unpack_from("b", value, at)
    if at < len(value) and not status:
        try:
            heard = parse_heard_frame(value, at)
        except DecodeError:
            # Firmware with security counters appends them; they must not cost the outcome.
            return done
        done.acknowledgement = heard if heard.psdu else None
    return done
