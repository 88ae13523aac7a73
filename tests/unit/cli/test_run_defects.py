"""An error of the emulator itself: in the evidence with its traceback, and never a finding."""

from __future__ import annotations

import pytest

from hil.verdicts import ExitCode
from tests.system.processes import own_serial_rig
from tests.unit.cli.test_run import READ, RIG, Place, verdicts

# Imported by every Python process at its start; a device breaks when it is to carry out what the test asks.
BROKEN = """
from rigs.emulated.dlms_server import CosemServer

execute = CosemServer.execute

def break_on_it(self, device, command):
    if command.use_case.code == "ECS27":
        raise LookupError("broken on purpose")
    return execute(self, device, command)

CosemServer.execute = break_on_it
"""


@pytest.mark.parametrize("process", ["this", "its own"])
def test_a_defect_of_the_emulator_is_an_error_with_its_traceback(tmp_path, process):
    place = Place(tmp_path)
    rig = RIG if process == "this" else own_serial_rig(tmp_path)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(BROKEN)
    place.environment["PYTHONPATH"] = str(tmp_path / "site")
    suite = place.suite("broken", READ)
    done = place.hil("run", "--rig", str(rig), "--suite", suite)
    assert done.returncode == ExitCode.BENCH_ERROR, done.stdout + done.stderr
    results = place.results()
    assert verdicts(results) == {"test_read": "error"}
    (test,) = results["tests"]
    assert "an error of the emulator itself" in test["reason"]
    kinds = place.kinds()
    first = next(body for kind, body in kinds if kind == "emulator.fault")
    assert "LookupError: broken on purpose" in first["problem"]
    assert "in break_on_it" in first["traceback"]
    assert "finding" not in {kind for kind, _ in kinds}
