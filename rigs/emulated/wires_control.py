"""The control channel of the emulated premises: power and stimuli, as JSON lines over a Unix socket.

One request a line, ``{"id": 1, "op": "stimulus", "node": "esme", "kind": "cover-open", "argument": ""}``; one
answer a line with the same id, ``{"id": 1, "ok": true, "outcome": "done", "answer": ""}`` or
``{"id": 1, "ok": false, "error": "..."}``. Any number of clients.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from protocols.ports import BenchError
from rigs.emulated.air_access import OPERATIONS as AIR_OPERATIONS
from rigs.emulated.defects import OPERATIONS as DEFECT_OPERATIONS
from rigs.emulated.fault_catalogue.desk import OPERATIONS as FAULT_OPERATIONS
from rigs.emulated.recording import OPERATIONS as CAPTURE_OPERATIONS

if TYPE_CHECKING:
    from pathlib import Path

Answer = tuple[str, str]
Handler = Callable[[str, str, str, str], Answer | Awaitable[Answer]]

_DEVICE_OPERATIONS = ("power-on", "power-off", "power-state", "stimulus", "image")
OPERATIONS = (
    *_DEVICE_OPERATIONS,
    *AIR_OPERATIONS,
    *CAPTURE_OPERATIONS,
    *FAULT_OPERATIONS,
    *DEFECT_OPERATIONS,
)
_LINE_LIMIT = 16 * 2**20  # the largest OTA file in base 64


class ControlServer:
    """Serves requests on a Unix socket.

    ``handler(op, node, kind, argument)`` returns ``(outcome, answer)``, outcome ``"done"`` or ``"refused"``;
    for ``power-state`` the answer is ``"on"`` or ``"off"``. It may be a coroutine function. Whatever it
    raises goes to the client as an error.
    """

    def __init__(self, path: Path, handler: Handler) -> None:
        self.path = path
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> str:
        """Listen; the endpoint is ``unix:/path``."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Left by an emulator that was killed; the emulator's lock says that nobody serves it.
            self.path.unlink(missing_ok=True)
            listening = _bind(self.path)
        except OSError as error:
            raise BenchError(
                f"cannot make the control socket {self.path}: {error}",
                next_step="choose a state folder on a local file system: [state] dir in the rig file",
            ) from error
        self._server = await asyncio.start_unix_server(self._arrived, sock=listening, limit=_LINE_LIMIT)
        return f"unix:{self.path}"

    async def close(self) -> None:
        """Close every connection and remove the socket; twice is harmless."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
        self.path.unlink(missing_ok=True)

    def _arrived(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # A client that vanishes, or sends a line without end, ends only its own connection.
            with contextlib.suppress(ConnectionError, ValueError):
                while line := await reader.readline():
                    answer = await self._answer(line)
                    writer.write(json.dumps(answer).encode() + b"\n")
                    await writer.drain()
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        number: Any = None
        try:
            request = json.loads(line)
            number = request["id"]
            op, node = str(request["op"]), str(request["node"])
            kind, argument = str(request.get("kind") or ""), str(request.get("argument") or "")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return _refusal(number, f"not a control request: {type(error).__name__} {error}")
        if op not in OPERATIONS:
            return _refusal(number, f"unknown op {op!r}; known: {', '.join(OPERATIONS)}")
        try:
            result = self._handler(op, node, kind, argument)
            outcome, answer = await result if isawaitable(result) else result
        except Exception as error:  # noqa: BLE001 - goes to the client, who can say which test it hit
            return _refusal(number, f"{type(error).__name__}: {error}")
        return {"id": number, "ok": True, "outcome": outcome, "answer": answer}


def _refusal(number: Any, error: str) -> dict[str, Any]:
    return {"id": number, "ok": False, "error": error}


def _bind(path: Path) -> socket.socket:
    """Bind below the folder's descriptor: a socket address holds 107 octets, a path can be longer."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(f"/proc/self/fd/{folder}/{path.name}")
        path.chmod(0o600)
    except OSError:
        listening.close()
        raise
    finally:
        os.close(folder)
    return listening
