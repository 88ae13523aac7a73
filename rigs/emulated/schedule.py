"""Future dated work: what a device has promised to do at a time (GBCS 9.2.2.7)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rigs.emulated.storage import Storage

_SECTION = "schedule"


def work_name(role: int, kind: str) -> str:
    """Name of the one piece of work of a kind that a remote party role can have waiting."""
    return f"{role:03}.{kind}"


class Schedule:
    """Named pieces of work with a due time in the device's UTC. A new piece replaces one of the same name."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def put(self, name: str, due: datetime, kind: str, body: dict[str, Any]) -> None:
        """Store work; ``kind`` chooses the handler, ``body`` is JSON for it."""
        self._storage.put_json(_SECTION, name, {"due": due.isoformat(), "kind": kind, "body": body})

    def holds(self, name: str) -> bool:
        """Whether there is such work."""
        return self._storage.get(_SECTION, name) is not None

    def cancel(self, name: str) -> bool:
        """Forget work; False when there was none."""
        held = self.holds(name)
        self._storage.delete(_SECTION, name)
        return held

    def cancel_of(self, role: int) -> int:
        """Forget all work of a remote party role; says how much there was."""
        names = [
            name for name, _value in self._storage.items(_SECTION) if name.startswith(work_name(role, ""))
        ]
        return sum(map(self.cancel, names))

    def take(self, name: str) -> tuple[str, dict[str, Any]]:
        """Kind and body of a piece of work, which is thereby no longer stored."""
        item = self._storage.get_json(_SECTION, name)
        self._storage.delete(_SECTION, name)
        return item["kind"], item["body"]

    def next_due(self) -> datetime | None:
        """When the first piece of work is due; None when there is none."""
        return min((due for due, _name in self._all()), default=None)

    def first_due(self, now: datetime) -> str | None:
        """Name of the piece of work that has been due longest; None when nothing is due yet."""
        return min(((due, name) for due, name in self._all() if due <= now), default=(now, None))[1]

    def _all(self) -> list[tuple[datetime, str]]:
        names = (name for name, _value in self._storage.items(_SECTION))
        return [(datetime.fromisoformat(self._storage.get_json(_SECTION, n)["due"]), n) for n in names]
