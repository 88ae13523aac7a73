"""Digits to the base tau for scalars on Koblitz curves (Solinas, "Efficient Arithmetic on Koblitz Curves").

On y^2 + xy = x^3 + ax^2 + 1 the Frobenius map tau (squaring both coordinates) costs almost nothing and
satisfies tau^2 + 2 = mu tau with mu = (-1)^(1-a). A scalar written to the base tau needs no doublings.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple


class TauInteger(NamedTuple):
    """``real + tau * imaginary`` in Z[tau]."""

    real: int
    imaginary: int


def _rounded_quotient(dividend: int, divisor: int) -> int:
    return (2 * dividend + divisor) // (2 * divisor)


def multiply(a: TauInteger, b: TauInteger, mu: int) -> TauInteger:
    """Product in Z[tau]."""
    high = a.imaginary * b.imaginary  # times tau^2 = mu tau - 2
    return TauInteger(a.real * b.real - 2 * high, a.real * b.imaginary + a.imaginary * b.real + mu * high)


def norm(a: TauInteger, mu: int) -> int:
    """The norm: never negative, multiplicative."""
    return a.real * a.real + mu * a.real * a.imaginary + 2 * a.imaginary * a.imaginary


def remainder(a: TauInteger, modulus: TauInteger, mu: int) -> TauInteger:
    """A short element congruent to ``a``."""
    conjugate = TauInteger(modulus.real + mu * modulus.imaginary, -modulus.imaginary)
    exact = multiply(a, conjugate, mu)
    size = norm(modulus, mu)
    quotient = TauInteger(_rounded_quotient(exact.real, size), _rounded_quotient(exact.imaginary, size))
    product = multiply(quotient, modulus, mu)
    return TauInteger(a.real - product.real, a.imaginary - product.imaginary)


def tau_power(exponent: int, mu: int) -> TauInteger:
    """tau^exponent."""
    power = TauInteger(1, 0)
    for _ in range(exponent):
        power = TauInteger(-2 * power.imaginary, power.real + mu * power.imaginary)
    return power


def subgroup_modulus(degree: int, mu: int) -> TauInteger:
    """(tau^degree - 1) / (tau - 1): multiplies every point of the prime order subgroup to infinity."""
    real = imaginary = 0
    power = TauInteger(1, 0)
    for _ in range(degree):
        real += power.real
        imaginary += power.imaginary
        power = TauInteger(-2 * power.imaginary, power.real + mu * power.imaginary)
    return TauInteger(real, imaginary)


@cache
def window(width: int, mu: int) -> tuple[int, tuple[TauInteger, ...]]:
    """What a window of ``width`` digits needs.

    Gives the number that tau is congruent to modulo tau^width in the integers modulo 2^width, and for the odd
    u = 1, 3, ... below 2^(width-1) a short element congruent to u modulo tau^width.
    """
    size = 1 << width
    # Lucas sequence U: tau^k = U_k tau - 2 U_(k-1).
    before, current = 0, 1
    for _ in range(width - 1):
        before, current = current, mu * current - 2 * before
    substitute = 2 * before * pow(current, -1, size) % size
    modulus = tau_power(width, mu)
    short = tuple(remainder(TauInteger(u, 0), modulus, mu) for u in range(1, size >> 1, 2))
    return substitute, short


def digits(scalar: TauInteger, width: int, mu: int) -> list[int]:
    """Digits of the width-w tau-adic non-adjacent form, lowest first: zero or odd, below 2^(width-1).

    An odd digit u stands for the short element that ``window`` gives for u, a negative one for its negative.
    """
    substitute, short = window(width, mu)
    size = 1 << width
    half = size >> 1
    real, imaginary = scalar
    found = []
    while real or imaginary:
        digit = 0
        if real & 1:
            digit = (real + imaginary * substitute) % size
            if digit >= half:
                digit -= size
                element = short[-digit >> 1]
                real += element.real
                imaginary += element.imaginary
            else:
                element = short[digit >> 1]
                real -= element.real
                imaginary -= element.imaginary
        found.append(digit)
        # Division by tau of an element whose real part is even.
        halved = real >> 1
        real, imaginary = imaginary + mu * halved, -halved
    return found
