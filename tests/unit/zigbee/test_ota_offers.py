"""Which images an OTA server offers to whom, and which notices a client heeds."""

import pytest

from protocols.zigbee.ota_client import State
from protocols.zigbee.ota_cluster import (
    ANY_VERSION,
    Found,
    ImageId,
    NoImage,
    Send,
    Upgrade,
)
from protocols.zigbee.zcl.foundation import Status
from tests.unit.zigbee.ota_pair import CURRENT, METER, NEW, OTHER, Pair, file, on_air, server


@pytest.mark.parametrize(
    ("more", "options", "found"),
    [
        ({}, {}, True),
        ({"minimum_hardware_version": 2, "maximum_hardware_version": 3}, {"hardware_version": 2}, True),
        ({"minimum_hardware_version": 2, "maximum_hardware_version": 3}, {"hardware_version": 1}, False),
        ({"file_version": 1}, {}, False),
        ({"file_version": 0}, {}, False),
        ({"image_type": 1}, {}, False),
        ({"manufacturer_code": 1}, {}, False),
    ],
)
def test_who_is_offered_what(more, options, found):
    pair = Pair(server(file(100, **more), upgrade_after=0), options=options)
    pair.to_server(pair.client.query(0))
    assert isinstance(pair.events[0], Found if found else NoImage)


def test_only_listed_clients_are_served_and_downgrades_only_on_purpose():
    pair = Pair(server(file(100), clients={OTHER}))
    pair.to_server(pair.client.query(0))
    assert pair.events == [NoImage(Status.NO_IMAGE_AVAILABLE)]
    wanted = {"Field Control": 0, **NEW.values(), "File Offset": 0, "Maximum Data Size": 64}
    assert pair.server.receive(METER, "Image Block Request", wanted, 0) == [
        Send("Image Block Response", {"Status": Status.ABORT})
    ]
    pair = Pair(server(file(100, file_version=0), downgrade=True, upgrade_after=0))
    pair.to_server(pair.client.query(0))
    assert pair.events[-1] == Upgrade(ImageId(0x121D, 0, 0))


def test_a_file_for_one_device():
    pair = Pair(server(file(100, file_version=9), destination=METER, upgrade_after=0))
    pair.to_server(pair.client.query(0))
    assert pair.events == [NoImage(Status.NO_IMAGE_AVAILABLE)]
    pair.to_server(pair.client.query_specific_file(ImageId(0x121D, 0, 9), 0))
    assert pair.events[-1] == Upgrade(ImageId(0x121D, 0, 9))
    pair.server.offers[0].destination = OTHER
    pair.to_server(pair.client.query_specific_file(ImageId(0x121D, 0, 9), 0))
    assert pair.events[-1] == NoImage(Status.NO_IMAGE_AVAILABLE)


@pytest.mark.parametrize(
    ("values", "asks"),
    [
        ({"Payload Type": 0, "Query Jitter": 100}, True),
        ({"Payload Type": 0, "Query Jitter": 0}, False),
        ({"Payload Type": 1, "Query Jitter": 100, "Manufacturer Code": 0x121D}, True),
        ({"Payload Type": 1, "Query Jitter": 100, "Manufacturer Code": 0xFFFF}, True),
        ({"Payload Type": 1, "Query Jitter": 100, "Manufacturer Code": 1}, False),
        ({"Payload Type": 2, "Query Jitter": 100, "Manufacturer Code": 0x121D, "Image Type": 1}, False),
        ({"Payload Type": 3, "Query Jitter": 100, **CURRENT.values()}, False),
        ({"Payload Type": 3, "Query Jitter": 100, **NEW.values()}, True),
        ({"Payload Type": 3, "Query Jitter": 100, **ImageId(0x121D, 0, ANY_VERSION).values()}, True),
    ],
)
def test_image_notify(values, asks):
    pair = Pair(server(file(100)))
    outcomes = pair.client.receive(*on_air(Send("Image Notify", values), from_server=True), 0)
    assert [each.name for each in outcomes] == ["Query Next Image Request"] * asks


def test_jitter_picks_some():
    pair = Pair(server(file(100)))
    asked = 0
    for _ in range(400):
        pair.client.state = State.IDLE
        asked += bool(pair.to_client(pair.server.notify(pair.server.offers[0], jitter=25)))
    assert 70 < asked < 130
