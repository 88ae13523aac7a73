"""One exchange of the key establishment protocol with one partner, in either role (annex C.4.2).

The exchange only computes: what to send, what was wrong. Timers, repetitions and other partners are the
business of ``machine``.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from protocols.errors import DecodeError
from protocols.zigbee.cbke import agreement
from protocols.zigbee.cbke.messages import (
    MAX_GENERATE_TIME,
    Command,
    ConfirmKey,
    EphemeralData,
    Initiate,
    Message,
    Status,
)
from protocols.zigbee.cbke.suites import Suite, suite_of_bit

if TYPE_CHECKING:
    from protocols.eui64 import Eui64
    from protocols.zigbee.cbke.certificates import Certificate
    from protocols.zigbee.cbke.credentials import Credentials


class Refusal(Exception):  # noqa: N818 - a reason to terminate, caught by the machine
    """The exchange cannot go on; ``status`` goes to the partner, ``reason`` to whoever reads the log."""

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(slots=True)
class Times:
    """Seconds: what the own device declares, and what a message may take on its way.

    A partner has its declared time and ``transmission`` for its next message; the standard recommends at
    least 2 s, and a sleepy device hears nothing between two polls.
    """

    ephemeral: int = 2
    confirm: int = 2
    transmission: float = 10.0


class Phase(Enum):
    """Which message of the partner is awaited."""

    INITIATE = Command.INITIATE
    EPHEMERAL_DATA = Command.EPHEMERAL_DATA
    CONFIRM_KEY = Command.CONFIRM_KEY
    DONE = None


class Session:
    """An exchange of ``own`` device with ``partner``; ``link_key`` is set when it has succeeded."""

    def __init__(
        self,
        own: Eui64,
        partner: Eui64,
        credentials: Mapping[int, Credentials],
        random_octets: Callable[[int], bytes],
        times: Times,
        *,
        initiator: bool,
    ) -> None:
        self.partner = partner
        self.initiator = initiator
        self.phase = Phase.INITIATE
        self.suite: Suite | None = None
        self.link_key: bytes | None = None
        self._own = own
        self._credentials_by_bit = credentials
        self._random_octets = random_octets
        self._times = times
        self._partner_ephemeral_time = 0
        self._partner_confirm_time = 0
        self._credentials: Credentials | None = None
        self._certificate: Certificate | None = None
        self._ephemeral: agreement.EphemeralKey | None = None
        self._partner_data = b""
        self._material: agreement.KeyingMaterial | None = None

    @property
    def patience(self) -> float:
        """Seconds to wait for the awaited message; after the end, to answer repetitions."""
        declared = {
            Phase.EPHEMERAL_DATA: self._partner_ephemeral_time,
            Phase.CONFIRM_KEY: self._partner_confirm_time,
        }
        return declared.get(self.phase, 0) + self._times.transmission

    def begin(self, suite: Suite) -> Initiate:
        """The initiator's first message."""
        self._choose(suite)
        return self._initiate()

    def handle(self, message: Message, utc: float | None) -> Message | None:
        """The answer to a message of the partner or None; Refusal where the exchange ends here."""
        if message.command != self.phase.value:
            awaited = "no message" if self.phase.value is None else self.phase.value.name
            raise Refusal(Status.BAD_MESSAGE, f"{message.command.name} came while {awaited} was awaited")
        if isinstance(message, Initiate):
            return self._handle_initiate(message, utc)
        if isinstance(message, EphemeralData):
            return self._handle_ephemeral_data(message)
        assert isinstance(message, ConfirmKey)  # no phase awaits Terminate
        return self._handle_confirm_key(message)

    # Messages of the partner

    def _handle_initiate(self, message: Initiate, utc: float | None) -> Message:
        self._accept_suite(message.suites)
        if max(message.ephemeral_time, message.confirm_time) > MAX_GENERATE_TIME:
            raise Refusal(Status.BAD_MESSAGE, "a generate time of 255 s is not valid")
        self._partner_ephemeral_time = message.ephemeral_time
        self._partner_confirm_time = message.confirm_time
        self._accept_certificate(message.certificate, utc)
        self.phase = Phase.EPHEMERAL_DATA
        if not self.initiator:
            return self._initiate()
        return self._generate_ephemeral()

    def _handle_ephemeral_data(self, message: EphemeralData) -> Message:
        assert self._credentials is not None
        assert self._certificate is not None
        answer = None if self.initiator else self._generate_ephemeral()
        assert self._ephemeral is not None
        try:
            secret = agreement.shared_secret(
                self._credentials, self._ephemeral, self._certificate, message.point
            )
        except DecodeError as error:
            bad_certificate = error.path.startswith("certificate")
            status = Status.INVALID_CERTIFICATE if bad_certificate else Status.BAD_MESSAGE
            raise Refusal(status, str(error)) from None
        self._partner_data = message.point
        self._material = agreement.derive(secret)
        self.phase = Phase.CONFIRM_KEY
        return answer or ConfirmKey(self._mac(of_initiator=True))

    def _handle_confirm_key(self, message: ConfirmKey) -> Message | None:
        assert self._material is not None
        if not hmac.compare_digest(message.mac, self._mac(of_initiator=not self.initiator)):
            name = "MACV" if self.initiator else "MACU"
            reason = (
                f"{name} is wrong: the partner does not have the same key (another authority or private key)"
            )
            raise Refusal(Status.BAD_KEY_CONFIRM, reason)
        self.link_key = self._material.link_key
        self.phase = Phase.DONE
        return None if self.initiator else ConfirmKey(self._mac(of_initiator=False))

    # Checks

    def _accept_suite(self, bits: int) -> None:
        if self.suite is not None:
            if bits != self.suite.bit:
                reason = f"suite field {bits:04X} answers a request for {self.suite.bit:04X}"
                raise Refusal(Status.BAD_MESSAGE, reason)
            return
        if bits.bit_count() != 1:
            raise Refusal(Status.BAD_MESSAGE, f"suite field {bits:04X} does not name one suite")
        suite = suite_of_bit(bits)
        if suite is None or bits not in self._credentials_by_bit:
            raise Refusal(Status.UNSUPPORTED_SUITE, f"no certificate for suite field {bits:04X}")
        self._choose(suite)

    def _accept_certificate(self, octets: bytes, utc: float | None) -> None:
        assert self.suite is not None
        assert self._credentials is not None
        certificate = self.suite.parse_certificate(octets)
        problem = certificate.problem(utc)
        if problem is not None:
            raise Refusal(Status.INVALID_CERTIFICATE, problem)
        if certificate.issuer != self._credentials.issuer:
            reason = (
                f"the certificate was issued by {certificate.issuer}, known is {self._credentials.issuer}"
            )
            raise Refusal(Status.UNKNOWN_ISSUER, reason)
        if certificate.subject != self.partner:
            reason = f"the certificate of {certificate.subject} came from {self.partner}"
            raise Refusal(Status.INVALID_CERTIFICATE, reason)
        self._certificate = certificate

    # Own messages

    def _choose(self, suite: Suite) -> None:
        self.suite = suite
        self._credentials = self._credentials_by_bit[suite.bit]

    def _initiate(self) -> Initiate:
        assert self.suite is not None
        assert self._credentials is not None
        certificate = self._credentials.certificate_octets
        return Initiate(self.suite.bit, self._times.ephemeral, self._times.confirm, certificate)

    def _generate_ephemeral(self) -> EphemeralData:
        assert self.suite is not None
        self._ephemeral = agreement.ephemeral_key(self.suite.curve, self._random_octets)
        return EphemeralData(self._ephemeral.octets)

    def _mac(self, *, of_initiator: bool) -> bytes:
        assert self._ephemeral is not None
        assert self._material is not None
        mac = agreement.initiator_mac if of_initiator else agreement.responder_mac
        key, mine = self._material.mac_key, self._ephemeral.octets
        if self.initiator:
            return mac(key, self._own, self.partner, mine, self._partner_data)
        return mac(key, self.partner, self._own, self._partner_data, mine)
