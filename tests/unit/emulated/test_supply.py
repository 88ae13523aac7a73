from __future__ import annotations

import pytest

from fixtures.emulated_devices import DeviceBench
from protocols.dlms.access import AccessResult
from protocols.ports import StimulusKind, StimulusOutcome
from rigs.emulated.supply import Reason, SupplyState


@pytest.fixture
def bench() -> DeviceBench:
    return DeviceBench("esme")


def results(bench: DeviceBench, code: str) -> list[int]:
    return list(bench.request(code).values["results"].values())


def press(bench: DeviceBench, seconds: float) -> StimulusOutcome:
    return bench.device.stimulus(StimulusKind.BUTTON, f"enable={seconds}")[0]


def test_supplier_disables_arms_and_enables(bench):
    supply = bench.device.supply
    assert supply.connected()
    assert results(bench, "ECS43") == [0]
    assert (supply.state, supply.reason) == (SupplyState.DISABLED, Reason.SUPPLIER)
    assert results(bench, "ECS44") == [0]
    assert supply.state is SupplyState.ARMED
    assert 0x8F32 in bench.alert_codes()
    assert results(bench, "ECS42") == [0]
    assert supply.connected()


def test_a_consumer_restores_only_what_is_armed_and_holds_the_button(bench):
    bench.request("ECS43")
    assert press(bench, 10) is StimulusOutcome.REFUSED
    bench.request("ECS44")
    assert press(bench, 1) is StimulusOutcome.REFUSED
    assert bench.device.supply.state is SupplyState.ARMED
    assert press(bench, 5) is StimulusOutcome.DONE
    assert bench.device.supply.connected()
    entries = bench.device.events.entries("event")
    assert [(each.code, each.other) for each in entries if each.code in {0x8161, 0x8162}] == [
        (0x8162, b"\x00\x0e"),
        (0x8161, b"\x00\x0e"),
    ]


def test_arming_what_is_on_changes_nothing(bench):
    assert results(bench, "ECS44") == [0]
    assert bench.device.supply.connected()
    assert 0x8F32 not in bench.alert_codes()


def test_a_jammed_switch_is_a_hardware_fault_and_an_event(bench):
    bench.device.stimulus(StimulusKind.BUTTON, "jam-switch=1")
    assert results(bench, "ECS43") == [AccessResult.HARDWARE_FAULT]
    assert bench.device.supply.connected()
    assert bench.alert_codes() == [0x81C0]
    bench.device.stimulus(StimulusKind.BUTTON, "jam-switch=0")
    bench.request("ECS43")
    bench.device.stimulus(StimulusKind.BUTTON, "jam-switch=1")
    assert results(bench, "ECS42") == [AccessResult.HARDWARE_FAULT]
    assert bench.alert_codes() == [0x81BD]


def test_nothing_passes_while_supply_is_off(bench):
    bench.device.stimulus(StimulusKind.BUTTON, "load=1000")
    bench.clock.advance(3600)
    bench.request("ECS43")
    assert bench.device.import_wh == 1000
    bench.clock.advance(3600)
    bench.request("ECS42")
    assert bench.device.import_wh == 1000
    bench.clock.advance(3600)
    bench.device.say("look")
    assert bench.device.import_wh == 2000


def test_a_later_reason_binds_only_if_it_binds_more(bench):
    device = bench.device
    with device.work():
        device.supply.disable(Reason.CREDIT)
        device.supply.disable(Reason.SUPPLIER)
        assert device.supply.reason is Reason.SUPPLIER
        device.supply.disable(Reason.CREDIT)
        assert device.supply.reason is Reason.SUPPLIER
        device.supply.disable(Reason.TAMPER)
        assert device.supply.locked
        device.supply.arm(Reason.SUPPLIER)
    assert not device.supply.locked
    assert device.supply.state is SupplyState.ARMED


def test_the_switch_latches_over_an_outage(bench):
    bench.request("ECS43")
    bench.device.power(False)
    bench.device.power(True)
    assert bench.device.supply.state is SupplyState.DISABLED
