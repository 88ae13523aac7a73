"""Every TOML block in README.md and docs/ is what the bench takes: rigs, parts of rigs, device files."""

from __future__ import annotations

import re
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from hil.checked_toml import Problem, check
from hil.devicefile import DeviceFile
from hil.rigfile import DeviceTable, RigTables

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCKS = [
    pytest.param(page, text, id=f"{page.name}-{number}")
    for page in PAGES
    for number, text in enumerate(
        re.findall(r"^```toml\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    )
]
# What a part of a rig leaves out.
REST: dict[str, Any] = {"schema": 1, "name": "part", "keys": {"seed": "any"}}
NODE = {"kind": "device", "device": "devices/any.toml"}


def as_rig(data: dict[str, Any]) -> dict[str, Any]:
    nodes = {name: NODE | table for name, table in data.get("nodes", {"any": {}}).items()}
    return data if "schema" in data else REST | data | {"nodes": nodes}


def port_problems(rig: RigTables, page: Path) -> list[Problem]:
    """Of the drivers that are installed with us; pages show some of other people's, too."""
    group = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["hil.drivers"]
    problems = []
    for node in rig.nodes.values():
        for table in node.ports.values() if isinstance(node, DeviceTable) else ():
            module, _, attribute = group.get(table.driver, "").partition(":")
            if module:
                config = getattr(import_module(module), attribute).config
                problems += check(config, table.model_extra or {}, page)[1]
    return problems


@pytest.mark.parametrize(("page", "text"), BLOCKS)
def test_block(page, text):
    data = tomllib.loads(text)
    if "project" in data:
        assert list(data["project"]["entry-points"]) == ["hil.drivers"]
        return
    if "type" in data:
        assert check(DeviceFile, data, page)[1] == []
        return
    rig, problems = check(RigTables, as_rig(data), page)
    assert problems == []
    assert port_problems(rig, page) == []


def test_the_blocks_are_found():
    assert {param.values[0].name for param in BLOCKS} == {page.name for page in PAGES}
