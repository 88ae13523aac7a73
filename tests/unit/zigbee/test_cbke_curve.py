"""Arithmetic against system libcrypto, which shares nothing with ours."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import DecodeError, EncodeError
from protocols.zigbee.cbke import koblitz
from protocols.zigbee.cbke.curve import SECT163K1, SECT283K1, Curve, Point
from tests.libcrypto import LibcryptoCurve, libcrypto_curve

relaxed = settings(deadline=None, max_examples=30)
CURVES = pytest.mark.parametrize("curve", [SECT163K1, SECT283K1], ids=lambda curve: curve.name)


@pytest.fixture
def reference(curve: Curve) -> LibcryptoCurve:
    return libcrypto_curve(curve.name)


def edge_scalars(curve: Curve) -> list[int]:
    order = curve.order
    return [1, 2, 3, 4, order // 2, order - 3, order - 2, order - 1]


@CURVES
def test_domain_parameters_are_those_of_libcrypto(curve, reference):
    assert reference.order() == curve.order
    assert reference.multiply_base(1) == curve.base
    assert reference.cofactor() == curve.cofactor


@CURVES
def test_multiples_of_the_base_agree(curve, reference):
    rng = random.Random(4)
    for scalar in edge_scalars(curve) + [rng.randrange(1, curve.order) for _ in range(60)]:
        assert curve.multiply_base(scalar) == reference.multiply_base(scalar)


@CURVES
def test_multiples_of_any_point_agree(curve, reference):
    rng = random.Random(5)
    for scalar in edge_scalars(curve) + [rng.randrange(1, curve.order) for _ in range(25)]:
        point = reference.multiply_base(rng.randrange(1, curve.order))
        assert curve.multiply(scalar, point) == reference.multiply(scalar, point)


@CURVES
def test_sums_and_compressed_points_agree(curve, reference):
    rng = random.Random(6)
    for _ in range(25):
        one, two = (reference.multiply_base(rng.randrange(1, curve.order)) for _ in range(2))
        assert curve.add(one, two) == reference.add(one, two)
        assert curve.add(one, one) == reference.add(one, one)
        assert curve.encode(one) == reference.encode(one)
        assert curve.decode(reference.encode(two)) == two


@CURVES
def test_subgroup_membership_agrees(curve, reference):
    """Any x: most points lie outside the subgroup, and multiplying by the order tells."""
    rng = random.Random(7)
    seen = set()
    for _ in range(60):
        octets = bytes([2 | rng.getrandbits(1)]) + rng.getrandbits(curve.field.degree).to_bytes(
            curve.field.octets
        )
        point = reference.decode(octets)
        if point is None:
            with pytest.raises(DecodeError, match="no point"):
                curve.decode(octets)
            continue
        assert curve.contains(point)
        member = reference.multiply(curve.order, point) is None
        seen.add(member)
        assert curve.in_subgroup(point) == member
        if member:
            assert curve.decode(octets) == point
        else:
            with pytest.raises(DecodeError, match="prime order"):
                curve.decode(octets)
    assert seen == {True, False}


@CURVES
def test_simultaneous_multiples_are_the_sum_of_single_ones(curve):
    rng = random.Random(8)
    points = [curve.multiply_base(rng.randrange(1, curve.order)) for _ in range(3)]
    scalars = [rng.randrange(curve.order) for _ in range(3)]
    expected = None
    for scalar, point in zip(scalars, points, strict=True):
        expected = curve.add(expected, curve.multiply(scalar, point))
    for keep in (False, True):
        terms = [(s, curve.multiples(p, keep=keep)) for s, p in zip(scalars, points, strict=True)]
        assert curve.combine(terms) == expected
    assert (
        curve.combine([(5, curve.multiples(points[0])), (curve.order - 5, curve.multiples(points[0]))])
        is None
    )
    assert curve.combine([]) is None


@CURVES
def test_infinity(curve):
    base = curve.base
    assert curve.multiply_base(0) is None
    assert curve.multiply_base(curve.order) is None
    assert curve.multiply(curve.order, base) is None
    assert curve.multiply(7, None) is None
    assert curve.add(None, base) == base == curve.add(base, None)
    assert curve.add(base, curve.negate(base)) is None
    assert curve.negate(None) is None
    assert curve.multiply_base(curve.order - 1) == curve.negate(base)
    assert curve.multiply_base(curve.order + 1) == base
    two_torsion = Point(0, 1)
    assert curve.contains(two_torsion)
    assert not curve.in_subgroup(two_torsion)
    assert curve.add(two_torsion, two_torsion) is None
    with pytest.raises(DecodeError, match="prime order"):
        curve.decode(b"\x02" + bytes(curve.field.octets))


@CURVES
def test_what_is_no_point_is_refused(curve):
    octets = curve.encode(curve.base)
    for length in range(len(octets)):
        with pytest.raises(DecodeError, match="has"):
            curve.decode(octets[:length])
    with pytest.raises(DecodeError, match="has"):
        curve.decode(octets + b"\x00")
    for first in (0, 1, 4, 6, 0xFF):
        with pytest.raises(DecodeError, match="starts with"):
            curve.decode(bytes([first]) + octets[1:])
    with pytest.raises(DecodeError, match="no element"):
        curve.decode(b"\x02" + b"\xff" * curve.field.octets)
    x, y = curve.base
    assert not curve.contains(Point(x, y ^ 1))
    assert not curve.contains(Point(x | 1 << curve.field.degree, y))
    assert not curve.contains(Point(-1, y))


@CURVES
def test_private_keys_as_octets(curve):
    for scalar in edge_scalars(curve):
        assert curve.decode_scalar(curve.encode_scalar(scalar)) == scalar
    for wrong in (0, curve.order, curve.order + 1, -1):
        with pytest.raises(EncodeError, match="private key"):
            curve.encode_scalar(wrong)
    for octets in (bytes(curve.scalar_octets), curve.order.to_bytes(curve.scalar_octets), b"\x01", b""):
        with pytest.raises(DecodeError, match="private key"):
            curve.decode_scalar(octets)


@CURVES
@given(data=st.data())
@relaxed
def test_flipped_bits_give_a_valid_point_or_an_error(curve, data):
    octets = bytearray(curve.encode(curve.multiply_base(data.draw(st.integers(1, curve.order - 1)))))
    bit = data.draw(st.integers(0, 8 * len(octets) - 1))
    octets[bit // 8] ^= 1 << bit % 8
    try:
        point = curve.decode(bytes(octets))
    except DecodeError as error:
        assert 0 <= error.offset <= len(octets)
        return
    assert curve.contains(point)
    assert curve.multiply(curve.order - 1, point) == curve.negate(point)
    assert curve.encode(point) == octets


@CURVES
@given(data=st.data())
@relaxed
def test_field_laws(curve, data):
    field = curve.field
    elements = st.integers(0, field.mask)
    a, b, c = data.draw(elements), data.draw(elements), data.draw(elements)
    assert field.multiply(a, b) == field.multiply(b, a)
    assert field.multiply(a, field.multiply(b, c)) == field.multiply(field.multiply(a, b), c)
    assert field.multiply(a, b ^ c) == field.multiply(a, b) ^ field.multiply(a, c)
    assert field.square(a) == field.multiply(a, a)
    assert field.trace(a) == field.trace(field.square(a))
    solution = field.solve_quadratic(a)
    assert (solution is None) == bool(field.trace(a))
    if solution is not None:
        assert field.square(solution) ^ solution == a
    if a:
        assert field.multiply(a, field.invert(a)) == 1


def test_zero_has_no_inverse():
    with pytest.raises(ZeroDivisionError):
        SECT283K1.field.invert(0)


@CURVES
@given(data=st.data())
@relaxed
def test_tau_adic_digits_evaluate_to_the_scalar(curve, data):
    mu = 1 if curve.a else -1
    width = data.draw(st.integers(2, 8))
    scalar = koblitz.TauInteger(
        data.draw(st.integers(-(2**90), 2**90)), data.draw(st.integers(-(2**90), 2**90))
    )
    digits = koblitz.digits(scalar, width, mu)
    _, short = koblitz.window(width, mu)
    total = koblitz.TauInteger(0, 0)
    for digit in reversed(digits):
        total = koblitz.multiply(total, koblitz.TauInteger(0, 1), mu)
        if digit:
            sign, element = (1 if digit > 0 else -1), short[abs(digit) >> 1]
            total = koblitz.TauInteger(
                total.real + sign * element.real, total.imaginary + sign * element.imaginary
            )
    assert total == scalar
    places = [place for place, digit in enumerate(digits) if digit]
    assert all(later - earlier >= width for earlier, later in pairwise(places))
