"""What the sweeps over all use cases share: a message goes out and comes back."""

from __future__ import annotations

import json

from protocols.eui64 import Eui64
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.message import build_message, parse_message
from protocols.gbcs.named import build_named, decode_named, unnamed
from protocols.gbcs.named.header import decode_header

CATALOGUE = load_catalogue()
METER, SUPPLIER = Eui64("00-DB-12-34-56-78-90-A0"), Eui64("90-B3-D5-1F-30-01-00-00")
SIZES = (0, 1, 3)


def seal(octets):
    """A cipher that is its own inverse, with head and tag of a ciphered block."""
    if octets.startswith(b"\x31\x00\x00\x00\x00"):
        return bytes(octet ^ 0x5A for octet in octets[5:-12])
    return b"\x31\x00\x00\x00\x00" + bytes(octet ^ 0x5A for octet in octets) + bytes(12)


def comes_back(code, flag, kind, payload, *, strict=True):
    """Build, send, read, and build again."""
    ends = (SUPPLIER, METER) if flag is CraFlag.COMMAND else (METER, SUPPLIER)
    document = {
        "message_code": f"0x{code:04X}",
        "header": decode_header(GroupingHeader(flag, 5, *ends, code)),
        "payload_kind": kind,
        "payload": payload,
        # Not yet protected, but no pre-command either.
        "signature": None if flag is CraFlag.COMMAND else "",
    }
    message = build_named(document, strict=strict, encrypt=seal)
    octets = build_message(message)
    again = json.loads(json.dumps(decode_named(parse_message(octets), seal)))
    assert unnamed(again) == []
    assert again["payload"] == payload
    assert build_message(build_named(again, strict=strict, encrypt=seal)) == octets
    return message
