from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.eui64 import Eui64
from protocols.zigbee.cbke.authority import TestAuthority
from protocols.zigbee.cbke.credentials import Credentials
from protocols.zigbee.cbke.material import (
    Item,
    MaterialError,
    combine_items,
    item_of_label,
    read_credentials,
    read_item,
)
from protocols.zigbee.cbke.suites import SUITE_1, SUITE_2

ISSUER = Eui64("11-12-13-14-15-16-17-18")
DEVICE = Eui64("90-B3-D5-1F-30-01-00-00")
ONE = TestAuthority(SUITE_1, ISSUER, b"rig").issue(DEVICE)
TWO = TestAuthority(SUITE_2, ISSUER, b"rig").issue(DEVICE)
BOTH = pytest.mark.parametrize("credentials", [ONE, TWO], ids=["suite 1", "suite 2"])
relaxed = settings(deadline=None, max_examples=60)


def public_key(credentials: Credentials) -> bytes:
    curve = credentials.suite.curve
    return curve.encode(curve.multiply_base(credentials.private_key))


def labelled(credentials: Credentials, **changes: str) -> dict[str, str]:
    values = {
        "CA Pub Key": credentials.authority_octets.hex(),
        "Device Implicit Cert": credentials.certificate_octets.hex(),
        "Private Key Reconstruction Data": credentials.private_key_octets.hex(),
        "Device Public Key": public_key(credentials).hex(),
        "IEEE Address": str(credentials.subject),
    }
    values.update({name.replace("_", " "): value for name, value in changes.items()})
    return values


def lines_below(values: dict[str, str]) -> str:
    return "".join(f"{name}:\n{value}\n" for name, value in values.items())


def same(one: Credentials, two: Credentials) -> bool:
    return (one.certificate_octets, one.private_key, one.authority) == (
        two.certificate_octets,
        two.private_key,
        two.authority,
    )


@BOTH
def test_labelled_text_in_its_variants(credentials):
    values = labelled(credentials)
    below = lines_below(values)
    beside = "".join(f"{name}: {value.upper()}\r\n" for name, value in values.items())
    spaced = "".join(
        f"{name} = {' '.join(value[i : i + 2] for i in range(0, len(value), 2))}\n"
        for name, value in values.items()
        if name != "IEEE Address"
    )
    wrapped = lines_below({name: f"{value[:20]}\n{value[20:]}" for name, value in values.items()})
    header = "# from the authority\n// test\nOrder: 4711\nABCDEF\n"
    marked = below.replace("Device Implicit Cert", "Device Implicit Cert (283k1)")
    for text in (
        below,
        beside,
        spaced,
        wrapped,
        header + below,
        marked,
        below.replace("Data", "Data (Suite 2)"),
    ):
        assert same(read_credentials(text), credentials)
        assert same(read_credentials(text.encode()), credentials)
    assert same(read_credentials(b"\xef\xbb\xbf" + below.encode()), credentials)
    assert same(read_credentials(b"\xff\xfe" + below.encode("utf-16-le")), credentials)


@BOTH
def test_json_and_token(credentials):
    assert same(read_credentials(json.dumps(labelled(credentials) | {"comment": 4})), credentials)
    token = credentials.certificate_octets + credentials.authority_octets + credentials.private_key_octets
    for content in (token, token + b"\x00", token.hex(), token.hex(" ").upper().encode() + b"\n"):
        assert same(read_credentials(content), credentials)


@BOTH
def test_one_item_per_file(credentials):
    for item, octets in (
        (Item.CERTIFICATE, credentials.certificate_octets),
        (Item.PRIVATE_KEY, credentials.private_key_octets),
        (Item.AUTHORITY, credentials.authority_octets),
    ):
        array = "{" + ", ".join(f"0x{octet:02X}" for octet in octets) + "}"
        label = "CA Public Key" if item is Item.AUTHORITY else item.value
        forms = (octets, octets.hex(), octets.hex(":") + "\n", f"{label}: {octets.hex()}", array.strip("{}"))
        for form in forms:
            assert read_item(form, item) == octets
        assert read_item(lines_below(labelled(credentials)), item) == octets
    combined = combine_items(
        credentials.certificate_octets, credentials.private_key_octets, credentials.authority_octets
    )
    assert same(combined, credentials)


