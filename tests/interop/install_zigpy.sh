#!/usr/bin/env bash
# zigpy and bellows (GPL-3.0), pinned with the extra `zigbee`, in an environment of their own: scapy's licence does not
# go with theirs, so that no process may hold both. `make interop` runs their tests there, and `make run-ezsp` a rig.
set -euo pipefail
cd "$(dirname "$0")/../.."
zigpy=.venv/zigpy
if [ ! -e "$zigpy/.installed" ] || [ requirements.txt -nt "$zigpy/.installed" ] || [ pyproject.toml -nt "$zigpy/.installed" ]; then
  .venv/bin/python -m venv "$zigpy"
  mapfile -t pinned < <(grep -oE '(zigpy|bellows)==[0-9.]+' pyproject.toml)
  "$zigpy/bin/python" -m pip install --quiet --disable-pip-version-check \
    -r <(grep -v '^scapy==' requirements.txt) "${pinned[@]}"
  "$zigpy/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
  touch "$zigpy/.installed"
fi
