"""The billing calendar of a gas meter and what its days bring (SMETS 4.6.4.2, GCS25, GCS25a, GCS53).

At its start and after every period from there an entry goes into the billing data log, block counters begin
anew (GBCS-ECS05-01), and the entry is sent to the supplier: a signed alert, its registers encrypted.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from protocols.gbcs.asn1.types import RemotePartyRole
from protocols.gbcs.catalogue.zcl import zcl_tables
from protocols.gbcs.crypto import encrypt_block
from protocols.gbcs.gbz import AlertHead, Component, GbzPayload, build_gbz, from_datetime
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.message import Message
from protocols.gbcs.protect import protected_octets
from protocols.gbcs.zcl_fields import Rules, write_fields
from protocols.gbcs.zcl_values import time_number
from rigs.emulated.event_rules import EventCode
from rigs.emulated.events import EPOCH
from rigs.emulated.gas.snapshots import BILLING, METERING, Cause, Snapshots
from rigs.emulated.metering.engine import MeterPart
from rigs.emulated.objects.zse import CommandPlace

if TYPE_CHECKING:
    from rigs.emulated.device import Device
    from rigs.emulated.gas.registers import GasRegisters

BILLING_PERIOD, BLOCK_PERIOD = CommandPlace(0x0700, True, 0x09), CommandPlace(0x0700, True, 0x01)
_NAMES = {BILLING_PERIOD: "Billing Period", BLOCK_PERIOD: "Block Period"}
_LONG_AGO, _NEVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_PUSHED = 0x008B  # message code of GCS53
_TO_CLIENT = 0x19
_TIME_BASE = 0x0F  # of a duration type; the other half says that nothing is aligned
_MINUTES, _DAYS, _WEEKS, _MONTHS = range(4)
_MONTHS_A_YEAR = 12
_FOREVER = 0xFFFFFF


def next_time(start: datetime, duration: int, kind: int, after: datetime) -> datetime | None:
    """The first beginning of a period later than ``after``; None for a period that never ends.

    ``kind`` is the duration type of Publish Billing Period; 1 days, 2 weeks, 3 months. Months are counted
    from the start, so that a period from the 31st ends on the last day of shorter months.
    """
    if start > after:
        return start
    if not duration or duration >= _FOREVER:
        return None
    base = kind & _TIME_BASE
    if base == _MONTHS:
        passed = (after.year - start.year) * _MONTHS_A_YEAR + after.month - start.month
        number = max(0, passed // duration - 1)
        while (moment := _months_later(start, number * duration)) <= after:
            number += 1
        return moment
    step = {_MINUTES: timedelta(minutes=1), _DAYS: timedelta(days=1), _WEEKS: timedelta(weeks=1)}.get(base)
    if step is None:
        return None
    return start + ((after - start) // (step * duration) + 1) * step * duration


def _months_later(start: datetime, months: int) -> datetime:
    years, month = divmod(start.month - 1 + months, _MONTHS_A_YEAR)
    year = start.year + years
    return start.replace(year=year, month=month + 1, day=min(start.day, monthrange(year, month + 1)[1]))


class GasBilling(MeterPart):
    """Part of the metering after the logs. It wakes the meter, for the alert leaves by itself."""

    wakes = True

    def __init__(self, device: Device, registers: GasRegisters, snapshots: Snapshots) -> None:
        self._device = device
        self._registers = registers
        self._snapshots = snapshots
        self._planned: datetime | None = None  # outside of a settlement

    def open(self) -> None:
        """No command comes in between: what is planned stands until it is reached."""
        self._planned = _LONG_AGO

    def next_boundary(self, after: datetime) -> datetime | None:
        """The next billing day, or the end of a block period where that is another."""
        planned = self._planned
        if planned is None or planned <= after:
            times = (self._next(each, after) for each in _NAMES)
            planned = min(filter(None, times), default=_NEVER)
            self._planned = None if self._planned is None else planned
        return None if planned == _NEVER else planned

    def close(self) -> None:
        """What is planned may be another at the next look."""
        self._planned = None

    def reached(self, at: datetime) -> None:
        """Keep and send an entry; begin blocks anew."""
        just_before = at - timedelta(microseconds=1)
        if self._next(BILLING_PERIOD, just_before) == at:
            volumes = self._registers.volumes
            entry = self._snapshots.take(self._device, BILLING, Cause.BILLING_PERIOD, at, volumes)
            push(self._device, entry)
        if self._next(BLOCK_PERIOD, just_before) == at:
            self._registers.reset_blocks()

    def _next(self, place: CommandPlace, after: datetime) -> datetime | None:
        published = self._device.records.last(place)
        if published is None:
            return None
        name = _NAMES[place]
        start = EPOCH + timedelta(seconds=time_number(published[f"{name} Start Time"], name))
        return next_time(start, published[f"{name} Duration"], published[f"{name} Duration Type"], after)


def push(device: Device, entry: dict[str, Any]) -> None:
    """GCS53: send a billing data log entry to the supplier; nothing where there is no key to encrypt with."""
    code, role = EventCode.BILLING_LOG_UPDATED, RemotePartyRole.SUPPLIER
    device.note(f"event 0x{code:04X} {device.catalogue.alert_name(code)}")
    party = device.trust_anchors.subject(role)
    key = device.trust_anchors.agreement_key(role, party) if party is not None else None
    if party is None or key is None:
        device.note("nobody to send the billing data to")
        return
    counter = device.next_counter()
    header = GroupingHeader(CraFlag.ALERT, counter, device.eui64, party, _PUSHED)
    published = zcl_tables().command(METERING.cluster, METERING.number, from_server=True)
    assert published is not None, "the tables have it"
    plain = write_fields(published.fields, {**entry, "Total Snapshots Found": 1}, "alert", Rules())
    component = Component(METERING.cluster, METERING.number, frame_control=_TO_CLIENT, frame_counter=0)
    component.ciphered = encrypt_block(device.agree(key), header, plain)
    now = device.device_clock.now().replace(microsecond=0)
    payload = build_gbz(GbzPayload([component], alert=AlertHead(int(code), from_datetime(now), 1)))
    signer = device.own_keys.signing
    device.transmit(protected_octets(Message(header, payload, None, None), signer=signer), alert=counter)
