"""Who verifies what with whose key."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from protocols.dlms.access import AccessResponse, SpecKind, build_access_response
from protocols.dlms.axdr import octet_string, structure
from protocols.dlms.protection import ProtectionParameters, protection_parameters
from protocols.eui64 import Eui64
from protocols.gbcs.crypto import SecretCache, encrypt_block, shared_secret
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.keystore import KeyEntry, KeyStore, KeyUse
from protocols.gbcs.message import Message, build_message
from protocols.gbcs.protect import decryptor, protect, protected_octets, verify_with_keystore

SUPPLIER = Eui64("90-B3-D5-1F-30-01-00-00")
BROKER = Eui64("90-B3-D5-1F-30-00-00-02")
OTHER_USER = Eui64("90-B3-D5-1F-30-02-00-00")
METER = Eui64("00-DB-12-34-56-78-90-A0")
PPMID = Eui64("00-DB-12-34-56-78-90-A4")
ROLES = {SUPPLIER: 2, BROKER: 4, OTHER_USER: 2, METER: None, PPMID: None}
KEYS = {
    (eui64, use): ec.generate_private_key(ec.SECP256R1()) for eui64 in ROLES for use in (KeyUse.DS, KeyUse.KA)
}


def store(*private):
    """Everybody's public keys, and the private ones of some."""
    made = KeyStore()
    for (eui64, use), key in KEYS.items():
        own = key if eui64 in private else None
        made.add(KeyEntry(eui64, use, key.public_key(), own, ROLES[eui64]))
    return made


def z(one, other):
    return shared_secret(KEYS[one, KeyUse.KA], KEYS[other, KeyUse.KA].public_key())


def message(flag, originator, target, code=0x0062, payload=b"\x05\x00", **more):
    return Message(GroupingHeader(flag, 5, originator, target, code, **more), payload)


def verdicts(made, *private):
    found = verify_with_keystore(made, store(*private), SecretCache())
    return found.mac, found.signature


COMMAND = message(CraFlag.COMMAND, SUPPLIER, METER)
RESPONSE = message(CraFlag.RESPONSE, METER, SUPPLIER)


def test_a_commands_mac_is_the_brokers_whoever_sends_it():
    made = protect(COMMAND, signer=KEYS[SUPPLIER, KeyUse.DS], mac_z=z(BROKER, METER))
    assert verdicts(made, BROKER) == ("ok", "ok")
    assert verdicts(made, METER) == ("ok", "ok")  # the device's own side
    assert verdicts(made, SUPPLIER) == ("no_key", "ok")
    wrong = protect(COMMAND, signer=KEYS[SUPPLIER, KeyUse.DS], mac_z=z(SUPPLIER, METER))
    assert verdicts(wrong, BROKER, SUPPLIER) == ("bad", "ok")


def test_signatures_are_the_originators():
    made = protect(COMMAND, signer=KEYS[BROKER, KeyUse.DS], mac_z=z(BROKER, METER))
    assert verdicts(made, BROKER) == ("ok", "bad")


def test_the_broker_on_behalf_of_another_signs_and_macs_itself():
    header = {"supplementary_remote_party_id": OTHER_USER, "supplementary_remote_party_counter": 1}
    made = protect(
        message(CraFlag.COMMAND, BROKER, METER, **header),
        signer=KEYS[BROKER, KeyUse.DS],
        mac_z=z(BROKER, METER),
    )
    assert verdicts(made, BROKER) == ("ok", "ok")


@pytest.mark.parametrize("flag", [CraFlag.RESPONSE, CraFlag.ALERT])
def test_responses_and_alerts_are_between_device_and_recipient(flag):
    made = protect(message(flag, METER, SUPPLIER), mac_z=z(METER, SUPPLIER))
    assert verdicts(made, SUPPLIER) == ("ok", "none")
    assert verdicts(made, BROKER) == ("no_key", "none")
    assert verdicts(replace(made, payload=b"\x05\x01"), SUPPLIER) == ("bad", "none")


def test_between_ppmid_and_meter_the_keys_are_theirs():
    made = protect(message(CraFlag.COMMAND, PPMID, METER, 0x0090), mac_z=z(PPMID, METER))
    assert verdicts(made, PPMID) == ("ok", "none")
    assert verdicts(made, BROKER) == ("no_key", "none")


def test_nothing_there_is_none_and_unknown_parties_have_no_key():
    assert verdicts(COMMAND) == ("none", "none")
    unknown = Eui64(bytes(8))
    made = protect(message(CraFlag.ALERT, unknown, SUPPLIER), signer=KEYS[METER, KeyUse.DS])
    assert verdicts(made, SUPPLIER) == ("none", "no_key")


def protected_response(header, reader):
    """A response with one ciphered block for ``reader``."""
    block = encrypt_block(z(METER, reader), header, b"\x02\x00")
    answer = structure(protection_parameters(ProtectionParameters(5, METER, reader)), octet_string(block))
    payload = build_access_response(AccessResponse(5, [answer], [(SpecKind.ACTION, 0)]))
    return Message(header, payload, b"", None)


@pytest.mark.parametrize("supplementary", [None, OTHER_USER])
def test_ciphered_blocks_open_with_the_readers_key(supplementary):
    header = GroupingHeader(CraFlag.RESPONSE, 5, METER, BROKER if supplementary else SUPPLIER, 0x0027)
    if supplementary:
        header.supplementary_remote_party_id = supplementary
        header.supplementary_remote_party_counter = 1
        header.supplementary_originator_counter = 9
    reader = supplementary or SUPPLIER
    made = protected_response(header, reader)
    assert verify_with_keystore(made, store(reader), SecretCache()).encrypted == ["ok"]
    assert verify_with_keystore(made, store(), SecretCache()).encrypted == ["no_key"]
    index = made.payload.index(bytes.fromhex("3100000000")) + 5
    changed = bytes((made.payload[index] ^ 1,))
    spoilt = replace(made, payload=made.payload[:index] + changed + made.payload[index + 1 :])
    assert verify_with_keystore(spoilt, store(reader), SecretCache()).encrypted == ["bad"]
    assert decryptor(made, store(), SecretCache()) is None


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("maced", [False, True])
def test_octets_at_once_are_those_of_the_protected_message(signed, maced):
    keys = {
        "signer": KEYS[SUPPLIER, KeyUse.DS] if signed else None,
        "mac_z": z(BROKER, METER) if maced else None,
    }
    assert protected_octets(COMMAND, **keys) == build_message(protect(COMMAND, **keys))
