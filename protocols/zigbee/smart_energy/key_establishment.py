"""Key establishment over the HAN (cluster 0x0800): ``protocols.zigbee.cbke`` on the ZCL layer, both roles."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from protocols.eui64 import Eui64
from protocols.han import DataStatus
from protocols.zigbee.cbke.credentials import Credentials
from protocols.zigbee.cbke.machine import (
    Established,
    Failed,
    KeyEstablishment,
    KeyEstablishmentError,
    Output,
    Send,
)
from protocols.zigbee.cbke.session import Times
from protocols.zigbee.smart_energy.context import Context
from protocols.zigbee.smart_energy.settings import KEY_ESTABLISHMENT
from protocols.zigbee.smart_energy.zcl_attributes import Attributes
from protocols.zigbee.smart_energy.zcl_endpoint import ZclLayer
from protocols.zigbee.smart_energy.zcl_exchange import Address
from protocols.zigbee.stack.core import Timer
from protocols.zigbee.zcl.frame import FrameType, ZclFrame

_SUITE_ATTRIBUTE = 0x0000
_PARTNERS = 64


class KeyRunner:
    """Runs exchanges and installs what comes of them, then tells ``on_established`` or ``on_failed``."""

    def __init__(
        self,
        context: Context,
        zcl: ZclLayer,
        credentials: Iterable[Credentials],
        own_endpoint: int,
        times: Times,
    ) -> None:
        self._context = context
        self._zcl = zcl
        self._own = own_endpoint
        self._addresses: dict[Eui64, Address] = {}
        self._timer: Timer | None = None
        self.machine = KeyEstablishment(
            context.service.eui64, credentials, context.random.randbytes, times=times
        )
        self.on_established: Callable[[Established, Address], None] = lambda *_: None
        self.on_failed: Callable[[Failed], None] = lambda _: None
        zcl.handle_raw(KEY_ESTABLISHMENT, self._take)
        attributes = Attributes(
            lambda attribute: self.machine.suites if attribute == _SUITE_ATTRIBUTE else None
        )
        for client in (False, True):
            zcl.side(own_endpoint, KEY_ESTABLISHMENT, client=client).attributes = attributes

    def start(self, partner: Eui64, endpoint: int) -> str | None:
        """Begin as initiator; why that is not possible now, or None."""
        self._remember(Address(partner, endpoint, self._own))
        try:
            self._act(self.machine.start(partner, self._context.now(), force=True))
        except KeyEstablishmentError as error:
            return str(error)
        return None

    def forget(self, partner: Eui64) -> None:
        """Drop all that is under way with a partner."""
        self.machine.forget(partner)
        self._addresses.pop(partner, None)

    def _remember(self, address: Address) -> None:
        """Keep where a partner is; those not heard for longest are forgotten."""
        self._addresses.pop(address.partner, None)
        if len(self._addresses) >= _PARTNERS:
            del self._addresses[next(iter(self._addresses))]
        self._addresses[address.partner] = address

    def _take(self, address: Address, frame: ZclFrame) -> None:
        self._remember(address)
        self._act(
            self.machine.receive(
                address.partner,
                frame.command,
                frame.payload,
                from_server=frame.from_server,
                sequence=frame.sequence,
                now=self._context.now(),
            )
        )

    def _act(self, outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, Send):
                self._send(output)
            elif isinstance(output, Established):
                self._context.service.install_link_key(output.partner, output.link_key)
                unknown = Address(output.partner, self._own, self._own)
                self.on_established(output, self._addresses.get(output.partner, unknown))
            else:
                self.on_failed(output)
        self._plan()

    def _send(self, output: Send) -> None:
        address = self._addresses.get(output.partner)
        if address is None:
            return
        sequence = output.sequence
        if sequence is None:
            sequence = self._zcl.next_sequence(output.partner)
        message = output.message
        frame = ZclFrame(
            FrameType.CLUSTER,
            sequence,
            message.command,
            message.build(),
            not output.to_server,
            disable_default_response=True,
        )

        def sent(status: DataStatus) -> None:
            if status is not DataStatus.DONE:
                self._act(self.machine.undeliverable(output.partner))

        self._zcl.send_frame(address, KEY_ESTABLISHMENT, frame, sent)
        self._context.stay_awake(self.machine.times.transmission)

    def _plan(self) -> None:
        due = self.machine.next_due()
        timer = self._timer
        if timer is not None:
            if due is not None and timer.action is not None and timer.due <= due:
                return
            timer.cancel()
        self._timer = None if due is None else self._context.timers.at(due, self._run)

    def _run(self) -> None:
        self._timer = None
        self._act(self.machine.run_due(self._context.now()))
