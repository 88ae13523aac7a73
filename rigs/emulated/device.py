"""The kernel that every emulated device stands on: messages in, responses and alerts out, state in between.

A kind of device is this class with its tables filled: ``handlers`` by use case code, COSEM objects, ZCL
attributes, stimuli. Each message, stimulus, image or piece of due work is one storage transaction; messages
and console lines leave after it, so what was sent is always remembered.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from protocols.errors import DecodeError
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.crypto import SecretCache
from protocols.ports import StimulusKind, StimulusOutcome
from rigs.emulated import knobs, replies, security
from rigs.emulated.alert_behaviour import Behaviour, usual
from rigs.emulated.alone import SeekPartner, always, found_at_once, nothing, unheard
from rigs.emulated.clock import DeviceClock
from rigs.emulated.command_log import CommandLog
from rigs.emulated.dlms_server import CosemServer
from rigs.emulated.events import EventCode, Events
from rigs.emulated.factory import from_factory
from rigs.emulated.firmware import Firmware
from rigs.emulated.gbz_server import ZclServer
from rigs.emulated.join_log import JoinLog
from rigs.emulated.objects.faults import Faults
from rigs.emulated.objects.zse_records import Records
from rigs.emulated.outbox import Outbox
from rigs.emulated.own_keys import OwnKeys
from rigs.emulated.schedule import Schedule
from rigs.emulated.security import RefusedError
from rigs.emulated.trust_anchors import ROLES, TrustAnchors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from protocols.eui64 import Eui64
    from protocols.gbcs.catalogue import Catalogue, UseCase
    from protocols.gbcs.message import Message
    from protocols.ports import Clock
    from rigs.emulated.command import Command
    from rigs.emulated.description import DeviceDescription
    from rigs.emulated.firmware import ImageOutcome
    from rigs.emulated.knobs import Knob
    from rigs.emulated.metering.engine import Metering
    from rigs.emulated.storage import Storage

Handler = Callable[["Device", "Command"], bytes]
"""Does what an authentic command asks and gives the response payload.

