"""Power by commands of the rig file: a relay board's tool, a switched socket's script. No shell."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
from typing import IO, TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from protocols.ports import BenchError, Driver

if TYPE_CHECKING:
    from protocols.ports import DriverContext

Command = Annotated[list[str], Field(min_length=1)]
_OUTPUT_SHOWN = 400


class PowerCommandConfig(BaseModel):
    """Keys of a ``power-command`` port."""

    model_config = ConfigDict(extra="forbid")

    on: Command
    off: Command
    state: Command | None = None
    on_exit_code: int = 0
    off_exit_code: int = 1
    timeout_s: float = Field(default=10.0, gt=0)


class CommandPower:
    """A PowerPort."""

    def __init__(self, config: PowerCommandConfig, context: DriverContext) -> None:
        self._config = config
        self._where = f"[nodes.{context.node}.ports.{context.port}]"
        self._folder = context.base_dir
        self._turn = asyncio.Lock()

    async def on(self) -> None:
        """Run the ``on`` command; BenchError unless it exits with 0 in time."""
        await self._switch("on", self._config.on)

    async def off(self) -> None:
        """Run the ``off`` command; BenchError unless it exits with 0 in time."""
        await self._switch("off", self._config.off)

    async def is_on(self) -> bool | None:
        """Run the ``state`` command and judge its exit code; None where there is no such command."""
        command = self._config.state
        if command is None:
            return None
        code, output = await self._run("state", command)
        answers = {self._config.on_exit_code: True, self._config.off_exit_code: False}
        if code not in answers:
            raise self._failed("state", command, code, output)
        return answers[code]

    async def close(self) -> None:
        """Leave the supply as it is."""

    async def _switch(self, name: str, command: list[str]) -> None:
        code, output = await self._run(name, command)
        if code != 0:
            raise self._failed(name, command, code, output)

    async def _run(self, name: str, command: list[str]) -> tuple[int, str]:
        # A file, not a pipe: a command may leave something running that would hold a pipe open.
        async with self._turn:
            with tempfile.TemporaryFile() as output:
                code = await self._exit_code(name, command, output)
                output.seek(0)
                return code, output.read().decode(errors="replace").strip()

    async def _exit_code(self, name: str, command: list[str], output: IO[bytes]) -> int:
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                cwd=self._folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise BenchError(
                f"cannot start {command} for {name} in {self._where}: {error}",
                next_step=f"check the command's name and rights; it runs in {self._folder}",
            ) from error
        try:
            async with asyncio.timeout(self._config.timeout_s):
                return await process.wait()
        except TimeoutError as error:
            raise BenchError(
                f"{command} for {name} in {self._where} did not end in {self._config.timeout_s} s",
                next_step=f"run it by hand, or raise timeout_s in {self._where}",
            ) from error
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()

    def _failed(self, name: str, command: list[str], code: int, output: str) -> BenchError:
        said = f"; it said: {output[-_OUTPUT_SHOWN:]}" if output else ""
        return BenchError(
            f"{command} for {name} in {self._where} ended with exit code {code}{said}",
            next_step=f"run it by hand in {self._folder}",
        )


async def open_command_power(config: PowerCommandConfig, context: DriverContext) -> CommandPower:
    """A power port that runs commands; nothing is run yet."""
    return CommandPower(config, context)


DRIVER = Driver(
    name="power-command",
    config=PowerCommandConfig,
    open=open_command_power,
    capabilities=frozenset({"power"}),
    needs="a command that switches the supply on and one that switches it off",
)
