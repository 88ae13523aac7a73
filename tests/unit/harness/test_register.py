"""The register of requirements."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from hil.register import load_register
from protocols.gbcs.catalogue import load_catalogue
from protocols.ports import ConfigError, Strength

SOURCE = Path("/work/shared/requirements/requirements.json")
ROW = {"id": "LAB-01", "document": "our test plan", "title": "t", "text": "x", "strength": "vendor"}


def test_holds_every_row_with_its_strength():
    register = load_register()
    assert len(register) == 889
    assert Counter(row.strength for row in register.values()) == {
        Strength.SPEC: 49,
        Strength.DERIVED: 631,
        Strength.VENDOR: 154,
        Strength.REASONED: 55,
    }
    row = register.cite("GBCS-CCS01-02")
    assert (row.document, row.version, row.clause) == ("GBCS", None, "use case CCS01")


@pytest.mark.skipif(not SOURCE.exists(), reason="the facts this was made from are not on this machine")
def test_is_what_it_was_made_from():
    for item in json.loads(SOURCE.read_text()):
        row = load_register()[item["id"]] if item["id"].endswith("01") else None
        assert row is None or all(getattr(row, key) == value for key, value in item.items())


def test_an_unknown_row_names_the_nearest():
    with pytest.raises(ConfigError, match=r"nearest: .*GBCS-CCS01-02"):
        load_register().cite("GBCS-CCS01-2")


def test_a_rig_adds_rows(tmp_path):
    file = tmp_path / "rows.json"
    file.write_text(json.dumps([ROW]))
    register = load_register([file])
    assert register["LAB-01"].strength is Strength.VENDOR
    assert register["LAB-01"].clause is None
    assert len(register) == 890


def test_rows_are_checked(tmp_path):
    file = tmp_path / "rows.json"
    wrong = [
        {**ROW, "strength": "strong"},
        {**ROW, "txt": "y"},
        {k: v for k, v in ROW.items() if k != "text"},
    ]
    file.write_text(json.dumps(wrong))
    with pytest.raises(ConfigError) as caught:
        load_register([file])
    text = caught.value.cause
    assert 'rows.0.strength = "strong"' in text
    assert "rows.1.txt: no such key, did you mean text?" in text
    assert "rows.2.text: is missing; allowed: the obligation in your own words" in text
    file.write_text(json.dumps([ROW, ROW, {**ROW, "id": "GBCS-CCS01-02"}]))
    with pytest.raises(ConfigError, match=r"1.id.*this id is taken\n.*2.id.*taken"):
        load_register([file])
    file.write_text("[")
    with pytest.raises(ConfigError, match="cannot be read as JSON"):
        load_register([file])


def test_rights_of_the_rows_are_those_of_the_catalogue():
    """Sweeps take roles and protection from the catalogue; the rows say the same in words."""
    catalogue = load_catalogue()
    form = re.compile(
        r"only (.+?) may perform it on (.+?); the command is (critical|non-critical), .*?(not )?protected"
    )
    names = {"Supplier", "Access Control Broker", "Network Operator", "Load Controller"}
    rows = [row for row in load_register().values() if row.kind == "generated-use-case"]
    assert len(rows) == 160
    for row in rows:
        use_case = catalogue[row.id.removeprefix("GBCS-UC-")]
        found = form.search(row.text)
        assert found is not None, row.text
        roles = {name.lower().replace(" ", "_") for name in found[1].split(", ") if name in names}
        assert set(use_case.roles) == roles, row.id
        assert use_case.critical == (found[3] == "critical"), row.id
        assert use_case.replay_protected == (found[4] is None), row.id
        assert use_case.supplier_only_on == (["gsme"] if "GSME (Supplier only)" in row.text else []), row.id
