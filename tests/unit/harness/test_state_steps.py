from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from hil import probe
from hil.credentials import Cell, CredentialSet, foreign_roles
from hil.exchange import NoResponseError, Response
from hil.identity import read_identities
from hil.state_steps import Steps
from hil.states import State
from hil.verdicts import StateNotReachedError
from protocols.dlms.date_time import encode_date_time
from protocols.eui64 import Eui64
from protocols.gbcs.asn1.types import KeyUsage
from protocols.gbcs.keystore import KeyUse
from protocols.ports import ConfigError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SUPPLIER, OTHER = Eui64("90-B3-D5-1F-30-01-00-00"), Eui64("90-B3-D5-1F-30-03-00-00")
TYPES = ("chf", "gpf", "esme", "gsme", "ppmid")
EUI = {name: Eui64(bytes((0, 0, 0, 0, 0, 0, 0, number))) for number, name in enumerate(TYPES)}


class Premises:
    """Answers like a hub with devices behind it; ``values`` by use case and device."""

    def __init__(self):
        self.log = set(TYPES)
        self.silent = set()
        self.time = NOW
        self.owner, self.key_id = SUPPLIER, b"K" * 8
        self.pairs = {"gsme": {"gpf"}, "ppmid": {"esme"}, "esme": {"ppmid"}}
        self.sent = []
        self.answers = {}

    def answer(self, use_case, device, values):
        self.sent.append((use_case, device.name, values))
        if device.name in self.silent or device.name not in self.log:
            raise NoResponseError(f"{device.name} did not answer")
        if use_case == "CCS01":
            self.log.add(next(name for name in TYPES if EUI[name] == values["device_id"]))
        if use_case == "CCS02":
            self.log -= {name for name in TYPES if EUI[name] == values["device_id"]}
        if use_case in {"CS03A1", "CS03A2", "CS03B"}:
            other = next(name for name in TYPES if EUI[name] == values["other_device_id"])
            self.pairs.setdefault(device.name, set()).add(other)
        known = {
            "CCS06": {"devices": [{"device_id": EUI[name]} for name in sorted(self.log)]},
            "CS07": {"devices": [{"device_id": EUI[name]} for name in self.pairs.get(device.name, ())]},
            "CS02a": {"parties": [party(self.owner, self.key_id)]},
            "ECS70": {"status_name": "reliable"},
            "GCS28": {"status_name": "reliable"},
            "ECS52": {"firmware_version": b"\x01\x02\x03\x04"},
            "GCS38": {"firmware_version": b"\x05\x06\x07\x08"},
        }
        values = self.answers.get(use_case, known.get(use_case, {"outcome": 0, "results": [0]}))
        named = {
            "ECS26j": {"elements": {"PaymentMode": 1}},
            "GCS21j": {"Components": [{"Payment Control Configuration": 0x0C94}]},
        }.get(use_case, {})
        header = SimpleNamespace(date_time=encode_date_time(self.time), business_originator_id=device.eui64)
        return Response(b"", values=values, mac="ok", message=SimpleNamespace(header=header), named=named)


def party(owner, key_id):
    cell = {"key_usage": KeyUsage.DIGITAL_SIGNATURE, "cell_usage": 0, "subject_id": owner, "key_id": key_id}
    return {"role": 2, "status": 0, "current_counter": 1, "cells": [cell]}


@pytest.fixture
def premises():
    return Premises()


@pytest.fixture
def bench(premises):
    def user(name, role):
        node = SimpleNamespace(name=name, role=role, eui64=SUPPLIER)
        node.request = lambda use_case, device, **values: premises.answer(use_case, device, values)
        return node

    def device(name):
        file = SimpleNamespace(mpxn="2000012345672", install_code=bytes(16))
        via = "" if name == "chf" else "chf"
        return SimpleNamespace(
            name=name, type=name, eui64=EUI[name], via=via, device_file=file, capabilities=frozenset()
        )

    # Each request costs a second, so that waiting ends.
    clock = SimpleNamespace(now=lambda: NOW, monotonic=lambda: float(len(premises.sent)))
    roles = {"supplier": "supplier", "acb": "access_control_broker"}
    return SimpleNamespace(
        users={name: user(name, role) for name, role in roles.items()},
        devices={name: device(name) for name in TYPES},
        clock=clock,
    )


@pytest.fixture
def steps(bench):
    cells = {(2, KeyUse.DS): Cell(SUPPLIER, b"K" * 8, b"")}
    return Steps(bench, CredentialSet(cells, []))


def found(steps, bench, name):
    return steps.find(bench.devices[name])


@pytest.mark.parametrize("name", TYPES)
def test_commissioned(steps, bench, name):
    assert found(steps, bench, name) is State.COMMISSIONED


def test_factory_is_not_being_in_the_device_log(steps, bench, premises):
    premises.log.discard("esme")
    assert found(steps, bench, "esme") is State.FACTORY
    assert [use_case for use_case, _, _ in premises.sent] == ["CCS06"]


def test_silent(steps, bench, premises):
    premises.silent.add("esme")
    assert found(steps, bench, "esme") is State.SILENT


def test_wrong_clock_is_only_joined(steps, bench, premises):
    premises.time = NOW - timedelta(minutes=2)
    assert found(steps, bench, "esme") is State.JOINED
    assert found(steps, bench, "ppmid") is State.COMMISSIONED  # it has no clock that a command sets


