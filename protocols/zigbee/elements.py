"""Layouts of ZigBee commands declared element by element, little-endian, with errors that name the element.

For what comes a few times a second (commands, descriptors); frame headers, which come with every frame, have
hand-written readers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64

Values = dict[str, Any]
REST = "rest"


class Element(Protocol):
    """One element of a layout; ``values`` are those read, or to be written, around it."""

    def read(self, octets: bytes, offset: int, values: Values) -> tuple[Any, int]:
        """The value and where the next element begins."""

    def write(self, value: Any, values: Mapping[str, Any]) -> bytes:
        """The octets."""


def take(octets: bytes, offset: int, count: int) -> bytes:
    """``count`` octets, or DecodeError."""
    if offset + count > len(octets):
        problem = f"the data ends early ({len(octets) - offset} of {count} octets)"
        raise DecodeError(problem, offset=len(octets))
    return octets[offset : offset + count]


class Unsigned:
    """A number."""

    def __init__(self, size: int, *, signed: bool = False) -> None:
        self._size = size
        self._signed = signed

    def read(self, octets: bytes, offset: int, values: Values) -> tuple[int, int]:  # noqa: ARG002
        """As `Element`."""
        data = take(octets, offset, self._size)
        return int.from_bytes(data, "little", signed=self._signed), offset + self._size

    def write(self, value: Any, values: Mapping[str, Any]) -> bytes:  # noqa: ARG002
        """As `Element`."""
        try:
            return int(value).to_bytes(self._size, "little", signed=self._signed)
        except (OverflowError, TypeError, ValueError):
            raise EncodeError(f"{value!r} does not fit {self._size} octets") from None


class Octets:
    """So many octets, as they stand."""

    def __init__(self, size: int) -> None:
        self._size = size

    def read(self, octets: bytes, offset: int, values: Values) -> tuple[bytes, int]:  # noqa: ARG002
        """As `Element`."""
        return take(octets, offset, self._size), offset + self._size

    def write(self, value: Any, values: Mapping[str, Any]) -> bytes:  # noqa: ARG002
        """As `Element`."""
        if not isinstance(value, bytes) or len(value) != self._size:
            raise EncodeError(f"{value!r} is not {self._size} octets")
        return bytes(value)


class Ieee:
    """An EUI-64."""

    def read(self, octets: bytes, offset: int, values: Values) -> tuple[Eui64, int]:  # noqa: ARG002
        """As `Element`."""
        return Eui64(take(octets, offset, 8)[::-1]), offset + 8

    def write(self, value: Any, values: Mapping[str, Any]) -> bytes:  # noqa: ARG002
        """As `Element`."""
        if not isinstance(value, Eui64):
            raise EncodeError(f"{value!r} is no EUI-64")
        return bytes(value[::-1])


class Rest:
    """Everything up to the end."""

    def read(self, octets: bytes, offset: int, values: Values) -> tuple[bytes, int]:  # noqa: ARG002
        """As `Element`."""
        return octets[offset:], len(octets)

    def write(self, value: Any, values: Mapping[str, Any]) -> bytes:  # noqa: ARG002
        """As `Element`."""
        return bytes(value)


class Record:
    """A layout within a layout, as an object of ``kind`` (a dataclass or dict)."""

    def __init__(self, kind: Callable[..., Any], layout: Layout) -> None:
        self._kind = kind
        self._layout = layout

    def read(self, octets: bytes, offset: int, values: Values) -> tuple[Any, int]:  # noqa: ARG002
        """As `Element`."""
        found, offset = self._layout.read(octets, offset)
        return self._kind(**found), offset

    def write(self, value: Any, values: Mapping[str, Any]) -> bytes:  # noqa: ARG002
        """As `Element`."""
        return self._layout.write(attributes(value, self._layout.names))


class Sized:
    """A record behind an octet with its length; None where that is 0. What follows within it is kept."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def read(self, octets: bytes, offset: int, values: Values) -> tuple[Any, int]:
        """As `Element`."""
        length = take(octets, offset, 1)[0]
        end = offset + 1 + length
        take(octets, offset + 1, length)
        if not length:
            return None, end
        value, stop = self._record.read(octets[:end], offset + 1, values)
        if stop != end:
            raise DecodeError(f"{end - stop} octets follow within it", offset=stop)
        return value, end

    def write(self, value: Any, values: Mapping[str, Any]) -> bytes:
        """As `Element`."""
        inner = b"" if value is None else self._record.write(value, values)
        if len(inner) > 0xFF:
            raise EncodeError(f"{len(inner)} octets do not fit a length of one octet")
        return bytes((len(inner),)) + inner


