"""Tokens of an emulated NCP in a file: its flash, which outlives the process as a stick's does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.eui64 import Eui64
from rigs.emulated.ncp.state import KeyEntry, Tokens

if TYPE_CHECKING:
    from protocols.ezsp.fields import Values
    from rigs.emulated.ncp.ncp import EmulatedNcp
    from rigs.emulated.storage import Storage

_SECTION, _KEY = "ncp", "tokens"


class KeptTokens:
    """Gives an NCP the tokens of the storage, and writes them there whenever they have changed."""

    def __init__(self, ncp: EmulatedNcp, storage: Storage) -> None:
        self._ncp = ncp
        self._storage = storage
        kept = storage.get_json(_SECTION, _KEY)
        if kept is not None:
            ncp.tokens = tokens_from(kept)
        self._written = kept
        ncp.on_tokens = self.keep

    def keep(self) -> None:
        """Write them, where something is new."""
        document = tokens_document(self._ncp.tokens)
        if document != self._written:
            self._written = document
            with self._storage.transaction():
                self._storage.put_json(_SECTION, _KEY, document)


def tokens_document(tokens: Tokens) -> dict[str, Any]:
    """Tokens as JSON values."""
    parameters = tokens.parameters
    return {
        "network": tokens.network,
        "parameters": None if parameters is None else {k: _shown(v) for k, v in parameters.items()},
        "link_key": tokens.link_key.hex(),
        "security_bits": int(tokens.security_bits),
        "keys": {str(at): [entry.eui64.hex(), entry.key.hex()] for at, entry in tokens.keys.items()},
        "written": {str(at): octets.hex() for at, octets in tokens.written.items()},
        "manufacturing": {str(at): octets.hex() for at, octets in tokens.manufacturing.items()},
    }


def tokens_from(document: dict[str, Any]) -> Tokens:
    """The tokens of such a document."""
    parameters: Values | None = None
    if document["parameters"] is not None:
        parameters = {name: _value(shown) for name, shown in document["parameters"].items()}
    return Tokens(
        network=document["network"],
        parameters=parameters,
        link_key=bytes.fromhex(document["link_key"]),
        security_bits=document["security_bits"],
        keys={
            int(at): KeyEntry(Eui64(eui64), bytes.fromhex(key))
            for at, (eui64, key) in document["keys"].items()
        },
        written={int(at): bytes.fromhex(octets) for at, octets in document["written"].items()},
        manufacturing={int(at): bytes.fromhex(octets) for at, octets in document["manufacturing"].items()},
    )


def _shown(value: Any) -> Any:
    if isinstance(value, Eui64):
        return {"eui64": value.hex()}
    return {"octets": value.hex()} if isinstance(value, bytes) else value


def _value(shown: Any) -> Any:
    if not isinstance(shown, dict):
        return shown
    return Eui64(shown["eui64"]) if "eui64" in shown else bytes.fromhex(shown["octets"])
