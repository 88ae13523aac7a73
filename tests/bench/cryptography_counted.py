"""How much cryptography a piece of work really did, and what that much costs bare, in this process, now.

Counted by the interpreter itself: every call of a primitive, whoever makes it. Two things belong to a primitive: the hash
of a key derivation to the AES-GCM after it, and to the verification of a certificate that it is one, by the cryptography
package's own reading of it; the issuer is at hand. ``reading`` says how much of the sum that is.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_der_x509_certificate

from protocols.eui64 import Eui64
from protocols.smki import Hierarchy, checks
from protocols.smki.keys import public_point
from tests.bench.measure import Figure

_SIGNING, _VERIFYING, _ECDH = ec.ECDSA(SHA256(), deterministic_signing=True), ec.ECDSA(SHA256()), ec.ECDH()
_CURVE = ec.SECP256R1()
_MESSAGE = bytes(400)  # about as long as the messages are
SIGNATURE, VERIFICATION, X509 = "ECDSA signature", "ECDSA verification", "X.509 verification"
AGREEMENT, SEALING, POINT, KEY_PAIR = "ECDH", "KDF and AES-GCM", "point of a public key", "key pair"
# Built-in methods of the cryptography package by name.
_METHODS = {
    "sign": SIGNATURE,
    "verify": VERIFICATION,
    "exchange": AGREEMENT,
    "encrypt": SEALING,
    "from_public_bytes": POINT,
    "derive_private_key": KEY_PAIR,
}
_FUNCTIONS = frozenset({"from_public_bytes", "derive_private_key"})
_CERTIFICATE = checks.check_issued.__code__


def count(action: Callable[[], object]) -> Counter[str]:
    """Primitives that an action uses."""
    found: Counter[str] = Counter()

    def note(frame: Any, event: str, called: Any) -> None:
        if event == "call" and frame.f_code is _CERTIFICATE:
            found[X509] += 1
            found[VERIFICATION] -= 1
        elif event == "c_call" and called.__name__ in _METHODS and _of_cryptography(called):
            found[_METHODS[called.__name__]] += 1

    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(None)
    return found


def _of_cryptography(called: Any) -> bool:
    """Methods of the package's objects; its functions know only their own name."""
    return called.__name__ in _FUNCTIONS or "cryptography" in type(called.__self__).__module__


class Bare:
    """So many primitives by themselves, their inputs ready.

    ``found`` is done as a whole, the primitives in turns as messages need them, and with keys of its own every time, as
    each household has: a key costs more the first time. ``figures`` has the processor's seconds of each by itself.
    """

    def __init__(self, found: Counter[str]) -> None:
        self.found = found
        self.figures = {name: Figure([]) for name in found}
        self._hierarchy = Hierarchy("bare")
        self._issuer = load_der_x509_certificate(self._hierarchy.device_issuing.certificate)
        self._rounds = 0

    def prepared(self, rounds: int) -> Callable[[], None]:
        """What does all of it so many times; its keys are made here and now."""
        orders = [_in_turns(self.found, self._new()) for _ in range(rounds)]

        def do() -> None:
            for order in orders:
                for action in order:
                    action()

        return do

    def measure_each(self) -> None:
        """Time every primitive once, after it was done once to have it at hand."""
        for name, action in self._new().items():
            action()
            started = time.process_time()
            action()
            self.figures[name].seconds.append(time.process_time() - started)

    @property
    def reading(self) -> float:
        """Seconds that certificates cost in one round beyond the verifications of their signatures."""
        more = self.figures[X509].median - self.figures[VERIFICATION].median
        return self.found[X509] * more

    def _new(self) -> dict[str, Callable[[], object]]:
        self._rounds += 1
        actions = self._actions(Eui64(self._rounds.to_bytes(8, "big")))
        return {name: actions[name] for name in self.found}

    def _actions(self, eui64: Eui64) -> dict[str, Callable[[], object]]:
        device, other = self._hierarchy.device(eui64), self._hierarchy.organisation("supplier")
        key, public = device.ds.private, device.ds.public
        signature, point = key.sign(_MESSAGE, _SIGNING), public_point(device.ka.public)
        certificate = device.ds.certificate
        agreed, number = device.ka.public, key.private_numbers().private_value
        return {
            SIGNATURE: lambda: key.sign(_MESSAGE, _SIGNING),
            VERIFICATION: lambda: public.verify(signature, _MESSAGE, _VERIFYING),
            AGREEMENT: lambda: other.ka.private.exchange(_ECDH, agreed),
            SEALING: lambda: AESGCM(hashlib.sha256(_MESSAGE[:70]).digest()[:16]).encrypt(
                _MESSAGE[:12], b"", _MESSAGE
            ),
            POINT: lambda: ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, point),
            X509: lambda: load_der_x509_certificate(certificate).verify_directly_issued_by(self._issuer),
            KEY_PAIR: lambda: ec.derive_private_key(number, _CURVE),
        }


def _in_turns(found: Counter[str], actions: dict[str, Callable[[], object]]) -> list[Callable[[], object]]:
    """Every primitive as often as it was found, spread evenly over the whole."""
    places = [((at + 0.5) / number, name) for name, number in sorted(found.items()) for at in range(number)]
    return [actions[name] for _place, name in sorted(places)]
