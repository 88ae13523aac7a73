"""Names of roles and devices are the same wherever they stand."""

from __future__ import annotations

from protocols.gbcs.asn1.types import DeviceType, RemotePartyRole
from protocols.gbcs.catalogue import load_catalogue
from protocols.parties import DEVICES, ROLES
from protocols.smki.hierarchy import NAMED_PARTIES


def test_roles_are_those_of_certificates():
    # An issuing authority signs certificates and sends nothing.
    assert {each.name.lower() for each in RemotePartyRole} - {"issuing_authority"} == ROLES
    assert {role.name.lower() for _, role in NAMED_PARTIES.values()} <= ROLES


def test_device_types_are_those_of_device_logs():
    assert {each.name.lower() for each in DeviceType} - {"type_2"} <= DEVICES


def test_the_catalogue_has_no_others():
    for use_case in load_catalogue():
        assert set(use_case.roles) <= ROLES | {"han_device"}
        assert set(use_case.devices) <= DEVICES
