"""Serial ports by pyserial URL, as octet lines that one thread reads and another writes.

pyserial's own ``read`` loses what it has gathered when the far end goes away in the middle of a call, and
its socket and RFC 2217 ports cannot be woken out of it. The classes here therefore keep pyserial's opening
and line settings and bring their own ``take``, ``put``, ``wake`` and ``shut``:

- ``take()`` waits for octets; ``b""`` once woken and everything that had arrived is handed over;
- ``put(octets)`` waits until all are written;
- ``wake()`` ends both, from any thread, for good;
- ``shut()`` frees the port, after both threads are done.

Failures are ``OSError`` (pyserial's SerialException is one).
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import socket
import threading
import warnings
from typing import Annotated, Any, Literal, Protocol

import serial
import serial.rfc2217
import serial.urlhandler.protocol_socket as serial_socket
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_CHUNK = 65_536
_POLL_S = 0.1
# A far end that never pauses must not keep a closing port open: this much is still taken.
_LEFT_AT_CLOSE = 4 * 1024 * 1024
_PARITY = {
    "none": serial.PARITY_NONE,
    "even": serial.PARITY_EVEN,
    "odd": serial.PARITY_ODD,
    "mark": serial.PARITY_MARK,
    "space": serial.PARITY_SPACE,
}
_opening_rfc2217 = threading.Lock()


def _known_stop_bits(value: float) -> float:
    if value not in {1, 1.5, 2}:
        raise ValueError("stop_bits is 1, 1.5 or 2")
    return value


class SerialSettings(BaseModel):
    """Keys of every port on a serial line; see docs/drivers.md."""

    model_config = ConfigDict(extra="forbid")

    url: str = "emulated:"
    baud: int = Field(default=115_200, ge=50, le=4_000_000)
    data_bits: Literal[5, 6, 7, 8] = 8
    parity: Literal["none", "even", "odd", "mark", "space"] = "none"
    stop_bits: Annotated[float, AfterValidator(_known_stop_bits)] = 1
    flow_control: Literal["none", "rts-cts", "xon-xoff"] = "none"
    dtr: bool | None = None
    rts: bool | None = None


class OctetLine(Protocol):
    """What a thread reads from and another writes to."""

    def take(self) -> bytes:
        """Wait for octets; empty once woken."""

    def put(self, octets: bytes) -> None:
        """Write all octets."""

    def wake(self) -> None:
        """End ``take`` and ``put`` for good."""

    def shut(self) -> None:
        """Free the port."""


class _Device(serial.Serial):  # type: ignore[misc]  # pyserial is untyped
    """A device file or pseudo-terminal."""

    keep_input = False

    def _reset_input_buffer(self) -> None:
        if not self.keep_input:
            super()._reset_input_buffer()

    def open(self) -> None:
        self._woken = False
        self._left = _LEFT_AT_CLOSE
        super().open()

    def take(self) -> bytes:
        if not self._woken:
            waiting = select.poll()
            waiting.register(self.fd, select.POLLIN)
            waiting.register(self.pipe_abort_read_r, select.POLLIN)
            ready = dict(waiting.poll())
            if self.fd in ready:
                return self._read()
            self._woken = True
        look = select.poll()
        look.register(self.fd, select.POLLIN)
        if not look.poll(0) or self._left <= 0:
            return b""
        octets = self._read()
        self._left -= len(octets)
        return octets

    def _read(self) -> bytes:
        octets = os.read(self.fd, _CHUNK)
        if not octets:
            raise serial.SerialException("the far end is gone")
        return octets

    def put(self, octets: bytes) -> None:
        left = memoryview(octets)
        while left:
            waiting = select.poll()
            waiting.register(self.fd, select.POLLOUT)
            waiting.register(self.pipe_abort_write_r, select.POLLIN)
            if self.pipe_abort_write_r in dict(waiting.poll()):
                raise serial.SerialException("closed while writing")
            with contextlib.suppress(BlockingIOError):
                left = left[os.write(self.fd, left[:_CHUNK]) :]

    def wake(self) -> None:
        self.cancel_read()
        self.cancel_write()

    def shut(self) -> None:
        self.close()


class _Socket(serial_socket.Serial):  # type: ignore[misc]  # pyserial is untyped
    """``socket://host:port``: octets over TCP, no line settings."""

    _socket: Any
    keep_input = False

    def reset_input_buffer(self) -> None:
        if not self.keep_input:
            super().reset_input_buffer()

    def open(self) -> None:
        self._woken = False
        super().open()
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(True)

    def take(self) -> bytes:
        octets: bytes = self._socket.recv(_CHUNK)
        if not octets and not self._woken:
            raise serial.SerialException("the far end closed the connection")
        return octets

    def put(self, octets: bytes) -> None:
        self._socket.sendall(octets)

    def wake(self) -> None:
        self._woken = True
        # Octets that had arrived can still be read; then recv gives the end.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def shut(self) -> None:
        self.is_open = False
        self._socket.close()


