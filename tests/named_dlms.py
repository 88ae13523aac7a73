"""Building and decoding DLMS payloads by name, as the tests of `protocols.gbcs.named.dlms` do."""

from __future__ import annotations

from protocols.eui64 import Eui64
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.message import Message
from protocols.gbcs.named import dlms

CATALOGUE = load_catalogue()
READER, METER, BROKER = (Eui64(bytes((0x90, 0, 0, 0, 0, 0, 0, last))) for last in (1, 2, 3))


def header(use_case=None, flag=CraFlag.COMMAND, *, code=None, counter=0x3E8, party=None):
    if code is None:
        code = CATALOGUE[use_case].message_codes[0]
    parties = (READER, METER) if flag is CraFlag.COMMAND else (METER, READER)
    return GroupingHeader(flag, counter, *parties, code, supplementary_remote_party_id=party)


def build(use_case, values, flag=CraFlag.COMMAND, **options):
    head = options.pop("header", None) or header(use_case, flag)
    return dlms.build(values, head, CATALOGUE[use_case], **options)


def decode(use_case, payload, flag=CraFlag.COMMAND, **options):
    head = options.pop("header", None) or header(use_case, flag)
    return dlms.decode(Message(head, payload, None, None), CATALOGUE[use_case], **options)


def flip(octets):
    """A cipher that is its own inverse, with the head of a ciphered block."""
    if octets.startswith(b"\x31\x00\x00\x00\x00"):
        return bytes(octet ^ 0x5A for octet in octets[5:])
    return b"\x31\x00\x00\x00\x00" + bytes(octet ^ 0x5A for octet in octets)
