"""Messages and files of our own for fuzzing, benchmarks and interop: keys from a seed, values made up here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from protocols.eui64 import Eui64
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.crypto import shared_secret
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.keystore import KeyEntry, KeyStore
from protocols.gbcs.message import Message
from protocols.gbcs.named.short import command_payload, message_code
from protocols.gbcs.protect import protected_octets
from protocols.ota import OtaHeader, build_ota, sign_image
from protocols.smki import Hierarchy

HIERARCHY = Hierarchy("tests")
SUPPLIER = HIERARCHY.organisation("supplier")
BROKER = HIERARCHY.organisation("access_control_broker")
ESME = HIERARCHY.device(Eui64("00DB1234567890F0"))

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOURS_LATER = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)

# use case, whether it is signed, values
COMMANDS: list[tuple[str, bool, dict[str, Any]]] = [
    ("ECS27", False, {}),
    ("ECS52", False, {}),
    ("ECS17b", False, {}),
    ("ECS39a", False, {"mpan": "2000012345672"}),
    ("ECS70", True, {"validity_start": NOON, "validity_end": HOURS_LATER}),
    ("CCS02", False, {"device_id": ESME.eui64}),
    ("CCS06", False, {}),
    ("GCS13a", False, {}),
    ("GCS38", False, {}),
    ("GCS41", False, {"mprn": "1234567890"}),
    ("GCS28", True, {"validity_start": NOON, "validity_end": HOURS_LATER}),
    ("CS06", True, {"image_hash": bytes(range(32)), "execution_time": HOURS_LATER}),
    ("CS07", False, {}),
    ("CS03B", False, {"other_device_id": ESME.eui64, "other_device_type": "gpf"}),
]


def command(use_case: str, *, signed: bool, values: dict[str, Any], counter: int) -> bytes:
    """One protected command from the supplier to the ESME."""
    found = load_catalogue()[use_case]
    code = message_code(found, values)
    header = GroupingHeader(CraFlag.COMMAND, counter, SUPPLIER.eui64, ESME.eui64, code)
    payload = command_payload(found, header, values)
    secret = shared_secret(BROKER.ka.private, ESME.ka.public)
    signer = SUPPLIER.ds.private if signed else None
    return protected_octets(Message(header, payload), signer=signer, mac_z=secret)


def our_messages() -> list[bytes]:
    """One command of every use case above."""
    return [
        command(use_case, signed=signed, values=values, counter=1000 + number)
        for number, (use_case, signed, values) in enumerate(COMMANDS)
    ]


def our_keystore() -> KeyStore:
    """The keys those messages need."""
    store = KeyStore()
    for party in (SUPPLIER, BROKER, ESME):
        for identity in party:
            store.add(
                KeyEntry(
                    identity.eui64, identity.use, private=identity.private, certificate=identity.certificate
                )
            )
    return store


def our_ota_image(octets: int = 300) -> bytes:
    """A signed OTA file for an ESME."""
    header = OtaHeader(0x121D, 0x0000, 0x02000002, header_string=b"tests")
    content = bytes(number * 7 & 0xFF for number in range(octets))
    return build_ota(sign_image(SUPPLIER.ds.private, header, content))
