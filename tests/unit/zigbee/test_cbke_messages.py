from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import DecodeError, EncodeError
from protocols.zigbee.cbke.messages import (
    Command,
    ConfirmKey,
    EphemeralData,
    Initiate,
    Status,
    Terminate,
    parse_message,
)

relaxed = settings(deadline=None)
octet = st.integers(0, 255)
messages = st.one_of(
    st.builds(Initiate, st.just(1), octet, octet, st.binary(min_size=48, max_size=48)),
    st.builds(Initiate, st.just(2), octet, octet, st.binary(min_size=74, max_size=74)),
    st.builds(Initiate, st.integers(3, 0xFFFF), octet, octet, st.binary(max_size=90)),
    st.builds(
        EphemeralData, st.sampled_from([22, 37]).flatmap(lambda size: st.binary(min_size=size, max_size=size))
    ),
    st.builds(ConfirmKey, st.binary(min_size=16, max_size=16)),
    st.builds(Terminate, octet, octet, st.integers(0, 0xFFFF)),
)


@given(messages)
@relaxed
def test_round_trip(message):
    assert parse_message(message.command, message.build()) == message


@given(messages, st.data())
@relaxed
def test_truncated_or_prolonged(message, data):
    payload = message.build()
    changed = data.draw(
        st.one_of(st.integers(0, len(payload)).map(lambda end: payload[:end]), st.just(payload + b"\x00"))
    )
    try:
        parsed = parse_message(message.command, changed)
    except DecodeError as error:
        assert 0 <= error.offset <= len(changed)
        return
    assert parsed.build() == changed


@given(st.integers(0, 255), st.binary(max_size=100))
@relaxed
def test_anything_gives_a_message_or_a_decode_error(command, payload):
    try:
        message = parse_message(command, payload)
    except DecodeError:
        return
    assert message.build() == payload


def test_layouts():
    certificate = bytes(range(48))
    assert Initiate(1, 3, 6, certificate).build() == bytes.fromhex("01000306") + certificate
    assert Terminate(Status.NO_RESOURCES, 30, 2).build() == bytes.fromhex("041E0200")
    assert Terminate.parse(bytes.fromhex("06000300")).status is Status.INVALID_CERTIFICATE
    assert Terminate.parse(bytes.fromhex("77000300")).status == 0x77
    assert [int(command) for command in Command] == [0, 1, 2, 3]


def test_errors_name_the_element():
    with pytest.raises(DecodeError, match="suite 2 has 74 octets, not 48") as error:
        parse_message(Command.INITIATE, bytes.fromhex("02000306") + bytes(48))
    assert error.value.path == "initiate.certificate"
    with pytest.raises(DecodeError, match="confirm_time"):
        parse_message(Command.INITIATE, bytes.fromhex("020003"))
    with pytest.raises(DecodeError, match="command 04"):
        parse_message(4, b"")
    with pytest.raises(DecodeError, match="1 octets too many"):
        Terminate.parse(bytes(5))
    with pytest.raises(EncodeError, match="ephemeral_time"):
        Initiate(1, 256, 0, b"").build()
    with pytest.raises(EncodeError, match=r"confirm_key\.mac"):
        ConfirmKey(b"").build()
