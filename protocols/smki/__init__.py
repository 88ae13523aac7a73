"""Smart Metering Key Infrastructure: certificates read and checked, and a deterministic hierarchy.

Certificates follow the profiles that devices and organisations of the GB system use: NIST P-256, ECDSA with
SHA-256, key identifiers of 8 octets, organisations named by role (OU) and EUI-64, devices by
hardwareModuleName.
"""

from protocols.smki.certificates import build_certificate
from protocols.smki.checks import CertificateError, CertificateReason, verify_certificate
from protocols.smki.contingency import contingency_key
from protocols.smki.hierarchy import (
    CONTINGENCY_PARTY,
    NAMED_PARTIES,
    Authority,
    DeviceIdentities,
    Hierarchy,
    Identity,
    OrganisationIdentities,
)
from protocols.smki.keys import key_identifier, make_key
from protocols.smki.parsing import CertificateInfo, parse_certificate

__all__ = [
    "CONTINGENCY_PARTY",
    "NAMED_PARTIES",
    "Authority",
    "CertificateError",
    "CertificateInfo",
    "CertificateReason",
    "DeviceIdentities",
    "Hierarchy",
    "Identity",
    "OrganisationIdentities",
    "build_certificate",
    "contingency_key",
    "key_identifier",
    "make_key",
    "parse_certificate",
    "verify_certificate",
]
