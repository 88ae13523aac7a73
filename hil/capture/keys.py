"""``wireshark/`` in the folder of a run: a configuration folder with that run's keys, and no other settings.

    WIRESHARK_CONFIG_DIR=runs/latest/wireshark wireshark runs/latest/capture.pcapng

Keys are written there only where the rig says that they are test keys.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from protocols.ports import BenchError

FOLDER_NAME = "wireshark"
KEYS_NAME = "zigbee_pc_keys"
README_NAME = "README.txt"
_PREFERENCES = """\
# What the dissectors need to read the capture beside this folder.
zbee_nwk.seclevel: AES-128 Encryption, 32-bit Integrity Protection
wpan.802154_fcs_ok: TRUE
"""
_ABOUT = """\
Keys of one run, for Wireshark and tshark:

    WIRESHARK_CONFIG_DIR={folder} tshark -r {folder}/../capture.pcapng

They are test keys: the rig that made them says so.
"""
_WITHOUT = """\
There are no keys here: {reason}.
Frames in the capture stay encrypted.
"""
_UNQUOTABLE = re.compile(r'[^ -~]|["\\]')
_LINE = re.compile(r'^"([0-9A-Fa-f:]{32,47})","(?:Normal|Reverse)","([^"]*)"\s*$')


class WiresharkKeys:
    """The folder. ``withheld`` says why no keys may stand in it; empty: they may."""

    def __init__(self, folder: Path, withheld: str = "") -> None:
        self.folder = folder
        self.withheld = withheld
        self.known: dict[bytes, str] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            about = _WITHOUT.format(reason=withheld) if withheld else _ABOUT.format(folder=folder)
            (folder / README_NAME).write_text(about, encoding="utf-8")
            (folder / "preferences").write_text(_PREFERENCES, encoding="utf-8")
        except OSError as error:
            raise BenchError(
                f"{folder} cannot be written: {error}", next_step="give a folder that can be written"
            ) from error

    def add(self, key: bytes, label: str) -> None:
        """Take a key; it is on disk when this returns, if it may be."""
        if key in self.known:
            return
        self.known[key] = label
        if not self.withheld:
            with (self.folder / KEYS_NAME).open("a", encoding="utf-8") as file:
                file.write(_line(key, label))

    @property
    def count(self) -> int:
        """Keys that stand in the folder."""
        return 0 if self.withheld else len(self.known)


def _line(key: bytes, label: str) -> str:
    plain = _UNQUOTABLE.sub("?", label)
    return f'"{key.hex(":")}","Normal","{plain}"\n'


def read_keys(folder: Path) -> Iterator[tuple[bytes, str]]:
    """The keys of such a folder; none where there is none. Reversed ones are given as used."""
    path = folder / KEYS_NAME
    if not path.is_file():
        return
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.match(line)
        key = bytes.fromhex(found[1].replace(":", "")) if found is not None else b""
        if found is None or len(key) != 16:
            raise BenchError(
                f"{path}, line {number}: no key", next_step='write "01:02:...:10","Normal","label"'
            )
        yield (key[::-1] if '"Reverse"' in line else key), found[2]


def shown(folder: Path) -> str:
    """How to give the folder to Wireshark, from here."""
    return f"WIRESHARK_CONFIG_DIR={os.path.relpath(folder)}"
