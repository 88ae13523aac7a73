"""Binary fields GF(2^m) with a sparse reduction polynomial.

An element is an ``int`` whose bit i is the coefficient of x^i.

Nothing here takes care to run in constant time: these are keys of a test bench.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class BinaryField:
    """GF(2^degree) modulo x^degree + (x^i for i in ``taps``) + 1; the degree is odd, the taps lie low."""

    def __init__(self, degree: int, taps: Sequence[int]) -> None:
        self.degree = degree
        self.octets = (degree + 7) // 8
        self.mask = (1 << degree) - 1
        self._modulus = 1 << degree | 1 | sum(1 << tap for tap in taps)
        # Three taps in both fields of CBKE; a fixed number keeps the inner loop free of a Python loop.
        self._tap1, self._tap2, self._tap3 = taps

    def reduce(self, value: int) -> int:
        """The element equal to a polynomial of degree below twice the field's."""
        degree, mask, one, two, three = self.degree, self.mask, self._tap1, self._tap2, self._tap3
        high = value >> degree
        value = (value & mask) ^ high ^ (high << one) ^ (high << two) ^ (high << three)
        # The taps push at most a few bits over the top again.
        high = value >> degree
        return (value & mask) ^ high ^ (high << one) ^ (high << two) ^ (high << three)

    def multiply(self, a: int, b: int) -> int:
        """Product; four bits of ``a`` at a time against a table of multiples of ``b``."""
        b2 = b << 1
        b4 = b << 2
        b8 = b << 3
        b3 = b2 ^ b
        b12 = b8 ^ b4
        table = (
            *(0, b, b2, b3, b4, b4 ^ b, b4 ^ b2, b4 ^ b3),
            *(b8, b8 ^ b, b8 ^ b2, b8 ^ b3, b12, b12 ^ b, b12 ^ b2, b12 ^ b3),
        )
        product = 0
        for octet in a.to_bytes(self.octets):
            product = (product << 4 ^ table[octet >> 4]) << 4 ^ table[octet & 15]
        degree, mask, one, two, three = self.degree, self.mask, self._tap1, self._tap2, self._tap3
        high = product >> degree
        product = (product & mask) ^ high ^ (high << one) ^ (high << two) ^ (high << three)
        high = product >> degree
        return (product & mask) ^ high ^ (high << one) ^ (high << two) ^ (high << three)

    def square(self, a: int) -> int:
        """Square: reading the binary digits as base-4 digits puts a zero between every two of them."""
        value = int(f"{a:b}", 4)
        degree, mask, one, two, three = self.degree, self.mask, self._tap1, self._tap2, self._tap3
        high = value >> degree
        value = (value & mask) ^ high ^ (high << one) ^ (high << two) ^ (high << three)
        high = value >> degree
        return (value & mask) ^ high ^ (high << one) ^ (high << two) ^ (high << three)

    def invert(self, a: int) -> int:
        """Inverse by the extended Euclidean algorithm; zero is a ZeroDivisionError."""
        if not a:
            raise ZeroDivisionError("zero has no inverse in the field")
        u, v, g, h = a, self._modulus, 1, 0
        width_u, width_v = u.bit_length(), v.bit_length()
        while width_u > 1:
            shift = width_u - width_v
            if shift < 0:
                u, v, g, h = v, u, h, g
                width_u, width_v = width_v, width_u
                shift = -shift
            u ^= v << shift
            g ^= h << shift
            width_u = u.bit_length()
        return self.reduce(g)

    def invert_all(self, values: Sequence[int]) -> list[int]:
        """The inverses of several non-zero elements for the price of one inversion (Montgomery's trick)."""
        products = []
        product = 1
        for value in values:
            products.append(product)
            product = self.multiply(product, value)
        inverse = self.invert(product)
        inverses = []
        for value, before in zip(reversed(values), reversed(products), strict=True):
            inverses.append(self.multiply(inverse, before))
            inverse = self.multiply(inverse, value)
        return inverses[::-1]

    @cached_property
    def _trace_mask(self) -> int:
        """The bits whose parity is the trace (the trace is linear): bit i where x^i has trace 1."""
        mask = 0
        for bit in range(self.degree):
            total = power = 1 << bit
            for _ in range(self.degree - 1):
                power = self.square(power)
                total ^= power
            mask |= total << bit
        return mask

    def trace(self, a: int) -> int:
        """0 or 1: the sum of all conjugates."""
        return (a & self._trace_mask).bit_count() & 1

    def solve_quadratic(self, c: int) -> int | None:
        """A z with z^2 + z = c (z + 1 is the other), or None where there is none: the half-trace of c."""
        if self.trace(c):
            return None
        z = c
        for _ in range((self.degree - 1) // 2):
            z = self.square(self.square(z)) ^ c
        return z
