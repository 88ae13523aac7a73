"""Every reference message on its own: named to the last element, and the same octets from the values alone."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from protocols.errors import EncodeError
from protocols.gbcs.crypto import SecretCache
from protocols.gbcs.keystore import keystore_from_files
from protocols.gbcs.message import build_message, parse_message
from protocols.gbcs.named import build_named, decode_named, encryptor, unnamed
from protocols.gbcs.protect import decryptor

REFERENCE = Path(__file__).parents[4] / "shared/rtds"
# Messages that break a rule on purpose, and why the strict builder refuses them.
RULE_BREAKERS = {
    "CS01b_2.2_ERROR_COMMAND_GBCS": ("Components[0].Top Up Code", "the last digit is"),
    "CS03CNonCritical_8.7.2_ERROR_COMMAND_GBCS": ("otherDeviceCertificate", "method C needs it"),
}
# Messages that carry another use case's message code than their name says.
MISLABELLED = {
    "CS04B_8.8.2_ERROR_COMMAND_GBCS": "CS04B",
    "CS04B_8.8.2_ERROR_RESPONSE_GBCS": "CS04B",
}


def rows():
    if not REFERENCE.exists():
        reason = f"no reference messages in {REFERENCE}"
        return [pytest.param("", "", marks=pytest.mark.skip(reason=reason), id="absent")]
    lines = (REFERENCE / "messages.jsonl").read_text().splitlines()
    loaded = [json.loads(line) for line in lines]
    return [pytest.param(row["name"], row["hex"], id=row["name"]) for row in loaded]


@cache
def keys():
    files = {file.name: file.read_bytes() for file in (REFERENCE / "keystore").iterdir()}
    return keystore_from_files(files), SecretCache()


@pytest.mark.parametrize(("name", "digits"), rows())
def test_reference_message(name, digits):
    octets = bytes.fromhex(digits)
    message = parse_message(octets)
    document = json.loads(json.dumps(decode_named(message, decryptor(message, *keys()))))
    assert unnamed(document) == []
    encrypt = encryptor(document, *keys())
    if name in RULE_BREAKERS:
        element, problem = RULE_BREAKERS[name]
        with pytest.raises(EncodeError, match=problem) as caught:
            build_named(document, encrypt=encrypt)
        assert caught.value.element == element
        assert caught.value.clause
    if name in MISLABELLED:
        with pytest.raises(EncodeError, match="but message code 000F is CS04AC"):
            build_named(document | {"use_case": MISLABELLED[name]}, encrypt=encrypt)
    again = build_named(document, strict=name not in RULE_BREAKERS, encrypt=encrypt)
    assert build_message(again) == octets
