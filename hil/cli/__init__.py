"""The command ``hil``. Nothing loads before it is needed, because start-up time is a feature."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hil.cli.group import cli

__all__ = ["cli", "main"]


def __getattr__(name: str) -> Any:
    """The command line library takes a while to load: only for who uses it."""
    if name != "cli":
        raise AttributeError(f"no {name} here")
    from hil.cli.group import cli

    return cli


def main() -> None:
    """Entry point: exit codes 2 for usage and configuration, 3 for other bench errors."""
    try:
        code = _decode() if sys.argv[1:2] == ["decode"] else None
        if code is None:
            from hil.cli.group import cli

            cli.main(prog_name="hil", standalone_mode=True)
    except Exception as error:
        from protocols.ports import BenchError, ConfigError

        if not isinstance(error, BenchError):
            raise
        sys.stderr.write(f"hil: {error}\n")
        sys.exit(2 if isinstance(error, ConfigError) else 3)
    sys.exit(code)


def _decode() -> int | None:
    """The command that has to be quick does without the library where its arguments are plain."""
    gc.disable()
    from hil.cli.decode_run import run_plain

    # What is loaded stays to the end: looking for garbage in it is a tenth of the time that a message takes.
    gc.freeze()
    gc.enable()
    return run_plain(sys.argv[2:])
