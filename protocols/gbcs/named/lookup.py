"""Values of a payload by name: the whole place, or as much of its end as is needed to tell it from others.

A place is the keys and numbers that lead to a value, joined by slashes: ``elements/StandingCharge: value``,
``Components/0/Attributes/Divisor``. A GBZ component also goes by its command: ``Publish Seasons[2]/Season
Entries``. Results of a DLMS response are found under ``results/`` only, since values have the same names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from protocols.gbcs.named.gbz_heads import COMMAND

_RESULTS = "results"
_SHOWN = 8


class NoSuchValueError(LookupError):
    """A payload has no value of this name, or several."""


def find_value(payload: Mapping[str, Any], name: str) -> Any:
    """The one value of a name; NoSuchValueError with near names, or with the places it could stand for."""
    found = matches(payload, name)
    if len(found) == 1:
        return found[0][1]
    if found:
        places = ", ".join(place for place, _ in found[:_SHOWN])
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise NoSuchValueError(f"{name!r} could be several values, name one: {places}{more}")
    raise NoSuchValueError(_unknown(payload, name))


def find_values(payload: Mapping[str, Any], name: str) -> list[Any]:
    """All values of a name, in the payload's order; empty without any."""
    return [value for _, value in matches(payload, name)]


def matches(payload: Mapping[str, Any], name: str) -> list[tuple[str, Any]]:
    """Places and values of a name: those that are it as a whole, else those whose last key or end it is."""
    wanted = name.casefold()
    known = [
        each
        for each in walk(payload)
        if wanted.startswith(_RESULTS) or not each[0].startswith(f"{_RESULTS}/")
    ]
    for fits in (_whole, _last, _end):
        found = [(place, value) for place, alias, value in known if fits(place, alias, wanted)]
        if found:
            return found
    return []


def walk(payload: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Every object, list and value in a payload: place, the place by its component's command, value."""
    yield from _inside(payload, "", "")


def _inside(value: Any, place: str, alias: str) -> Iterator[tuple[str, str, Any]]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _at(each, f"{place}{key}", f"{alias}{key}" if alias else "")
    elif isinstance(value, list):
        numbers: Counter[str] = Counter()
        for index, each in enumerate(value):
            command = each.get(COMMAND) if isinstance(each, Mapping) else None
            if command is not None:
                numbers[str(command)] += 1
                yield from _at(each, f"{place}{index}", f"{command}[{numbers[str(command)]}]")
            else:
                yield from _at(each, f"{place}{index}", f"{alias}{index}" if alias else "")


def _at(value: Any, place: str, alias: str) -> Iterator[tuple[str, str, Any]]:
    yield place, alias, value
    yield from _inside(value, f"{place}/", f"{alias}/" if alias else "")


def _whole(place: str, alias: str, wanted: str) -> bool:
    return wanted in (place.casefold(), alias.casefold())


def _last(place: str, _alias: str, wanted: str) -> bool:
    # Keys have slashes of their own: "Implementation Date/Time".
    return place.casefold().endswith(f"/{wanted}")


def _end(place: str, alias: str, wanted: str) -> bool:
    """The end of a DLMS name, which is ``Object: attribute``, or a component without its number."""
    component, bracket, rest = alias.casefold().partition("[")
    return place.casefold().endswith(f": {wanted}") or (
        bool(bracket) and component + rest.partition("]")[2] == wanted
    )


def _unknown(payload: Mapping[str, Any], name: str) -> str:
    names: dict[str, str] = {}
    for place, alias, _ in walk(payload):
        for shown in (place, place.rpartition("/")[2], place.rpartition(": ")[2], alias):
            names.setdefault(shown.casefold(), shown)
    near = [names[each] for each in get_close_matches(name.casefold(), list(names), n=3, cutoff=0.4)]
    if near:
        return f"no value {name!r}; near: {', '.join(near)}"
    top = ", ".join(list(dict.fromkeys(place for place, _, _ in walk(payload)))[:_SHOWN])
    return f"no value {name!r}; there are: {top or 'none'}"
