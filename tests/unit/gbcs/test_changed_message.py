"""A message changed after it was parsed or protected is judged as it is now, never by the octets it came from."""

from __future__ import annotations

from dataclasses import fields

import pytest

from protocols.eui64 import Eui64
from protocols.gbcs.crypto import SecretCache
from protocols.gbcs.header import GroupingHeader
from protocols.gbcs.message import build_message, parse_message
from protocols.gbcs.protect import verify_with_keystore
from tests.material import HOURS_LATER, NOON, command, our_keystore

SIGNED = command(
    "ECS70", signed=True, values={"validity_start": NOON, "validity_end": HOURS_LATER}, counter=9
)
OTHER = Eui64("00-DB-12-34-56-78-90-FF")
# What each field is changed to; none of these is the value in the message.
CHANGES = {
    "cra_flag": None,
    "originator_counter": 10,
    "business_originator_id": OTHER,
    "business_target_id": OTHER,
    "message_code": 0x00FF,
    "date_time": bytes(12),
    "supplementary_remote_party_id": OTHER,
    "supplementary_remote_party_counter": None,
    "supplementary_originator_counter": None,
    "certificate": None,
}


def verdicts(message):
    found = verify_with_keystore(message, our_keystore(), SecretCache())
    return found.mac, found.signature


def test_every_field_has_its_change():
    assert set(CHANGES) == {field.name for field in fields(GroupingHeader)}


@pytest.mark.parametrize("name", [name for name, value in CHANGES.items() if value is not None])
@pytest.mark.parametrize("verified_before", [False, True])
def test_a_header_field_changed_after_parsing(name, verified_before):
    message = parse_message(SIGNED)
    if verified_before:
        assert verdicts(message) == ("ok", "ok")
    setattr(message.header, name, CHANGES[name])
    mac, signature = verdicts(message)
    assert "ok" not in {mac, signature}
    assert build_message(message) != SIGNED
    assert parse_message(build_message(message)) == message


def test_payload_and_header_exchanged_after_parsing():
    message = parse_message(SIGNED)
    assert verdicts(message) == ("ok", "ok")
    message.payload = message.payload[:-1] + bytes((message.payload[-1] ^ 1,))
    assert verdicts(message) == ("bad", "bad")
    message = parse_message(SIGNED)
    message.header = parse_message(command("ECS52", signed=False, values={}, counter=9)).header
    assert verdicts(message) == ("bad", "bad")


def test_a_signature_taken_away_spoils_the_mac():
    message = parse_message(SIGNED)
    message.signature = b""
    assert verdicts(message) == ("bad", "none")
