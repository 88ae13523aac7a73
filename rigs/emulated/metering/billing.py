"""Billing: the calendar's moments, the billing data log, and the alert that carries its newest entry.

SMETS 5.7.4.7, 5.7.5.10; ECS30, ECS30a, ECS48, ECS20b, ECS20c, ECS68. A calendar is up to four times with
wildcards: daily, weekly, monthly; quarters, half years and years by one entry for each date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.dlms.axdr import (
    Data,
    encode_data,
    long_unsigned,
    octet_string,
    parse_data,
    structure,
)
from protocols.dlms.date_time import encode_date_time
from protocols.dlms.notification import DataNotification, build_notification
from protocols.dlms.protection import ProtectionParameters, protection_parameters
from protocols.gbcs.asn1.types import RemotePartyRole
from protocols.gbcs.crypto import encrypt_block
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.message import Message, build_message
from protocols.gbcs.protect import protect
from rigs.emulated.event_rules import EventCode
from rigs.emulated.events import seconds_since_2000
from rigs.emulated.metering.calendar import Moments, read_date, read_time
from rigs.emulated.metering.engine import MeterPart
from rigs.emulated.metering.entries import EntryLog, Layout
from rigs.emulated.metering.profiles import registers_entry, registers_layout
from rigs.emulated.objects.definition import Place

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rigs.emulated.device import Device
    from rigs.emulated.metering.registers import Registers
    from rigs.emulated.metering.tariff import Tariff

_SCHEDULE = 22
_CALENDAR = Place(_SCHEDULE, bytes.fromhex("00000F0000FF"), 4)
_DAILY_RESET = Place(_SCHEDULE, bytes.fromhex("00000F0100FF"), 4)
_ENTRIES = 12
_BALANCES = 6
_ALERT = 0x0061  # message code of ECS68


class Billing(MeterPart):
    """The billing part of an ESME's metering.

    ``balances`` gives what stands in the six prepayment registers, in 10^-5 of the currency unit: emergency
    credit, meter balance, payment debt, time debts 1 and 2, accumulated debt.
    """

    def __init__(self, device: Device, registers: Registers, tariff: Tariff, *, twin: bool) -> None:
        self._device, self._registers, self._tariff, self._twin = device, registers, tariff, twin
        storage = device.storage
        self._layout = registers_layout(twin=twin)
        self.log = EntryLog(storage, "billing", self._layout, _ENTRIES, per_chunk=1)
        self.balance_log = EntryLog(storage, "billing balances", Layout([], _BALANCES), _ENTRIES, per_chunk=1)
        both = registers_layout(twin=twin, balances=_BALANCES)
        self.change_log = EntryLog(storage, "billing changes", both, _ENTRIES, per_chunk=1)
        self.keepers = (self.log, self.balance_log, self.change_log)
        self.balances: Callable[[], list[int]] = lambda: [0] * _BALANCES
        self._known: dict[Place, tuple[int, list[Moments]]] = {}

    # ------------------------------------------------------------------ when

    @property
    def wakes(self) -> bool:  # type: ignore[override]
        """An alert leaves at each of the calendar's moments."""
        return bool(self._moments(_CALENDAR))

    def _moments(self, place: Place) -> list[Moments]:
        """A calendar as it was set; none from manufacture (a choice of ours)."""
        changes, held = self._device.cosem.changes, self._known.get(place)
        if held is None or held[0] != changes:
            octets = self._device.storage.get("cosem", place.key)
            held = self._known[place] = (changes, [] if octets is None else _read(parse_data(octets)[0]))
        return held[1]

    def _next(self, place: Place, after: datetime) -> datetime | None:
        moments = (each.next_after(after) for each in self._moments(place))
        return min(filter(None, moments), default=None)

    def next_boundary(self, after: datetime) -> datetime | None:
        """See `Part`."""
        return min(
            filter(None, (self._next(_CALENDAR, after), self._next(_DAILY_RESET, after))), default=None
        )

    # ------------------------------------------------------------------ what then happens

    def reached(self, at: datetime) -> None:
        """A billing period ends, or a day after which blocks begin anew."""
        if any(each.is_at(at) for each in self._moments(_CALENDAR)):
            self._bill(at)
        self._tariff.begin_blocks_anew()

    def skipped(self, before: datetime, after: datetime) -> None:
        """What was missed is done late, once (GBCS-OUT-05, SMETS-5.5.1-e)."""
        for place in (_CALENDAR, _DAILY_RESET):
            due = self._next(place, before)
            if due is not None and due <= after:
                if place is _CALENDAR:
                    self._bill(after)
                self._tariff.begin_blocks_anew()

    def _bill(self, at: datetime) -> None:
        numbers = registers_entry(self._registers.total, self._tariff.snapshot(), twin=self._twin)
        entry = self.log.append(at, numbers)
        self.balance_log.append(at, self.balances())
        self._tell(self.log.array([entry]))

    def changed(self) -> None:
        """Tariff or payment mode is another now: registers and balances at this moment (ECS20b).

        A tariff consists of several objects, which change one after another: one entry tells of them all.
        """
        now = self._device.device_clock.now()
        if self.change_log.last_time() == seconds_since_2000(now):
            return
        total = self._registers.read_all()
        numbers = registers_entry(total, self._tariff.read(), twin=self._twin)
        self.change_log.append(now, [*numbers, *self.balances()])
        self.change_log.close()

    # ------------------------------------------------------------------ the alert

    def _tell(self, newest: Data) -> None:
        """ECS68: signed, the entry encrypted for the supplier (GBCS-16-13)."""
        device, role = self._device, RemotePartyRole.SUPPLIER
        device.note("billing data log updated")
        party = device.trust_anchors.subject(role)
        key = None if party is None else device.trust_anchors.agreement_key(role, party)
        if party is None or key is None:
            device.note("nobody to tell: no credentials of the supplier")
            return
        counter = device.next_counter()
        header = GroupingHeader(CraFlag.ALERT, counter, device.eui64, party, _ALERT)
        block = encrypt_block(device.agree(key), header, encode_data(structure(newest)))
        now = device.device_clock.now().replace(microsecond=0)
        body = structure(
            long_unsigned(EventCode.BILLING_LOG_UPDATED),
            octet_string(encode_date_time(now)),
            protection_parameters(ProtectionParameters(counter, device.eui64, party)),
            octet_string(block),
        )
        payload = build_notification(DataNotification(counter & 0xFFFFFF, body))
        message = Message(header, payload, None, None)
        signed = protect(message, signer=device.own_keys.signing, mac_z=None)
        device.transmit(build_message(signed), alert=counter)


def _read(entries: Data) -> list[Moments]:
    moments = []
    for entry in entries.value:
        at, day = read_time(entry.value[0].value), read_date(entry.value[1].value)
        if at is not None:
            moments.append(Moments(day, at))
    return moments
