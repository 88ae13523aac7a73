"""Questions to the person at the bench, with a time limit; one question at a time on one terminal.

The terminal is opened by its path (``/dev/tty`` by default) and not taken from stdin, which a test runner
replaces. It is read by the event loop when it has something, so a question that nobody answers ends on time
and leaves no thread behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import select
import termios
from typing import TYPE_CHECKING, TypeVar

from protocols.ports import BenchError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from protocols.ports import Clock

_TURN_S = 0.05
_T = TypeVar("_T")


class NobodyAnswersError(Exception):
    """The time is up, or the terminal was closed."""


class Prompter:
    """Asks on a terminal given by path, or by a pair of descriptors that belong to the caller."""

    def __init__(
        self,
        clock: Clock,
        *,
        terminal: str = "/dev/tty",
        descriptors: tuple[int, int] | None = None,
    ) -> None:
        self._clock = clock
        self._terminal = terminal
        self._descriptors = descriptors
        self._turn = asyncio.Lock()

    async def ask(self, text: str, questions: list[Question], timeout_s: float) -> list[str]:
        """The answers, all within ``timeout_s`` from the moment ``text`` is shown.

        Waits for the turn, as long again, when another port or process is asking on the same terminal.
        NobodyAnswersError when time runs out or the terminal is closed; BenchError when there is no terminal.
        """
        async with self._turn:
            with self._open() as (source, target):
                await self._within(self._wait_for_turn(target), timeout_s, "another question stood there for")
                try:
                    conversation = Conversation(source, target)
                    return await self._within(conversation.hold(text, questions), timeout_s, "no answer in")
                except NobodyAnswersError as error:
                    with contextlib.suppress(OSError):
                        os.write(target, f"\n({error})\n".encode())
                    raise
                finally:
                    fcntl.flock(target, fcntl.LOCK_UN)

    async def _within(self, work: Coroutine[None, None, _T], timeout_s: float, complaint: str) -> _T:
        loop = asyncio.get_running_loop()
        answering = loop.create_task(work)
        limit = loop.create_task(self._clock.sleep(timeout_s))
        try:
            await asyncio.wait({answering, limit}, return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                return answering.result()
            raise NobodyAnswersError(f"{complaint} {timeout_s:g} s")
        finally:
            for task in (answering, limit):
                task.cancel()
            await asyncio.gather(answering, limit, return_exceptions=True)

    @contextlib.contextmanager
    def _open(self) -> Iterator[tuple[int, int]]:
        if self._descriptors is not None:
            yield self._descriptors
            return
        try:
            descriptor = os.open(self._terminal, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError as error:
            raise BenchError(
                f"there is no terminal to ask the operator on: {self._terminal}: {error}",
                next_step="run from a terminal, or name one with terminal = ... in the port's table",
            ) from error
        try:
            yield descriptor, descriptor
        finally:
            os.close(descriptor)

    async def _wait_for_turn(self, target: int) -> None:
        # The lock belongs to the open terminal, so it also holds between ports and between processes.
        while True:
            try:
                fcntl.flock(target, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                await self._clock.sleep(_TURN_S)
            else:
                return


class Question:
    """One line to be answered; asked again until ``check`` gives a value instead of None."""

    def __init__(self, text: str, check: Callable[[str], str | None]) -> None:
        self.text = text
        self.check = check


class Conversation:
    """Shows a text, asks questions and reads the lines typed."""

    def __init__(self, source: int, target: int) -> None:
        self._source = source
        self._target = target
        self._typed = bytearray()

    async def hold(self, text: str, questions: list[Question]) -> list[str]:
        """The answers in order."""
        if os.isatty(self._source):
            # Typed before the question was shown, so it answers something else.
            termios.tcflush(self._source, termios.TCIFLUSH)
        self._show(text)
        return [await self._answer(question) for question in questions]

    async def _answer(self, question: Question) -> str:
        while True:
            self._show(question.text)
            value = question.check((await self._line()).strip())
            if value is not None:
                return value

    def _show(self, text: str) -> None:
        try:
            os.write(self._target, text.encode())
        except BlockingIOError as error:
            raise NobodyAnswersError("the terminal is stopped and shows nothing") from error

    async def _line(self) -> str:
        while b"\n" not in self._typed:
            await self._readable()
            octets = os.read(self._source, 4096)
            if not octets:
                raise NobodyAnswersError("the terminal was closed")
            self._typed += octets
        line, _, rest = self._typed.partition(b"\n")
        self._typed = rest
        return line.decode(errors="replace")

    async def _readable(self) -> None:
        if select.select([self._source], [], [], 0)[0]:
            return  # also a plain file, which the event loop cannot watch
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_reader(self._source, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(self._source)
