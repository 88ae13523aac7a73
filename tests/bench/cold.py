"""Starting `hil decode` for one message, against starting the interpreter and doing nothing."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

from protocols.gbcs.header import CraFlag
from protocols.gbcs.payload import payload_kind
from tests.bench.material import SHARED, Case, load
from tests.bench.measure import in_turns

_DECODE = "from hil.cli import main; main()"
_BARE = "base interpreter, no site"
_WITH_SITE = "base interpreter"


def bench_cold() -> None:
    """Print whole-process times; keys only where the reference key store is.

    The interpreter's own start stands there twice: what its site-packages add is no work of ours, so that
    the start without them is the stricter measure.
    """
    octets = _dlms_case(load()[1]).octets.hex()
    base = getattr(sys, "_base_executable", None) or sys.executable
    decode = [sys.executable, "-c", _DECODE, "decode", octets]
    commands = {
        _BARE: [base, "-I", "-S", "-c", "pass"],
        _WITH_SITE: [base, "-I", "-c", "pass"],
        "this environment": [sys.executable, "-c", "pass"],
        "hil decode": decode,
    }
    if SHARED.exists():
        commands["hil decode --keys"] = [*decode, "--keys", str(SHARED / "keystore")]
    start = partial(subprocess.run, check=True, stdout=subprocess.DEVNULL)
    figures = in_turns({name: partial(start, command) for name, command in commands.items()})
    print(f"cold start, whole processes, one DLMS message of {len(octets) // 2} octets")
    for name, figure in figures.items():
        print(
            f"  {name:26}{figure.median * 1e3:6.1f} ms   ratio without site {figure.ratio(figures[_BARE])}"
            f"   with {figure.ratio(figures[_WITH_SITE])}"
        )


def _dlms_case(cases: list[Case]) -> Case:
    """A response where there is one, since its elements have to be found in the catalogue."""
    known = [case for case in cases if payload_kind(case.message) == "dlms"]
    answers = [case for case in known if case.message.header.cra_flag is CraFlag.RESPONSE]
    return (answers or known)[0]