def test_errors_name_the_line():
    for changes, reason in (
        ({"CA_Pub_Key": "02zz"}, r"node\.txt line 2: 'z' in the CA public key is not hexadecimal"),
        ({"CA_Pub_Key": "020"}, r"node\.txt line 1: the CA public key has an odd number of digits \(3\)"),
        ({"CA_Pub_Key": ""}, r"node\.txt line 1: the CA public key is empty"),
        (
            {"Device_Implicit_Cert": "00" * 73},
            r"line 3: the implicit certificate has 73 octets, not 48 .* 74",
        ),
        ({"Private_Key_Reconstruction_Data": "00" * 21}, r"line 5: the private key has 21 octets, not 36"),
        ({"Private_Key_Reconstruction_Data": "00" * 36}, "private_key: .*between 1 and"),
        ({"CA_Pub_Key": "07" + "00" * 36}, "authority: .*starts with 02 or 03"),
        ({"Private_Key_Reconstruction_Data": "00" * 35 + "07"}, "do not belong together.*request key"),
        ({"Device_Public_Key": TWO.authority_octets.hex()}, r"line 7: the device public key is not that of"),
        ({"IEEE_Address": str(ISSUER)}, r"line 9: IEEE address 11-.* but the certificate is for 90-"),
        ({"CA_Pub_Key": ONE.authority_octets.hex()}, r"line 1: the CA public key has 22 octets, not 37"),
    ):
        with pytest.raises(MaterialError, match=reason):
            read_credentials(lines_below(labelled(TWO, **changes)), "node.txt")


def test_other_errors_say_what_is_wrong():
    for content, reason in (
        (b"", "holds 0 octets"),
        ("nothing here", "no implicit certificate and no private key and no CA"),
        ("CA Pub Key: 02", "no implicit certificate and no private key"),
        (b"\x00\xff" * 30, "60 octets: neither"),
        ('{"CA Pub Key": 4}', "'CA Pub Key': hexadecimal text is expected, not int"),
        ("{", "not valid JSON"),
        (
            "CA Pub Key: 02\nCA Public Key: 03",
            "line 2: a second CA public key, the first is at node",
        ),
    ):
        with pytest.raises(MaterialError, match=reason):
            read_credentials(content, "node.txt")
    with pytest.raises(MaterialError, match=r"the private key has 2 octets, not 21 \(suite 1\) or 36"):
        read_item("0102", Item.PRIVATE_KEY)
    with pytest.raises(MaterialError, match="no private key, only CA public key"):
        read_item("CA Pub Key: 02", Item.PRIVATE_KEY)
    with pytest.raises(MaterialError, match="'x' in the private key"):
        read_item("xyz", Item.PRIVATE_KEY)
    with pytest.raises(MaterialError, match="certificate: an implicit certificate has"):
        combine_items(b"", b"", b"", "node")


def test_labels():
    assert item_of_label("ca-public_key (283k1)") is Item.AUTHORITY
    assert item_of_label("Order") is None


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
@relaxed
def test_anything_is_read_or_refused_with_a_reason(content):
    for read in (read_credentials, lambda given: read_item(given, Item.CERTIFICATE)):
        try:
            read(content)
        except MaterialError as error:
            assert str(error)


@BOTH
@given(data=st.data())
@relaxed
def test_a_changed_character_is_read_or_refused(credentials, data):
    text = list(lines_below(labelled(credentials)))
    place = data.draw(st.integers(0, len(text) - 1))
    text[place] = data.draw(st.characters(max_codepoint=127))
    try:
        read = read_credentials("".join(text))
    except MaterialError as error:
        assert str(error)
    else:
        assert same(read, credentials)
