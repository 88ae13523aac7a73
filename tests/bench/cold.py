"""Starting `hil decode` for one message, against starting the interpreter and doing nothing."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

from tests.bench.material import SHARED, load
from tests.bench.measure import in_turns

_DECODE = "from hil.cli import main; main()"


def bench_cold() -> None:
    """Print whole-process times; keys only where the reference key store is."""
    octets = load()[1][0].octets.hex()
    base = getattr(sys, "_base_executable", None) or sys.executable
    decode = [sys.executable, "-c", _DECODE, "decode", octets]
    commands = {
        "base interpreter": [base, "-I", "-c", "pass"],
        "  without its site": [base, "-I", "-S", "-c", "pass"],
        "this environment": [sys.executable, "-c", "pass"],
        "hil decode": decode,
    }
    if SHARED.exists():
        commands["hil decode --keys"] = [*decode, "--keys", str(SHARED / "keystore")]
    start = partial(subprocess.run, check=True, stdout=subprocess.DEVNULL)
    figures = in_turns({name: partial(start, command) for name, command in commands.items()})
    print("cold start, whole processes, one DLMS message")
    for name, figure in figures.items():
        ratio = figure.ratio(figures["base interpreter"])
        print(f"  {name:19} {figure.median * 1e3:6.1f} ms   ratio to the base interpreter {ratio}")
