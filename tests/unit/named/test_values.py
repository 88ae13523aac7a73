"""Whole messages as named values: header, protection, rules; and what the corpus makes of them."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.cli.rebuild import Rebuilder, serve
from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.corpus import CheckResult, document_text, note_built, rebuild
from protocols.gbcs.crypto import SecretCache
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.keystore import KeyStore
from protocols.gbcs.message import Message, build_message, parse_message
from protocols.gbcs.named import build_named, decode_named, describe, unnamed
from protocols.gbcs.named.header import build_header, decode_header

SUPPLIER = Eui64("90-B3-D5-1F-30-01-00-00")
METER = Eui64("00-DB-12-34-56-78-90-A0")
CERTIFICATE = b"\x30\x82\x01\x00" + bytes(256)


def message(code=0x0013, payload="0500", flag=CraFlag.COMMAND, *, signature=b"", mac=bytes(12), **more):
    pair = (SUPPLIER, METER) if flag is CraFlag.COMMAND else (METER, SUPPLIER)
    return Message(GroupingHeader(flag, 5, *pair, code, **more), bytes.fromhex(payload), signature, mac)


def document(**changes):
    return decode_named(message()) | changes


def test_a_document_has_all_parts():
    assert decode_named(message(mac=bytes(range(12)))) == {
        "use_case": "CS07",
        "message_code": "0x0013",
        "kind": "command",
        "header": {
            "cra_flag": "command",
            "originator_counter": 5,
            "business_originator_id": str(SUPPLIER),
            "business_target_id": str(METER),
        },
        "payload_kind": "asn1",
        "payload": {},
        "signature": "",
        "mac": "000102030405060708090A0B",
    }


CASES = [
    message(),
    message(signature=None, mac=None),
    message(0x000F, "020101", CraFlag.RESPONSE, signature=bytes(64), mac=None),
    message(
        0x0129,
        "30090404000000000201 01",
        CraFlag.RESPONSE,
        date_time=bytes.fromhex("07DF0101FF00000000800004"),
    ),
    message(0x0013, "3003020101", CraFlag.RESPONSE, date_time=bytes.fromhex("FFFFFFFFFFFFFFFFFF8000FF")),
    message(
        0x0013,
        supplementary_remote_party_id=SUPPLIER,
        supplementary_remote_party_counter=2**64 - 1,
    ),
    message(0x0013, supplementary_remote_party_id=SUPPLIER),
]


@pytest.mark.parametrize("made", CASES)
def test_messages_come_back(made):
    octets = build_message(made)
    values = json.loads(json.dumps(decode_named(parse_message(octets))))
    assert unnamed(values) == []
    assert build_message(build_named(values)) == octets
    assert build_message(build_named(values, strict=False)) == octets


def test_date_times_are_text_with_their_status():
    octets = bytes.fromhex("07DF0101FF00000000800004")
    assert decode_named(CASES[3])["header"]["date_time"] == "2015-01-01T00:00:00Z#04"
    header = message(date_time=octets).header
    assert build_header(decode_header(header), header.message_code).date_time == octets
    with pytest.raises(DecodeError, match=r"grouping_header\.date_time"):
        decode_header(message(date_time=b"\x00" * 6 + b"\xfe" * 6).header)


@given(
    st.sampled_from(CraFlag),
    st.integers(0, 2**64 - 1),
    st.binary(min_size=8, max_size=8),
    st.sampled_from(["none", "party", "counter", "own", "certificate"]),
)
@settings(deadline=None, max_examples=50)
def test_every_header_comes_back(flag, counter, eui64, form):
    header = GroupingHeader(flag, counter, Eui64(eui64), METER, 0x0042)
    if form != "none":
        header.supplementary_remote_party_id = Eui64(eui64)
    if form in {"counter", "own", "certificate"}:
        header.supplementary_remote_party_counter = counter
    if form == "own":
        header.supplementary_originator_counter = counter
    if form == "certificate":
        header.certificate = CERTIFICATE
    assert build_header(json.loads(json.dumps(decode_header(header))), 0x0042) == header


def header_with(**changes):
    values = decode_header(message().header) | changes
    return {name: value for name, value in values.items() if value is not ...}


@pytest.mark.parametrize(
    ("changes", "element", "problem"),
    [
        ({"cra_flag": "letter"}, "cra_flag", "not among command, response, alert"),
        ({"cra_flag": ...}, "cra_flag", "missing"),
        ({"originator_counter": -1}, "originator_counter", "no number of 64 bits"),
        ({"originator_counter": True}, "originator_counter", "no number of 64 bits"),
        ({"originator_counter": 2**64}, "originator_counter", "no number of 64 bits"),
        ({"business_target_id": "x"}, "business_target_id", "is not an EUI-64"),
        ({"business_target_id": 1}, "business_target_id", "is not an EUI-64"),
        ({"date_time": "today"}, "date_time", "no time like"),
        ({"date_time": 5}, "date_time", "no text"),
        ({"certificate": "0"}, "certificate", "not hexadecimal"),
        ({"colour": 1}, "colour", "no such field"),
    ],
)
def test_bad_headers_are_refused_by_field(changes, element, problem):
    with pytest.raises(EncodeError, match=problem) as caught:
        build_named(document(header=header_with(**changes)))
    assert caught.value.element == f"header.{element}"
    if not element.startswith("certificate"):
        assert caught.value.clause == "GBCS 7.2.7"


@pytest.mark.parametrize(
    ("changes", "element", "problem"),
    [
        ({"colour": 1}, "colour", "no such part"),
        ({"message_code": "x"}, "message_code", "no code"),
        ({"message_code": 5}, "message_code", "no code"),
        ({"payload_kind": "xml"}, "payload_kind", "not among"),
        ({"payload_kind": "gbz"}, "Components", "missing"),
        ({"payload": []}, "payload", "no object"),
        ({"header": []}, "header", "no object"),
        ({"signature": "00"}, "signature", "1 octets instead of 0 or 64"),
        ({"mac": ""}, "mac", "0 octets instead of 12"),
        ({"use_case": "ECS27"}, "use_case", "message code 0013 is CS07"),
        ({"kind": "response"}, "kind", "the message is a command"),
    ],
)
def test_bad_documents_are_refused_by_part(changes, element, problem):
    with pytest.raises(EncodeError, match=problem) as caught:
        build_named(document(**changes))
    assert not element or caught.value.element == element


def test_parts_must_be_there():
    for part in ("header", "payload", "payload_kind", "message_code"):
        incomplete = document()
        del incomplete[part]
        with pytest.raises(EncodeError, match="the part is missing"):
            build_named(incomplete)
    without_protection = {
        name: document()[name] for name in ("header", "payload", "payload_kind", "message_code")
    }
    assert build_named(without_protection).kind == "precommand"


SIGNATURE = bytes(64)


@pytest.mark.parametrize(
    ("made", "element", "problem"),
    [
        (message(signature=SIGNATURE), "signature", "a command of CS07 has a MAC"),
        (message(signature=SIGNATURE, mac=None), "signature", "a command of CS07 has a MAC"),
        (message(0x000F, "04080011223344556677"), "signature", "of CS04AC has a signature and a MAC"),
        (
            message(0x000D, "301002010004080011223344556677020104", signature=SIGNATURE, mac=None),
            "mac",
            "CS03A1",
        ),
        (message(0x000F, "020100", CraFlag.RESPONSE), "signature", "response of CS04AC has a signature"),
        (message(date_time=bytes.fromhex("07DF0101FF000000008000FF")), "header.date_time", "only responses"),
        (
            message(
                supplementary_remote_party_id=SUPPLIER,
                supplementary_remote_party_counter=1,
                certificate=CERTIFICATE,
            ),
            "header.certificate",
            "only commands for encrypted data",
        ),
        (
            message(
                supplementary_remote_party_id=SUPPLIER,
                supplementary_remote_party_counter=1,
                supplementary_originator_counter=1,
            ),
            "header.supplementary_originator_counter",
            "only responses with encrypted data",
        ),
    ],
)
def test_rules_are_for_the_strict_builder(made, element, problem):
    values = decode_named(made)
    with pytest.raises(EncodeError, match=problem) as caught:
        build_named(values)
    assert (caught.value.element, caught.value.clause[:5]) == (element, "GBCS ")
    assert build_named(values, strict=False) == made


def test_unknown_message_codes_have_no_named_values():
    with pytest.raises(DecodeError, match="no ASN") as caught:
        decode_named(message(0xFFFF, "0500"))
    assert caught.value.path.startswith("message.payload")


def test_paths_of_elements_without_a_name():
    payload = {"a": [{"unnamed": "00"}, {"b": 1}], "unnamed octets": "01", "c": {"d": 2}}
    assert unnamed({"payload": payload}) == ["payload.a[0].unnamed", "payload.unnamed octets"]


def test_elements_are_described():
    (row,) = describe(message(0x0013, "3003020101", CraFlag.RESPONSE))
    assert (row["name"], row["value"], row["text"]) == ("readDeviceLogResponseCode", 1, "failure")


# A join command (method C) without the certificate that it needs: a message that breaks the rules.
BREAKER = message(0x00AF, "301002010304080011223344556677020100", signature=SIGNATURE)


def test_messages_are_built_again_in_another_process():
    keystore, cache = KeyStore(), SecretCache()
    with Rebuilder(None) as rebuilder:
        for made, reason in (
            (message(), ""),
            (BREAKER, "otherDeviceCertificate (GBCS CS03C): method C needs it"),
        ):
            octets = build_message(made)
            result = CheckResult("first")
            text = document_text(octets, keystore, cache, result)
            note_built(result, octets, rebuilder.build(text))
            assert (result.built, result.unnamed, result.failures, result.refused) == (True, [], [], reason)
        broken = rebuilder.build("{}")
        assert isinstance(broken, EncodeError)
        assert broken.element == "message_code"


def test_a_message_with_another_use_case_code_is_found_out():
    made = message(0x000F, "04080011223344556677", signature=SIGNATURE)
    octets = build_message(made)
    text = document_text(octets, KeyStore(), SecretCache(), CheckResult("folder/CS04B_8.8.2_ERROR_COMMAND"))
    again = rebuild(text, KeyStore(), SecretCache())
    assert again.octets == octets
    assert again.refused == "use_case: 'CS04B', but message code 000F is CS04AC"


def test_what_is_not_built_is_a_failure():
    result = CheckResult("x")
    note_built(result, b"\x01\x02\x03", EncodeError("no", element="a"))
    note_built(result, b"\x01\x02\x03", rebuild(json.dumps(document()), KeyStore(), SecretCache()))
    assert not result.built
    assert [(each.offset, each.path) for each in result.failures] == [(0, "a"), (0, "built")]
    assert document_text(b"\x00", KeyStore(), SecretCache(), result) == ""
    assert "not named" in result.failures[-1].problem


def test_the_server_answers_line_by_line():
    answers = io.StringIO()
    serve(io.StringIO(json.dumps(document()) + "\n{}\n"), answers, KeyStore())
    first, second = map(json.loads, answers.getvalue().splitlines())
    assert bytes.fromhex(first["octets"]) == build_message(message())
    assert second["element"] == "message_code"


# Who may send ----------------------------------------------------------------------------------------------

WHO = [
    (document(), "access_control_broker", None),
    (document(), "supplier", None),
    (document(), "network_operator", "header.business_originator_id"),
    (document(), "butler", "header.business_originator_id"),
]


@pytest.mark.parametrize(("values", "role", "element"), WHO)
def test_a_sender_needs_authority(values, role, element):
    if element is None:
        assert build_named(values, sender_role=role) == message()
        return
    with pytest.raises(EncodeError, match="has no authority for CS07, only supplier") as caught:
        build_named(values, sender_role=role)
    assert (caught.value.element, caught.value.clause) == (element, "GBCS use case CS07")
    assert build_named(values, sender_role=role, strict=False) == message()
    with pytest.raises(EncodeError, match="has no authority"):
        load_catalogue()["CS07"].command(SUPPLIER, METER, 5, sender_role=role)


def test_only_the_broker_sends_for_others():
    values = decode_named(
        message(supplementary_remote_party_id=SUPPLIER, supplementary_remote_party_counter=1)
    )
    assert build_named(values, sender_role="access_control_broker")
    with pytest.raises(EncodeError, match="supplier sends for nobody else") as caught:
        build_named(values, sender_role="supplier")
    assert caught.value.element == "header.supplementary_remote_party_id"


def test_answers_and_alerts_have_no_authority_to_check():
    answer = message(0x000F, "020101", CraFlag.RESPONSE, signature=bytes(64), mac=None)
    assert build_named(decode_named(answer), sender_role="butler") == answer
