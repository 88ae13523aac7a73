"""Replacing credentials when keys are lost: by the recovery key, and by the contingency key (CS02b)."""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs
from hil.exchange import Faults
from protocols.gbcs.asn1.credentials import TrustAnchorCell
from protocols.gbcs.asn1.types import CellUsage, KeyUsage, RemotePartyRole

from .. import credentials as cred
from ..keys import STRANGER, with_mac_of
from ..meters import both_meters
from ..reads import refused
from ..settings import set_mpxn

pytestmark = [needs(state="commissioned"), leaves("restored")]

BY_RECOVERY, BY_CONTINGENCY = 8, 9
ROOT_CELL = TrustAnchorCell(RemotePartyRole.ROOT, KeyUsage.KEY_CERT_SIGN)
ORGANISATIONS = ("recovery", "supplier", "network_operator", "access_control_broker", "transitional_cos")


@pytest.fixture
def everybody(bench, acb, recovery, network_operator, transitional_cos, meter):
    """Values of a CS02b for all cells that the meter has, the supplier's for whoever is named."""

    def values(supplier, mode, **more):
        users = {"access_control_broker": acb, "recovery": recovery, "network_operator": network_operator}
        users |= {"transitional_cos": transitional_cos, "supplier": supplier}
        holders, _ = cred.read_holders(acb, meter, *ORGANISATIONS)
        replacements = []
        for role in ORGANISATIONS:
            own = cred.certificates(bench, users[role])
            for cell in holders[role].cells:
                usage = KeyUsage(cell[0]), CellUsage(cell[1])
                number = RemotePartyRole[role.upper()]
                replacements.append((own[cell], TrustAnchorCell(number, *usage)))
        path = [cred.hierarchy(bench).issuing.certificate]
        if mode == BY_CONTINGENCY:
            replacements.insert(0, (cred.hierarchy(bench).root.certificate, ROOT_CELL))
            more = {"plaintext_symmetric_key": cred.hierarchy(bench).contingency.symmetric, **more}
        return {"mode": mode, "replacements": replacements, "path": path, **more}

    return values


def _holds(bench, acb, check, meter, user, row):
    holders, response = cred.read_holders(acb, meter, "supplier")
    check.equal(row, cred.expected_cells(bench, user), holders["supplier"].cells, octets=response.octets)


@covers("SEC-REC-03", "GBCS-13.3-01", "GBCS-13.3-04")
@both_meters
def test_the_contingency_key_replaces_every_anchor(
    bench, acb, contingency, supplier, second_supplier, meter, check, everybody
):
    values = everybody(second_supplier, BY_CONTINGENCY)
    response = contingency.request("CS02b", meter, **values)
    check.equal(
        "SEC-REC-03", [0] * len(values["replacements"]), cred.statuses(response), octets=response.octets
    )
    check.equal("GBCS-13.3-01", "ok", response.signature, octets=response.octets)
    _holds(bench, acb, check, meter, second_supplier, "GBCS-13.3-04")
    use_case, setting = set_mpxn(meter)
    refused(check, bench, supplier.send(use_case, meter, **setting), "SEC-REC-03")

    check.step("and back")
    response = contingency.request("CS02b", meter, **everybody(supplier, BY_CONTINGENCY))
    check.equal(
        "SEC-REC-03", [0] * len(values["replacements"]), cred.statuses(response), octets=response.octets
    )
    _holds(bench, acb, check, meter, supplier, "GBCS-13.3-04")


@covers("SEC-REC-03", "GBCS-13.3-01")
@both_meters
@pytest.mark.parametrize("wrong", ["symmetric-key", "no-symmetric-key", "signer", "mac"])
def test_a_contingency_replacement_that_is_not_authentic_changes_nothing(
    bench, acb, contingency, supplier, second_supplier, meter, check, everybody, wrong
):
    values, faults = everybody(second_supplier, BY_CONTINGENCY), Faults()
    if wrong == "symmetric-key":
        key = values["plaintext_symmetric_key"]
        values["plaintext_symmetric_key"] = bytes((key[0] ^ 1,)) + key[1:]
    elif wrong == "no-symmetric-key":
        del values["plaintext_symmetric_key"]
    elif wrong == "signer":
        faults = Faults(wrong_signer=STRANGER)
    else:
        faults = Faults(tamper=lambda octets: with_mac_of(bench, acb, octets))
    sent = contingency.send("CS02b", meter, faults=faults, **values)
    refused(check, bench, sent, "GBCS-13.3-01" if wrong == "mac" else "SEC-REC-03")
    _holds(bench, acb, check, meter, supplier, "SEC-REC-03")


@covers("GBCS-13.3-01", "GBCS-13.3-04")
@both_meters
def test_the_recovery_key_replaces_what_organisations_hold(
    bench, acb, recovery, supplier, second_supplier, meter, check, everybody
):
    for holder in (second_supplier, supplier):
        values = everybody(holder, BY_RECOVERY)
        response = recovery.request("CS02b", meter, **values)
        check.equal(
            "GBCS-13.3-04", [0] * len(values["replacements"]), cred.statuses(response), octets=response.octets
        )
        check.equal("GBCS-13.3-01", "ok", response.signature, octets=response.octets)
        _holds(bench, acb, check, meter, holder, "GBCS-13.3-04")


@covers("GBCS-13.3-01")
@both_meters
def test_a_recovery_replacement_with_a_mac_is_refused(
    bench, acb, recovery, supplier, second_supplier, meter, check, everybody
):
    faults = Faults(tamper=lambda octets: with_mac_of(bench, acb, octets))
    sent = recovery.send("CS02b", meter, faults=faults, **everybody(second_supplier, BY_RECOVERY))
    refused(check, bench, sent, "GBCS-13.3-01")
    _holds(bench, acb, check, meter, supplier, "GBCS-13.3-01")
