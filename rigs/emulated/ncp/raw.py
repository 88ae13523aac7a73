"""The radio below the stack: raw frames, and the manufacturing library's listening and sending."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from protocols.ezsp.fields import Values
from protocols.ezsp.status import SlStatus
from protocols.radio import RadioSettings, ReceivedFrame, TransmitResult, TransmitStatus
from protocols.radio_frames import with_fcs

if TYPE_CHECKING:
    from rigs.emulated.ncp.ncp import EmulatedNcp

_SHORTEST, _LONGEST = 3, 125
_TOKEN = 1 << 30  # far from the stack's own


class RawRadio:
    """Commands that go round the stack. The manufacturing library works while there is no network."""

    def __init__(self, ncp: EmulatedNcp) -> None:
        self._ncp = ncp
        self._running = False
        self._hears = False
        self._channel = 11
        self._power = 0
        self.handlers: dict[str, Callable[[Values], Values]] = {
            "sendRawMessage": self._send_raw,
            "sendRawMessageExtended": self._send_raw,
            "mfglibStart": self._start,
            "mfglibEnd": self._end,
            "mfglibSendPacket": self._send_packet,
            "mfglibSetChannel": self._set_channel,
            "mfglibGetChannel": lambda _: {"channel": self._channel},
            "mfglibSetPower": self._set_power,
            "mfglibGetPower": lambda _: {"power": self._power},
        }

    def _send_raw(self, values: Values) -> Values:
        message = values["message"]
        if not _SHORTEST <= len(message) <= _LONGEST or not self._ncp.stack.joined:
            return {"status": SlStatus.INVALID_STATE}
        self._ncp.radio.inject(with_fcs(message), clear_channel=bool(values.get("clear_channel", True)))
        self._ncp.after(0.005, lambda: self._raw_done(message))
        return {"status": SlStatus.OK}

    def _raw_done(self, message: bytes) -> None:
        self._ncp.tell("rawTransmitCompleteHandler", status=SlStatus.OK, message=message)

    # Manufacturing library

    def _start(self, values: Values) -> Values:
        if self._running or self._ncp.stack.joined:
            return {"status": SlStatus.INVALID_STATE}
        self._running, self._hears = True, values["rx_callback"]
        self._ncp.radio.listen(self)
        self._tune()
        return {"status": SlStatus.OK}

    def _tune(self) -> None:
        eui64 = self._ncp.radio.eui64
        self._ncp.radio.configure(RadioSettings(self._channel, 0xFFFF, 0xFFFF, eui64, promiscuous=True))

    def _end(self, _: Values) -> Values:
        if not self._running:
            return {"status": SlStatus.INVALID_STATE}
        self._running = False
        self._ncp.radio.listen(self._ncp.stack.node.mac)
        self._ncp.radio.stop()
        return {"status": SlStatus.OK}

    def _send_packet(self, values: Values) -> Values:
        # The packet ends with room for the FCS, which the radio writes.
        packet = values["packet"][:-2]
        if not self._running or not _SHORTEST <= len(packet) <= _LONGEST:
            return {"status": SlStatus.INVALID_STATE}
        self._ncp.radio.transmit(_TOKEN, packet, clear_channel=False, retries=0)
        return {"status": SlStatus.OK}

    def _set_channel(self, values: Values) -> Values:
        if not self._running or not 11 <= values["channel"] <= 26:
            return {"status": SlStatus.INVALID_PARAMETER}
        self._channel = values["channel"]
        self._tune()
        return {"status": SlStatus.OK}

    def _set_power(self, values: Values) -> Values:
        self._power = values["power"]
        return {"status": SlStatus.OK}

    def frame_received(self, frame: ReceivedFrame) -> None:
        """A frame of the channel, for the host."""
        if self._hears:
            rssi = max(-128, min(127, frame.rssi_dbm))
            self._ncp.tell("mfglibRxHandler", lqi=frame.lqi, rssi=rssi, packet=with_fcs(frame.octets))

    def frame_transmitted(self, token: int, result: TransmitResult) -> None:
        """Nobody is told."""
        if result.status is TransmitStatus.FAILED and token == _TOKEN:
            self._running = False

    def energy_measured(self, channel: int, rssi_dbm: int) -> None:
        """Not asked for."""

    def radio_reset(self, cause: str) -> None:
        """Only this firmware resets its radio."""
