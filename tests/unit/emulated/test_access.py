"""The access matrix: every use case of the catalogue by every remote party role, on every device type.

Where no public source says who may send a use case, the catalogue infers it from its siblings: those rows are
tested by a test of their own, so that a report tells them apart.
"""

from __future__ import annotations

from functools import cache

import pytest

from fixtures.generated_commands import PARTIES, GeneratedBench, use_cases_of
from protocols.gbcs.asn1.types import RemotePartyRole
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.message import parse_message
from rigs.emulated.event_rules import EventCode

_TYPES = ("esme", "gsme", "chf", "gpf", "ppmid", "hcalcs", "sapc")
_CATALOGUE = load_catalogue()
# What a refusal may leave behind: log entries, how many there were, and the counter of the alert about it.
_TRACES = frozenset(("log", "log.event", "log.security"))
_COUNTER = ("device", "counter")
# Credentials are replaced by mode: who may send which is in the table of modes (test_credentials.py).
_BY_MODE = frozenset(("CS02b", "CS02g"))


def _cases(*, inferred: bool) -> list:
    return [
        pytest.param(kind, code, role, id=f"{kind}-{code}-{role}")
        for kind in _TYPES
        for code in use_cases_of(kind)
        if ("roles" in _CATALOGUE[code].inferred) == inferred and code not in _BY_MODE
        for role in PARTIES
    ]


@cache
def _bench(kind: str, code: str) -> GeneratedBench:
    return GeneratedBench(kind)


def _check(kind: str, code: str, role: str) -> None:
    bench = _bench(kind, code)
    octets = bench.command(code, role)
    before = bench.storage.dump()
    logged = len(bench.device.events.entries("security"))
    sent = bench.send(octets)
    response = next((each for each in sent if each.kind == "response"), None)
    events = [entry.code for entry in bench.device.events.entries("security")][logged:]
    allowed = {str(each).lower() for each in _names(bench, code)}
    if role in allowed:
        assert response is not None, (events, code)
        assert EventCode.NO_AUTHORITY not in events
        assert response.header.message_code == parse_message(octets).header.message_code
        return
    assert response is None
    assert events == [EventCode.NO_AUTHORITY]
    after = bench.storage.dump()
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert {key for key in changed if key[0] not in _TRACES} <= {_COUNTER}


def _names(bench: GeneratedBench, code: str) -> list[str]:
    roles = bench.device.authorised_roles(_CATALOGUE[code])
    return [RemotePartyRole(role).name for role in roles]


@pytest.mark.parametrize(("kind", "code", "role"), _cases(inferred=False))
def test_access(kind, code, role):
    _check(kind, code, role)


@pytest.mark.parametrize(("kind", "code", "role"), _cases(inferred=True))
def test_access_as_inferred(kind, code, role):
    _check(kind, code, role)


def test_authority_is_the_catalogues():
    for kind in _TYPES:
        for code in use_cases_of(kind):
            granted = {name.lower() for name in _names(_bench(kind, code), code)}
            assert granted == set(_CATALOGUE[code].roles_on(kind)) - {"other"}, (kind, code)
