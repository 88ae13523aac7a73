"""Reading key folders and message files for ``hil decode`` and ``hil corpus``.

Kept apart from ``hil.keys``, which brings rig files and certificates along and would slow both down.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from protocols.errors import DecodeError

if TYPE_CHECKING:
    from protocols.gbcs.keystore import KeyStore
    from protocols.ports import ConfigError


def load_keys(path: Path | None) -> KeyStore:
    """Key store from a folder of key files or a JSON file; empty without a path.

    ConfigError that names the file which holds no key.
    """
    # Here, because reading a message without keys needs no cryptography.
    from protocols.gbcs.keystore import KeyStore, keystore_from_files, keystore_from_json

    if path is None:
        return KeyStore()
    try:
        if path.is_dir():
            files = {file.name: file.read_bytes() for file in path.iterdir() if file.is_file()}
            return keystore_from_files(files)
        return keystore_from_json(path.read_text("utf-8"))
    except (DecodeError, UnicodeDecodeError) as error:
        raise _unusable(
            f"{path}: {error}",
            next_step="give a folder with files like 90b3d51f30010000-ds.pem and .key, or a JSON key store",
        ) from None
    except OSError as error:
        raise _unusable(f"{path}: {error.strerror}", next_step="check the path given to --keys") from None


def _unusable(cause: str, next_step: str) -> ConfigError:
    from protocols.ports import ConfigError  # only who has no keys pays for what ports bring along

    return ConfigError(cause, next_step=next_step)


def octets_from_text(text: str) -> bytes:
    """Octets from hex digits with blanks, colons or dashes between; DecodeError at anything else."""
    digits = "".join(text.split()).replace(":", "").replace("-", "").removeprefix("0x")
    try:
        return bytes.fromhex(digits)
    except ValueError:
        wrong = next((at for at, digit in enumerate(digits) if digit not in "0123456789abcdefABCDEF"), None)
        if wrong is None:
            raise DecodeError("an odd number of hex digits", offset=len(digits) // 2, path="hex") from None
        raise DecodeError(f"{digits[wrong]!r} is no hex digit", offset=wrong // 2, path="hex") from None
