"""The contingency key, a public key wrapped in the root's certificate (SEC L10.30, RFC 5934 2.2.4.1).

Nobody can use it until the symmetric key that opens it is made public, as CS02b anyByContingency does. What
the root's certificate says of the wrapping (``wrapAlgorithm``) decides; that our own roots use AES key wrap
with padding (RFC 5649) is a choice of ours, as no source at hand names the algorithm of the real one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap_with_padding,
    aes_key_wrap_with_padding,
)

from protocols.errors import DecodeError
from protocols.gbcs import der
from protocols.smki import oids
from protocols.smki.certificates import public_key_info
from protocols.smki.keys import public_point
from protocols.smki.parsing import exactly, extensions_in, key_in, members

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

_PATH = "certificate.contingency_key"
_WRAPPINGS = {16: oids.AES_128_WRAP_PAD, 24: oids.AES_192_WRAP_PAD, 32: oids.AES_256_WRAP_PAD}


def wrap_contingency_key(public: ec.EllipticCurvePublicKey, symmetric: bytes) -> bytes:
    """Content of the root's extension; ``symmetric`` has 16, 24 or 32 octets."""
    wrapped = aes_key_wrap_with_padding(symmetric, public_key_info(public_point(public)))
    algorithm = der.sequence(der.encode_oid(_WRAPPINGS[len(symmetric)]))
    return der.sequence(algorithm, der.encode(der.OCTET_STRING, wrapped))


def contingency_key(root: bytes, symmetric: bytes) -> ec.EllipticCurvePublicKey:
    """The public key in a root's certificate (DER); DecodeError where there is none or it stays closed."""
    algorithm, wrapped = exactly(_extension(root), 2, _PATH)
    named = der.object_identifier(members(algorithm, 1, _PATH)[0], _PATH)
    if named != _WRAPPINGS.get(len(symmetric)):
        problem = f"wrapped with {named}, which a symmetric key of {len(symmetric)} octets does not open"
        raise DecodeError(problem, offset=algorithm.start, path=_PATH)
    try:
        info = aes_key_unwrap_with_padding(symmetric, der.expect(wrapped, der.OCTET_STRING, _PATH).value)
    except InvalidUnwrap:
        problem = "the symmetric key does not open it"
        raise DecodeError(problem, offset=wrapped.start, path=_PATH) from None
    return key_in(der.parse_der(info))


def _extension(root: bytes) -> der.Node:
    signed = members(der.parse_der(root), 3, _PATH)[0]
    blocks = [node for node in signed.children if node.tag == 0xA3]
    found = extensions_in([each for node in blocks for each in members(node, 1, _PATH)[0].children])
    if oids.WRAPPED_CONTINGENCY_KEY not in found:
        raise DecodeError("the root's certificate holds none", offset=0, path=_PATH)
    return found[oids.WRAPPED_CONTINGENCY_KEY]
