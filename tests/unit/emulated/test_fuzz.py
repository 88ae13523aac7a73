"""Whatever arrives: the device raises nothing, and only an authentic command changes it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.emulated_devices import EUIS, START, DeviceBench
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.message import Message, parse_message

NOT_STATE = ("log", "log.security")
QUICK = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
WINDOW = {"validity_start": START - timedelta(minutes=1), "validity_end": START + timedelta(minutes=1)}


def state(bench: DeviceBench) -> dict:
    return {
        key: value
        for key, value in bench.storage.dump().items()
        if key[0] not in NOT_STATE and key != ("device", "counter")
    }


def commands(bench: DeviceBench) -> list[bytes]:
    if bench.kind == "gsme":
        return [
            bench.command("GCS41", mprn="7654321098"),
            bench.command("GCS28", **WINDOW),
            bench.command("CS03B", other_device_id=EUIS["gpf"], other_device_type="gpf"),
        ]
    new = bench.party("supplier", 1)
    return [
        bench.command("ECS39a", mpan="9876543210123"),
        bench.command("ECS70", **WINDOW),
        bench.command("CS03A1", other_device_id=EUIS["hcalcs"], other_device_type="hcalcs"),
        bench.command("CS06", image_hash=bytes(32), execution_time=START + timedelta(hours=1)),
        bench.command(
            "CS02b",
            mode=2,
            replacements=[(new.ds.certificate, (2, 0x80))],
            path=[bench.hierarchy.issuing.certificate],
        ),
    ]


@pytest.fixture(scope="module", params=["esme", "gsme"])
def bench(request) -> DeviceBench:
    return DeviceBench(request.param)


@pytest.fixture(scope="module")
def valid(bench) -> list[bytes]:
    return commands(bench)


def unchanged(bench: DeviceBench, octets: bytes) -> None:
    before = state(bench)
    bench.sent.clear()
    bench.device.handle(octets)
    assert state(bench) == before
    assert all(parse_message(each).kind == "alert" for each in bench.sent)


@QUICK
@given(octets=st.binary(max_size=200))
def test_random_octets(bench, octets):
    unchanged(bench, octets)


@QUICK
@given(data=st.data())
def test_one_bit_off(bench, valid, data):
    octets = bytearray(data.draw(st.sampled_from(valid)))
    at = data.draw(st.integers(0, 8 * len(octets) - 1))
    octets[at // 8] ^= 1 << at % 8
    unchanged(bench, bytes(octets))


@QUICK
@given(data=st.data())
def test_cut_or_longer(bench, valid, data):
    octets = data.draw(st.sampled_from(valid))
    cut = data.draw(st.integers(0, len(octets) - 1))
    unchanged(bench, octets[:cut])
    unchanged(bench, octets + data.draw(st.binary(min_size=1, max_size=20)))


@QUICK
@given(data=st.data())
def test_authentic_with_any_payload(data):
    """Content that no use case has is refused, or answered when it happens to be the use case's; nothing raises."""
    bench = data.draw(st.sampled_from(BENCHES))
    use_case = data.draw(st.sampled_from(sorted(bench.device.handlers)))
    original = parse_message(data.draw(st.sampled_from(commands(bench))))
    payload = bytearray(data.draw(st.one_of(st.just(original.payload), st.binary(max_size=60))))
    for _ in range(data.draw(st.integers(0, 3)) if payload else 0):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    codes = [original.header.message_code, load_catalogue()[use_case].message_codes[0]]
    code = data.draw(st.sampled_from(codes))

    def change(message: Message) -> Message:
        return replace(message, header=replace(message.header, message_code=code), payload=bytes(payload))

    reading = {"esme": "ECS52", "gsme": "GCS38"}[bench.kind]
    for signed in (True, False):
        bench.device.handle(bench.command(reading, signed=signed, change=change))


BENCHES = [DeviceBench("esme"), DeviceBench("gsme")]


def test_the_commands_of_these_tests_work():
    for kind in ("esme", "gsme"):
        bench = DeviceBench(kind)
        for octets in commands(bench):
            before = state(bench)
            bench.device.handle(octets)
            assert state(bench) != before


@QUICK
@given(ota=st.binary(max_size=300))
def test_random_images(bench, ota):
    running = bench.device.firmware.version
    bench.device.receive_image(ota)
    assert bench.device.firmware.pending_hash is None
    assert bench.device.firmware.version == running