Raises DecodeError or RefusedError for content that cannot be processed; whatever it changed is then undone.
"""

DueHandler = Callable[["Device", "dict[str, Any]"], None]
Stimulus = Callable[[str], "tuple[StimulusOutcome, str]"]


class Device:
    """One emulated device.

    ``send`` takes whole messages towards the hub (True: too early, `outbox` is to let it out once more),
    ``console`` octets for the device's console. On a HAN, ``hub_time`` gives the hub's time (None: it has
    none), ``seek_partner`` gets a link key with another device and tells whether there is one,
    ``partners_changed`` hears that the device's own log is another now, and ``image_changed`` that other
    firmware runs. ``worked`` is called after each piece of work: what `next_due` says may be another.
    ``woken``: it goes on where ``storage`` left it, it does not start.
    """

    payload_kind = "dlms"  # form of generic alerts: "dlms" or "gbz"

    def __init__(
        self,
        description: DeviceDescription,
        storage: Storage,
        clock: Clock,
        send: Callable[[bytes], bool | None],
        *,
        console: Callable[[bytes], None] | None = None,
        catalogue: Catalogue | None = None,
        woken: bool = False,
    ) -> None:
        self.description = description
        self.eui64: Eui64 = description.eui64
        self.storage = storage
        self.clock = clock
        self.send = send
        self.console = console or unheard
        self.catalogue = catalogue or load_catalogue()
        self.secrets = SecretCache()
        self.own_keys = OwnKeys(description.identities, storage)
        self.device_clock = DeviceClock(storage, clock)
        self.hub_time: Callable[[], datetime | None] = clock.now
        self.seek_partner: SeekPartner = found_at_once
        self.partners_changed: Callable[[], None] = nothing
        self.image_changed: Callable[[], None] = nothing
        self.worked: Callable[[], None] = nothing
        self.trust_anchors = TrustAnchors(
            storage, repeat_allowed=description.assumes("A02") == "greater-or-equal"
        )
        self.partner_found: dict[Eui64, bool] = {}
        self.schedule = Schedule(storage)
        self.join_log = JoinLog(storage)
        self.outbox = Outbox(self)
        self.events = Events(self)
        self.command_log = CommandLog(self)
        self.firmware = Firmware(self)
        self.faults = Faults()
        self.supply_failed = False  # in the midst of work, of which nothing may be seen (``fault_catalogue``)
        self.has_room: Callable[[], bool] = always
        self.records = Records(storage)
        self.metering: Metering | None = None
        self.cosem = CosemServer(self)
        self.zcl = ZclServer(self)
        self.handlers: dict[str, Handler] = {}
        self.due_handlers: dict[str, DueHandler] = {}
        self.knobs: dict[str, Knob] = {}
        self.display_lines: list[Callable[[], list[str]]] = [self.events.announced]
        self.stimuli: dict[StimulusKind, Stimulus] = {
            StimulusKind.DISPLAY: self._display,
            StimulusKind.BUTTON: partial(knobs.turn, self),
        }
        self._lines: list[str] = []
        self._after: list[Callable[[], None]] = []
        self.register()
        if woken:
            return
        with self.work():
            from_factory(self)
            if self.powered:
                self.outbox.again()
                self.boot()

    # ------------------------------------------------------------------ for kinds of devices

    def register(self) -> None:
        """Fill the tables; a kind of device adds its own and calls this first."""

    def display(self) -> str:
        """What the device's display shows."""
        return ""

    def authorised_roles(self, use_case: UseCase) -> set[int]:
        """Remote party roles that may send a use case to this device; other devices have none."""
        return {ROLES[role] for role in use_case.roles_on(self.description.device_type) if role in ROLES}

    def event_does(self, code: int, what: Behaviour) -> bool:
        """Whether an event is to be sent, shown, sounded or logged; some kinds can be told otherwise."""
        return usual(code, what)

    def join_log_changed(self) -> None:
        """A device was joined or unjoined."""

    def supply_lost(self) -> None:
        """Supply has gone: what the device still notes."""

    def supply_restored(self) -> None:
        """Supply is back and the device has booted."""

    def partner_needed(self, command: Command) -> Eui64 | None:  # noqa: ARG002  for kinds of devices with partners
        """The device with which a link key must be had before this command can be executed."""
        return None

    def upgrade_due(self) -> None:
        """The hub says: run the image that waits now. Meters wait for CS06."""

    def network_joined(self) -> None:
        """The device has joined the HAN for the first time since it left it."""

    # ------------------------------------------------------------------ what the outside does

    @property
    def powered(self) -> bool:
        """Whether the device has supply."""
        return not self.supply_failed and bool(self.storage.get_json("device", "powered", default=True))

    def handle(self, message: bytes, parsed: Message | None = None) -> None:
        """Process one message; a bad one ends in the security log, never in an exception.

        ``parsed`` is the same message, from whom has read it already.
        """
        if not self.powered or not self.has_room():
            return
        with self.work():
            try:
                command = security.admit(self, message, parsed)
            except RefusedError as refusal:
                self.events.refused(refusal)
                return
            partner = self.partner_needed(command)
            if partner is None:
                self._answer(command)
            else:
                self.trust_anchors.begin(command)
                self.after_work(lambda: self.seek_partner(partner, partial(self._go_on, command, partner)))

    def _go_on(self, command: Command, partner: Eui64, found: bool) -> None:
        """Whether there is a link key with the partner is known now."""
        if self.powered:
            with self.work():
                self.partner_found[partner] = found
                self._answer(command)

    def _answer(self, command: Command) -> None:
        self.trust_anchors.accept(command)
        try:
            with self._undone_when_refused():
                self.transmit(replies.respond(self, command, self._execute(command)))
                self.command_log.done(command)
        except DecodeError as error:
            self.events.refused(RefusedError(EventCode.CONTENT_CHECK_FAILED, str(error)))
        except RefusedError as refusal:
            self.events.refused(refusal)

    def _execute(self, command: Command) -> bytes:
        self.faults.begin()
        self.command_log.begin()
        self.note(f"{command.use_case.code} from {command.originator}, counter {command.counter}")
        handler = self.handler(command.use_case.code)
        assert handler is not None, "admission sees to it"
        return handler(self, command)

    def handler(self, code: str) -> Handler | None:
        """What carries a use case out: code of its own, or the objects that it is about."""
        own = self.handlers.get(code)
        if own is None and self.cosem.serves(code):
            return self.cosem.execute
        return self.zcl.execute if own is None and self.zcl.serves(code) else own

    def next_due(self) -> datetime | None:
        """When ``run_due`` has something to do, in the clock's time; None for never."""
        if not self.powered:
            return None
        planned = (self.schedule.next_due(), self.metering.next_due() if self.metering else None)
        due = min(filter(None, planned), default=None)
        return None if due is None else due - self.device_clock.offset

    def run_due(self) -> None:
        """Do future dated work whose time has come; harmless to call at any time."""
        if self.powered and self.metering is not None and self.metering.is_due():
            with self.work():
                pass  # beginning it settles the metering
        while self.powered:
            name = self.schedule.first_due(self.device_clock.now())
            if name is None:
                return
            with self.work():
                # Beginning this work may have done it already.
                if self.schedule.holds(name):
                    kind, body = self.schedule.take(name)
                    self.due_handlers[kind](self, body)

    def stimulus(self, kind: StimulusKind, argument: str = "") -> tuple[StimulusOutcome, str]:
        """Do to the device what a person or the world does; the answer says what came of it."""
        if kind in {StimulusKind.SUPPLY_LOST, StimulusKind.SUPPLY_RESTORED}:
            self.power(kind is StimulusKind.SUPPLY_RESTORED)
            return StimulusOutcome.DONE, ""
        action = self.stimuli.get(kind)
        if action is None:
            return StimulusOutcome.REFUSED, f"{self.description.device_type} has nothing for {kind.value}"
        with self.work():
            return action(argument)

    def power(self, on: bool) -> None:
        """Supply on or off; doing it twice changes nothing."""
        if on == self.powered:
            return
        with self.work():
            if on:
                self.storage.put_json("device", "powered", value=True)
                self.outbox.again()
                self.boot()
                self.supply_restored()
                if self.metering is not None:
                    self.metering.settle()
            else:
                self.supply_lost()
                self.storage.put_json("device", "powered", value=False)
        if on:
            self.run_due()

    def receive_image(self, ota: bytes) -> ImageOutcome | None:
        """Take a whole OTA file as the hub delivers it; None when the device is off."""
        if not self.powered:
            return None
        with self.work():
            return self.firmware.receive(ota)

    def joined(self, hub: Eui64) -> None:
        """This device has joined the HAN whose trust centre is ``hub``."""
        if self.hub != hub:
            with self.work():
                self.storage.put("device", "hub", hub)
                self.note(f"joined the HAN of {hub}")
                self.network_joined()

    def say(self, text: str) -> None:
        """Print a line on the console, outside of any other work."""
        with self.work():
            self.note(text)

    def left(self) -> None:
        """This device has left the HAN, or was removed."""
        if self.hub is not None:
            with self.work():
                self.storage.delete("device", "hub")
                self.note("left the HAN")

    @property
    def hub(self) -> bytes | None:
        """EUI-64 of the trust centre in whose HAN the device is."""
        return self.storage.get("device", "hub")

    # ------------------------------------------------------------------ for the device's own parts

    @contextmanager
    def work(self) -> Iterator[None]:
        """One piece of work: all of it is kept and then sent, or none of it ever was."""
        try:
            with self.storage.transaction():
                if self.metering is not None:
                    self.metering.settle()
                yield
        except BaseException:
            self._unsay()
            raise
        leaving, lines, after = self.outbox.take(), self._lines, self._after
        self._lines, self._after = [], []
        if self.supply_failed:
            self.cosem.changes += 1  # nothing of it is kept
            return
        for line in lines:
            self.console(f"{line}\r\n".encode())
        self.outbox.let_out(leaving)
        for action in after:
            action()
        self.worked()

    def _unsay(self, sent: int = 0, noted: int = 0, after: int = 0) -> None:
        self.outbox.back_to(sent)
        del self._lines[noted:], self._after[after:]
        self.cosem.changes += 1

    @contextmanager
    def _undone_when_refused(self) -> Iterator[None]:
        said = self.outbox.mark, len(self._lines), len(self._after)
        try:
            with self.storage.savepoint():
                yield
        except (DecodeError, RefusedError):
            self._unsay(*said)
            raise

    def transmit(self, message: bytes, *, alert: int | None = None) -> None:
        """Have a message leave when the present work is kept; ``alert``: the counter of one."""
        self.outbox.put(message, alert)

    def after_work(self, action: Callable[[], None]) -> None:
        """Do something outside this device once the present work is kept."""
        self._after.append(action)

    def note(self, text: str) -> None:
        """Print a line on the console, with the device's time."""
        if self.console is not unheard and self.powered:
            self._lines.append(f"{self.device_clock.now():%Y-%m-%dT%H:%M:%SZ} {text}")

    def next_counter(self) -> int:
        """The next value of the device's own originator counter; never given twice."""
        counter = int(self.storage.get_json("device", "counter", default=0)) + 1
        self.storage.put_json("device", "counter", counter)
        return counter

    def fault(self, element: str) -> int | None:
        """The result that a broken element gives, None where it works (``objects.faults``)."""
        return self.faults.take(element)

    def agree(self, public: Any) -> bytes:
        """Shared secret of the device's key agreement key with another party's."""
        return self.secrets.shared_secret(self.own_keys.agreement, public)

    def boot(self) -> None:
        """Start: print the banner and check the firmware."""
        self.trust_anchors.forget_begun()
        about = self.description
        self._lines.append(
            f"\r\nsmets-hil emulated {about.device_type.upper()} {about.variant} {about.eui64} ({about.name})"
            f" firmware {self.firmware.version.hex()} hardware {about.hardware_version}"
        )
        self.firmware.check_at_power_on()

    def _display(self, _argument: str) -> tuple[StimulusOutcome, str]:
        if not self.powered:
            return StimulusOutcome.DONE, ""
        further = [line for lines in self.display_lines for line in lines()]
        return StimulusOutcome.DONE, "\n".join(line for line in (self.display(), *further) if line)
