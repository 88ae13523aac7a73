"""Supply that fails at some write while a device joins, and while it answers: in the end it is there again."""

from __future__ import annotations

import pytest

from fixtures import premises_by_hand as by_hand
from fixtures.premises_by_hand import ACB, PremisesByHand, codes
from rigs.emulated.fault_catalogue import parse_order

WRITES = (1, 2, 3, 5, 13, 34)


def cut(bench: PremisesByHand, text: str) -> None:
    bench.premises.faults.begin(parse_order(text))


def answers(bench: PremisesByHand) -> bool:
    return 0x0059 in codes(bench.request(ACB, "ECS52", "esme", wait_s=20))


@pytest.fixture
def bench(tmp_path):
    with PremisesByHand(tmp_path, ("chf", "gpf", "esme")) as bench:
        yield bench


def settled(bench: PremisesByHand) -> None:
    """A command that the supply has cut short is given again by whoever gave it."""
    bench.after(400)
    if not answers(bench):
        if bench.premises.devices["esme"].eui64 in bench.log():
            bench.remove("esme")
        bench.join("esme")
        bench.after(400)


@pytest.mark.parametrize("number", WRITES)
@pytest.mark.parametrize("node", ["esme", "chf"])
def test_supply_that_fails_while_a_device_joins(bench, node, number):
    cut(bench, f"cut-power:{node},at=write,number={number},seconds=2")
    bench.join("esme")
    settled(bench)
    assert answers(bench)


@pytest.mark.parametrize("number", WRITES)
@pytest.mark.parametrize("node", ["esme", "chf", "gpf"])
def test_supply_that_fails_later(bench, node, number):
    bench.join("esme")
    counters = [device.storage.get_json("device", "counter", 0) for device in bench.premises.devices.values()]
    cut(bench, f"cut-power:{node},at=write,number={number},seconds=2")
    for _ in range(12):
        bench.request(ACB, "ECS52", "esme", wait_s=3)
        bench.request(ACB, "CCS06", "chf")
    bench.premises.faults.end(None)  # or it would be the last read that it hits
    bench.after(400)
    assert answers(bench)
    now = [device.storage.get_json("device", "counter", 0) for device in bench.premises.devices.values()]
    assert all(after >= before for after, before in zip(now, counters, strict=True))


@pytest.mark.parametrize("after_s", [0.0, 0.3, 1.0, 2.0, 3.0])
def test_process_that_ends_while_the_hub_forms_its_first_network(tmp_path, monkeypatch, after_s):
    """What a device that is entered by then has it keep is no network; the next start forms one."""
    with monkeypatch.context() as patched:
        patched.setattr(by_hand, "_HAN_UP_S", after_s)
        bench = PremisesByHand(tmp_path, ("chf", "gpf", "esme"))
    with bench:
        bench.add("esme")
        bench.restart()
        bench.remove("esme")
        bench.join("esme")
        assert answers(bench)
