"""The catalogue's tables agree with each other, and the check sees where they would not."""

from __future__ import annotations

import pytest

from protocols.errors import EncodeError
from protocols.gbcs.catalogue import Catalogue, load_catalogue
from protocols.gbcs.catalogue.check import inconsistencies
from protocols.gbcs.catalogue.elements import read_json

VERSIONS = list(read_json("versions.json")["versions"])


@pytest.mark.parametrize("version", VERSIONS)
def test_the_tables_agree(version):
    assert inconsistencies(load_catalogue(version)) == []


def test_versions_stand_side_by_side():
    assert load_catalogue().version == "4.5"
    assert load_catalogue("4.5").version in VERSIONS
    with pytest.raises(EncodeError, match=r"no catalogue of GBCS 1\.0"):
        load_catalogue("1.0")


@pytest.mark.parametrize(
    ("code", "cell", "value", "problem"),
    [
        ("ECS27", "roles", [], "no role"),
        ("ECS27", "roles", ["butler"], "role 'butler' is not known"),
        ("ECS27", "roles", ["supplier", "supplier"], "role 'supplier' stands there 2 times"),
        ("ECS27", "devices", ["toaster"], "device 'toaster' is not known"),
        ("ECS27", "critical", True, "critical is True, but its message type is SME.C.NC"),
        ("ECS27", "replay_protected", None, "replay_protected is empty"),
        ("ECS27", "message_type", "SME", "message type 'SME'"),
        ("ECS27", "message_codes", [], "no message code"),
        ("ECS27", "message_codes", [0x10000], "message code 65536 does not fit 16 bits"),
        ("ECS27", "message_codes", [0x0043], "message code 0043 is also "),
        ("ECS27", "payload_kind", "xml", "payload kind 'xml'"),
        ("ECS27", "payload_kind", "gbz", "no table of its gbz payload"),
        ("ECS27", "eligible_user_roles", {}, "service references and eligible user roles"),
        ("ECS27", "service_references", [], "no service reference"),
        ("ECS27", "inferred", ["colour"], "inferred cell 'colour' is not known"),
        ("ECS27", "title", "", "no title"),
        ("CS06", "replay_protected", False, "needs protection against replay"),
        ("ECS08", "replay_protected", False, "needs protection against replay"),
        ("ECS47", "replay_protected", False, "a critical command without protection against replay"),
        ("ECS68", "replay_protected", True, "an alert is protected against replay"),
        ("ECS68", "service_references", ["4.1"], "service references of an alert or HAN message"),
    ],
)
def test_a_wrong_cell_is_noticed(code, cell, value, problem):
    catalogue = Catalogue()
    setattr(catalogue[code], cell, value)
    assert any(problem in each for each in inconsistencies(catalogue)), inconsistencies(catalogue)


def test_no_cell_is_empty_and_inferred_ones_are_marked():
    catalogue = load_catalogue()
    assert [each.code for each in catalogue if not each.roles or not each.devices] == []
    assert "replay_protected" in catalogue["ECS08"].inferred
    assert catalogue["ECS08"].replay_protected
    assert catalogue["ECS27"].inferred == []
