from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.zigbee.crc import crc16_itu, crc16_x25
from protocols.zigbee.install_code import InstallCode, InstallCodeError, link_key, parse_install_code
from tests.unit.zigbee.frames import relaxed

# The example of the ZigBee documents.
CODE = "83FED3407A939723A5C639B26916D505C3B5"
KEY = bytes.fromhex("66B6900981E1EE3CA4206B6B861C02BB")


def test_check_values_of_the_crc_catalogue():
    assert crc16_x25(b"123456789") == 0x906E
    assert crc16_itu(b"123456789") == 0x2189


@pytest.mark.parametrize(
    "text",
    [
        CODE,
        CODE.lower(),
        "83FE D340 7A93 9723 A5C6 39B2 6916 D505 C3B5",
        "83-FE-D3-40-7A-93-97-23-A5-C6-39-B2-69-16-D5-05-C3-B5",
        " 83fe:d340:7a93:9723\na5c6:39b2:6916:d505 c3b5\t",
        "83FED340.7A939723.A5C639B2.6916D505.C3B5",
    ],
)
def test_the_published_example_in_every_form(text):
    code = parse_install_code(text)
    assert code.octets == bytes.fromhex(CODE)[:16]
    assert code.crc == 0xB5C3
    assert link_key(code) == KEY
    assert str(code) == "83FE D340 7A93 9723 A5C6 39B2 6916 D505 C3B5"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (CODE[:-4], "is the CRC missing"),
        (CODE[:-1], "35 hexadecimal digits"),
        (CODE[:-4] + "B5C3", "wrong order"),
        ("93" + CODE[2:], "C3B5 is wrong: this code's is .*a digit was misread"),
        (CODE[:10] + "O" + CODE[11:], "'O' is no hexadecimal digit"),
        ("", "not 0"),
        ("00" * 9, "8, 10, 14 or 18 octets with its CRC, not 9"),
    ],
)
def test_errors_say_what_is_wrong(text, problem):
    with pytest.raises(InstallCodeError, match=problem):
        parse_install_code(text)


@relaxed
@given(
    st.sampled_from((6, 8, 12, 16)).flatmap(lambda size: st.binary(min_size=size, max_size=size)), st.data()
)
def test_codes_of_all_lengths_round_trip_and_every_wrong_bit_is_noticed(octets, data):
    code = InstallCode.of(octets)
    assert parse_install_code(str(code)) == code
    assert len(link_key(code)) == 16
    changed = bytearray(code.build())
    place = data.draw(st.integers(0, 8 * len(changed) - 1))
    changed[place // 8] ^= 1 << place % 8
    with pytest.raises(InstallCodeError, match="is wrong"):
        parse_install_code(changed.hex())


@relaxed
@given(st.text(max_size=40))
def test_any_text_is_a_code_or_an_install_code_error(text):
    with contextlib.suppress(InstallCodeError):
        parse_install_code(text)


def test_a_code_of_another_length():
    with pytest.raises(InstallCodeError, match="not 7"):
        InstallCode.of(bytes(7))
