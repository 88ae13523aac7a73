#!/usr/bin/env bash
# Installs the programs that the interop checks compare with, where they are missing.
set -euo pipefail
# scapy (GPL-2.0-only) is compared with, never imported by the core: the pin stands with the extra `capture`.
cd "$(dirname "$0")/../.."
.venv/bin/python -m pip install --quiet --disable-pip-version-check "$(grep -o 'scapy==[0-9.]*' pyproject.toml)"
# zigpy (GPL-3.0) likewise, with the extra `zigbee`; its test runs it in a process of its own.
.venv/bin/python -m pip install --quiet --disable-pip-version-check "$(grep -o 'zigpy==[0-9.]*' pyproject.toml)"
missing=()
command -v tshark >/dev/null || missing+=(tshark)
command -v openssl >/dev/null || missing+=(openssl)
# zigbee-on-host (GPL, runs as a process of its own) needs node 20.19; without it its tests are skipped and say so.
peer="$(dirname "$0")/zigbee_on_host"
if command -v npm >/dev/null && [ ! -d "$peer/node_modules/zigbee-on-host" ]; then
  npm ci --prefix "$peer" --ignore-scripts --no-audit --no-fund --silent || echo "zigbee-on-host: not installed" >&2
fi
[ ${#missing[@]} -eq 0 ] && exit 0
command -v apt-get >/dev/null || { echo "install by hand: ${missing[*]}" >&2; exit 1; }
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
