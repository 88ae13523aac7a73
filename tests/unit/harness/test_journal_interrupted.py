"""Ctrl-C in the middle of a record: the record is there or it is not, and the next one follows it."""

from __future__ import annotations

from contextlib import suppress

import pytest

from hil.journal import Journal
from hil.journal_reader import JournalReader


class Interrupting:
    """A connection that is interrupted at its n-th statement, before or after it is carried out."""

    def __init__(self, connection, number, *, after):
        self._connection = connection
        self._left = number
        self._after = after

    @property
    def in_transaction(self):
        return self._connection.in_transaction

    def execute(self, *arguments):
        self._left -= 1
        if self._left == 0 and not self._after:
            raise KeyboardInterrupt
        found = self._connection.execute(*arguments)
        if self._left == 0:
            raise KeyboardInterrupt
        return found


@pytest.mark.parametrize("reproducible", [False, True])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_an_interrupted_record_is_whole_or_absent(tmp_path, number, after, reproducible):
    path = tmp_path / "journal.sqlite"
    with Journal.open(path, reproducible=reproducible) as journal:
        journal.append("before")
        connection = journal._connection
        journal._connection = Interrupting(connection, number, after=after)
        with suppress(KeyboardInterrupt):
            journal.append("during", body={"volatile": {"host": "h"}}, attachment=b"octets")
        journal._connection = connection
        journal.append("after", body={"volatile": {"host": "h"}})
    with JournalReader(path) as reader:
        assert reader.verify().ok
        kinds = [record.kind for record in reader.records()]
    assert kinds in (["before", "after", "journal.closed"], ["before", "during", "after", "journal.closed"])
