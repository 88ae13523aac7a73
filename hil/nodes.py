"""The nodes of a bench as tests see them: users that send commands, devices that answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hil.commands import Behalf, Form, Order, build_command
from hil.counters import CounterStore
from hil.devicefile import DeviceFile
from hil.exchange import (
    Alert,
    Faults,
    NoAlertError,
    NoResponseError,
    Response,
    Sent,
    UnexpectedAlertError,
    UnexpectedResponseError,
)
from hil.facades import Console, Firmware, Note, Power, Stimulus
from hil.keys import RigKeys
from hil.portal import Portal
from hil.records import sent_body
from hil.rigfile import DeviceSpec, PortSpec, User
from hil.router import Router
from hil.top_ups import UTRN, Token, make_token
from protocols.eui64 import Eui64
from protocols.gbcs.catalogue import Catalogue
from protocols.gbcs.named.filling import At
from protocols.ports import Clock, ConfigError

__all__ = [
    "Alert",
    "DeviceNode",
    "Faults",
    "NoAlertError",
    "NoResponseError",
    "Response",
    "Sent",
    "UnexpectedAlertError",
    "UnexpectedResponseError",
    "UserNode",
]


class DeviceNode:
    """A device of the rig, real or emulated; tests cannot tell which."""

    def __init__(self, spec: DeviceSpec, capabilities: frozenset[str]) -> None:
        self.spec = spec
        self.capabilities = capabilities
        self._power: Power | None = None
        self._stimulus: Stimulus | None = None
        self._console: Console | None = None
        self._firmware: Firmware | None = None

    def give(self, port: Power | Stimulus | Console | Firmware) -> None:
        """Add an open port; called by the bench."""
        if isinstance(port, Power):
            self._power = port
        elif isinstance(port, Stimulus):
            self._stimulus = port
        elif isinstance(port, Firmware):
            self._firmware = port
        else:
            self._console = port

    @property
    def name(self) -> str:
        """Name in the rig file."""
        return self.spec.name

    @property
    def eui64(self) -> Eui64:
        """Its EUI-64."""
        return self.spec.file.eui64

    @property
    def type(self) -> str:
        """``esme``, ``gsme``, ``chf``, ..."""
        return self.spec.file.type

    @property
    def via(self) -> str:
        """Name of the node that carries its messages, empty when it has a message port of its own."""
        return self.spec.via if not self.spec.message_port else ""

    @property
    def device_file(self) -> DeviceFile:
        """What is declared about it."""
        return self.spec.file

    @property
    def ports(self) -> dict[str, PortSpec]:
        """Its ports as the rig wires them."""
        return self.spec.ports

    @property
    def power(self) -> Power:
        """Its supply; ConfigError when the rig cannot switch it."""
        return self._power or _missing(self.name, "power")

    @property
    def stimulus(self) -> Stimulus:
        """Stimuli; ConfigError when the rig has nobody to apply them."""
        return self._stimulus or _missing(self.name, "stimulus")

    @property
    def firmware(self) -> Firmware:
        """How images get to it, or through it; ConfigError when the rig has no way."""
        return self._firmware or _missing(self.name, "firmware")

    @property
    def console(self) -> Console:
        """Its console; ConfigError when the rig does not capture it."""
        return self._console or _missing(self.name, "console")

    def __repr__(self) -> str:
        return f"<{self.type} {self.name} {self.eui64}>"


def _missing(node: str, port: str) -> Any:
    raise ConfigError(
        f"nodes.{node} has no {port} port in this rig",
        next_step=f'add [nodes.{node}.ports.{port}], or mark the test @needs(capabilities=["{node}.{port}"])',
    )


@dataclass(slots=True)
class Services:
    """What user nodes need of the bench they belong to."""

    keys: RigKeys
    counters: CounterStore
    catalogue: Catalogue
    router: Router
    portal: Portal
    clock: Clock
    note: Note
    acb: Callable[[], User | None]


class UserNode:
    """A party that sends commands: supplier, network operator, Access Control Broker, ..."""

    def __init__(self, user: User, services: Services) -> None:
        self._user = user
        self._services = services

    @property
    def name(self) -> str:
        """Name in the rig file."""
        return self._user.name

    @property
    def role(self) -> str:
        """``supplier``, ``access_control_broker``, ..."""
        return self._user.role

    @property
    def eui64(self) -> Eui64:
        """Its EUI-64."""
        return self._user.eui64

    def request(
        self,
        use_case: str,
        device: DeviceNode,
        *,
        timeout_s: float = 10.0,
        on_behalf_of: UserNode | None = None,
        values: Mapping[str, Any] | None = None,
        payload: Mapping[str, Any] | None = None,
        at: At | None = None,
        message_code: int | None = None,
        strict: bool | None = None,
        **named: Any,
    ) -> Response:
        """Send a command and return the device's response, whatever it says. Values: see ``send``.

        What is wrong with the response (MAC, signature, layout) stands in it and is not raised. Raises
        NoResponseError after ``timeout_s``, EncodeError for values that do not fit, BenchError for trouble of
        ours.
        """
        sent = self.send(
            use_case,
            device,
            on_behalf_of=on_behalf_of,
            values=values,
            payload=payload,
            at=at,
            message_code=message_code,
            strict=strict,
            **named,
        )
        return self.expect_response(sent, timeout_s)

    def send(
        self,
        use_case: str,
        device: DeviceNode,
        *,
        faults: Faults | None = None,
        counter: int | None = None,
        on_behalf_of: UserNode | None = None,
        values: Mapping[str, Any] | None = None,
        payload: Mapping[str, Any] | None = None,
        at: At | None = None,
        message_code: int | None = None,
        strict: bool | None = None,
        **named: Any,
    ) -> Sent:
        """Send a command and return at once.

        ``faults`` spoils it on purpose, ``counter`` replaces the next Originator Counter (for replays), and
        ``on_behalf_of`` makes it the ACB's command for a party that the device does not know.

        Values go by the names that ``hil use-cases`` shows, in ``values`` where they are no identifiers, or
        by short names where there are such; what the use case fixes is filled in. ``payload``, ``at``,
        ``message_code`` and ``strict`` are those of ``hil.commands.Form``.
        """
        services = self._services
        number = services.counters.next(self.eui64) if counter is None else counter
        behalf = None
        if on_behalf_of is not None:
            party = on_behalf_of._user  # noqa: SLF001  (same class)
            behalf = Behalf(party, services.counters.next(party.eui64))
        order = Order(
            use_case,
            self._user,
            device.spec,
            number,
            named | dict(values or {}),
            faults or Faults(),
            behalf,
            Form(payload, at, message_code, strict),
        )
        message, octets = build_command(order, services.keys, services.acb(), services.catalogue)
        sent = Sent(use_case, self.name, device.name, number, message, octets, services.clock.now())
        body = sent_body(order, message, octets, services.catalogue)
        sent.record = services.note("message.sent", device.name, body)
        services.portal.call(services.router.send(sent))
        return sent

    def top_up(self, device: DeviceNode, pence: int, *, utrn_counter: int | None = None) -> Token:
        """A top-up token for a meter, to be sent by CS01a or CS01b (``counter=token.counter``) or typed in.

        ``utrn_counter`` replaces the next UTRN Counter (for repeats and tokens out of order).
        """
        services = self._services
        if utrn_counter is None:
            utrn_counter = services.counters.next(self.eui64, UTRN)
        return make_token(services.keys, self._user, device, pence, utrn_counter)

    def expect_response(self, sent: Sent, timeout_s: float = 10.0) -> Response:
        """The response to a command that `send` has sent; NoResponseError after ``timeout_s``."""
        return self._services.portal.call(self._services.router.expect_response(sent, timeout_s))

    def expect_silence(self, sent: Sent, within_s: float = 1.0) -> None:
        """Wait ``within_s``; UnexpectedResponseError when a response has come or comes."""
        self._services.portal.call(self._services.router.expect_silence(sent, within_s))

    def __repr__(self) -> str:
        return f"<{self.role} {self.name} {self.eui64}>"
