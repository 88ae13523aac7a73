"""The ZigBee Cluster Library's commands and the Smart Energy clusters as data, one row per line.

``general.json`` has the commands all clusters share; every other file is a cluster. An attribute's row is
``[number, name, type, access, presence, more]``: access ``r``, ``w`` or ``rw``, presence ``M`` (mandatory) or
``O``; ``more`` may name the ``enum`` or ``bits`` of its values, and a ``series`` of so many attributes from
this number on (every ``step``), where ``{n}`` in the name counts from ``first``. A command's row is ``[name,
presence, fields]``; ``fields.fields_from`` says what a field's row is. ``received`` and ``generated`` are the
server's view. ``sources`` says where the facts come from, and what was compared with a second source.

This module reads them and nothing more, so that whoever needs one table imports no types for it.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator
    from importlib.abc import ResourceLoader

CLUSTER_FILES = {
    0x0000: "basic",
    0x0003: "identify",
    0x000A: "time",
    0x0019: "ota_upgrade",
    0x0025: "keep_alive",
    0x0700: "price",
    0x0701: "drlc",
    0x0702: "metering",
    0x0703: "messaging",
    0x0704: "tunneling",
    0x0705: "prepayment",
    0x0706: "energy_management",
    0x0707: "calendar",
    0x0708: "device_management",
    0x0709: "events",
    0x070A: "mdu_pairing",
    0x070B: "sub_ghz",
    0x0800: "key_establishment",
}
# The loader that brought this module also brings its files, and needs nothing imported for it.
_LOADER = cast("ResourceLoader", sys.modules[__name__].__loader__)


def read_octets(name: str) -> bytes:
    """One of the files, its name without ``.json``, as it is."""
    return _LOADER.get_data(f"{__file__.removesuffix('__init__.py')}{name}.json")


def read_table(name: str) -> dict[str, Any]:
    """One of the tables."""
    table: dict[str, Any] = json.loads(read_octets(name))
    return table


def attribute_rows(
    rows: Iterable[list[Any]], wanted: Container[int] | None = None
) -> Iterator[tuple[int, str, list[Any]]]:
    """Number, name and row of every attribute that is wanted (default all), each of a series too."""
    for row in rows:
        first, more = int(row[0], 16), row[5] if len(row) > 5 else {}
        if "series" not in more:
            if wanted is None or first in wanted:
                yield first, row[1], row
            continue
        step, begin = more.get("step", 1), more.get("first", 1)
        for index in range(more["series"]):
            number = first + index * step
            if wanted is None or number in wanted:
                yield number, row[1].replace("{n}", str(begin + index)), row
