"""The errors that codecs raise.

::

    ValueError
      CodecError          something on the wire or in the values given is wrong
        DecodeError       octets that do not follow the layout; says where
        EncodeError       values that the layout cannot carry; says which element
"""

from __future__ import annotations


class CodecError(ValueError):
    """Base of all codec errors."""


class DecodeError(CodecError):
    """Octets that do not follow the specification.

    ``offset`` counts octets from the start of the outermost data handed in; ``path`` names the element with
    dots, outermost first (``"message.grouping_header.originator_counter"``).
    """

    def __init__(self, problem: str, *, offset: int, path: str = "") -> None:
        where = f"octet {offset}" + (f" ({path})" if path else "")
        super().__init__(f"{where}: {problem}")
        self.problem = problem
        self.offset = offset
        self.path = path

    def moved(self, offset: int, path: str = "") -> DecodeError:
        """The same error seen from an enclosing layout that starts ``offset`` octets earlier."""
        joined = ".".join(part for part in (path, self.path) if part)
        return DecodeError(self.problem, offset=self.offset + offset, path=joined)


class EncodeError(CodecError):
    """A value that the layout cannot carry, or that a rule of the specification forbids.

    ``element`` names it as the specification does, ``clause`` is where that says so (empty where unknown).
    """

    def __init__(self, problem: str, *, element: str = "", clause: str = "") -> None:
        where = f"{element} ({clause})" if element and clause else element or clause
        super().__init__(f"{where}: {problem}" if where else problem)
        self.problem = problem
        self.element = element
        self.clause = clause
