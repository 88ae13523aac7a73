"""A supply that fails at a named point: everything from there on is as if it had never been.

The failure raises nothing, for the code that it meets would have to be written for that. Instead the
device's memory takes nothing more, its radio falls silent and nothing leaves; what is still being computed
comes to its end unseen, and then the supply is switched off for good.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rigs.emulated.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rigs.emulated.fault_catalogue.points import Point


class _LostError(Exception):
    """Undoes a transaction in which the supply failed; never leaves this module."""


class CutStorage(Storage):
    """A device's memory that can lose its supply. ``inner`` is the memory itself.

    ``arm`` names the point; ``on_cut`` is called there, once. From then on nothing is kept, until ``revive``.
    """

    def __init__(self, inner: Storage) -> None:
        self._inner = inner
        self.path = inner.path
        self.lost = False
        self._point: Point | None = None
        self._left = 0
        self._reached = False
        self._on_cut: Callable[[], None] | None = None

    def arm(self, point: Point, number: int, on_cut: Callable[[], None]) -> None:
        """Have the supply fail when the point is reached for the ``number``-th time from now."""
        self._point, self._left, self._on_cut = point, number, on_cut

    def disarm(self) -> None:
        """No point is waited for any more."""
        self._point = self._on_cut = None

    def cut(self) -> None:
        """The supply fails now."""
        on_cut = self._on_cut
        self.lost = True
        self.disarm()
        if on_cut is not None:
            on_cut()

    def revive(self) -> None:
        """Supply is back; what was kept before the failure is there."""
        self.lost = False

    # The point ---------------------------------------------------------------------------------------------

    def _writing(self, section: str, key: str) -> None:
        point = self._point
        if point is None or not point.is_write(section, key):
            return
        if point.kept:
            self._reached = True
        else:
            self._count()

    def _count(self) -> None:
        self._left -= 1
        if self._left <= 0:
            self.cut()

    # What a memory does ------------------------------------------------------------------------------------

    @property
    def in_transaction(self) -> bool:
        """As the memory says."""
        return self._inner.in_transaction

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes of the block, or none: when it raises, and when the supply fails within."""
        self._reached = False
        try:
            with self._inner.transaction():
                yield
                if self.lost:
                    raise _LostError  # noqa: TRY301  it is the transaction that has to see it
        except _LostError:
            return
        self._ended()

    def _ended(self) -> None:
        """A transaction is kept."""
        if self._reached and self._point is not None and self._point.kept:
            self._count()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """As the memory does."""
        with self._inner.savepoint():
            yield

    def get(self, section: str, key: str) -> bytes | None:
        """As the memory does."""
        return self._inner.get(section, key)

    def items(self, section: str) -> list[tuple[str, bytes]]:
        """As the memory does."""
        return self._inner.items(section)

    def get_json(self, section: str, key: str, default: Any = None) -> Any:
        """As the memory does."""
        return self._inner.get_json(section, key, default)

    def put(self, section: str, key: str, value: bytes) -> None:
        """Write, unless the point is here."""
        self._writing(section, key)
        self._inner.put(section, key, value)

    def put_json(self, section: str, key: str, value: Any) -> None:
        """Write, unless the point is here."""
        self._writing(section, key)
        self._inner.put_json(section, key, value)

    def delete(self, section: str, key: str) -> None:
        """Forget, unless the point of any write is here; the others are of something that is put."""
        if self._point is not None and not self._point.section:
            self._writing(section, key)
        self._inner.delete(section, key)

    def dump(self) -> dict[tuple[str, str], bytes]:
        """As the memory does."""
        return self._inner.dump()

    def close(self) -> None:
        """As the memory does."""
        self._inner.close()
