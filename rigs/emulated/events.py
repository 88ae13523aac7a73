"""Events: kept in the device's logs, printed on its console and, where the rules say so, sent as alerts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from protocols.gbcs.asn1.types import RemotePartyRole
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.message import Message, build_message
from protocols.gbcs.protect import protect
from rigs.emulated.alert_behaviour import Behaviour
from rigs.emulated.alert_payloads import alert_payload
from rigs.emulated.event_rules import RULES, EventCode, Log, Recipient, Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocols.eui64 import Eui64
    from rigs.emulated.device import Device
    from rigs.emulated.security import RefusedError

__all__ = ["EPOCH", "EventCode", "Events", "Log", "LogEntry", "seconds_since_2000"]

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
CAPACITY = 100
CRITICAL_ALERT, NON_CRITICAL_ALERT, NOT_SUPPORTED_ALERT = 0x1000, 0x1001, 0x0120
# What a supplier answers for; the access control broker answers for the rest.
_SUPPLIED = frozenset({"esme", "gsme", "sapc"})
# How many refused commands are unusual: a parameter of the bench, no source has a figure (GBCS-MALF-01).
UNUSUAL_NUMBER = 10


def seconds_since_2000(moment: datetime) -> int:
    """Whole seconds since 2000-01-01 00:00:00 UTC, as logs and GBZ carry time."""
    return (moment - EPOCH) // timedelta(seconds=1)


@dataclass(slots=True)
class LogEntry:
    """One log entry; ``other`` is its other information."""

    time: datetime
    code: int
    other: bytes = b""


class Events:
    """The logs of one device and the way to its alerts."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._storage = device.storage

    def record(
        self,
        code: int,
        reason: str = "",
        *,
        other: bytes = b"",
        message_code: int | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        """Note an event as its rule says: log, console line, alert to each recipient.

        ``message_code`` and ``values`` make the alert richer than the generic, ``reason`` is for people.
        """
        rule, device = RULES[code], self._device
        if rule.log is not None and self._is_kept(code) and device.event_does(code, Behaviour.LOG):
            self._keep(rule.log, code, other)
        name = device.catalogue.alert_name(code)
        device.note(f"event 0x{code:04X} {name}" + (f": {reason}" if reason else ""))
        self._announce(code, name)
        if rule.critical is None or rule.own_alert or self._stays_here(code):
            return
        if rule.configurable and not device.event_does(code, Behaviour.WAN):
            return
        if message_code is None:
            message_code = rule.message_codes.get(device.description.device_type)
        for role in self._roles(rule):
            self.alert(code, role, critical=rule.critical, message_code=message_code, values=values)

    def _is_kept(self, code: int) -> bool:
        """Whether two events that some sources keep and some do not are to be logged here (A05, A06)."""
        switch = {0x8F3D: "A05", 0x8F66: "A06", 0x8F67: "A06"}.get(code)
        return switch is None or self._device.description.assumes(switch) != "none"

    def _announce(self, code: int, name: str) -> None:
        """Tell the devices on the HAN, and sound: what a person in the house sees and hears of it."""
        for what, section in ((Behaviour.HAN, "shown"), (Behaviour.AUDIBLE, "sounding")):
            if self._device.event_does(code, what) or (what is Behaviour.HAN and self._is_for_han(code)):
                self._storage.put_json("announced", section, code)
                self._device.note(f"{what} 0x{code:04X} {name}")

    def _is_for_han(self, code: int) -> bool:
        """A08: whether a large clock difference is told to the HAN."""
        return code == EventCode.CLOCK_NOT_ADJUSTED and self._device.description.assumes("A08") != "wan"

    def _stays_here(self, code: int) -> bool:
        """A08: whether it is told to the HAN alone."""
        return code == EventCode.CLOCK_NOT_ADJUSTED and self._device.description.assumes("A08") == "han"

    def announced(self) -> list[str]:
        """Lines of a display: what the HAN was told last, and what sounds until it is acknowledged."""
        shown, sounding = (self._storage.get_json("announced", each) for each in ("shown", "sounding"))
        lines = [] if shown is None else [f"HAN {shown:04X}"]
        return lines if sounding is None else [*lines, f"ALARM {sounding:04X}"]

    def acknowledge(self) -> None:
        """Somebody has taken notice: nothing sounds or shows any more."""
        for each in ("shown", "sounding"):
            self._storage.delete("announced", each)

    def refused(self, refusal: RefusedError) -> None:
        """Note a command that was not executed, and an unusual number of them."""
        if refusal.event == EventCode.COMMAND_NOT_SUPPORTED:
            self._not_supported(refusal)
        else:
            self.record(refusal.event, refusal.reason)
        number = int(self._storage.get_json("log", "refused", default=0)) + 1
        self._storage.put_json("log", "refused", number)
        if number % UNUSUAL_NUMBER == 0:
            self.record(EventCode.UNUSUAL_NUMBER_OF_BAD_COMMANDS, f"{number} commands refused")

    def _not_supported(self, refusal: RefusedError) -> None:
        """ECS100 tells who asked; it exists in DLMS form alone, so others report a failed content check."""
        command = refusal.command
        if command is None or self._device.payload_kind != "dlms":
            self.record(EventCode.CONTENT_CHECK_FAILED, refusal.reason)
            return
        values = {
            "command_message_code": command.header.message_code,
            "command_originator_counter": command.counter,
        }
        self.record(EventCode.COMMAND_NOT_SUPPORTED, refusal.reason)
        self.send(
            EventCode.COMMAND_NOT_SUPPORTED,
            command.originator,
            message_code=NOT_SUPPORTED_ALERT,
            values=values,
        )

    def _roles(self, rule: Rule) -> list[int]:
        meter = self._device.description.device_type in _SUPPLIED
        responsible = RemotePartyRole.SUPPLIER if meter else RemotePartyRole.ACCESS_CONTROL_BROKER
        roles = {
            Recipient.RESPONSIBLE: responsible,
            Recipient.NETWORK_OPERATOR: RemotePartyRole.NETWORK_OPERATOR,
            Recipient.BROKER: RemotePartyRole.ACCESS_CONTROL_BROKER,
        }
        return [int(roles[recipient]) for recipient in rule.to if recipient in roles]

    def alert(
        self,
        code: int,
        role: int,
        *,
        critical: bool = True,
        message_code: int | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        """Send an alert to whoever stands in a role's cells; nothing when nobody does."""
        party = self._device.trust_anchors.subject(role)
        if party is None:
            self._device.note(f"nobody to tell: no credentials for role {role}")
            return
        reader = None
        if not critical:
            key = self._device.trust_anchors.agreement_key(role, party)
            if key is None:
                self._device.note(f"nobody to tell: no key agreement key of role {role}")
                return
            reader = self._device.agree(key)
        self.send(code, party, secret=reader, message_code=message_code, values=values)

    def send(
        self,
        code: int,
        party: Eui64,
        *,
        secret: bytes | None = None,
        message_code: int | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        """Send an alert: with ``secret`` a MAC made from it, else the device's signature."""
        device = self._device
        if message_code is None:
            message_code = CRITICAL_ALERT if secret is None else NON_CRITICAL_ALERT
        counter = device.next_counter()
        kind, now = device.payload_kind, self._now()
        payload = alert_payload(kind, message_code, counter, code=int(code), time=now, values=values or {})
        self._transmit(counter, party, message_code, payload, secret)

    def send_payload(self, party: Eui64, message_code: int, payload: bytes) -> None:
        """Send a signed alert whose payload is made already."""
        self._transmit(self._device.next_counter(), party, message_code, payload, None)

    def _transmit(
        self, counter: int, party: Eui64, message_code: int, payload: bytes, secret: bytes | None
    ) -> None:
        device = self._device
        header = GroupingHeader(CraFlag.ALERT, counter, device.eui64, party, message_code)
        signer = device.own_keys.signing if secret is None else None
        message = protect(Message(header, payload, None, None), signer=signer, mac_z=secret)
        device.transmit(build_message(message), alert=counter)

    # ------------------------------------------------------------------ logs

    def entries(self, log: Log) -> list[LogEntry]:
        """A log's entries, oldest first, at most 100."""
        return [entry for _number, entry in self.numbered(log)]

    def numbered(self, log: Log) -> list[tuple[int, LogEntry]]:
        """The same with the number of each among all that were ever written."""
        out = []
        for number, value in self._storage.items(f"log.{log}"):
            time = EPOCH + timedelta(seconds=int.from_bytes(value[:4], "big"))
            out.append((int(number), LogEntry(time, int.from_bytes(value[4:6], "big"), value[6:])))
        return out

    def clear(self, log: Log) -> None:
        """Empty a log; the security log is never emptied."""
        for number, _value in self._storage.items(f"log.{log}"):
            self._storage.delete(f"log.{log}", number)

    def _keep(self, log: Log, code: int, other: bytes) -> None:
        """Write an entry into the log that this type of device has for such events (GBCS-OUT-04).

        Entries of the auxiliary controllers' log begin with the switch and action of ``other``.
        """
        if log is Log.POWER and self._device.description.device_type != "esme":
            log = Log.EVENT
        if log is Log.AUXILIARY:
            code, other = int.from_bytes(other[:2], "big"), other[2:]
        self._append(log, LogEntry(self._now(), code, other))

    def controlled(self, switch: int, action: int, outcome: int, command_id: int = 0) -> None:
        """Note what an auxiliary controller was made to do; its log has no event codes (ECS35f, ECS35g)."""
        other = bytes((outcome,)) + command_id.to_bytes(4, "big")
        self._append(Log.AUXILIARY, LogEntry(self._now(), switch << 8 | action, other))

    def _append(self, log: Log, entry: LogEntry) -> None:
        section = f"log.{log}"
        number = int(self._storage.get_json("log", log, default=0))
        self._storage.put_json("log", log, number + 1)
        octets = seconds_since_2000(entry.time).to_bytes(4, "big") + entry.code.to_bytes(2, "big")
        self._storage.put(section, f"{number:010}", octets + entry.other)
        self._storage.delete(section, f"{number - CAPACITY:010}")

    def _now(self) -> datetime:
        return self._device.device_clock.now().replace(microsecond=0)
