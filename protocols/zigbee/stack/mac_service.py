"""The MAC sublayer of one node over a `FrameRadio`: data, indirect data, polling, beacons, association."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64
from protocols.radio import FrameRadio, RadioSettings, ReceivedFrame, TransmitResult, TransmitStatus
from protocols.zigbee.mac import FrameType, MacFrame, build_mac, parse_mac
from protocols.zigbee.mac_commands import (
    AssociationRequest,
    AssociationResponse,
    BeaconRequest,
    DataRequest,
    MacCommand,
    parse_mac_command,
)
from protocols.zigbee.stack.constants import (
    MAC_BROADCAST,
    MAC_BROADCAST_PAN,
    MAC_DUPLICATE_WINDOW_S,
    MAC_MAX_FRAME_TOTAL_WAIT_S,
    MAC_MAX_TRANSMITS,
    MAC_NO_SHORT_ADDRESS,
)
from protocols.zigbee.stack.core import Core, Refusal, Timer
from protocols.zigbee.stack.indirect import IndirectQueue

Address = int | Eui64
Transmitted = Callable[[TransmitResult], None]
_DUPLICATES = 64


class MacUser(Protocol):
    """Who uses the MAC service (the NWK layer's management)."""

    def mac_data(self, frame: MacFrame, heard: ReceivedFrame) -> None:
        """Data for us or for all."""

    def mac_beacon(self, frame: MacFrame, heard: ReceivedFrame) -> None:
        """A beacon."""

    def mac_beacon_wanted(self) -> None:
        """A beacon request."""

    def mac_association(self, device: Eui64, request: AssociationRequest) -> None:
        """A device wants to associate with us."""

    def mac_association_response(self, response: AssociationResponse) -> None:
        """Our parent's answer."""

    def mac_polled(self, source: Address) -> bool:
        """A device polls us; False when it is not ours."""


@dataclass(slots=True)
class PollOutcome:
    """What came of one poll: whether the parent took it, and whether something came."""

    status: TransmitStatus
    received: bool = False


class MacService:
    """Transmits with sequence numbers, sorts what is received, polls, and keeps frames for sleepers."""

    def __init__(self, core: Core, radio: FrameRadio, settings: RadioSettings) -> None:
        self.core = core
        self.radio = radio
        self.settings = settings
        self.user: MacUser | None = None
        self.indirect = IndirectQueue(core, radio)
        self.energy: Callable[[int, int], None] | None = None  # who scans now
        self.sleepy = False
        self.frame_wait_s = MAC_MAX_FRAME_TOTAL_WAIT_S
        self._sequence = core.random.randrange(256)  # macDSN
        self._beacon_sequence = core.random.randrange(256)  # macBSN
        self._token = 0
        self._done: dict[int, Transmitted | None] = {}
        self._heard: dict[Address, tuple[int, float, bytes]] = {}
        self._poll_done: Callable[[PollOutcome], None] | None = None
        self._poll_timer: Timer | None = None
        self._awake = 0

    # Settings

    def apply(self) -> None:
        """Hand changed settings to the radio; a sleepy node's receiver is on only while it is needed."""
        self.settings.receiver_on_when_idle = not self.sleepy or self._awake > 0
        self.radio.configure(replace(self.settings))

    def wake(self) -> None:
        """Keep the receiver on until as many `doze` follow."""
        self._awake += 1
        if self.sleepy and self._awake == 1:
            self.apply()

    def doze(self) -> None:
        """The opposite of `wake`."""
        self._awake -= 1
        if self.sleepy and self._awake == 0:
            self.apply()

    # Sending

    def transmit(self, frame: MacFrame, done: Transmitted | None = None) -> None:
        """Send any frame; ``done`` hears how that went. When too many wait for the air, it fails at once."""
        if len(self._done) >= MAC_MAX_TRANSMITS:
            self.core.statistics["mac.transmit-full"] += 1
            if done is not None:
                failed = TransmitResult(TransmitStatus.FAILED, self.core.now(), attempts=0)
                self.core.after(0, lambda: done(failed))
            return
        self._token = token = self._token + 1
        self._done[token] = done
        self.radio.transmit(token, build_mac(frame))

    def send(
        self,
        destination: Address,
        payload: bytes,
        done: Transmitted | None = None,
        *,
        frame_pending: bool = False,
    ) -> None:
        """Send data now."""
        settings = self.settings
        frame = MacFrame(
            FrameType.DATA,
            self._next_sequence(),
            settings.pan_id,
            destination,
            settings.pan_id,
            self._source(),
            payload,
            ack_request=destination != MAC_BROADCAST,
            frame_pending=frame_pending,
        )
        self.transmit(frame, done)

    def send_indirect(self, child: Address, make: Callable[[], bytes], done: Callable[[bool], None]) -> None:
        """Send data when the child polls; ``make`` gives the payload at that moment."""
        self.indirect.hold(child, lambda more, sent: self.send(child, make(), sent, frame_pending=more), done)

    def send_command(
        self,
        command: MacCommand,
        destination: Address,
        done: Transmitted | None = None,
        *,
        pan_id: int | None = None,
        extended_source: bool = False,
        source_pan: int | None = None,
        frame_pending: bool = False,
    ) -> None:
        """Send a MAC command now."""
        pan = self.settings.pan_id if pan_id is None else pan_id
        frame = MacFrame(
            FrameType.COMMAND,
            self._next_sequence(),
            pan,
            destination,
            pan if source_pan is None else source_pan,
            self.core.eui64 if extended_source else self._source(),
            command.build(),
            ack_request=destination != MAC_BROADCAST,
            frame_pending=frame_pending,
        )
        self.transmit(frame, done)

    def request_beacons(self) -> None:
        """Ask everybody on this channel for a beacon (7.3.7); the request names no source."""
        frame = MacFrame(
            FrameType.COMMAND,
            self._next_sequence(),
            MAC_BROADCAST_PAN,
            MAC_BROADCAST,
            payload=BeaconRequest().build(),
        )
        self.transmit(frame)

    def send_beacon(self, payload: bytes) -> None:
        """Send a beacon, with superframe specification and so on in ``payload``."""
        self._beacon_sequence = (self._beacon_sequence + 1) & 0xFF
        frame = MacFrame(
            FrameType.BEACON,
            self._beacon_sequence,
            source_pan=self.settings.pan_id,
            source=self._source(),
            payload=payload,
        )
        self.transmit(frame)

    def respond(self, device: Eui64, response: AssociationResponse, done: Callable[[bool], None]) -> None:
        """Answer an association request, when the device polls for it (7.5.3.1)."""
        self.indirect.hold(
            device,
            lambda more, sent: self.send_command(
                response, device, sent, extended_source=True, frame_pending=more
            ),
            done,
        )

    # Polling

    def poll(self, parent: int, done: Callable[[PollOutcome], None]) -> bool:
        """Fetch one frame kept for us; False when a poll is under way already."""
        if self._poll_done is not None:
            return False
        self._poll_done = done
        self.wake()
        extended = self.settings.short_address >= MAC_NO_SHORT_ADDRESS
        self.send_command(DataRequest(), parent, self._poll_sent, extended_source=extended)
        return True

    def _poll_sent(self, result: TransmitResult) -> None:
        if self._poll_done is None:
            return
        if result.status is TransmitStatus.DONE and result.frame_pending:
            self._poll_timer = self.core.after(
                self.frame_wait_s, lambda: self._poll_over(PollOutcome(TransmitStatus.DONE))
            )
        else:
            self._poll_over(PollOutcome(result.status))

    def _poll_over(self, outcome: PollOutcome) -> None:
        if self._poll_timer is not None:
            self._poll_timer.cancel()
            self._poll_timer = None
        done, self._poll_done = self._poll_done, None
        if done is not None:
            self.doze()
            done(outcome)

    # RadioListener

    def frame_transmitted(self, token: int, result: TransmitResult) -> None:
        """As `RadioListener`."""
        done = self._done.pop(token, None)
        if done is not None:
            done(result)

    def energy_measured(self, channel: int, rssi_dbm: int) -> None:
        """As `RadioListener`."""
        if self.energy is not None:
            self.energy(channel, rssi_dbm)

    def radio_reset(self, cause: str) -> None:
        """As `RadioListener`: settings and tables go to the radio again."""
        self.core.statistics[f"mac.radio-reset: {cause}"] += 1
        self._done.clear()
        self.apply()
        self.indirect.match(force=True)
        self._poll_over(PollOutcome(TransmitStatus.FAILED))

    def frame_received(self, heard: ReceivedFrame) -> None:
        """As `RadioListener`."""
        try:
            frame = parse_mac(heard.octets)
            if frame.frame_type is FrameType.DATA:
                self._take_data(frame, heard)
            elif frame.frame_type is FrameType.COMMAND:
                self._take_command(frame, heard)
            elif frame.frame_type is FrameType.BEACON and self.user is not None:
                self.user.mac_beacon(frame, heard)
        except DecodeError:
            self.core.refuse("mac", Refusal.MALFORMED)
        except EncodeError as error:  # what was heard made us send something that no frame carries: our fault
            self.core.statistics[f"own.{error.element}"] += 1

    def _take_data(self, frame: MacFrame, heard: ReceivedFrame) -> None:
        if self._repeated(frame, heard) or not self._for_us(frame) or self.user is None:
            return
        waiting = self._poll_timer is not None and frame.destination != MAC_BROADCAST
        try:
            if frame.payload:
                self.user.mac_data(frame, heard)
        finally:
            if waiting:
                self._poll_over(PollOutcome(TransmitStatus.DONE, received=bool(frame.payload)))

    def _take_command(self, frame: MacFrame, heard: ReceivedFrame) -> None:
        user, source = self.user, frame.source
        if user is None or not self._for_us(frame):
            return
        command = parse_mac_command(frame.payload)
        if isinstance(command, BeaconRequest):
            user.mac_beacon_wanted()
        elif source is None:
            self.core.refuse("mac", Refusal.UNKNOWN_SOURCE)
        elif isinstance(command, DataRequest):
            if not self._repeated(frame, heard):
                self._take_poll(source, heard)
        elif self._repeated(frame, heard):
            return
        elif isinstance(command, AssociationRequest) and isinstance(source, Eui64):
            user.mac_association(source, command)
        elif isinstance(command, AssociationResponse) and frame.destination == self.core.eui64:
            self._poll_over(PollOutcome(TransmitStatus.DONE, received=True))
            user.mac_association_response(command)
        else:
            self.core.refuse("mac", Refusal.UNEXPECTED, source)

    def _take_poll(self, source: Address, heard: ReceivedFrame) -> None:
        known = self.user is not None and self.user.mac_polled(source)
        # Told that nothing waits, the device sleeps again: what is kept for it stays until the next poll.
        if heard.acknowledged_pending and not self.indirect.polled(source) and known:
            self.send(source, b"")

    def _repeated(self, frame: MacFrame, heard: ReceivedFrame) -> bool:
        """Whether this is the same frame again because our acknowledgement was lost."""
        source = frame.source
        if source is None:
            return False
        last = self._heard.get(source)
        if (
            last is not None
            and last[0] == frame.sequence
            and heard.time_s - last[1] < MAC_DUPLICATE_WINDOW_S
            and last[2] == heard.octets
        ):
            self.core.statistics["mac.repeated"] += 1
            return True
        if len(self._heard) >= _DUPLICATES:
            self._heard.clear()
        self._heard[source] = (frame.sequence, heard.time_s, heard.octets)
        return False

    def _for_us(self, frame: MacFrame) -> bool:
        settings = self.settings
        if frame.destination_pan not in (settings.pan_id, MAC_BROADCAST_PAN):
            return False
        destination = frame.destination
        return destination in (settings.short_address, MAC_BROADCAST, self.core.eui64)

    def _source(self) -> Address:
        short = self.settings.short_address
        return self.core.eui64 if short >= MAC_NO_SHORT_ADDRESS else short

    def _next_sequence(self) -> int:
        self._sequence = (self._sequence + 1) & 0xFF
        return self._sequence
