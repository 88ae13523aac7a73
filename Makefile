# Two commands set everything up on a fresh machine: `make run` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
NOW = $(shell date -u +%Y%m%dT%H%M%SZ)

.PHONY: help venv run run-serial run-spinel run-ezsp rigs test lint types imports unit interop bench fuzz clean

help:
	@echo "make run      commission, update and alarm the embedded emulated premises, then write a report"
	@echo "make rigs     the same suites on the other rigs, in real time: a serial line, and the hub on emulated sticks"
	@echo "make test     lint, types, import rules and the bench's own tests"
	@echo "make interop  checks against software that nobody here wrote (tshark, OpenSSL, zigbee-on-host ...)"
	@echo "make bench    measurements, each with what it is compared with in the same run"
	@echo "make fuzz     seeded mutations of messages, frames and files"
	@echo "make venv     .venv with the command hil in it"

venv: $(STAMP)

$(STAMP): requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(STAMP)

run: $(STAMP)
	$(BIN)/hil run --rig rigs/emulated.toml
	$(BIN)/hil run --rig rigs/emulated-variants.toml --run-dir runs/variants-$(NOW)
	$(BIN)/hil run --rig rigs/emulated-twin.toml --run-dir runs/twin-$(NOW)
	$(BIN)/hil run --rig rigs/emulated-displays.toml --run-dir runs/displays-$(NOW)
	$(BIN)/hil run --rig rigs/sleepy-ppmid.toml --run-dir runs/sleepy-ppmid-$(NOW)
	$(BIN)/hil run --rig rigs/spare-hub.toml --run-dir runs/spare-hub-$(NOW)

# In real time, so mostly waiting: all at once.
rigs: $(STAMP)
	./tests/interop/install_zigpy.sh
	$(MAKE) -j3 --output-sync=target run-serial run-spinel run-ezsp

run-serial: $(STAMP)
	$(BIN)/hil run --rig rigs/serial.toml --run-dir runs/serial-$(NOW)

run-spinel: $(STAMP)
	$(BIN)/hil run --rig rigs/emulated-spinel.toml --run-dir runs/spinel-$(NOW)

# zigpy and bellows are GPL-3.0 and live in an environment of their own.
run-ezsp: $(STAMP)
	./tests/interop/install_zigpy.sh
	$(VENV)/zigpy/bin/hil run --rig rigs/emulated-ezsp.toml --run-dir runs/ezsp-$(NOW)

test: lint types imports unit

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

imports: $(STAMP)
	$(BIN)/lint-imports --no-cache

unit: $(STAMP)
	$(BIN)/python -m pytest tests/unit tests/system -q -n 2

interop: $(STAMP)
	./tests/interop/install.sh
	$(BIN)/python -m pytest tests/interop -q --ignore-glob='*/test_zigpy_*' --ignore-glob='*/test_bellows*'
	$(VENV)/zigpy/bin/python -m pytest tests/interop/test_zigpy_*.py tests/interop/test_bellows*.py -q

bench: $(STAMP)
	$(BIN)/python -m tests.bench

fuzz: $(STAMP)
	$(BIN)/python -m pytest tests/fuzz -q -p no:randomly

clean:
	rm -rf $(VENV) build dist *.egg-info runs .mypy_cache .ruff_cache .pytest_cache .hypothesis
