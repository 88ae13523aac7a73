from __future__ import annotations

import pytest
from construct import Bytes, Const, Int8ub, Int16ub, Struct
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import DecodeError, EncodeError
from protocols.fixed_layout import build_fixed, parse_fixed

LAYOUT = Struct("kind" / Int8ub, "length" / Int16ub, "name" / Bytes(3))


@given(st.integers(0, 255), st.integers(0, 65535), st.binary(min_size=3, max_size=3), st.binary(max_size=4))
def test_round_trip_at_any_offset(kind, length, name, around):
    octets = build_fixed(LAYOUT, {"kind": kind, "length": length, "name": name})
    found = parse_fixed(LAYOUT, around + octets + around, len(around))
    assert (found.kind, found.length, found.name) == (kind, length, name)


@pytest.mark.parametrize(
    ("octets", "field"), [(b"", "kind"), (b"\1", "length"), (b"\1\2", "length"), (b"\1\2\3\4", "name")]
)
def test_the_field_that_is_cut_off_is_named(octets, field):
    with pytest.raises(DecodeError, match=f"ends within {field}") as caught:
        parse_fixed(LAYOUT, b"\0\0" + octets, 2, "outer")
    assert (caught.value.offset, caught.value.path) == (2 + len(octets), f"outer.{field}")


def test_constants_that_differ_are_decode_errors():
    with pytest.raises(DecodeError) as caught:
        parse_fixed(Struct("mark" / Const(b"\x55")), b"\x00\x54", 1, "outer")
    assert caught.value.offset == 1


def test_the_field_that_does_not_fit_is_named():
    good = {"kind": 1, "length": 2, "name": b"abc"}
    for name, wrong in (("kind", 256), ("length", -1), ("length", None), ("name", b"ab"), ("name", 5)):
        with pytest.raises(EncodeError) as caught:
            build_fixed(LAYOUT, good | {name: wrong}, "outer")
        assert caught.value.element == f"outer.{name}"
