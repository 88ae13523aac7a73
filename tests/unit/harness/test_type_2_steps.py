"""States of a Type 2 device, which answers nobody: what is known of it is what hub and meter say."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from hil.credentials import CredentialSet
from hil.state_steps import Steps
from hil.states import State
from protocols.eui64 import Eui64

EUIS = {"chf": 0xA2, "gpf": 0xA3, "esme": 0xA0, "ihd": 0xA7}


class Premises:
    """Answers for hub and meter; whoever asks the display itself fails."""

    def __init__(self):
        self.logs, self.sent = {"chf": set(), "gpf": set(), "esme": set()}, []

    def request(self, use_case, device, **values):
        assert device.type != "ihd"
        self.sent.append(use_case)
        log = self.logs[device.type]
        if use_case == "CCS01":
            log.add(values["device_id"])
        if use_case == "CS03B":
            assert values["other_device_type"] == "ihd"
            log.add(values["other_device_id"])
        entries = [{"device_id": each} for each in log]
        return SimpleNamespace(values={"devices": entries, "outcome": 0}, results=[0])


@pytest.fixture
def premises():
    return Premises()


@pytest.fixture
def waited():
    return []


@pytest.fixture
def bench(premises, waited):
    def node(name, **more):
        return SimpleNamespace(name=name, eui64=Eui64(bytes(7) + bytes((EUIS.get(name, 0),))), **more)

    def device(name):
        file = SimpleNamespace(mpxn="", install_code=bytes(16))
        return node(name, type=name, device_file=file, capabilities=frozenset())

    users = {
        name: node(name, role=role, request=premises.request)
        for name, role in (("supplier", "supplier"), ("acb", "access_control_broker"))
    }
    clock = SimpleNamespace(monotonic=lambda: 0.0)
    return SimpleNamespace(
        users=users, devices={name: device(name) for name in EUIS}, clock=clock, wait=waited.append
    )


@pytest.fixture
def steps(bench):
    return Steps(bench, CredentialSet({}, []))


def test_from_the_factory_to_its_meter_and_the_gas_proxy(bench, steps, premises, waited):
    display = bench.devices["ihd"]
    assert steps.find(display) is State.FACTORY
    steps.add(display)
    assert waited == [20.0]
    assert steps.find(display) is State.JOINED
    steps.commission(display)
    assert steps.find(display) is State.COMMISSIONED
    assert premises.sent.count("CS03B") == 2
    assert premises.logs["esme"] == premises.logs["gpf"] == {display.eui64}


def test_forgotten_by_one_of_the_two_it_is_joined_with_that_one_again(bench, steps, premises):
    display = bench.devices["ihd"]
    steps.add(display)
    steps.commission(display)
    premises.logs["gpf"].clear()
    assert steps.find(display) is State.JOINED
    steps.commission(display)
    assert premises.sent.count("CS03B") == 3
    assert steps.find(display) is State.COMMISSIONED


def test_without_a_gas_proxy_the_meter_is_enough(bench, steps, premises):
    del bench.devices["gpf"]
    display = bench.devices["ihd"]
    steps.add(display)
    steps.commission(display)
    assert steps.find(display) is State.COMMISSIONED
    assert premises.logs["gpf"] == set()
