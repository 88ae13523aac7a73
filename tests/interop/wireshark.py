"""tshark on GBCS messages: they travel as exported PDUs, so it needs no options."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

MALFORMED = "_ws.malformed"

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
