"""The emulated NCP: ASH, the version dialogue, and commands handed to whoever does them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from protocols.errors import CodecError, DecodeError
from protocols.ezsp.ash import ResetCode
from protocols.ezsp.ash_link import AshConnected, AshEnd, AshEvent, AshReceived
from protocols.ezsp.fields import SL_STATUS_FROM, Fields, Values
from protocols.ezsp.frame import Direction, EzspHeader, parse_header, tables
from protocols.ezsp.status import EzspStatus, SlStatus, to_wire
from rigs.emulated.ncp.configuration import Configuration
from rigs.emulated.ncp.messaging import Messaging
from rigs.emulated.ncp.networking import Networking
from rigs.emulated.ncp.raw import RawRadio
from rigs.emulated.ncp.security import Security
from rigs.emulated.ncp.stack import NcpStack
from rigs.emulated.ncp.state import Memory, NcpFirmware, Tokens, Violation, ViolationKind

if TYPE_CHECKING:
    from protocols.eui64 import Eui64
    from rigs.emulated.air import EmulatedRadio
    from rigs.emulated.air.scheduler import Cancellable

Handler = Callable[[Values], Values]
_DEVICE_STACK = 2  # stack type of the version command: mesh


class EmulatedNcp:
    """One NCP. ``write`` takes what goes to the host; feed what comes from there.

    What goes wrong with it and its serial line: `rigs.emulated.fault_catalogue.sticks`. ``violations`` keeps
    what a GB trust centre must not do; ``commands`` the names of all commands, in order.
    """

    def __init__(
        self,
        radio: EmulatedRadio,
        write: Callable[[bytes], None] | None = None,
        *,
        firmware: NcpFirmware | None = None,
        seed: int = 0,
    ) -> None:
        self.radio = radio
        self.write = write
        self.firmware = firmware or NcpFirmware()
        self.tables = tables(self.firmware.version)
        self.random = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self.violations: list[Violation] = []
        self.commands: list[str] = []
        self.resets = 0
        self.memory = Memory()
        self.tokens = Tokens()
        self.on_tokens: Callable[[], None] = _nothing  # after what may have changed them
        self.ash = AshEnd(host=False)
        self.stack = NcpStack(self)
        self._versioned = False
        self._sequence = 0
        self._timer: Cancellable | None = None
        self._due: float | None = None
        parts = (Configuration, Networking, Security, Messaging, RawRadio)
        self._handlers: dict[str, Handler] = {}
        for part in parts:
            self._handlers |= part(self).handlers
        self.ash.restarted(ResetCode.POWER_ON)

    def now(self) -> float:
        """Seconds on the air's clock."""
        return self.radio.medium.now()

    # The line

    def feed(self, octets: bytes) -> None:
        """Octets from the host; answers are written before this returns, but for those that take time."""
        self._take(self.ash.receive(octets, self.now()))

    def reset(self, code: ResetCode = ResetCode.WATCHDOG) -> None:
        """Start anew, as after a crash; the host is told."""
        self._restart()
        self.ash.restarted(code)
        self.flush()

    def crash(self, code: ResetCode = ResetCode.ASSERT) -> None:
        """The firmware stops; only a reset helps."""
        self._restart()
        self.ash.fail(code)
        self.flush()

    def close(self) -> None:
        """Power off: no timers are left."""
        self.stack.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self._due = None

    def _restart(self) -> None:
        self.resets += 1
        self._versioned = False
        self.stack.restart()
        self.memory = Memory()

    def _take(self, events: list[AshEvent]) -> None:
        for event in events:
            if isinstance(event, AshReceived):
                self._frame(event.data)
            elif isinstance(event, AshConnected):
                self._restart()
        self.flush()

    def flush(self) -> None:
        """Write what is to be written, and plan when to look again."""
        octets = self.ash.take()
        if octets and self.write is not None:
            self.write(octets)
        due = self.ash.next_due()
        if due != self._due:
            if self._timer is not None:
                self._timer.cancel()
            self._due = due
            scheduler = self.radio.medium.scheduler
            self._timer = scheduler.call_at(due, self._on_time) if due is not None else None

    def _on_time(self) -> None:
        self._timer = self._due = None
        self._take(self.ash.run_due(self.now()))

    # Commands

    def _frame(self, octets: bytes) -> None:
        try:
            # Before the version is agreed on frames are in the legacy format; also a host that begins anew.
            legacy = not self._versioned or (len(octets) == 4 and octets[2] == 0)
            header, parameters = parse_header(octets, legacy=legacy)
        except DecodeError:
            return
        if header.direction is not Direction.COMMAND:
            return
        self._sequence = header.sequence
        try:
            command, values = self.tables.parse_command(header.number, parameters, surplus=True)
        except KeyError:
            self._invalid(header, EzspStatus.INVALID_FRAME_ID)
            return
        except CodecError:
            self._invalid(header, EzspStatus.TRUNCATED)
            return
        self.commands.append(command.name)
        if command.name == "version":
            self._version(header, values)
        elif not self._versioned:
            self._invalid(header, EzspStatus.VERSION_NOT_SET)
        elif command.name not in self._handlers:
            self._invalid(header, EzspStatus.INVALID_FRAME_ID)
        else:
            assert command.response is not None
            answer = self.wired(command.response, self._handlers[command.name](values))
            self.on_tokens()
            self._send(self.tables.build_response(command.name, answer, header.sequence))

    def _version(self, header: EzspHeader, values: Values) -> None:
        version = self.firmware.version
        self._versioned = values["desired"] == version
        answer = {
            "protocol": version,
            "stack_type": _DEVICE_STACK,
            "stack_version": self.firmware.stack_version,
        }
        self._send(self.tables.build_response("version", answer, header.sequence, legacy=header.legacy))
        # From the first answer on, a host of this version uses the extended format.
        self._versioned = True

    def _invalid(self, header: EzspHeader, reason: EzspStatus) -> None:
        wire = int(reason) if self.firmware.version < SL_STATUS_FROM else int(SlStatus.EZSP_ERROR)
        self._send(self.tables.build_invalid(wire, header.sequence, legacy=header.legacy))

    def wired(self, fields: Fields, values: Values) -> Values:
        """The values this version has fields for, each status as it writes it."""
        wired: Values = {}
        for field in fields:
            if field.name in values:
                value = values[field.name]
                status = field.status
                wired[field.name] = (
                    to_wire(SlStatus(value), status, self.firmware.version) if status else value
                )
        return wired

    def tell(self, name: str, **values: object) -> None:
        """A callback for the host."""
        if not self._versioned:
            return
        wired = self.wired(self.tables.callbacks[name].request, values)
        self._send(self.tables.build_callback(name, wired, self._sequence))
        self.flush()

    def _send(self, octets: bytes) -> None:
        self.ash.send(octets, self.now())

    # What others do with it

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        """Call in a while."""
        self.radio.medium.scheduler.call_at(self.now() + delay_s, action)

    def violated(self, kind: ViolationKind, eui64: Eui64) -> None:
        """Remember a violation."""
        self.violations.append(Violation(kind, eui64, self.now()))

    def count(self, counter: int) -> None:
        """One more of something."""
        counters = self.memory.counters
        counters[counter] = min(counters[counter] + 1, 0xFFFF)


def _nothing() -> None:
    """Tokens are kept in memory alone."""
