"""Object identifiers of the certificate profiles."""

ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2"
EC_PUBLIC_KEY = "1.2.840.10045.2.1"
PRIME256V1 = "1.2.840.10045.3.1.7"

COMMON_NAME = "2.5.4.3"
ORGANISATIONAL_UNIT = "2.5.4.11"
UNIQUE_IDENTIFIER = "2.5.4.45"  # x500UniqueIdentifier, a BIT STRING holding the EUI-64

SUBJECT_KEY_IDENTIFIER = "2.5.29.14"
KEY_USAGE = "2.5.29.15"
SUBJECT_ALTERNATIVE_NAME = "2.5.29.17"
BASIC_CONSTRAINTS = "2.5.29.19"
CERTIFICATE_POLICIES = "2.5.29.32"
AUTHORITY_KEY_IDENTIFIER = "2.5.29.35"

# RFC 5934: a public key for the worst case, which a symmetric key opens that is published then.
WRAPPED_CONTINGENCY_KEY = "1.3.6.1.5.5.7.1.20"
AES_128_WRAP_PAD = "2.16.840.1.101.3.4.1.8"
AES_192_WRAP_PAD = "2.16.840.1.101.3.4.1.28"
AES_256_WRAP_PAD = "2.16.840.1.101.3.4.1.48"

HARDWARE_MODULE_NAME = "1.3.6.1.5.5.7.8.4"
# The policy that the DCC's test certificates state; test device certificates use it as hardware type as well.
SMKI_TEST_POLICY = "1.2.826.0.1.8641679.1.2.1.4"