class _Rfc2217(serial.rfc2217.Serial):  # type: ignore[misc]  # pyserial is untyped
    """``rfc2217://host:port``: octets and line settings over TCP."""

    _socket: Any

    def open(self) -> None:
        self._woken = False
        self._ended = False
        # pyserial 3.5 calls Thread.setDaemon and setName, deprecated; the lock because filters are global.
        with _opening_rfc2217, warnings.catch_warnings():
            warnings.filterwarnings("ignore", "set(Daemon|Name)", DeprecationWarning)
            super().open()
        # Without this, sendall gives up 5 s after its start however much the far end has taken.
        self._socket.settimeout(None)

    def take(self) -> bytes:
        octets = bytearray()
        while len(octets) < _CHUNK and not self._ended:
            try:
                octet = self._read_buffer.get(block=not octets, timeout=1.0)
            except queue.Empty:
                if octets:
                    break
                self._ended = not self._thread.is_alive() and self._read_buffer.empty()
                continue
            if octet is None:
                self._ended = True
            else:
                octets += octet
        if not octets and not self._woken:
            raise serial.SerialException("the far end closed the connection")
        return bytes(octets)

    def put(self, octets: bytes) -> None:
        for start in range(0, len(octets), _CHUNK):
            self.write(octets[start : start + _CHUNK])

    def wake(self) -> None:
        self._woken = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        # pyserial's own close leaks the socket when the far end has closed first.
        self.is_open = False
        connection, self._socket = self._socket, None
        if connection is None:
            return
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        if self._thread is not None:
            self._thread.join()
        connection.close()

    def shut(self) -> None:
        self.close()


class _AnyUrl:
    """Any other URL that pyserial knows (``loop://``, ``spy://``...), read in short turns."""

    def __init__(self, port: Any) -> None:
        self._port = port
        self._woken = False

    def take(self) -> bytes:
        while True:
            woken = self._woken
            octets: bytes = self._port.read(1)
            if octets:
                return octets + bytes(self._port.read(self._port.in_waiting))
            if woken:
                return b""

    def put(self, octets: bytes) -> None:
        self._port.write(octets)

    def wake(self) -> None:
        self._woken = True
        if hasattr(self._port, "cancel_write"):
            self._port.cancel_write()

    def shut(self) -> None:
        self._port.close()


def open_line(address: str, settings: SerialSettings, *, keep_input: bool) -> OctetLine:
    """Open a device path or pyserial URL; blocks (RFC 2217: 0.35 s and more).

    With ``keep_input``, octets that had arrived before opening are kept where the system holds them; else
    they are discarded. A path is opened exclusively: a second opening fails. OSError or ValueError on
    failure.
    """
    options = _options(settings)
    scheme = address.partition("://")[0].lower() if "://" in address else ""
    line: Any
    if not scheme:
        line = _Device(exclusive=True, **options)
    elif scheme == "socket":
        line = _Socket(**options)
    elif scheme == "rfc2217":
        line = _Rfc2217(**options)
    else:
        return _AnyUrl(_opened(serial.serial_for_url(address, do_not_open=True, timeout=_POLL_S, **options)))
    line.keep_input = keep_input
    line.port = address
    if settings.dtr is not None:
        line.dtr = settings.dtr
    if settings.rts is not None:
        line.rts = settings.rts
    opened: OctetLine = _opened(line)
    return opened


def _opened(port: Any) -> Any:
    port.open()
    return port


def _options(settings: SerialSettings) -> dict[str, Any]:
    return {
        "baudrate": settings.baud,
        "bytesize": settings.data_bits,
        "parity": _PARITY[settings.parity],
        "stopbits": settings.stop_bits,
        "rtscts": settings.flow_control == "rts-cts",
        "xonxoff": settings.flow_control == "xon-xoff",
    }
