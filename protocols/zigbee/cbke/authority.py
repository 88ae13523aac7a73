"""Our own test authority: issues implicit certificates for rigs where every device is emulated.

Everything follows from a seed, so the same rig has the same certificates in every run. No device in the field
knows this authority.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from protocols.zigbee.cbke.certificates import KEY_AGREEMENT, NO_END, Suite1Certificate, Suite2Certificate
from protocols.zigbee.cbke.credentials import Credentials
from protocols.zigbee.cbke.ecqv import hash_number
from protocols.zigbee.cbke.ecqv import private_key as reconstruct_private_key
from protocols.zigbee.cbke.suites import SUITE_1, Suite

if TYPE_CHECKING:
    from protocols.eui64 import Eui64
    from protocols.zigbee.cbke.certificates import Certificate


class TestAuthority:
    """An authority of one suite with the identifier ``issuer``; ``seed`` decides all its keys."""

    __test__ = False  # not a test, whatever pytest thinks of the name

    def __init__(self, suite: Suite, issuer: Eui64, seed: bytes = b"") -> None:
        self.suite = suite
        self.issuer = issuer
        self._seed = seed
        self._private_key = self._scalar(b"authority")
        public = suite.curve.multiply_base(self._private_key)
        assert public is not None  # the private key is not 0
        self.public_key = suite.curve.encode(public)

    def issue(
        self,
        subject: Eui64,
        *,
        valid_from: int = 0,
        valid_for: int = NO_END,
        key_usage: int = KEY_AGREEMENT,
        serial: int | None = None,
    ) -> Credentials:
        """Credentials for a device; the options are those of suite 2 certificates."""
        curve = self.suite.curve
        request = self._scalar(b"request", subject)
        share = self._scalar(b"share", subject)
        point = curve.multiply_base(request + share)
        assert point is not None  # happens once in 2^160 subjects
        encoded = curve.encode(point)
        certificate: Certificate
        if self.suite is SUITE_1:
            certificate = Suite1Certificate(encoded, subject, self.issuer)
        else:
            number = int.from_bytes(self._hash(b"serial", subject)[:8]) if serial is None else serial
            certificate = Suite2Certificate(
                encoded, subject, self.issuer, number, valid_from, valid_for, key_usage
            )
        octets = certificate.build()
        # What a real authority would send back; the request's key stays with the device.
        reconstruction = (hash_number(octets) * share + self._private_key) % curve.order
        private = reconstruct_private_key(self.suite, certificate, request, reconstruction)
        return Credentials(octets, curve.encode_scalar(private), self.public_key)

    def _hash(self, *parts: bytes) -> bytes:
        data = b"".join(len(part).to_bytes(4) + part for part in (self._seed, self.issuer, *parts))
        return hashlib.sha512(data + bytes([self.suite.number])).digest()

    def _scalar(self, *parts: bytes) -> int:
        return 1 + int.from_bytes(self._hash(*parts)) % (self.suite.curve.order - 1)
