"""Layouts that are made when they are first asked for.

Importing construct takes longer than decoding a thousand messages, and ``hil decode`` needs only the plain
functions. So modules name their layouts here, and construct comes in with the first program that uses one::

    DATA: Layout
    if not TYPE_CHECKING:  # a type checker knows the names declared above, and no others
        __getattr__ = lazy_layouts(DATA=(parse_data, encode_data))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocols.dlms.layout import Layout


def lazy_layouts(
    **functions: tuple[Callable[[bytes, int], tuple[Any, int]], Callable[[Any], bytes]],
) -> Callable[[str], Layout]:
    """A module's ``__getattr__``: gives each named layout, made once from its read and write functions."""
    made: dict[str, Layout] = {}

    def find(name: str) -> Layout:
        if name not in functions:
            raise AttributeError(f"no {name} here")
        if name not in made:
            from protocols.dlms.layout import Layout

            made[name] = Layout(*functions[name])
        return made[name]

    return find
