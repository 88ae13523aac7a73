"""Whose certificates a device holds: CS02a."""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs

from .. import credentials as cred
from ..meters import on
from ..reads import refused
from ..settings import set_mpxn

pytestmark = [needs(state="commissioned"), leaves("nothing")]


@covers("GBCS-13.2-01")
@pytest.mark.parametrize("device", [on("esme"), on("gsme"), on("gpf")], indirect=True)
def test_cells_hold_the_rigs_credentials(bench, acb, supplier, network_operator, device, check):
    holders, response = cred.read_holders(acb, device, "supplier", "network_operator")
    check.equal("GBCS-13.2-01", "ok", response.mac, octets=response.octets)
    for user in (supplier, network_operator):
        holder = holders[user.role]
        check.equal("GBCS-13.2-01", 0, holder.status, octets=response.octets)
        check.equal("GBCS-13.2-01", cred.expected_cells(bench, user), holder.cells, octets=response.octets)


@covers("GBCS-13.2-01")
@needs(devices=["esme"])
def test_counter_of_a_role_is_read_back(acb, supplier, esme, check):
    use_case, values = set_mpxn(esme)
    sent = supplier.send(use_case, esme, **values)
    supplier.expect_response(sent)
    holders, response = cred.read_holders(acb, esme, "supplier")
    check.equal("GBCS-13.2-01", sent.counter, holders["supplier"].counter, octets=response.octets)


@covers("GBCS-6.2.4-04")
@needs(devices=["esme"])
def test_supplier_without_cells_on_the_meter_gets_nothing(bench, second_supplier, esme, check):
    sent = second_supplier.send("ECS52", esme)
    refused(check, bench, sent, "GBCS-6.2.4-04")
