"""An emulated radio co-processor: the device side of Spinel on a radio of the emulated air.

It does what OpenThread's RCP firmware does and no more: polls are answered from its source match tables
alone, one frame is sent at a time (a second one is refused), and a reset loses everything the host has set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from protocols.errors import DecodeError
from protocols.radio import ReceivedFrame, TransmitResult, TransmitStatus
from protocols.radio_frames import BROADCAST, acknowledgement, read_header, with_fcs
from protocols.spinel.datatypes import pack, unpack
from protocols.spinel.frame import Command, ResetKind, SpinelFrame, parse_frame
from protocols.spinel.hdlc import HdlcDecoder, HdlcError, encode_frame
from protocols.spinel.properties import (
    FORMATS,
    HOST_API_VERSION,
    INTERFACE_THREAD,
    OLDEST_RCP_API_VERSION,
    PROTOCOL_MAJOR,
    PROTOCOL_MINOR,
    Capability,
    Property,
    ScanState,
)
from protocols.spinel.status import Status
from protocols.spinel.stream import (
    ACKED_PENDING,
    HeardFrame,
    TransmitDone,
    TransmitRequest,
    parse_transmit_request,
)
from rigs.emulated import rcp_properties as known
from rigs.emulated.rcp_state import RcpState

if TYPE_CHECKING:
    from collections.abc import Callable

    from rigs.emulated.air import EmulatedRadio

_OUTCOMES = {
    TransmitStatus.DONE: Status.OK,
    TransmitStatus.NO_ACK: Status.NO_ACK,
    TransmitStatus.CHANNEL_BUSY: Status.CCA_FAILURE,
    TransmitStatus.FAILED: Status.FAILURE,
}


@dataclass(slots=True)
class RcpFirmware:
    """What the firmware says of itself, and its limits."""

    version: str = "OPENTHREAD/emulated; smets-hil; air"
    protocol: tuple[int, int] = (PROTOCOL_MAJOR, PROTOCOL_MINOR)
    interface_type: int = INTERFACE_THREAD
    api_version: int = HOST_API_VERSION
    oldest_host_api_version: int = OLDEST_RCP_API_VERSION
    capabilities: tuple[int, ...] = (
        Capability.MAC_2450MHZ,
        Capability.CONFIG_RADIO,
        Capability.RCP_API_VERSION,
        Capability.RCP_MIN_HOST_API_VERSION,
        Capability.MAC_RAW,
    )
    table_size: int = 64


class EmulatedRcp:
    """One RCP. ``write`` takes what goes to the host; feed what comes from there.

    What goes wrong with it and its serial line: `rigs.emulated.fault_catalogue.sticks`.
    """

    def __init__(
        self,
        radio: EmulatedRadio,
        write: Callable[[bytes], None] | None = None,
        *,
        firmware: RcpFirmware | None = None,
    ) -> None:
        self.radio = radio
        self.write = write
        self.firmware = firmware or RcpFirmware()
        self.line_errors: list[HdlcError] = []
        self.resets = 0
        self._decoder = HdlcDecoder()
        self._state = RcpState(radio.eui64)
        self._sending: tuple[int, int, TransmitRequest] | None = None  # token, TID
        self._token = 0
        self._scanning = False
        radio.listen(self)

    # From the host

    def feed(self, octets: bytes) -> None:
        """Octets from the host; answers are written before this returns, but for those that take time."""
        for item in self._decoder.feed(octets):
            if isinstance(item, HdlcError):
                self.line_errors.append(item)
                continue
            try:
                self._handle(parse_frame(item))
            except DecodeError:
                self._status(0, Status.PARSE_ERROR)

    def reset(self, reason: Status = Status.RESET_FAULT) -> None:
        """Start anew, as after a crash or a watchdog; the host is told."""
        self.resets += 1
        self._sending = None
        self._scanning = False
        self._state = RcpState(self.radio.eui64)
        self.radio.reset(reason.name)
        self._status(0, reason)

    def _handle(self, frame: SpinelFrame) -> None:
        if frame.interface != 0:
            return
        if frame.command == Command.NOOP:
            self._status(frame.tid, Status.OK)
        elif frame.command == Command.RESET:
            self._handle_reset(frame)
        elif frame.property is None or frame.command > Command.REMOVE:
            self._status(frame.tid, Status.INVALID_COMMAND)
        elif frame.command == Command.SET and frame.property == Property.STREAM_RAW:
            self._transmit(frame)
        else:
            self._access(frame, frame.property)

    def _handle_reset(self, frame: SpinelFrame) -> None:
        if frame.value[:1] == bytes((ResetKind.BOOTLOADER,)):
            self._status(frame.tid, Status.UNIMPLEMENTED)
        else:
            self.reset(Status.RESET_SOFTWARE)

    def _access(self, frame: SpinelFrame, key: int) -> None:
        try:
            if frame.command == Command.GET:
                self._say(frame.tid, key, self._read(key))
            elif frame.command == Command.SET:
                self._set(key, frame.value)
                self._say(frame.tid, key, frame.value)
                if key == Property.MAC_SCAN_STATE:
                    self._scan(frame.value)
            else:
                self._change_table(key, frame.value, insert=frame.command == Command.INSERT)
                answer = Command.INSERTED if frame.command == Command.INSERT else Command.REMOVED
                self._send(SpinelFrame(answer, key, frame.value, frame.tid))
        except DecodeError:
            self._status(frame.tid, Status.PARSE_ERROR)
        except KeyError:
            self._status(frame.tid, Status.PROP_NOT_FOUND)
        except MemoryError:
            self._status(frame.tid, Status.NOMEM)
        except ValueError:
            self._status(frame.tid, Status.INVALID_ARGUMENT)

    def _read(self, key: int) -> bytes:
        if key in known.PLAIN:
            return pack(FORMATS[Property(key)], getattr(self._state, known.PLAIN[key]))
        if key in known.TABLES:
            attribute, letter = known.TABLES[key]
            return pack(f"A({letter})", sorted(getattr(self._state, attribute)))
        value = self._constants()[key]
        return pack(FORMATS[Property(key)], *(value if isinstance(value, tuple) else (value,)))

    def _constants(self) -> dict[int, Any]:
        firmware, state, medium = self.firmware, self._state, self.radio.medium
        now = medium.now()
        constants: dict[int, Any] = {
            Property.LAST_STATUS: int(Status.OK),
            Property.PROTOCOL_VERSION: firmware.protocol,
            Property.NCP_VERSION: firmware.version,
            Property.INTERFACE_TYPE: firmware.interface_type,
            Property.VENDOR_ID: 0,
            Property.CAPS: list(firmware.capabilities),
            Property.INTERFACE_COUNT: 1,
            Property.HWADDR: self.radio.eui64,
            Property.PHY_CHAN_SUPPORTED: list(range(11, 27)),
            Property.PHY_CHAN_PREFERRED: list(range(11, 27)),
            Property.PHY_FREQ: (2405 + 5 * (state.channel - 11)) * 1000,
            Property.PHY_RSSI: medium.energy(self.radio, state.channel, now, now),
            Property.PHY_RX_SENSITIVITY: known.RX_SENSITIVITY_DBM,
            Property.MAC_SCAN_STATE: int(ScanState.ENERGY if self._scanning else ScanState.IDLE),
            Property.RADIO_CAPS: int(known.RADIO_CAPABILITIES),
            Property.RCP_TIMESTAMP: int(now * 1e6),
        }
        if Capability.RCP_API_VERSION in firmware.capabilities:
            constants[Property.RCP_API_VERSION] = firmware.api_version
        if Capability.RCP_MIN_HOST_API_VERSION in firmware.capabilities:
            constants[Property.RCP_MIN_HOST_API_VERSION] = firmware.oldest_host_api_version
        return constants

    def _set(self, key: int, value: bytes) -> None:
        if key in known.IGNORED:
            return
        if key == Property.MAC_SCAN_STATE:
            self._check_scan(value)
            return
        if key in known.TABLES:
            attribute, letter = known.TABLES[key]
            entries = set(unpack(f"A({letter})", value)[0])
            if len(entries) > self.firmware.table_size:
                raise MemoryError
            setattr(self._state, attribute, entries)
            self._tell_tables()
            return
        if key not in known.PLAIN:
            raise KeyError(key)
        known.write_plain(self._state, key, unpack(FORMATS[Property(key)], value)[0])
        self._tell_radio(key)

    def _change_table(self, key: int, value: bytes, *, insert: bool) -> None:
        attribute, letter = known.TABLES[key]
        table: set[Any] = getattr(self._state, attribute)
        (entry,) = unpack(letter, value)
        if insert and len(table) >= self.firmware.table_size and entry not in table:
            raise MemoryError
        (table.add if insert else table.discard)(entry)
        self._tell_tables()

    def _tell_radio(self, key: int) -> None:
        if key == Property.MAC_SRC_MATCH_ENABLED:
            self._tell_tables()
        elif self._state.phy_enabled:
            self.radio.configure(self._state.settings())
            if key == Property.PHY_ENABLED:
                self._tell_tables()
        elif key == Property.PHY_ENABLED:
            self.radio.stop()

    def _tell_tables(self) -> None:
        state = self._state
        self.radio.match_sources(enabled=state.match, short=state.match_short, extended=state.match_extended)

    def _check_scan(self, value: bytes) -> None:
        (state,) = unpack("C", value)
        # Raw firmware scans one channel at a time, for energy only.
        if state not in {ScanState.IDLE, ScanState.ENERGY}:
            raise ValueError("no such scan")
        if state == ScanState.ENERGY and (len(self._state.scan_mask) != 1 or not self._state.phy_enabled):
            raise ValueError("one channel at a time, and the radio has to be on")

    def _scan(self, value: bytes) -> None:
        if value[0] == ScanState.ENERGY:
            self._scanning = True
            self.radio.measure_energy(self._state.scan_mask[0], self._state.scan_period_ms / 1000)

    def _transmit(self, frame: SpinelFrame) -> None:
        if not self._state.phy_enabled or self._sending is not None or self._scanning:
            self._status(frame.tid, Status.INVALID_STATE)
            return
        try:
            request = parse_transmit_request(frame.value)
        except DecodeError:
            self._status(frame.tid, Status.PARSE_ERROR)
            return
        if not 5 <= len(request.psdu) <= 127 or not 11 <= request.channel <= 26:
            self._status(frame.tid, Status.INVALID_ARGUMENT)
            return
        self._token += 1
        self._sending = (self._token, frame.tid, request)
        self.radio.transmit(
            self._token,
            request.psdu[:-2],
            clear_channel=request.csma,
            retries=request.retries,
            backoffs=request.backoffs,
            channel=request.channel,
        )

    # From the radio

    def frame_received(self, frame: ReceivedFrame) -> None:
        """A frame that passed the radio's filter goes to the host."""
        if self._state.raw_stream:
            flags = ACKED_PENDING if frame.acknowledged_pending else 0
            self._say(0, Property.STREAM_RAW, self._heard(frame.octets, frame, flags).build())

    def _heard(self, octets: bytes, frame: ReceivedFrame, flags: int) -> HeardFrame:
        return HeardFrame(
            with_fcs(octets), frame.rssi_dbm, -128, flags, frame.channel, frame.lqi, int(frame.time_s * 1e6)
        )

    def frame_transmitted(self, token: int, result: TransmitResult) -> None:
        """The host's frame is over."""
        if self._sending is None or self._sending[0] != token:
            return
        _, tid, request = self._sending
        self._sending = None
        done = TransmitDone(_OUTCOMES[result.status], result.frame_pending, request.header_updated)
        header = read_header(request.psdu[:-2])
        if header.ack_request and header.destination not in {None, BROADCAST}:
            done.acknowledgement = HeardFrame(
                with_fcs(acknowledgement(header.sequence, frame_pending=result.frame_pending)),
                rssi_dbm=-50,
                channel=request.channel,
                timestamp_us=int(result.time_s * 1e6),
            )
        self._say(tid, Property.LAST_STATUS, done.build())

    def energy_measured(self, channel: int, rssi_dbm: int) -> None:
        """The scan of a channel is over."""
        self._scanning = False
        self._say(0, Property.MAC_ENERGY_SCAN_RESULT, pack("Cc", channel, max(-128, rssi_dbm)))
        self._say(0, Property.MAC_SCAN_STATE, bytes((ScanState.IDLE,)))

    def radio_reset(self, cause: str) -> None:
        """Only this firmware resets its radio."""

    # To the host

    def debug(self, text: str) -> None:
        """What firmware prints on its debug stream."""
        self._say(0, Property.STREAM_DEBUG, text.encode())

    def _status(self, tid: int, status: Status) -> None:
        self._say(tid, Property.LAST_STATUS, pack("i", status))

    def _say(self, tid: int, key: int, value: bytes) -> None:
        self._send(SpinelFrame(Command.IS, key, value, tid))

    def _send(self, frame: SpinelFrame) -> None:
        if self.write is not None:
            self.write(encode_frame(frame.build()))