class Repeat:
    """A list; ``count`` names it in the `Count`, `Control` or `Bits` that told its length before."""

    def __init__(self, element: Element, count: str) -> None:
        self._element = element
        self._count = count

    def read(self, octets: bytes, offset: int, values: Values) -> tuple[list[Any], int]:
        """As `Element`."""
        found: list[Any] = []
        told = "#" + self._count
        for _ in range(values[told] if told in values else values[self._count]):
            value, offset = self._element.read(octets, offset, values)
            found.append(value)
        return found, offset

    def write(self, value: Any, values: Mapping[str, Any]) -> bytes:
        """As `Element`."""
        return b"".join(self._element.write(item, values) for item in value)


class When:
    """An element that is there only under a condition; None where it is not."""

    def __init__(self, condition: Callable[[Mapping[str, Any]], bool], element: Element) -> None:
        self._condition = condition
        self._element = element

    def read(self, octets: bytes, offset: int, values: Values) -> tuple[Any, int]:
        """As `Element`."""
        return self._element.read(octets, offset, values) if self._condition(values) else (None, offset)

    def write(self, value: Any, values: Mapping[str, Any]) -> bytes:
        """As `Element`."""
        if self._condition(values):
            return self._element.write(value, values)
        if value is not None:
            raise EncodeError(f"{value!r} has no place here")
        return b""


class Maybe:
    """An element that may be left out at the end; None where it is."""

    def __init__(self, element: Element) -> None:
        self._element = element

    def read(self, octets: bytes, offset: int, values: Values) -> tuple[Any, int]:
        """As `Element`."""
        return self._element.read(octets, offset, values) if offset < len(octets) else (None, offset)

    def write(self, value: Any, values: Mapping[str, Any]) -> bytes:
        """As `Element`."""
        return b"" if value is None else self._element.write(value, values)


class Control:
    """An octet of options, some bits of which tell what follows: those are made from what follows.

    ``count`` names the list whose length stands in the bits of ``mask``; ``present`` gives for elements that
    may be absent the bit that says they are there. The value is the octet without all these bits.
    """

    def __init__(self, count: str = "", mask: int = 0, present: Mapping[str, int] | None = None) -> None:
        self._count = count
        self._mask = mask
        self._present = dict(present or {})
        self._told = mask + sum(self._present.values())

    def read(self, octets: bytes, offset: int, values: Values) -> tuple[int, int]:
        """As `Element`."""
        octet = take(octets, offset, 1)[0]
        if self._count:
            values["#" + self._count] = octet & self._mask
        for name, bit in self._present.items():
            values["#" + name] = bool(octet & bit)
        return octet & ~self._told, offset + 1

    def write(self, value: Any, values: Mapping[str, Any]) -> bytes:
        """As `Element`."""
        if not isinstance(value, int) or not 0 <= value <= 0xFF or value & self._told:
            raise EncodeError(f"{value!r} has bits that stand for what follows, or does not fit an octet")
        octet = value
        if self._count:
            length = len(values[self._count])
            if length > self._mask:
                raise EncodeError(f"{length} {self._count} are more than {self._mask}")
            octet |= length
        for name, bit in self._present.items():
            octet |= bit if values[name] is not None else 0
        return bytes((octet,))


