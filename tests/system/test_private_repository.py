"""A rig, device file, driver, register row and suite of somebody's own, with only our wheel installed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import pytest

from tests.system.processes import ROOT, hil_environment

FILES = {
    "acme_relay.py": '''
        """A power driver of Acme's own: a relay card that is told by a file."""

        from pathlib import Path

        from pydantic import BaseModel, ConfigDict

        from protocols.ports import Driver


        class Config(BaseModel):
            model_config = ConfigDict(extra="forbid")
            log: Path


        class Relay:
            def __init__(self, log):
                self.log = log
                self.state = True

            def write(self, word):
                with self.log.open("a") as file:
                    file.write(word + "\\n")

            async def on(self):
                self.state = True
                self.write("on")

            async def off(self):
                self.state = False
                self.write("off")

            async def is_on(self):
                return self.state

            async def close(self):
                self.write("closed")


        async def open_relay(config, context):
            return Relay(context.base_dir / config.log)


        DRIVER = Driver("acme-relay", Config, open_relay, frozenset({"power"}))
    ''',
    "pyproject.toml": """
        [build-system]
        requires = ["setuptools"]
        build-backend = "setuptools.build_meta"

        [project]
        name = "acme-bench"
        version = "1"

        [project.entry-points."hil.drivers"]
        acme-relay = "acme_relay:DRIVER"

        [tool.setuptools]
        py-modules = ["acme_relay"]
    """,
    "bench/desk.toml": """
        schema = 1
        name = "acme-desk"
        description = "Acme's meter on a desk"
        minimum_tests = 2
        register = ["acme-rows.json"]
        suites = ["../tests"]

        [switches]
        A09 = "on"

        [keys]
        seed = "acme"

        [nodes.supplier]
        kind = "user"
        role = "supplier"
        eui64 = "90-B3-D5-1F-30-01-00-00"

        [nodes.acb]
        kind = "user"
        role = "access_control_broker"
        eui64 = "90-B3-D5-1F-30-00-00-02"

        [nodes.network_operator]
        kind = "user"
        role = "network_operator"
        eui64 = "90-B3-D5-1F-30-02-00-00"

        [nodes.esme]
        kind = "device"
        device = "acme-meter.toml"
        emulated = true

        [nodes.esme.ports.serial]
        driver = "serial"

        [nodes.esme.ports.power]
        driver = "acme-relay"
        log = "relay.log"
    """,
    "bench/acme-rows.json": json.dumps(
        [
            {
                "id": "ACME-1",
                "document": "Acme product requirements",
                "version": "3",
                "clause": "2.1",
                "title": "Version",
                "device": "ESME",
                "topic": "firmware",
                "text": "The meter tells its firmware version.",
                "test_idea": "Read it.",
                "source": "Acme",
                "confidence": "read",
                "basis": "own",
                "kind": "curated",
                "strength": "spec",
            }
        ]
    ),
    "tests/__init__.py": "",
    "tests/test_meter.py": """
        from hil.api import covers, leaves, needs


        @covers("ACME-1", "GBCS-UC-ECS52")
        @needs(devices=["esme"])
        @leaves("nothing")
        def test_the_meter_tells_its_version(supplier, esme, check):
            response = supplier.request("ECS52", esme)
            check.equal("GBCS-UC-ECS52", "ok", response.mac)
            check.equal("ACME-1", "01020304", response.values["firmware_version"].hex())


        @covers("ACME-1")
        @needs(devices=["esme"], capabilities=["esme.power"])
        @leaves("restored")
        def test_the_relay_switches(esme, check):
            esme.power.off()
            check.that("ACME-1", esme.power.is_on() is False, expected="off", observed=esme.power.is_on())
            esme.power.on()


        @covers("GBCS-UC-ECS52")
        @needs(devices=["esme"], capabilities=["esme.stimulus"])
        @leaves("nothing")
        def test_needs_what_this_rig_lacks(esme):
            raise AssertionError("a rig without stimulus port must skip this")
    """,
}


def command(
    *arguments: str, cwd: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments, cwd=cwd, env=env, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The interpreter of an environment that has our wheel and what it depends on, and not this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    # A copy, because building leaves a build folder behind, and files of an older one would get into the wheel.
    unwanted = shutil.ignore_patterns(".*", "build", "runs", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, folder / "source", symlinks=True, ignore=unwanted)
    built = command(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(folder), "./source",
        cwd=folder,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    command(sys.executable, "-m", "venv", "--without-pip", str(folder / "env"), cwd=folder)
    python = folder / "env" / "bin" / "python"
    library = Path(
        command(str(python), "-c", "import site; print(site.getsitepackages()[0])", cwd=folder).stdout.strip()
    )
    # A path line makes the dependencies visible, but not the .pth file of our own editable install.
    (library / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    wheel = next(folder.glob("smets_hil-*.whl"))
    installed = command(
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--quiet",
        "--no-deps",
        str(wheel),
        cwd=folder,
    )
    assert installed.returncode == 0, installed.stderr
    return python


def hil_run(python: Path, repository: Path, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    arguments = ("--rig", "bench/desk.toml", "--suite", "tests", "--run-dir", "evidence")
    return command(str(python), "-m", "hil", "run", *arguments, cwd=repository, env=hil_environment(tmp_path))


@pytest.fixture
def repository(tmp_path, python):
    folder = tmp_path / "acme"
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip())
    meter = (ROOT / "rigs" / "devices" / "esme.toml").read_text()
    lines = [
        'firmware_version = "01020304"' if line.startswith("firmware_version") else line
        for line in meter.splitlines()
    ]
    (folder / "bench" / "acme-meter.toml").write_text("\n".join(lines) + "\n")
    installed = command(
        sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-build-isolation", ".",
        cwd=folder,
    )  # fmt: skip
    assert installed.returncode == 0, installed.stderr
    return folder


def test_the_wheel_is_what_runs(python, tmp_path):
    shown = command(
        str(python),
        "-c",
        "import hil, rigs, hil.suites; print(hil.__file__, hil.suites.__file__)",
        cwd=tmp_path,
    )
    assert shown.returncode == 0, shown.stderr
    assert str(ROOT) not in shown.stdout


def test_private_repository_runs_with_only_the_wheel(python, repository, tmp_path):
    run = hil_run(python, repository, tmp_path)
    # One test cannot run on this rig, but the rig's file says how many have to, and they did.
    assert run.returncode == 0, run.stdout + run.stderr
    results = json.loads(next(repository.glob("evidence/**/results.json")).read_text())
    verdicts = {test["id"].rpartition("::")[2]: test["verdict"] for test in results["tests"]}
    assert verdicts == {
        "test_the_meter_tells_its_version": "pass",
        "test_the_relay_switches": "pass",
        "test_needs_what_this_rig_lacks": "skipped",
    }
    assert (repository / "bench" / "relay.log").read_text().split() == ["off", "on", "closed"]
    assert results["switches"]["A09"]["value"] == "on"


def test_a_rig_that_promises_no_number_of_tests_does_not_pass_with_one_skipped(python, repository, tmp_path):
    rig = repository / "bench" / "desk.toml"
    rig.write_text(rig.read_text().replace("minimum_tests = 2\n", ""))
    run = hil_run(python, repository, tmp_path)
    assert run.returncode == 4, run.stdout + run.stderr


def test_private_repository_runs_under_pytest_itself(python, repository, tmp_path):
    run = command(
        str(python), "-m", "pytest", "--rig", "bench/desk.toml", "tests", "-q",
        cwd=repository, env=hil_environment(tmp_path),
    )  # fmt: skip
    assert "2 passed" in run.stdout, run.stdout + run.stderr
    assert "1 skipped" in run.stdout


def test_a_rig_file_with_mistakes_is_refused_before_anything_starts(python, repository, tmp_path):
    rig = repository / "bench" / "desk.toml"
    rig.write_text(
        rig.read_text().replace('driver = "serial"', 'driver = "seriall"').replace("[keys]", "[kees]")
    )
    run = command(
        str(python), "-m", "hil", "run", "--rig", str(rig), cwd=repository, env=hil_environment(tmp_path)
    )
    assert run.returncode == 2, run.stdout + run.stderr
    assert "desk.toml" in run.stderr
    assert "kees" in run.stderr
    assert not (tmp_path / "state" / "runs").exists()
