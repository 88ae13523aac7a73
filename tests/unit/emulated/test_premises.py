"""Premises as a whole: memory across restarts, devices without a hub, nodes that do not fit."""

from __future__ import annotations

import pytest

from fixtures.emulated_premises import EUI64S, premises_config
from fixtures.premises_by_hand import (
    CS14,
    JOIN_S,
    UNDELIVERED,
    ManualClock,
    PremisesByHand,
    backup,
    codes,
)
from protocols.ports import ConfigError, ImageRefusedError
from protocols.smki import Hierarchy
from rigs.emulated.air import HeapScheduler
from rigs.emulated.han.air import make_air
from rigs.emulated.premises import Premises


@pytest.fixture
def bench(tmp_path):
    with PremisesByHand(tmp_path / "state") as made:
        yield made


# Memory -----------------------------------------------------------------------------------------------------


def test_everything_is_there_after_a_restart(bench):
    joined = backup(bench.join("esme"))
    bench.restart()
    assert list(bench.log()) == [EUI64S["esme"]]
    assert bench.after(120) == []
    assert codes(bench.request("supplier", "ECS52", "esme")) == [0x0059]
    assert backup(bench.add("ppmid"))[EUI64S["esme"]] == joined[EUI64S["esme"]]


def test_when_a_device_was_heard_outlives_an_orderly_end(bench):
    bench.join("esme")
    bench.after(600)
    bench.request("supplier", "ECS52", "esme")
    heard = bench.log()[EUI64S["esme"]]["last_communication"]
    bench.restart()
    assert bench.log()[EUI64S["esme"]]["last_communication"] == heard


def test_stop_between_addition_and_joining(bench):
    bench.add("esme")
    bench.restart()
    assert CS14 in codes(bench.after(JOIN_S))
    assert codes(bench.request("supplier", "ECS52", "esme")) == [0x0059]


def test_stop_between_the_memories_of_hub_and_device(bench):
    """The hub has kept the joining, the device has not: as after kill -9 between the two transactions."""
    bench.add("esme")
    while not any(b"joined" in octets for node, octets in bench.console if node == "chf"):
        bench.clock.scheduler.run(until=bench.clock.scheduler.time() + 0.001)
    assert bench.premises.devices["esme"].hub is None
    bench.take()
    bench.restart()
    bench.after(JOIN_S)
    assert bench.premises.devices["esme"].hub == EUI64S["gpf"]
    assert codes(bench.request("supplier", "ECS52", "esme")) == [0x0059]


# One device on a line of its own ----------------------------------------------------------------------------


def test_desk_meter_answers_at_its_own_port(tmp_path):
    bench = PremisesByHand(tmp_path, ("esme",))
    (response,) = bench.request("supplier", "ECS52", "esme")
    assert response.authentic
    (alert,) = bench.image("esme", b"no image", wait_s=0)
    assert alert.values["alert_code"] == 0x8F1C
    with pytest.raises(ImageRefusedError):
        bench.image("gsme", b"no image")
    bench.premises.close()


# Nodes that do not fit --------------------------------------------------------------------------------------


def test_nodes_are_checked(tmp_path):
    hierarchy = Hierarchy("any")

    def refused(config):
        with pytest.raises(ConfigError) as error:
            Premises(
                config,
                ManualClock(),
                on_message=lambda *_: None,
                on_console=lambda *_: None,
                air=make_air(HeapScheduler(), config.han),
                on_work=lambda: None,
            )
        assert error.value.next_step
        return str(error.value)

    config = premises_config(tmp_path, hierarchy, ("chf", "esme"))
    config.nodes[1].via = "hub"
    assert "'hub'" in refused(config)
    config = premises_config(tmp_path, hierarchy, ("chf", "esme"))
    config.nodes.append(config.nodes[1])
    assert "esme" in refused(config)
    config = premises_config(tmp_path, hierarchy, ("esme",))
    config.nodes[0].description.device_type = "toaster"
    assert "toaster" in refused(config)


def test_control_of_unknown_nodes_and_stimuli(bench):
    with pytest.raises(ConfigError):
        bench.premises.control("power-on", "hcalcs", "", "")
    with pytest.raises(ValueError, match="sing"):
        bench.premises.control("stimulus", "esme", "sing", "")


def test_supply_stimulus_is_power(bench):
    bench.join("esme")
    bench.premises.control("stimulus", "esme", "supply-lost", "")
    bench.take()
    assert codes(bench.request("supplier", "ECS52", "esme", wait_s=60)) == [UNDELIVERED]
