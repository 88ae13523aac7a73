"""tshark on GBCS messages (they travel as exported PDUs, so it needs no options) and on frames of a HAN."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path

import pytest

MALFORMED = "_ws.malformed"
IEEE802154_FCS = 195

needs_tshark = pytest.mark.skipif(
    shutil.which("tshark") is None, reason="tshark is not here: make interop installs it"
)


def exported_pdus(messages: list[bytes]) -> bytes:
    """A pcap file of exported PDUs (link type 252, tag 12 names the dissector, tag 0 ends the tags)."""
    name = b"gbcs_message"
    tags = struct.pack(">HH", 12, len(name)) + name + struct.pack(">HH", 0, 0)
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 252)]
    for number, message in enumerate(messages):
        data = tags + message
        out += [struct.pack("<IIII", number, 0, len(data), len(data)), data]
    return b"".join(out)


def dissect(
    messages: list[bytes], fields: Iterable[str], folder: Path, *, malformed: int = 0
) -> list[dict[str, list[str]]]:
    """The named fields of each message as tshark shows them; so many of them have to be malformed."""
    capture = folder / "messages.pcap"
    capture.write_bytes(exported_pdus(messages))
    command = ["tshark", "-r", str(capture), "-T", "json"]
    for field in (*fields, MALFORMED):
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    layers = [packet["_source"]["layers"] for packet in json.loads(done.stdout)]
    assert len(layers) == len(messages)
    assert sum(MALFORMED in seen for seen in layers) == malformed
    return layers


def capture_of(frames: list[bytes], link_type: int = IEEE802154_FCS) -> bytes:
    """A pcap file, by default of 802.15.4 frames with their FCS."""
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link_type)]
    for number, frame in enumerate(frames):
        out += [struct.pack("<IIII", number, 0, len(frame), len(frame)), frame]
    return b"".join(out)


def dissect_frames(frames: list[bytes], folder: Path, *options: str) -> list[ET.Element]:
    """The packets of tshark's PDML: protocols and fields with their position, size and value."""
    capture = folder / "frames.pcap"
    capture.write_bytes(capture_of(frames))
    command = ["tshark", "-r", str(capture), "-T", "pdml", *options]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    packets = list(ET.fromstring(done.stdout).iter("packet"))
    assert len(packets) == len(frames)
    return packets


def names_of_values(prefix: str) -> dict[str, dict[int, str]]:
    """What tshark calls the values of its fields, by the field's name, for names that begin so."""
    done = subprocess.run(["tshark", "-G", "values"], capture_output=True, check=True, text=True)
    found: dict[str, dict[int, str]] = {}
    for line in done.stdout.splitlines():
        kind, _, rest = line.partition("\t")
        if kind == "V" and rest.startswith(prefix):
            name, value, meaning = rest.split("\t")
            found.setdefault(name, {})[int(value, 0)] = meaning
    return found
