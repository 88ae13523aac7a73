"""What a ZSE server has published or logged: lists of named values by command, in a device's storage.

Calendars, snapshots, samples and logs are what a "Publish" command carries; a device keeps them in that form
and answers the queries from it. ``slot`` tells several lists of one command apart (the calendar in force for
the tariff, and that for non-disablement).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from rigs.emulated.objects.zse import CommandPlace
    from rigs.emulated.storage import Storage

Record = dict[str, Any]
_SECTION = "zse"


def record_key(place: CommandPlace, slot: str = "") -> str:
    """Key of a list of records, as replays name it: ``0707<01@FFFFFFFF``."""
    return f"{place}@{slot}" if slot else str(place)


class Records:
    """The lists of one device, each empty at first.

    What was put somewhere stands there; else a list comes from its ``source``, where the device has one.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._sources: dict[str, Callable[[], list[Record]]] = {}

    def source(self, place: CommandPlace, read: Callable[[], list[Record]], slot: str = "") -> None:
        """A list that the device makes when it is asked for."""
        self._sources[record_key(place, slot)] = read

    def get(self, place: CommandPlace, slot: str = "") -> list[Record]:
        """All records, in the order in which they came."""
        key = record_key(place, slot)
        octets = self._storage.get(_SECTION, key)
        if octets is None:
            return self._sources[key]() if key in self._sources else []
        found: list[Record] = json.loads(octets)
        return found

    def last(self, place: CommandPlace, slot: str = "") -> Record | None:
        """The record that came last."""
        found = self.get(place, slot)
        return found[-1] if found else None

    def put(self, place: CommandPlace, records: list[Record], slot: str = "") -> None:
        """Keep these records in place of those before."""
        self._storage.put_json(_SECTION, record_key(place, slot), records)

    def held(self, place: CommandPlace, slot: str = "") -> bool:
        """Whether something was ever kept there."""
        return self._storage.get(_SECTION, record_key(place, slot)) is not None

    def forget(self, place: CommandPlace, slot: str = "") -> None:
        """Have nothing put there any more."""
        self._storage.delete(_SECTION, record_key(place, slot))