def test_missing_pair_is_only_joined(steps, bench, premises):
    premises.pairs["gsme"] = set()
    assert found(steps, bench, "gsme") is State.JOINED


@pytest.mark.parametrize("forgot", ["esme", "ppmid"])
def test_a_pair_that_either_side_forgot_is_made_anew(steps, bench, premises, forgot):
    premises.pairs[forgot] = set()
    assert found(steps, bench, "ppmid") is State.JOINED
    premises.sent.clear()
    steps.commission(bench.devices["ppmid"])
    joins = [(use_case, name) for use_case, name, _ in premises.sent if use_case.startswith("CS03")]
    assert joins == [("CS03A1", "esme"), ("CS03A2", "ppmid")]
    assert found(steps, bench, "ppmid") is State.COMMISSIONED


def test_the_proxy_keeps_no_entry_of_its_meter(steps, bench, premises):
    """Method B: the gas meter's side is all there is."""
    assert premises.pairs.get("gpf") is None
    assert found(steps, bench, "gsme") is State.COMMISSIONED


@pytest.mark.parametrize(("owner", "key_id"), [(OTHER, b"K" * 8), (SUPPLIER, b"L" * 8)])
def test_credentials_of_others_are_only_joined(steps, bench, premises, owner, key_id):
    premises.owner, premises.key_id = owner, key_id
    assert found(steps, bench, "esme") is State.JOINED


def test_add_uses_the_declared_install_code_and_waits_for_an_answer(steps, bench, premises):
    premises.log.discard("esme")
    steps.add(bench.devices["esme"])
    use_case, device, values = premises.sent[0]
    assert (use_case, device, values["device_id"]) == ("CCS01", "chf", EUI["esme"])
    assert values["install_code"] == bytes(16)


def test_add_gives_up_after_the_join_time(steps, bench, premises):
    premises.silent.add("esme")
    with pytest.raises(StateNotReachedError, match="did not join within 20 s"):
        steps.add(bench.devices["esme"])


def test_refused_access_is_told(steps, bench, premises):
    premises.answers["CCS02"] = {"results": [0, 3]}
    with pytest.raises(StateNotReachedError, match=r"CCS02 for esme: access results \[3\]"):
        steps.remove(bench.devices["esme"])


def test_commission_sets_clock_pair_and_number(steps, bench, premises):
    premises.pairs["gsme"] = set()
    steps.commission(bench.devices["gsme"])
    assert [use_case for use_case, _, _ in premises.sent] == ["GCS28", "CS07", "CS03B", "GCS41"]
    assert premises.sent[-1][2] == {"mprn": "2000012345672"}
    window = premises.sent[0][2]
    assert window["validity_start"] < NOW < window["validity_end"]


def test_twin_element_has_two_numbers(steps, bench, premises):
    bench.devices["esme"].device_file.mpxn = "20000123456722000012345683"
    steps.set_mpxn(bench.devices["esme"])
    assert premises.sent[-1][2] == {"mpan": "2000012345672", "second_mpan": "2000012345683"}


def test_unreliable_clock_is_told(steps, bench, premises):
    premises.answers["ECS70"] = {"status_name": "unreliable"}
    with pytest.raises(StateNotReachedError, match="clock of esme is unreliable"):
        steps.set_clock(bench.devices["esme"])


def test_missing_user_is_a_matter_of_the_rig(steps):
    with pytest.raises(ConfigError, match="no user of role network_operator"):
        steps.user("network_operator")


def test_only_cells_that_the_rig_knows_are_compared():
    credentials = CredentialSet({(2, KeyUse.DS): Cell(SUPPLIER, b"", b"")}, [])
    assert foreign_roles([party(SUPPLIER, b"anything")], credentials) == []
    assert foreign_roles([party(OTHER, b"anything")], credentials) == [2]
    assert foreign_roles([{"role": 3, "status": 0, "cells": party(OTHER, b"")["cells"]}], credentials) == []
    assert foreign_roles([{"role": 2, "status": 25}], credentials) == []


def test_identities_say_what_could_not_be_read(steps, bench, premises):
    premises.log.discard("gsme")
    premises.silent.add("ppmid")
    identities = read_identities(bench, steps)
    assert identities["esme"]["firmware_version"] == "01020304"
    assert identities["esme"]["eui64"] == str(EUI["esme"])
    assert identities["esme"]["authenticated"] == "ok"
    assert identities["gsme"] == {
        "reachable": False,
        "eui64": "",
        "authenticated": "",
        "firmware_version": "",
        "note": "not in the hub's device log",
    }
    assert "does not answer" in identities["ppmid"]["note"]
    assert identities["gpf"]["reachable"]


def test_probe_asks_others_on_the_same_wire(bench, premises):
    premises.silent.add("esme")
    assert probe.wire_alive(bench, ["esme"]) == (True, "chf answered CS02a on the same wire")
    premises.silent.update(TYPES)
    alive, how = probe.wire_alive(bench, ["esme"])
    assert not alive
    assert how == "no answer from chf, gpf, gsme, ppmid"


def test_probe_cannot_prove_a_wire_with_one_device(bench):
    bench.devices = {"esme": bench.devices["esme"]}
    assert probe.wire_alive(bench, ["esme"]) == (False, "nothing else on this wire can be asked")
    assert probe.wire_alive(bench, ["esme"], ask_silent=True)[0]
