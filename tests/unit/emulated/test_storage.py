from __future__ import annotations

import sqlite3

import pytest

from fixtures.emulated_devices import DeviceBench
from protocols.ports import BenchError, ConfigError
from rigs.emulated.storage import Storage


def test_values_come_back_and_are_ordered_by_key():
    storage = Storage(":memory:")
    with storage.transaction():
        storage.put("log", "2", b"b")
        storage.put("log", "1", b"a")
        storage.put("log", "2", b"c")
        storage.put_json("other", "x", {"y": [1, None]})
    assert storage.items("log") == [("1", b"a"), ("2", b"c")]
    assert storage.get("log", "3") is None
    assert storage.get_json("other", "x") == {"y": [1, None]}
    with storage.transaction():
        storage.delete("log", "1")
        storage.delete("log", "1")
    assert storage.items("log") == [("2", b"c")]


def test_a_transaction_that_raises_leaves_nothing(tmp_path):
    storage = Storage(tmp_path / "device.db")
    with storage.transaction():
        storage.put("a", "1", b"kept")

    def work() -> None:
        with storage.transaction():
            storage.put("a", "1", b"lost")
            storage.put("a", "2", b"lost")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert storage.dump() == {("a", "1"): b"kept"}
    storage.close()
    assert Storage(tmp_path / "device.db").dump() == {("a", "1"): b"kept"}


def test_a_part_of_a_transaction_can_be_undone():
    storage = Storage(":memory:")

    def part() -> None:
        with storage.savepoint():
            storage.put("a", "2", b"undone")
            raise ZeroDivisionError

    with storage.transaction():
        storage.put("a", "1", b"kept")
        with pytest.raises(ZeroDivisionError):
            part()
        with storage.savepoint():
            storage.put("a", "3", b"kept")
    assert [key for _section, key in storage.dump()] == ["1", "3"]


def test_writing_needs_a_transaction_and_they_do_not_nest():
    storage = Storage(":memory:")
    with pytest.raises(RuntimeError):
        storage.put("a", "b", b"")
    with storage.transaction(), pytest.raises(RuntimeError), storage.transaction():
        pass


def test_a_file_that_is_something_else(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("not a database, however long this text may be" * 50)
    with pytest.raises(BenchError, match=r"notes\.txt"):
        Storage(path)
    other = tmp_path / "later.db"
    connection = sqlite3.connect(other)
    connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(BenchError, match="layout 99"):
        Storage(other)


def test_memory_of_another_device(tmp_path):
    bench = DeviceBench("esme", path=str(tmp_path / "device.db"))
    bench.storage.close()
    with pytest.raises(ConfigError, match="00-DB-12-34-56-78-90-A0"):
        DeviceBench("gsme", path=bench.path)


def test_writes_reach_the_disk_before_the_transaction_ends(tmp_path):
    """FULL and WAL: what a power cut leaves is what the last transaction left."""
    storage = Storage(tmp_path / "device.db")
    assert storage._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert storage._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
