"""The Koblitz curves sect163k1 and sect283k1 (SEC 2): points, octets, validation, multiples.

An affine point is a ``Point``, the point at infinity is None. Multiples are computed with Frobenius maps
instead of doublings and Lopez-Dahab coordinates (x = X/Z, y = Y/Z^2), several multiples at once where they
are only needed in sum.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from protocols.errors import DecodeError, EncodeError
from protocols.zigbee.cbke import koblitz
from protocols.zigbee.cbke.field import BinaryField

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Point(NamedTuple):
    """An affine point, not infinity."""

    x: int
    y: int


class Multiples:
    """A point of the subgroup and its small multiples, ready for ``Curve.combine``.

    Worth keeping for points used more than once.
    """

    __slots__ = ("points", "width")

    def __init__(self, width: int, points: list[Point | None]) -> None:
        self.width = width
        self.points = points


_WIDTH_ONCE = 5
_WIDTH_KEPT = 7


class Curve:
    """y^2 + xy = x^3 + ax^2 + 1 over a binary field, with a base point of prime order; ``a`` is 0 or 1.

    ``cofactor`` is 2 where ``a`` is 1 and 4 where ``a`` is 0. Keep one object per curve: it caches tables.
    """

    def __init__(self, name: str, field: BinaryField, a: int, order: int, base: Point) -> None:
        self.name = name
        self.field = field
        self.a = a
        self.order = order
        self.base = base
        self.cofactor = 2 if a else 4
        self.point_octets = 1 + field.octets
        self.scalar_octets = (order.bit_length() + 7) // 8
        self._mu = 1 if a else -1
        self._modulus = koblitz.subgroup_modulus(field.degree, self._mu)

    def __repr__(self) -> str:
        return f"<curve {self.name}>"

    # Octets

    def encode(self, point: Point) -> bytes:
        """The compressed form of SEC 1 2.3.3: 02 or 03, then x."""
        field = self.field
        bit = field.multiply(point.y, field.invert(point.x)) & 1 if point.x else 0
        return bytes([2 | bit]) + point.x.to_bytes(field.octets)

    def decode(self, octets: bytes, path: str = "point") -> Point:
        """The point of the prime order subgroup in a compressed form; anything else is a DecodeError."""
        field = self.field
        if len(octets) != self.point_octets:
            problem = f"a compressed point of {self.name} has {self.point_octets} octets, not {len(octets)}"
            raise DecodeError(problem, offset=min(len(octets), self.point_octets), path=path)
        if octets[0] not in {2, 3}:
            raise DecodeError(
                f"a compressed point starts with 02 or 03, not {octets[0]:02X}", offset=0, path=path
            )
        x = int.from_bytes(octets[1:])
        if x >> field.degree:
            raise DecodeError(f"x is no element of the field of {self.name}", offset=1, path=path)
        point = self._lift(x, octets[0] & 1)
        if point is None:
            raise DecodeError(f"no point of {self.name} has this x", offset=1, path=path)
        if not self.in_subgroup(point):
            raise DecodeError("the point is not of prime order", offset=1, path=path)
        return point

    def _lift(self, x: int, bit: int) -> Point | None:
        field = self.field
        if x == 0:
            return Point(0, 1)
        inverse = field.invert(x)
        z = field.solve_quadratic(x ^ self.a ^ field.square(inverse))
        if z is None:
            return None
        return Point(x, field.multiply(x, z if z & 1 == bit else z ^ 1))

    def encode_scalar(self, scalar: int) -> bytes:
        """A private key: big-endian in the octets of the order."""
        if not 0 < scalar < self.order:
            raise EncodeError("a private key lies between 1 and the order minus 1", element="private key")
        return scalar.to_bytes(self.scalar_octets)

    def decode_scalar(self, octets: bytes, path: str = "private key") -> int:
        """A private key from its octets; DecodeError where it has the wrong length or size."""
        if len(octets) != self.scalar_octets:
            problem = f"a private key of {self.name} has {self.scalar_octets} octets, not {len(octets)}"
            raise DecodeError(problem, offset=min(len(octets), self.scalar_octets), path=path)
        scalar = int.from_bytes(octets)
        if not 0 < scalar < self.order:
            raise DecodeError("a private key lies between 1 and the order minus 1", offset=0, path=path)
        return scalar

    # Validation

    def contains(self, point: Point) -> bool:
        """Whether the point satisfies the equation."""
        field = self.field
        x, y = point
        if x >> field.degree or y >> field.degree or x < 0 or y < 0:
            return False
        square = field.square(x)
        cubic = field.multiply(square, x) ^ (square if self.a else 0) ^ 1
        return field.square(y) ^ field.multiply(x, y) == cubic

    def in_subgroup(self, point: Point) -> bool:
        """Whether a point of the curve has the prime order: can be halved as often as the cofactor asks for.

        A point is twice another where the traces of its x and of a agree; with cofactor 4 its half must pass
        the same test. This costs far less than multiplying by the order.
        """
        field = self.field
        if point.x == 0:
            return False
        if field.trace(point.x ^ self.a):
            return False
        if self.cofactor == 2:
            return True
        slope = field.solve_quadratic(point.x ^ self.a)
        assert slope is not None  # the trace was 0
        # The square of the half's x has the trace of the half's x.
        return field.trace(point.y ^ field.multiply(slope ^ 1, point.x) ^ self.a) == 0

    # Group law

    def negate(self, point: Point | None) -> Point | None:
        """The inverse of a point."""
        return None if point is None else Point(point.x, point.x ^ point.y)

    def add(self, one: Point | None, two: Point | None) -> Point | None:
        """Sum of two points."""
        if one is None:
            return two
        if two is None:
            return one
        field = self.field
        if one.x == two.x:
            if one.y != two.y or one.x == 0:
                return None
            slope = one.x ^ field.multiply(one.y, field.invert(one.x))
            x = field.square(slope) ^ slope ^ self.a
            return Point(x, field.square(one.x) ^ field.multiply(slope ^ 1, x))
        slope = field.multiply(one.y ^ two.y, field.invert(one.x ^ two.x))
        x = field.square(slope) ^ slope ^ one.x ^ two.x ^ self.a
        return Point(x, field.multiply(slope, one.x ^ x) ^ x ^ one.y)

    def multiply(self, scalar: int, point: Point | None) -> Point | None:
        """A multiple of a point of the subgroup."""
        return None if point is None else self.combine([(scalar, self.multiples(point))])

    def multiply_base(self, scalar: int) -> Point | None:
        """A multiple of the base point."""
        return self.combine([(scalar, self._base_multiples)])

    @cached_property
    def _base_multiples(self) -> Multiples:
        return self.multiples(self.base, keep=True)

    def multiples(self, point: Point, *, keep: bool = False) -> Multiples:
        """What ``combine`` needs of a point of the subgroup; ``keep`` for a larger and faster table."""
        width = _WIDTH_KEPT if keep else _WIDTH_ONCE
        _, short = koblitz.window(width, self._mu)
        projective = [self._evaluate([(koblitz.digits(element, 2, self._mu), [point])]) for element in short]
        return Multiples(width, self._affine(projective))

    def combine(self, terms: Iterable[tuple[int, Multiples]]) -> Point | None:
        """The sum of scalar times point over several points of the subgroup, faster than one by one."""
        columns = []
        for scalar, multiples in terms:
            short = koblitz.remainder(koblitz.TauInteger(scalar % self.order, 0), self._modulus, self._mu)
            columns.append((koblitz.digits(short, multiples.width, self._mu), multiples.points))
        return self._affine([self._evaluate(columns)])[0]

    def _evaluate(self, columns: Sequence[tuple[list[int], Sequence[Point | None]]]) -> tuple[int, int, int]:
        """Horner's rule with Frobenius maps; Z is 0 for infinity."""
        square = self.field.square
        x, y, z = 0, 1, 0
        for position in range(max((len(digits) for digits, _ in columns), default=0) - 1, -1, -1):
            if z:
                x, y, z = square(x), square(y), square(z)
            for digits, points in columns:
                digit = digits[position] if position < len(digits) else 0
                if digit:
                    point = points[abs(digit) >> 1]
                    if point is not None:
                        # Minus (x, y) is (x, x + y).
                        other = point.y if digit > 0 else point.x ^ point.y
                        x, y, z = self._add_mixed(x, y, z, point.x, other)
        return x, y, z

    def _add_mixed(self, x1: int, y1: int, z1: int, x2: int, y2: int) -> tuple[int, int, int]:
        """Lopez-Dahab plus affine."""
        if not z1:
            return x2, y2, 1
        multiply, square = self.field.multiply, self.field.square
        z1_square = square(z1)
        a = y1 ^ multiply(y2, z1_square)
        b = x1 ^ multiply(x2, z1)
        if not b:
            if a or not x2:
                return 0, 1, 0
            return self._double_affine(x2, y2)
        c = multiply(z1, b)
        b_square = square(b)
        d = multiply(b_square, c ^ z1_square) if self.a else multiply(b_square, c)
        z3 = square(c)
        e = multiply(a, c)
        x3 = square(a) ^ d ^ e
        f = x3 ^ multiply(x2, z3)
        y3 = multiply(e ^ z3, f) ^ multiply(x2 ^ y2, square(z3))
        return x3, y3, z3

    def _double_affine(self, x: int, y: int) -> tuple[int, int, int]:
        double = self.add(Point(x, y), Point(x, y))
        return (0, 1, 0) if double is None else (double.x, double.y, 1)

    def _affine(self, projective: Sequence[tuple[int, int, int]]) -> list[Point | None]:
        field = self.field
        inverses = iter(field.invert_all([z for _, _, z in projective if z]))
        points: list[Point | None] = []
        for x, y, z in projective:
            if not z:
                points.append(None)
                continue
            inverse = next(inverses)
            points.append(Point(field.multiply(x, inverse), field.multiply(y, field.square(inverse))))
        return points


SECT163K1 = Curve(
    "sect163k1",
    BinaryField(163, (3, 6, 7)),
    a=1,
    order=0x04000000000000000000020108A2E0CC0D99F8A5EF,
    base=Point(
        0x02FE13C0537BBC11ACAA07D793DE4E6D5E5C94EEE8,
        0x0289070FB05D38FF58321F2E800536D538CCDAA3D9,
    ),
)

SECT283K1 = Curve(
    "sect283k1",
    BinaryField(283, (5, 7, 12)),
    a=0,
    order=0x01FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFE9AE2ED07577265DFF7F94451E061E163C61,
    base=Point(
        0x0503213F78CA44883F1A3B8162F188E553CD265F23C1567A16876913B0C2AC2458492836,
        0x01CCDA380F1C9E318D90F95D07E5426FE87E45C0E8184698E45962364E34116177DD2259,
    ),
)
