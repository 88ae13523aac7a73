"""Binary curves of the system's libcrypto through ctypes: the independent reference for our arithmetic."""

from __future__ import annotations

import ctypes
import ctypes.util
from functools import cache

import pytest

from protocols.zigbee.cbke.curve import Point

_POINTER_RESULTS = (
    "BN_CTX_new",
    "BN_new",
    "BN_bin2bn",
    "EC_GROUP_new_by_curve_name",
    "EC_POINT_new",
    "EC_GROUP_get0_order",
    "EC_GROUP_get0_cofactor",
)
_COMPRESSED = 2


@cache
def _library() -> ctypes.CDLL:
    name = ctypes.util.find_library("crypto")
    if name is None:
        pytest.skip("no system libcrypto")
    library = ctypes.CDLL(name)
    for function in _POINTER_RESULTS:
        getattr(library, function).restype = ctypes.c_void_p
    library.EC_POINT_point2oct.restype = ctypes.c_size_t
    return library


class LibcryptoCurve:
    """The calls that the tests need; a point at infinity is None."""

    def __init__(self, library: ctypes.CDLL, group: int, octets: int) -> None:
        self._library = library
        self._group = ctypes.c_void_p(group)
        self._octets = octets
        self._context = ctypes.c_void_p(library.BN_CTX_new())

    def order(self) -> int:
        return self._integer(ctypes.c_void_p(self._library.EC_GROUP_get0_order(self._group)))

    def cofactor(self) -> int:
        return self._integer(ctypes.c_void_p(self._library.EC_GROUP_get0_cofactor(self._group)))

    def multiply_base(self, scalar: int) -> Point | None:
        result = self._new_point()
        number = self._number(scalar)
        assert self._library.EC_POINT_mul(self._group, result, number, None, None, self._context)
        return self._taken(result)

    def multiply(self, scalar: int, point: Point) -> Point | None:
        result, given = self._new_point(), self._given(point)
        number = self._number(scalar)
        assert self._library.EC_POINT_mul(self._group, result, None, given, number, self._context)
        return self._taken(result)

    def add(self, one: Point, two: Point) -> Point | None:
        result = self._new_point()
        assert self._library.EC_POINT_add(
            self._group, result, self._given(one), self._given(two), self._context
        )
        return self._taken(result)

    def encode(self, point: Point) -> bytes:
        buffer = ctypes.create_string_buffer(1 + self._octets)
        length = self._library.EC_POINT_point2oct(
            self._group, self._given(point), _COMPRESSED, buffer, ctypes.c_size_t(len(buffer)), self._context
        )
        return buffer.raw[:length]

    def decode(self, octets: bytes) -> Point | None:
        """The point in a compressed form, None where there is none."""
        result = self._new_point()
        good = self._library.EC_POINT_oct2point(
            self._group, result, octets, ctypes.c_size_t(len(octets)), self._context
        )
        return self._taken(result) if good else None

    def _new_point(self) -> ctypes.c_void_p:
        return ctypes.c_void_p(self._library.EC_POINT_new(self._group))

    def _number(self, value: int) -> ctypes.c_void_p:
        octets = value.to_bytes((value.bit_length() + 7) // 8 or 1)
        return ctypes.c_void_p(self._library.BN_bin2bn(octets, len(octets), None))

    def _integer(self, number: ctypes.c_void_p) -> int:
        buffer = ctypes.create_string_buffer(1 + self._octets)
        assert self._library.BN_bn2binpad(number, buffer, len(buffer)) == len(buffer)
        return int.from_bytes(buffer.raw)

    def _given(self, point: Point) -> ctypes.c_void_p:
        result = self._new_point()
        x, y = self._number(point.x), self._number(point.y)
        assert self._library.EC_POINT_set_affine_coordinates(self._group, result, x, y, self._context)
        return result

    def _taken(self, point: ctypes.c_void_p) -> Point | None:
        if self._library.EC_POINT_is_at_infinity(self._group, point):
            return None
        x, y = (ctypes.c_void_p(self._library.BN_new()) for _ in range(2))
        assert self._library.EC_POINT_get_affine_coordinates(self._group, point, x, y, self._context)
        return Point(self._integer(x), self._integer(y))


@cache
def libcrypto_curve(name: str) -> LibcryptoCurve:
    """The curve, or the test is skipped: some distributions build libcrypto without binary curves."""
    library = _library()
    group = library.EC_GROUP_new_by_curve_name(library.OBJ_sn2nid(name.encode()))
    if not group:
        pytest.skip(f"system libcrypto has no {name} (built without binary curves)")
    return LibcryptoCurve(library, group, {"sect163k1": 21, "sect283k1": 36}[name])
