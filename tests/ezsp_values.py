"""Values of EZSP fields for Hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from protocols.eui64 import Eui64
from protocols.ezsp.fields import Field, Fields


def of_field(field: Field) -> st.SearchStrategy:  # noqa: PLR0911 - one for each type
    if field.entries:
        return values_of(field.entries)
    if field.type == "bool":
        return st.booleans()
    if field.type == "i8":
        return st.integers(-128, 127)
    if field.type == "eui64":
        return st.binary(min_size=8, max_size=8).map(Eui64)
    if field.type.startswith("octets"):
        return st.binary(max_size=80)
    if field.type == "raw":
        return st.binary(min_size=field.size, max_size=field.size)
    return st.integers(0, 256**field.size - 1)


def values_of(fields: Fields) -> st.SearchStrategy:
    counts = {field.count for field in fields if field.count}

    @st.composite
    def draw_values(draw):
        values = {}
        for field in fields:
            if field.count is not None:
                number = values[field.count] if field.count else draw(st.integers(0, 5))
                values[field.name] = [draw(of_field(field)) for _ in range(number)]
            else:
                values[field.name] = draw(st.integers(0, 4) if field.name in counts else of_field(field))
        return values

    return draw_values()
