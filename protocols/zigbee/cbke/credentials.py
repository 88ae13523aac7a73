"""What a device needs to establish keys in one suite: certificate, private key, authority's key."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from protocols.errors import DecodeError
from protocols.zigbee.cbke.ecqv import public_key
from protocols.zigbee.cbke.suites import Suite, suite_of_certificate

if TYPE_CHECKING:
    from protocols.eui64 import Eui64
    from protocols.zigbee.cbke.certificates import Certificate
    from protocols.zigbee.cbke.curve import Curve, Multiples, Point


@lru_cache(maxsize=16)
def _kept_multiples(curve: Curve, point: Point) -> Multiples:
    """A larger table than for points used once; the devices of a rig share their authority's."""
    return curve.multiples(point, keep=True)


class Credentials:
    """A certificate with its private key, and the public key of the authority that issued it.

    Made from octets as authorities supply them; DecodeError (with the path ``certificate``, ``private_key``
    or ``authority``) where one is malformed. Whether the three belong together, ``problem`` says.
    """

    def __init__(self, certificate: bytes, private_key: bytes, authority: bytes) -> None:
        suite = suite_of_certificate(certificate)
        if suite is None:
            problem = (
                f"an implicit certificate has 48 octets (suite 1) or 74 (suite 2), not {len(certificate)}"
            )
            raise DecodeError(problem, offset=len(certificate), path="certificate")
        self.suite: Suite = suite
        self.certificate: Certificate = suite.parse_certificate(certificate)
        self.certificate_octets = bytes(certificate)
        self.private_key = suite.curve.decode_scalar(private_key, "private_key")
        self.authority: Point = suite.curve.decode(authority, "authority")

    def __repr__(self) -> str:
        return f"<credentials of {self.subject} in suite {self.suite.number}>"

    @property
    def subject(self) -> Eui64:
        """The device."""
        return self.certificate.subject

    @property
    def issuer(self) -> Eui64:
        """The authority."""
        return self.certificate.issuer

    @property
    def private_key_octets(self) -> bytes:
        """The private key as authorities supply it."""
        return self.suite.curve.encode_scalar(self.private_key)

    @property
    def authority_octets(self) -> bytes:
        """The authority's public key, compressed."""
        return self.suite.curve.encode(self.authority)

    @property
    def authority_multiples(self) -> Multiples:
        """The authority's public key ready for key agreement."""
        return _kept_multiples(self.suite.curve, self.authority)

    def problem(self, utc: float | None = None) -> str | None:
        """Why these cannot be used, or None.

        Looks at the certificate's fields, its validity (where ``utc``, Unix time, is known), and whether
        certificate, private key and authority fit each other.
        """
        reason = self.certificate.problem(utc)
        if reason is not None:
            return reason
        curve = self.suite.curve
        try:
            expected = public_key(self.suite, self.certificate, self.authority)
        except DecodeError as error:
            return str(error)
        if curve.multiply_base(self.private_key) != expected:
            return (
                f"the private key, the certificate of {self.subject} and the public key of authority "
                f"{self.issuer} do not belong together: one of the three is from another set"
            )
        return None

    def problem_with_radio(self, radio: Eui64) -> str | None:
        """Why a radio with this EUI-64 cannot use these, or None where it is the certificate's subject."""
        if radio == self.subject:
            return None
        if radio == self.subject[::-1]:
            return f"the radio's EUI-64 {radio} is the certificate's subject in reverse octet order"
        return (
            f"the radio's EUI-64 is {radio}, the certificate was issued to {self.subject}: partners refuse "
            f"that; set the radio's EUI-64 to {self.subject} or use a certificate issued to {radio}"
        )
