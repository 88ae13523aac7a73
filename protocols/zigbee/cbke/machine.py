"""Key establishment as a device does it: client and server of the cluster, for several partners (annex C.3).

Without I/O: what arrives is handed to ``receive`` with the time, what comes back is to be sent or to be
noted. Every message is APS encrypted and sent with APS acknowledgement by the caller, who also writes the
ZCL header.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from protocols.errors import DecodeError
from protocols.zigbee.cbke.messages import (
    MAX_GENERATE_TIME,
    Command,
    Message,
    Status,
    Terminate,
    parse_message,
)
from protocols.zigbee.cbke.session import Phase, Refusal, Session, Times
from protocols.zigbee.cbke.suites import SUITES, Suite, bitmap

if TYPE_CHECKING:
    from protocols.eui64 import Eui64
    from protocols.zigbee.cbke.credentials import Credentials


class KeyEstablishmentError(ValueError):
    """An attempt that cannot start now; nothing was sent."""


@dataclass(slots=True)
class Send:
    """A command to send: from the client to the server where ``to_server``, else the other way.

    ``sequence`` is the ZCL transaction sequence number it answers, None where the sender takes its next.
    """

    partner: Eui64
    message: Message
    to_server: bool
    sequence: int | None = None


@dataclass(slots=True)
class Established:
    """The exchange succeeded: ``link_key`` (16 octets) now is the key shared with the partner.

    For the responder this comes when it sends its last message; a ``Failed`` after it says that the message
    did not arrive or was refused, so that the partner does not use the key.
    """

    partner: Eui64
    link_key: bytes = field(repr=False)
    suite: int
    initiator: bool


@dataclass(slots=True)
class Failed:
    """The exchange ended without a key.

    ``status`` is what was sent to the partner, or what it sent (``by_partner``); None where no message says
    it: time ran out or nothing could be delivered. ``wait_time`` are seconds before which no attempt should
    be made.
    """

    partner: Eui64
    reason: str
    initiator: bool
    status: int | None = None
    by_partner: bool = False
    wait_time: int = 0

    @property
    def is_final(self) -> bool:
        """Whether trying again with the same certificates cannot help."""
        return self.status in {Status.UNKNOWN_ISSUER, Status.BAD_KEY_CONFIRM, Status.INVALID_CERTIFICATE}


Output = Send | Established | Failed


@dataclass(slots=True)
class _Exchange:
    """A session with what surrounds it: its deadline, and what was answered to what."""

    session: Session
    deadline: float
    answered: dict[tuple[int, int, bytes], Send | None] = field(default_factory=dict)

    @property
    def is_active(self) -> bool:
        return self.session.phase is not Phase.DONE


class KeyEstablishment:
    """The cluster on one device.

    ``credentials`` has one entry per suite at most. ``random_octets(count)`` gives the randomness, ``limit``
    is the number of exchanges at one time; a partner beyond it hears NO_RESOURCES. ``utc_offset`` is what to
    add to ``now`` for Unix time: validity periods are checked where it is known. Times are monotonic seconds.
    """

    def __init__(
        self,
        eui64: Eui64,
        credentials: Iterable[Credentials],
        random_octets: Callable[[int], bytes],
        *,
        times: Times | None = None,
        limit: int = 8,
        utc_offset: float | None = None,
    ) -> None:
        self.eui64 = eui64
        self.times = times or Times()
        self.limit = limit
        self.utc_offset = utc_offset
        self._credentials = {entry.suite.bit: entry for entry in credentials}
        self._random_octets = random_octets
        # By partner and whether we are the initiator.
        self._exchanges: dict[tuple[Eui64, bool], _Exchange] = {}
        self._not_before: dict[Eui64, float] = {}

    @property
    def suites(self) -> int:
        """The KeyEstablishmentSuite attribute."""
        return bitmap(entry.suite for entry in self._credentials.values())

    def is_busy(self, partner: Eui64) -> bool:
        """Whether an exchange with the partner is under way, whoever started it."""
        return any(
            (exchange := self._exchanges.get((partner, initiator))) is not None and exchange.is_active
            for initiator in (True, False)
        )

    def start(
        self, partner: Eui64, now: float, suite: Suite | None = None, *, force: bool = False
    ) -> list[Output]:
        """Begin an exchange as initiator, in the best suite there is unless one is named.

        KeyEstablishmentError while one with the partner is under way, while the partner wants us to wait
        (unless ``force``), or where there is no certificate for the suite.
        """
        chosen = suite or next((each for each in SUITES if each.bit in self._credentials), None)
        if chosen is None or chosen.bit not in self._credentials:
            wanted = "any suite" if chosen is None else f"suite {chosen.number}"
            raise KeyEstablishmentError(f"{self.eui64} has no certificate for {wanted}")
        if self.is_busy(partner):
            raise KeyEstablishmentError(f"a key establishment with {partner} is under way")
        wait = self._not_before.get(partner, now) - now
        if wait > 0 and not force:
            raise KeyEstablishmentError(f"{partner} asked to wait another {math.ceil(wait)} s")
        self._not_before.pop(partner, None)
        exchange = self._open(partner, now, initiator=True)
        message = exchange.session.begin(chosen)
        return [Send(partner, message, to_server=True)]

    def receive(
        self, partner: Eui64, command: int, payload: bytes, *, from_server: bool, sequence: int, now: float
    ) -> list[Output]:
        """A command of the cluster from ``partner``, known by its address; ``from_server`` its direction."""
        exchange = self._exchanges.get((partner, from_server))
        if command == Command.TERMINATE:
            return self._terminated(partner, exchange, payload, now, from_server=from_server)
        key = (sequence, command, bytes(payload))
        if exchange is not None and key in exchange.answered:
            repeated = exchange.answered[key]
            # The initiator's next message follows from its own repetition by the APS layer.
            return [] if repeated is None or from_server else [repeated]
        if command == Command.INITIATE and not from_server:
            return self._requested(partner, exchange, key, now)
        if exchange is None or not exchange.is_active:
            reason = Terminate(Status.BAD_MESSAGE, 0, self.suites)
            return [Send(partner, reason, to_server=from_server, sequence=None if from_server else sequence)]
        return self._advance(exchange, key, now)

    def undeliverable(self, partner: Eui64) -> list[Output]:
        """A message to the partner found no acknowledgement; its exchange ends, and nothing more is sent."""
        outputs: list[Output] = []
        for initiator in (True, False):
            exchange = self._exchanges.pop((partner, initiator), None)
            if exchange is None or (initiator and not exchange.is_active):
                continue
            reason = "a message could not be delivered"
            if not exchange.is_active:
                reason = "the last message could not be delivered: the partner may not have the key"
            outputs.append(Failed(partner, reason, initiator))
        return outputs

    def forget(self, partner: Eui64) -> None:
        """Drop all that is known of a partner, without telling anyone."""
        for initiator in (True, False):
            self._exchanges.pop((partner, initiator), None)
        self._not_before.pop(partner, None)

    def next_due(self) -> float | None:
        """When ``run_due`` next has something to do."""
        return min((exchange.deadline for exchange in self._exchanges.values()), default=None)

    def run_due(self, now: float) -> list[Output]:
        """Give up what has waited too long. The partner is not told (annex C.3.1)."""
        outputs: list[Output] = []
        for key, exchange in list(self._exchanges.items()):
            if exchange.deadline > now:
                continue
            del self._exchanges[key]
            awaited = exchange.session.phase.value
            if awaited is not None:
                reason = f"no {awaited.name} from the partner in {exchange.session.patience:g} s"
                outputs.append(Failed(key[0], reason, key[1]))
        return outputs

    # What a message does

    def _requested(
        self, partner: Eui64, exchange: _Exchange | None, key: tuple[int, int, bytes], now: float
    ) -> list[Output]:
        """An Initiate request that is no repetition: somebody starts, or starts again."""
        outputs: list[Output] = []
        if exchange is not None and exchange.is_active:
            outputs.append(Failed(partner, "the partner started again", initiator=False))
        self._exchanges.pop((partner, False), None)
        own = self._exchanges.get((partner, True))
        if own is not None and own.is_active:
            # Both sides started at once: the exchange of the higher EUI-64 goes on.
            if own.session.phase is not Phase.INITIATE or partner < self.eui64:
                return [*outputs, self._no_resources(partner, key[0], now)]
            del self._exchanges[partner, True]
        if sum(each.is_active for each in self._exchanges.values()) >= self.limit:
            refusal = self._no_resources(partner, key[0], now)
            reason = f"{self.limit} exchanges are under way already"
            failed = Failed(partner, reason, initiator=False, status=Status.NO_RESOURCES)
            return [*outputs, refusal, failed]
        return outputs + self._advance(self._open(partner, now, initiator=False), key, now)

    def _advance(self, exchange: _Exchange, key: tuple[int, int, bytes], now: float) -> list[Output]:
        """Let a session handle a message."""
        session = exchange.session
        sequence, command, payload = key
        utc = None if self.utc_offset is None else now + self.utc_offset
        try:
            answer = session.handle(parse_message(command, payload), utc)
        except Refusal as refusal:
            return self._refuse(session, refusal.status, refusal.reason, sequence)
        except DecodeError as error:
            return self._refuse(session, Status.BAD_MESSAGE, str(error), sequence)
        exchange.deadline = now + session.patience
        outputs: list[Output] = []
        send = None
        if answer is not None:
            to_server = session.initiator
            send = Send(session.partner, answer, to_server, None if to_server else sequence)
            outputs.append(send)
        exchange.answered[key] = send
        if session.link_key is not None:
            assert session.suite is not None
            established = Established(
                session.partner, session.link_key, session.suite.number, session.initiator
            )
            outputs.append(established)
        return outputs

    def _refuse(self, session: Session, status: Status, reason: str, sequence: int) -> list[Output]:
        del self._exchanges[session.partner, session.initiator]
        terminate = Terminate(status, 0, self.suites)
        to_server = session.initiator
        return [
            Send(session.partner, terminate, to_server, None if to_server else sequence),
            Failed(session.partner, reason, session.initiator, status),
        ]

    def _no_resources(self, partner: Eui64, sequence: int, now: float) -> Send:
        """Tell the partner to come back when the first of the present exchanges is over at the latest."""
        due = min((each.deadline for each in self._exchanges.values() if each.is_active), default=now)
        wait = min(max(math.ceil(due - now), 1), MAX_GENERATE_TIME)
        return Send(
            partner, Terminate(Status.NO_RESOURCES, wait, self.suites), to_server=False, sequence=sequence
        )

    def _terminated(
        self, partner: Eui64, exchange: _Exchange | None, payload: bytes, now: float, *, from_server: bool
    ) -> list[Output]:
        """The partner ends it. Never answered, or two devices could keep terminating each other."""
        if exchange is None or (from_server and not exchange.is_active):
            return []
        # A server that is done hears this where its last message was wrong for the client.
        initiator = exchange.session.initiator
        del self._exchanges[partner, initiator]
        try:
            message = Terminate.parse(payload)
        except DecodeError as error:
            return [
                Failed(partner, f"the partner terminated, malformed: {error}", initiator, by_partner=True)
            ]
        status, wait = message.status, message.wait_time
        if initiator and wait:
            self._not_before[partner] = now + wait
        name = status.name if isinstance(status, Status) else f"status {status:02X}"
        reason = f"the partner terminated: {name}"
        return [Failed(partner, reason, initiator, status, by_partner=True, wait_time=wait)]

    def _open(self, partner: Eui64, now: float, *, initiator: bool) -> _Exchange:
        session = Session(
            self.eui64, partner, self._credentials, self._random_octets, self.times, initiator=initiator
        )
        exchange = _Exchange(session, now + session.patience)
        self._exchanges[partner, initiator] = exchange
        return exchange
