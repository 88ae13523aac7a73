"""Frames layer by layer, built by scapy; what is enciphered, by our own codecs, because scapy cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import scapy.config  # an extra; GPL-2.0-only, so only this package imports it

scapy.config.conf.dot15d4_protocol = "zigbee"

from scapy.layers.dot15d4 import Dot15d4, Dot15d4Cmd, Dot15d4Data  # noqa: E402 - after the setting above
from scapy.layers.zigbee import ZigbeeAppDataPayload, ZigbeeClusterLibrary, ZigbeeNWK  # noqa: E402

from protocols.radio_frames import with_fcs  # noqa: E402
from protocols.zigbee.security import AuxiliaryHeader, KeyIdentifier, seal_frame  # noqa: E402

if TYPE_CHECKING:
    from hil.hostile.situation import Party, Situation

SMART_ENERGY = 0x0109
DATA, ACK, COMMAND, BEACON = 1, 2, 3, 0
_SHORT, _LONG = 2, 3


def _number(address: Any) -> int:
    return address if isinstance(address, int) else int.from_bytes(address, "big")


def _mode(address: Any) -> int:
    return _SHORT if isinstance(address, int) else _LONG


def mac(s: Situation, payload: bytes, *, source: Any = None, destination: Any = None, **bits: Any) -> bytes:
    """A data frame without FCS, from the attacker to the target unless said."""
    source = s.attacker.short if source is None else source
    destination = s.target.short if destination is None else destination
    fields: dict[str, Any] = {
        "fcf_frametype": DATA,
        "fcf_panidcompress": 1,
        "fcf_srcaddrmode": _mode(source),
        "fcf_destaddrmode": _mode(destination),
        "seqnum": s.random.randrange(256),
    }
    head = Dot15d4(**(fields | bits))
    body = Dot15d4Data(
        dest_panid=s.pan_id, dest_addr=_number(destination), src_panid=s.pan_id, src_addr=_number(source)
    )
    return bytes(head / body) + payload


def mac_command(
    s: Situation, identifier: int, rest: bytes, *, source: Any, destination: Any, **bits: Any
) -> bytes:
    """A MAC command without FCS."""
    fields: dict[str, Any] = {
        "fcf_frametype": COMMAND,
        "fcf_panidcompress": 1,
        "fcf_srcaddrmode": _mode(source),
        "fcf_destaddrmode": _mode(destination),
        "seqnum": s.random.randrange(256),
    }
    head = Dot15d4(**(fields | bits))
    body = Dot15d4Cmd(
        dest_panid=s.pan_id,
        dest_addr=_number(destination),
        src_panid=s.pan_id,
        src_addr=_number(source),
        cmd_id=identifier,
    )
    return bytes(head / body) + rest


def nwk(
    s: Situation, payload: bytes, *, source: Party | None = None, flags: str = "", **fields: Any
) -> bytes:
    """A NWK frame in plain, from the attacker to the target unless said."""
    sender = s.attacker if source is None else source
    values: dict[str, Any] = {
        "destination": s.target.short,
        "source": sender.short,
        "radius": 5,
        "seqnum": s.random.randrange(256),
    }
    return bytes(ZigbeeNWK(flags=flags, **(values | fields))) + payload


def sealed(
    s: Situation,
    payload: bytes,
    *,
    source: Party | None = None,
    key: bytes | None = None,
    counter: int | None = None,
    sequence: int | None = None,
    **fields: Any,
) -> bytes:
    """A NWK frame under the network key, by the attacker's own identity unless said."""
    sender = s.attacker if source is None else source
    auxiliary = AuxiliaryHeader(
        KeyIdentifier.NETWORK,
        s.next_counter() if counter is None else counter,
        sender.eui64,
        s.key_sequence if sequence is None else sequence,
    )
    header = nwk(s, b"", source=sender, flags="security", **fields)
    return seal_frame(header, auxiliary, payload, s.network_key if key is None else key, None)


def aps(s: Situation, payload: bytes, *, control: str = "", **fields: Any) -> bytes:
    """An APS data frame in plain."""
    values: dict[str, Any] = {
        "dst_endpoint": 1,
        "src_endpoint": 1,
        "cluster": 0x0000,
        "profile": SMART_ENERGY,
        "counter": s.random.randrange(256),
    }
    return bytes(ZigbeeAppDataPayload(frame_control=control, **(values | fields))) + payload


def zcl(s: Situation, command: int, payload: bytes, **fields: Any) -> bytes:
    """A ZCL frame."""
    values: dict[str, Any] = {
        "transaction_sequence": s.random.randrange(256),
        "command_identifier": command,
    }
    return bytes(ZigbeeClusterLibrary(**(values | fields))) + payload


def whole(octets: bytes) -> bytes:
    """A frame with its right FCS; cut where it would be longer than a radio sends."""
    return with_fcs(octets[:125])


def spoilt(octets: bytes) -> bytes:
    """The same octets with the last one wrong."""
    return octets[:-1] + bytes((octets[-1] ^ 0x5A,))