class Count:
    """An octet with the length of a list; it has no value of its own (name it ``#list``).

    ``optional``: it may be left out at the end, and so is a list that is None.
    """

    def __init__(self, of: str, *, optional: bool = False) -> None:
        self._of = of
        self._optional = optional

    def read(self, octets: bytes, offset: int, values: Values) -> tuple[None, int]:
        """As `Element`."""
        if self._optional and offset == len(octets):
            return None, offset
        values["#" + self._of] = take(octets, offset, 1)[0]
        return None, offset + 1

    def write(self, value: Any, values: Mapping[str, Any]) -> bytes:  # noqa: ARG002
        """As `Element`."""
        counted = values[self._of]
        if counted is None and self._optional:
            return b""
        if len(counted) > 0xFF:
            raise EncodeError(f"{len(counted)} are more than 255")
        return bytes((len(counted),))


class Bits:
    """Numbers side by side, lowest bits first; each is a value of the layout around (name it ``*bits``)."""

    def __init__(self, size: int = 1, /, **widths: int) -> None:
        self._size = size
        self.widths = widths

    def read(self, octets: bytes, offset: int, values: Values) -> tuple[None, int]:
        """As `Element`."""
        packed = int.from_bytes(take(octets, offset, self._size), "little")
        for name, width in self.widths.items():
            values[name] = packed & (1 << width) - 1
            packed >>= width
        return None, offset + self._size

    def write(self, value: Any, values: Mapping[str, Any]) -> bytes:  # noqa: ARG002
        """As `Element`."""
        packed, shift = 0, 0
        for name, width in self.widths.items():
            number = int(values.get(name, 0))
            if not 0 <= number < 1 << width:
                raise EncodeError(f"{number!r} does not fit {width} bits", element=name)
            packed |= number << shift
            shift += width
        return packed.to_bytes(self._size, "little")


def marked(name: str, element: Element) -> When:
    """An element whose presence a bit of an earlier `Control` tells."""
    return When(lambda values: values.get("#" + name, values.get(name) is not None), element)


class Layout:
    """Elements by name, in order. Names with ``#`` carry no value of their own, those with ``*`` several.

    With ``short_failures`` an answer whose ``status`` is not 0 may end after any element.
    """

    def __init__(self, elements: Mapping[str, Element], *, short_failures: bool = False) -> None:
        self._short = short_failures
        self._elements: list[
            tuple[str, str, Element]
        ] = []  # the name for errors, the value's name, the element
        self.names: list[str] = []
        for name, element in elements.items():
            shown = name.lstrip("#*")
            own = [] if name.startswith("#") else [name]
            if isinstance(element, Bits):
                own, shown = list(element.widths), ""
            self._elements.append((shown, "" if name[0] in "#*" else name, element))
            self.names += own

    def read(self, octets: bytes, offset: int = 0) -> tuple[Values, int]:
        """The values, without what a short failure leaves out, and where they end."""
        values: Values = {}
        may_end = self._short
        for shown, name, element in self._elements:
            if may_end and offset == len(octets) and values.get("status"):
                break
            may_end = may_end and not isinstance(element, Count)  # what is counted follows
            try:
                value, offset = element.read(octets, offset, values)
            except DecodeError as error:
                raise error.moved(0, shown) from None
            if name:
                values[name] = value
        return {name: value for name, value in values.items() if not name.startswith("#")}, offset

    def write(self, values: Mapping[str, Any]) -> bytes:
        """The octets; a value may be left out only at the end of a short failure."""
        surplus = values.keys() - set(self.names)
        if surplus:
            raise EncodeError("is not known here", element=min(surplus))
        missing = [name for name in self.names if name not in values]
        if missing and not (self._short and values.get("status") and missing == self.names[-len(missing) :]):
            raise EncodeError("is missing", element=missing[0])
        out = bytearray()
        for shown, name, element in self._elements:
            if (name or shown) in missing:
                break
            try:
                out += element.write(values[name] if name else None, values)
            except EncodeError as error:
                path = ".".join(part for part in (shown, error.element) if part)
                raise EncodeError(error.problem, element=path) from None
        return bytes(out)


def attributes(value: Any, names: list[str]) -> Values:
    """Values by name from a dict or an object."""
    if isinstance(value, dict):
        return value
    return {name: getattr(value, name) for name in names}


U8, U16, U24, U32, S8, IEEE = (
    Unsigned(1),
    Unsigned(2),
    Unsigned(3),
    Unsigned(4),
    Unsigned(1, signed=True),
    Ieee(),
)
KEY = Octets(16)
