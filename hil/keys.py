"""Keys of a rig: private ones of its users, public ones of its devices, and those that emulated devices get.

Three sources, which a rig may mix: a seed (everything is made up, equal on every machine), a folder or a JSON
file with the keys of a real test PKI, and the certificates named in device files. What a file gives is taken
before what the seed would make.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.rigfile import DeviceSpec, Rig, User
from protocols.errors import CodecError
from protocols.eui64 import Eui64
from protocols.gbcs.asn1.types import RemotePartyRole
from protocols.gbcs.crypto import SecretCache
from protocols.gbcs.keystore import KeyEntry, KeyStore, KeyUse, keystore_from_files, keystore_from_json
from protocols.ports import ConfigError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

    from protocols.smki import Hierarchy, Identity

_SUFFIXES = {".key", ".pem", ".der", ".crt", ".cer"}


def role_number(role: str) -> int:
    """Remote party role (asn1.md 1) of a role's name in rig files: ``supplier`` is 2."""
    return int(RemotePartyRole[role.upper()])


@dataclass(slots=True)
class RigKeys:
    """All keys of a rig. ``hierarchy`` is None unless the rig has a seed."""

    keystore: KeyStore
    hierarchy: Hierarchy | None
    secrets: SecretCache = field(default_factory=SecretCache)

    def private(self, user: User, use: KeyUse) -> ec.EllipticCurvePrivateKey:
        """A user's private key; ConfigError that names the file or key that would bring it."""
        key = self.keystore.private(user.eui64, use)
        if key is None:
            name = f"{user.eui64.hex()}-{use.value}.key"
            raise ConfigError(
                f"nodes.{user.name}: no private {use.value} key of {user.eui64}",
                next_step=f"put {name} into the folder of [keys], or give [keys] a seed for made-up keys",
            )
        return key

    def public(self, eui64: Eui64, use: KeyUse, who: str) -> ec.EllipticCurvePublicKey:
        """Anybody's public key; ConfigError that says where it could come from."""
        key = self.keystore.public(eui64, use)
        if key is None:
            raise ConfigError(
                f"{who}: no {use.value} certificate of {eui64}",
                next_step="name it under [certificates] of the device file, or put "
                f"{eui64.hex()}-{use.value}.pem into the folder of [keys]",
            )
        return key

    def mac_secret(self, user: User, eui64: Eui64, who: str) -> bytes:
        """Shared secret of a user's key agreement key with that of a device."""
        return self.secrets.shared_secret(self.private(user, KeyUse.KA), self.public(eui64, KeyUse.KA, who))


def load_keys(rig: Rig) -> RigKeys:
    """Gather the keys of a rig; ConfigError when a file of them cannot be used."""
    store = _from_files(rig, _device_certificates(rig))
    hierarchy = None
    if rig.keys.seed:
        # Making certificates loads x509, which a rig with keys of its own does not need.
        from protocols.smki import Hierarchy

        hierarchy = Hierarchy(rig.keys.seed)
    keys = RigKeys(store, hierarchy)
    for user in rig.users.values():
        _add_user(keys, user)
    for device in rig.devices.values():
        _add_device(keys, device)
    return keys


def _device_certificates(rig: Rig) -> dict[str, bytes]:
    """Certificates that device files name, under the names they would have in a key folder."""
    named: dict[str, bytes] = {}
    for device in rig.devices.values():
        files, eui64 = device.file.certificates, device.file.eui64
        for use, path in ((KeyUse.DS, files.ds), (KeyUse.KA, files.ka)) if files is not None else ():
            name = f"{eui64.hex()}-{use.value}.pem"
            try:
                named[name] = path.read_bytes()
                store = keystore_from_files({name: named[name]})
                problem = "" if store.public(eui64, use) is not None else "; ".join(store.problems)
            except (OSError, CodecError) as error:
                problem = str(error)
            if problem:
                raise ConfigError(
                    f"{path}: the certificate of nodes.{device.name} cannot be used: {problem}",
                    next_step=f"correct certificates.{use.value} of {device.file.file}",
                )
    return named


def _from_files(rig: Rig, certificates: dict[str, bytes]) -> KeyStore:
    """The store of [keys]; what device files name comes before it."""
    source = rig.keys.folder or rig.keys.json_file
    store = keystore_from_files(certificates)
    if source is None:
        return store
    try:
        if rig.keys.json_file is not None:
            for entry in keystore_from_json(source.read_text(encoding="utf-8")):
                store.add(entry)
            return store
        files = {
            file.name: file.read_bytes() for file in sorted(source.iterdir()) if file.suffix in _SUFFIXES
        }
        return keystore_from_files(files | certificates)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{source}: keys cannot be read: {error}",
            next_step="files are named like 90b3d51f30010000-ds.key and .pem; correct the one named",
        ) from error


def _add_user(keys: RigKeys, user: User) -> None:
    """What no file brings is made up from the seed, so that folder and seed can be mixed."""
    store = keys.keystore
    if keys.hierarchy is not None and user.role == "root":
        # In the name of the root speaks whoever has the contingency key, which no certificate names.
        key = keys.hierarchy.contingency.private
        store.add(KeyEntry(user.eui64, KeyUse.DS, key.public_key(), key, role_number(user.role)))
    elif keys.hierarchy is not None:
        for identity in keys.hierarchy.organisation(user.eui64, role_number(user.role)):
            if store.private(user.eui64, identity.use) is None and not store.certificate(
                user.eui64, identity.use
            ):
                store.add(_entry(identity))
    elif not any(store.private(user.eui64, use) is not None for use in KeyUse):
        raise ConfigError(
            f"nodes.{user.name}: no private key of {user.eui64} in the files of [keys]",
            next_step=f"add {user.eui64.hex()}-ds.key and -ka.key, or give [keys] a seed as well",
        )


def _add_device(keys: RigKeys, device: DeviceSpec) -> None:
    """Certificates from the seed, where no file brings any.

    Only the seed can make an emulated device, because it has to hold its private keys. The bench itself never
    has them: it must not be able to do with an emulated device what it cannot do with a real one.
    """
    if keys.hierarchy is None or keys.keystore.public(device.file.eui64, KeyUse.DS) is not None:
        return
    for identity in keys.hierarchy.device(device.file.eui64):
        keys.keystore.add(_entry(identity, private=False))


def _entry(identity: Identity, *, private: bool = True) -> KeyEntry:
    return KeyEntry(
        identity.eui64,
        identity.use,
        identity.public,
        identity.private if private else None,
        identity.role,
        identity.certificate,
    )
