"""Snapshots of the registers: daily read log, billing data log, and their prepayment halves (SMETS 4.6.5).

A log of each is kept under its name, as the cluster commands publish them: Publish Snapshot (0702<06) and
Publish Prepay Snapshot (0705<01), oldest first.
"""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING, Any, NamedTuple

from protocols.gbcs.zcl_values import time_text
from rigs.emulated.events import seconds_since_2000
from rigs.emulated.gas.registers import BLOCKS, TIERS
from rigs.emulated.objects.zse import AttributePlace, CommandPlace

if TYPE_CHECKING:
    from datetime import datetime

    from rigs.emulated.device import Device
    from rigs.emulated.gas.registers import Volumes
    from rigs.emulated.storage import Storage

Record = dict[str, Any]
METERING, PREPAYMENT = CommandPlace(0x0702, True, 0x06), CommandPlace(0x0705, True, 0x01)
_SECTION = "gas.snapshots"
_BLOCK_TIER_NO_BILLING, _DEBT_AND_CREDIT = 0x06, 0x00
_ONE_COMMAND = {"Command Index": 0, "Total Number of Commands": 1}
_MONEY = {
    "Accumulated Debt": AttributePlace(0x0705, 0x0005),
    "Type 1 Debt Remaining": AttributePlace(0x0705, 0x0211),
    "Type 2 Debt Remaining": AttributePlace(0x0705, 0x0221),
    "Type 3 Debt Remaining": AttributePlace(0x0705, 0x0231),
    "Emergency Credit Remaining": AttributePlace(0x0705, 0x0002),
    "Credit Remaining": AttributePlace(0x0705, 0x0001),
}


class Cause(IntFlag):
    """Why a snapshot was taken: bits of its cause that a gas meter uses (ZSE 1.4 D.3.2.3.1.4)."""

    DAILY = 1 << 0
    BILLING_PERIOD = 1 << 1
    TARIFF = 1 << 3
    PAYMENT_MODE = 1 << 14


class SnapshotLog(NamedTuple):
    """A log: its name in storage and how many entries of each half it holds."""

    name: str
    capacity: int


# Sizes by the elements that read them: [1..31] daily, [1..12] billing, [1..12] changes of mode or tariff.
DAILY, BILLING, CHANGES = SnapshotLog("daily", 31), SnapshotLog("billing", 12), SnapshotLog("changes", 12)
LOGS = (DAILY, BILLING, CHANGES)


class Snapshots:
    """The snapshot logs of one device."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def take(self, device: Device, log: SnapshotLog, cause: Cause, at: datetime, volumes: Volumes) -> Record:
        """Keep what the registers and the balances show; the metering half is returned."""
        number = int(self._storage.get_json(_SECTION, "number", default=0))
        self._storage.put_json(_SECTION, "number", number + 1)
        made = metering_snapshot(number, cause, at, volumes)
        self.add(METERING, log, made)
        self.add(PREPAYMENT, log, _prepayment_snapshot(device, number, cause, at))
        return made

    def add(self, place: CommandPlace, log: SnapshotLog, made: Record) -> None:
        """Keep a snapshot, the oldest goes; one of the same time and cause is replaced."""
        held = self.entries(place, log)
        same = ("Snapshot Time", "Snapshot Cause")
        held = [each for each in held if any(each[name] != made[name] for name in same)]
        held = sorted([*held, made], key=lambda each: str(each["Snapshot Time"]))
        self._storage.put_json(_SECTION, f"{place} {log.name}", held[-log.capacity :])

    def entries(self, place: CommandPlace, log: SnapshotLog) -> list[Record]:
        """Entries of a log, oldest first."""
        found: list[Record] = self._storage.get_json(_SECTION, f"{place} {log.name}", default=[])
        return found

    def all(self, place: CommandPlace) -> list[Record]:
        """Those of all logs; their causes tell them apart."""
        return [each for log in LOGS for each in self.entries(place, log)]


def log_of(cause: int) -> SnapshotLog:
    """The log to which a snapshot belongs by its cause."""
    if cause & Cause.DAILY:
        return DAILY
    return BILLING if cause & Cause.BILLING_PERIOD else CHANGES


def metering_snapshot(number: int, cause: Cause, at: datetime, volumes: Volumes) -> Record:
    """The registers, as Publish Snapshot carries them."""
    return {
        **_head(number, cause, at, _BLOCK_TIER_NO_BILLING),
        "Current Summation": volumes.total,
        "Number of Tiers in Use": TIERS,
        "Tier Summations": list(volumes.tiers),
        # One tier of four blocks: blocks do not depend on tiers in a gas meter.
        "Number of Tiers and Block Thresholds in Use": 0x10 | BLOCKS,
        "Tier Block Summations": list(volumes.blocks),
    }


def _prepayment_snapshot(device: Device, number: int, cause: Cause, at: datetime) -> Record:
    money = {name: device.zcl.number(place) for name, place in _MONEY.items()}
    return {**_head(number, cause, at, _DEBT_AND_CREDIT), **money}


def _head(number: int, cause: Cause, at: datetime, form: int) -> Record:
    return {
        "Snapshot ID": number,
        "Snapshot Time": time_text(seconds_since_2000(at)),
        **_ONE_COMMAND,
        "Snapshot Cause": int(cause),
        "Snapshot Payload Type": form,
    }
