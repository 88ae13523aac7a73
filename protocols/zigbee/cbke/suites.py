"""The two crypto suites: which curve, which certificate, which bit in the KeyEstablishmentSuite attribute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.zigbee.cbke.certificates import Certificate, Suite1Certificate, Suite2Certificate
from protocols.zigbee.cbke.curve import SECT163K1, SECT283K1, Curve

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(slots=True)
class Suite:
    """A crypto suite (annex C, table C-4); ``bit`` is its value in every suite field."""

    number: int
    bit: int
    curve: Curve
    certificate: type[Suite1Certificate | Suite2Certificate]

    def __repr__(self) -> str:
        return f"<crypto suite {self.number}>"

    @property
    def certificate_octets(self) -> int:
        """48 or 74."""
        return self.certificate.OCTETS

    @property
    def point_octets(self) -> int:
        """22 or 37."""
        return self.curve.point_octets

    def parse_certificate(self, octets: bytes) -> Certificate:
        """The certificate of this suite."""
        return self.certificate.parse(octets)


SUITE_1 = Suite(1, 0x0001, SECT163K1, Suite1Certificate)
SUITE_2 = Suite(2, 0x0002, SECT283K1, Suite2Certificate)
SUITES = (SUITE_2, SUITE_1)
"""Both, the one to prefer first."""


def suite_of_bit(bit: int) -> Suite | None:
    """The suite with this single bit, or None."""
    return next((suite for suite in SUITES if suite.bit == bit), None)


def suite_of_certificate(octets: bytes) -> Suite | None:
    """The suite whose certificates have this length, or None."""
    return next((suite for suite in SUITES if suite.certificate_octets == len(octets)), None)


def bitmap(suites: Iterable[Suite]) -> int:
    """The KeyEstablishmentSuite attribute of a device with these suites."""
    return sum(suite.bit for suite in suites)
