"""tshark on frames of the emulated air."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from rigs.emulated.air import AirFrame

_WITH_FCS = 195  # LINKTYPE_IEEE802_15_4_WITHFCS
_NANOSECONDS = 0xA1B23C4D


def dissect_frames(
    frames: Sequence[AirFrame], keys: Iterable[bytes], fields: Iterable[str], folder: Path
) -> list[dict[str, list[str]]]:
    """Named fields of each frame (the APS cluster among them); none may be malformed. Empty without tshark."""
    if shutil.which("tshark") is None:
        return [{} for _ in frames]
    capture = folder / "air.pcap"
    out = [struct.pack("<IHHiIII", _NANOSECONDS, 2, 4, 0, 0, 65535, _WITH_FCS)]
    for frame in frames:
        seconds, rest = divmod(frame.start_ns, 10**9)
        out += [struct.pack("<IIII", seconds, rest, len(frame.psdu), len(frame.psdu)), frame.psdu]
    capture.write_bytes(b"".join(out))
    command = ["tshark", "-r", str(capture), "-T", "json"]
    for key in keys:
        command += ["-o", f'uat:zigbee_pc_keys:"{key.hex(":")}","Normal",""']
    for field in (*fields, "zbee_aps.cluster", "_ws.malformed", "wpan.fcs_ok"):
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    shown = [packet["_source"]["layers"] for packet in json.loads(done.stdout)]
    assert not any("_ws.malformed" in layers for layers in shown)
    return shown
