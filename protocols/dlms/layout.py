"""The bridge between hand-written readers and construct.

A ``Layout`` is an ordinary ``construct.Construct``: it has ``parse``, ``build`` and can stand inside a
Struct. It reads everything left in the stream, hands it to a plain function and puts the stream where that
function stopped. Errors are ours (DecodeError, EncodeError): construct only catches its own, so they come
through untouched. Never ``.compile()`` one: compiled construct accepts truncated input in silence.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, NoReturn

from construct import Construct

if TYPE_CHECKING:
    from collections.abc import Callable


class Layout(Construct):
    """A layout made of ``read(data, offset) -> (value, next offset)`` and ``write(value) -> octets``.

    Offsets in errors count from the start of the stream.
    """

    def __init__(self, read: Callable[[bytes, int], tuple[Any, int]], write: Callable[[Any], bytes]) -> None:
        super().__init__()
        self.read = read
        self.write = write

    def _parse(self, stream: BytesIO, _context: Any, _path: str) -> Any:
        start = stream.tell()
        stream.seek(0)
        value, end = self.read(stream.read(), start)
        stream.seek(end)
        return value

    def _build(self, obj: Any, stream: BytesIO, _context: Any, _path: str) -> Any:
        stream.write(self.write(obj))
        return obj

    def compile(self, _filename: str | None = None) -> NoReturn:
        """Refused: see the module's docstring."""
        raise NotImplementedError("compiled construct accepts truncated input; use the layout as it is")
