"""Building messages from named values in a process of its own: the other half of ``hil corpus``.

The process gets JSON documents, one a line, and answers with octets, one line each. So what it builds is made
from the values alone; nothing that the decoder still had in memory can slip through.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

from hil.cli.key_files import load_keys
from protocols.errors import EncodeError
from protocols.gbcs.corpus import Rebuilt, rebuild
from protocols.gbcs.crypto import SecretCache
from protocols.ports import BenchError

if TYPE_CHECKING:
    from types import TracebackType

    from protocols.gbcs.keystore import KeyStore


class Rebuilder:
    """A fresh process that builds; a context manager, which ends the process when it is left."""

    def __init__(self, keys: Path | None) -> None:
        arguments = [sys.executable, "-m", "hil.cli.rebuild", *([] if keys is None else [str(keys)])]
        self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Closes both pipes (the end of its input ends the process) and waits.
        self._process.__exit__(kind, error, trace)

    def build(self, text: str) -> Rebuilt | EncodeError:
        """Build one document (JSON text without line breaks); the error is given back, not raised."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(text + "\n")
            stdin.flush()
            line = stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise BenchError(
                "the process that builds messages ended", next_step="see what it wrote above, and report it"
            )
        answer = json.loads(line)
        if "problem" in answer:
            return EncodeError(answer["problem"], element=answer["element"], clause=answer["clause"])
        return Rebuilt(bytes.fromhex(answer["octets"]), answer["refused"])


def serve(documents: IO[str], answers: IO[str], keystore: KeyStore) -> None:
    """Answer every line of ``documents``."""
    cache = SecretCache()
    for line in documents:
        try:
            made = rebuild(line, keystore, cache)
            answer = {"octets": made.octets.hex(), "refused": made.refused}
        except EncodeError as error:
            answer = {"problem": error.problem, "element": error.element, "clause": error.clause}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve(sys.stdin, sys.stdout, load_keys(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
