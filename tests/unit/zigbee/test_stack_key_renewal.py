"""A link key is renewed while a frame is under way: its repetitions go under the new key."""

from __future__ import annotations

from protocols.han import DataStatus, HanRole, KeySource
from tests.zigbee_air import Han

NEW = bytes(range(16))


def test_frame_sent_under_the_old_key_arrives_under_the_new_one():
    han = Han()
    one, two = han.join(HanRole.END_DEVICE), han.join(HanRole.END_DEVICE)
    for node, partner in ((one, two), (two, one)):
        node.node.install_link_key(partner.eui64, bytes(reversed(NEW)))
    # From now on the partner's address is known: frames go at once, under the key of that moment.
    assert han.confirmed(one, one.send(two.eui64, b"first"), 60) is DataStatus.DONE
    token = one.send(two.eui64, b"on the way")
    # Both know the new key before the frame is there: under the old one nobody can read it any more.
    for node, partner in ((one, two), (two, one)):
        node.node.install_link_key(partner.eui64, NEW)
    assert han.confirmed(one, token, 60) is DataStatus.DONE
    assert two.payloads() == [b"first", b"on the way"]


def test_key_of_the_install_code_is_not_replaced_in_frames():
    han = Han()
    one, two = han.join(HanRole.END_DEVICE), han.join(HanRole.END_DEVICE)
    keys = one.node.aps.keys
    before = keys.install(two.eui64, NEW, KeySource.INSTALL_CODE)
    assert keys.present(before) is before
    assert keys.present(None) is None
    established = keys.install(two.eui64, bytes(16), KeySource.ESTABLISHED)
    later = keys.install(two.eui64, bytes(reversed(NEW)), KeySource.ESTABLISHED)
    assert keys.present(established) is later
    keys.remove(two.eui64)
    assert keys.present(established) is established
