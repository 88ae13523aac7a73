"""The memory without a file against the one in SQLite: whatever is done, both hold the same."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rigs.emulated.memory_storage import MemoryStorage
from rigs.emulated.storage import Storage

NAMES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=3
) | st.sampled_from("abcä\uffff\U0001f600")
WRITES = st.one_of(
    st.tuples(st.just("put"), NAMES, NAMES, st.binary(max_size=4)),
    st.tuples(st.just("delete"), NAMES, NAMES),
    st.tuples(st.just("json"), NAMES, NAMES, st.integers() | st.lists(st.none() | st.booleans(), max_size=2)),
)
SAVEPOINTS = st.recursive(
    WRITES,
    lambda inner: st.tuples(st.just("savepoint"), st.booleans(), st.lists(inner, max_size=5)),
    max_leaves=12,
)
TRANSACTIONS = st.lists(st.tuples(st.booleans(), st.lists(SAVEPOINTS, max_size=8)), max_size=4)


class _WorkError(Exception):
    """What goes wrong in the middle."""


def _do(storage, action):
    match action:
        case ("put", section, key, value):
            storage.put(section, key, value)
        case ("delete", section, key):
            storage.delete(section, key)
        case ("json", section, key, value):
            storage.put_json(section, key, value)
        case ("savepoint", fails, inner):
            with suppress(_WorkError), storage.savepoint():
                for each in inner:
                    _do(storage, each)
                if fails:
                    raise _WorkError


def _state(storage, sections):
    return storage.dump(), list(storage.dump()), {each: storage.items(each) for each in sections}


@settings(max_examples=200, deadline=None)
@given(TRANSACTIONS)
def test_whatever_is_done_both_hold_the_same(transactions):
    oracle, memory = Storage(":memory:"), MemoryStorage()
    for fails, actions in transactions:
        for storage in (oracle, memory):
            with suppress(_WorkError), storage.transaction():
                for action in actions:
                    _do(storage, action)
                inside = storage.dump()
                if fails:
                    raise _WorkError
            assert not storage.in_transaction
        sections = {section for section, _key in inside}
        assert _state(memory, sections) == _state(oracle, sections)
        for section, key in inside:
            assert memory.get(section, key) == oracle.get(section, key)
        assert MemoryStorage(memory.dump()).dump() == oracle.dump()
    oracle.close()


def test_writing_needs_a_transaction_and_they_do_not_nest():
    storage = MemoryStorage()
    for write in (lambda: storage.put("a", "b", b""), lambda: storage.delete("a", "b")):
        with pytest.raises(RuntimeError):
            write()
    with pytest.raises(RuntimeError), storage.savepoint():
        pass
    with storage.transaction():
        assert storage.in_transaction
        with pytest.raises(RuntimeError), storage.transaction():
            pass


def test_what_is_kept_is_octets_of_its_own():
    storage, value = MemoryStorage(), bytearray(b"abc")
    with storage.transaction():
        storage.put("a", "b", value)
    value[0] = 0
    assert storage.get("a", "b") == b"abc"
    held = storage.get_json("a", "none", [])
    held.append(1)
    assert storage.get_json("a", "none", []) == []


def test_closing_forgets_nothing():
    storage = MemoryStorage({("a", "b"): b"c"})
    storage.close()
    storage.close()
    assert storage.get("a", "b") == b"c"
